"""Work in linear light: every value on its way there and back."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from imgpar.core.spec import Frame, Spec
from imgpar.pixels import linear_light, resampling
from imgpar.pixels.linear_light import in_linear_light, resample_light

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


def lanczos(size: int, wanted: int, start: float, stop: float) -> np.ndarray:
    """Weights of Lanczos 3 in float64, wanted × size."""
    scale = (stop - start) / wanted
    stretch = max(scale, 1.0)
    x = (np.arange(size) + 0.5 - (start + (np.arange(wanted)[:, None] + 0.5) * scale)) / stretch
    kernel = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True))


def exact_resize(array: np.ndarray, width: int, height: int, box: resampling.Box) -> np.ndarray:
    """The resize of 8-bit codes in linear light, all in float64: codes that are not rounded."""
    across = lanczos(array.shape[1], width, box[0], box[2])
    down = lanczos(array.shape[0], height, box[1], box[3])
    light = np.vectorize(exact_light)(array / 255)
    light = np.einsum("yj,jic,xi->yxc", down, light, across, optimize=True).clip(0, 1)
    return np.asarray(255 * np.vectorize(exact_code)(light))


@pytest.mark.parametrize("layout", ["L", "RGB", "RGBX"])
@pytest.mark.parametrize("size", [(90, 75), (41, 150), (310, 260)])
@pytest.mark.parametrize("box", [None, (10.25, 7.5, 150.0, 188.75)])
def test_a_resize_of_noise_is_the_rounded_exact_one(
    layout: str, size: tuple[int, int], box: resampling.Box | None
) -> None:
    """Noise over all values: each dark pixel has bright ones around it, which overshoot."""
    channels = {"L": 1, "RGB": 3, "RGBX": 4}[layout]
    array = np.random.default_rng(4).integers(0, 256, (200, 160, channels), np.uint8)
    spec = Spec(160, 200, layout)
    dst = Frame(spec.resized(*size), np.empty((size[1], size[0], channels), np.uint8))
    resample_light(Frame(spec, array), dst, box)
    colours = slice(0, 1 if layout == "L" else 3)
    wanted = exact_resize(array[..., colours], *size, box or (0.0, 0.0, 160.0, 200.0))
    error = np.abs(dst.array[..., colours] - wanted)
    assert error.max() < 0.75
    assert np.mean(dst.array[..., colours] != np.rint(wanted)) < 0.02


@pytest.mark.parametrize("layout", ["RGB", "RGBA"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_bands_give_what_the_whole_gives(layout: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec(150, 400, layout, dtype)
    array = np.random.default_rng(4).random(spec.shape) * PEAK[dtype]
    made = []
    for rows in (7, 1000):
        monkeypatch.setattr(linear_light, "_BAND_ROWS", rows)
        monkeypatch.setattr(linear_light, "_BAND_VALUES", 1)
        dst = Frame(spec.resized(70, 190), np.empty((190, 70, spec.channels), dtype))
        resample_light(Frame(spec, array.astype(dtype)), dst)
        made.append(dst.array.astype(np.float64) / PEAK[dtype])
    assert np.abs(made[0] - made[1]).max() < 2e-5


def test_a_resize_needs_less_memory_than_the_picture() -> None:
    spec = Spec(3000, 2000, "RGBX")
    src = Frame(spec, np.full(spec.shape, 90, np.uint8))
    dst = Frame(spec.resized(900, 600), np.empty((600, 900, 4), np.uint8))
    tracemalloc.start()
    resample_light(src, dst)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < spec.nbytes / 2


def test_without_16_bit_tables_of_opencv_the_resize_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    spec, whole = Spec(60, 50, "RGB"), cv2.LUT
    array = np.random.default_rng(4).integers(0, 256, spec.shape, np.uint8)
    made = [np.empty((25, 30, 3), np.uint8) for _ in range(2)]
    resample_light(Frame(spec, array), Frame(spec.resized(30, 25), made[0]))

    def of_bytes(values: np.ndarray, table: np.ndarray) -> np.ndarray:
        if values.dtype != np.uint8:
            raise cv2.error("src.depth() == CV_8U")
        return np.asarray(whole(values, table))

    monkeypatch.setattr(cv2, "LUT", of_bytes)
    resample_light(Frame(spec, array), Frame(spec.resized(30, 25), made[1]))
    assert (made[0] == made[1]).all()
