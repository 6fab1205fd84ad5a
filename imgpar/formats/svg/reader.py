"""SVG through resvg: rendered once, at its own size, on a transparent canvas.

No other file is read: see `sanitise`.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from imgpar.core import fonts
from imgpar.core.errors import UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Spec
from imgpar.formats.base import check_size, require
from imgpar.formats.registry import FORMATS, Format
from imgpar.formats.svg.sanitise import Drawing, read_drawing

_UNITS = {
    "": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "em": 16.0, "ex": 8.0,
    "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6,
}  # fmt: skip
_LENGTH = re.compile(r"([\d.]++(?:e[+-]?\d++)?)\s*+([a-z%]*+)", re.IGNORECASE)
_STACK = 64 << 20
"""Bytes of stack; resvg needs about 32 KiB per nesting level."""
_HUGE = 1e9
"""CSS pixels: more than any limit."""
_NAMED = 20
"""Maximum number of missing characters that are listed."""
_LONGEST = 100
"""Maximum characters of a length."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """The size in CSS pixels, from width and height or from the view box."""
    require(fmt)
    drawing = read_drawing(data)
    width, height = _size(drawing.root)
    scale = limits.density / 96 if limits.density else 1.0
    width, height = max(round(width * scale), 1), max(round(height * scale), 1)
    check_size(width, height, limits)
    lost, notes = _undrawn(drawing)
    return Header(fmt.name, Spec(width, height, "RGBA"), lost=(*drawing.lost, *lost), notes=notes)


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - resvg draws all or nothing
) -> tuple[str, ...]:
    """Render into the frame.

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
    resvg = require(FORMATS[header.format])
    spec = header.spec
    try:
        png = _drawn(resvg, read_drawing(data).text, spec)
    except UnsupportedError:  # it confuses fonts with joining characters
        png = _drawn(resvg, read_drawing(data, plain=True).text, spec)
    with Image.open(BytesIO(png), formats=("PNG",)) as image:
        pixels = np.asarray(image.convert("RGBA"))
    # The aspect ratio is kept: the size may differ from the frame by a rounded pixel.
    height, width = min(spec.height, pixels.shape[0]), min(spec.width, pixels.shape[1])
    frame = frames[0]
    frame.array[...] = 0
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    frame.array[top : top + height, left : left + width] = pixels[:height, :width]
    return ()


def _undrawn(drawing: Drawing) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Text that cannot be drawn with the installed fonts, as losses and remarks."""
    if not drawing.letters.strip():
        return (), ()
    if not fonts.families():
        return ("text",), ("its text was not drawn: no font is installed",)
    lacking = fonts.letters_without_font(letter for letter in drawing.letters if ord(letter) > 127)
    unjoined = "".join(letter for letter in drawing.unjoined if letter not in lacking)
    notes = list[str]()
    if lacking:
        notes.append(f"no installed font has the letters {_named(lacking)}")
    if unjoined:
        notes.append(
            f"the letters {_named(unjoined)} may be boxes: no installed font has all letters of their text"
        )
    return ("letters",) if notes else (), tuple(notes)


def _named(letters: str) -> str:
    return letters if len(letters) <= _NAMED else f"{letters[:_NAMED]} …"


def _families() -> dict[str, str]:
    """Options of resvg: families for generic ones, and for missing ones."""
    found = {f"{name}_family": family for name, family in fonts.families().items()}
    # As in browsers and librsvg, where no font is specified.
    return {**found, "font_family": found["serif_family"]} if found else {}


def _drawn(resvg: Any, text: str, spec: Spec) -> bytes:
    """Render to PNG, in a thread whose stack suffices for the deepest nesting."""
    made = list[bytes | BaseException]()

    def draw() -> None:
        try:
            png = resvg.svg_to_bytes(
                svg_string=text, width=spec.width, height=spec.height, dpi=96, **_families()
            )
            made.append(png)
        except BaseException as error:
            made.append(error)

    thread = threading.Thread(target=draw, name="imgpar-svg")
    usual = threading.stack_size(_STACK)
    try:
        thread.start()
    finally:
        threading.stack_size(usual)
    thread.join()
    if isinstance(made[0], BaseException):
        # Not an Exception: a panic of resvg, which leaves no partial state.
        if not isinstance(made[0], Exception):
            raise UnsupportedError("resvg failed with an internal error on this SVG.")
        raise made[0]
    return bytes(made[0])


def _size(root: Mapping[str, str]) -> tuple[float, float]:
    width, height = _length(root.get("width", "")), _length(root.get("height", ""))
    box = [_number(part) for part in root.get("viewBox", "")[:_LONGEST].replace(",", " ").split()]
    across, down = (box[2], box[3]) if len(box) == 4 and min(box[2:]) > 0 else (0.0, 0.0)
    if not width and not height:
        width, height = across or 300.0, down or 150.0
    # With one side given, the view box has the shape.
    width = width or height * (across / down if down else 1.0)
    height = height or width * (down / across if across else 1.0)
    return min(width, _HUGE), min(height, _HUGE)


def _length(text: str) -> float:
    """CSS pixels; 0 for lengths relative to a page."""
    found = _LENGTH.fullmatch(text[:_LONGEST].strip())
    return _number(found[1]) * _UNITS.get(found[2].lower(), 0.0) if found else 0.0


def _number(text: str) -> float:
    """The number in a text; 0 where there is none."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0
