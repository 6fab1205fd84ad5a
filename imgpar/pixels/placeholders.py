"""What stands in for a picture while it loads: its dominant colour, BlurHash and ThumbHash."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LONGEST = 100
"""Longest side of the pictures that ThumbHash takes; more pixels would not change a hash of 25 bytes."""
_COMPONENTS = 4, 3
"""Of a BlurHash of a landscape picture: what the authors of the format recommend."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
"""Base 83."""


def dominant_colour(pixels: Array) -> tuple[int, int, int]:
    """The mean of the most frequent colours: those of the fullest of 16×16×16 bins, weighted by alpha.

    >>> dominant_colour(np.full((4, 4, 4), (200, 30, 40, 255), np.uint8))
    (200, 30, 40)

    Args:
        pixels: H×W×4 uint8, RGBA in sRGB with straight alpha; not modified.

    Returns:
        Red, green and blue, 0 to 255; black for a picture that is transparent throughout.
    """
    colours = pixels[..., :3].reshape(-1, 3).astype(np.int64)
    weights = pixels[..., 3].reshape(-1) / 255.0
    bins = (colours >> 4) @ np.array([256, 16, 1])
    fullest = np.bincount(bins, weights).argmax()
    inside = (bins == fullest) * weights
    total = inside.sum() or 1.0
    red, green, blue = np.floor(inside @ colours / total + 0.5).astype(int).tolist()
    return red, green, blue


def _without_alpha(pixels: Array) -> Array:
    """The colours of an RGBA picture on the mean colour of its visible pixels: H×W×3, 0 to 1."""
    colours = pixels[..., :3] / 255.0
    if pixels[..., 3].min() == 255:
        return colours
    alpha = pixels[..., 3:] / 255.0
    mean = (colours * alpha).sum((0, 1)) / (alpha.sum() or 1.0)
    blended: Array = colours * alpha + mean * (1 - alpha)
    return blended


def blurhash(pixels: Array) -> str:
    """The BlurHash of a picture: 4×3 components for landscape, 3×4 for portrait.

    BlurHash has no transparency: transparent pixels take the mean colour of the others.

    >>> blurhash(np.full((8, 12, 4), 255, np.uint8))
    'LfTSUA?bfQ?b~qt7fQt7fQfQfQfQ'

    Args:
        pixels: H×W×4 uint8, RGBA in sRGB with straight alpha; not modified.

    Returns:
        28 characters.
    """
    height, width = pixels.shape[:2]
    across, down = _COMPONENTS if width >= height else _COMPONENTS[::-1]
    shown = np.floor(_without_alpha(pixels) * 255 + 0.5).astype(np.uint8)
    waves_x = np.cos(np.pi / width * np.outer(np.arange(across), np.arange(width)))
    waves_y = np.cos(np.pi / height * np.outer(np.arange(down), np.arange(height)))
    rows = np.tensordot(waves_y, _linear_light()[shown], (1, 0))  # down × width × channels
    factors = np.tensordot(rows, waves_x, (1, 1)).transpose(0, 2, 1) / (width * height)
    factors[...] *= 2.0
    factors[0, 0] /= 2.0
    average, details = factors[0, 0], factors.reshape(-1, 3)[1:]
    largest = max(0, min(82, math.floor(np.abs(details).max() * 166 - 0.5)))
    scaled = details / ((largest + 1) / 166)
    levels = np.floor(np.sign(scaled) * np.sqrt(np.abs(scaled)) * 9 + 9.5).clip(0, 18).astype(int)
    red, green, blue = np.floor(_display(average.clip(0, 1)) * 255 + 0.5).astype(int).tolist()
    words = [
        _base83(across - 1 + (down - 1) * 9, 1),
        _base83(largest, 1),
        _base83((red << 16) + (green << 8) + blue, 4),
        *(_base83(r * 361 + g * 19 + b, 2) for r, g, b in levels.tolist()),
    ]
    return "".join(words)


def thumbhash(pixels: Array) -> bytes:
    """The ThumbHash of a picture: the mean colour, the aspect ratio, a few cosines, and alpha where there is
    some.

    >>> thumbhash(np.full((8, 12, 4), 255, np.uint8)).hex()
    '3f0802058000000000000000000000000000000000'

    Args:
        pixels: H×W×4 uint8, RGBA in sRGB with straight alpha, at most 100×100; not modified.

    Returns:
        About 25 bytes; usually written in Base64.

    Raises:
        ValueError: the picture is larger.
    """
    height, width = pixels.shape[:2]
    if max(height, width) > LONGEST:
        raise ValueError(f"{width}×{height} is more than {LONGEST}×{LONGEST}")
    transparent = bool(pixels[..., 3].min() < 255)
    red, green, blue = np.moveaxis(_without_alpha(pixels), -1, 0)
    most = 5 if transparent else 7
    across, down = (max(1, _rounded(most * side / max(width, height))) for side in (width, height))
    l_dc, l_ac, l_scale = _cosines((red + green + blue) / 3, max(3, across), max(3, down))
    p_dc, p_ac, p_scale = _cosines((red + green) / 2 - blue, 3, 3)
    q_dc, q_ac, q_scale = _cosines(red - green, 3, 3)
    landscape = width > height
    head = (
        _rounded(63 * l_dc)
        | _rounded(31.5 + 31.5 * p_dc) << 6
        | _rounded(31.5 + 31.5 * q_dc) << 12
        | _rounded(31 * l_scale) << 18
        | transparent << 23
        | (down if landscape else across) << 24
        | _rounded(63 * p_scale) << 27
        | _rounded(63 * q_scale) << 33
        | landscape << 39
    )
    nibbles = [*l_ac, *p_ac, *q_ac]
    if transparent:
        a_dc, a_ac, a_scale = _cosines(pixels[..., 3] / 255.0, 5, 5)
        nibbles = [a_dc, a_scale, *nibbles, *a_ac]
    values = [_rounded(15 * value) for value in nibbles]
    pairs = zip(values[::2], [*values[1::2], 0], strict=False)
    body = bytes(low | high << 4 for low, high in pairs)
    return int(head).to_bytes(5, "little") + body


def _cosines(channel: Array, across: int, down: int) -> tuple[float, list[float], float]:
    """The constant part, the others from 0 to 1, and their scale: of the lower triangle of a cosine
    transform."""
    height, width = channel.shape
    waves_x = np.cos(np.pi / width * np.outer(np.arange(across), np.arange(width) + 0.5))
    waves_y = np.cos(np.pi / height * np.outer(np.arange(down), np.arange(height) + 0.5))
    factors = waves_y @ channel @ waves_x.T / (width * height)
    kept = [
        float(factors[y, x])
        for y in range(down)
        for x in range(across)
        if (x or y) and x * down < across * (down - y)
    ]
    scale = max(map(abs, kept))
    if scale < 1e-12:  # rounding errors of a picture in one colour
        return float(factors[0, 0]), [0.0] * len(kept), 0.0
    return float(factors[0, 0]), [0.5 + 0.5 / scale * value for value in kept], scale


def _rounded(value: float) -> int:
    """The nearest integer, halves upwards."""
    return math.floor(value + 0.5)


def _base83(value: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        value, digit = divmod(value, 83)
        digits = _DIGITS[digit] + digits
    return digits


@cache
def _linear_light() -> Array:
    """Light of each value of an 8-bit channel."""
    values = np.arange(256) / 255.0
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _display(values: Array) -> Array:
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
