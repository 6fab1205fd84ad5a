"""Operations on tones against Pillow, OpenCV and arithmetic."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, PEAK, Array, garbage, picture, psnr, run, seen, unit
from PIL import Image, ImageOps

from imgpar import Pipeline
from imgpar.core.errors import BadValueError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.recipe.tables import make_operation

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
by_dtype = pytest.mark.parametrize("dtype", DTYPES)
STEP = {"uint8": 0.51 / 255, "uint16": 0.51 / 65535, "float32": 1e-5}
"""Rounding of one value."""


def colours(frame: Frame) -> Array:
    values = unit(frame)
    return values[..., : values.shape[-1] - frame.spec.alpha]


CURVES = {
    "gamma": (("gamma", 1.7), lambda v: v ** (1 / 1.7)),
    "levels": (("levels", "51,204"), lambda v: (v - 0.2) / 0.6),
    "levels with gamma": (("levels", "0%,80%,2"), lambda v: (v / 0.8) ** 0.5),
    "invert": (("invert",), lambda v: 1 - v),
    "posterise": (("posterise", 5), lambda v: np.rint(v * 4) / 4),
}


@pytest.mark.parametrize("case", CURVES)
@by_layout
@by_dtype
def test_a_curve_is_that_of_the_formula(case: str, layout: Layout, dtype: str) -> None:
    (name, *value), curve = CURVES[case]
    src = picture(layout, dtype)
    expected = curve(colours(src))
    got = colours(run(make_operation(name, *value), src))
    expected = expected if dtype == "float32" else np.clip(expected, 0, 1)
    np.testing.assert_allclose(got, expected, atol=STEP[dtype])


@pytest.mark.parametrize(
    "name",
    ["gamma", "levels", "invert", "posterise", "auto_contrast", "normalise", "clahe", "white_balance", "tint",
     "sepia", "hue", "vignette", "denoise", "median"],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["LA", "RGBA"])
@by_dtype
def test_alpha_is_kept(name: str, layout: Layout, dtype: str) -> None:
    values = {"levels": "9,200", "white_balance": "auto", "tint": "red", "posterise": 4, "median": 3}
    values["auto_contrast"] = "1%"
    value = True if name in ("invert", "normalise") else values.get(name, 1)
    src = picture(layout, dtype)
    np.testing.assert_array_equal(run(make_operation(name, value), src).array[..., -1], src.array[..., -1])


def test_negative_floats_keep_their_sign_under_gamma() -> None:
    src = Frame(Spec(3, 1, "L", "float32"), np.array([-0.25, 0.25, 4], np.float32).reshape(1, 3, 1))
    assert run(make_operation("gamma", 2), src).array.ravel().tolist() == [-0.5, 0.5, 2.0]


@pytest.mark.parametrize("cutoff", [0, 1, 7.5])
@pytest.mark.parametrize("separate", [False, True])
def test_auto_contrast_is_that_of_pillow(cutoff: float, separate: bool) -> None:
    src = picture("RGB")
    image = Image.fromarray(src.array)
    expected = ImageOps.autocontrast(image, cutoff, preserve_tone=not separate)
    made = run(make_operation("auto_contrast", f"{cutoff}%", separate=separate), src)
    # Pillow cuts fractions off.
    assert np.abs(made.array.astype(int) - np.asarray(expected)).max() <= 1


@by_dtype
def test_auto_contrast_of_one_tone_changes_nothing(dtype: str) -> None:
    src = Frame(Spec(5, 3, "RGB", dtype), np.full((3, 5, 3), 0.4 * PEAK[dtype], dtype))
    np.testing.assert_array_equal(run(make_operation("auto_contrast", 0), src).array, src.array)


@by_layout
def test_normalise_is_that_of_opencv(layout: Layout) -> None:
    src = picture(layout)
    if src.spec.alpha:
        src.array[..., -1] = 255
    count = src.spec.channels - (src.spec.channels in (2, 4))
    part = np.ascontiguousarray(src.array[..., :count])
    expected = cv2.normalize(part.reshape(-1), None, 0, 255, cv2.NORM_MINMAX).reshape(part.shape)
    np.testing.assert_allclose(run(make_operation("normalise"), src).array[..., :count], expected, atol=1)


def test_normalise_brings_hdr_into_range() -> None:
    src = picture("RGB", "float32")
    src.array[...] = src.array * 5 - 1
    made = run(make_operation("normalise"), src).array
    assert (float(made.min()), float(made.max())) == pytest.approx((0, 1), abs=1e-6)


@pytest.mark.parametrize("size", [(64, 48), (61, 43), (1, 1), (3, 40), (8, 50)])
@pytest.mark.parametrize(("clip", "tiles"), [(2, "8x8"), (4, "3x2"), (40, "1x1")])
def test_clahe_is_that_of_opencv(size: tuple[int, int], clip: float, tiles: str) -> None:
    src = picture("L", "uint8", *size)
    grid = tuple(map(int, tiles.split("x")))
    expected = cv2.createCLAHE(clip, grid).apply(src.array[..., 0].copy()).reshape(src.array.shape[:2])
    made = run(make_operation("clahe", clip, tiles=tiles), src)
    np.testing.assert_array_equal(made.array[..., 0], expected)
    deep = run(make_operation("clahe", clip, tiles=tiles), picture("L", "float32", *size))
    assert np.abs(deep.array[..., 0] * 255 - expected).max() <= 1.01


def test_clahe_keeps_the_differences_of_the_channels() -> None:
    src = picture("RGB", "float32")
    before, after = src.array, run(make_operation("clahe", 2), src).array
    np.testing.assert_allclose(after[..., 0] - after[..., 1], before[..., 0] - before[..., 1], atol=1e-5)


@by_dtype
def test_grey_world_makes_the_mean_grey_in_linear_light(dtype: str) -> None:
    src = picture("RGB", dtype)
    src.array[..., 2] = src.array[..., 2] * 0.7
    values = unit(run(make_operation("white_balance", "auto"), src))
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).mean(axis=(0, 1))
    assert np.ptp(light) / light.mean() < 0.01


def test_a_sheet_of_paper_in_lamplight_becomes_white() -> None:
    # The colour of a black body of 2856 K (CIE illuminant A: x 0.4476, y 0.4074) in sRGB.
    x, y = 0.4476, 0.4074
    xyz = np.array([x / y, 1, (1 - x - y) / y]) * 0.4
    light = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]) @ xyz
    coded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    src = Frame(Spec(1, 1, "RGB", "float32"), coded.astype(np.float32).reshape(1, 1, 3))
    made = run(make_operation("white_balance", "2856K"), src).array.ravel()
    assert np.ptp(made) < 0.02
    assert np.ptp(coded) > 0.3


@pytest.mark.parametrize("layout", ["L", "RGB"])
def test_bilevel_auto_is_otsu_of_opencv(layout: Layout) -> None:
    src = picture(layout)
    grey = src.array[..., 0] if layout == "L" else cv2.cvtColor(src.array, cv2.COLOR_RGB2GRAY)
    _, expected = cv2.threshold(grey.copy(), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    made = run(make_operation("bilevel", "auto"), src)
    # Luma is not rounded to 8 bits: pixels at the limit itself may fall to the other side.
    assert (made.array[..., 0] != expected).mean() < (0.0005 if layout == "L" else 0.02)
    assert set(np.unique(made.array)) == {0, 255}


@by_dtype
def test_a_tone_separates_black_from_white(dtype: str) -> None:
    values = np.array([0, 101, 102, 103, 255]) / 255 * PEAK[dtype]
    src = Frame(Spec(5, 1, "L", dtype), values.astype(dtype).reshape(1, 5, 1))
    made = run(make_operation("bilevel", "40%"), src).array.ravel() / PEAK[dtype]
    assert made.tolist() == [0, 0, 1, 1, 1]


def test_adaptive_reads_text_in_uneven_light() -> None:
    ink = np.zeros((120, 160), np.uint8)
    cv2.putText(ink, "imgpar", (12, 75), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 2)
    light = np.linspace(40, 240, 160)[None] * np.where(ink > 0, 0.4, 1.0)
    src = Frame(Spec(160, 120, "L"), light.astype(np.uint8)[..., None])
    made = run(make_operation("bilevel", "adaptive"), src).array[..., 0]
    assert ((made == 0) == (ink > 0)).mean() > 0.99
    assert ((run(make_operation("bilevel", "auto"), src).array[..., 0] == 0) == (ink > 0)).mean() < 0.8


@by_dtype
def test_a_threshold_leaves_small_differences_alone(dtype: str) -> None:
    src = picture("RGB", dtype)
    blurred = unit(run(make_operation("blur", 1.5), src))
    difference = unit(src) - blurred
    sharp = np.abs(difference) > 6.5 / 255
    expected = np.clip(unit(src) + np.where(sharp, 1.2 * difference, 0), 0, 1)
    made = run(make_operation("sharpen", 1.2, sigma=1.5, threshold=6.5), src)
    assert psnr(seen(made), expected) >= (55 if dtype == "uint8" else 70)
    unchanged = ~sharp & (np.abs(np.abs(difference) - 6.5 / 255) > 1 / 255)
    assert unchanged.any()
    np.testing.assert_allclose(made.array[unchanged], src.array[unchanged], atol=1e-6)


def test_without_a_threshold_sharpening_is_what_it_was() -> None:
    src, made = picture("RGB"), garbage(Spec(61, 43), 3)
    make_operation("sharpen", 0.7, threshold=0).apply(src, made)
    blurred = cv2.GaussianBlur(src.array, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_array_equal(made.array, cv2.addWeighted(src.array, 1.7, blurred, -0.7, 0))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("levels", "240,10", "a black point below a white point such as 10,240"),
        ("levels", "10", "a black point below"),
        ("levels", "1,2,3,4", "a black point below"),
        ("levels", "0,300", "a black point below"),
        ("white_balance", "1500", "auto, or the colour temperature of the light from 2500 to 25000 kelvins"),
        ("white_balance", "aut", "Did you mean 'auto'"),
        ("bilevel", "adaptiv", "Did you mean 'adaptive'"),
        ("auto_contrast", "50%", "less than 50%"),
        ("clahe", "0", "a number from 0.1 to 100"),
        ("median", "4", "3 or 5"),
        ("posterise", "1", "a whole number from 2 to 256"),
        ("vignette", "0", "a share such as"),
    ],
)
def test_a_bad_value_is_one_sentence(name: str, value: str, said: str) -> None:
    with pytest.raises(BadValueError, match=said):
        make_operation(name, value)


@pytest.mark.parametrize(("to", "tag"), [("png", None), ("tiff", 4), ("bmp", None)])
def test_a_bilevel_picture_is_written_with_1_bit(to: str, tag: int | None) -> None:
    data = io.BytesIO()
    Image.fromarray(picture("RGB").array).save(data, "PNG")
    with Image.open(io.BytesIO(Pipeline().bilevel("auto").encode(data.getvalue(), to=to))) as made:
        assert made.mode == "1"
        if tag:
            assert made.tag_v2[259] == tag  # type: ignore[attr-defined]  # compression: CCITT group 4
        expected = run(make_operation("bilevel", "auto"), picture("RGB")).array[..., 0]
        np.testing.assert_array_equal(np.asarray(made.convert("L")), expected)
