"""resize and the resampling below it, against Pillow's Lanczos on float channels."""

from __future__ import annotations

import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, Array, garbage, picture, psnr, run, seen, unit
from PIL import Image

from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.ops import Operation
from imgpar.pixels import resampling
from imgpar.recipe.tables import make_operation


def resize(geometry: object, **fields: object) -> Operation:
    return make_operation("resize", geometry, **fields)


def reference(
    src: Frame, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Array:
    """What the result should look like: Lanczos over colours times alpha, channel by channel, in float."""
    planes = np.moveaxis(seen(src), 2, 0).astype(np.float32)
    scaled = [Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS, box=box) for plane in planes]
    values = np.clip(np.stack([np.asarray(plane) for plane in scaled], axis=2).astype(float), 0, 1)
    if src.spec.alpha:
        values[..., :-1] = np.minimum(values[..., :-1], values[..., -1:])
    return values


WAYS = [resampling._mapped, resampling._copied, resampling._with_pillow]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(30, 20), (120, 86), (61, 20)])
def test_a_resize_is_lanczos(layout: Layout, dtype: str, size: tuple[int, int]) -> None:
    src = picture(layout, dtype)
    dst = run(resize(size, fit="fill"), src)
    assert psnr(seen(dst), reference(src, size)) >= 45


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_fallback_is_lanczos_too(layout: Layout, dtype: str) -> None:
    src, box = picture(layout, dtype), (3.5, 2.25, 50.0, 40.0)
    dst = garbage(src.spec.resized(30, 20), 1)
    resampling._with_pillow(src, dst, box)
    if layout == "RGBX":
        dst.array[..., 3] = src.array[..., 3].max()
    assert psnr(seen(dst), reference(src, (30, 20), box)) >= 45


def test_cover_keeps_the_part_that_gravity_names() -> None:
    src = picture("RGB", width=60, height=40)
    dst = run(resize("20x20", fit="cover", gravity="west"), src)
    assert psnr(seen(dst), reference(src, (20, 20), (0, 0, 40, 40))) >= 45


def test_contain_centres_the_picture_between_bars() -> None:
    src = picture("RGB", width=60, height=30)
    dst = run(resize("30x30", fit="contain", background="red"), src)
    assert (
        psnr(seen(dst)[7:22], reference(src, (30, 15))) >= 45
        or psnr(seen(dst)[8:23], reference(src, (30, 15))) >= 45
    )
    assert (dst.array[[0, -1]] == (255, 0, 0)).all()


def test_contain_pads_with_transparency_where_there_is_some() -> None:
    dst = run(resize("30x30", fit="contain"), picture("RGBA", width=60, height=30))
    assert (dst.array[0, :, 3] == 0).all()


def test_contain_in_the_right_shape_has_no_bars() -> None:
    assert resize("30x20", fit="contain", background="transparent").plan(Spec(60, 40)) == Spec(30, 20)


@pytest.mark.parametrize(
    ("geometry", "fields", "size", "expected"),
    [
        ("1920x1080", {}, (4000, 3000), (1440, 1080)),
        ("1920x1080", {}, (800, 600), (800, 600)),
        ("1920x1080", {"enlarge": True}, (800, 600), (1440, 1080)),
        ("1920x1080", {"fit": "cover"}, (800, 600), (1920, 1080)),
        ("1920x1080", {"fit": "contain"}, (800, 600), (1920, 1080)),
        ("1920x1080", {"fit": "fill"}, (800, 600), (1920, 1080)),
        ("1920", {}, (3000, 4000), (1440, 1920)),
        ("1920", {}, (300, 400), (300, 400)),
        ("1920", {"fit": "cover"}, (300, 400), (1440, 1920)),
        ("1920x", {}, (10000, 7), (1920, 1)),
        ("1920x1", {}, (4000, 3000), (1, 1)),
        ("1920x", {"fit": "fill"}, (960, 540), (1920, 1080)),
        ("x540", {}, (1920, 1080), (960, 540)),
        ("50%", {}, (1001, 601), (501, 301)),
        ("150%", {"enlarge": True}, (100, 60), (150, 90)),
        ("150%", {"fit": "fill"}, (100, 60), (150, 90)),
        ("2MP", {}, (4000, 3000), (1632, 1224)),
        ("2MP", {}, (400, 300), (400, 300)),
        ("1920x1080", {}, (1920, 100), (1920, 100)),
        ("333x777", {}, (1234, 999), (333, 270)),
    ],
)
def test_the_planned_size(
    geometry: str, fields: dict[str, object], size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert resize(geometry, **fields).plan(Spec(*size)).size == expected


@pytest.mark.parametrize("size", [(4000, 3000), (3999, 2999), (123, 4567), (6000, 1)])
def test_inside_never_leaves_the_box(size: tuple[int, int]) -> None:
    for side in range(1, 400, 7):
        width, height = resize(f"{side}x{side + 30}").plan(Spec(*size)).size
        assert 1 <= width <= side
        assert 1 <= height <= side + 30


def test_a_second_resize_has_nothing_to_do() -> None:
    for geometry in ("1920x1080", "777", "0.37MP", "x311"):
        operation = resize(geometry)
        assert operation.idle(operation.plan(Spec(4321, 2987)))


def test_more_than_all_needs_enlarge() -> None:
    with pytest.raises(BadValueError, match=r"150% enlarges pictures.*--enlarge"):
        resize("150%")


def test_a_result_beyond_every_format_is_refused() -> None:
    with pytest.raises(TransformError, match="gives 80000x8000 pixels"):
        resize("x8000", fit="fill").plan(Spec(1000, 100))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (800, 600)),
        ({"fit": "cover"}, (1200, 900)),
        ({"fit": "contain"}, (800, 600)),
        ({"fit": "fill"}, (800, 900)),
    ],
)
def test_the_decoder_learns_how_small_the_whole_picture_gets(
    fields: dict[str, object], expected: tuple[int, int]
) -> None:
    assert resize("800x900", **fields).shrinks_to(Spec(4000, 3000)) == expected


