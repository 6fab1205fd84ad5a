"""PDF through PDFium: every page is rendered on white, by default at 150 dpi."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.errors import LockedError
from imgpar.core.limits import Limits, Secret
from imgpar.core.spec import Fact, Frame, Header, Metadata, Spec
from imgpar.formats.base import check_size, chosen_pages, damaged, detail_of, refused, require
from imgpar.formats.registry import FORMATS, Format

DENSITY = 150.0
"""Dots per inch: small print is readable, an A4 page has 2.2 megapixels."""
_POINTS = 72


class PdfDetail(NamedTuple):
    """How the pages of a PDF are rendered."""

    density: float
    """In dots per inch."""
    password: Secret | None

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"density": self.density}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size of the first page, and the number of pages of exactly that size."""
    scale = (limits.density or DENSITY) / _POINTS
    document = _open(data, fmt, limits.password)
    try:
        if not len(document):
            raise damaged(fmt.title, "it has no pages", hopeless=True)
        total = len(document)
        pages = chosen_pages(limits, total)[: limits.max_frames + 1]
        width, height = _pixels(document, pages[0], scale)
        check_size(width, height, limits)
        alike = all(_pixels(document, number, scale) == (width, height) for number in pages)
    finally:
        document.close()
    density = scale * _POINTS
    return Header(
        format=fmt.name,
        spec=Spec(width, height, "RGBX"),
        frames=len(pages) if alike else 1,
        metadata=Metadata(dpi=(density, density)),
        lost=() if alike else ("pages",),
        pages=tuple(number + 1 for number in pages),
        total=total,
        numbers=tuple(pages),
        detail=PdfDetail(density, limits.password),
    )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - PDFium draws what it can in any case
) -> tuple[str, ...]:
    """Render one page per frame.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    detail = detail_of(header, PdfDetail)
    document = _open(data, FORMATS[header.format], detail.password)
    document.init_forms()  # before the first page: only then form fields are rendered
    scale = detail.density / _POINTS
    try:
        for number, frame in zip(header.numbers, frames, strict=False):
            page = document[number]
            bitmap = page.render(scale=scale, rev_byteorder=True, force_bitmap_format=_FOUR_BYTES)
            pixels = bitmap.to_numpy()
            height, width = min(pixels.shape[0], frame.spec.height), min(pixels.shape[1], frame.spec.width)
            frame.array[...] = 255
            np.copyto(frame.array[:height, :width], pixels[:height, :width])
            page.close()
    finally:
        document.close()
    return ()


_FOUR_BYTES = 3
"""PDFium's constant for four bytes per pixel without alpha."""


def _open(data: bytes | memoryview, fmt: Format, password: Secret | None) -> Any:
    pdfium = require(fmt)
    try:
        return pdfium.PdfDocument(bytes(data), password=password.text if password else None)
    except pdfium.PdfiumError as error:
        said = str(error).lower()
        if "password" in said:
            raise _locked(fmt, given=password is not None) from None
        if "security" in said:
            words = f"This {fmt.title} is encrypted with a method that PDFium does not support."
            raise LockedError(words, fix="Save it without encryption.") from None
        raise refused(fmt.title, str(error), hopeless=True) from None


def _locked(fmt: Format, *, given: bool) -> LockedError:
    if given:
        words = f"This {fmt.title} is locked, and the password is wrong."
        return LockedError(words, fix="Check the password.")
    return LockedError(
        f"This {fmt.title} is locked: it needs a password.",
        fix="Give it with --password-file FILE (password=), or in IMGPAR_PASSWORD.",
    )


def _pixels(document: Any, number: int, scale: float) -> tuple[int, int]:
    width, height = document.get_page_size(number)
    # A rounding error does not add a pixel.
    return max(ceil(width * scale - 1e-3), 1), max(ceil(height * scale - 1e-3), 1)
