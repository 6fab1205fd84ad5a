"""Pictures of few colours, for the tests of what is stored with few bits."""

from __future__ import annotations

import numpy as np
from PIL import Image


def page(width: int = 301, height: int = 203) -> Image.Image:
    """Black on white, 1 bit: lines of something like text; the width is no multiple of 8."""
    random = np.random.default_rng(5)
    dark = np.zeros((height, width), bool)
    for top in range(10, height - 10, 12):
        for left in range(10, width - 20, 9):
            dark[top : top + random.integers(3, 8), left : left + random.integers(2, 7)] = True
    return Image.fromarray(~dark)


def chart(colours: int = 12, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Bars, each in a colour of its own, as a palette; every colour is used."""
    width, height = size
    random = np.random.default_rng(colours)
    table = random.choice(1 << 24, colours, replace=False)
    index = np.broadcast_to(np.arange(width) * colours // width, (height, width)).astype(np.uint8).copy()
    index[: height // 3] = np.sort(index[: height // 3], axis=1)[:, ::-1]
    image = Image.fromarray(index)
    image.putpalette(
        np.stack([table >> 16, table >> 8 & 255, table & 255], axis=1).astype(np.uint8).tobytes()
    )
    return image


def grey(bits: int, size: tuple[int, int] = (61, 40)) -> np.ndarray:
    """H×W uint8 in the equal steps of so many bits."""
    steps = (1 << bits) - 1
    values = np.random.default_rng(bits).integers(0, steps + 1, size[::-1])
    return (values * (255 // steps)).astype(np.uint8)


def seen(image: Image.Image) -> np.ndarray:
    """H×W×4 uint8, however the file holds its pixels."""
    return np.asarray(image.convert("RGBA"))
