"""Palettes for GIF; one palette for all frames of an animation, to avoid flicker.

Frames are dithered, but an unchanged pixel keeps its colour: it is left transparent. Static
parts stay static, and files get smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from imgpar.formats.gif.dithering import dithered, dithered_by_pillow
from imgpar.pixels.quantize import palette_of

Array = np.ndarray[Any, Any]

SAMPLES = 1 << 16
"""Number of pixels, sampled from all frames, for choosing the palette."""
UNCHANGED = 2
"""Difference in 8-bit steps below which a pixel counts as unchanged: invisible, and caused by coders."""


def clear_of(most: int) -> int:
    """Index of the transparent colour: the last one."""
    return most - 1


def quantised(rgb: Array, most: int) -> Image.Image:
    """Quantise a picture, H×W×3 uint8, to at most `most` colours: k-means, dithered."""
    colours = palette_of(rgb.reshape(-1, 3), most)
    image = Image.fromarray(dithered(rgb, colours))
    image.putpalette(colours.tobytes())
    return image


def with_one_palette(frames: Sequence[Array], most: int) -> list[Image.Image]:
    """H×W×3 frames of one size as images to be drawn on top of each other, with `clear_of(most)` where
    nothing changes."""
    palette = palette_of(_sample(frames), most - 1)
    colours = palette.tobytes().ljust(3 * most, b"\0")
    drawn: Array | None = None
    images = []
    for frame in frames:
        rgb = np.ascontiguousarray(frame)
        index = dithered_by_pillow(rgb, palette)
        if drawn is None:
            drawn = rgb.copy()
        else:
            changed = (np.abs(np.subtract(rgb, drawn, dtype=np.int16)) > UNCHANGED).any(axis=2)
            index[~changed] = clear_of(most)
            drawn[changed] = rgb[changed]
        image = Image.fromarray(index)
        image.putpalette(colours)
        images.append(image)
    return images


def _sample(frames: Sequence[Array]) -> Array:
    """Some pixels of all frames, N×3."""
    random = np.random.default_rng(0)
    share = max(1, SAMPLES // len(frames))
    pixels = [frame.reshape(-1, 3) for frame in frames]
    taken = [each if len(each) <= share else each[random.integers(0, len(each), share)] for each in pixels]
    return np.concatenate(taken)
