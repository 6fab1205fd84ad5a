"""Dominant colour, BlurHash and ThumbHash, against the programs of their authors.

The expected hashes of `PICTURES` were computed by thumbhash 0.1.1 (npm) and by the C encoder of BlurHash
(blurhash-python 1.2).
"""

from __future__ import annotations

import numpy as np
import pytest

from imgpar.pixels.placeholders import blurhash, dominant_colour, thumbhash
from imgpar.testing import pattern

PICTURES = [
    (96, 64, 0, False, "dd080e15968087877178788888788788857008f878", "LrG+W@2SwzSel[a$jtazgKfjfQfj"),
    (64, 96, 1, False, "a1f70915147177707777877777777877708606f787", "TqG[{42Swyhia$fQgLfQfQjFa{fQ"),
    (100, 100, 2, False, "23f7053f144067783088778469786868877806099c708f08",
     "LpH2g62aw?bFhrasjda%kObJj_bC"),
    (37, 5, 3, False, "e2260a219870568973775688917003d7a8", "LtHxN+2mskkA+9NajGjHdwfjf%fj"),
    (60, 40, 4, True, "a2e7813b88280d3a70b353a09317f68986607564778777", ""),
    (31, 50, 5, True, "dd0982130a1830b3489958716002f8971577078a866a78", ""),
]  # fmt: skip


def picture(width: int, height: int, seed: int, *, transparent: bool) -> np.ndarray:
    """H×W×4 uint8; with alpha of all values where it is transparent."""
    y, x = np.mgrid[0:height, 0:width]
    alpha = (x * 7 + y * 3) % 256 if transparent else np.full((height, width), 255)
    return np.dstack([pattern(width, height, seed), alpha.astype(np.uint8)])


@pytest.mark.parametrize(("width", "height", "seed", "transparent", "expected", "_"), PICTURES)
def test_a_thumbhash_is_that_of_its_author(
    width: int, height: int, seed: int, transparent: bool, expected: str, _: str
) -> None:
    assert thumbhash(picture(width, height, seed, transparent=transparent)).hex() == expected


@pytest.mark.parametrize(
    ("width", "height", "seed", "expected"), [(*row[:3], row[5]) for row in PICTURES if row[5]]
)
def test_a_blurhash_is_that_of_its_author(width: int, height: int, seed: int, expected: str) -> None:
    assert blurhash(picture(width, height, seed, transparent=False)) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 1), (2, 3)])
def test_the_smallest_pictures_have_hashes(size: tuple[int, int]) -> None:
    pixels = picture(*size, 0, transparent=False)
    assert len(blurhash(pixels)) == 28
    assert 5 < len(thumbhash(pixels)) < 30


def test_transparent_pixels_do_not_colour_a_blurhash() -> None:
    pixels = np.full((8, 8, 4), (200, 40, 40, 255), np.uint8)
    hidden = pixels.copy()
    hidden[2:4] = (0, 255, 0, 0)
    assert blurhash(hidden) == blurhash(pixels)


def test_a_picture_without_visible_pixels_has_hashes() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    assert (dominant_colour(pixels), len(blurhash(pixels))) == ((0, 0, 0), 28)
    assert thumbhash(pixels)


def test_the_dominant_colour_is_not_the_mean() -> None:
    pixels = np.full((10, 10, 4), (250, 250, 250, 255), np.uint8)
    pixels[:4] = (10, 20, 200, 255)
    assert dominant_colour(pixels) == (250, 250, 250)


def test_the_dominant_colour_is_one_that_is_seen() -> None:
    pixels = np.full((10, 10, 4), (0, 255, 0, 0), np.uint8)
    pixels[0] = (200, 10, 10, 255)
    assert dominant_colour(pixels) == (200, 10, 10)


def test_a_picture_that_is_too_large_for_a_thumbhash_is_refused() -> None:
    with pytest.raises(ValueError, match="101"):
        thumbhash(np.zeros((1, 101, 4), np.uint8))
