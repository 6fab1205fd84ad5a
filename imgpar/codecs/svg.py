"""SVG through resvg: drawn once, at the size that the file asks for, on a transparent canvas.

Only the root element is looked at before. Nothing outside the file is read: no fonts by path, no pictures
by reference.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from imgpar.codecs.base import check_size, damaged, require
from imgpar.codecs.formats import FORMATS, Format
from imgpar.model import Frame, Header, Limits, Spec

_LARGEST = 64 << 20
"""Bytes of an unpacked .svgz."""
_UNITS = {
    "": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "em": 16.0, "ex": 8.0,
    "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6,
}  # fmt: skip
_ROOT = re.compile(r"<(?:\w+:)?svg\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
_LENGTH = re.compile(r"\s*([\d.]+(?:e[+-]?\d+)?)\s*([a-z%]*)\s*$", re.IGNORECASE)


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """The size in CSS pixels, from width and height or from the view box."""
    require(fmt)
    width, height = _size(_text(data))
    scale = limits.density / 96 if limits.density else 1.0
    width, height = max(round(width * scale), 1), max(round(height * scale), 1)
    check_size(width, height, limits)
    return Header(fmt.name, Spec(width, height, "RGBA"))


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - resvg draws all or nothing
) -> tuple[str, ...]:
    """Draw it into the one frame."""
    resvg = require(FORMATS[header.format])
    spec = header.spec
    png = resvg.svg_to_bytes(svg_string=_text(data), width=spec.width, height=spec.height, dpi=96)
    with Image.open(BytesIO(bytes(png)), formats=("PNG",)) as image:
        pixels = np.asarray(image.convert("RGBA"))
    # The shape of the drawing is kept: it may miss the frame by a rounded pixel.
    height, width = min(spec.height, pixels.shape[0]), min(spec.width, pixels.shape[1])
    frame = frames[0]
    frame.array[...] = 0
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    frame.array[top : top + height, left : left + width] = pixels[:height, :width]
    return ()


def _text(data: bytes | memoryview) -> str:
    content = bytes(data)
    if content[:2] == b"\x1f\x8b":
        content = zlib.decompressobj(wbits=31).decompress(content, _LARGEST)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _size(text: str) -> tuple[float, float]:
    root = _ROOT.search(text)
    if root is None:
        raise damaged("SVG", "it has no svg element", hopeless=True)
    width, height = (_length(_attribute(root[1], name)) for name in ("width", "height"))
    box = [float(part) for part in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", _attribute(root[1], "viewBox"))]
    across, down = (box[2], box[3]) if len(box) == 4 and min(box[2:]) > 0 else (0.0, 0.0)
    if not width and not height:
        width, height = across or 300.0, down or 150.0
    # With one side given, the view box has the shape.
    width = width or height * (across / down if down else 1.0)
    height = height or width * (down / across if across else 1.0)
    return width, height


def _attribute(attributes: str, name: str) -> str:
    found = re.search(rf"(?:^|\s){name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", attributes)
    return (found[1] or found[2] or "") if found else ""


def _length(text: str) -> float:
    """CSS pixels; 0 for what is relative to a page that is not there."""
    found = _LENGTH.match(text)
    return float(found[1]) * _UNITS.get(found[2].lower(), 0.0) if found else 0.0
