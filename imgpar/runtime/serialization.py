"""Plain data: messages of a worker, and what it leaves in shared memory, as bytes that can hold values only.

A worker decodes untrusted files, so its bytes are not trusted: unpickling them could run code in the reader.
They are MessagePack, decoded into the declared types of the fields; anything else is rejected. A new field of
a named tuple or dataclass needs no code here if it is a number, a text, bytes or a tuple of these.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from imgpar.core.blocks import Block
from imgpar.core.errors import TransformError
from imgpar.runtime.protocol import (
    Advanced,
    Done,
    Dropped,
    Failed,
    Files,
    Garbled,
    Need,
    NoMemory,
    Offer,
    Recall,
    Sliced,
    ToParent,
)

Value = TypeVar("Value")

KINDS: tuple[type[Any], ...] = (Need, NoMemory, Dropped, Offer, Advanced, Recall, Done, Failed, Files, Sliced)
"""The first byte of a message is twice the index into this tuple, plus one if its texts are escaped."""
_NUMBER = {kind: 2 * number for number, kind in enumerate(KINDS)}


def pack(value: Any) -> bytes:
    """Encode a value of declared types."""
    return _pack(value, 0)


def unpack(data: bytes, kind: type[Value]) -> Value:
    """Decode a value that another worker has encoded.

    Raises:
        TransformError: the data is not a value of this type.
    """
    try:
        if data[:1] not in (b"\0", b"\1"):
            raise ValueError("it is not plain data")
        return _unpack(data, kind)
    except ValueError as error:
        raise TransformError(
            f"The intermediate data of this file cannot be read ({error}).", fix="Run again."
        ) from None


def pack_message(message: ToParent) -> bytes:
    """Encode a message of a worker."""
    return _pack(message, _NUMBER[type(message)])


def unpack_message(data: bytes) -> ToParent | Garbled:
    """Decode a message from untrusted bytes."""
    if not data or data[0] >= 2 * len(KINDS):
        return Garbled("sent a message of an unknown kind")
    kind = KINDS[data[0] // 2]
    try:
        message: ToParent = _unpack(data, kind)
    except ValueError as error:
        return Garbled(f"sent a {kind.__name__} that cannot be read ({error})")
    return message


def _pack(value: Any, number: int) -> bytes:
    try:
        return bytes((number,)) + _encoder.encode(value)
    except UnicodeEncodeError:  # a name that is not UTF-8, which Python stores as lone surrogates
        basic = msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=_parts)
        return bytes((number + 1,)) + _encoder.encode(_mapped(basic, _escaped))


def _unpack(data: bytes, kind: type[Value]) -> Value:
    try:
        value: Value = _decoder(kind).decode(memoryview(data)[1:])
        if data[0] & 1:
            basic = msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=_parts)
            basic = _mapped(basic, _unescaped)
            value = msgspec.convert(basic, kind, builtin_types=(bytes,), dec_hook=_whole)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(str(error)[:200]) from None
    return value


def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    if (found := _decoders.get(kind)) is None:
        found = _decoders[kind] = msgspec.msgpack.Decoder(kind, dec_hook=_whole)
    return found


def _parts(value: Any) -> tuple[int, int] | bytes:
    if isinstance(value, Fraction):
        return value.as_integer_ratio()
    if isinstance(value, Block):
        return bytes(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def _whole(kind: type[Any], value: Any) -> Any:
    if kind is Fraction:
        return Fraction(*msgspec.convert(value, tuple[int, int]))
    if issubclass(kind, Block):
        return kind(msgspec.convert(value, bytes))
    raise ValueError(f"{kind} is not plain data")


def _mapped(value: Any, change: Any) -> Any:
    """The same tuples, lists and dictionaries with `change` applied to every text."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_mapped(part, change) for part in value]
    if isinstance(value, dict):
        return {_mapped(key, change): _mapped(part, change) for key, part in value.items()}
    return value


def _escaped(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _unescaped(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogatepass")


_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
_encoder = msgspec.msgpack.Encoder(enc_hook=_parts)
