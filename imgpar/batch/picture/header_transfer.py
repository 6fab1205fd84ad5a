"""The header of a picture, serialized for the worker that encodes it."""

from __future__ import annotations

from typing import Any

from imgpar.core.spec import Header
from imgpar.runtime.serialization import pack, unpack


def pack_header(header: Header) -> bytes:
    """Serialize a header, without details that only the decoder uses."""
    detail = {name: fact for name, fact in header.detail.items() if _simple(fact)}
    return pack(header._replace(detail=detail))


def unpack_header(data: bytes) -> Header:
    """The header that `pack_header` serialized; raises TransformError."""
    header = unpack(data, Header)
    facts = header.detail.items()
    return header._replace(
        detail={name: tuple(fact) if isinstance(fact, list) else fact for name, fact in facts}
    )


def _simple(fact: Any) -> bool:
    if type(fact) is tuple and len(fact) <= 4:  # longer tuples, such as all page numbers, are for the decoder
        return all(isinstance(part, int | float) for part in fact)
    return isinstance(fact, bool | int | float | str)
