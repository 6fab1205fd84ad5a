"""Operations that depend on pixels: autocrop, deskew and crops to attention, against libvips and OpenCV."""

from __future__ import annotations

import io
import re
from functools import cache

import cv2
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, PEAK, Array, picture
from PIL import Image, ImageDraw

import imgpar
from imgpar import Pipeline
from imgpar.batch.picture.programs import compile_program
from imgpar.batch.picture.reuse import reusable
from imgpar.batch.picture.stages import run_dynamic
from imgpar.core.errors import BadValueError
from imgpar.core.limits import Limits
from imgpar.core.spec import CHANNELS, Frame, Header, Layout, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.recipe.tables import make_operation


def settled_result(operation: Operation, *frames: Frame) -> list[Frame]:
    """What a worker makes of these frames."""
    return run_dynamic(list(frames), (operation, make_operation("blur", 0)))


def bordered(layout: Layout, dtype: str, border: float, sides: tuple[int, int, int, int]) -> Frame:
    """A picture with a border of one brightness: left, top, right, bottom."""
    inner = picture(layout, dtype, 41, 29)
    left, top, right, bottom = sides
    spec = inner.spec.resized(41 + left + right, 29 + top + bottom)
    array = np.full(spec.shape, border * PEAK[dtype], dtype)
    if spec.alpha:
        array[..., -1] = PEAK[dtype]
        inner.array[..., -1] = PEAK[dtype]
    array[top : top + 29, left : left + 41] = inner.array
    return Frame(spec, array)


class TestAutocrop:
    """autocrop."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_the_border_goes(self, layout: Layout, dtype: str) -> None:
        (made,) = settled_result(make_operation("autocrop", 5), bordered(layout, dtype, 0, (7, 3, 0, 12)))
        assert made.spec == Spec(41, 29, layout, dtype)

    @pytest.mark.parametrize("tolerance", [0, 10, 40, 120])
    def test_the_box_is_that_of_libvips(self, tolerance: int) -> None:
        pyvips = pytest.importorskip("pyvips")
        y, x = np.mgrid[:90, :120]
        hill = (255 * np.exp(-((x - 70) ** 2 / 300 + (y - 30) ** 2 / 200))).astype(np.uint8)
        array = np.stack([hill, hill // 2, 255 - hill], axis=2)
        image = pyvips.Image.new_from_array(array)
        left, top, width, height = image.find_trim(threshold=tolerance, background=[0, 0, 255], line_art=True)
        operation = make_operation("autocrop", tolerance, background="blue")
        (made,) = settled_result(operation, Frame(Spec(120, 90), array))
        assert (made.array == array[top : top + height, left : left + width]).all()

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_a_uniform_picture_stays_whole(self, layout: Layout) -> None:
        src = Frame(Spec(9, 7, layout), np.full((7, 9, CHANNELS[layout]), 77, np.uint8))
        (made,) = settled_result(make_operation("autocrop", 10), src)
        assert made.array is src.array

    def test_a_picture_without_border_is_not_copied(self) -> None:
        src = picture("RGB")
        (made,) = settled_result(make_operation("autocrop", 0), src)
        assert made.array is src.array

    def test_hidden_colours_of_transparent_pixels_do_not_count(self) -> None:
        src = picture("RGBA", width=40, height=30)
        src.array[..., 3] = 0
        src.array[10:20, 5:25, 3] = 255
        (made,) = settled_result(make_operation("autocrop", 0), src)
        assert made.spec.size == (20, 10)

    def test_a_logo_in_one_corner_does_not_change_the_border(self) -> None:
        src = bordered("RGB", "uint8", 1, (6, 6, 6, 6))
        src.array[:2, :2] = 0
        (made,) = settled_result(make_operation("autocrop", 3), src)
        assert made.spec.size == (47, 35)

    def test_all_frames_of_an_animation_keep_what_one_needs(self) -> None:
        first, second = (Frame(Spec(30, 20, "L"), np.zeros((20, 30, 1), np.uint8)) for _ in range(2))
        first.array[5, 4] = 255
        second.array[15, 22] = 255
        made = settled_result(make_operation("autocrop", 10), first, second)
        assert [frame.spec.size for frame in made] == [(19, 11), (19, 11)]

    def test_the_tolerance_may_be_left_out_in_a_recipe(self) -> None:
        assert make_operation("autocrop", True) == make_operation("autocrop", 10)

    def test_a_wrong_tolerance_is_refused(self) -> None:
        with pytest.raises(BadValueError, match="a number from 0 to 255 for autocrop"):
            make_operation("autocrop", "10%")

    def test_what_follows_sees_the_cropped_picture(self, tmp_path) -> None:
        src = bordered("RGB", "uint8", 1, (20, 10, 30, 0))
        Image.fromarray(src.array).save(tmp_path / "a.png")
        pipe = Pipeline().autocrop(4).resize("20x20", fit="fill")
        for schedule in ("chain", "staged"):
            out = tmp_path / schedule
            report = pipe.run(tmp_path / "a.png", out, jobs=1, schedule=schedule)
            assert (report.ok, report.failed) == (1, 0)
            assert report.items[0].notes == ("autocrop kept 41x29+20+10",)
        with Image.open(tmp_path / "chain/a.png") as one, Image.open(tmp_path / "staged/a.png") as other:
            assert (one.size, one.mode) == ((20, 20), "RGB")
            inner = Image.fromarray(np.ascontiguousarray(src.array[10:39, 20:61])).resize((20, 20), 1)
            assert np.abs(np.asarray(one, float) - np.asarray(inner, float)).mean() < 1
            assert (np.asarray(one) == np.asarray(other)).all()

    def test_outputs_may_share_it(self, tmp_path) -> None:
        Image.fromarray(bordered("RGB", "uint8", 1, (20, 10, 30, 0)).array).save(tmp_path / "a.png")
        pipe = Pipeline().autocrop(4).output(name="{stem}-whole").output(name="{stem}-half", resize="50%")
        report = pipe.run(tmp_path / "a.png", tmp_path / "out", jobs=1)
        sizes = [imgpar.describe(file.path).size for file in report.items[0].outputs]
        assert sorted(sizes) == [(21, 15), (41, 29)]


@cache
def page(angle: float, noise: float = 4) -> Array:
    """A page of short words as lines of rectangles, on grey paper, tilted clockwise; H×W."""
    random = np.random.default_rng(7)
    image = Image.new("L", (900, 1200), 235)
    draw = ImageDraw.Draw(image)
    for top in range(90, 1100, 26):
        left = 80
        while left < int(random.integers(500, 800)):
            width = int(random.integers(15, 70))
            for stroke in range(left, left + width, 7):
                draw.rectangle((stroke, top + int(random.integers(0, 5)), stroke + 3, top + 14), fill=50)
            left += width + 12
    tilted = image.rotate(-angle, Image.Resampling.BICUBIC, expand=True, fillcolor=235)
    values = np.asarray(tilted, float) + random.normal(0, noise, (tilted.height, tilted.width))
    return values.clip(0, 255).astype(np.uint8)


def tilt(array: Array) -> float:
    """The angle of the lines, measured by OpenCV's Hough transform on words joined to lines."""
    joined = cv2.morphologyEx(255 - array, cv2.MORPH_CLOSE, np.ones((1, 25), np.uint8))
    lines = cv2.HoughLines(cv2.Canny(joined, 80, 200), 1, np.pi / 3600, 300, min_theta=1.5, max_theta=1.64)
    return float(np.median(np.rad2deg(lines[:40, 0, 1]) - 90))


