"""One scale of quality for every format: the table of encoder settings, and the SSIM of a photo at them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from codec_pictures import read, written

from imgpar.core.spec import Frame, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.quality import DEFAULT, chroma, encoder_setting
from imgpar.formats.registry import FORMATS

QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100)
SETTINGS = {
    "webp": (1, 4, 16, 29, 41, 47, 59, 68, 73, 78, 83, 87, 94, 100),
    "avif": (1, 13, 27, 37, 43, 46, 51, 56, 60, 65, 70, 77, 88, 100),
    "heic": (1, 7, 21, 27, 30, 33, 36, 39, 41, 44, 47, 52, 59, 82),
    "jxl": (1, 5, 24, 43, 56, 65, 71, 78, 81, 84, 88, 92, 96, 100),
    "jp2": (240, 291, 319, 333, 341, 350, 357, 367, 373, 381, 392, 409, 441, 500),
}
"""The documented table, held here a second time: a number that moves changes every user's files."""
BANDS = {
    "jpeg": (0.885, 0.944, 0.991),
    "webp": (0.897, 0.965, 0.995),
    "avif": (0.853, 0.962, 0.995),
    "heic": (0.870, 0.957, 0.991),
    "jxl": (0.894, 0.971, 0.996),
    "jp2": (0.957, 0.984, 0.996),
}
"""SSIM at the qualities 50, 82 and 95. The picture has more texture than a camera photo, so formats differ
by more than on those that the table was measured on; JPEG 2000, told a signal-to-noise ratio, by most."""
WIDTHS = (0.015, 0.010, 0.004)
"""By how much encoders of other versions may differ."""


@cache
def photo() -> Frame:
    """A picture with the spectrum of a photo: its amplitudes fall with the frequency, in all directions."""
    height, width = 288, 384
    dice = np.random.default_rng(2)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1

    def waves(fall: float) -> np.ndarray:
        phases = dice.normal(size=frequency.shape) + 1j * dice.normal(size=frequency.shape)
        made = np.fft.irfft2(phases / frequency**fall, (height, width))
        return made / made.std()

    light = waves(1.3)
    array = np.stack([128 + 45 * (light + 0.3 * waves(1.6)) for _ in range(3)], axis=-1)
    return Frame(Spec(width, height, "RGB"), np.clip(np.rint(array), 0, 255).astype(np.uint8))


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity of the luma (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5."""
    x, y = (cv2.cvtColor(a[..., :3].copy(), cv2.COLOR_RGB2GRAY).astype(np.float64) for a in (one, other))
    mean = lambda a: cv2.GaussianBlur(a, (11, 11), 1.5)[5:-5, 5:-5]  # noqa: E731
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return float((luminance * (2 * both + c2) / (vx + vy + c2)).mean())


@cache
def similarity(name: str, quality: int) -> float:
    _, (array,) = read(written(photo(), name, quality=quality), f"a.{name}")
    return ssim(photo().array, array)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_table_of_settings(name: str) -> None:
    assert tuple(encoder_setting(name, quality) for quality in QUALITIES) == SETTINGS[name]


@pytest.mark.parametrize(
    ("name", "quality", "setting"),
    [("webp", 15, 10), ("webp", 82, 80), ("avif", 92, 81), ("heic", 97, 68), ("jxl", 2, 1), ("jp2", 98, 476)],
)
def test_between_two_columns_settings_are_in_proportion(name: str, quality: int, setting: int) -> None:
    assert encoder_setting(name, quality) == setting


@pytest.mark.parametrize("quality", [1, 50, 82, 100])
@pytest.mark.parametrize("name", ["jpeg", "tiff"])
def test_the_scale_is_that_of_jpeg(name: str, quality: int) -> None:
    assert encoder_setting(name, quality) == quality


def test_the_default_is_85() -> None:
    assert DEFAULT == 85
    for name in ("jpeg", *SETTINGS):
        assert encoder_setting(name, None) == encoder_setting(name, 85)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"quality": 1}, "420"),
        ({"quality": 91}, "420"),
        ({"quality": 92}, "444"),
        ({"quality": 100}, "444"),
        ({}, "420"),
        ({"quality": 95, "subsampling": "422"}, "422"),
        ({"quality": 10, "subsampling": "444"}, "444"),
    ],
)
def test_from_92_on_colour_keeps_its_resolution(options: dict[str, object], expected: str) -> None:
    assert chroma(EncodeOptions(**options)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("column", range(3), ids=["50", "82", "95"])
@pytest.mark.parametrize("name", BANDS)
def test_a_quality_looks_as_it_should(name: str, column: int) -> None:
    if not FORMATS[name].installed:
        pytest.skip(f"no package for {name} is installed")
    found = similarity(name, (50, 82, 95)[column])
    assert found == pytest.approx(BANDS[name][column], abs=WIDTHS[column])


@pytest.mark.parametrize("name", BANDS)
def test_more_quality_looks_better(name: str) -> None:
    if not FORMATS[name].installed:
        pytest.skip(f"no package for {name} is installed")
    found = [similarity(name, quality) for quality in (20, 50, 82, 95)]
    assert found == sorted(found)
    assert found[3] - found[0] > 0.05


@pytest.mark.parametrize("name", ["webp", "avif", "heic", "jxl"])
@pytest.mark.parametrize("quality", [50, 82, 95])
def test_a_quality_looks_like_that_of_jpeg(name: str, quality: int) -> None:
    if not FORMATS[name].installed:
        pytest.skip(f"no package for {name} is installed")
    assert similarity(name, quality) == pytest.approx(similarity("jpeg", quality), abs=0.04)
