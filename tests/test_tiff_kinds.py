"""TIFFs that nobody writes with Pillow: built by hand, value by value, and read against what was put in."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from codec_pictures import read

KINDS = {"u1": (8, 1, 255), "u2": (16, 1, 65535), "u4": (32, 1, (1 << 32) - 1), "f4": (32, 3, 1)}


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
) -> bytes:
    offsets = [8 + sum(map(len, strips[:at])) for at in range(len(strips))]
    tags = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * channels), 259: ("H", [1]),
        262: ("H", [{1: 1, 3: 2, 4: 5}[channels]]), 273: ("I", offsets), 277: ("H", [channels]),
        278: ("I", [rows]), 279: ("I", [len(strip) for strip in strips]), 284: ("H", [planar]),
        339: ("H", [form] * channels),
    }  # fmt: skip
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


def test_signed_grey_is_remarked() -> None:
    values = np.arange(140, dtype="<i2").tobytes()
    header, _ = read(packed([values], 14, 10, 1, 16, 2, "<", 10, 1))
    assert any("signed" in note for note in header.notes)
