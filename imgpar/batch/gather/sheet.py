"""A contact sheet: all pictures in one, or on several pages, fitted into tiles of equal size, with labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from imgpar.batch.gather.items import Fit
from imgpar.batch.gather.lossless_page import lossless_page
from imgpar.batch.gather.pdf_writer import PdfWriter, Placing, check_pages
from imgpar.batch.gather.sheet_layout import DENSITY, Layout, plan_sheet
from imgpar.batch.gather.sheet_text import SheetText, label_of
from imgpar.batch.picture import stages
from imgpar.core.job import OutputFile
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.base import require
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.outputs.commit import writing
from imgpar.pixels.page_sizes import POINTS

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

Array = np.ndarray[Any, Any]


def make_sheet(making: Making) -> OutputFile:
    """Draw all items into pictures of one sheet; only one page and a few tiles are in memory.

    Raises:
        MissingExtraError: PDFium is not installed, with which a new PDF is checked.
        ItemError: an item cannot be read, or the sheet cannot be encoded or written.
    """
    layout = plan_sheet(making.gather, len(making.task.job.items), making.target.format)
    making.check_memory(3 * layout.size[0] * layout.size[1], "The sheet")
    pages = _pages(making, layout)
    if making.target.format == "pdf":
        return _pdf(making, pages)
    if making.target.format == "tiff" and layout.places < len(making.task.job.items):
        return _tiff(making, pages)
    page = next(pages)
    for _ in pages:
        raise AssertionError("a second page")
    with making.clock.during("encode"):
        header = Header(making.target.format, page.spec)
        encoded = stages.encode([page], header, making.target.format, making.run.encode)
    return making.commit_data(encoded)


def _pages(making: Making, layout: Layout) -> Iterator[Frame]:
    """The pages: each is valid until the next one is requested."""
    width, height = layout.tile
    background, labels = making.run.encode.background, making.gather.labels
    canvas = np.empty((layout.size[1], layout.size[0], 3), np.uint8)
    text = SheetText(making.gather.font, background)
    dated = labels is not None and bool(labels.fields & {"date", "camera"})
    room = 3 * width * height
    fit = Fit(width, height, "contain", background, layout="RGB", capacity=room, clips=True, facts=dated)
    place = 0
    _clear(canvas, background, layout, making.gather.title, text)
    for shown, frame, facts in making.frames.rest(fit):
        if place == layout.places:
            yield _page(canvas, layout, place)
            _clear(canvas, background, layout, making.gather.title, text)
            place = 0
        x, y = layout.corner(place)
        canvas[y : y + height, x : x + width] = frame.array
        if labels is not None:
            label = label_of(labels, making.task.job.items[making.frames.current], facts, shown + 1)
            top = y + height + layout.label_size // 3
            text.draw(canvas, label, layout.label_size, (x, top, width, layout.label))
        making.remarks.add(facts._replace(lost=tuple(kind for kind in facts.lost if kind != "alpha")))
        place += 1
    if text.missing:
        making.remarks.notes[f"no font here has {''.join(text.missing)!r}: ? is drawn instead"] = None
    yield _page(canvas, layout, place)


def _clear(
    canvas: Array, background: tuple[int, int, int, int], layout: Layout, title: str, text: SheetText
) -> None:
    canvas[:] = background[:3]
    if title:
        width = layout.size[0] - 2 * layout.margin
        text.draw(canvas, title, layout.title_size, (layout.margin, layout.margin, width, layout.head))


def _page(canvas: Array, layout: Layout, count: int) -> Frame:
    height = layout.height(count)
    return Frame(Spec(layout.size[0], height), canvas[:height])


def _pdf(making: Making, pages: Iterator[Frame]) -> OutputFile:
    require(FORMATS["pdf"])
    first = (0, 0)
    with making.begin() as half:
        with open(half.path, "r+b") as file:
            document = PdfWriter(file, making.run.limits)
            for page in pages:
                with making.clock.during("encode"):
                    encoded = _pdf_page(page, making.run.encode)
                width, height = (side * POINTS / DENSITY for side in page.spec.size)
                border = 0.0 if making.gather.page_margin is None else making.gather.page_margin
                border = border if making.gather.page_size and making.gather.page_size.fits else 0.0
                size = (width + 2 * border, height + 2 * border)
                with making.clock.during("encode"), writing(making.target.path):
                    document.add_page(encoded.data, Placing(size, border, border, width, height))
                first = first if any(first) else page.spec.size
            with making.clock.during("encode"), writing(making.target.path):
                document.finish(making.gather.info)
        check_pages(half.path, len(document.pages))
        return making.commit_half(half, first)


def _pdf_page(page: Frame, options: EncodeOptions) -> stages.EncodedOutput:
    if options.lossless:
        return lossless_page(page, options, few_colours=False)
    return stages.encode([page], Header("jpeg", page.spec), "jpeg", options)


def _tiff(making: Making, pages: Iterator[Frame]) -> OutputFile:
    from imgpar.formats.tiff.appending import TiffAppender

    first = (0, 0)
    with making.begin() as half:
        with open(half.path, "r+b") as file:
            document = TiffAppender(file)
            for page in pages:
                with making.clock.during("encode"):
                    header = Header("tiff", page.spec, metadata=Metadata())
                    encoded = stages.encode([page], header, "tiff", making.run.encode)
                with making.clock.during("encode"), writing(making.target.path):
                    document.add_page(memoryview(encoded.data))
                first = first if any(first) else page.spec.size
            with making.clock.during("encode"), writing(making.target.path):
                document.finish()
        document.check(half.path)
        return making.commit_half(half, first)
