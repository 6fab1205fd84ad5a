"""border, round_corners, shadow and fade, against OpenCV, libvips and Pillow."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, PEAK, picture, psnr, run, seen, unit
from PIL import Image, ImageDraw

from imgpar import Pipeline
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.recipe.tables import make_operation

NAMES = [("border", "3,5"), ("round_corners", "7"), ("shadow", "4"), ("fade", "0.4")]


@pytest.mark.parametrize(("name", "value"), NAMES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_depth_gives_the_same_picture(name: str, value: str, layout: Layout, dtype: str) -> None:
    operation = make_operation(name, value)
    made, eight = (run(operation, picture(layout, depth)) for depth in (dtype, "uint8"))
    assert made.spec.size == eight.spec.size
    assert np.abs(seen(made) - seen(eight)).max() <= 1.01 / 255


@pytest.mark.parametrize(("name", "value"), NAMES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_pixel_is_enough(name: str, value: str, layout: Layout) -> None:
    src = picture(layout, width=1, height=1)
    made = run(make_operation(name, value), src)
    assert made.array.shape == made.spec.shape


class TestBorder:
    """border."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(
        ("edges", "code"), [("mirror", cv2.BORDER_REFLECT), ("replicate", cv2.BORDER_REPLICATE)]
    )
    def test_pixels_of_the_edge_are_those_of_opencv(
        self, layout: Layout, dtype: str, edges: str, code: int
    ) -> None:
        src = picture(layout, dtype)
        made = run(make_operation("border", "9,4,70,65", edges=edges), src)
        expected = cv2.copyMakeBorder(src.array, 9, 70, 65, 4, code).reshape(made.array.shape)
        count = 3 if layout == "RGBX" else src.spec.channels
        assert (made.array[..., :count] == expected[..., :count]).all()

    def test_a_mirrored_edge_is_that_of_libvips(self) -> None:
        pyvips = pytest.importorskip("pyvips")
        src = picture("RGB")
        made = run(make_operation("border", "10", edges="mirror"), src)
        image = pyvips.Image.new_from_array(src.array)
        expected = image.embed(10, 10, 81, 63, extend="mirror").numpy()
        assert (made.array == expected).all()

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_a_colour_surrounds_the_unchanged_picture(self, layout: Layout) -> None:
        src = picture(layout)
        made = run(make_operation("border", "2,3", colour="#808080"), src)
        inner = made.array[2:-2, 3:-3]
        count = 3 if layout == "RGBX" else src.spec.channels
        assert (inner[..., :count] == src.array[..., :count]).all()
        assert (made.array[:2, ..., 0] == 128).all()
        assert (made.array[:, -3:, 0] == 128).all()

    def test_a_coloured_border_makes_grey_coloured(self) -> None:
        assert make_operation("border", "2", colour="red").plan(Spec(5, 4, "L")).layout == "RGB"

    def test_a_translucent_border_adds_alpha(self) -> None:
        assert make_operation("border", "2", colour="transparent").plan(Spec(5, 4, "RGB")).layout == "RGBA"

    def test_percent_is_of_the_shorter_side(self) -> None:
        assert make_operation("border", "10%").plan(Spec(400, 200)).size == (440, 240)

    def test_no_width_is_nothing_to_do(self) -> None:
        assert make_operation("border", "0").idle(Spec(5, 4))

    def test_a_mirrored_border_has_no_colour(self) -> None:
        with pytest.raises(BadValueError, match="has no colour of its own"):
            make_operation("border", "2", edges="mirror", colour="red")

    def test_a_border_beyond_every_format_is_refused(self) -> None:
        with pytest.raises(TransformError, match="gives 131000x131000 pixels"):
            make_operation("border", "65000").plan(Spec(1000, 1000))


class TestRoundCorners:
    """round_corners."""

    def test_the_corner_is_a_circle(self) -> None:
        made = run(
            make_operation("round_corners", "20"), Frame(Spec(60, 50), np.full((50, 60, 3), 9, np.uint8))
        )
        mask = Image.new("L", (60 * 16, 50 * 16))
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, 60 * 16 - 1, 50 * 16 - 1), 20 * 16, 255)
        expected = np.asarray(mask.resize((60, 50), Image.Resampling.BOX), float)
        assert np.abs(made.array[..., 3] - expected).max() <= 12
        assert (made.array[..., :3] == 9).all()

    def test_half_of_a_square_is_a_disc(self) -> None:
        src = Frame(Spec(41, 41, "L"), np.full((41, 41, 1), 200, np.uint8))
        made = run(make_operation("round_corners", "50%"), src)
        area = float(made.array[..., -1].sum()) / 255
        assert area == pytest.approx(np.pi * 20.5**2, rel=0.01)

    def test_alpha_that_is_there_is_kept(self) -> None:
        src = picture("RGBA")
        made = run(make_operation("round_corners", "10"), src)
        assert (made.array[15:-15] == src.array[15:-15]).all()

    def test_no_radius_is_nothing_to_do(self) -> None:
        operation = make_operation("round_corners", "0")
        assert operation.idle(Spec(5, 4))
        assert operation.plan(Spec(5, 4)) == Spec(5, 4)

    def test_a_jpeg_shows_the_background_in_its_corners(self) -> None:
        stored = io.BytesIO()
        Image.new("RGB", (64, 48), "black").save(stored, "png")
        made = Pipeline().round_corners(20).encode(stored.getvalue(), to="jpg", background="red")
        with Image.open(io.BytesIO(made)) as image:
            red, green, blue = image.getpixel((0, 0))  # type: ignore[misc]
            assert (image.size, image.mode) == ((64, 48), "RGB")
            assert red > 200 > 60 > max(green, blue)


