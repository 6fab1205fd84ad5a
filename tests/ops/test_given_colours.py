"""Colours that people give (text, borders, backgrounds, logos), seen through the profile of the picture."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import finest, read, saved
from PIL import Image, ImageCms
from video_clips import ffmpeg

import imgpar
from imgpar import Pipeline
from imgpar.core.blocks import Icc
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.output_profile import srgb_frame
from imgpar.formats.png.chunks import build_chunk
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.named_colours import into

GIVEN = (200, 60, 40)
ADOBE = profiles.rgb_profile("Wide", ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), gamma=563 / 256)
PROPHOTO = profiles.rgb_profile(
    "Wider", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8
)
GREY = profiles.grey("Gamma 1", 1.0)
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""From sRGB, as ITU-R BT.2087 has it."""


def plain(icc: bytes = b"", mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> bytes:
    values = {"RGB": (90, 120, 100), "L": 90, "LA": (90, 255), "RGBA": (90, 120, 100, 255)}
    return saved(Image.new(mode, size, values[mode]), "PNG", icc_profile=icc)


def seen(data: bytes, x: int, y: int) -> np.ndarray:
    """One pixel as sRGB, by LittleCMS."""
    image = Image.open(io.BytesIO(data))
    icc = image.info.get("icc_profile")
    colours = image.convert("RGB")
    if icc:
        assert (icc[16:20] == b"GRAY") == (image.mode in ("L", "LA"))
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        colours = image.convert("L") if icc[16:20] == b"GRAY" else colours
        colours = ImageCms.profileToProfile(
            colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )  # fmt: skip
    return np.array(colours.getpixel((x, y))).astype(int)


def close(pixel: np.ndarray, wanted: tuple[int, ...] = GIVEN, tolerance: int = 2) -> bool:
    return bool(np.abs(pixel - wanted).max() <= tolerance)


@pytest.fixture
def logo(tmp_path: Path) -> str:
    return logo_of(tmp_path, GIVEN)


def logo_of(folder: Path, colour: tuple[int, ...], icc: bytes = b"") -> str:
    path = folder / "logo.png"
    Image.new("RGBA", (30, 30), (*colour, 255)).save(path, icc_profile=icc)
    return str(path)


PLACES = {
    "pad": (Pipeline().pad("120x40", background=GIVEN), (2, 20)),
    "resize": (Pipeline().resize("120x40", fit="contain", background=GIVEN), (2, 20)),
    "rotate": (Pipeline().rotate(30, background=GIVEN), (1, 1)),
    "watermark_text": (
        Pipeline().watermark_text("███", size=30, colour=GIVEN, opacity=1, gravity="centre"),
        (30, 20),
    ),
}


@pytest.mark.parametrize("icc", [b"", ADOBE, PROPHOTO, profiles.display_p3(), GREY])
class TestSeenAsGiven:
    @pytest.mark.parametrize("name", PLACES)
    @pytest.mark.parametrize("to", ["png", "webp"])
    def test_by_operations(self, icc: bytes, name: str, to: str) -> None:
        pipeline, place = PLACES[name]
        data = plain(icc, "L" if icc is GREY else "RGB")
        assert close(seen(pipeline.encode(data, to=to, **finest(to)), *place))

    def test_by_a_logo(self, icc: bytes, logo: str) -> None:
        data = plain(icc, "L" if icc is GREY else "RGB")
        made = Pipeline().watermark(logo, gravity="centre", scale=0.5).encode(data)
        assert close(seen(made, 30, 20))

    @pytest.mark.parametrize("to", ["jpg", "bmp"])
    def test_behind_transparency(self, icc: bytes, to: str) -> None:
        mode = "LA" if icc is GREY else "RGBA"
        data = saved(
            Image.new(mode, (32, 32), (90, 0) if mode == "LA" else (0, 0, 0, 0)), "PNG", icc_profile=icc
        )
        made = Pipeline().encode(data, to=to, background=GIVEN, **finest(to))
        assert close(seen(made, 10, 10))

    def test_grey_behind_transparency(self, icc: bytes) -> None:
        mode = "LA" if icc is GREY else "RGBA"
        data = saved(
            Image.new(mode, (32, 32), (90, 0) if mode == "LA" else (0, 0, 0, 0)), "PNG", icc_profile=icc
        )
        made = Pipeline().encode(data, to="jpg", background=(130, 130, 130), quality=100)
        assert close(seen(made, 10, 10), (130, 130, 130))


class TestLogos:
    def test_the_profile_of_the_logo_counts(self, tmp_path: Path) -> None:
        path = logo_of(tmp_path, (180, 90, 60), ADOBE)
        with open(path, "rb") as file:
            wanted = seen(file.read(), 5, 5)
        made = Pipeline().watermark(path, gravity="centre", scale=0.5).encode(plain(PROPHOTO))
        assert close(seen(made, 30, 20), tuple(wanted))

    @pytest.mark.parametrize("mode", ["L", "LA"])
    def test_a_grey_picture_gets_the_colours_of_the_logo(self, logo: str, mode: str) -> None:
        made = Pipeline().watermark(logo, gravity="centre", scale=0.5).encode(plain(b"", mode))
        assert Image.open(io.BytesIO(made)).mode == ("RGB" if mode == "L" else "RGBA")
        assert close(seen(made, 30, 20))

    def test_a_grey_logo_leaves_a_grey_picture_grey(self, tmp_path: Path) -> None:
        path = logo_of(tmp_path, (130, 130, 130))
        made = Pipeline().watermark(path, gravity="centre", scale=0.5).encode(plain(GREY, "L"))
        image = Image.open(io.BytesIO(made))
        assert (image.mode, image.info["icc_profile"]) == ("L", GREY)
        assert image.getpixel((2, 2)) == 90
        assert close(seen(made, 30, 20), (130, 130, 130))

    def test_transparent_pixels_of_a_logo_have_no_colours(self, tmp_path: Path) -> None:
        pixels = np.full((30, 30, 4), (255, 0, 0, 0), np.uint8)
        pixels[10:20, 10:20] = (130, 130, 130, 255)
        Image.fromarray(pixels).save(tmp_path / "logo.png")
        made = Pipeline().watermark(str(tmp_path / "logo.png")).encode(plain(b"", "L"))
        assert Image.open(io.BytesIO(made)).mode == "L"

    def test_another_logo_under_the_same_name(self, tmp_path: Path) -> None:
        path = logo_of(tmp_path, (130, 130, 130))
        pipeline = Pipeline().watermark(path, gravity="centre", scale=0.5)
        pipeline.encode(plain(b"", "L"))
        Image.new("RGB", (30, 31), GIVEN).save(path)
        assert close(seen(pipeline.encode(plain(b"", "L")), 30, 20))


class TestGreyPictures:
    """Of a profile for grey no colour can be told."""

    def test_grey_colours_leave_it_grey(self) -> None:
        made = Pipeline().pad("120x40", background=(130, 130, 130)).encode(plain(GREY, "L"))
        image = Image.open(io.BytesIO(made))
        assert (image.mode, image.info["icc_profile"], image.getpixel((60, 20))) == ("L", GREY, 90)
        assert close(seen(made, 2, 20), (130, 130, 130))

    @pytest.mark.parametrize("name", PLACES)
    def test_its_tones_stay_where_it_gets_colours(self, name: str) -> None:
        pipeline, _ = PLACES[name]
        before = seen(plain(GREY, "L", (60, 90)), 5, 5)
        made = pipeline.encode(plain(GREY, "L", (60, 90)), to="png")
        width, height = Image.open(io.BytesIO(made)).size
        assert close(seen(made, width // 2, height // 2 + 30 * (name == "watermark_text")), tuple(before), 1)

    def test_a_function_gets_and_gives_colours_in_srgb(self) -> None:
        got = []

        def look(array: np.ndarray) -> np.ndarray:
            got.append(array[5, 5].tolist())
            return array

        made = Pipeline().apply(look).encode(plain(GREY, "L"))
        wanted = seen(plain(GREY, "L"), 5, 5)
        assert close(np.array(got[0]), tuple(wanted), 1)
        assert close(seen(made, 5, 5), tuple(wanted), 1)

    def test_grey_again_after_colours(self) -> None:
        made = Pipeline().pad("120x40", background=GIVEN).grey().encode(plain(GREY, "L"))
        assert close(seen(made, 60, 20), tuple(seen(plain(GREY, "L"), 5, 5)), 1)


def test_sixteen_bits_have_all_their_steps() -> None:
    wide = Pipeline().apply(lambda array: array, dtype="uint16").pad("120x40", background=GIVEN)
    _, (array,) = read(wide.encode(plain(PROPHOTO), to="tiff"))
    assert array.dtype == np.uint16
    eight = ImageCms.profileToProfile(
        Image.new("RGB", (1, 1), GIVEN), ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(PROPHOTO)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    got = array[20, 2, :3]
    assert np.abs(got / 257 - eight.getpixel((0, 0))).max() < 1
    assert (got % 257 != 0).any()


def in_hdr(curve: int) -> np.ndarray:
    """What was given, in BT.2020 with PQ or HLG (BT.2100): white is 203 cd/m²."""
    values = np.array(GIVEN) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4) @ TO_2020.T * 203
    if curve == 16:
        power = (light / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    luma = (light / 1000 @ (0.2627, 0.6780, 0.0593)) ** (1 / 1.2)
    scene = light / 1000 / luma**0.2
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


@pytest.mark.parametrize("curve", [16, 18])
def test_hdr(curve: int) -> None:
    data = plain()
    data = data[:33] + build_chunk(b"cICP", bytes((9, curve, 0, 1))) + data[33:]
    made = Pipeline().pad("120x40", background=GIVEN).encode(data)
    assert b"cICP" in made
    got = np.array(Image.open(io.BytesIO(made)).getpixel((2, 20))[:3])
    assert np.abs(got - in_hdr(curve) * 255).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["staged", "auto"])
@pytest.mark.parametrize("name", ["pad", "watermark_text"])
def test_a_clip_in_hdr(tmp_path: Path, schedule: str, name: str, no_leaks: None) -> None:
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=60x40:r=5:d=0.6", "-vf", f"format=yuv444p10le,{tags}",
        "-c:v", "ffv1", tmp_path / "a.mkv",
    )  # fmt: skip
    pipeline, (x, y) = PLACES[name]
    made = tmp_path / "b.mkv"
    report = pipeline.run(
        str(tmp_path / "a.mkv"), str(made), codec="ffv1", lossless=True, schedule=schedule, jobs=1
    )
    assert report.ok == 1
    frame = next(iter(imgpar.frames(str(made), dtype="uint16")))
    assert np.abs(frame.array[y, x] / 65535 - in_hdr(16)).max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["staged", "chain"])
@pytest.mark.parametrize("name", ["a.png", "grey.png"])
def test_in_every_schedule(tmp_path: Path, schedule: str, name: str, no_leaks: None) -> None:
    (tmp_path / "in").mkdir()
    grey = name == "grey.png"
    (tmp_path / "in" / name).write_bytes(plain(GREY if grey else PROPHOTO, "L" if grey else "RGB"))
    pipeline = Pipeline().pad("120x40", background=GIVEN)
    report = pipeline.run(str(tmp_path / "in"), str(tmp_path / "out"), schedule=schedule, jobs=2, verify=True)
    assert report.ok == 1
    made = (tmp_path / "out" / name).read_bytes()
    assert close(seen(made, 2, 20))
    before = seen((tmp_path / "in" / name).read_bytes(), 5, 5)
    assert close(seen(made, 60, 20), tuple(before), 1)


def by_lightness() -> bytes:
    """A profile of tables, both ways: its values are lightness, whatever the colour."""

    def table(nodes: list[tuple[int, int, int]]) -> bytes:
        straight = bytes(range(256)) * 3
        unit = b"".join(struct.pack(">i", value << 16) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
        return b"mft1" + struct.pack(">4x3Bx", 3, 3, 2) + unit + straight + bytes(sum(nodes, ())) + straight

    corners = list(itertools.product((0, 255), repeat=3))
    white = struct.pack(">3i", *(round(65536 * value) for value in profiles.D50))
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", 2) + b"L\0" + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"No copyright, use freely\0",
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"A2B0": table([(r, 128, 128) for r, _, _ in corners]),
        b"B2A0": table([(lightness,) * 3 for lightness, _, _ in corners]),
    }
    at, entries, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        entries += name + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(
        ">I4x4s4s4s4s12x4s28x", at + len(body), b"\2\x40\0\0", b"prtr", b"RGB ", b"Lab ", b"acsp"
    )
    return (head + white).ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + body


def test_a_profile_of_tables() -> None:
    given = into(Icc(by_lightness()))
    assert given is not None
    assert np.abs(np.array(given.colour((130, 130, 130, 255))[:3]) - 139).max() <= 1.5  # L* 54.4


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_profile_of_tables_keeps_the_depth(dtype: str) -> None:
    pytest.importorskip("imagecodecs")
    peak = 65535 if dtype == "uint16" else 1
    ramp = (np.linspace(0, 1, 2000)[None, :, None].repeat(3, axis=-1) * peak).astype(dtype)
    frame = Frame(Spec(2000, 1, "RGB", dtype), ramp)
    made, lost = srgb_frame(frame, Metadata(icc=Icc(by_lightness())))
    assert lost == ()
    assert len(np.unique(made.array[..., 0])) > 1500
    # L* 50 is 119 in sRGB.
    assert abs(made.array[0, 1000, 0] / peak * 255 - 119) < 1.5


def test_a_profile_of_no_use_counts_as_srgb() -> None:
    broken = bytearray(PROPHOTO)
    broken[128:132] = b"\xff\xff\xff\xff"
    assert into(Icc(broken)) is None
