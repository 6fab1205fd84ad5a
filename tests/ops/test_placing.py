"""crop, pad, rotate and flip: pixels that move must not change."""

from __future__ import annotations

import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, picture, psnr, run, seen, unit
from PIL import Image

from imgpar.core.errors import TransformError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.recipe.tables import make_operation

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
by_dtype = pytest.mark.parametrize("dtype", DTYPES)


@by_layout
@by_dtype
def test_a_crop_is_a_slice(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    dst = run(make_operation("crop", "20x10+3+5"), src)
    np.testing.assert_array_equal(unit(dst), unit(src)[5:15, 3:23])


@pytest.mark.parametrize(
    ("region", "gravity", "size", "area"),
    [
        ("20x10", "centre", (60, 40), (20, 15, 20, 10)),
        ("20x10", "southeast", (60, 40), (40, 30, 20, 10)),
        ("20x10+50+35", None, (60, 40), (50, 35, 10, 5)),
        ("100x10", "north", (60, 40), (0, 0, 60, 10)),
        ("16:9", "centre", (1000, 1000), (0, 219, 1000, 563)),
        ("1:1", "east", (60, 40), (20, 0, 40, 40)),
    ],
)
def test_where_a_crop_lies(
    region: str, gravity: str | None, size: tuple[int, int], area: tuple[int, int, int, int]
) -> None:
    assert make_operation("crop", region, gravity=gravity)._area(Spec(*size)) == area  # type: ignore[attr-defined]


def test_a_crop_outside_is_refused() -> None:
    with pytest.raises(TransformError, match="10x10\\+60\\+0 lies outside of a picture of 60x40"):
        make_operation("crop", "10x10+60+0").plan(Spec(60, 40))


@by_layout
@by_dtype
def test_padding_leaves_the_picture_as_it_is(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    dst = run(make_operation("pad", "80x50", gravity="northwest"), src)
    np.testing.assert_array_equal(unit(dst)[:43, :61], unit(src))


@pytest.mark.parametrize(
    ("layout", "background", "expected", "corner"),
    [
        ("L", "red", "RGB", (255, 0, 0)),
        ("L", "white", "L", (255,)),
        ("L", "#00000080", "LA", (0, 128)),
        ("LA", "red", "RGBA", (255, 0, 0, 255)),
        ("LA", None, "LA", (255, 0)),
        ("RGB", None, "RGB", (255, 255, 255)),
        ("RGB", "transparent", "RGBA", (0, 0, 0, 0)),
        ("RGBX", "#102030", "RGBX", (16, 32, 48, 255)),
        ("RGBX", "transparent", "RGBA", (0, 0, 0, 0)),
        ("RGBA", None, "RGBA", (255, 255, 255, 0)),
    ],
)
def test_the_layout_holds_the_colour(
    layout: Layout, background: str | None, expected: str, corner: tuple[int, ...]
) -> None:
    dst = run(make_operation("pad", "80x50", background=background), picture(layout))
    assert (dst.spec.layout, tuple(dst.array[0, 0])) == (expected, corner)


@by_dtype
def test_a_colour_means_the_same_in_every_depth(dtype: str) -> None:
    dst = run(make_operation("pad", "80x50", background="#336699"), picture("RGB", dtype))
    assert unit(dst)[0, 0] == pytest.approx([0x33 / 255, 0x66 / 255, 0x99 / 255], abs=1e-4)


def test_padding_to_a_shape_adds_as_little_as_possible() -> None:
    assert make_operation("pad", "16:9").plan(Spec(100, 100)).size == (178, 100)
    assert make_operation("pad", "1:2").plan(Spec(100, 100)).size == (100, 200)


def test_padding_never_cuts() -> None:
    assert make_operation("pad", "50x200").plan(Spec(100, 100)).size == (100, 200)


@by_layout
@by_dtype
@pytest.mark.parametrize("turns", [1, 2, 3, -1, 5])
def test_quarter_turns_are_exact(layout: Layout, dtype: str, turns: int) -> None:
    src = picture(layout, dtype)
    dst = run(make_operation("rotate", 90 * turns), src)
    np.testing.assert_array_equal(unit(dst), np.rot90(unit(src), -turns))


@pytest.mark.parametrize("degrees", [7, 45, -30, 120.5, 271])
def test_other_angles_turn_as_pillow_does(degrees: float) -> None:
    src = picture("RGB", width=120, height=80)
    dst = run(make_operation("rotate", degrees, background="black"), src)
    # Pillow turns around a corner-based centre and may end a pixel larger: compare the middles.
    turned = Image.fromarray(src.array).rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    assert abs(turned.width - dst.spec.width) <= 2
    assert abs(turned.height - dst.spec.height) <= 2
    middle = seen(dst)[dst.spec.height // 2 - 15 :, dst.spec.width // 2 - 15 :][:30, :30]
    best = 0.0
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            top, left = turned.height // 2 - 15 + dy, turned.width // 2 - 15 + dx
            other = np.asarray(turned)[top : top + 30, left : left + 30] / 255
            best = max(best, psnr(middle, other))
    assert best >= 25


def test_turning_there_and_back_gives_the_picture_again() -> None:
    y, x = np.mgrid[:90, :130]
    smooth = (128 + 100 * np.sin(x / 11) * np.cos(y / 13)).astype(np.uint8)[..., None]
    there = run(make_operation("rotate", 20), Frame(Spec(130, 90, "L"), smooth))
    back = run(make_operation("rotate", -20), there)
    top, left = (back.spec.height - 90) // 2, (back.spec.width - 130) // 2
    again = seen(back)[top : top + 90, left : left + 130]
    assert psnr(again[20:70, 20:110], smooth[20:70, 20:110] / 255) >= 35


def test_the_canvas_holds_all_corners_of_a_turned_white_picture() -> None:
    white = Frame(Spec(100, 60, "L", "float32"), np.ones((60, 100, 1), np.float32))
    turned = run(make_operation("rotate", 30, background="black"), white)
    assert turned.spec.size == (117, 102)
    assert float(turned.array.sum()) == pytest.approx(6000, rel=0.002)


@pytest.mark.parametrize("layout", ["RGB", "RGBA"])
def test_transparent_corners_have_no_fringe(layout: Layout) -> None:
    src = picture(layout)
    src.array[...] = 255
    dst = run(make_operation("rotate", 30, background="transparent"), src)
    assert dst.spec.layout == "RGBA"
    assert dst.array[dst.array[..., 3] > 8][:, :3].min() >= 247
    assert dst.array[0, 0, 3] == 0


def test_a_picture_too_large_to_turn_is_refused() -> None:
    with pytest.raises(TransformError, match="40000x10 pixels"):
        make_operation("rotate", 1).plan(Spec(40000, 10))


@by_layout
@by_dtype
def test_flips_mirror(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    np.testing.assert_array_equal(unit(run(make_operation("flip", "horizontal"), src)), unit(src)[:, ::-1])
    np.testing.assert_array_equal(unit(run(make_operation("flip", "v"), src)), unit(src)[::-1])
