"""Boxes, chunks, resources, datasets and segments: what the walk finds in good data, and where it ends in
damaged data."""

from __future__ import annotations

import io
import random
import struct
import zlib
from itertools import pairwise

import pytest

from imgpar.core.spec import Metadata
from imgpar.formats import tlv
from imgpar.formats.jxl.header import CONTAINER
from imgpar.formats.metadata.box_times import without_times
from imgpar.formats.metadata.boxes import stripped_jp2, stripped_jxl
from imgpar.formats.png.chunks import broken
from imgpar.video.boxes import kinds, tracks


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def large_box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body


def riff(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)


def png(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def resource(number: int, name: bytes, body: bytes) -> bytes:
    named = bytes((len(name),)) + name
    named += bytes(len(named) % 2)
    return (
        struct.pack(">4sH", b"8BIM", number)
        + named
        + struct.pack(">I", len(body))
        + body
        + bytes(len(body) % 2)
    )


def dataset(kind: tuple[int, int], body: bytes) -> bytes:
    return bytes((0x1C, *kind)) + struct.pack(">H", len(body)) + body


def long_dataset(kind: tuple[int, int], body: bytes) -> bytes:
    return bytes((0x1C, *kind)) + struct.pack(">HI", 0x8004, len(body)) + body


def found(data: bytes, structure: tlv.Structure) -> list[tuple[bytes, bytes, bool]]:
    return [(each.kind, bytes(each.body), each.complete) for each in tlv.walk(data, structure)]


SAMPLES = {
    "boxes": (tlv.BOXES, b"", (box(b"free", b""), box(b"uuid", b"0123456789abcdef"), box(b"mdat", b"xyz")),
              ((b"free", b""), (b"uuid", b"0123456789abcdef"), (b"mdat", b"xyz"))),
    "large boxes": (tlv.BOXES, b"", (large_box(b"mdat", b"abc"), box(b"moov", b"de")),
                    ((b"mdat", b"abc"), (b"moov", b"de"))),
    "jxl": (tlv.JXL_BOXES, b"", (large_box(b"jxlc", b"abc"), box(b"Exif", b"de")),
            ((b"jxlc", b"abc"), (b"Exif", b"de"))),
    "riff": (tlv.RIFF_CHUNKS, b"RIFF\0\0\0\0WEBP", (riff(b"VP8X", b"odd"), riff(b"EXIF", b"even")),
             ((b"VP8X", b"odd"), (b"EXIF", b"even"))),
    "png": (tlv.PNG_CHUNKS, b"\x89PNG\r\n\x1a\n", (png(b"IHDR", b"size"), png(b"IEND", b"")),
            ((b"IHDR", b"size"), (b"IEND", b""))),
    "resources": (tlv.PHOTOSHOP_RESOURCES, b"", (resource(0x0404, b"", b"odd"), resource(7, b"two", b"more")),
                  ((b"\4\4", b"odd"), (b"\0\7", b"more"))),
    "datasets": (tlv.IPTC_DATASETS, b"", (dataset((2, 90), b"Vienna"), long_dataset((2, 5), b"title")),
                 ((b"\2\x5a", b"Vienna"), (b"\2\5", b"title"))),
}  # fmt: skip
"""Structure, what precedes the elements, the elements, and what is in them."""
CASES = pytest.mark.parametrize(("structure", "before", "parts", "expected"), SAMPLES.values(), ids=SAMPLES)


@CASES
class TestEveryStructure:
    def test_types_and_bodies_are_found(self, structure, before, parts, expected) -> None:
        assert found(before + b"".join(parts), structure) == [(*each, True) for each in expected]

    def test_an_element_is_all_of_its_bytes(self, structure, before, parts, expected) -> None:
        assert [bytes(each.whole) for each in tlv.walk(before + b"".join(parts), structure)] == list(parts)

    def test_offsets_say_the_same_as_views(self, structure, before, parts, expected) -> None:
        data = before + b"".join(parts)
        places = list(tlv.places(data, structure))
        assert [(each.kind, data[each.begin : each.stop]) for each in places] == list(expected)
        assert [data[each.at : each.end] for each in places] == list(parts)

    def test_nothing_is_copied(self, structure, before, parts, expected) -> None:
        data = bytearray(before + b"".join(parts))
        assert all(each.body.obj is data for each in tlv.walk(data, structure))

    def test_what_is_cut_off_is_the_last_and_incomplete(self, structure, before, parts, expected) -> None:
        whole = before + b"".join(parts)
        begin = list(tlv.places(whole, structure))[-1].begin
        for length in range(max(begin, len(whole) - len(parts[-1]) + 12), len(whole)):
            *others, last = found(whole[:length], structure)
            assert others == [(*each, True) for each in expected[:-1]]
            assert last == (expected[-1][0], whole[begin : min(length, begin + len(expected[-1][1]))], False)

    def test_a_header_that_is_cut_off_ends_the_walk(self, structure, before, parts, expected) -> None:
        whole = before + b"".join(parts)
        last = len(whole) - len(parts[-1])
        assert found(whole[: last + 4], structure) == [(*each, True) for each in expected[:-1]]

    def test_any_bytes_are_walked_within_bounds(self, structure, before, parts, expected) -> None:
        rng, good = random.Random(5), before + b"".join(parts)
        for _ in range(300):
            data = bytearray(good)
            for _ in range(3):
                data[rng.randrange(len(data))] = rng.choice((0, 1, 7, 8, 255, rng.randrange(256)))
            places = list(tlv.places(bytes(data), structure))
            assert all(p.at < p.begin <= p.stop <= p.end <= len(data) for p in places)
            assert all(one.end == other.at and one.complete for one, other in pairwise(places))


class TestBoxes:
    def test_length_0_reaches_to_the_end(self) -> None:
        assert found(b"\0\0\0\0mdatabc", tlv.BOXES) == [(b"mdat", b"abc", True)]

    @pytest.mark.parametrize("length", [2, 7])
    def test_a_length_below_that_of_the_header_ends_the_walk(self, length: int) -> None:
        data = struct.pack(">I4s", length, b"mdat") + box(b"moov", b"")
        assert found(data, tlv.BOXES) == [(b"mdat", b"", False)]

    def test_so_does_a_small_length_of_64_bits(self) -> None:
        data = struct.pack(">I4sQ", 1, b"mdat", 15) + box(b"moov", b"")
        assert found(data, tlv.BOXES) == [(b"mdat", b"", False)]

    def test_an_empty_box_of_64_bits_may_be_the_last(self) -> None:
        assert found(struct.pack(">I4sQ", 1, b"free", 16), tlv.BOXES) == [(b"free", b"", True)]

    def test_a_length_beyond_64_bits_of_memory_is_cut(self) -> None:
        assert found(struct.pack(">I4sQ", 1, b"mdat", (1 << 64) - 1) + b"x", tlv.BOXES) == [
            (b"mdat", b"x", False)
        ]

    def test_in_jpeg_xl_a_64_bit_length_may_precede_the_type(self) -> None:
        data = struct.pack(">IQ4s", 1, 19, b"jxlc") + b"abc" + box(b"Exif", b"")
        assert found(data, tlv.JXL_BOXES) == [(b"jxlc", b"abc", True), (b"Exif", b"", True)]

    def test_in_a_file_only_headers_are_read(self) -> None:
        class Counting(io.BytesIO):
            total = 0

            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                self.total += len(data)
                return data

        file = Counting(box(b"ftyp", b"") + large_box(b"mdat", bytes(100_000)) + box(b"moov", b"end"))
        places = list(tlv.places_in_file(file, tlv.BOXES))
        assert [(each.kind, each.stop - each.begin) for each in places] == [
            (b"ftyp", 0), (b"mdat", 100_000), (b"moov", 3)
        ]  # fmt: skip
        assert file.total <= 48

    @pytest.mark.parametrize("cut", [0, 1])
    def test_a_file_ends_where_its_data_do(self, cut: int) -> None:
        data = box(b"ftyp", b"") + box(b"mdat", bytes(20))
        last = list(tlv.places_in_file(io.BytesIO(data[: len(data) - cut]), tlv.BOXES))[-1]
        assert (last.stop, last.end, last.complete) == (len(data) - cut, len(data) - cut, not cut)

    def test_length_0_reaches_to_the_end_of_a_file(self) -> None:
        file = io.BytesIO(box(b"ftyp", b"") + b"\0\0\0\0mdat" + bytes(100))
        assert [(each.kind, each.stop) for each in tlv.places_in_file(file, tlv.BOXES)] == [
            (b"ftyp", 8),
            (b"mdat", 116),
        ]

    def test_a_file_may_end_within_a_header(self) -> None:
        file = io.BytesIO(box(b"ftyp", b"") + struct.pack(">I4sI", 1, b"mdat", 0))
        assert [each.kind for each in tlv.places_in_file(file, tlv.BOXES)] == [b"ftyp"]


class TestPng:
    def test_the_walk_ends_at_iend(self) -> None:
        data = b"\x89PNG\r\n\x1a\n" + png(b"IEND", b"") + png(b"tEXt", b"after")
        assert [kind for kind, *_ in found(data, tlv.PNG_CHUNKS)] == [b"IEND"]

    def test_a_wrong_checksum_is_named(self) -> None:
        good, bad = png(b"IDAT", b"pixels"), bytearray(png(b"PLTE", b"colours"))
        bad[-1] ^= 1
        assert broken(b"\x89PNG\r\n\x1a\n" + good + bad) == "PLTE"
        assert broken(b"\x89PNG\r\n\x1a\n" + good) == ""


class TestSegments:
    HEAD = b"\xff\xd8\xff\xe0\0\4ab\xff\xfe\0\3c\xff\xda\0\2"

    def found(self, data: bytes) -> list[tuple[int, int, bytes]]:
        return [(marker, at, bytes(body)) for marker, at, body in tlv.segments(data, 0xDA)]

    def test_they_end_with_the_named_one(self) -> None:
        expected = [(0xE0, 2, b"ab"), (0xFE, 8, b"c"), (0xDA, 13, b"")]
        assert self.found(self.HEAD + b"\xff\xe1\0\4xx") == expected

    @pytest.mark.parametrize("between", [b"\0", b"junk", b"\xff\xff", b"\xff\x01", b"\xff\0", b"\xff\xd8"])
    def test_bytes_between_them_are_skipped(self, between: bytes) -> None:
        data = self.HEAD[:8] + between + self.HEAD[8:]
        assert [marker for marker, *_ in self.found(data)] == [0xE0, 0xFE, 0xDA]

    @pytest.mark.parametrize(
        "segment", [b"\xff\xe1\0\1x", b"\xff\xe1\0\0x", b"\xff\xe1\xff\xffx", b"\xff\xd9"]
    )
    def test_damage_and_the_end_of_the_picture_end_them(self, segment: bytes) -> None:
        data = self.HEAD[:8] + segment + self.HEAD[8:]
        assert [marker for marker, *_ in self.found(data)] == [0xE0]

    def test_a_segment_that_is_cut_off_ends_them(self) -> None:
        assert [marker for marker, *_ in self.found(self.HEAD[:13] + b"\xff\xe1\0\4x")] == [0xE0, 0xFE]

    @pytest.mark.parametrize(("between", "expected"), [(b"\xff", 3), (b"\0", 1), (b"\xff\x01", 1)])
    def test_adjacent_ones_have_only_fill_bytes_between_them(self, between: bytes, expected: int) -> None:
        data = self.HEAD[:8] + between + self.HEAD[8:]
        assert len(tlv.adjacent_segments(data, 0xDA)) == expected


class TestUsers:
    def test_times_are_cleared_in_nested_boxes(self) -> None:
        head = box(b"mdhd", b"\0\0\0\0" + b"\1" * 8 + b"rest")
        late = box(b"mvhd", b"\1\0\0\0" + b"\1" * 16 + b"rest")
        data = box(b"moov", late + box(b"trak", box(b"mdia", head)))
        assert without_times(data) == data.replace(b"\1" * 16, bytes(16)).replace(b"\1" * 8, bytes(8))

    def test_tracks_are_found_in_a_movie_box_of_64_bits(self) -> None:
        entry = box(b"stsd", bytes(8) + box(b"avc1", bytes(78)))
        track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", entry))))
        assert [each.tag for each in tracks(io.BytesIO(large_box(b"moov", track)))] == ["avc1"]

    def test_the_type_of_a_damaged_box_is_known(self) -> None:
        assert kinds(io.BytesIO(box(b"ftyp", b"") + b"\0\0\0\7mdat")) == [b"ftyp", b"mdat"]

    @pytest.mark.parametrize("length", [7, 99])
    def test_jpeg_xl_with_a_damaged_box_is_not_edited(self, length: int) -> None:
        data = CONTAINER + box(b"Exif", bytes(12)) + struct.pack(">I4s", length, b"jxlc") + b"codestream"
        assert stripped_jxl(data, "xmp", Metadata()) is None

    def test_jpeg_xl_with_its_length_before_its_type_is_edited(self) -> None:
        stream = struct.pack(">IQ4s", 1, 26, b"jxlc") + b"codestream"
        edited = stripped_jxl(CONTAINER + box(b"xml ", b"packet") + stream, "all", Metadata())
        assert edited == CONTAINER + box(b"jxlc", b"codestream")

    @pytest.mark.parametrize("length", [7, 99])
    def test_jpeg_2000_with_a_damaged_box_is_not_edited(self, length: int) -> None:
        data = box(b"jP  ", b"\r\n\x87\n") + struct.pack(">I4s", length, b"jp2c") + b"codestream"
        assert stripped_jp2(data, "gps", Metadata()) is None
