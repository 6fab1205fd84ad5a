"""JPEG to JPEG on planes: against pictures decoded, scaled and encoded by others, and against arithmetic."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.batch.picture import planar, programs
from imgpar.batch.picture.outputs import convert_bytes
from imgpar.core.errors import DamagedError
from imgpar.core.limits import Limits
from imgpar.core.spec import CHROMA, Frame, Metadata, Spec
from imgpar.core.threads import on_cores
from imgpar.formats import codec
from imgpar.formats.jpeg import turbo
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.ops.resize import Resize
from imgpar.ops.resize import parse_geometry as size
from imgpar.pixels import layouts, planes
from imgpar.recipe.tables import make_operation

pytestmark = pytest.mark.skipif(turbo.library() is None, reason="libturbojpeg is not installed")

OPTIONS = EncodeOptions(quality=90)
LIMITS = Limits()
SAMPLINGS = {"444": 0, "422": 1, "420": 2, "440": None, "411": None}
"""As Pillow numbers them."""


@pytest.fixture
def always(monkeypatch):
    """Small pictures go on planes too."""
    monkeypatch.setattr(planar, "LEAST", 1)


def scene(width: int, height: int) -> Image.Image:
    """Smooth, with all colours, and no two rows, columns or corners alike."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [
        128 + 100 * np.sin(x / width * 5 + y / height),
        128 + 100 * np.cos(y / height * 4),
        40 + 170 * (x + y) / (width + height),
    ]
    return Image.fromarray(np.rint(np.stack(channels, -1)).astype(np.uint8))


def jpeg(image: Image.Image, sampling: str = "420", **options: object) -> bytes:
    """By Pillow; the two samplings that it has no number for are written by libturbojpeg."""
    if sampling in ("440", "411"):
        frame = planar_frame(Spec(*image.size, f"YCC{sampling}"))
        layouts.convert_layout(Frame(Spec(*image.size), np.array(image)), frame)
        return bytes(codec.encode([frame], find_format("jpeg"), Metadata(), EncodeOptions(quality=97)).data)
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=97, subsampling=SAMPLINGS[sampling], **options)
    return sink.getvalue()


def planar_frame(spec: Spec) -> Frame:
    return Frame(spec, np.full(spec.shape, 77, np.uint8))


def compiled(data: bytes, *operations, options: EncodeOptions = OPTIONS, formats=("jpeg",), limits=LIMITS):
    header = codec.read_header(data, "a.jpg", limits)
    return planar.choose_program(header, operations, limits, formats, options)


def shrunk(data: bytes, to: str, options: EncodeOptions = OPTIONS) -> Image.Image:
    made = convert_bytes(data, "a.jpg", (make_operation("resize", to),), "jpeg", options, LIMITS)
    return Image.open(io.BytesIO(made.data))


def psnr(one: Image.Image, other: Image.Image) -> float:
    error = np.asarray(one.convert("RGB"), np.float64) - np.asarray(other.convert("RGB"), np.float64)
    return float(10 * np.log10(255**2 / max(np.mean(error**2), 1e-9)))


