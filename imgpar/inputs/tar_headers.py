"""Headers of tar archives that may be hostile. tarfile reads all of a header into memory and follows sizes
wherever they lead; here the one is bounded, and the other must lead forward."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any

LONGEST = 1 << 20
"""Bytes of a header that holds names and times of the member after it."""
_EXTENDED = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class BoundedHeader(tarfile.TarInfo):
    """A header of at most `LONGEST` bytes; a longer one raises tarfile.ReadError before it is read."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Any:
        """As of tarfile."""
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENDED and info.size > LONGEST:
            raise tarfile.ReadError(f"one of its headers has {info.size:,} bytes")
        return info


def forward(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members in their order, none of which the archive keeps in memory.

    Raises:
        tarfile.TarError: a size leads backwards, so that reading would never end, or a header is damaged.
        ValueError, OverflowError, RecursionError: as tarfile raises them for hostile headers.
    """
    while (info := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]
        if archive.offset <= info.offset or info.size < 0:
            raise tarfile.ReadError(f"after {info.offset:,} bytes a size is negative")
        yield info
