"""Work in linear light: every value on its way there and back."""

from __future__ import annotations

import numpy as np
import pytest

from imgpar.core.spec import Frame, Spec
from imgpar.pixels.linear_light import in_linear_light

PEAK = {"uint8": 255, "uint16": 65535, "float32": 1.0}


def through(array: np.ndarray, layout: str, factor: float = 1.0) -> np.ndarray:
    """Every amount of light times a factor."""
    spec = Spec(array.shape[1], array.shape[0], layout, str(array.dtype))
    dst = np.full_like(array, 77)

    def work(source: Frame, target: Frame) -> None:
        assert source.spec == target.spec == spec.converted(layout, "float32")
        np.multiply(source.array, np.float32(factor), out=target.array)

    in_linear_light(Frame(spec, array), Frame(spec, dst), work)
    return dst


def exact_light(value: float) -> float:
    """IEC 61966-2-1, in Python's own floats."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def exact_code(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_value_comes_back(dtype: str) -> None:
    array = np.arange(PEAK[dtype] + 1, dtype=dtype).reshape(-1, 16, 1)
    assert (through(array, "L") == array).all()


@pytest.mark.parametrize(("dtype", "unsure"), [("uint8", 0.06), ("uint16", 0.05)])
@pytest.mark.parametrize("factor", [0.5, 0.1, 1.5])
def test_every_value_at_another_amount_of_light(dtype: str, unsure: float, factor: float) -> None:
    peak = PEAK[dtype]
    array = np.arange(peak + 1, dtype=dtype).reshape(-1, 16, 1)
    exact = [peak * exact_code(min(1.0, factor * exact_light(value / peak))) for value in range(peak + 1)]
    # A result that lies in the middle of two values may become either: light is held in finite steps.
    sure = np.array([abs(value % 1 - 0.5) > unsure for value in exact])
    assert sure.mean() > 0.85
    expected = np.array([round(value) for value in exact])
    assert (through(array, "L", factor).ravel()[sure] == expected[sure]).all()


def test_floats_follow_the_curve_and_are_not_clipped() -> None:
    values = np.linspace(0, 1, 1001, dtype=np.float32).reshape(-1, 7, 1)
    expected = [exact_code(2 * exact_light(float(value))) for value in values.ravel()]
    result = through(values, "L", 2.0)
    assert result.ravel() == pytest.approx(expected, abs=2e-6)
    assert result.max() > 1.3


@pytest.mark.parametrize("layout", ["LA", "RGBA"])
@pytest.mark.parametrize(
    ("dtype", "alpha", "half"),
    [
        ("uint8", [0, 1, 100, 200, 201, 255], [0, 0, 50, 100, 100, 128]),
        ("uint16", [0, 2, 100, 20000, 65534, 65535], [0, 1, 50, 10000, 32767, 32768]),
    ],
)
def test_alpha_is_no_light(layout: str, dtype: str, alpha: list[int], half: list[int]) -> None:
    array = np.full((2, 3, len(layout)), 40, dtype)
    array[..., -1] = np.array(alpha).reshape(2, 3)
    assert through(array, layout)[..., -1].ravel().tolist() == alpha
    assert through(array, layout, 0.5)[..., -1].ravel().tolist() == half


def test_alpha_of_floats() -> None:
    array = np.full((1, 2, 4), 0.2, np.float32)
    array[..., -1] = 0.3, 1.0
    assert through(array, "RGBA", 0.5)[..., -1].ravel() == pytest.approx([0.15, 0.5])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("layout", ["L", "RGBA"])
def test_what_is_too_bright_or_too_dark_is_clipped(dtype: str, layout: str) -> None:
    array = np.full((1, 2, len(layout)), PEAK[dtype], dtype)
    assert (through(array, layout, 1.7) == PEAK[dtype]).all()
    assert (through(array, layout, -0.3) == 0).all()


def test_each_channel_keeps_its_own_light() -> None:
    array = np.array([[[10, 100, 200]]], np.uint8)
    expected = [round(255 * exact_code(0.5 * exact_light(value / 255))) for value in (10, 100, 200)]
    assert through(array, "RGB", 0.5).ravel().tolist() == expected