def exact(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """Lanczos in floats."""
    made = Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(made).clip(0, 255)


# ----- the resize ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [((64, 48), (16, 12)), ((101, 67), (33, 29)), ((17, 13), (5, 3))])
@pytest.mark.parametrize("layout", CHROMA)
def test_brightness_is_resized_like_a_picture_of_its_own(layout, sizes):
    src, dst = (planar_frame(Spec(*each, layout)) for each in sizes)
    luma = planes.planes(src)[0]
    luma[...] = np.random.default_rng(1).integers(64, 192, luma.shape, np.uint8)
    planes.resize(src, dst)
    assert np.abs(planes.planes(dst)[0] - exact(luma, *sizes[1])).max() < 2.2


@pytest.mark.parametrize("target", ["YCC420", "YCC422", "YCC444"])
@pytest.mark.parametrize("layout", CHROMA)
@pytest.mark.parametrize(
    "sizes", [((400, 304), (100, 76)), ((301, 203), (151, 101)), ((303, 200), (100, 67))]
)
def test_colour_keeps_its_place(sizes, layout, target):
    """A slope of colour stays that slope: its value is known at the middle of every sample."""
    src, dst = Spec(*sizes[0], layout), Spec(*sizes[1], target)
    source, result = planar_frame(src), planar_frame(dst)
    for plane, axis in zip(planes.planes(source)[1:], (1, 0), strict=True):
        middles = middles_of(plane.shape[axis], CHROMA[layout][1 - axis]) / sizes[0][1 - axis]
        plane[...] = np.rint(20 + 200 * (middles if axis == 1 else middles[:, None]))
    planes.resize(source, result)
    for plane, axis in zip(planes.planes(result)[1:], (1, 0), strict=True):
        middles = middles_of(plane.shape[axis], CHROMA[target][1 - axis]) / sizes[1][1 - axis]
        wanted = 20 + 200 * middles
        made = plane.mean(axis=1 - axis)
        apart = (made - wanted)[6:-6]
        assert np.abs(apart).max() <= 1.1  # rounded three times
        assert abs(apart.mean()) < 0.3  # a pixel is two levels or more


TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""What makes a picture of this EXIF orientation upright."""


@pytest.mark.parametrize("target", ["YCC420", "YCC422", "YCC444"])
@pytest.mark.parametrize("layout", CHROMA)
@pytest.mark.parametrize("orientation", TURNS)
def test_turned_planes_keep_their_place_too(orientation, layout, target):
    """Slopes of colour both ways, on odd sides: the samples at the far edge are only half filled."""
    made = (101, 67) if orientation < 5 else (67, 101)
    source, result = planar_frame(Spec(301, 203, layout)), planar_frame(Spec(*made, target))
    for number, plane in enumerate(planes.planes(source)[1:]):
        plane[...] = np.rint(sampled(slopes(301, 203)[..., number], layout))
    planes.resize(source, result, orientation)
    for number, plane in enumerate(planes.planes(result)[1:]):
        apart = plane - sampled(TURNS[orientation](slopes(101, 67))[..., number], target)
        assert abs(apart.mean()) < 0.35  # a pixel is two levels or more
        assert np.abs(apart[4:-4, 4:-4]).max() < 2.5


NOISE = np.random.default_rng(3)


@pytest.mark.parametrize("sizes", [((4001, 2602), (3001, 1952)), ((2599, 4002), (1301, 2003))])
@pytest.mark.parametrize("target", ["YCC420", "YCC444"])
@pytest.mark.parametrize("orientation", [1, 4, 6])
def test_a_resize_by_several_threads_is_the_same(orientation, target, sizes):
    stored, made = sizes if orientation < 5 else (sizes[0], sizes[1][::-1])
    source = planar_frame(Spec(*stored, "YCC420"))
    source.array[...] = NOISE.integers(0, 256, source.array.shape, np.uint8)
    results = [planar_frame(Spec(*made, target)) for _ in range(3)]
    for cores, result in zip((1, 2, 5), results, strict=True):
        with on_cores(cores):
            planes.resize(source, result, orientation)
    one, *others = [result.array.tobytes() for result in results]
    assert all(other == one for other in others)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_alone_is_the_same_with_any_number_of_jobs(tmp_path, suffix):
    """With two jobs it has two threads, and its memory is mapped while it is decoded."""
    picture = Image.effect_noise((3000, 2000), 60).convert("RGB")
    picture.save(tmp_path / f"a.{suffix}", quality=90)
    made = []
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        assert imgpar.convert(tmp_path / f"a.{suffix}", out, resize="2001", to="jpg", jobs=jobs).ok == 1
        made.append((out / "a.jpg").read_bytes())
    assert made[0] == made[1]


def slopes(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([28 + 200 * (x + 0.5) / width, 28 + 200 * (y + 0.5) / height], -1)


def sampled(values: np.ndarray, layout: str) -> np.ndarray:
    """The mean of what there is below each sample of colour."""
    across, down = CHROMA[layout]
    (height, width), rows, columns = values.shape, -(-len(values) // down), -(-values.shape[1] // across)
    room = np.pad(values, ((0, rows * down - height), (0, columns * across - width)), constant_values=np.nan)
    return np.nanmean(room.reshape(rows, down, columns, across), axis=(1, 3))


def middles_of(count: int, step: int) -> np.ndarray:
    return (np.arange(count) + 0.5) * step


# ----- whole pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("sizes", [(200, 150, "80"), (203, 151, "101"), (300, 225, "90")])
def test_it_looks_like_what_pillow_makes(always, sizes, sampling, chroma):
    width, height, to = sizes
    data = jpeg(scene(width, height), sampling)
    made = shrunk(data, to, replace(OPTIONS, quality=97, subsampling=chroma))
    wanted = Image.open(io.BytesIO(data)).convert("RGB").resize(made.size, Image.Resampling.LANCZOS)
    assert psnr(made, wanted) > 38


@pytest.mark.parametrize("to", ["50%", "33%", "90%"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_odd_sizes(always, sampling, to):
    """One colour, lighter to the right and below: that survives any sampling."""
    for width, height in product((1, 2, 9, 16, 17), (1, 2, 13, 17)):
        y, x = np.mgrid[0:height, 0:width]
        slope = (50 + 3 * x + 4 * y)[..., None] * np.array([1, 0.8, 0.6])
        data = jpeg(Image.fromarray(np.rint(slope).astype(np.uint8)), sampling)
        made = shrunk(data, to, replace(OPTIONS, quality=97))
        wanted = Image.open(io.BytesIO(data)).convert("RGB").resize(made.size, Image.Resampling.LANCZOS)
        assert psnr(made, wanted) > 36, (width, height)


@pytest.mark.parametrize("sampling", ["420", "422", "444"])
@pytest.mark.parametrize("axis", [0, 1])
def test_an_edge_of_colour_does_not_move(always, axis, sampling):
    """The place of the edge is told by how much of the picture is red, to a fraction of a pixel."""
    array = np.zeros((301, 301, 3), np.uint8)
    array[...] = (0, 0, 200)
    if axis:
        array[:, 133:] = (200, 0, 0)
    else:
        array[133:] = (200, 0, 0)
    data = jpeg(Image.fromarray(array), sampling)
    made = shrunk(
        data, "101", replace(OPTIONS, quality=97, subsampling="444" if sampling == "444" else "420")
    )
    wanted = Image.open(io.BytesIO(data)).convert("RGB").resize(made.size, Image.Resampling.LANCZOS)
    share = [
        np.asarray(image.convert("YCbCr"), np.float64)[20:80, 20:80, 2].mean() for image in (made, wanted)
    ]
    assert abs(share[0] - share[1]) / (200 * 0.5) * 60 < 0.25


@pytest.mark.parametrize("orientation", TURNS)
def test_pictures_become_upright(always, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg(scene(333, 251), exif=exif.tobytes())
    made = shrunk(data, "111")
    whole = Image.fromarray(
        np.ascontiguousarray(TURNS[orientation](np.asarray(Image.open(io.BytesIO(data)))))
    )
    assert psnr(made, whole.resize(made.size, Image.Resampling.LANCZOS)) > 38
    assert made.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("progressive", [False, True])
def test_photos_go_on_planes(progressive):
    program = compiled(jpeg(scene(1600, 1200), progressive=progressive), make_operation("resize", "800"))
    assert (program.header.spec.layout, program.steps[0].spec) == ("YCC420", Spec(800, 600, "YCC420"))


def test_a_scaled_decode_has_planes_too():
    program = compiled(jpeg(Image.new("RGB", (3200, 2400))), make_operation("resize", "1000"))
    assert program.header.spec == Spec(1600, 1200, "YCC420")


def test_planes_need_half_the_memory():
    data = jpeg(scene(1600, 1200))
    header = codec.read_header(data, "a.jpg", LIMITS)
    whole = programs.compile_program(header, (make_operation("resize", "800"),), LIMITS)
    assert compiled(data, make_operation("resize", "800")).nbytes < whole.nbytes / 2


def test_metadata_come_along(always):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = jpeg(scene(320, 240), exif=exif.tobytes(), dpi=(300, 300))
    made = shrunk(data, "100")
    assert (made.getexif()[0x010F], made.info["dpi"]) == ("Maker", (300, 300))


# ----- what does not go this way ------------------------------------------------------------------

RESIZE = Resize(size("100"))


@pytest.mark.parametrize(
    "operations",
    [
        (),
        (Resize(size("400%"), enlarge=True),),
        (Resize(size("100x100"), fit="cover"),),
        (Resize(size("100x100"), fit="contain"),),
        (replace(RESIZE, linear=True),),
        (RESIZE, make_operation("grey", True)),
        (make_operation("crop", "100x100"), RESIZE),
        (RESIZE, make_operation("rotate", "90")),
    ],
    ids=lambda operations: "-".join(operation.name for operation in operations) or "nothing",
)
def test_other_work_is_done_in_colours(always, operations):
    assert not compiled(jpeg(scene(320, 240)), *operations).header.spec.planar


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"colour": "srgb"}], ids=lambda options: next(iter(options))
)
def test_other_settings_are_made_from_colours(always, options):
    settings = replace(OPTIONS, **options)
    assert not compiled(jpeg(scene(320, 240)), RESIZE, options=settings).header.spec.planar


@pytest.mark.parametrize("formats", [(), ("png",), ("jpeg", "webp")])
def test_other_formats_are_made_from_colours(always, formats):
    assert not compiled(jpeg(scene(320, 240)), RESIZE, formats=formats).header.spec.planar


def test_red_green_and_blue_in_a_jpeg_are_no_planes(always):
    image = scene(320, 240)
    data = jpeg(image, "444", keep_rgb=True)
    assert not compiled(data, RESIZE).header.spec.planar
    assert psnr(shrunk(data, "100"), image.resize((100, 75), Image.Resampling.LANCZOS)) > 35


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_ink_go_the_old_way(always, mode):
    assert not compiled(jpeg(scene(320, 240).convert(mode)), RESIZE).header.spec.planar


def test_without_the_library(always, monkeypatch):
    data = jpeg(scene(320, 240))
    on_planes = shrunk(data, "100")
    monkeypatch.setattr(turbo, "library", lambda: None)
    assert not compiled(data, RESIZE).header.spec.planar
    assert psnr(on_planes, shrunk(data, "100")) > 38


def test_it_is_told_what_would_be_faster(always, monkeypatch, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(scene(320, 240)))
    assert planar.explain_planes(str(path), (RESIZE,), ("jpeg",), OPTIONS, Limits()) == ["jpeg by its planes"]
    monkeypatch.setattr(turbo, "library", lambda: None)
    assert "imgpar doctor" in planar.explain_planes(str(path), (RESIZE,), ("jpeg",), OPTIONS, Limits())[0]
    assert planar.explain_planes(str(path), (RESIZE,), ("png",), OPTIONS, Limits()) == []


def test_colour_is_not_thrown_away_by_a_scaled_decode(always):
    """Full colour is wanted: at half the size planes have a quarter of it, the decoder can give a half."""
    options = replace(OPTIONS, subsampling="444")
    assert not compiled(jpeg(scene(640, 480)), RESIZE, options=options).header.spec.planar


# ----- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_told_as_in_colours(always, monkeypatch, keep, progressive):
    data = jpeg(scene(320, 240), progressive=progressive)
    cut = data[: int(len(data) * keep)]
    with pytest.raises(DamagedError) as on_planes:
        shrunk(cut, "100")
    monkeypatch.setattr(turbo, "library", lambda: None)
    with pytest.raises(DamagedError) as in_colours:
        shrunk(cut, "100")
    assert str(on_planes.value) == str(in_colours.value)


def test_any_bytes_are_refused_or_read_alike(always, monkeypatch):
    data, chance = jpeg(scene(160, 120)), random.Random(5)
    spoiled = []
    for _ in range(80):
        block = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            block[chance.randrange(400, len(block) - 2)] = chance.randrange(256)
        spoiled.append(bytes(block))
    on_planes = [good(each) for each in spoiled]
    monkeypatch.setattr(turbo, "library", lambda: None)
    assert on_planes == [good(each) for each in spoiled]
    assert 0 < sum(on_planes) < len(spoiled)


def good(data: bytes) -> bool:
    try:
        shrunk(data, "70")
    except DamagedError:
        return False
    return True


@pytest.mark.parametrize("other", ["420", "444", "rgb"])
def test_planes_are_only_filled_with_what_fits(other):
    """A header that the library reads otherwise must not make it write beyond the planes."""
    image = scene(96, 64)
    header = codec.read_header(jpeg(image, "422"), "a.jpg", LIMITS)
    data = jpeg(image, "444", keep_rgb=True) if other == "rgb" else jpeg(image, other)
    frame, rgb = planar_frame(Spec(96, 64, "YCC422")), Frame(Spec(96, 64), np.empty((64, 96, 3), np.uint8))
    codec.decode(data, header._replace(spec=frame.spec), [frame])
    layouts.convert_layout(frame, rgb)
    assert psnr(Image.fromarray(rgb.array), image) > 35


def test_a_file_of_another_size_is_refused():
    header = codec.read_header(jpeg(scene(96, 64)), "a.jpg", LIMITS)
    frame = planar_frame(Spec(96, 64, "YCC420"))
    with pytest.raises(DamagedError):
        codec.decode(jpeg(scene(97, 64)), header._replace(spec=frame.spec), [frame])


def test_bytes_that_cost_no_pixel_are_a_remark(always):
    data = jpeg(scene(320, 240), progressive=True)
    at = data.rindex(b"\xff\xda")
    made = convert_bytes(data[:at] + b"\0\0\0\0" + data[at:], "a.jpg", (RESIZE,), "jpeg", OPTIONS, LIMITS)
    assert "extraneous bytes" in " ".join(made.notes)
    assert psnr(Image.open(io.BytesIO(made.data)), shrunk(data, "100")) > 38


def test_what_can_be_read_of_a_damaged_file_is_kept(always):
    data, limits = jpeg(scene(320, 240)), replace(LIMITS, accept_damaged=True)
    made = convert_bytes(data[: len(data) // 2], "a.jpg", (RESIZE,), "jpeg", OPTIONS, limits)
    kept, whole = (Image.open(io.BytesIO(part)).crop((0, 0, 100, 25)) for part in (made.data, jpeg_of(data)))
    assert psnr(kept, whole) > 36
    assert "Premature end" in " ".join(made.notes)


def jpeg_of(data: bytes) -> bytes:
    return bytes(convert_bytes(data, "a.jpg", (RESIZE,), "jpeg", OPTIONS, LIMITS).data)


# ----- runs ---------------------------------------------------------------------------------------


def test_every_schedule_writes_the_same_bytes(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, sampling in enumerate(("420", "422", "444")):
        (folder / f"{number}.jpg").write_bytes(jpeg(scene(1501 + number, 1001), sampling))
    made = {}
    for schedule in ("chain", "staged", "auto"):
        out = tmp_path / schedule
        report = imgpar.convert(folder, out, resize=700, quality=85, schedule=schedule, verify=True, jobs=2)
        assert report.failed == 0
        made[schedule] = [path.read_bytes() for path in sorted(out.glob("*.jpg"))]
    data = (folder / "0.jpg").read_bytes()
    alone = convert_bytes(
        data, "a.jpg", (make_operation("resize", "700"),), "jpeg", EncodeOptions(quality=85), LIMITS
    )
    assert made["chain"] == made["staged"] == made["auto"]
    assert made["chain"][0] == bytes(alone.data)


@pytest.mark.parametrize("layout", CHROMA)
def test_colours_become_planes_and_colours_again(layout):
    image = scene(63, 47)
    frame, rgb = planar_frame(Spec(63, 47, layout)), Frame(Spec(63, 47), np.array(image))
    layouts.convert_layout(rgb, frame)
    bands = np.asarray(image.convert("YCbCr"))
    assert np.abs(planes.planes(frame)[0].astype(int) - bands[..., 0]).max() <= 1
    layouts.convert_layout(frame, rgb)
    assert psnr(Image.fromarray(rgb.array), image) > 35
