"""Kernels of resize and sharpening after it, against Pillow on float channels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, Array, picture, psnr, run, seen
from PIL import Image

from imgpar import Pipeline
from imgpar.core.errors import BadValueError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.pixels import resampling
from imgpar.recipe.tables import make_operation

SMOOTH = ("bicubic", "bilinear", "box")


def reference(src: Frame, size: tuple[int, int], kernel: str) -> Array:
    """Colours times alpha, filtered by Pillow channel by channel in float."""
    planes = np.moveaxis(seen(src), 2, 0).astype(np.float32)
    how = Image.Resampling[kernel.upper()]
    scaled = [np.asarray(Image.fromarray(plane).resize(size, how)) for plane in planes]
    values = np.clip(np.stack(scaled, axis=2).astype(float), 0, 1)
    if src.spec.alpha:
        values[..., :-1] = np.minimum(values[..., :-1], values[..., -1:])
    return values


@pytest.mark.parametrize("kernel", SMOOTH)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_kernel_is_that_of_pillow(kernel: str, layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    dst = run(make_operation("resize", "31x17", fit="fill", kernel=kernel), src)
    assert psnr(seen(dst), reference(src, (31, 17), kernel)) >= 45


@pytest.mark.parametrize("kernel", resampling.KERNELS)
def test_without_the_fast_resizer_a_kernel_is_the_same(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    src, operation = picture("RGBA"), make_operation("resize", "31x17", fit="fill", kernel=kernel)
    fast = run(operation, src)
    monkeypatch.setattr(resampling, "fast", lambda: False)
    assert psnr(seen(run(operation, src)), seen(fast)) >= 45


@pytest.mark.parametrize("size", [(31, 17), (200, 130), (61, 17), (1, 1)])
@pytest.mark.parametrize("layout", ["L", "RGB", "RGBA"])
def test_nearest_takes_the_pixels_that_pillow_takes(layout: Layout, size: tuple[int, int]) -> None:
    src = picture(layout)
    whole = np.squeeze(src.array, 2) if layout == "L" else src.array
    expected = np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.NEAREST))
    dst = run(make_operation("resize", size, fit="fill", kernel="nearest"), src)
    assert (dst.array.reshape(expected.shape) == expected).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nearest_adds_no_colour(layout: Layout, dtype: str) -> None:
    src = picture(layout, dtype)
    dst = run(make_operation("resize", "150x99", fit="cover", kernel="nearest"), src)
    count = 3 if layout == "RGBX" else src.spec.channels
    before, after = (
        set(map(tuple, frame.array[..., :count].reshape(-1, count).tolist())) for frame in (src, dst)
    )
    assert after <= before


def test_nearest_is_not_decoded_at_a_reduced_scale() -> None:
    assert make_operation("resize", "100", kernel="nearest").shrinks_to(Spec(800, 600)) is None


@pytest.mark.parametrize("kernel", SMOOTH)
def test_another_kernel_may_be_decoded_at_a_reduced_scale(kernel: str) -> None:
    assert make_operation("resize", "100", kernel=kernel).shrinks_to(Spec(800, 600)) == (100, 75)


def jpeg(width: int = 1600, height: int = 1200) -> bytes:
    """Squares of eight pixels, so that every kernel gives another picture."""
    noise = np.random.default_rng(3).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(noise.repeat(8, 0).repeat(8, 1)).save(made, "jpeg", quality=95)
    return made.getvalue()


@pytest.mark.parametrize("kernel", [*SMOOTH, "nearest", "lanczos"])
def test_a_jpeg_gets_the_kernel_on_its_planes_too(kernel: str) -> None:
    data = jpeg()
    made = Pipeline().resize("1090", kernel=kernel).encode(data, to="jpg", quality=95)
    with Image.open(io.BytesIO(made)) as image, Image.open(io.BytesIO(data)) as source:
        how = Image.Resampling[kernel.upper()]
        expected = np.asarray(source.resize((1090, 818), how).convert("L"), float) / 255
        assert (image.size, image.mode) == ((1090, 818), "RGB")
        assert psnr(np.asarray(image.convert("L"), float) / 255, expected) >= 36


def test_a_palette_survives_nearest() -> None:
    sprite = Image.fromarray(np.random.default_rng(1).integers(0, 5, (16, 16), dtype=np.uint8), "P")
    sprite.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 250, 240, 10])
    stored = io.BytesIO()
    sprite.save(stored, "png")
    made = Pipeline().resize("64x64", fit="fill", kernel="nearest").encode(stored.getvalue(), to="png")
    with Image.open(io.BytesIO(made)) as image:
        assert (image.mode, image.size) == ("P", (64, 64))
        expected = np.asarray(sprite.convert("RGB")).repeat(4, 0).repeat(4, 1)
        assert (np.asarray(image.convert("RGB")) == expected).all()


def test_an_unknown_kernel_gets_a_suggestion() -> None:
    with pytest.raises(BadValueError, match="Did you mean 'bicubic'"):
        make_operation("resize", "100", kernel="bicubik")


class TestSharpenAfter:
    """An unsharp mask after a reduction."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("fit", ["fill", "cover", "contain"])
    def test_it_is_a_resize_and_then_a_sharpen(self, layout: Layout, dtype: str, fit: str) -> None:
        src = picture(layout, dtype, 80, 60)
        plain = run(make_operation("resize", "40x30", fit=fit), src)
        expected = run(make_operation("sharpen", 0.8, sigma=0.6), plain)
        made = run(make_operation("resize", "40x30", fit=fit, sharpen_after=0.8), src)
        assert psnr(seen(made), seen(expected)) >= 60

    def test_an_enlarged_picture_is_not_sharpened(self) -> None:
        src = picture("RGB")
        plain = run(make_operation("resize", "200x200", fit="cover"), src)
        made = run(make_operation("resize", "200x200", fit="cover", sharpen_after=2), src)
        assert (plain.array == made.array).all()

    def test_the_padding_of_contain_has_no_halo(self) -> None:
        src = picture("RGB", width=80, height=40)
        made = run(
            make_operation("resize", "40x40", fit="contain", background="#808080", sharpen_after=5), src
        )
        assert (made.array[:10] == 128).all()

    def test_a_jpeg_is_sharpened_too(self) -> None:
        data = jpeg()
        plain = Pipeline().resize("1100").encode(data, to="jpg", quality=95)
        sharp = Pipeline().resize("1100", sharpen_after=1).encode(data, to="jpg", quality=95)
        spread = [
            float(np.asarray(Image.open(io.BytesIO(made)).convert("L"), float).std())
            for made in (plain, sharp)
        ]
        assert spread[1] > spread[0] + 2


