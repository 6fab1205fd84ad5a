"""Brightness, contrast and saturation, value by value: the exact whole number, by fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from imgpar.core.spec import Frame, Spec
from imgpar.recipe.tables import make_operation

PEAK = {"uint8": 255, "uint16": 65535}
LUMA = (Fraction(299, 1000), Fraction(587, 1000), Fraction(114, 1000))
"""ITU-R BT.601."""
whole_numbers = pytest.mark.parametrize("dtype", PEAK)


def made(name: str, factor: float, array: np.ndarray, layout: str) -> np.ndarray:
    spec = Spec(array.shape[1], array.shape[0], layout, str(array.dtype))
    dst = np.full_like(array, 77)
    make_operation(name, factor).apply(Frame(spec, array), Frame(spec, dst))
    return dst


def every_value(dtype: str) -> np.ndarray:
    """A grey picture with every value once, 16 in a row."""
    return np.arange(PEAK[dtype] + 1, dtype=dtype).reshape(-1, 16, 1)


def in_quarters(values: np.ndarray, peak: int) -> np.ndarray:
    """Whole numbers of quarters to the nearest whole number, halves to the even one; from black to white."""
    whole, rest = np.divmod(values, 4)
    return np.clip(whole + ((rest == 3) | ((rest == 2) & (whole % 2 == 1))), 0, peak)


def rounded(value: Fraction, peak: int) -> int:
    """To the nearest whole number, no less than black and no more than white."""
    return max(0, min(peak, round(value)))


def colours(dtype: str, channels: int = 3, count: int = 600) -> np.ndarray:
    """Colours of all kinds, the corners among them."""
    peak = PEAK[dtype]
    array = np.random.default_rng(3).integers(0, peak + 1, (count // 20, 20, channels)).astype(dtype)
    for number, corner in enumerate(np.ndindex(2, 2, 2)):
        array[0, number, :3] = np.array(corner) * peak
    return array


# ----- brightness: value · factor -------------------------------------------------------------------


@whole_numbers
@pytest.mark.parametrize("factor", [0, 0.25, 0.5, 1.25, 1.5, 2.5, 100])
def test_every_value_times_a_factor(dtype: str, factor: float) -> None:
    array = every_value(dtype)
    expected = in_quarters(array.astype(np.int64) * int(factor * 4), PEAK[dtype])
    assert (made("brightness", factor, array, "L") == expected).all()


def test_brightness_by_hand() -> None:
    array = np.array([0, 1, 2, 3, 5, 100, 101, 169, 170, 171, 255], np.uint8).reshape(1, -1, 1)
    # 1.5, 4.5 and 7.5 go to the even neighbour; from 170 on it is white.
    assert made("brightness", 1.5, array, "L").ravel().tolist() == [
        0, 2, 3, 4, 8, 150, 152, 254, 255, 255, 255,
    ]  # fmt: skip


@whole_numbers
@pytest.mark.parametrize(("layout", "rest"), [("RGBA", "kept"), ("RGBX", "opaque")])
def test_brightness_leaves_alpha(dtype: str, layout: str, rest: str) -> None:
    array = colours(dtype, 4)
    result = made("brightness", 0.5, array, layout)
    assert (result[..., :3] == in_quarters(array[..., :3].astype(np.int64) * 2, PEAK[dtype])).all()
    assert (result[..., 3] == (array[..., 3] if rest == "kept" else PEAK[dtype])).all()


# ----- contrast: mean + factor · (value − mean) -----------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (0, [128, 128, 128, 128]),
        (0.5, [96, 160, 78, 178]),
        (1.25, [48, 208, 3, 253]),
        (1.5, [32, 224, 0, 255]),
        (2, [0, 255, 0, 255]),
    ],
)
def test_contrast_by_hand(factor: float, expected: list[int]) -> None:
    array = np.array([64, 192, 28, 228], np.uint8).reshape(1, 4, 1)  # their mean is 128
    assert made("contrast", factor, array, "L").ravel().tolist() == expected
    wide = [value * 100 for value in expected]
    if factor <= 1.25:  # of 16 bits nothing is clipped where 25,500 is no limit
        assert made("contrast", factor, array * np.uint16(100), "L").ravel().tolist() == wide


@whole_numbers
@pytest.mark.parametrize("factor", [0, 0.5, 1.25, 1.75, 3])
@pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBA", "RGBX"])
def test_contrast_moves_away_from_the_mean_luma(dtype: str, factor: float, layout: str) -> None:
    channels, count = len(layout), 1 if layout in ("L", "LA") else 3
    array = colours(dtype, 4, 160)[..., :channels].copy()
    values = array[..., :count].reshape(-1, count).astype(int)
    means = [Fraction(int(values[:, at].sum()), len(values)) for at in range(count)]
    mean = means[0] if count == 1 else sum(w * m for w, m in zip(LUMA, means, strict=True))
    exact = [[mean + Fraction(factor) * (int(v) - mean) for v in pixel] for pixel in values]
    result = made("contrast", factor, array, layout)
    sure = [[abs(v % 1 - Fraction(1, 2)) > Fraction(1, 1000) for v in pixel] for pixel in exact]
    assert np.mean(sure) > 0.98
    expected = [[rounded(v, PEAK[dtype]) for v in pixel] for pixel in exact]
    found = result[..., :count].reshape(-1, count)
    assert (found[sure] == np.array(expected)[sure]).all()
    if layout in ("LA", "RGBA"):
        assert (result[..., -1] == array[..., -1]).all()


# ----- saturation: grey + factor · (value − grey) ---------------------------------------------------


@whole_numbers
@pytest.mark.parametrize("factor", [0, 0.5, 1.25, 2.5])
@pytest.mark.parametrize("layout", ["RGB", "RGBA", "RGBX"])
@pytest.mark.parametrize("rows", [30, 300])
def test_saturation_moves_away_from_the_luma_of_each_pixel(
    dtype: str, factor: float, layout: str, rows: int
) -> None:
    array = colours(dtype, len(layout), rows * 20)
    values = array[..., :3].reshape(-1, 3).astype(int)
    weights = np.array([int(w * 1000) for w in LUMA])
    # Thousandths: whole numbers, so nothing is lost.
    grey = values @ weights
    quarters = int(factor * 4)
    exact = grey[:, None] * 4 + quarters * (values * 1000 - grey[:, None])  # in 1/4000
    expected = np.clip((exact + 2000) // 4000, 0, PEAK[dtype])
    # OpenCV has weights of 10 bits for 8-bit pixels, and 24 bits for the others.
    sure = np.abs(exact % 4000 - 2000) > 4000 * (0.1 if dtype == "uint8" else 0.02)
    assert sure.mean() > 0.75
    result = made("saturation", factor, array, layout)
    assert (result[..., :3].reshape(-1, 3)[sure] == expected[sure]).all()
    if layout == "RGBA":
        assert (result[..., 3] == array[..., 3]).all()
    if layout == "RGBX":
        assert (result[..., 3] == PEAK[dtype]).all()


@pytest.mark.parametrize("layout", ["L", "LA"])
def test_grey_has_no_saturation(layout: str) -> None:
    array = colours("uint8", 4)[..., : len(layout)].copy()
    assert (made("saturation", 2, array, layout) == array).all()


# ----- floats are neither rounded nor clipped -------------------------------------------------------


@pytest.mark.parametrize("layout", ["L", "RGB", "RGBA"])
def test_floats(layout: str) -> None:
    count = 1 if layout == "L" else 3
    array = np.random.default_rng(4).random((5, 7, len(layout)), np.float32)
    assert made("brightness", 3, array, layout)[..., :count] == pytest.approx(array[..., :count] * 3)
    weights = [1.0] if count == 1 else [float(w) for w in LUMA]
    mean = array[..., :count].astype(float).mean(axis=(0, 1)) @ weights
    strong = made("contrast", 2, array, layout)[..., :count]
    assert strong == pytest.approx(mean + 2 * (array[..., :count] - mean), abs=1e-6)
    assert strong.min() < 0
    assert strong.max() > 1
    if count == 3:
        grey = array[..., :3].astype(float) @ weights
        vivid = made("saturation", 2, array, layout)[..., :3]
        assert vivid == pytest.approx(
            grey[..., None] + 2 * (array[..., :3].astype(float) - grey[..., None]), abs=1e-6
        )


# ----- what changes nothing is left out -------------------------------------------------------------


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_a_factor_of_one_is_no_work_and_every_other_is(name: str) -> None:
    spec = Spec(4, 4)
    assert make_operation(name, 1).idle(spec) is True
    assert [make_operation(name, factor).idle(spec) for factor in (0, 0.99, 1.01, 2)] == [False] * 4


def test_saturation_of_grey_is_no_work() -> None:
    assert make_operation("saturation", 2).idle(Spec(4, 4, "LA")) is True