def test_the_decoder_must_not_shrink_for_an_enlargement() -> None:
    assert resize("8000x", fit="cover").shrinks_to(Spec(4000, 3000)) is None


@pytest.mark.parametrize("fit", ["inside", "cover", "contain", "fill"])
def test_a_picture_decoded_at_half_size_gives_nearly_the_same(fit: str) -> None:
    y, x = np.mgrid[:240, :320]
    full = (128 + 100 * np.sin(x / 23) * np.cos(y / 17)).astype(np.uint8)[..., None]
    half = full.reshape(120, 2, 160, 2, 1).mean((1, 3)).round().astype(np.uint8)
    operation, spec = resize("60x70", fit=fit, background="black"), Spec(320, 240, "L")
    exact, quick = garbage(operation.plan(spec), 1), garbage(operation.plan(spec), 2)
    operation.apply(Frame(spec, full), exact)
    operation.apply(Frame(Spec(160, 120, "L"), half), quick)
    assert psnr(seen(quick), seen(exact)) >= 45


@pytest.mark.parametrize("layout", ["LA", "RGBA"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_dark_fringe_where_transparency_ends(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    bright = src.array.max()
    src.array[...] = 0
    src.array[:, 30:] = bright  # white beside black that nobody sees
    dst = run(resize("20x15", fit="fill"), src)
    visible = unit(dst)[..., -1] > 0.2
    assert unit(dst)[visible][..., :-1].min() > 0.95 * unit(src).max()


def test_floats_beyond_white_survive() -> None:
    src = picture("RGB", "float32")
    src.array[...] = 7.5
    assert run(resize("20x15", fit="fill"), src).array.min() == pytest.approx(7.5, rel=1e-5)


def test_a_missing_resizer_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    src = picture("RGBA")
    fast = run(resize("20x"), src)
    monkeypatch.setattr(resampling, "fast", lambda: False)
    assert psnr(seen(run(resize("20x"), src)), seen(fast)) >= 45


def test_threads_do_not_disturb_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    pictures = [picture("RGBX", width=200 + n, height=150) for n in range(16)]
    alone = [run(resize("50x40", fit="fill"), src).array for src in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda src: run(resize("50x40", fit="fill"), src).array, pictures))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


class TestLinearLight:
    """Half of the light of white is 188 in sRGB, not 128."""

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    @pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBX", "RGBA"])
    def test_fine_stripes_become_half_the_light(self, layout: str, dtype: str) -> None:
        peak = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
        spec = Spec(40, 40, layout, dtype)
        array = np.full(spec.shape, peak, dtype)
        array[::2, :, : 1 if spec.grey else 3] = 0
        linear, plain = make_operation("resize", "10x10", linear=True), make_operation("resize", "10x10")
        result = Frame(linear.plan(spec), np.empty((10, 10, spec.channels), dtype))
        linear.apply(Frame(spec, array), result)
        assert abs(float(result.array[5, 5, 0]) / peak - 0.7354) < 0.004
        assert result.array[5, 5, -1] == peak or layout in ("L", "RGB")
        plain.apply(Frame(spec, array), result)
        assert abs(float(result.array[5, 5, 0]) / peak - 0.5) < 0.004

    def test_the_decoder_must_not_shrink(self) -> None:
        assert make_operation("resize", "10", linear=True).shrinks_to(Spec(800, 600)) is None

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_padding_keeps_its_colour(self, dtype: str) -> None:
        operation = make_operation("resize", "20x20", fit="contain", linear=True, background="#406080")
        made = unit(run(operation, picture("RGB", dtype)))
        assert np.abs(made[0] * 255 - (0x40, 0x60, 0x80)).max() < 0.51
