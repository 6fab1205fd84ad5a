"""A document of pictures: one page each, in order. A PDF, or a TIFF.

Each page is encoded by whoever reads the item, and written when its turn comes: neither pixels nor files of
more than one page are in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgpar.batch.gather.items import Fit, ItemRemarks
from imgpar.batch.gather.pdf_writer import PdfWriter, Placing, check_pages
from imgpar.core.job import OutputFile
from imgpar.formats.base import require
from imgpar.formats.registry import FORMATS
from imgpar.outputs.commit import writing
from imgpar.pixels.page_sizes import POINTS, PageSize

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

DENSITY = 150.0
"""Dots per inch of a picture that does not say; the same at which pages of a PDF are read."""


def make_document(making: Making) -> OutputFile:
    """Write one page per item, and per page of an item. In a PDF the bytes of a JPEG that nothing changes are
    taken over.

    Raises:
        MissingExtraError: PDFium is not installed, with which a new PDF is checked.
        ItemError: an item cannot be read, or the document cannot be written.
    """
    return _pdf(making) if making.target.format == "pdf" else _tiff(making)


def _pdf(making: Making) -> OutputFile:
    require(FORMATS["pdf"])
    first = (0, 0)
    with making.begin() as half:
        with open(half.path, "r+b") as file:
            document = PdfWriter(file, making.run.limits)
            for _, frame, remarks in making.frames.rest(Fit(page="jpeg", pages=True)):
                making.remarks.add(remarks)
                page = _placed(
                    remarks, making.gather.page_size or PageSize(), making.gather.page_margin or 0.0
                )
                with making.clock.during("encode"), writing(making.target.path):
                    document.add_page(memoryview(frame.array).cast("B"), page)
                first = first if any(first) else remarks.shown
            with making.clock.during("encode"), writing(making.target.path):
                document.finish(making.gather.info)
        check_pages(half.path, len(document.pages))
        return making.commit_half(half, first)


def _placed(remarks: ItemRemarks, size: PageSize, margin: float) -> Placing:
    """A page, and the picture on it: at its density, or as large as fits, in the middle."""
    across, down = remarks.dpi or (DENSITY, DENSITY)
    columns, rows = remarks.shown
    width, height = columns * POINTS / across, rows * POINTS / down
    if size.fits:
        return Placing((width + 2 * margin, height + 2 * margin), margin, margin, width, height)
    page = size.turned(width, height)
    room = (max(page[0] - 2 * margin, 1.0), max(page[1] - 2 * margin, 1.0))
    scale = min(room[0] / width, room[1] / height)
    width, height = width * scale, height * scale
    return Placing(page, (page[0] - width) / 2, (page[1] - height) / 2, width, height)


def _tiff(making: Making) -> OutputFile:
    from imgpar.formats.tiff.appending import TiffAppender

    first = (0, 0)
    with making.begin() as half:
        with open(half.path, "r+b") as file:
            document = TiffAppender(file)
            for _, frame, remarks in making.frames.rest(Fit(page="tiff", pages=True)):
                making.remarks.add(remarks)
                with making.clock.during("encode"), writing(making.target.path):
                    document.add_page(memoryview(frame.array).cast("B"))
                first = first if any(first) else remarks.shown
            with making.clock.during("encode"), writing(making.target.path):
                document.finish()
        document.check(half.path)
        making.remarks.lost.update(dict.fromkeys(document.lost))
        return making.commit_half(half, first)
