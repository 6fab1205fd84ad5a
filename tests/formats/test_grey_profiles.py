"""Grey with a profile of its own: its tones are the same in every format, with colour channels or without."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import WRITABLE, finest, picture, read, saved, written
from PIL import Image, ImageCms

from imgpar import Pipeline, Session
from imgpar.batch.picture.outputs import convert_bytes
from imgpar.core.blocks import Icc
from imgpar.core.limits import Limits
from imgpar.core.spec import Metadata
from imgpar.formats.codec import read_header
from imgpar.formats.options import EncodeOptions
from imgpar.formats.png.chunks import build_chunk
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.icc_header import profile_space

LINEAR = profiles.grey("Gamma 1", 1.0)
PROPHOTO = profiles.rgb_profile(
    "Wider", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8
)
SEEN = (99, 137, 188, 225)
"""What 32, 64, 128 and 192 of linear light are in sRGB."""
WITHOUT_ICONS = sorted({*WRITABLE} - {"ico"})
"""Icons have sizes of their own."""
EXACT = sorted({"png", "tiff", "bmp", "gif", "jp2", "webp"} & set(WRITABLE))


def ramp(mode: str = "L") -> Image.Image:
    """Four even areas, so that lossy encoders keep them."""
    row = np.repeat([32, 64, 128, 192], 16).astype(np.uint8)
    image = Image.fromarray(np.tile(row, (32, 1)))
    if mode == "LA":
        image.putalpha(255)
    return image


def tagged(mode: str = "L", icc: bytes = LINEAR) -> bytes:
    return saved(ramp(mode), "PNG", icc_profile=icc)


def tones(data: bytes, *, through: bool = True) -> np.ndarray:
    """The middle of each area: as sRGB, or as numbers. The profile must be one for these channels."""
    header, arrays = read(data)
    spec, icc = header.spec, header.metadata.icc
    values = arrays[0][16, 8::16, 0] / {"uint8": 1, "uint16": 257}[spec.dtype]
    if through and icc:
        assert profile_space(icc) == ("GRAY" if spec.grey else "RGB")
        image = Image.fromarray(np.rint(values).astype(np.uint8)[None])
        image = image if spec.grey else image.convert("RGB")
        shown = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        values = np.asarray(shown)[0, :, 0]
    return values.astype(float)


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("name", WITHOUT_ICONS)
def test_every_format_shows_the_same_tones(name: str, mode: str) -> None:
    made = Pipeline().encode(tagged(mode), to=name, **finest(name))
    assert np.abs(tones(made) - SEEN).max() <= 2


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("name", sorted({"avif", "heic", "webp", "jxl"} & set(WRITABLE)))
def test_readers_that_ignore_profiles_see_them_too(name: str, mode: str) -> None:
    made = Pipeline().encode(tagged(mode), to=name, **finest(name))
    assert np.abs(tones(made, through=False) - SEEN).max() <= 2
    assert read_header(made, "", Limits()).metadata.icc == b""


@pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
def test_grey_stays_as_it_is_where_its_profile_has_a_place(name: str) -> None:
    made = Pipeline().encode(tagged(), to=name, **finest(name))
    header, (array,) = read(made)
    assert header.metadata.icc == LINEAR
    assert np.abs(array[..., 0].astype(int) - np.asarray(ramp())).max() <= (1 if name == "jpeg" else 0)


@pytest.mark.parametrize("name", EXACT)
def test_a_profile_with_the_curve_of_srgb_changes_no_pixel(name: str) -> None:
    made = Pipeline().encode(
        tagged(icc=profiles.grey("sGrey", 0.0)), to=name, lossless=name in ("webp", "jp2")
    )
    _, (array,) = read(made)
    assert (array[..., 0] == np.asarray(ramp())).all()


class TestSixteenBits:
    @pytest.mark.parametrize("name", ["avif", "png"])
    def test_no_step_is_lost(self, name: str) -> None:
        frame = picture("L", "uint16", width=256)
        data = written(frame, "png", Metadata(icc=Icc(LINEAR)))
        made = convert_bytes(data, "a.png", (), name, EncodeOptions(lossless=name == "avif"), Limits())
        header, (array,) = read(bytes(made.data))
        values = frame.array / 65535
        wanted = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
        if name == "png":
            assert (array == frame.array).all()
            return
        assert header.spec.dtype == "uint16"
        assert np.abs(array / 65535 - wanted).max() < 3 / 4095

    def test_with_alpha_a_tiff_is_rgb_without_the_profile_for_grey(self) -> None:
        frame = picture("LA", "uint16")
        data = written(frame, "png", Metadata(icc=Icc(LINEAR)))
        header, (array,) = read(Pipeline().encode(data, to="tiff"))
        assert (header.spec.layout, header.metadata.icc) == ("RGBA", b"")
        values = frame.array[..., :1] / 65535
        wanted = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
        assert np.abs(array[..., :1] / 65535 - wanted).max() < 0.001


class TestPngGamma:
    @staticmethod
    def png(mode: str, gamma: int) -> bytes:
        data = saved(ramp(mode), "PNG")
        return data[:33] + build_chunk(b"gAMA", struct.pack(">I", gamma)) + data[33:]

    @pytest.mark.parametrize("mode", ["L", "LA"])
    @pytest.mark.parametrize("name", WITHOUT_ICONS)
    def test_it_counts_in_every_format(self, name: str, mode: str) -> None:
        made = Pipeline().encode(self.png(mode, 100000), to=name, **finest(name))
        assert np.abs(tones(made) - SEEN).max() <= 2

    @pytest.mark.parametrize("mode", ["L", "LA"])
    def test_it_counts_with_coloured_text(self, mode: str) -> None:
        pipeline = Pipeline().watermark_text("x", colour="red", size=6)
        assert np.abs(tones(pipeline.encode(self.png(mode, 100000))) - SEEN).max() <= 2


class TestColourTarget:
    @pytest.mark.parametrize("name", ["png", "webp"])
    def test_srgb(self, name: str) -> None:
        made = Pipeline().encode(tagged(), to=name, colour="srgb", lossless=name == "webp")
        assert np.abs(tones(made, through=False) - SEEN).max() <= 1
        assert read_header(made, "", Limits()).metadata.icc == b""

    def test_p3(self) -> None:
        made = Pipeline().encode(tagged(), to="png", colour="p3")
        assert np.abs(tones(made) - SEEN).max() <= 1

    @pytest.mark.parametrize("icc", [LINEAR, b""])
    def test_a_file_for_colours_makes_it_a_picture_with_colours(self, tmp_path: Path, icc: bytes) -> None:
        path = tmp_path / "wide.icc"
        path.write_bytes(PROPHOTO)
        made = Pipeline().encode(tagged(icc=icc), to="png", colour=str(path))
        header = read_header(made, "", Limits())
        assert (header.spec.grey, header.metadata.icc) == (False, PROPHOTO)
        assert np.abs(tones(made) - (SEEN if icc else (32, 64, 128, 192))).max() <= 1


def test_grey_described_by_a_profile_for_colours_keeps_it_as_rgb() -> None:
    made = Pipeline().encode(tagged(icc=PROPHOTO), to="webp", lossless=True)
    header, (array,) = read(made)
    assert header.metadata.icc == PROPHOTO
    assert (array[16, 8::16, 0] == (32, 64, 128, 192)).all()


def test_channels_of_colour_with_a_profile_for_grey_are_seen_through_it() -> None:
    data = saved(ramp().convert("RGB"), "PNG")
    data = data[:33] + build_chunk(b"iCCP", b"x\0\0" + zlib.compress(LINEAR)) + data[33:]
    assert np.abs(tones(Pipeline().flip("horizontal").encode(data))[::-1] - SEEN).max() <= 1


def test_exif_says_srgb_where_the_profile_is_left(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif[0x8769] = exif.get_ifd(0x8769)
    data = saved(ramp(), "JPEG", icc_profile=LINEAR, exif=exif)
    made = Pipeline().pad("100x40", background="red").encode(data)
    assert Image.open(io.BytesIO(made)).getexif().get_ifd(0x8769)[0xA001] == 1


def test_verify_compares_what_is_seen() -> None:
    assert Pipeline().encode(tagged(), to="webp", verify=True)
    assert Pipeline().encode(tagged(), to="bmp", verify=True)


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_arrays_are_srgb(tmp_path: Path, schedule: str, no_leaks: None) -> None:
    (tmp_path / "a.png").write_bytes(tagged())
    wide = Image.new("RGB", (8, 8), (140, 120, 100))
    (tmp_path / "b.png").write_bytes(saved(wide, "PNG", icc_profile=PROPHOTO))
    shown = ImageCms.profileToProfile(
        wide, ImageCms.ImageCmsProfile(io.BytesIO(PROPHOTO)), ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    with Session(jobs=1) as session:
        arrays = [array.copy() for _, array in session.arrays(Pipeline(), str(tmp_path), schedule=schedule)]
    assert np.abs(arrays[0][16, 8::16].astype(int) - np.array(SEEN)[:, None]).max() <= 1
    assert np.abs(arrays[1][4, 4].astype(int) - shown.getpixel((4, 4))).max() <= 1


def test_a_clip_of_pictures_has_their_tones(tmp_path: Path, no_leaks: None) -> None:
    import imgpar

    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(tagged())
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.mkv", fps=10)
    frame = next(iter(imgpar.frames(str(tmp_path / "a.mkv"))))
    assert np.abs(frame.array[16, 8::16].astype(int) - np.array(SEEN)[:, None]).max() <= 4
