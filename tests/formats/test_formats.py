"""How formats are named, recognised and described."""

from __future__ import annotations

import subprocess
import sys

import pytest
from codec_pictures import WRITABLE, picture, written

from imgpar.core.errors import BadValueError
from imgpar.core.spec import Spec
from imgpar.formats.codec import storable
from imgpar.formats.registry import FORMATS, find_format, format_of_suffix, sniff


class TestFormats:
    @pytest.mark.parametrize(
        ("word", "name"),
        [("jpg", "jpeg"), (".JPG", "jpeg"), ("JPEG", "jpeg"), ("tif", "tiff"), ("heif", "heic")],
    )
    def test_a_format_is_found_by_name_and_suffix(self, word: str, name: str) -> None:
        assert find_format(word).name == name

    def test_a_wrong_name_says_which_one_is_near(self) -> None:
        with pytest.raises(BadValueError, match="Did you mean 'webp'"):
            find_format("webpp")

    def test_no_suffix_belongs_to_two_formats(self) -> None:
        suffixes = [suffix for record in FORMATS.values() for suffix in record.suffixes]
        assert len(suffixes) == len(set(suffixes))

    def test_an_unknown_suffix_is_no_format(self) -> None:
        assert format_of_suffix("a/b.txt") is None

    @pytest.mark.parametrize("name", WRITABLE)
    def test_what_is_written_is_recognised_by_its_first_64_bytes(self, name: str) -> None:
        spec, _ = storable(Spec(64, 48, "RGBX"), FORMATS[name])
        data = written(picture(spec.layout), name)
        assert sniff(data[:64]) is FORMATS[name]

    @pytest.mark.parametrize(
        ("head", "name"),
        [
            (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "heic"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "avif"),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "mp4"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mov"),
            (b"RIFF\0\0\0\0AVI LIST", "avi"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", "mkv"),
            (b"\xff\x0a\xfa", "jxl"),
            (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
            (b'<?xml version="1.0"?><svg xmlns="', "svg"),
            (b"hello, world", None),
            (b"", None),
        ],
    )
    def test_content_decides(self, head: bytes, name: str | None) -> None:
        found = sniff(head)
        assert (found.name if found else None) == name

    def test_formats_need_neither_numpy_nor_cv2_nor_pillow(self) -> None:
        code = "import sys, imgpar.formats.registry; print({'numpy', 'cv2', 'PIL'} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"
