"""Colours: profiles against published matrices, LittleCMS and arithmetic."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import LIMITS, picture, read, saved, written
from PIL import Image, ImageCms
from video_clips import make_clip

from imgpar import Pipeline
from imgpar.batch.picture import stages
from imgpar.core.blocks import Icc
from imgpar.core.errors import BadValueError
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import encode, read_header
from imgpar.formats.option_values import ColourTarget, colour_target
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import to_profile
from imgpar.formats.png.chunks import build_chunk
from imgpar.formats.registry import find_format
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.matrix_profiles import alike, conversion_matrix, parse_profile
from imgpar.recipe.recipe import Recipe

P3_TO_SRGB = np.array([[1.2249, -0.2249, 0.0], [-0.0420, 1.0420, 0.0], [-0.0196, -0.0786, 1.0979]])
"""As published by the W3C (CSS Color 4), rounded."""


def to_light(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def from_light(light: np.ndarray) -> np.ndarray:
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def muted(dtype: str = "uint8", layout: str = "RGB") -> Frame:
    """Colours that P3 and sRGB both have."""
    frame = picture(layout, dtype)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
    array = frame.array.copy()
    count = 1 if layout in ("L", "LA") else 3
    soft = 0.35 * peak + array[..., :count] * 0.3
    array[..., :count] = soft if dtype == "float32" else np.rint(soft)
    return Frame(frame.spec, array)


def through(frame: Frame, source: bytes, target: ColourTarget | None, name: str = "tiff"):
    return to_profile([frame], Metadata(icc=Icc(source)), find_format(name), EncodeOptions(colour=target))


class TestProfiles:
    @pytest.mark.parametrize("make", [profiles.srgb, profiles.display_p3])
    def test_littlecms_takes_them(self, make) -> None:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(make()))
        assert ImageCms.getProfileName(profile).strip() in ("sRGB", "Display P3")

    def test_ours_is_the_srgb_of_littlecms(self) -> None:
        other = parse_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        ours = parse_profile(profiles.srgb())
        assert ours is not None
        assert other is not None
        assert alike(ours, other)

    def test_the_matrix_is_the_published_one(self) -> None:
        one, other = parse_profile(profiles.display_p3()), parse_profile(profiles.srgb())
        assert one is not None
        assert other is not None
        assert np.abs(conversion_matrix(one, other) - P3_TO_SRGB).max() < 0.001

    def test_broken_profiles_have_no_form(self) -> None:
        assert parse_profile(profiles.srgb()[:200]) is None
        assert parse_profile(bytes(400)) is None


class TestToSrgb:
    @pytest.mark.parametrize(("dtype", "tolerance"), [("uint8", 1.01), ("uint16", 20), ("float32", 3e-4)])
    @pytest.mark.parametrize("layout", ["RGB", "RGBX", "RGBA"])
    def test_values_follow_the_published_matrix(self, dtype: str, tolerance: float, layout: str) -> None:
        frame = muted(dtype, layout)
        (made,), metadata, lost, _ = through(frame, profiles.display_p3(), ColourTarget("srgb"))
        peak = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
        expected = from_light(to_light(frame.array[..., :3] / peak) @ P3_TO_SRGB.T) * peak
        assert np.abs(made.array[..., :3] - expected).max() < tolerance
        assert (made.array[..., 3:] == frame.array[..., 3:]).all()
        assert (metadata.icc, lost) == (b"", ())

    def test_a_colour_outside_is_clipped_and_named(self) -> None:
        green = Frame(Spec(4, 4), np.full((4, 4, 3), (0, 255, 0), np.uint8))
        (made,), _, lost, _ = through(green, profiles.display_p3(), ColourTarget("srgb"))
        assert (made.array == (0, 255, 0)).all()
        assert lost == ("gamut",)

    def test_a_format_without_profiles_gets_srgb_unasked(self) -> None:
        frame = muted()
        (made,), _, _, _ = through(frame, profiles.display_p3(), None, "bmp")
        assert not (made.array == frame.array).all()
        (same,), metadata, _, _ = through(frame, profiles.display_p3(), None, "jpeg")
        assert same is frame
        assert metadata.icc == profiles.display_p3()

    def test_srgb_itself_stays_untouched(self) -> None:
        frame = muted()
        littlecms = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        (made,), metadata, lost, notes = through(frame, littlecms, ColourTarget("srgb"))
        assert made is frame
        assert (metadata.icc, lost, notes) == (b"", (), ())

    def test_grey_of_another_gamma(self) -> None:
        frame = muted("uint8", "LA")
        (made,), _, _, _ = through(frame, profiles.grey("Gamma 1", 1.0), ColourTarget("srgb"))
        expected = from_light(frame.array[..., :1] / 255) * 255
        assert np.abs(made.array[..., :1] - expected).max() < 1.01
        assert (made.array[..., 1] == frame.array[..., 1]).all()

    def test_grey_pixels_with_a_colour_profile_keep_their_look(self) -> None:
        frame = muted("uint16", "L")
        source = profiles.rgb_profile("linear", profiles.P3, gamma=1.0)
        (made,), metadata, lost, _ = through(frame, source, None, "jpeg")
        assert np.abs(made.array - from_light(frame.array / 65535) * 65535).max() < 40
        assert (metadata.icc, lost) == (b"", ())

    def test_a_broken_profile_counts_as_srgb_and_is_named(self) -> None:
        broken = bytearray(profiles.display_p3())
        broken[128:132] = b"\xff\xff\xff\xff"
        frame = muted()
        (made,), _, lost, notes = through(frame, bytes(broken), ColourTarget("srgb"))
        assert made is frame
        assert lost == ("icc",)
        assert "sRGB" in notes[0]

    def test_littlecms_agrees_where_the_profile_is_a_table(self) -> None:
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        assert parse_profile(lab) is None


class TestToOthers:
    def test_p3_and_back_is_the_same_picture(self) -> None:
        frame = muted("uint16")
        (wide,), metadata, lost, _ = through(frame, b"", ColourTarget("p3"))
        assert metadata.icc == profiles.display_p3()
        assert lost == ()
        (back,), _, _, _ = through(wide, metadata.icc, ColourTarget("srgb"))
        assert np.abs(back.array.astype(int) - frame.array).max() < 8

    def test_a_file_is_a_target(self, tmp_path: Path) -> None:
        path = tmp_path / "wide.icc"
        path.write_bytes(profiles.rgb_profile("wide", profiles.REC2020))
        target = colour_target(str(path))
        _, metadata, _, _ = through(muted(), b"", target)
        assert metadata.icc == path.read_bytes()

    @pytest.mark.parametrize("value", ["adobe", "/no/such/file.icc", 3])
    def test_anything_else_is_refused(self, value: object) -> None:
        with pytest.raises(BadValueError, match="srgb, p3 or the file"):
            colour_target(value)

    def test_the_content_of_the_file_is_part_of_the_recipe(self, tmp_path: Path) -> None:
        path = tmp_path / "a.icc"
        keys = set()
        for primaries in (profiles.REC2020, profiles.P3):
            path.write_bytes(profiles.rgb_profile("x", primaries))
            keys.add(Recipe().merged({"colour": str(path)}).key())
        assert len(keys) == 2

    def test_a_whole_conversion_says_so_in_exif(self) -> None:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0xA001] = 65535
        exif[0x8769] = exif.get_ifd(0x8769)
        image = Image.new("RGB", (8, 8), (90, 120, 100))
        data = saved(image, "JPEG", icc_profile=profiles.display_p3(), exif=exif)
        result = Image.open(io.BytesIO(Pipeline().encode(data, colour="srgb")))
        assert "icc_profile" not in result.info
        assert result.getexif().get_ifd(0x8769)[0xA001] == 1


class TestPngColours:
    @staticmethod
    def png(*chunks: tuple[bytes, bytes], mode: str = "RGB") -> bytes:
        data = saved(Image.new(mode, (4, 4), 90 if mode == "L" else (90, 120, 100)), "PNG")
        return data[:33] + b"".join(build_chunk(*chunk) for chunk in chunks) + data[33:]

    def test_gamma_becomes_a_profile(self) -> None:
        data = self.png((b"gAMA", struct.pack(">I", 100000)))
        space = parse_profile(read_header(data, "", LIMITS).metadata.icc)
        assert space is not None
        assert np.abs(space.curves[0] - np.linspace(0, 1, 4097)).max() < 1e-3

    def test_grey_gets_a_grey_profile(self) -> None:
        data = self.png((b"gAMA", struct.pack(">I", 100000)), mode="L")
        assert read_header(data, "", LIMITS).metadata.icc[16:20] == b"GRAY"

    @pytest.mark.parametrize(
        "chunks",
        [
            [(b"gAMA", struct.pack(">I", 45455))],
            [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455))],
            [(b"cICP", bytes((1, 13, 0, 1)))],
            [],
        ],
    )
    def test_srgb_needs_no_profile(self, chunks: list[tuple[bytes, bytes]]) -> None:
        assert read_header(self.png(*chunks), "", LIMITS).metadata.icc == b""

    def test_code_points_of_display_p3(self) -> None:
        space = parse_profile(
            read_header(self.png((b"cICP", bytes((12, 13, 0, 1)))), "", LIMITS).metadata.icc
        )
        p3 = parse_profile(profiles.display_p3())
        assert space is not None
        assert p3 is not None
        assert alike(space, p3)

    def test_hdr_stays_what_it_is(self) -> None:
        header = read_header(self.png((b"cICP", bytes((9, 16, 0, 1)))), "", LIMITS)
        assert (header.metadata.cicp, header.metadata.icc, header.lost) == ((9, 16), b"", ())

    def test_unknown_code_points_are_named(self) -> None:
        header = read_header(self.png((b"cICP", bytes((22, 13, 0, 1)))), "", LIMITS)
        assert (header.lost, "code points 22" in header.notes[0]) == (("gamut",), True)


class TestLosses:
    """Only what a picture makes use of can be lost."""

    @staticmethod
    def lost(frame: Frame, name: str) -> tuple[str, ...]:
        header = read_header(written(frame, "png"), "", LIMITS)
        return stages.encode([frame], header, name, EncodeOptions()).lost

    def test_opaque_pixels_lose_no_transparency(self) -> None:
        frame = picture("RGBA")
        assert self.lost(frame, "jpeg") == ("alpha",)
        frame.array[..., 3] = 255
        assert self.lost(frame, "jpeg") == ()

    def test_eight_bits_in_sixteen_lose_nothing(self) -> None:
        frame = picture("RGB", "uint16")
        assert self.lost(frame, "webp") == ("depth",)
        doubled = Frame(frame.spec, (frame.array >> 8) * np.uint16(257))
        assert self.lost(doubled, "webp") == ()
        _, (array,) = read(written(Frame(frame.spec, doubled.array), "png"))
        assert (array == doubled.array).all()


@pytest.mark.parametrize(("icc", "lost"), [
    (profiles.srgb(), ()), (profiles.display_p3(), ()),
    (profiles.rgb_profile("Gamma 1.8", profiles.SRGB, gamma=1.8), ("icc",)),
])  # fmt: skip
def test_grey_needs_no_profile_that_has_the_curve_of_srgb(icc: bytes, lost: tuple[str, ...]) -> None:
    encoded = encode([picture("L")], find_format("png"), Metadata(icc=Icc(icc)), EncodeOptions())
    assert encoded.lost == lost


def test_a_clip_in_hdr_becomes_an_animation_in_sdr(tmp_path: Path) -> None:
    """PQ for 203 cd/m² is bright in SDR; taken as it is, it would be grey."""
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    grey = f"format=yuv420p10le,geq=lum=573:cb=512:cr=512,{tags}"
    clip = make_clip(tmp_path / "hdr.mkv", frames=5, filters=grey, options=("-c:v", "ffv1"))
    report = Pipeline().run(str(clip), str(tmp_path / "a.webp"), to="webp", jobs=1)
    assert "hdr" in report.items[0].lost
    with Image.open(tmp_path / "a.webp") as image:
        shown = np.asarray(image.convert("RGB"))
    assert shown.mean() > 190
