"""A file on a server, whose blocks are fetched when they are read, so that a header costs a header."""

from __future__ import annotations

import io
import os
import tempfile
import time
from typing import IO

from imgpar.core.errors import SourceError, TryAgainError
from imgpar.inputs.fetching import FetchOptions, Ongoing, transfer_too_large
from imgpar.inputs.http.client import Answer, WebClient, web_client
from imgpar.inputs.http.fetch import content_range, strong_validator, with_retries

BLOCK, LARGEST = 1 << 16, 1 << 22
"""Bytes of the first request, and the most of one while the file is read in order."""
IN_MEMORY = 1 << 23
"""Bytes of a whole content that are kept in memory; more go to a temporary file."""


def open_url(url: str, options: FetchOptions, client: WebClient | None = None) -> IO[bytes]:
    """An open binary file with the content of an address, which can seek.

    Where the server knows ranges, only the blocks that are read are fetched; else all at once.

    Raises:
        SourceError, LockedError, LimitError: it cannot be read; also raised by reads.
    """
    file = RangedFile(url, options, client or web_client(options))
    file.begin()
    return io.BufferedReader(file, BLOCK)


class RangedFile(io.RawIOBase):
    """See `open_url`."""

    def __init__(self, url: str, options: FetchOptions, client: WebClient) -> None:
        super().__init__()
        self._url, self._options, self._client = url, options, client
        self._size = self._at = self._start = 0
        self._block = b""
        """The content from `_start` on that is here."""
        self._step = BLOCK
        self._part = ""
        self._whole: IO[bytes] | None = None

    def begin(self) -> None:
        """Fetch the first block, which says how long the file is."""
        self._fetch(0, BLOCK)

    @property
    def size(self) -> int:
        """Of the content in bytes."""
        return self._size

    @property
    def by_ranges(self) -> bool:
        """Whether the server knows ranges."""
        return self._whole is None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        if self._whole is not None:
            self._whole.seek(self._at)
            block = self._whole.read(wanted)
        else:
            block = self._read(wanted)
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)

    def close(self) -> None:
        if self._whole is not None:
            self._whole.close()
        super().close()

    def _read(self, wanted: int) -> bytes:
        offset = self._at - self._start
        if not 0 <= offset < len(self._block):
            follows = self._at == self._start + len(self._block)
            self._step = min(self._step * 2, LARGEST) if follows else BLOCK
            self._fetch(self._at, max(self._step, min(wanted, LARGEST)))
            if self._whole is not None:
                self._whole.seek(self._at)
                return self._whole.read(wanted)
            offset = self._at - self._start
        return self._block[offset : offset + wanted]

    def _fetch(self, start: int, count: int) -> None:
        deadline = time.monotonic() + self._options.timeout
        attempt = 0
        while True:
            try:
                return self._attempt(start, count, deadline)
            except TryAgainError as error:
                time.sleep(with_retries(error, attempt, self._options, deadline, self._client))
                attempt += 1

    def _attempt(self, start: int, count: int, deadline: float) -> None:
        headers = {"Range": f"bytes={start}-{start + count - 1}"}
        if self._part:
            headers["If-Range"] = self._part
        with self._client.get(self._url, headers, Ongoing(), deadline) as answer:
            if answer.status == 206:
                self._take(answer, start)
            elif answer.status == 200 and not self._size:
                self._take_whole(answer)
            elif answer.status == 416 and not self._size:
                self._block = b""  # an empty file
            else:
                raise SourceError("It changed while it was read.", fix="Run again.")

    def _take(self, answer: Answer, start: int) -> None:
        found = content_range(answer)
        if found is None or found[0] != start or not start <= found[1] < min(found[2], start + LARGEST):
            raise TryAgainError("The server sent another part than that asked for.")
        if self._size and found[2] != self._size:
            raise SourceError("It changed while it was read.", fix="Run again.")
        part = strong_validator(answer)
        if self._part and part != self._part:
            raise SourceError("It changed while it was read.", fix="Run again.")
        block = _part_of(answer, found[1] - found[0] + 1)
        self._size, self._part, self._start, self._block = found[2], part, start, block

    def _take_whole(self, answer: Answer) -> None:
        whole: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        size = 0
        try:
            for block in answer.blocks():
                size += len(block)
                if size > self._options.most_bytes:
                    raise transfer_too_large(self._options)
                whole.write(block)
        except BaseException:
            whole.close()
            raise
        self._whole, self._size = whole, size


def _part_of(answer: Answer, size: int) -> bytes:
    """The body of a part with a size in bytes; no more of it is read.

    Raises:
        TryAgainError: it has another size.
    """
    part = bytearray()
    for block in answer.blocks():
        part += block
        if len(part) > size:
            raise TryAgainError("The server sent more than it had announced.", fix="Try again later.")
    if len(part) < size:
        raise TryAgainError("The server sent less than it had announced.", fix="Try again later.")
    return bytes(part)
