"""Appends pages to a TIFF: each is a TIFF of one page by `tiff.writer`, whose strips are taken over.

    first page as it is | strips and directory of page 2 | strips and directory of page 3 | …

Only one page is in memory. Directories of EXIF and GPS are copied too; maker notes are not, whose offsets
refer to the file in which they were.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from typing import IO

import numpy as np

from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.metadata import exif
from imgpar.formats.tiff.compression import DEFLATE
from imgpar.formats.tiff.writer import LONG, SHORT, Tags, directory_values, write_directory

_STRIPS, _LENGTHS, _COMPRESSION, _BITS = 273, 279, 259, 258
_SUBFILE, _NUMBER, _MAKER_NOTE = 254, 297, 37500
_ITEMS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
"""Bytes of the numbers of a type; 1 for others."""
_LARGEST = 1 << 32


class TiffAppender:
    """Writes a TIFF page by page.

    Args:
        file: empty, open for reading and writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._order, self._link = "<", 0
        self.pages = 0
        """Number of pages so far."""
        self.lost: tuple[str, ...] = ()

    def add_page(self, page: memoryview) -> None:
        """Add a page.

        Args:
            page: a TIFF of one page by `tiff.writer`.

        Raises:
            EncodeError: the file would be larger than 4 GiB.
        """
        if self._file.tell() + len(page) + (1 << 20) >= _LARGEST:
            raise EncodeError(
                f"With page {self.pages + 1} the TIFF would be larger than 4 GiB.",
                fix="Make several files, or choose .pdf.",
            )
        found = exif.leading_ifd(page)
        if found is None:
            raise EncodeError(f"Page {self.pages + 1} could not be encoded.")
        if not self.pages:
            self._order, self._link = exif.byte_order(page), found.next_at
            self._file.write(page)
        else:
            self._append(page, found)
        self.pages += 1

    def finish(self) -> None:
        """Write what is buffered."""
        self._file.flush()

    def check(self, path: str) -> None:
        """Raise EncodeError where the file does not have all pages."""
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            view = memoryview(data)
            try:
                limits = Limits(max_pixels=1 << 62, max_frames=1 << 30, memory=1 << 62, pages="1")
                total = codec.read_header(view, os.path.basename(path), limits).total
            finally:
                view.release()
        if total != self.pages:
            raise EncodeError(f"{total} of {self.pages} pages are in the new document.")

    def _append(self, page: memoryview, found: exif.Ifd) -> None:
        order, start = exif.byte_order(page), self._file.tell()
        out = _Tail(start)
        out += bytes(start % 2)
        tags = self._tags(page, found, order, out)
        lengths, offsets = list[int](), list[int]()
        for strip in self._strips(page, found, order):
            offsets.append(len(out))
            lengths.append(len(strip))
            out += strip
        tags[_STRIPS] = directory_values(self._order, LONG, *offsets)
        tags[_LENGTHS] = directory_values(self._order, LONG, *lengths)
        tags[_SUBFILE] = directory_values(self._order, LONG, 2)
        tags[_NUMBER] = directory_values(self._order, SHORT, min(self.pages, 65535), 0)
        out += bytes(len(out) % 2)
        at = len(out)
        link = write_directory(out, tags, self._order)
        self._file.write(out.data)
        end = self._file.tell()
        self._file.seek(self._link)
        self._file.write(struct.pack(self._order + "I", at))
        self._file.seek(end)
        self._link = link

    def _tags(self, page: memoryview, found: exif.Ifd, order: str, out: _Tail) -> Tags:
        """The entries of a directory; those that it points to are appended."""
        tags: Tags = {}
        for entry in found.entries.values():
            if entry.tag == _MAKER_NOTE:
                self.lost = ("maker note",)
                continue
            value = bytes(page[entry.value_at : entry.value_at + entry.nbytes])
            if entry.tag in (exif.EXIF_IFD, exif.GPS_IFD, exif.INTEROP_IFD):
                inner = exif.read_ifd(page, exif.unpack(page, "I", entry.value_at))
                if inner is None or inner.at == found.at:
                    continue
                inside = self._tags(page, inner, order, out)
                out += bytes(len(out) % 2)
                tags[entry.tag] = directory_values(self._order, LONG, len(out))
                write_directory(out, inside, self._order)
            else:
                size = _ITEMS.get(entry.kind, 1)
                value = value if order == self._order else _swapped(value, size)
                tags[entry.tag] = (entry.kind, entry.number, value)
        return tags

    def _strips(self, page: memoryview, found: exif.Ifd, order: str) -> Sequence[bytes | memoryview]:
        offsets = exif.get_numbers(page, found, _STRIPS)
        lengths = exif.get_numbers(page, found, _LENGTHS)
        strips = [page[at : at + length] for at, length in zip(offsets, lengths, strict=True)]
        wide = max(exif.get_numbers(page, found, _BITS), default=1) == 16
        if not wide or order == self._order:
            return strips
        if exif.get_number(page, found, _COMPRESSION) != DEFLATE:
            raise EncodeError(f"Page {self.pages + 1} has another byte order than the first one.")
        return [zlib.compress(_swapped(zlib.decompress(strip), 2)) for strip in strips]


class _Tail:
    """What is appended to a file; its length is the offset in the file."""

    def __init__(self, start: int) -> None:
        self._start, self.data = start, bytearray()

    def __len__(self) -> int:
        return self._start + len(self.data)

    def __iadd__(self, data: bytes | bytearray | memoryview) -> _Tail:
        self.data += data
        return self


def _swapped(data: bytes, size: int) -> bytes:
    """Numbers of `size` bytes in the other byte order."""
    return data if size == 1 else np.frombuffer(data, f"u{size}").byteswap().tobytes()
