"""Pictures with a palette or few bits keep them where no new colour appears, and every pixel."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import saved, written
from few_pictures import chart, grey, page, seen
from PIL import Image, features

import imgpar
from imgpar import Pipeline
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import encode
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.pixels.palette import bits_for, indexed, packed_rows

PIPE = Pipeline()
needs_libtiff = pytest.mark.skipif(not features.check("libtiff"), reason="Pillow has no libtiff here")


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def png_kind(data: bytes) -> tuple[int, int]:
    """Bits and colour type."""
    assert data[:4] == b"\x89PNG"
    return struct.unpack_from(">BB", data, 24)


MOVES = {
    "crop": (PIPE.crop("100x80+7+3"), lambda a: a[3:83, 7:107]),
    "flip": (PIPE.flip("horizontal"), lambda a: a[:, ::-1]),
    "mirror": (PIPE.flip("vertical"), lambda a: a[::-1]),
    "quarter": (PIPE.rotate(90), lambda a: np.rot90(a, -1)),
    "half": (PIPE.rotate(180), lambda a: a[::-1, ::-1]),
}
"""Operations that make no new colour, and what numpy makes of the pixels."""


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("to", ["png", "tiff", "gif", "bmp"])
@pytest.mark.parametrize("source", [page(), chart(12), chart(200)], ids=["1 bit", "12", "200"])
def test_moved_pixels_are_exact(source: Image.Image, to: str, move: str) -> None:
    pipe, expected = MOVES[move]
    made = opened(pipe.encode(saved(source, "PNG"), to=to))
    assert np.array_equal(seen(made), expected(seen(source)))


@pytest.mark.parametrize("move", MOVES)
def test_a_1_bit_png_stays_one(move: str) -> None:
    assert png_kind(MOVES[move][0].encode(saved(page(), "PNG"))) == (1, 0)


@pytest.mark.parametrize(
    ("colours", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (255, 8), (256, 8)]
)
def test_a_palette_has_the_fewest_bits_that_hold_it(colours: int, bits: int) -> None:
    source = chart(colours, (300, 20))
    data = PIPE.flip("vertical").encode(saved(source, "PNG"))
    assert png_kind(data) == (bits, 3)
    assert np.array_equal(seen(opened(data)), seen(source)[::-1])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_keeps_them(bits: int) -> None:
    values = grey(bits)
    data = PIPE.flip("horizontal").encode(png_of_grey(values, bits))
    assert png_kind(data) == (bits, 0)
    assert np.array_equal(np.asarray(opened(data).convert("L")), values[:, ::-1])


def png_of_grey(values: np.ndarray, bits: int, clear: int | None = None) -> bytes:
    """A PNG of 1, 2 or 4 bits, which Pillow does not write."""
    import zlib

    step = 255 // ((1 << bits) - 1)
    planes = np.unpackbits((values // step)[..., None], axis=2)[..., 8 - bits :]
    rows = np.packbits(planes.reshape(len(values), -1), axis=1)
    lines = np.pad(rows, ((0, 0), (1, 0)))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    key = chunk(b"tRNS", struct.pack(">H", clear)) if clear is not None else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + key
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def test_a_transparent_level_of_grey_stays_transparent() -> None:
    values = grey(2)
    data = PIPE.flip("horizontal").encode(png_of_grey(values, 2, clear=1))
    assert png_kind(data) == (2, 0)
    assert data[data.index(b"tRNS") + 4 :][:2] == b"\0\1"
    assert np.array_equal(np.asarray(opened(data).convert("L")), values[:, ::-1])


def test_transparent_entries_of_a_palette_are_kept() -> None:
    source = chart(9)
    data = saved(source, "PNG", transparency=bytes([0, 128, 255, 7]))
    made = PIPE.rotate(90).encode(data)
    assert png_kind(made) == (4, 3)
    assert np.array_equal(seen(opened(made)), np.rot90(seen(opened(data)), -1))


@pytest.mark.parametrize("name", ["TIFF", "GIF", "BMP", "PNG"])
@pytest.mark.parametrize("to", ["png", "tiff", "gif", "bmp"])
def test_a_palette_goes_from_format_to_format(name: str, to: str) -> None:
    source = chart(12)
    made = opened(PIPE.flip("vertical").encode(saved(source, name), to=to))
    assert made.mode == "P"
    assert np.array_equal(seen(made), seen(source)[::-1])


def test_a_bitmap_of_a_page_has_1_bit() -> None:
    data = PIPE.encode(saved(page(), "PNG"), to="bmp")
    assert struct.unpack_from("<H", data, 28) == (1,)


@needs_libtiff
def test_black_and_white_in_a_tiff_is_group_4() -> None:
    made = opened(PIPE.encode(saved(page(), "PNG"), to="tiff"))
    assert (made.mode, made.info["compression"]) == ("1", "group4")


@needs_libtiff
@pytest.mark.parametrize("kind", ["group4", "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_of_1_bit_keeps_its_compression(kind: str) -> None:
    source = page()
    made = opened(PIPE.flip("horizontal").encode(saved(source, "TIFF", compression=kind)))
    assert (made.mode, made.info["compression"]) == ("1", kind)
    assert np.array_equal(seen(made), seen(source)[:, ::-1])


@needs_libtiff
@pytest.mark.parametrize("layout", ["L", "RGB", "RGBA", "I;16"])
def test_lzw_stays_lzw(layout: str) -> None:
    y, x = np.mgrid[:37, :53]
    values = (x * 700 + y * 300).astype(np.uint16)
    source = (
        Image.fromarray(values)
        if layout == "I;16"
        else Image.fromarray((values >> 8).astype(np.uint8)).convert(layout)
    )
    made = opened(PIPE.flip("vertical").encode(saved(source, "TIFF", compression="tiff_lzw")))
    assert made.info["compression"] == "tiff_lzw"
    assert np.array_equal(np.asarray(made), np.asarray(source)[::-1])


@needs_libtiff
def test_pages_of_a_fax_stay_so() -> None:
    sink = io.BytesIO()
    page().save(sink, "TIFF", save_all=True, append_images=[page().rotate(180)], compression="group4")
    made = opened(PIPE.flip("horizontal").encode(sink.getvalue()))
    assert made.n_frames == 2
    made.seek(1)
    assert made.mode == "1"
    assert np.array_equal(seen(made), seen(page())[::-1])


def test_new_colours_get_the_bits_they_need() -> None:
    data = PIPE.rotate(5).encode(saved(chart(200), "PNG"))
    assert png_kind(data) == (8, 2)


def test_a_page_made_smaller_is_grey_of_8_bits() -> None:
    assert png_kind(PIPE.resize("50%").encode(saved(page(), "PNG"))) == (8, 0)


def test_many_colours_are_not_looked_for() -> None:
    few = Image.fromarray(np.full((20, 30, 3), 7, np.uint8))
    assert png_kind(PIPE.flip("vertical").encode(saved(few, "PNG"))) == (8, 2)


@pytest.mark.parametrize("schedule", ["auto", "staged", "chain"])
def test_every_schedule_writes_the_same_bytes(tmp_path: Path, schedule: str) -> None:
    source = tmp_path / "in" / "a.tif"
    source.parent.mkdir()
    page().save(source, compression="tiff_lzw")
    out = tmp_path / "out"
    imgpar.convert(source.parent, out, to="tif,png", rotate=90, schedule=schedule, jobs=1, memory="64M")
    here = {to: PIPE.rotate(90).encode(source.read_bytes(), to=to) for to in ("tif", "png")}
    assert {path.suffix[1:]: path.read_bytes() for path in out.glob("a.*")} == here


@pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBX", "RGBA"])
@pytest.mark.parametrize("colours", [1, 2, 255, 256])
def test_palettes_hold_each_pixel(layout: str, colours: int) -> None:
    spec = Spec(40, 30, layout)
    random = np.random.default_rng(colours)
    table = np.zeros((colours, spec.channels), np.uint8)
    table[:, 0] = np.arange(colours)
    if layout == "RGBX":
        table[:, 3] = 255
    index = random.integers(0, colours, (30, 40))
    found = indexed(Frame(spec, table[index]))
    assert found is not None
    shown = found.palette[found.numbers]
    assert np.array_equal(shown[..., 0], table[index][..., 0])


def test_257_colours_have_no_palette() -> None:
    values = np.zeros((1, 257, 3), np.uint8)
    values[0, :, 0] = np.arange(257) % 256
    values[0, 256, 1] = 1
    assert indexed(Frame(Spec(257, 1, "RGB"), values)) is None


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("width", [1, 7, 8, 9])
def test_rows_are_packed_from_the_left(bits: int, width: int) -> None:
    values = np.random.default_rng(width).integers(0, 1 << bits, (3, width)).astype(np.uint8)
    text = ["".join(f"{value:0{bits}b}" for value in row) for row in values]
    whole = [row.ljust(-(-len(row) // 8) * 8, "0") for row in text]
    expected = [[int(row[at : at + 8], 2) for at in range(0, len(row), 8)] for row in whole]
    assert packed_rows(values, bits).tolist() == expected
    assert bits_for(1 << bits) == bits


def animated(alpha: bool) -> list[Frame]:
    """A square that wanders over four colours, each with an alpha of its own."""
    made = []
    for shift in range(3):
        index = np.tile(np.arange(60) // 15, (40, 1))
        index[10:20, 5 + 9 * shift : 15 + 9 * shift] = 3
        table = np.array([[10, 20, 30, 255], [200, 20, 30, 0], [10, 20, 30, 90], [0, 0, 255, 255]], np.uint8)
        layout = "RGBA" if alpha else "RGB"
        made.append(Frame(Spec(60, 40, layout), np.ascontiguousarray(table[index][..., : 4 if alpha else 3])))
    return made


@pytest.mark.parametrize("alpha", [False, True])
def test_frames_of_an_animated_png_share_a_palette(alpha: bool) -> None:
    frames = animated(alpha)
    options = EncodeOptions(few_colours=True)
    metadata = Metadata(durations=(50, 60, 70))
    image = Image.open(io.BytesIO(bytes(encode(frames, FORMATS["png"], metadata, options).data)))
    assert (image.mode, image.n_frames) == ("P", 3)
    for number, frame in enumerate(frames):
        image.seek(number)
        assert (np.asarray(image.convert(frame.spec.layout)) == frame.array).all()


def test_an_animated_png_from_a_gif_stores_what_changes() -> None:
    frames = animated(False)
    source = written(frames, "gif", Metadata(durations=(50, 60, 70)))
    whole = Pipeline().encode(source, to="png")
    plain = written(frames, "png", Metadata(durations=(50, 60, 70)))
    assert len(whole) < len(plain)


@pytest.mark.parametrize("to", ["png", "tiff"])
def test_a_palette_is_packed_as_well_as_pillow_does(to: str) -> None:
    noise = np.random.default_rng(1).integers(0, 12, (120, 160)).astype(np.uint8)
    source = chart(12)
    source.putdata(np.minimum(noise, np.asarray(source)).ravel().tolist())
    data = saved(source, "PNG", compress_level=9)
    assert len(PIPE.flip("vertical").encode(data, to=to)) < 1.05 * len(data) + 400
