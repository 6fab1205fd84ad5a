"""An open file in a store, of which only the parts that are read are fetched."""

from __future__ import annotations

import io
import os

from imgpar.inputs.stores.client import Client, StoredFile

FIRST, LARGEST = 1 << 16, 1 << 22
"""Bytes of the first request, and the most of one while a file is read in order."""


class StoreFile(io.RawIOBase):
    """A binary file that can seek. Reads raise OSError, also where the content was changed meanwhile.

    Args:
        client: of the store.
        path: in the store.
        found: what lies there.
    """

    def __init__(self, client: Client, path: str, found: StoredFile) -> None:
        super().__init__()
        self._client, self._path, self._found = client, path, found
        self._at = self._start = 0
        self._step, self._block = FIRST, b""

    def readable(self) -> bool:
        """As of any file."""
        return True

    def seekable(self) -> bool:
        """As of any file."""
        return True

    def tell(self) -> int:
        """As of any file."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        self._at = max(0, (0, self._at, self._found.size)[whence] + offset)
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """As of any file."""
        if self._at >= self._found.size:
            return 0
        inside = self._at - self._start
        if not 0 <= inside < len(self._block):
            follows = self._at == self._start + len(self._block)
            self._step = min(self._step * 2, LARGEST) if follows and self._at else FIRST
            end = min(self._at + max(self._step, len(buffer)), self._found.size)
            self._block = self._client.read(self._path, self._at, end, self._found)
            self._start, inside = self._at, 0
        part = self._block[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
