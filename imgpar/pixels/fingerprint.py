"""Perceptual hashes: pictures that look alike have fingerprints that differ in few bits.

A fingerprint is 64 bits of the lowest frequencies of the luma (pHash: of the DCT of 32×32 samples the lowest
8×8, each compared with their median), and the mean colours of four quadrants, by which pictures with the same
shapes in other colours are told apart.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

SIDE = 32
"""Width and height of the picture from which a fingerprint is made."""
_LOW = 8
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_STEP = 16.0
"""Differences of frequencies below this are noise; the mean is up to 261,120."""
_FLAT = 4.0
"""Least standard deviation of the luma. A picture of one colour has no shapes to compare."""

Array = np.ndarray[Any, Any]


def perceptual_hash(picture: Array) -> str:
    """The fingerprint of a picture.

    >>> ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    >>> perceptual_hash(np.dstack([ramp, ramp, ramp]))[16:]
    '3c3c3cbcbcbc3c3c3cbcbcbc'
    >>> perceptual_hash(np.full((32, 32, 3), 200, np.uint8))
    ''

    Args:
        picture: 32×32×3, uint8, RGB.

    Returns:
        40 hexadecimal digits: the hash, and red, green and blue of the quadrants from left to right and top
        to bottom. Empty for a picture without shapes.
    """
    luma = picture.astype(np.float32) @ _LUMA
    if float(luma.std()) < _FLAT:
        return ""
    cosines = _cosines()
    low = np.round(cosines @ luma @ cosines.T / _STEP).ravel()
    bits = np.packbits(low > np.median(low)).tobytes()
    half = SIDE // 2
    quadrants = picture.reshape(2, half, 2, half, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    return f"{bits.hex()}{quadrants.tobytes().hex()}"


@cache
def _cosines() -> Array:
    """The first rows of the matrix of the DCT-II, without the scale of each."""
    frequencies, samples = np.arange(_LOW)[:, None], np.arange(SIDE)[None, :]
    matrix: Array = np.cos(np.pi * frequencies * (2 * samples + 1) / (2 * SIDE)).astype(np.float32)
    return matrix
