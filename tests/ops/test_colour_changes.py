"""Operations on colours and noise against Pillow, OpenCV, CSS's matrices and arithmetic."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, PEAK, Array, picture, psnr, run, seen, unit
from PIL import Image, ImageFilter, ImageOps

from imgpar import Pipeline
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.pixels.colour import profiles
from imgpar.recipe.tables import make_operation

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
by_dtype = pytest.mark.parametrize("dtype", DTYPES)

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
"""Filter Effects Module Level 1 of the W3C: sepia(1), hue-rotate(90deg)."""
QUARTER = np.array([[0.0, 0.0, 1.0], [0.356, 0.855, -0.211], [-0.574, 1.430, 0.144]])


def close(made: Frame, expected: Array, dtype: str) -> bool:
    """Whether colours are as expected, but for rounding."""
    expected = expected if dtype == "float32" else np.clip(expected, 0, 1)
    # OpenCV multiplies integers by fixed-point factors.
    return bool(np.abs(unit(made)[..., :3] - expected).max() <= (1.01 / 255 if dtype == "uint8" else 1e-4))


@by_layout
@by_dtype
def test_sepia_is_that_of_css(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    values = unit(src)[..., :3] if not src.spec.grey else unit(src)[..., :1].repeat(3, axis=-1)
    assert close(run(make_operation("sepia", 1), src), values @ SEPIA.T, dtype)


@pytest.mark.parametrize("layout", ["RGB", "RGBX", "RGBA"])
@by_dtype
def test_a_quarter_turn_of_the_hue_is_that_of_css(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    assert close(run(make_operation("hue", 90), src), unit(src)[..., :3] @ QUARTER.T, dtype)


def test_half_a_sepia_is_half_way() -> None:
    src = picture("RGB", "float32")
    full, half = (unit(run(make_operation("sepia", share), src)) for share in (1, 0.5))
    np.testing.assert_allclose(half, (unit(src) + full) / 2, atol=1e-5)


@by_dtype
@pytest.mark.parametrize("layout", ["L", "LA", "RGB"])
def test_tint_is_the_colorize_of_pillow(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    grey = Image.fromarray(picture(layout).array[..., 0]) if src.spec.grey else None
    grey = grey or Image.fromarray(picture(layout).array).convert("L")
    expected = ImageOps.colorize(grey, "black", "white", (64, 112, 160), midpoint=128)
    made = run(make_operation("tint", "#4070a0"), src)
    assert made.spec.layout == ("RGBA" if layout == "LA" else "RGB")
    assert np.abs(unit(made)[..., :3] - np.asarray(expected) / 255).max() <= 3.1 / 255


def test_a_given_tint_is_seen_in_every_profile() -> None:
    adobe = profiles.rgb_profile("Wide", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), gamma=563 / 256)
    data = io.BytesIO()
    Image.new("RGB", (8, 8), (128, 128, 128)).save(data, "PNG", icc_profile=adobe)
    given = (60, 130, 110)
    made = Image.open(io.BytesIO(Pipeline().tint(given).encode(data.getvalue())))
    from PIL import ImageCms

    shown = ImageCms.profileToProfile(
        made, ImageCms.ImageCmsProfile(io.BytesIO(adobe)), ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    assert np.abs(np.array(shown.getpixel((3, 3))) - given).max() <= 3


def shades(*colours: tuple[int, ...], dtype: str = "uint8") -> Frame:
    layout: Layout = {1: "L", 3: "RGB", 4: "RGBA"}[len(colours[0])]  # type: ignore[assignment]
    values = np.array([colours]) * (PEAK[dtype] / 255)
    return Frame(Spec(len(colours), 1, layout, dtype), np.ascontiguousarray(values.astype(dtype)))


@by_dtype
def test_a_colour_within_the_tolerance_is_replaced(dtype: str) -> None:
    src = shades((255, 255, 255), (250, 250, 250), (249, 249, 249), (255, 255, 240), dtype=dtype)
    made = run(make_operation("replace_colour", "white", replacement="#102030", tolerance=5), src)
    new = [(16, 32, 48), (16, 32, 48), (249, 249, 249), (255, 255, 240)]
    np.testing.assert_allclose(made.array[0] / PEAK[dtype] * 255, new, atol=0.01)


def test_the_default_makes_it_transparent() -> None:
    made = run(make_operation("replace_colour", "white"), shades((255, 255, 255), (10, 20, 30)))
    assert made.spec.layout == "RGBA"
    assert made.array[0, :, 3].tolist() == [0, 255]
    assert made.array[0, 1, :3].tolist() == [10, 20, 30]


def test_softness_fades_out() -> None:
    src = shades((255,), (245,), (235,), (225,))
    made = run(make_operation("replace_colour", "white", tolerance=10, softness=20), src)
    assert made.array[0, :, -1].tolist() == [0, 0, 127, 255]


def test_the_opacity_of_a_replaced_pixel_is_its_own_times_that_of_the_replacement() -> None:
    src = shades((255, 255, 255, 128), (255, 255, 255, 0), (0, 0, 0, 128))
    made = run(make_operation("replace_colour", "white", replacement="#ff000080"), src)
    assert made.array[0].tolist() == [[255, 0, 0, 64], [255, 0, 0, 0], [0, 0, 0, 128]]


@by_dtype
@by_layout
def test_vignette_follows_its_formula(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    y, x = np.mgrid[:43, :61] + 0.5
    t = np.clip((np.hypot(x - 30.5, y - 21.5) / np.hypot(30.5, 21.5) - 0.3) / 0.7, 0, 1)
    gain = (1 - 0.6 * t * t * (3 - 2 * t))[..., None]
    values = unit(src)
    count = values.shape[-1] - src.spec.alpha
    made = unit(run(make_operation("vignette", 0.6), src))[..., :count]
    atol = 0.51 / 255 if dtype == "uint8" else 1e-4
    np.testing.assert_allclose(made, values[..., :count] * gain, atol=atol)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("layout", ["L", "RGB", "RGBX"])
def test_median_is_that_of_pillow(size: int, layout: Layout) -> None:
    src = picture(layout)
    array = src.array[..., 0] if layout == "L" else src.array[..., :3]
    expected = np.asarray(Image.fromarray(np.ascontiguousarray(array)).filter(ImageFilter.MedianFilter(size)))
    made = run(make_operation("median", size), src).array
    np.testing.assert_array_equal(made[..., 0] if layout == "L" else made[..., :3], expected)


@by_layout
@by_dtype
def test_denoising_removes_noise_and_keeps_an_edge(layout: Layout, dtype: str) -> None:
    clean = picture(layout, "float32", 120, 90)
    clean.array[...] = 0.3
    clean.array[:, 60:] = 0.7
    if clean.spec.alpha:
        clean.array[..., -1] = 1
    noise = np.random.default_rng(3).normal(0, 8 / 255, clean.array.shape).astype(np.float32)
    noisy = (np.clip(clean.array + noise, 0, 1) * PEAK[dtype]).astype(dtype)
    if clean.spec.alpha:
        noisy[..., -1] = PEAK[dtype]
    made = run(make_operation("denoise", 8), Frame(clean.spec.converted(layout, dtype), noisy))
    before = psnr(noisy[..., :1] / PEAK[dtype], clean.array[..., :1])
    after = psnr(unit(made)[..., :1], clean.array[..., :1])
    assert after > before + 8
    assert np.abs(np.diff(unit(made)[:, 59:61, 0].mean(axis=0))) > 0.35


def test_denoising_is_the_bilateral_filter_of_opencv() -> None:
    src = picture("RGB", "uint8", 50, 700)  # several bands
    expected = cv2.bilateralFilter(src.array, 7, 20, 1.5, borderType=cv2.BORDER_REPLICATE)
    made = run(make_operation("denoise", 5), src).array
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert (made == expected).mean() > 0.999


@by_dtype
def test_what_is_hidden_does_not_bleed_into_filtered_colours(dtype: str) -> None:
    src = picture("RGBA", dtype)
    src.array[...] = 0
    src.array[:, 30:] = PEAK[dtype]
    for name, value in (("median", 5), ("denoise", 60)):
        assert unit(run(make_operation(name, value), src))[:, 30:, :3].min() > 0.99


@pytest.mark.parametrize("name", ["sepia", "tint", "hue", "clahe", "median"])
def test_an_animation_is_changed_in_every_frame(name: str) -> None:
    frames = [Image.fromarray(np.roll(picture("RGB").array, 9 * n, axis=1)) for n in range(3)]
    data = io.BytesIO()
    frames[0].save(data, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    value = {"tint": "teal", "hue": 60, "clahe": 2, "median": 3}.get(name, True)
    made = Image.open(
        io.BytesIO(Pipeline().then(make_operation(name, value)).encode(data.getvalue(), lossless=True))
    )
    for n, frame in enumerate(frames):
        made.seek(n)
        src = Frame(Spec(61, 43), np.asarray(frame).copy())
        expected = seen(run(make_operation(name, value), src))
        assert psnr(np.asarray(made.convert("RGB")) / 255, expected) > 45
