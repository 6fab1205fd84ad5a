"""JPEG XL: the profile in the codestream and the times of an animation, in files that libjxl made."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from codec_pictures import picture, read, written
from PIL import Image, ImageCms

from imgpar import Pipeline
from imgpar.batch.picture.outputs import convert_bytes
from imgpar.core.blocks import Xmp
from imgpar.core.errors import ItemError, LimitError
from imgpar.core.limits import Limits
from imgpar.core.spec import Metadata
from imgpar.formats.codec import read_header
from imgpar.formats.jxl import ffmpeg
from imgpar.formats.jxl.header import codestream_of
from imgpar.formats.option_values import colour_target
from imgpar.formats.options import EncodeOptions
from imgpar.pixels.colour import profiles

imagecodecs = pytest.importorskip("imagecodecs", reason="JPEG XL needs imagecodecs")
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TOLD = subprocess.run([FFMPEG, "-v", "quiet", "-encoders"], capture_output=True, check=False).stdout
needs_libjxl = pytest.mark.skipif(b"libjxl" not in TOLD, reason="this build of ffmpeg has no libjxl")
# Green and blue of sRGB have changed places in this profile: whoever overlooks it sees wrong colours at once.
SWAPPED = profiles.rgb_profile("Swapped", (profiles.SRGB[0], profiles.SRGB[2], profiles.SRGB[1]))


def with_profile(folder: Path, icc: bytes, *, distance: int = 0) -> tuple[bytes, np.ndarray]:
    """A JPEG XL with an ICC profile, and the pixels that went in."""
    pixels = picture("RGB").array
    Image.fromarray(pixels).save(folder / "a.png", icc_profile=icc)
    made = folder / "a.jxl"
    command = [
        FFMPEG,
        "-v",
        "error",
        "-i",
        str(folder / "a.png"),
        "-c:v",
        "libjxl",
        "-distance",
        str(distance),
    ]
    subprocess.run([*command, str(made)], check=True)
    return made.read_bytes(), pixels


def animation(frames: int = 5) -> tuple[bytes, np.ndarray]:
    pixels = np.random.default_rng(1).integers(0, 256, (frames, 24, 32, 3), np.uint8)
    return imagecodecs.jpegxl_encode(pixels, lossless=True), pixels


@needs_libjxl
class TestProfile:
    def test_it_is_read_and_kept(self, tmp_path: Path) -> None:
        data, pixels = with_profile(tmp_path, SWAPPED)
        header, (array,) = read(data)
        assert (header.metadata.icc, header.lost, header.notes) == (SWAPPED, (), ())
        assert np.array_equal(array, pixels)

    def test_colours_are_converted_by_it(self, tmp_path: Path) -> None:
        data, pixels = with_profile(tmp_path, SWAPPED)
        options = EncodeOptions(colour=colour_target("srgb"))
        made = convert_bytes(data, "a.jxl", (), "png", options, Limits())
        _, (array,) = read(bytes(made.data))
        profile = ImageCms.ImageCmsProfile(io.BytesIO(SWAPPED))
        wanted = ImageCms.profileToProfile(
            Image.fromarray(pixels), profile, ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
        assert np.abs(array[..., :3].astype(int) - np.asarray(wanted)).max() <= 1

    def test_without_libjxl_that_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data, _ = with_profile(tmp_path, SWAPPED)
        monkeypatch.setattr(ffmpeg, "_ffmpeg", lambda: "there-is-no-such-program")
        header = read_header(data, "a.jxl", Limits())
        assert (header.metadata.icc, header.lost) == (b"", ("gamut",))
        assert "taken as sRGB" in header.notes[0]


ADOBE = profiles.rgb_profile("Wide", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), gamma=563 / 256)
PROPHOTO = profiles.rgb_profile(
    "Wider", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8
)
GREY = profiles.grey("Gamma 1.8", 1.8)


def of_lightness(icc: bytes) -> bytes:
    """The profile with the curve of CIE lightness instead of that of sRGB: libjxl has no name for it."""
    begin = icc.index(b"para") + 12
    values = (3.0, 1 / 1.16, 0.16 / 1.16, 1 / 9.033, 0.08)
    return icc.replace(icc[begin : begin + 20], b"".join(struct.pack(">i", round(v * 65536)) for v in values))


UNNAMED = of_lightness(profiles.rgb_profile("Unnamed", profiles.P3))
UNNAMED_GREY = of_lightness(profiles.grey("Unnamed", 0.0))


def soft(icc: bytes) -> Image.Image:
    """Colours that lossy compression keeps, dark ones too; as large as libjxl likes."""
    y, x = np.mgrid[0:96, 0:128]
    pixels = np.stack([x * 1.6 + 4, y * 2.1 + 4, 220 - x], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if icc[16:20] == b"GRAY" else pixels)


def seen(image: Image.Image, icc: bytes) -> np.ndarray:
    """The picture through its profile, as sRGB: by LittleCMS."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else ImageCms.createProfile("sRGB")
    image = image.convert("RGB") if image.mode != "L" or icc[16:20] != b"GRAY" else image
    shown = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return np.asarray(shown).astype(int)