@pytest.mark.parametrize(
    ("kernel", "flags"), [("bicubic", "bicubic"), ("box", "area"), ("nearest", "neighbor"), (None, "lanczos")]
)
def test_ffmpeg_gets_the_kernel_by_its_name(kernel: str | None, flags: str) -> None:
    operation = make_operation("resize", "160x", kernel=kernel)
    assert operation.as_filter(Spec(320, 180)) == f"scale=160:90:flags={flags}"


def test_ffmpeg_has_no_equal_sharpening() -> None:
    assert make_operation("resize", "160x", sharpen_after=0.5).as_filter(Spec(320, 180)) is None
    assert make_operation("resize", "640x", fit="fill", sharpen_after=0.5).as_filter(Spec(320, 180))


@pytest.mark.parametrize("fit", ["contain", "cover", "fill"])
@pytest.mark.parametrize("geometry", ["60x80", "8x6cm", "short=60"])
def test_a_picture_that_is_stored_on_its_side_fills_the_box(fit: str, geometry: str) -> None:
    down, across = np.mgrid[:300, :400]
    waves = np.stack([across / 2, down / 2, (across + down) / 3], axis=2).astype(np.uint8)
    exif, stored = Image.Exif(), io.BytesIO()
    exif[274] = 6
    Image.fromarray(waves).save(stored, "jpeg", exif=exif, quality=95)
    made = Pipeline().resize(geometry, fit=fit).encode(stored.getvalue(), to="png", dpi=25.4)
    with Image.open(io.BytesIO(made)) as image:
        upright = Image.fromarray(waves).transpose(Image.Transpose.ROTATE_270)
        expected = np.asarray(upright.resize((60, 80), Image.Resampling.LANCZOS), float) / 255
        assert (image.size, image.mode) == ((60, 80), "RGB")
        assert psnr(np.asarray(image, float) / 255, expected) >= 38
