"""A PDF of pictures: one page each, in order, by PDFium.

The pages are JPEG. Their bytes go into a temporary file, from which PDFium copies them when it saves the
document: neither pixels nor files of more than one page are in memory."""

from __future__ import annotations

import io
import re
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from imgpar.batch.gather.items import Fit, ItemRemarks
from imgpar.core.errors import EncodeError
from imgpar.core.job import OutputFile
from imgpar.formats.base import require
from imgpar.formats.registry import FORMATS

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

DENSITY = 150.0
"""Dots per inch of a picture that does not say; the same at which pages of a PDF are read."""
POINTS = 72
_HEAD, _TRAILER = 4 << 20, 4 << 10
"""Bytes at the start and at the end of a document among which its date and its identifier lie."""


def make_document(making: Making) -> OutputFile:
    """Write one page per item. The bytes of a JPEG that nothing changes are taken over.

    Raises:
        MissingExtraError: PDFium is not installed.
        ItemError: an item cannot be read, or the document cannot be written.
    """
    pdfium = require(FORMATS["pdf"])
    document = pdfium.PdfDocument.new()
    first, digest = (0, 0), sha256()
    try:
        with TemporaryFile(buffering=0) as spool:
            for _, frame, remarks in making.frames.rest(Fit(page=True)):
                making.remarks.add(remarks)
                with making.clock.during("encode"):
                    digest.update(frame.array)
                    start = spool.seek(0, io.SEEK_END)
                    spool.write(frame.array)
                    _add_page(pdfium, document, _Part(spool, start, frame.spec.nbytes), remarks)
                first = first if any(first) else remarks.shown
            if not len(document):
                raise EncodeError("A document needs a page.")
            with making.begin() as half:
                with making.clock.during("encode"), open(half.path, "r+b") as file:
                    document.save(file)
                    _make_reproducible(file, digest.hexdigest()[:32].upper())
                _check_pages(pdfium, half.path, len(document))
                return making.commit_half(half, first)
    finally:
        document.close()


def _add_page(pdfium: Any, document: Any, jpeg: _Part, remarks: ItemRemarks) -> None:
    across, down = remarks.dpi or (DENSITY, DENSITY)
    width, height = remarks.shown[0] * POINTS / across, remarks.shown[1] * POINTS / down
    image = pdfium.PdfImage.new(document)
    image.load_jpeg(jpeg, autoclose=False)
    image.set_matrix(pdfium.PdfMatrix().scale(width, height))
    page = document.new_page(width, height)
    page.insert_obj(image)
    page.gen_content()
    page.close()


def _make_reproducible(file: IO[bytes], name: str) -> None:
    """Replace the time and the random identifier that PDFium writes, so that equal inputs give equal bytes.

    Args:
        file: the document.
        name: 32 hexadecimal digits.
    """
    file.seek(0)
    head = file.read(_HEAD)
    if match := re.search(rb"/CreationDate\([^)]*\)", head):
        file.seek(match.start())
        file.write(b" " * len(match[0]))
    start = max(0, file.seek(0, io.SEEK_END) - _TRAILER)
    file.seek(start)
    if match := re.search(rb"/ID\s*\[<[0-9A-F]{32}><[0-9A-F]{32}>\]", file.read()):
        file.seek(start + match.start())
        file.write(re.sub(rb"[0-9A-F]{32}", name.encode(), match[0]))


def _check_pages(pdfium: Any, path: str, count: int) -> None:
    """Raise EncodeError where pages are missing in the file."""
    written = pdfium.PdfDocument(path)
    try:
        if len(written) != count:
            raise EncodeError(f"{len(written)} of {count} pages are in the new document.")
    finally:
        written.close()


class _Part(io.RawIOBase):
    """A part of a file, as a file that is read only."""

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        self._file, self._start, self._length, self._at = file, start, length, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, as `io.RawIOBase.seek`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as `io.RawIOBase.readinto`."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._length - self._at))
        self._file.seek(self._start + self._at)
        view[:count] = self._file.read(count)
        self._at += count
        return count