def lossy(folder: Path, icc: bytes, pixel_format: str = "") -> bytes:
    soft(icc).save(folder / "a.png", icc_profile=icc)
    command = [FFMPEG, "-v", "error", "-i", str(folder / "a.png"), "-c:v", "libjxl", "-distance", "0.5"]
    depth = ["-pix_fmt", pixel_format] if pixel_format else []
    subprocess.run([*command, *depth, str(folder / "a.jxl")], check=True)
    return (folder / "a.jxl").read_bytes()


def through_png(data: bytes) -> tuple[Image.Image, bytes]:
    image = Image.open(io.BytesIO(Pipeline().encode(data, to="png")))
    return image, image.info.get("icc_profile", b"")


@needs_libjxl
class TestLossy:
    """libjxl tells the colours of XYB; the profile has no part in it."""

    @pytest.mark.parametrize(
        "icc", [ADOBE, PROPHOTO, profiles.display_p3(), SWAPPED, GREY, UNNAMED, UNNAMED_GREY]
    )
    @pytest.mark.parametrize("deep", [False, True])
    def test_colours_are_seen_as_before(self, tmp_path: Path, icc: bytes, deep: bool) -> None:
        grey = icc[16:20] == b"GRAY"
        data = lossy(tmp_path, icc, ("gray16" if grey else "rgb48") if deep else "")
        header = read_header(data, "a.jxl", Limits())
        assert (header.spec.dtype, header.lost) == ("uint16" if deep else "uint8", ())
        made = Pipeline().encode(data, to="webp", lossless=True)
        image = Image.open(io.BytesIO(made))
        difference = np.abs(seen(image, image.info.get("icc_profile", b"")) - seen(soft(icc), icc))
        assert difference.mean() < 3

    def test_dark_tones_have_all_their_steps(self, tmp_path: Path) -> None:
        image, icc = through_png(lossy(tmp_path, UNNAMED_GREY))
        dark = np.unique(np.asarray(image)[np.asarray(image) < 60])
        assert (image.mode, icc, len(dark) > 30) == ("L", b"", True)

    def test_colours_outside_of_srgb_are_kept(self, tmp_path: Path) -> None:
        image, icc = through_png(lossy(tmp_path, UNNAMED))
        source, target = (ImageCms.ImageCmsProfile(io.BytesIO(profile)) for profile in (icc, UNNAMED))
        back = ImageCms.profileToProfile(
            image.convert("RGB"), source, target, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        assert np.abs(np.asarray(back).astype(int) - np.asarray(soft(UNNAMED))).mean() < 3

    def test_with_transparency(self, tmp_path: Path) -> None:
        pixels = np.dstack([np.asarray(soft(UNNAMED)), np.full((96, 128), 130, np.uint8)])
        Image.fromarray(pixels).save(tmp_path / "b.png", icc_profile=UNNAMED)
        command = [FFMPEG, "-v", "error", "-i", str(tmp_path / "b.png"), "-c:v", "libjxl", "-distance", "0.5"]
        subprocess.run([*command, str(tmp_path / "b.jxl")], check=True)
        image, icc = through_png((tmp_path / "b.jxl").read_bytes())
        assert image.mode == "RGBA"
        assert np.abs(np.asarray(image)[..., 3].astype(int) - 130).max() <= 1
        assert np.abs(seen(image, icc) - seen(soft(UNNAMED), UNNAMED)).mean() < 3

    def test_the_report_says_that_the_profile_was_not_read(self, tmp_path: Path) -> None:
        header = read_header(lossy(tmp_path, UNNAMED), "a.jxl", Limits())
        assert (header.lost, "ICC profile" in header.notes[0]) == ((), True)


@needs_libjxl
class TestAnimation:
    def test_frames_and_times(self) -> None:
        data, pixels = animation()
        header, arrays = read(data)
        assert (header.frames, header.metadata.durations, header.lost) == (5, (100,) * 5, ())
        assert all(np.array_equal(one, other) for one, other in zip(arrays, pixels, strict=True))

    def test_with_nothing_to_do_it_is_copied(self) -> None:
        data, _ = animation()
        assert Pipeline().encode(data) == data

    def test_it_becomes_an_animated_png(self) -> None:
        data, pixels = animation()
        made = convert_bytes(data, "a.jxl", (), "png", EncodeOptions(), Limits())
        header, arrays = read(bytes(made.data))
        assert (header.frames, header.metadata.durations) == (5, (100,) * 5)
        assert np.array_equal(arrays[4][..., :3], pixels[4])

    def test_some_frames(self) -> None:
        data, pixels = animation()
        header, arrays = read(data, header=read_header(data, "", Limits(pages="2-3")))
        assert header.frames == 2
        assert np.array_equal(arrays[1], pixels[2])

    def test_one_frame(self) -> None:
        data, pixels = animation()
        _, (array,) = read(data, header=read_header(data, "", Limits(pages="4")))
        assert np.array_equal(array, pixels[3])

    def test_too_many_frames(self) -> None:
        with pytest.raises(LimitError, match="frames"):
            read_header(animation()[0], "a.jxl", Limits(max_frames=4))

    def test_an_animation_of_which_a_part_is_missing(self) -> None:
        data, _ = animation()
        with pytest.raises(ItemError):
            read(data[: len(data) // 2])


def test_the_codestream_is_put_together_from_its_pieces() -> None:
    data = written(picture("RGB"), "jxl", Metadata(xmp=Xmp(b"<x/>")), lossless=True)
    stream = codestream_of(data)
    assert np.array_equal(read(stream)[1][0], read(data)[1][0])
