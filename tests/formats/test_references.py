"""imgpar against libvips (pyvips) and Pillow: the same pictures through other people's code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from codec_pictures import read, saved, written
from conftest import make_photo
from libvips import needs_vips, pyvips
from PIL import Image, ImageCms, ImageOps

from imgpar import Pipeline
from imgpar.core.blocks import Icc
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.pixels.colour import cmyk, profiles

PHOTO = make_photo(240, 160, seed=3)


def vips(data: bytes, **options: Any) -> Any:
    return pyvips.Image.new_from_buffer(data, "", **options)


def png(array: np.ndarray, **options: object) -> bytes:
    return saved(Image.fromarray(array), "PNG", **options)


def ours(data: bytes, **settings: object) -> np.ndarray:
    """What a pipeline makes of a file, as PNG read by Pillow."""
    pipe = Pipeline()
    for name in ("resize",):
        if name in settings:
            pipe = pipe.resize(**settings.pop(name))  # type: ignore[arg-type]
    image = Image.open(io.BytesIO(pipe.encode(data, to="png", **settings)))
    plain = image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))
    return np.asarray(plain).astype(float)


def difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Mean and largest difference."""
    assert one.shape == other.shape
    error = np.abs(one.astype(float) - other.astype(float))
    return float(error.mean()), float(error.max())


class TestResize:
    SIZES = ((120, 80), (100, 67), (37, 25), (239, 159), (24, 160))

    @pytest.mark.parametrize("size", SIZES)
    def test_pillow_lanczos(self, size: tuple[int, int]) -> None:
        made = ours(png(PHOTO), resize={"geometry": "{}x{}".format(*size), "fit": "fill"})
        wanted = np.asarray(Image.fromarray(PHOTO).resize(size, Image.Resampling.LANCZOS))
        mean, worst = difference(made, wanted)
        assert (mean < 0.3, worst <= 8) == (True, True)  # a rounded step at hard edges

    @pytest.mark.parametrize("size", [(120, 80), (37, 25)])
    def test_linear_light_as_pillow_scales_floats(self, size: tuple[int, int]) -> None:
        """Noise over all values: each dark pixel has bright ones around it, which overshoot."""
        noise = np.random.default_rng(9).integers(0, 256, (160, 240, 3), np.uint8)
        geometry = "{}x{}".format(*size)
        made = ours(png(noise), resize={"geometry": geometry, "fit": "fill", "linear": True})
        coded = noise / 255
        light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4).astype(np.float32)
        scaled = [Image.fromarray(np.ascontiguousarray(light[..., at])).resize(size, Image.Resampling.LANCZOS)
                  for at in range(3)]  # fmt: skip
        amount = np.stack([np.asarray(channel) for channel in scaled], axis=-1).clip(0, 1)
        wanted = np.where(amount <= 0.0031308, amount * 12.92, 1.055 * amount ** (1 / 2.4) - 0.055)
        assert np.abs(made - wanted * 255).max() <= 1

    @needs_vips
    @pytest.mark.parametrize("size", SIZES)
    def test_libvips_lanczos(self, size: tuple[int, int]) -> None:
        made = ours(png(PHOTO), resize={"geometry": "{}x{}".format(*size), "fit": "fill"})
        scale, vertical = size[0] / PHOTO.shape[1], size[1] / PHOTO.shape[0]
        wanted = vips(png(PHOTO)).resize(scale, vscale=vertical, kernel="lanczos3").numpy()
        mean, _ = difference(made, wanted)
        assert mean < 0.8  # libvips places its kernel in steps of 1/64 pixel

    @needs_vips
    def test_a_shrunk_decode_is_as_good_as_that_of_libvips(self) -> None:
        large = make_photo(1600, 1000, seed=5)
        data = saved(Image.fromarray(large), "JPEG", quality=95)
        exact = np.asarray(Image.open(io.BytesIO(data)).resize((200, 125), Image.Resampling.LANCZOS))
        made = ours(data, resize={"geometry": "200"})
        theirs = pyvips.Image.thumbnail_buffer(data, 200).numpy()
        assert difference(made, exact)[0] <= difference(theirs, exact)[0] + 0.2


