"""A picture that a worker has encoded for its caller, and the format that it gets."""

from __future__ import annotations

from typing import NamedTuple

from imgpar.core.errors import DamagedError, UnknownFormatError
from imgpar.formats.registry import Format, find_format, format_of_suffix, sniff


class EncodedFile(NamedTuple):
    """The answer of a worker: what `Encoded` says of the file that it has written."""

    format: str
    width: int
    height: int
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float


def target_format(to: tuple[str, ...], data: bytes | memoryview, name: str) -> Format:
    """The format of the output: the one that is named, or that of the input.

    Raises:
        UnknownFormatError: none is named, and that of the input is unknown.
        DamagedError: the input is empty.
    """
    if not len(data):
        raise DamagedError("It is empty (0 bytes).")
    found = find_format(to[0]) if to else sniff(bytes(data[:64])) or format_of_suffix(name)
    if found is None:
        raise UnknownFormatError("Its content is not of a known picture format.")
    return found
