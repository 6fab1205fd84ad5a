"""qr: a QR code over every picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.overlay import lay
from imgpar.pixels.arrays import layout_with
from imgpar.pixels.geometry import GRAVITIES, Length, parse_gravity, parse_length

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_BYTES = 1000
"""Of a text in UTF-8: larger codes cannot be read from a photo."""
_QUIET = 4
"""Width of the empty border in modules (ISO/IEC 18004)."""


@parsing.accepts("str")
def parse_content(value: object) -> str:
    """Text for a code.

    >>> parse_content("https://example.org")
    'https://example.org'
    """
    text: str = parsing.text(value)
    if len(text.encode("utf-8", "surrogateescape")) > MOST_BYTES:
        raise BadValueError(f"{parsing.VALUE} has more than {MOST_BYTES} bytes.", fix="Give a shorter text.")
    return text


@dataclass(frozen=True)
class Qr(Operation):
    """Draw a QR code (error correction level M) with its empty border, every module of whole pixels.

    A module has at least one pixel; a picture with fewer pixels than modules is an error. Colours are given
    in sRGB and converted to the profile of the picture; coloured ones convert a grey picture to RGB. Readers
    expect dark on bright. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "qr"
    summary: ClassVar[str] = "draw a QR code of a text or link over every picture"

    content: str = option(parse_content, "the text or link", metavar="TEXT", example="https://example.org")
    side: Length = option(
        parse_length,
        "greatest width of the code in pixels, or in percent of the shorter side; at least a pixel a module",
        default=Length(25, percent=True),
        metavar="LENGTH",
        example="200",
    )
    gravity: str = option(
        parse_gravity,
        "the corner or side at which it is placed",
        default="southeast",
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )
    margin: Length = option(
        parse_length,
        "distance from the edges in pixels, or in percent of the shorter side",
        default=Length(3, percent=True),
        metavar="LENGTH",
        example="5%",
    )
    dark: Colour = option(
        parsing.colour, "colour of the modules", default=(0, 0, 0, 255), metavar="COLOUR", example="navy"
    )
    bright: Colour = option(
        parsing.colour,
        "colour of the background",
        default=(255, 255, 255, 255),
        metavar="COLOUR",
        example="#ffffffc0",
    )

    def plan(self, spec: Spec) -> Spec:
        grey = all(red == green == blue for red, green, blue, _ in (self.dark, self.bright))
        return spec if grey else spec.converted(layout_with(spec, (255, 0, 0, 255)))

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        modules, shorter = _modules(self.content), min(dst.spec.size)
        if len(modules) > shorter:
            raise TransformError(
                f"The picture is too small for a QR code of {len(modules)}x{len(modules)} modules.",
                fix="Choose a shorter text, or enlarge the picture before.",
            )
        times = max(min(self.side.pixels(shorter), shorter) // len(modules), 1)
        colours = np.array([self.bright, self.dark], np.float32) / np.float32(255)
        mark = np.kron(modules, np.ones((times, times), np.uint8))
        lay(src, dst, colours[mark], self.gravity, self.margin.pixels(shorter))


@lru_cache(maxsize=4)
def _modules(content: str) -> Array:
    """N×N uint8 with the border, 1 is dark."""
    import cv2
    import numpy as np

    settings = cv2.QRCodeEncoder.Params()
    settings.correction_level = cv2.QRCodeEncoder_CORRECT_LEVEL_M
    code = (cv2.QRCodeEncoder.create(settings).encode(content) == 0).astype(np.uint8)
    rows, columns = np.flatnonzero(code.any(axis=1)), np.flatnonzero(code.any(axis=0))
    return np.pad(code[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], _QUIET)
