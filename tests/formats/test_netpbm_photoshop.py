"""Netpbm and Photoshop files built by hand, value by value: 16 bits, floats, inks, transparency."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from codec_pictures import LIMITS, read
from PIL import Image, ImageCms

from imgpar.core.errors import DamagedError
from imgpar.formats.codec import read_header
from imgpar.pixels.colour import cmyk as inks

SIZE = (9, 13)


def values(channels: int, peak: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((*SIZE, channels)) * peak


def netpbm(kind: str, peak: object, body: bytes) -> bytes:
    return f"{kind}\n# made by hand\n{SIZE[1]} {SIZE[0]}\n{peak}\n".encode() + body


class TestNetpbm:
    @pytest.mark.parametrize("peak", [1000, 4095, 65535])
    @pytest.mark.parametrize(("kind", "channels"), [("P5", 1), ("P6", 3)])
    def test_more_than_eight_bits(self, kind: str, channels: int, peak: int) -> None:
        stored = np.rint(values(channels, peak))
        header, (array,) = read(netpbm(kind, peak, stored.astype(">u2").tobytes()), "a.ppm")
        assert (header.spec.dtype, header.lost) == ("uint16", ())
        assert np.abs(array - stored * (65535 / peak)).max() <= 0.5

    @pytest.mark.parametrize(("kind", "channels"), [("P2", 1), ("P3", 3)])
    def test_more_than_eight_bits_as_text(self, kind: str, channels: int) -> None:
        stored = np.rint(values(channels, 1000)).astype(int)
        text = " ".join(map(str, stored.ravel().tolist())).encode()
        _, (array,) = read(netpbm(kind, 1000, text + b" # end\n"), "a.ppm")
        assert np.abs(array - stored * 65.535).max() <= 0.5

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(("kind", "channels"), [("Pf", 1), ("PF", 3)])
    def test_floats_begin_below(self, kind: str, channels: int, order: str) -> None:
        stored = values(channels, 1.5).astype(np.float32)
        scale = "-1.0" if order == "<" else "1.0"
        _, (array,) = read(netpbm(kind, scale, stored[::-1].astype(order + "f4").tobytes()), "a.pfm")
        assert np.array_equal(array, stored)

    @pytest.mark.parametrize("peak", [255, 100, 65535])
    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_pam(self, channels: int, peak: int) -> None:
        stored = np.rint(values(channels, peak)).astype(">u2" if peak > 255 else "u1")
        head = f"P7\nWIDTH {SIZE[1]}\nHEIGHT {SIZE[0]}\n# words\nDEPTH {channels}\nMAXVAL {peak}\n"
        header, (array,) = read(head.encode() + b"TUPLTYPE X\nENDHDR\n" + stored.tobytes(), "a.pam")
        white = 255 if peak <= 255 else 65535
        assert header.spec.layout == ("L", "LA", "RGB", "RGBA")[channels - 1]
        assert np.abs(array - stored * (white / peak)).max() <= 0.5

    def test_eight_bits_are_what_pillow_says(self) -> None:
        stored = values(3, 255).astype(np.uint8)
        _, (array,) = read(netpbm("P6", 255, stored.tobytes()), "a.ppm")
        assert np.array_equal(array[..., :3], stored)

    def test_an_end_too_early(self) -> None:
        with pytest.raises(DamagedError, match="20 values less"):
            read(netpbm("P6", 65535, np.zeros(SIZE[0] * SIZE[1] * 3 - 20, ">u2").tobytes()), "a.ppm")

    def test_a_pam_without_a_size(self) -> None:
        with pytest.raises(DamagedError, match="is incomplete"):
            read_header(b"P7\nWIDTH 3\nENDHDR\n", "a.pam", LIMITS)


LAB = (
    np.array([[255, 255, 255], [0, 0, 0], [119, 119, 119], [255, 0, 0], [0, 0, 255]]),
    np.array([[100, 0, 0], [0, 0, 0], [50.034, 0, 0], [54.291, 80.812, 69.891], [29.567, 68.299, -112.029]]),
)  # fmt: skip
"""Colours of sRGB, and what tables of them (adapted to D50 by Bradford) say of each in Lab."""


def photoshop(planes: np.ndarray, mode: int, *, packed: bool = False, layers: int = 0) -> bytes:
    """A flat file; `layers` below zero say that the channel after the colours is transparency."""
    count, height, width = planes.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, count, height, width, planes.itemsize * 8, mode)
    layer = struct.pack(">IhH", 4, layers, 0) + bytes(4) if layers else b""
    head += bytes(8) + struct.pack(">I", len(layer)) + layer
    rows = [row.astype(f">u{planes.itemsize}").tobytes() for plane in planes for row in plane]
    if not packed:
        return head + b"\0\0" + b"".join(rows)
    # One run of the first byte, where it repeats; all else as it is.
    rows = [
        bytes([len(row) - 1]) + row if len(set(row)) > 1 else bytes([257 - len(row), row[0]]) for row in rows
    ]
    return head + b"\0\1" + b"".join(struct.pack(">H", len(row)) for row in rows) + b"".join(rows)


class TestPhotoshop:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize(("mode", "channels"), [(1, 1), (3, 3), (8, 1)])
    def test_sixteen_bits(self, mode: int, channels: int, packed: bool) -> None:
        stored = np.rint(values(channels, 65535)).astype(np.uint16)
        stored[3] = 0
        header, (array,) = read(photoshop(np.moveaxis(stored, -1, 0), mode, packed=packed))
        assert (header.spec.dtype, header.lost) == ("uint16", ())
        assert np.array_equal(array, stored)

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_white_below_transparency_is_taken_back(self, kind: type) -> None:
        peak = np.iinfo(kind).max
        colours, alpha = values(3, 1), 0.3 + 0.7 * values(1, 1, seed=2)
        alpha[0] = 0
        stored = np.concatenate([colours * alpha + 1 - alpha, alpha], axis=-1)
        planes = np.moveaxis(np.rint(stored * peak).astype(kind), -1, 0)
        header, (array,) = read(photoshop(planes, 3, layers=-1))
        assert header.spec.layout == "RGBA"
        assert (
            np.abs(array[1:, :, :3] / peak - colours[1:]).max() < 3.4 / peak
        )  # a rounded step, divided by 0.3
        assert (array[0] == [peak, peak, peak, 0]).all()

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_a_saved_selection_is_no_transparency(self, kind: type) -> None:
        planes = np.moveaxis(values(4, np.iinfo(kind).max).astype(kind), -1, 0)
        header, (array,) = read(photoshop(planes, 3))
        assert (header.spec.layout, header.lost) == ("RGB", ("channels",))
        assert np.array_equal(array, np.moveaxis(planes[:3], 0, -1))

    def test_inks_of_sixteen_bits(self) -> None:
        planes = np.moveaxis(np.rint(values(4, 65535)).astype(np.uint16), -1, 0)
        header, (array,) = read(photoshop(planes, 4))
        assert header.lost == ("depth",)
        cmyk = Image.fromarray(np.moveaxis(255 - np.rint(planes / 257), 0, -1).astype(np.uint8), "CMYK")
        wanted = ImageCms.profileToProfile(
            cmyk, ImageCms.ImageCmsProfile(io.BytesIO(inks.cmyk_profile())), ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
        )  # fmt: skip
        assert np.abs(array.astype(int) - np.asarray(wanted)).max() <= 1

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_lab(self, kind: type) -> None:
        peak, step = (255, 1) if kind is np.uint8 else (65535, 256)
        inside = LAB[1]
        stored = np.stack([inside[:, 0] / 100 * peak, *(step * (inside[:, 1:].T + 128))])
        planes = np.rint(stored).astype(kind).reshape(3, 1, -1)
        header, (array,) = read(photoshop(planes, 9))
        assert (header.lost, header.notes) == ((), ("LAB was converted to sRGB",))
        assert np.abs(array[0] * (255 / peak) - LAB[0]).max() < (2.5 if kind is np.uint8 else 0.51)

    @pytest.mark.parametrize("packed", [False, True])
    def test_an_end_too_early(self, packed: bool) -> None:
        data = photoshop(np.moveaxis(values(3, 65535).astype(np.uint16), -1, 0), 3, packed=packed)
        with pytest.raises(DamagedError, match="end too early"):
            read(data[:-40])
