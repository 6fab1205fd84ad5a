"""JPEG XL: the profile in the codestream and the times of an animation, in files that libjxl made."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from codec_pictures import picture, read, written
from PIL import Image, ImageCms

from imgpar import Pipeline
from imgpar.codecs import EncodeOptions, jxl_ffmpeg, profiles, read_header
from imgpar.codecs.jxl_header import codestream_of
from imgpar.codecs.options import colour_target
from imgpar.errors import ItemError, LimitError
from imgpar.model import Limits, Metadata
from imgpar.runtime.outputs import convert_bytes

imagecodecs = pytest.importorskip("imagecodecs", reason="JPEG XL needs imagecodecs")
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TOLD = subprocess.run([FFMPEG, "-v", "quiet", "-encoders"], capture_output=True, check=False).stdout
needs_libjxl = pytest.mark.skipif(b"libjxl" not in TOLD, reason="this build of ffmpeg has no libjxl")
# Green and blue of sRGB have changed places in this profile: whoever overlooks it sees wrong colours at once.
SWAPPED = profiles.colours("Swapped", (profiles.SRGB[0], profiles.SRGB[2], profiles.SRGB[1]))


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

    def test_of_a_lossy_file_the_decoder_makes_srgb_and_that_is_named(self, tmp_path: Path) -> None:
        data, _ = with_profile(tmp_path, SWAPPED, distance=1)
        header = read_header(data, "a.jxl", Limits())
        assert (header.metadata.icc, header.lost) == (b"", ("gamut",))

    def test_without_libjxl_that_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data, _ = with_profile(tmp_path, SWAPPED)
        monkeypatch.setattr(jxl_ffmpeg, "_ffmpeg", lambda: "there-is-no-such-program")
        header = read_header(data, "a.jxl", Limits())
        assert (header.metadata.icc, header.lost) == (b"", ("gamut",))
        assert "taken as sRGB" in header.notes[0]


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
    data = written(picture("RGB"), "jxl", Metadata(xmp=b"<x/>"), lossless=True)
    stream = codestream_of(data)
    assert np.array_equal(read(stream)[1][0], read(data)[1][0])
