"""Few colours for a GIF; for a whole animation: one palette for all frames, so that nothing flickers.

Frames are dithered (Floyd and Steinberg), but a pixel that has not changed keeps the colour that it was drawn
with: it is left transparent. That keeps still parts still, and makes files smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]

SAMPLES = 1 << 16
"""Pixels by which the palette is chosen, spread over all frames."""
SETTLED = 16
"""The palette is done when so few of them still change their colour."""
UNCHANGED = 2
"""Steps of 255 by which a pixel may differ from what was drawn: nobody sees that, and coders make it."""


def clear_of(most: int) -> int:
    """The index of the colour that leaves a pixel as it was: the last one."""
    return most - 1


def quantised(rgb: Array, most: int) -> Image.Image:
    """A picture, H×W×3, in so many colours: median cut, dithered."""
    image = Image.fromarray(rgb)
    palette = image.quantize(most, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def with_one_palette(frames: Sequence[Array], most: int) -> list[Image.Image]:
    """H×W×3 frames of one size as images to be drawn on top of each other, `clear_of(most)` where
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
    """An image with the palette that suits all frames: median cut, then k-means."""
    random = np.random.default_rng(0)
    share = max(1, SAMPLES // len(frames))
    pixels = [frame.reshape(-1, 3) for frame in frames]
    taken = [each if len(each) <= share else each[random.integers(0, len(each), share)] for each in pixels]
    sample = np.concatenate(taken)
    return Image.fromarray(sample[None]).quantize(colours, Image.Quantize.MEDIANCUT, kmeans=SETTLED)
