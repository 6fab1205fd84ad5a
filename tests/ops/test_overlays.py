"""composite, pixelate, redact and qr against Pillow, OpenCV and arithmetic."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, PEAK, picture, run, seen, unit
from PIL import Image, ImageChops

from imgpar import Pipeline
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.recipe.tables import make_operation

by_dtype = pytest.mark.parametrize("dtype", DTYPES)
MODES = {
    "multiply": ImageChops.multiply,
    "screen": ImageChops.screen,
    "overlay": ImageChops.overlay,
    "darken": ImageChops.darker,
    "lighten": ImageChops.lighter,
    "difference": ImageChops.difference,
}


@pytest.fixture
def other(tmp_path: Path) -> str:
    """A picture of the size of the frames, with a transparent, a soft and an opaque part."""
    array = np.ascontiguousarray(picture("RGBA").array[::-1, ::-1])
    Image.fromarray(array).save(tmp_path / "other.png")
    return str(tmp_path / "other.png")


@pytest.fixture
def opaque(tmp_path: Path) -> str:
    Image.fromarray(np.ascontiguousarray(picture("RGB").array[::-1])).save(tmp_path / "opaque.png")
    return str(tmp_path / "opaque.png")


@pytest.mark.parametrize("blend", MODES)
@by_dtype
def test_blend_modes_are_those_of_pillow(opaque: str, blend: str, dtype: str) -> None:
    expected = MODES[blend](Image.fromarray(picture("RGB").array), Image.open(opaque))
    made = run(make_operation("composite", opaque, blend=blend), picture("RGB", dtype))
    assert np.abs(unit(made) * 255 - np.asarray(expected)).max() <= 2.1


@by_dtype
def test_over_is_the_alpha_composite_of_pillow(other: str, dtype: str) -> None:
    expected = Image.alpha_composite(Image.fromarray(picture("RGBA").array), Image.open(other))
    made = seen(run(make_operation("composite", other), picture("RGBA", dtype)))
    assert np.abs(made - seen(Frame(Spec(61, 43, "RGBA"), np.asarray(expected)))).max() <= 2.1 / 255


@by_dtype
def test_under_is_over_the_other_way_round(other: str, dtype: str) -> None:
    expected = Image.alpha_composite(Image.open(other), Image.fromarray(picture("RGBA").array))
    made = seen(run(make_operation("composite", other, blend="under"), picture("RGBA", dtype)))
    assert np.abs(made - seen(Frame(Spec(61, 43, "RGBA"), np.asarray(expected)))).max() <= 2.1 / 255


def test_a_mode_leaves_the_own_colours_where_the_backdrop_is_transparent(opaque: str) -> None:
    src = picture("RGBA")
    src.array[..., 3] = 0
    made = run(make_operation("composite", opaque, blend="multiply"), src)
    np.testing.assert_array_equal(made.array[..., :3], np.asarray(Image.open(opaque)))


def test_opacity_mixes(opaque: str) -> None:
    src = picture("RGB", "float32")
    made = run(make_operation("composite", opaque, opacity="25%"), src)
    expected = src.array * 0.75 + np.asarray(Image.open(opaque)) / 255 * 0.25
    np.testing.assert_allclose(made.array, expected, atol=1e-5)


def test_it_fits_into_the_picture_and_stretch_fills_it(opaque: str) -> None:
    src = Frame(Spec(100, 43), np.zeros((43, 100, 3), np.uint8))
    inside = run(make_operation("composite", opaque, gravity="west"), src).array.any(axis=(0, 2))
    whole = run(make_operation("composite", opaque, stretch=True), src).array.any(axis=(0, 2))
    assert (inside[:61].all(), inside[61:].any(), whole.all()) == (True, False, True)


def test_a_missing_picture_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match=r"The file .*no\.png for composite cannot be read: No such file"):
        Pipeline().composite(tmp_path / "no.png").run(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("layout", ["L", "RGB", "RGBX"])
def test_pixelate_is_the_mean_of_blocks(layout: Layout) -> None:
    src = picture(layout, "uint8", 60, 42)
    count = 1 if layout == "L" else 3
    made = run(make_operation("pixelate", "all", block=6), src).array[..., :count]
    means = cv2.resize(src.array[..., :count], (10, 7), interpolation=cv2.INTER_AREA).reshape(7, 10, count)
    assert np.abs(made[::6, ::6].astype(int) - means).max() <= 1
    np.testing.assert_array_equal(made, made[::6, ::6].repeat(6, axis=0).repeat(6, axis=1))


@pytest.mark.parametrize("name", ["pixelate", "redact"])
@pytest.mark.parametrize("layout", LAYOUTS)
@by_dtype
def test_only_the_regions_are_changed(name: str, layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    made = run(make_operation(name, "10x8+3+4,50%x10%+50%+0"), src)
    count = src.spec.channels - (layout == "RGBX")
    mask = np.zeros((43, 61), bool)
    mask[4:12, 3:13] = mask[:5, 30:61] = True
    np.testing.assert_array_equal(made.array[~mask][:, :count], src.array[~mask][:, :count])
    if name == "redact":
        black = [0] * (count - src.spec.alpha) + [PEAK[dtype]] * src.spec.alpha
        assert (made.array[mask][:, :count] == black).all()


def test_a_region_outside_fails_instead_of_hiding_nothing() -> None:
    with pytest.raises(TransformError, match="The region 10x10\\+90\\+5 is outside of the picture"):
        run(make_operation("redact", "5x5+0+0,10x10+90+5"), picture("RGB"))


def test_redacting_leaves_no_thumbnail() -> None:
    small, data = io.BytesIO(), io.BytesIO()
    image = Image.fromarray(picture("RGB", "uint8", 64, 48).array)
    image.save(small, "JPEG")
    thumbnail = small.getvalue()
    # TIFF: IFD0 without entries, IFD1 with the place and the length of a JPEG.
    tiff = b"II*\0\x08\0\0\0" + b"\0\0\x0e\0\0\0" + b"\2\0"
    tiff += b"\x01\x02\4\0\1\0\0\0" + (44).to_bytes(4, "little")
    tiff += b"\x02\x02\4\0\1\0\0\0" + len(thumbnail).to_bytes(4, "little") + bytes(4)
    image.save(data, "JPEG", exif=b"Exif\0\0" + tiff + thumbnail)
    assert data.getvalue().count(b"\xff\xd8\xff") == 2
    made = Pipeline().redact("20x20+0+0").encode(data.getvalue())
    assert made.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize(
    "value", ["", "10x10", "10x10+5", "0x10+0+0", "10x10+0+0;5x5+1+1", "everything", "-1x5+0+0"]
)
def test_what_is_no_region_is_one_sentence(value: str) -> None:
    with pytest.raises(BadValueError, match="all, or regions such as"):
        make_operation("redact", value)


@pytest.mark.parametrize("content", ["https://example.org/?a=1&b=2", "Zoë, 漢字", "x" * 200])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_qr_code_is_read_by_opencv(content: str, dtype: str) -> None:
    src = picture("RGB", dtype, 300, 280)
    made = run(make_operation("qr", content, side="80%", gravity="centre"), src)
    eight = np.rint(unit(made) * 255).astype(np.uint8)
    assert cv2.QRCodeDetector().detectAndDecode(eight)[0] == content


def test_a_qr_code_has_an_empty_border_of_four_modules() -> None:
    src = Frame(Spec(200, 200, "L"), np.full((200, 200, 1), 90, np.uint8))
    made = run(make_operation("qr", "a", side=200, gravity="centre", margin=0), src).array[..., 0]
    module = 200 // 29  # version 1 has 21 modules
    rows = np.flatnonzero((made == 0).any(axis=1))
    edge = np.flatnonzero((made == 255).any(axis=1))
    assert rows[0] - edge[0] == 4 * module


def test_a_picture_too_small_for_the_code_is_one_sentence() -> None:
    with pytest.raises(TransformError, match="The picture is too small for a QR code of 29x29 modules"):
        run(make_operation("qr", "a"), picture("RGB", "uint8", 40, 20))