def scan(array: Array, layout: Layout = "L", dtype: str = "uint8") -> Frame:
    values = np.repeat(array[..., None], CHANNELS[layout], axis=2)
    if layout in ("LA", "RGBA"):
        values[..., -1] = 255
    scale = {"uint8": 1, "uint16": 257, "float32": np.float32(1 / 255)}[dtype]
    made = (values * np.array(scale, dtype)).astype(dtype)
    return Frame(Spec(array.shape[1], array.shape[0], layout, dtype), made)


class TestDeskew:
    """deskew."""

    @pytest.mark.parametrize("angle", [-14.5, -3.3, -0.4, 0.3, 1.7, 8, 14.5])
    def test_a_tilted_page_is_turned_upright(self, angle: float) -> None:
        (made,) = settled_result(make_operation("deskew", 15), scan(page(angle)))
        assert abs(tilt(made.array[..., 0])) <= 0.15

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_all_layouts_and_depths(self, layout: Layout, dtype: str) -> None:
        operation = make_operation("deskew", 15).settled([scan(page(2.5), layout, dtype)])
        assert operation.degrees == pytest.approx(-2.5, abs=0.06)  # type: ignore[attr-defined]

    @pytest.mark.parametrize("angle", [0, 0.05, -0.06])
    def test_a_straight_page_is_not_touched(self, angle: float) -> None:
        src = scan(page(angle))
        assert settled_result(make_operation("deskew", 15), src)[0].array is src.array

    def test_beyond_the_limit_nothing_is_done(self) -> None:
        src = scan(page(8))
        assert settled_result(make_operation("deskew", 5), src)[0].array is src.array

    def test_corners_get_the_colour_of_the_paper(self) -> None:
        (made,) = settled_result(make_operation("deskew", 15), scan(page(5, noise=0)))
        assert abs(int(made.array[0, 0, 0]) - 235) <= 1

    def test_what_has_no_lines_is_not_touched(self) -> None:
        noise = np.random.default_rng(1).integers(0, 255, (400, 300), dtype=np.uint8)
        src = scan(cv2.GaussianBlur(noise, (0, 0), 3))
        assert settled_result(make_operation("deskew", 15), src)[0].array is src.array

    @pytest.mark.parametrize("size", [(1, 1), (3, 500), (40, 7)])
    def test_small_pictures_are_not_touched(self, size: tuple[int, int]) -> None:
        src = picture("RGB", width=size[0], height=size[1])
        assert settled_result(make_operation("deskew", 15), src)[0].array is src.array

    def test_a_limit_beyond_15_is_refused(self) -> None:
        with pytest.raises(BadValueError, match=r"a number from 0\.1 to 15 for deskew"):
            make_operation("deskew", 20)


