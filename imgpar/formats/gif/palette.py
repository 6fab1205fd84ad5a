"""Palettes for GIF; one palette for all frames of an animation, to avoid flicker.

Frames are dithered (Floyd-Steinberg), but an unchanged pixel keeps its colour: it is left transparent. Static
parts stay static, and files get smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]

SAMPLES = 1 << 16
"""Number of pixels, sampled from all frames, for choosing the palette."""
SETTLED = 16
"""k-means ends when this few samples change their colour."""
UNCHANGED = 2
"""Difference in 8-bit steps below which a pixel counts as unchanged: invisible, and caused by coders."""


def clear_of(most: int) -> int:
    """Index of the transparent colour: the last one."""
    return most - 1


def quantised(rgb: Array, most: int) -> Image.Image:
    """Quantise a picture, H×W×3 uint8, to `most` colours: median cut, dithered."""
    image = Image.fromarray(rgb)
    palette = image.quantize(most, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def with_one_palette(frames: Sequence[Array], most: int) -> list[Image.Image]:
    """H×W×3 frames of one size as images to be drawn on top of each other, with `clear_of(most)` where
    nothing changes."""
    palette = _palette(frames, most - 1)
    colours = (palette.getpalette() or [])[: 3 * (most - 1)]
    colours += [0] * (3 * most - len(colours))
    drawn: Array | None = None
    images = []
    for frame in frames:
        rgb = np.ascontiguousarray(frame)
        indexed = Image.fromarray(rgb).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        index = np.array(indexed)
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


def _palette(frames: Sequence[Array], colours: int) -> Image.Image:
    """An image with the palette for all frames: median cut, then k-means."""
    random = np.random.default_rng(0)
    share = max(1, SAMPLES // len(frames))
    pixels = [frame.reshape(-1, 3) for frame in frames]
    taken = [each if len(each) <= share else each[random.integers(0, len(each), share)] for each in pixels]
    sample = np.concatenate(taken)
    return Image.fromarray(sample[None]).quantize(colours, Image.Quantize.MEDIANCUT, kmeans=SETTLED)
