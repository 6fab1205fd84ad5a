"""Layouts, depths and orientations against plain arithmetic and Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from imgpar.core.errors import TransformError
from imgpar.core.spec import Frame, Spec
from imgpar.pixels.layouts import convert_layout, nearest, orient, oriented

LAYOUTS = ("L", "LA", "RGB", "RGBX", "RGBA")
DTYPES = ("uint8", "uint16", "float32")


def frame(layout: str, dtype: str = "uint8", width: int = 13, height: int = 7, seed: int = 1) -> Frame:
    spec = Spec(width, height, layout, dtype)
    random = np.random.default_rng(seed)
    if dtype == "float32":
        array = random.random(spec.shape, dtype=np.float32)
    else:
        array = random.integers(0, np.iinfo(dtype).max + 1, spec.shape, dtype)
    if layout == "RGBX":
        array[..., 3] = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    return Frame(spec, array)


def converted(src: Frame, layout: str, dtype: str = "uint8", **options: object) -> np.ndarray:
    spec = src.spec.converted(layout, dtype)
    dst = Frame(spec, np.full(spec.shape, 77, dtype))
    convert_layout(src, dst, **options)
    return dst.array


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("new", LAYOUTS)
@pytest.mark.parametrize("old", LAYOUTS)
def test_every_layout_becomes_every_other_as_a_float_reference_says(old: str, new: str, dtype: str) -> None:
    src = frame(old, dtype)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    values = src.array.astype(np.float64) / peak
    alpha = values[..., -1:] if src.spec.alpha else np.ones((*values.shape[:2], 1))
    colour = values[..., :1].repeat(3, axis=2) if src.spec.grey else values[..., :3]
    if new in ("L", "RGB", "RGBX"):
        colour, alpha = colour * alpha + (1 - alpha), np.ones_like(alpha)
    if new in ("L", "LA"):
        colour = colour @ np.array([[0.299], [0.587], [0.114]])
    wanted = colour if new in ("L", "RGB") else np.concatenate([colour, alpha], axis=2)
    result = converted(src, new, dtype)
    assert result.shape == wanted.shape
    assert np.abs(result / peak - wanted).max() <= (1.5 / peak if dtype != "float32" else 1e-5)


def test_sixteen_bits_become_eight_by_rounding_to_the_nearest() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    result = converted(Frame(Spec(256, 256, "L", "uint16"), every), "L")
    assert (result == np.floor(every / 257 + 0.5)).all()


def test_eight_bits_survive_a_trip_through_sixteen_and_float() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    src = Frame(Spec(16, 16, "L"), every)
    for dtype in ("uint16", "float32"):
        wide = Frame(src.spec.converted("L", dtype), converted(src, "L", dtype))
        assert (converted(wide, "L") == every).all()


def test_floats_are_clipped_and_rounded() -> None:
    values = np.array([-1, 0, 0.4999 / 255, 0.5001 / 255, 1, 7, np.inf, -np.inf, np.nan], np.float32)
    src = Frame(Spec(9, 1, "L", "float32"), values.reshape(1, 9, 1))
    assert converted(src, "L").ravel().tolist() == [0, 0, 0, 1, 255, 255, 255, 0, 0]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_transparent_pixel_is_laid_on_the_background(value: int, alpha: int, below: int) -> None:
    src = Frame(Spec(1, 1, "RGBA"), np.array([[[value, value, value, alpha]]], np.uint8))
    result = converted(src, "RGBX", background=(below, below, below, 255))
    wanted = int((value * alpha + below * (255 - alpha)) / 255 + 0.5)
    assert result.ravel().tolist() == [wanted, wanted, wanted, 255]


def test_grey_on_a_coloured_background_becomes_coloured() -> None:
    src = Frame(Spec(1, 1, "LA"), np.array([[[200, 0]]], np.uint8))
    assert converted(src, "RGB", background=(255, 128, 0, 255)).ravel().tolist() == [255, 128, 0]
    assert converted(src, "L", background=(255, 128, 0, 255)).ravel().tolist() == [151]


def test_bands_of_a_large_picture_join_without_a_seam() -> None:
    src = frame("RGB", width=700, height=900)
    assert (converted(src, "RGBX")[..., :3] == src.array).all()


def test_cmyk_is_refused_here() -> None:
    src = Frame(Spec(1, 1, "CMYK"), np.zeros((1, 1, 4), np.uint8))
    with pytest.raises(TransformError, match="CMYK"):
        converted(src, "RGB")


@pytest.mark.parametrize(
    ("layout", "dtype", "layouts", "dtypes", "wanted"),
    [
        ("RGBA", "uint8", ("L", "RGB", "RGBX"), ("uint8",), ("RGBX", "uint8")),
        ("RGB", "uint8", ("L", "RGB", "RGBX"), ("uint8",), ("RGB", "uint8")),
        ("LA", "uint8", ("RGBX", "RGB", "RGBA"), ("uint8",), ("RGBA", "uint8")),
        ("L", "uint16", ("L", "RGB"), ("uint8", "uint16"), ("L", "uint16")),
        ("RGB", "float32", ("L", "RGB"), ("uint8", "uint16"), ("RGB", "uint16")),
        ("L", "float32", ("L", "LA"), ("uint8",), ("L", "uint8")),
        ("LA", "uint8", ("L", "RGB"), ("uint8",), ("L", "uint8")),
    ],
)
def test_nearest_loses_the_least(
    layout: str, dtype: str, layouts: tuple[str, ...], dtypes: tuple[str, ...], wanted: tuple[str, str]
) -> None:
    result = nearest(Spec(3, 2, layout, dtype), layouts, dtypes)
    assert (result.layout, result.dtype) == wanted


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("orientation", range(10))
def test_orientation_turns_as_pillow_does(orientation: int, layout: str, dtype: str) -> None:
    src = frame(layout, dtype)
    spec = oriented(src.spec, orientation)
    dst = Frame(spec, np.zeros(spec.shape, dtype))
    orient(src, dst, orientation)
    # Pillow turns a map of pixel numbers, so that every depth can be compared.
    numbers = Image.fromarray(np.arange(13 * 7, dtype=np.uint8).reshape(7, 13))
    numbers.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(numbers))
    assert spec.size == upright.shape[::-1]
    assert (dst.array == src.array.reshape(-1, src.spec.channels)[upright]).all()
