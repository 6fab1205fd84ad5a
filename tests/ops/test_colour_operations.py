"""grey, brightness, contrast, saturation, sharpen and blur against Pillow and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, Array, picture, psnr, run, seen, unit
from PIL import Image, ImageEnhance, ImageFilter

from imgpar.core.spec import Layout
from imgpar.recipe.tables import make_operation

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
by_dtype = pytest.mark.parametrize("dtype", DTYPES)
factors = pytest.mark.parametrize("factor", [0, 0.5, 1.3, 2.5])

LUMA = np.array([0.299, 0.587, 0.114])


def pillow(kind: type, factor: float) -> Array:
    """What Pillow's enhancer makes of the same picture."""
    return np.asarray(kind(Image.fromarray(picture("RGB").array)).enhance(factor)) / 255


@factors
@by_dtype
@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
def test_factors_mean_what_they_mean_in_pillow(name: str, enhancer: type, factor: float, dtype: str) -> None:
    dst = run(make_operation(name, factor), picture("RGB", dtype))
    # Pillow cuts fractions off where we round: half a step on the average.
    np.testing.assert_allclose(seen(dst), pillow(enhancer, factor), atol=3.1 / 255)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "sharpen"])
@pytest.mark.parametrize("layout", ["LA", "RGBA"])
@by_dtype
def test_alpha_is_kept(name: str, layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    np.testing.assert_array_equal(run(make_operation(name, 1.7), src).array[..., -1], src.array[..., -1])


def test_floats_may_get_brighter_than_white() -> None:
    src = picture("RGB", "float32")
    np.testing.assert_allclose(run(make_operation("brightness", 3), src).array, src.array * 3, rtol=1e-6)


@by_layout
@by_dtype
def test_grey_is_luma(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    dst = run(make_operation("grey"), src)
    values = unit(src)
    expected = values[..., 0] if src.spec.grey else values[..., :3] @ LUMA
    assert dst.spec.layout == ("LA" if src.spec.alpha else "L")
    np.testing.assert_allclose(unit(dst)[..., 0], expected, atol=1.01 / 255 if dtype == "uint8" else 1e-4)


@pytest.mark.parametrize("sigma", [0.8, 2, 6])
@by_dtype
def test_blur_is_a_gaussian(sigma: float, dtype: str) -> None:
    src = picture("L", dtype)
    offsets = np.arange(-40, 41)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    expected = np.pad(unit(src)[..., 0], 40, mode="edge")
    for axis in (0, 1):
        expected = np.apply_along_axis(np.convolve, axis, expected, kernel, "valid")
    assert psnr(seen(run(make_operation("blur", sigma), src))[..., 0], expected) >= 50


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_sharpening_is_an_unsharp_mask(dtype: str) -> None:
    src = picture("RGB", dtype)
    blurred = seen(run(make_operation("blur", 2), picture("RGB", "float32")))
    expected = np.clip(unit(src) + 1.5 * (unit(src) - blurred), 0, 1)
    assert psnr(seen(run(make_operation("sharpen", 1.5, sigma=2), src)), expected) >= 45


def test_sharpening_resembles_pillow() -> None:
    src = picture("RGB")
    mask = ImageFilter.UnsharpMask(radius=2, percent=100, threshold=0)
    expected = np.asarray(Image.fromarray(src.array).filter(mask)) / 255
    assert psnr(seen(run(make_operation("sharpen", 1, sigma=2), src)), expected) >= 35


@pytest.mark.parametrize("layout", ["LA", "RGBA"])
@by_dtype
def test_blurred_transparency_has_no_fringe(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    bright = src.array.max()
    src.array[...] = 0
    src.array[:, 30:] = bright
    values = unit(run(make_operation("blur", 2), src))
    assert values[values[..., -1] > 0.1][:, :-1].min() > 0.95 * unit(src).max()