class TestAlpha:
    @staticmethod
    def picture() -> np.ndarray:
        """A disk with a soft edge; what is transparent is glaring green, and must not be seen."""
        y, x = np.mgrid[0:120, 0:160]
        alpha = (60 - np.hypot(x - 80, y - 60)).clip(0, 6) / 6
        colour = np.where(alpha[..., None] > 0, (200, 40, 30), (0, 255, 0))
        return np.concatenate([colour, alpha[..., None] * 255], axis=-1).round().astype(np.uint8)

    @needs_vips
    @pytest.mark.parametrize("size", [(80, 60), (40, 30), (33, 25)])
    def test_libvips_with_premultiplied_alpha(self, size: tuple[int, int]) -> None:
        data = png(self.picture())
        made = ours(data, resize={"geometry": "{}x{}".format(*size), "fit": "fill"})
        image = vips(data).premultiply()
        image = image.resize(size[0] / 160, vscale=size[1] / 120, kernel="lanczos3")
        wanted = image.unpremultiply().cast("uchar").numpy()
        seen = wanted[..., 3] > 40
        assert np.abs(made[..., 3] - wanted[..., 3]).mean() < 1
        assert np.abs(made[seen] - wanted[seen]).mean() < 2

    def test_no_green_creeps_in(self) -> None:
        made = ours(png(self.picture()), resize={"geometry": "40x30", "fit": "fill"})
        assert made[made[..., 3] > 8][:, 1].max() <= 60


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_pillow_exif_transpose(self, kind: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
        data = saved(Image.fromarray(PHOTO), kind, exif=exif, **options)
        with Image.open(io.BytesIO(data)) as image:
            wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert difference(ours(data), wanted)[1] <= (2 if kind == "JPEG" else 0)

    @needs_vips
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_libvips_autorot(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = saved(Image.fromarray(PHOTO), "PNG", exif=exif)
        assert difference(ours(data), vips(data).autorot().numpy()[..., :3])[1] == 0


class TestColour:
    PROFILES: ClassVar[dict[str, bytes]] = {
        "p3": profiles.display_p3(),
        "rec2020": profiles.rgb_profile("2020", profiles.REC2020),
        "adobe": profiles.rgb_profile("A", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), gamma=2.2),
    }

    @pytest.mark.parametrize("name", PROFILES)
    def test_imagecms(self, name: str) -> None:
        icc = self.PROFILES[name]
        wanted = ImageCms.profileToProfile(
            Image.fromarray(PHOTO),
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        assert wanted is not None
        assert difference(ours(png(PHOTO, icc_profile=icc), colour="srgb"), np.asarray(wanted))[1] <= 1

    @needs_vips
    @pytest.mark.parametrize("name", PROFILES)
    @pytest.mark.parametrize("depth", ["uint8", "uint16"])
    def test_libvips(self, name: str, depth: str) -> None:
        array = PHOTO if depth == "uint8" else PHOTO.astype(np.uint16) * 257
        frame = Frame(Spec(240, 160, "RGB", depth), array)
        data = written(frame, "png", Metadata(icc=Icc(self.PROFILES[name])))
        image = (
            vips(data)
            .icc_import(embedded=True, intent="relative")
            .icc_export(output_profile="srgb", intent="relative", depth=8 if depth == "uint8" else 16)
        )
        _, (made,) = read(Pipeline().encode(data, to="png", colour="srgb"))
        peak = 1 if depth == "uint8" else 257
        mean, worst = difference(made[..., :3] / peak, image.numpy()[..., :3] / peak)
        assert (mean < 0.6, worst < 5) == (True, True)  # libvips goes by way of Lab with 16 bits

    def test_cmyk_through_its_own_profile(self) -> None:
        plates = np.random.default_rng(4).integers(0, 256, (12, 16, 4), np.uint8)
        icc = cmyk.cmyk_profile()
        data = saved(Image.fromarray(plates, "CMYK"), "TIFF", icc_profile=icc)
        wanted = ImageCms.profileToProfile(
            Image.fromarray(plates, "CMYK"),
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        assert wanted is not None
        assert difference(ours(data), np.asarray(wanted))[1] <= 1


class TestInks:
    """CMYK without a profile."""

    CHART = np.stack(np.meshgrid(*[np.linspace(0, 255, 5)] * 4, indexing="ij"), -1).reshape(25, 25, 4)

    def made(self) -> np.ndarray:
        return ours(saved(Image.fromarray(self.CHART.round().astype(np.uint8), "CMYK"), "TIFF"))

    @needs_vips
    def test_libvips_makes_the_same_of_the_profile(self, tmp_path: Path) -> None:
        (tmp_path / "swop.icc").write_bytes(cmyk.cmyk_profile())
        image = pyvips.Image.new_from_array(self.CHART.round().astype(np.uint8)).copy(interpretation="cmyk")
        made = image.icc_import(input_profile=str(tmp_path / "swop.icc"), intent="relative")
        wanted = made.icc_export(output_profile="srgb", intent="relative", depth=8).numpy()
        mean, worst = difference(self.made(), wanted)
        assert (mean < 0.6, worst < 5) == (True, True)  # libvips goes by way of Lab with 16 bits

    @pytest.mark.parametrize(
        ("inks", "published"),
        [
            ((1, 0, 0, 0), (0, 174, 239)), ((0, 1, 0, 0), (236, 0, 140)), ((0, 0, 1, 0), (255, 242, 0)),
            ((1, 1, 0, 0), (46, 49, 146)), ((1, 0, 1, 0), (0, 166, 81)), ((0, 1, 1, 0), (237, 28, 36)),
            ((0, 0, 0, 1), (35, 31, 32)),
        ],
    )  # fmt: skip
    def test_pure_inks_are_the_published_colours_of_swop(
        self, inks: tuple[int, ...], published: tuple[int, ...]
    ) -> None:
        """What editors show for the process colours under U.S. Web Coated (SWOP) v2."""
        data = saved(Image.new("CMYK", (8, 8), tuple(255 * ink for ink in inks)), "TIFF")
        assert np.abs(ours(data)[0, 0].astype(int) - published).max() <= 1

    def test_paper_is_white_and_all_inks_are_black(self) -> None:
        made = self.made().reshape(-1, 3)
        assert (made[0].tolist(), made[-1].tolist()) == ([255, 255, 255], [0, 0, 0])

    @needs_vips
    def test_it_is_nearer_to_a_press_than_plain_arithmetic(self) -> None:
        """libvips brings a CMYK profile of its own."""
        chart = self.CHART.round().astype(np.uint8)
        image = pyvips.Image.new_from_array(chart).copy(interpretation="cmyk")
        press = image.icc_transform("srgb", input_profile="cmyk", intent="relative").numpy()
        plain = np.asarray(Image.fromarray(chart, "CMYK").convert("RGB"))
        assert difference(self.made(), press)[0] < 0.55 * difference(plain, press)[0]


KINDS = {
    "jpeg": ("JPEG", {"quality": 90}),
    "progressive": ("JPEG", {"quality": 90, "progressive": True}),
    "jpeg 4:4:4": ("JPEG", {"quality": 90, "subsampling": 0}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 90}),
    "webp lossless": ("WEBP", {"lossless": True}),
    "avif": ("AVIF", {"quality": 90}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff packbits": ("TIFF", {"compression": "packbits"}),
    "tiff deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff jpeg": ("TIFF", {"compression": "jpeg", "quality": 95}),
}


@needs_vips
class TestDecoders:
    @pytest.mark.parametrize("kind", KINDS)
    def test_libvips_sees_the_same(self, kind: str) -> None:
        name, options = KINDS[kind]
        data = saved(Image.fromarray(PHOTO), name, **options)
        wanted = vips(data).numpy()[..., :3]
        mean, worst = difference(ours(data)[..., :3], wanted)
        lossy = name in ("JPEG", "WEBP", "AVIF") or "jpeg" in kind
        # Decoders differ in how they enlarge halved colour.
        assert mean <= (1.0 if lossy else 0), worst

    @pytest.mark.parametrize(
        "options",
        [
            {"bitdepth": 1, "compression": "ccittfax4"},
            {"bitdepth": 1},
            {"bitdepth": 1, "miniswhite": True},
            {"bitdepth": 2},
            {"bitdepth": 4},
            {"compression": "lzw", "predictor": "horizontal"},
            {"tile": True, "tile_width": 64, "tile_height": 64},
            {"bigtiff": True},
        ],
        ids=str,
    )
    def test_grey_tiffs_of_libvips(self, options: dict[str, Any]) -> None:
        grey = pyvips.Image.new_from_array(np.ascontiguousarray(PHOTO[..., 0]))
        data = grey.copy(interpretation="b-w").tiffsave_buffer(**options)
        wanted = vips(data)
        if wanted.interpretation != "b-w":
            wanted = wanted.colourspace("b-w")
        assert difference(ours(data), wanted.numpy().reshape(160, 240))[1] == 0

    @pytest.mark.parametrize("kind", ["uint16", "float32"])
    @pytest.mark.parametrize("bands", [1, 3, 4])
    @pytest.mark.parametrize("options", [{}, {"compression": "deflate", "predictor": "horizontal"}], ids=str)
    def test_deep_tiffs_of_libvips(self, kind: str, bands: int, options: dict[str, Any]) -> None:
        if kind == "float32" and options:
            options = {**options, "predictor": "float"}
        peak = 65535 if kind == "uint16" else 1
        array = (np.random.default_rng(1).random((20, 30, bands)) * peak).astype(kind)
        space = {("uint16", 1): "grey16", ("uint16", 3): "rgb16", ("uint16", 4): "rgb16"}.get(
            (kind, bands), "b-w" if bands == 1 else "srgb"
        )
        image = pyvips.Image.new_from_array(array).copy(interpretation=space)
        header, (made,) = read(image.tiffsave_buffer(**options))
        assert header.spec.dtype == kind
        assert np.array_equal(made, array)
