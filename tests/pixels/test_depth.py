"""More than 8 bits from file to file: AVIF, animated PNG; HDR kept as it is, or shown on a common screen."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from codec_pictures import LIMITS, WRITABLE, picture, read, written

from imgpar.batch.picture.outputs import convert_bytes
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.core.blocks import Exif, Icc, Xmp
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import encode, read_header
from imgpar.formats.option_values import colour_target
from imgpar.formats.options import EncodeOptions
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.formats.registry import find_format
from imgpar.formats.tlv import PNG_CHUNKS, walk
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.hdr import hlg_light
from imgpar.pixels.colour.transfer import pq_to_light

PQ, HLG = (9, 16), (9, 18)


def grey_steps(*codes: float) -> Frame:
    """A strip of 16-bit greys, 16 pixels for each code from 0 to 1."""
    row = np.repeat(np.rint(np.array(codes) * 65535).astype(np.uint16), 16)
    array = np.ascontiguousarray(np.broadcast_to(row[None, :, None], (16, len(row), 3)))
    return Frame(Spec(len(row), 16, "RGB", "uint16"), array)


def became(frame: Frame, cicp: tuple[int, int], to: str, **options: object) -> EncodedOutput:
    data = written(frame, "png", Metadata(cicp=cicp))
    return convert_bytes(data, "a.png", (), to, EncodeOptions(**options), LIMITS)


class TestAvif:
    @pytest.mark.parametrize("bits", [10, 12])
    @pytest.mark.parametrize("layout", ["L", "RGB", "RGBA"])
    def test_all_bits_are_read(self, bits: int, layout: str) -> None:
        channels = {"L": 1, "RGB": 3, "RGBA": 4}[layout]
        stored = np.random.default_rng(1).integers(0, 1 << bits, (24, 40, channels)).astype(np.uint16)
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
        settings = (cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100)
        data = bytes(cv2.imencode(".avif", np.ascontiguousarray(stored[..., order]), settings)[1])
        header, (array,) = read(data)
        assert (header.spec.layout, header.spec.dtype, header.lost) == (layout, "uint16", ())
        assert (np.abs(array.astype(float) * ((1 << bits) - 1) / 65535 - stored) < 0.04).all()

    def test_sixteen_bits_are_written_as_ten(self) -> None:
        frame = picture("RGB", "uint16")
        data = written(frame, "avif", quality=95)
        header, (array,) = read(data)
        assert header.detail.bits == 10
        error = np.abs(array.astype(float) - frame.array) / 257
        assert error.mean() < 0.8

    def test_ten_bits_survive_losslessly(self) -> None:
        ten = np.random.default_rng(2).integers(0, 1024, (16, 24, 3))
        frame = Frame(Spec(24, 16, "RGB", "uint16"), np.rint(ten * (65535 / 1023)).astype(np.uint16))
        encoded = became(frame, (), "avif", lossless=True)  # type: ignore[arg-type]
        assert encoded.lost == ()
        assert np.array_equal(read(bytes(encoded.data))[1][0], frame.array)

    def test_more_bits_than_it_holds_are_named(self) -> None:
        frame = Frame(Spec(8, 8, "RGB", "uint16"), np.arange(192, dtype=np.uint16).reshape(8, 8, 3))
        assert became(frame, (), "avif").lost == ("depth",)  # type: ignore[arg-type]

    def test_lossless_files_keep_their_metadata(self) -> None:
        from imgpar.pixels.colour import profiles

        metadata = Metadata(
            icc=profiles.display_p3(),
            xmp=Xmp(b"<x:xmpmeta/>"),
            exif=Exif(struct.pack("<2sHIHI", b"II", 42, 8, 0, 0)),
        )
        header = read_header(written(picture("RGB"), "avif", metadata, lossless=True), "", LIMITS)
        assert (header.metadata.icc, header.metadata.xmp) == (metadata.icc, metadata.xmp)
        assert header.metadata.exif

    def test_code_points_of_p3_become_a_profile(self) -> None:
        from imgpar.pixels.colour import cicp as code_points
        from imgpar.pixels.colour import profiles
        from imgpar.pixels.colour.matrix_profiles import alike, parse_profile

        data = code_points.into_container(written(picture("RGB"), "avif"), (12, 13))
        found = parse_profile(read_header(data, "", LIMITS).metadata.icc)
        wanted = parse_profile(profiles.display_p3())
        assert found is not None
        assert wanted is not None
        assert alike(found, wanted)


class TestAnimatedPng:
    @pytest.mark.parametrize("layout", ["RGB", "RGBA", "LA"])
    def test_sixteen_bits_come_back(self, layout: str) -> None:
        frames = [picture(layout, "uint16", shift=number) for number in range(3)]
        data = written(frames, "png", Metadata(durations=(40, 50, 60), loop=2))
        header, arrays = read(data)
        assert (header.lost, header.metadata.durations, header.metadata.loop) == ((), (40, 50, 60), 2)
        for array, frame in zip(arrays, frames, strict=True):
            wanted = frame.array[..., [0, 0, 0, 1]] if layout == "LA" else frame.array
            assert np.array_equal(array[..., : wanted.shape[-1]], wanted)

    def test_pillow_sees_the_same_with_eight(self) -> None:
        import io

        from PIL import Image

        frames = [picture("RGB", "uint16", shift=number) for number in range(2)]
        with Image.open(io.BytesIO(written(frames, "png", Metadata(durations=(40, 50))))) as image:
            assert image.n_frames == 2
            image.seek(1)
            assert np.abs(np.asarray(image.convert("RGB")) - frames[1].array / 257).max() <= 1

    @pytest.mark.parametrize("dispose", [0, 1, 2])
    def test_parts_are_composed(self, dispose: int) -> None:
        """Three frames: the canvas, a half-transparent corner over it, and an opaque pixel."""
        base, corner = picture("RGBA", "uint16", 8, 6), picture("RGBA", "uint16", 4, 3, shift=9)
        base.array[..., 3], corner.array[..., 3] = 65535, 32768
        dot = Frame(Spec(1, 1, "RGBA", "uint16"), np.array([[[7, 8, 9, 65535]]], np.uint16))
        chunks = [
            (b"IHDR", struct.pack(">IIBBBBB", 8, 6, 16, 6, 0, 0, 0)),
            (b"acTL", struct.pack(">II", 3, 0)),
        ]
        number = 0
        for frame, (left, top), end, over in (
            (base, (0, 0), 0, 0),
            (corner, (2, 1), dispose, 1),
            (dot, (7, 5), 0, 0),
        ):
            place = struct.pack(">5I", number, *frame.spec.size, left, top)
            chunks.append((b"fcTL", place + struct.pack(">HHBB", 1, 10, end, over)))
            body = b"".join(bytes(b) for k, b, *_ in walk(written(frame, "png"), PNG_CHUNKS) if k == b"IDAT")
            number += 1
            chunks.append((b"IDAT", body) if number == 1 else (b"fdAT", struct.pack(">I", number) + body))
            number += number > 1
        data = SIGNATURE + b"".join(build_chunk(*chunk) for chunk in (*chunks, (b"IEND", b"")))
        _, seen = read(data)
        share = 32768 / 65535
        mixed = corner.array[..., :3] * share + base.array[1:4, 2:6, :3] * (1 - share)
        assert np.abs(seen[1][1:4, 2:6, :3] - mixed).max() <= 1
        after = {0: np.rint(mixed), 1: np.zeros((3, 4, 3)), 2: base.array[1:4, 2:6, :3]}[dispose]
        assert np.abs(seen[2][1:4, 2:6, :3] - after).max() <= 1
        assert list(seen[2][5, 7]) == [7, 8, 9, 65535]

    def test_some_frames_of_it(self) -> None:
        frames = [picture("RGB", "uint16", shift=number) for number in range(3)]
        data = written(frames, "png", Metadata(durations=(40, 50, 60)))
        _, (array,) = read(data, header=read_header(data, "", Limits(pages="3")))
        assert np.array_equal(array[..., :3], frames[2].array)


class TestHdr:
    def test_light_of_pq_is_the_published_one(self) -> None:
        # ITU-R BT.2408, table 1: 58.1 % of PQ are 203 cd/m², 75.2 % are 1000.
        assert np.allclose(pq_to_light(np.array([0.581, 0.752, 1.0])), [203, 1000, 10000], rtol=0.005)

    def test_light_of_hlg_is_the_published_one(self) -> None:
        # BT.2408: 75 % of HLG are 203 cd/m² on a screen of 1000; full white is 1000.
        assert np.allclose(hlg_light(np.array([[0.75] * 3, [1.0] * 3]))[:, 0], [203, 1000], rtol=0.005)

    @pytest.mark.parametrize("to", [name for name in ("png", "avif", "heic") if name in WRITABLE])
    def test_it_stays_where_the_target_has_a_place_for_it(self, to: str) -> None:
        frame = grey_steps(0.2, 0.5, 0.7)
        encoded = became(frame, PQ, to, quality=95)
        header, (array,) = read(bytes(encoded.data))
        assert (header.metadata.cicp, "hdr" in encoded.lost) == (PQ, False)
        assert np.abs(array[8, 8::16, 0] / 65535 - (0.2, 0.5, 0.7)).max() < 0.003

    @pytest.mark.parametrize("to", ["jpeg", "webp", "tiff", "gif"])
    def test_elsewhere_it_is_named(self, to: str) -> None:
        encoded = became(grey_steps(0.2, 0.5), HLG, to)
        assert "hdr" in encoded.lost
        assert "HLG" in encoded.notes[0]

    @pytest.mark.parametrize("cicp", [PQ, HLG])
    def test_darker_light_stays_what_it_is(self, cicp: tuple[int, int]) -> None:
        codes = {PQ: (0.1, 0.2, 0.3, 0.4, 0.48), HLG: (0.1, 0.2, 0.3, 0.4, 0.5)}[cicp]
        encoded = became(grey_steps(*codes), cicp, "tiff")
        _, (array,) = read(bytes(encoded.data))
        light = (
            pq_to_light(np.array(codes))
            if cicp == PQ
            else hlg_light(np.array([[c] * 3 for c in codes]))[:, 0]
        )
        linear = light / 203
        wanted = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
        assert np.abs(array[8, 8::16, 0] / 65535 - wanted).max() < 1e-3

    def test_brighter_light_is_white_and_order_is_kept(self) -> None:
        _, (array,) = read(bytes(became(grey_steps(*np.linspace(0, 1, 40)), PQ, "tiff").data))
        steps = array[8, 8::16, 0].astype(int)
        assert (np.diff(steps) >= 0).all()
        assert steps[-1] > 65500
        assert 50000 < steps[23] < 60000  # 203 cd/m² are bright, not yet white

    def test_a_conversion_to_srgb_is_wanted(self) -> None:
        encoded = became(grey_steps(0.3), PQ, "png", colour=colour_target("srgb"))
        header, _ = read(bytes(encoded.data))
        assert (header.metadata.cicp, header.metadata.icc) == ((), b"")

    def test_primaries_of_bt2020_become_those_of_p3(self) -> None:
        # Pure red of BT.2020 lies outside P3: red stays, green and blue are clipped to nothing.
        strip = grey_steps(0.3)
        strip.array[..., 1:] = 0
        encoded = became(strip, PQ, "tiff", colour=colour_target("p3"))
        header, (array,) = read(bytes(encoded.data))
        assert header.metadata.icc
        assert array[8, 8, 0] > 4000
        assert array[8, 8, 1] < 50


class TestJpeg2000:
    @pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBA"])
    def test_sixteen_bits_stay(self, layout: str) -> None:
        frame = picture(layout, "uint16")
        header, (array,) = read(written(frame, "jp2"))
        assert header.spec.dtype == "uint16"
        count = frame.spec.channels
        wanted = frame.array[..., [0, 0, 0, 1]] if layout == "LA" else frame.array
        assert np.array_equal(array[..., : max(count, wanted.shape[-1])], wanted)

    @pytest.mark.parametrize("layout", ["L", "RGB"])
    def test_opencv_reads_the_same(self, layout: str) -> None:
        frame = picture(layout, "uint16")
        data = written(frame, "jp2", Metadata(icc=Icc(profiles.display_p3() if layout == "RGB" else b"")))
        seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        seen = seen.reshape(*frame.spec.shape)[..., :: -1 if layout == "RGB" else 1]
        assert np.array_equal(seen, frame.array)

    def test_of_a_quality_it_says_that_it_is_lossless(self) -> None:
        frame = picture("RGB", "uint16")
        encoded = encode([frame], find_format("jp2"), Metadata(comment=b"words"), EncodeOptions(quality=50))
        assert encoded.lost == ("comment",)
        assert "losslessly" in encoded.notes[0]
