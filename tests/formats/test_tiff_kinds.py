"""TIFFs that nobody writes with Pillow: built by hand, value by value, and read against what was put in."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from codec_pictures import LIMITS, read

from imgpar.core.errors import DamagedError, MissingExtraError
from imgpar.core.spec import Frame
from imgpar.formats.backends import imagecodecs
from imgpar.formats.codec import decode, read_header

KINDS = {"u1": (8, 1, 255), "u2": (16, 1, 65535), "u4": (32, 1, (1 << 32) - 1), "f4": (32, 3, 1)}
FORMS = {"u": 1, "i": 2, "f": 3}
DEEP = ("f2", "f8", "u4", "u8", "i1", "i2", "i4", "i8")


def tiff(values: np.ndarray, kind: str, order: str = "<", *, separate: bool = False, rows: int = 4) -> bytes:
    """Uncompressed strips; `separate`: one channel after the other."""
    bits, form, peak = KINDS[kind]
    height, width, channels = values.shape
    stored = (values * peak if form == 3 else np.rint(values * peak)).astype(order + kind)
    planes = [stored[..., at : at + 1] for at in range(channels)] if separate else [stored]
    strips = [plane[top : top + rows].tobytes() for plane in planes for top in range(0, height, rows)]
    return packed(strips, width, height, channels, bits, form, order, rows, 2 if separate else 1)


def packed(
    strips: list[bytes],
    width: int,
    height: int,
    channels: int,
    bits: int,
    form: int,
    order: str,
    rows: int,
    planar: int,
    **more: list[int],
) -> bytes:
    offsets = [8 + sum(map(len, strips[:at])) for at in range(len(strips))]
    tags = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * channels), 259: ("H", [1]),
        262: ("H", [{3: 2, 4: 5}.get(channels, 1)]), 277: ("H", [channels]), 284: ("H", [planar]),
        339: ("H", [form] * channels), **{int(tag): ("H", numbers) for tag, numbers in more.items()},
    }  # fmt: skip
    places = ("I", offsets), ("I", [len(strip) for strip in strips])
    tags |= {278: ("I", [rows]), 273: places[0], 279: places[1]} if rows else {324: places[0], 325: places[1]}
    body = b"".join(strips)
    body += bytes(len(body) % 2)
    at, outside, entries = 8 + len(body), b"", b""
    for tag, (code, numbers) in sorted(tags.items()):
        content = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(content) > 4:
            place = struct.pack(order + "I", at + 2 + 12 * len(tags) + 4 + len(outside))
            outside += content
        else:
            place = content.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, 4 if code == "I" else 3, len(numbers)) + place
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, at)
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4) + outside


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_every_value_comes_back(kind: str, channels: int, separate: bool, order: str) -> None:
    values = np.random.default_rng(1).random((10, 14, channels))
    header, (array,) = read(tiff(values, kind, order, separate=separate))
    peak = KINDS[kind][2]
    assert header.spec.dtype == {"u1": "uint8", "u2": "uint16", "f4": "float32"}[kind]
    assert header.lost == ()
    wanted = values * peak if kind == "f4" else np.rint(values * peak)
    assert np.abs(array[..., :channels] - wanted).max() < 1e-6


def test_grey_of_twelve_bits_is_stretched() -> None:
    values = np.random.default_rng(2).integers(0, 4096, (10, 14))
    text = "".join(f"{value:012b}" for value in values.ravel())
    data = packed([int(text, 2).to_bytes(len(text) // 8, "big")], 14, 10, 1, 12, 1, "<", 10, 1)
    header, (array,) = read(data)
    assert (header.spec.dtype, header.lost) == ("uint16", ())
    assert np.abs(array[..., 0].astype(float) - values * (65535 / 4095)).max() <= 0.5


def test_grey_of_32_bits_is_rounded_to_16_and_that_is_named() -> None:
    values = np.random.default_rng(3).random((10, 14, 1))
    header, (array,) = read(tiff(values, "u4"))
    assert (header.spec.dtype, header.lost) == ("uint16", ("depth",))
    assert np.abs(array / 65535 - values).max() < 1e-5


def test_cmyk_of_sixteen_bits_says_that_it_gets_narrower() -> None:
    header, _ = read(tiff(np.random.default_rng(4).random((10, 14, 4)), "u2"))
    assert header.lost == ("depth",)


def stored_as(kind: str, channels: int, seed: int = 5) -> np.ndarray:
    """Random samples over the whole range of a type, its ends included."""
    values = np.random.default_rng(seed).random((10, 14, channels))
    values[0, 0], values[0, 1] = 0, 1
    if kind[0] == "f":
        return values.astype(kind)
    ends = np.iinfo(kind)
    low, high = int(ends.min), int(ends.max)
    whole = [min(low + round(value * (high - low)), high) for value in values.ravel().tolist()]
    return np.array(whole, kind).reshape(values.shape)


def shown(samples: np.ndarray) -> np.ndarray:
    """From 0 to 1: the lowest value is black, the highest white; floats are what they are."""
    if samples.dtype.kind == "f":
        return samples.astype(float)
    ends = np.iinfo(samples.dtype)
    return (samples.astype(float) - float(ends.min)) / (float(ends.max) - float(ends.min))


def predicted(samples: np.ndarray, order: str, predictor: int) -> bytes:
    """Samples as their differences, as the specification and its third technical note tell it."""
    height, width, channels = samples.shape
    size = samples.dtype.itemsize
    if predictor == 2:
        whole = samples.view(f"u{size}")
        differences = np.concatenate([whole[:, :1], np.diff(whole, axis=1)], axis=1)
        return differences.astype(f"{order}u{size}").tobytes()
    if predictor == 3:
        big = samples.astype(f">f{size}").view(np.uint8).reshape(height, width * channels, size)
        rows = big.transpose(0, 2, 1).reshape(height, -1, channels)
        return np.concatenate([rows[:, :1], np.diff(rows, axis=1)], axis=1).tobytes()
    return samples.astype(order + samples.dtype.str[1:]).tobytes()


def packed_as(samples: np.ndarray, order: str = "<", predictor: int = 1, **more: list[int]) -> bytes:
    """One deflated strip."""
    height, width, channels = samples.shape
    strips = [zlib.compress(predicted(samples, order, predictor))]
    bits, form = 8 * samples.dtype.itemsize, FORMS[samples.dtype.kind]
    more = {"259": [8], "317": [predictor], **more}
    return packed(strips, width, height, channels, bits, form, order, height, 1, **more)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("kind", "order", "predictor"), [
    *((kind, order, 1) for kind in DEEP for order in "<>"),
    *((kind, "<", 2) for kind in DEEP if kind[0] != "f"), ("i2", ">", 2),
    ("f2", "<", 3), ("f2", ">", 3), ("f8", "<", 3),
])  # fmt: skip
def test_samples_of_all_kinds(kind: str, order: str, predictor: int, channels: int) -> None:
    samples = stored_as(kind, channels)
    header, (array,) = read(packed_as(samples, order, predictor))
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[header.spec.dtype]
    assert header.spec.dtype == ("float32" if kind[0] == "f" else "uint8" if kind == "i1" else "uint16")
    assert header.lost == (("depth",) if kind[1] in "48" else ())
    allowed = 1e-7 if peak == 1 else 0.5 + 1e-6
    assert np.abs(array - shown(samples) * peak).max() <= allowed


@pytest.mark.parametrize("kind", ["i1", "i2", "i4"])
def test_signed_samples_are_remarked(kind: str) -> None:
    header, _ = read(packed_as(stored_as(kind, 1)))
    assert header.notes == ("its values are signed: the lowest became black, so that nothing is clipped",)


@pytest.mark.parametrize("kind", ["u2", "u4", "f2", "f4"])
def test_grey_with_alpha(kind: str) -> None:
    samples = stored_as(kind, 2)
    header, (array,) = read(packed_as(samples, **{"262": [1], "338": [2]}))
    peak = 1 if kind[0] == "f" else 65535
    assert header.spec.layout == "LA"
    assert np.abs(array - shown(samples) * peak).max() <= (0.5 if peak > 1 else 1e-7)


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_colours_that_were_multiplied_with_alpha(kind: str) -> None:
    samples = stored_as(kind, 4)
    opaque = shown(samples)[..., 3:] * 0.5 + 0.5
    peak = 1 if kind[0] == "f" else 65535
    colours = shown(samples)[..., :3] * 0.9
    values = np.concatenate([colours * opaque, opaque], axis=-1) * peak
    stored = (values if peak == 1 else np.rint(values)).astype(kind)
    _, (array,) = read(packed_as(stored, **{"262": [2], "338": [1]}))
    assert np.abs(array[..., :3] - colours * peak).max() <= (2 if peak > 1 else 1e-6)


@pytest.mark.parametrize("kind", ["u2", "i2", "u4", "f4"])
def test_white_as_zero(kind: str) -> None:
    samples = stored_as(kind, 1)
    _, (array,) = read(packed_as(samples, **{"262": [0]}))
    peak = 1 if kind[0] == "f" else 65535
    assert np.abs(array - (1 - shown(samples)) * peak).max() <= (0.5 + 1e-6 if peak > 1 else 1e-6)


def test_more_channels_than_colours_are_named() -> None:
    samples = stored_as("u2", 6)
    header, (array,) = read(packed_as(samples, **{"262": [2], "338": [0, 2, 0]}))
    assert (header.spec.layout, header.lost) == ("RGBA", ("channels",))
    assert np.array_equal(array, samples[..., [0, 1, 2, 4]])


@pytest.mark.parametrize(("kind", "predictor"), [("f2", 1), ("f2", 3), ("i2", 2), ("u4", 1)])
def test_tiles(kind: str, predictor: int) -> None:
    """Two by one tiles of 16 × 16 under 20 × 12 pixels; what lies outside of the picture is no part of it."""
    samples = np.pad(stored_as(kind, 3), ((0, 6), (0, 18), (0, 0)), mode="edge")
    tiles = [
        zlib.compress(predicted(np.ascontiguousarray(samples[:, at : at + 16]), "<", predictor))
        for at in (0, 16)
    ]
    data = packed(
        tiles, 20, 12, 3, 8 * samples.dtype.itemsize, FORMS[kind[0]], "<", 0, 1,
        **{"259": [8], "317": [predictor], "322": [16], "323": [16]},
    )  # fmt: skip
    _, (array,) = read(data)
    peak = 1 if kind[0] == "f" else 65535
    assert np.abs(array - shown(samples[:12, :20]) * peak).max() <= (0.5 + 1e-6 if peak > 1 else 1e-7)


def test_floats_that_are_not_counted_to_one_are_remarked() -> None:
    data = packed_as(np.linspace(-3, 812, 140, dtype=np.float32).reshape(10, 14, 1))
    header = read_header(data, "", LIMITS)
    frame = Frame(header.spec, np.empty(header.spec.shape, np.float32))
    assert decode(data, header, [frame]) == (
        "its floats reach from -3 to 812; 0 is taken as black, 1 as white",
    )


@pytest.mark.parametrize(
    ("bits", "channels"), [(2, 3), (4, 3), (10, 3), (12, 3), (14, 3), (10, 1), (14, 1), (12, 4)]
)
def test_any_number_of_bits(bits: int, channels: int) -> None:
    peak = (1 << bits) - 1
    values = np.random.default_rng(bits).integers(0, peak + 1, (10, 13, channels))
    rows = []
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row.ravel())
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    more = {"262": [2], "338": [2]} if channels == 4 else {}
    header, (array,) = read(packed([b"".join(rows)], 13, 10, channels, bits, 1, "<", 10, 1, **more))
    white = 255 if bits < 8 else 65535
    assert (header.spec.dtype, header.lost) == ("uint8" if bits < 8 else "uint16", ())
    assert np.abs(array - values * (white / peak)).max() <= 0.5


@pytest.mark.parametrize("meaning", [8, 9])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_lab(kind: str, meaning: int) -> None:
    """Grey has no colours, and its lightness is the formula of CIE."""
    step, peak = (1, 255) if kind == "u1" else (256, 65535)
    lightness = np.linspace(0, 100, 140).reshape(10, 14)
    white = 65280 if meaning == 9 and step == 256 else peak
    middle = 0 if meaning == 8 else 128 * step
    stored = np.stack([np.rint(lightness * white / 100), *[np.full((10, 14), middle)] * 2], axis=-1).astype(
        kind
    )
    header, (array,) = read(packed_as(stored, **{"262": [meaning]}))
    exact = stored[..., 0] / white * 100
    light = np.where(exact > 8, ((exact + 16) / 116) ** 3, exact / 903.3)
    grey = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert (header.spec.layout, header.notes) == ("RGB", ("LAB was converted to sRGB",))
    assert np.abs(array / peak * 255 - grey[..., None] * 255).max() < 0.6


def packbits(stored: bytes, row: int) -> bytes:
    """Each row in literal pieces of at most 128 bytes, which is valid PackBits."""
    pieces = []
    for top in range(0, len(stored), row):
        line = stored[top : top + row]
        for at in range(0, row, 128):
            piece = line[at : at + 128]
            pieces.append(bytes([len(piece) - 1]) + piece)
    return b"".join(pieces)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("packing", [1, 8, 32946, 32773])
def test_strips_of_odd_samples_are_unpacked(packing: int, reverse: bool) -> None:
    values = stored_as("i2", 3)
    row = 14 * 3 * 2
    strips = [values[top : top + 4].astype("<i2").tobytes() for top in range(0, 10, 4)]
    if packing == 32773:
        strips = [packbits(strip, row) for strip in strips]
    elif packing != 1:
        strips = [zlib.compress(strip) for strip in strips]
    if reverse:
        strips = [bytes(int(f"{byte:08b}"[::-1], 2) for byte in strip) for strip in strips]
    data = packed(strips, 14, 10, 3, 16, 2, "<", 4, 1, **{"259": [packing], "266": [2 if reverse else 1]})
    _, (array,) = read(data)
    assert np.array_equal(array, (values.astype(int) + 32768).astype(np.uint16))


@pytest.mark.parametrize("packing", [1, 8, 32773])
def test_strips_of_odd_samples_that_end_early_are_damage(packing: int) -> None:
    values = stored_as("i2", 1)
    whole = values.astype("<i2").tobytes()
    strip = {1: whole, 8: zlib.compress(whole[:-2]), 32773: packbits(whole[:-28], 28)}[packing]
    strip = strip[:-2] if packing == 1 else strip
    data = packed([strip], 14, 10, 1, 16, 2, "<", 10, 1, **{"259": [packing]})
    with pytest.raises(DamagedError):
        read(data)
    if packing != 32773:
        _, (array,) = read(data, accept_damaged=True)
        assert np.array_equal(array[:9], (values[:9].astype(int) + 32768).astype(np.uint16))


def test_of_an_lzw_strip_that_is_broken_the_others_are_kept() -> None:
    codecs = pytest.importorskip("imagecodecs")
    values = stored_as("i2", 1)
    strips = [codecs.lzw_encode(values[top : top + 5].astype("<i2").tobytes()) for top in (0, 5)]
    strips[0] = b"\xff" * len(strips[0])
    data = packed(strips, 14, 10, 1, 16, 2, "<", 5, 1, **{"259": [5]})
    with pytest.raises(DamagedError):
        read(data)
    _, (array,) = read(data, accept_damaged=True)
    assert np.array_equal(array[5:], (values[5:].astype(int) + 32768).astype(np.uint16))


def test_lzw_of_odd_samples_is_read_with_imagecodecs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    codecs = pytest.importorskip("imagecodecs")
    values = stored_as("i2", 1)
    strip = codecs.lzw_encode(values.astype("<i2").tobytes())
    data = packed([strip], 14, 10, 1, 16, 2, "<", 10, 1, **{"259": [5]})
    assert np.array_equal(read(data)[1][0], (values.astype(int) + 32768).astype(np.uint16))
    monkeypatch.setattr(imagecodecs, "imagecodecs_available", lambda: False)
    with pytest.raises(MissingExtraError, match="imagecodecs"):
        read(data)
