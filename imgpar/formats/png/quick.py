"""PNG through the decoder of Rust's `png` (package kornia_rs), where that is installed: in less than half of
the time that zlib and Pillow take.

Only pictures whose pixels it returns exactly as Pillow and OpenCV do, of 8 or 16 bits without a palette or a
transparent colour. It is strict: what it refuses is left to the usual decoders, which say what is damaged.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np

from imgpar.core.spec import Frame, Layout
from imgpar.formats.base import loadable

_KINDS: dict[tuple[int, Layout], tuple[str, int]] = {
    (0, "L"): ("mono", 1),
    (2, "RGB"): ("rgb", 3),
    (2, "RGBX"): ("rgb", 3),
    (6, "RGBA"): ("rgba", 4),
}
"""Colour type of the file and layout of the frame: the name of the mode, and the channels of the result."""
_FUNCTIONS = {"uint8": "decode_image_png_u8", "uint16": "decode_image_png_u16"}


def decode(data: bytes | memoryview, colour_type: int, frame: Frame) -> bool:
    """Fill the frame of a still picture without a transparent colour.

    Args:
        data: the whole file, or its critical chunks.
        colour_type: of the file.
        frame: of 8 or 16 bits, as in the file; owned by the caller.

    Returns:
        Whether it is filled; undefined pixels where it is not.
    """
    spec = frame.spec
    function, kind = _function(_FUNCTIONS[spec.dtype]), _KINDS.get((colour_type, spec.layout))
    if function is None or kind is None:
        return False
    mode, channels = kind
    try:
        pixels = np.asarray(function(bytes(data), (spec.height, spec.width), mode))
    except Exception:  # its reasons do not matter: the usual decoder has its own
        return False
    if pixels.shape != (spec.height, spec.width, channels) or pixels.dtype != spec.dtype:
        return False
    if spec.layout == "RGBX":
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA, dst=frame.array) is frame.array
    np.copyto(frame.array, pixels)
    return True


@cache
def _function(name: str) -> Any:
    """A function of kornia_rs; None where this version has none of that name."""
    if not loadable("kornia_rs"):
        return None
    import kornia_rs

    return getattr(getattr(kornia_rs, "io", None), name, None)