class TestFade:
    """fade."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_opacity_is_multiplied(self, layout: Layout, dtype: str) -> None:
        src = picture(layout, dtype)
        made = run(make_operation("fade", "40%"), src)
        before = unit(src)[..., -1] if src.spec.alpha else 1.0
        assert np.abs(unit(made)[..., -1] - 0.4 * before).max() <= 0.51 / 255
        count = 1 if src.spec.grey else 3
        assert (made.array[..., :count] == src.array[..., :count]).all()

    def test_a_whole_share_is_nothing_to_do(self) -> None:
        assert make_operation("fade", 1).idle(Spec(5, 4))


class TestShadow:
    """shadow."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_it_is_a_blurred_copy_below_the_picture(self, layout: Layout, dtype: str) -> None:
        src = picture(layout, dtype)
        made = run(make_operation("shadow", "6", offset="3,-2", colour="#204080", opacity=0.7), src)
        left, top = 9 - 3, 9 + 2
        assert made.spec == Spec(61 + 18, 43 + 18, "RGBA", dtype)
        alpha, mask = np.zeros((2, 61, 79))
        front = np.zeros((61, 79, 3))
        alpha[top : top + 43, left : left + 61] = unit(src)[..., -1] if src.spec.alpha else 1
        mask[top - 2 : top + 41, left + 3 : left + 64] = alpha[top : top + 43, left : left + 61]
        front[top : top + 43, left : left + 61] = unit(src)[..., : 1 if src.spec.grey else 3]
        shade = 0.7 * cv2.GaussianBlur(mask, (0, 0), 3, borderType=cv2.BORDER_CONSTANT)
        whole = alpha + shade * (1 - alpha)
        colours = front * alpha[..., None] + np.array([32, 64, 128]) / 255 * (shade * (1 - alpha))[..., None]
        assert psnr(seen(made), np.dstack([colours, whole])) >= 42

    def test_a_grey_picture_with_a_grey_shadow_stays_grey(self) -> None:
        assert make_operation("shadow", "4").plan(Spec(5, 4, "L")).layout == "LA"

    def test_a_hard_shadow_has_no_soft_edge(self) -> None:
        src = Frame(Spec(10, 8), np.full((8, 10, 3), 200, np.uint8))
        made = run(make_operation("shadow", "0", offset="2,3", opacity=1), src)
        assert made.spec.size == (12, 11)
        assert set(np.unique(made.array[..., 3])) == {0, 255}
        assert (made.array[3:, 10:, :3] == 0).all()

    def test_the_picture_itself_is_unchanged(self) -> None:
        src = picture("RGB")
        made = run(make_operation("shadow", "10", offset="0,0"), src)
        assert (made.array[15:-15, 15:-15, :3] == src.array).all()
        assert (made.array[15:-15, 15:-15, 3] == 255).all()

    @pytest.mark.parametrize("opaque", [True, False])
    def test_a_wide_blur_is_as_wide_as_it_says(self, opaque: bool) -> None:
        array = np.full((300, 300, 4), 255, np.uint8)
        array[0, 0, 3] = 255 if opaque else 254
        made = run(
            make_operation("shadow", "80", offset="0,0", opacity=1), Frame(Spec(300, 300, "RGBA"), array)
        )
        mask = np.zeros((540, 540), np.float32)
        mask[120:420, 120:420] = 1
        expected = cv2.GaussianBlur(mask, (0, 0), 40, borderType=cv2.BORDER_CONSTANT)
        outside = np.ones((540, 540), bool)
        outside[120:420, 120:420] = False
        assert np.abs(made.array[..., 3] / PEAK["uint8"] - expected)[outside].max() <= 0.012

    @pytest.mark.parametrize("value", ["4", "4,5,6", "a,b", (1, 2, 3), 5, "--4,5"])
    def test_a_wrong_offset_is_refused(self, value: object) -> None:
        with pytest.raises(BadValueError, match="such as 4,8"):
            make_operation("shadow", "4", offset=value)