def scene(
    layout: Layout, dtype: str, x: int, y: int, width: int = 160, height: int = 90, slope: float = 1
) -> Frame:
    """A smooth background, and a small ball with a pattern at a place."""
    down, across = np.mgrid[:height, :width]
    colours = np.stack([90 + across * slope / 8, 110 + down * slope / 8, 120 + across * slope / 16], axis=2)
    ball = np.hypot(across - x, down - y) < 10
    colours[ball] = np.where(((across + down) // 3 % 2)[ball, None], (240, 60, 40), (250, 220, 60))
    count = CHANNELS[layout]
    eight = (colours if count > 2 else colours.mean(2, keepdims=True)).astype(np.uint8)
    if count in (2, 4):
        eight = np.concatenate([eight, np.full((height, width, 1), 255, np.uint8)], axis=2)
    scale = {"uint8": 1, "uint16": 257, "float32": np.float32(1 / 255)}[dtype]
    array = (eight * np.array(scale, dtype)).astype(dtype)
    return Frame(Spec(width, height, layout, dtype), np.ascontiguousarray(array))


class TestAttention:
    """crop and resize with --gravity attention or entropy."""

    @pytest.mark.parametrize("kind", ["attention", "entropy"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_the_object_is_kept(self, kind: str, layout: Layout, dtype: str) -> None:
        src = scene(layout, dtype, 135, 20, slope=kind == "attention")
        operation = make_operation("crop", "60x60", gravity=kind).settled([src])
        left, top, width, height = operation._area(src.spec)  # type: ignore[attr-defined]
        assert left < 135 < left + width
        assert top < 20
        assert (width, height) == (60, 60)
        if kind == "attention":
            assert left <= 125
            assert left + width >= 145

    @pytest.mark.parametrize("place", [(25, 60), (80, 45), (130, 15)])
    def test_the_window_overlaps_that_of_libvips(self, place: tuple[int, int]) -> None:
        pyvips = pytest.importorskip("pyvips")
        src = scene("RGB", "uint8", *place)
        image = pyvips.Image.new_from_array(src.array)
        theirs = image.smartcrop(70, 70, interesting="attention").numpy()
        (found,) = np.argwhere(
            [(src.array[y : y + 70, x : x + 70] == theirs).all() for y in range(21) for x in range(91)]
        )
        y, x = divmod(int(found[0]), 91)
        operation = make_operation("crop", "70x70", gravity="attention").settled([src])
        left, top, _, _ = operation._area(src.spec)  # type: ignore[attr-defined]
        assert abs(left - x) <= 25
        assert abs(top - y) <= 25

    def test_a_plain_picture_is_cropped_in_the_middle(self) -> None:
        src = Frame(Spec(40, 20), np.full((20, 40, 3), 99, np.uint8))
        operation = make_operation("crop", "1:1", gravity="attention").settled([src])
        assert operation._area(src.spec) == (10, 0, 20, 20)  # type: ignore[attr-defined]

    @pytest.mark.parametrize("size", [(1, 1), (1, 9), (300, 2)])
    @pytest.mark.parametrize("kind", ["attention", "entropy"])
    def test_thin_pictures(self, kind: str, size: tuple[int, int]) -> None:
        src = picture("RGB", width=size[0], height=size[1])
        operation = make_operation("crop", "1:1", gravity=kind).settled([src])
        assert operation.plan(src.spec).size == (min(size), min(size))

    def test_a_thumbnail_shows_the_object(self) -> None:
        stored = io.BytesIO()
        Image.fromarray(scene("RGB", "uint8", 560, 60, 640, 360).array).resize((2560, 1440)).save(
            stored, "jpeg"
        )
        made = (
            Pipeline().resize("100x100", fit="cover", gravity="attention").encode(stored.getvalue(), to="png")
        )
        with Image.open(io.BytesIO(made)) as image:
            assert (image.size, image.mode) == ((100, 100), "RGB")
            red = np.asarray(image).astype(int)
            assert (red[..., 0] - red[..., 2] > 90).any()

    def test_frames_of_an_animation_get_the_same_window(self) -> None:
        frames = [scene("RGB", "uint8", x, 45) for x in (120, 130, 140)]
        operation = make_operation("crop", "1:1", gravity="attention")
        made = [operation.settled(frames).plan(frame.spec).size for frame in frames]
        assert made == [(90, 90)] * 3
        assert operation.settled(frames).at[0] > 0.7  # type: ignore[attr-defined]

    @pytest.mark.parametrize("gravity", ["attention", "centre", "southeast"])
    def test_an_offset_leaves_nothing_to_choose(self, gravity: str) -> None:
        with pytest.raises(BadValueError, match="has an offset from the top left"):
            make_operation("crop", "5x5+0+0", gravity=gravity)

    def test_an_offset_needs_no_gravity(self) -> None:
        assert imgpar.Pipeline().crop("5x5+1+1").recipe.operations == (make_operation("crop", "5x5+1+1"),)

    def test_the_centre_is_the_default(self) -> None:
        assert make_operation("crop", "5x5", gravity="center") == make_operation("crop", "5x5")

    @pytest.mark.parametrize("fit", ["inside", "contain", "fill"])
    def test_only_cover_crops(self, fit: str) -> None:
        with pytest.raises(BadValueError, match="--fit cover"):
            make_operation("resize", "5x5", fit=fit, gravity="entropy")

    def test_a_mistyped_word_gets_a_suggestion(self) -> None:
        with pytest.raises(BadValueError, match="Did you mean 'attention'"):
            make_operation("crop", "1:1", gravity="atention")


def test_operations_that_look_are_in_recipes() -> None:
    recipe = imgpar.Pipeline().autocrop(5).deskew(3).recipe
    assert "autocrop = 5.0" in recipe.to_toml()


@pytest.mark.parametrize("schedule", ["chain", "staged"])
@pytest.mark.parametrize("operation", ["autocrop", "deskew"])
def test_what_changes_nothing_encodes_nothing_again(tmp_path, operation: str, schedule: str) -> None:
    Image.fromarray(scene("RGB", "uint8", 80, 45).array).save(tmp_path / "a.jpg", quality=70)
    pipe = Pipeline().then(make_operation(operation, 5))
    report = pipe.run(tmp_path / "a.jpg", tmp_path / "out", jobs=1, schedule=schedule)
    assert report.ok == 1
    assert (tmp_path / "out/a.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()


def test_what_is_cropped_is_encoded_again_in_memory_too() -> None:
    stored = io.BytesIO()
    Image.fromarray(bordered("RGB", "uint8", 1, (16, 16, 16, 16)).array).save(stored, "png")
    made = Pipeline().autocrop(4).encode(stored.getvalue(), to="png")
    with Image.open(io.BytesIO(made)) as image:
        assert image.size == (41, 29)


@pytest.mark.parametrize(
    ("names", "copied"), [(["autocrop"], True), (["deskew"], True), (["autocrop", "deskew"], False)]
)
def test_after_two_operations_that_look_equal_sizes_prove_nothing(names: list[str], copied: bool) -> None:
    """One may take away what the other adds."""
    header = Header("png", Spec(60, 40))
    program = compile_program(header, [make_operation(name, 5) for name in names], Limits())
    found = reusable(program, ["png"], EncodeOptions(), Limits(), made=Spec(60, 40))
    assert found.formats == ({"png"} if copied else set())


def test_each_page_of_a_document_has_an_angle_of_its_own(tmp_path) -> None:
    pages = [Image.fromarray(page(angle)).resize((900, 1200)) for angle in (3, -2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression="tiff_deflate")
    report = imgpar.convert(tmp_path / "a.tif", tmp_path / "out", deskew=15, jobs=1)
    notes = " ".join(report.items[0].notes)
    assert re.search(r"page 1: deskew turned it by -\d\.\d\d degrees page 2: deskew turned it by \d\.", notes)
    with Image.open(tmp_path / "out/a.tif") as image:
        assert (image.n_frames, image.mode) == (2, "L")  # type: ignore[attr-defined]
