"""What is said of files that cannot be read: plain sentences, for every format and every kind of damage."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import WRITABLE, picture, read, written
from plain_words import internals
from video_clips import make_clip

from imgpar.core.error_messages import library_words
from imgpar.core.errors import ImgparError, TransformError
from imgpar.formats.registry import FORMATS
from imgpar.runtime.failures import failure_of

READABLE = [name for name, record in FORMATS.items() if record.kind == "image" and record.readable]


def damaged(data: bytes) -> Iterator[bytes]:
    """Truncated, with other bytes in the header and in the middle, and with nothing but its beginning."""
    for part in (4, 9, 16, 30, 60, len(data) // 3, len(data) // 2, len(data) - 9):
        yield data[:part]
    chance = random.Random(len(data))
    for low, high in ((4, 40), (4, 40), (12, 80), (30, 200), (len(data) // 4, len(data))):
        broken = bytearray(data)
        for _ in range(6):
            broken[chance.randrange(low, max(min(high, len(data)), low + 1)) % len(data)] = chance.randrange(
                256
            )
        yield bytes(broken)
    yield data[:24] + chance.randbytes(400)


def said_of(data: bytes, name: str) -> str:
    """The sentence; empty where it can be read."""
    try:
        read(data, name)
    except ImgparError as error:
        return str(error)
    except MemoryError:
        pass
    return ""


@pytest.mark.parametrize("name", WRITABLE)
def test_damaged_files_of_each_format(name: str) -> None:
    fmt = FORMATS[name]
    layout = next(layout for layout in ("RGB", "RGBX", "L", "RGBA") if layout in fmt.layouts)
    data = written(picture(layout), name)
    said = [said_of(broken, f"a.{fmt.suffix}") for broken in damaged(data)]
    assert any(said)
    assert [(words, internals(words)) for words in said if internals(words)] == []


@pytest.mark.parametrize("name", READABLE)
def test_garbage_behind_the_mark_of_each_format(name: str) -> None:
    fmt, chance = FORMATS[name], random.Random(name)
    said = []
    for offset, mark in fmt.magic or ((0, b""),):
        for length in (0, 8, 300):
            body = bytes(offset) + mark + (chance.randbytes(length) if length else b"")
            said += [said_of(body, f"a.{fmt.suffix}"), said_of(body + bytes(200), f"a.{fmt.suffix}")]
    assert [(words, internals(words)) for words in said if internals(words)] == []


def rare_tiff() -> bytes:
    """A BigTIFF of another byte order: Pillow does not read it."""
    tifffile = pytest.importorskip("tifffile")
    sink = io.BytesIO()
    tifffile.imwrite(sink, picture("RGB").array, bigtiff=True, byteorder=">", photometric="rgb")
    return sink.getvalue()


def with_an_odd_tag(data: bytes) -> bytes:
    """The first tag that no decoder needs (305, the software) has a type that does not exist."""
    at = data.index(b"\x01\x31\x00\x02")
    return data[: at + 2] + b"\xff\xee" + data[at + 4 :]


def test_a_run_over_damaged_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in WRITABLE:
        data = written(picture("RGB" if "RGB" in FORMATS[name].layouts else "RGBX"), name)
        for number, broken in enumerate(damaged(data)):
            (folder / f"{name}-{number}.{FORMATS[name].suffix}").write_bytes(broken)
        (folder / f"{name}-misnamed.jpg").write_bytes(data[: len(data) // 2])
    for number, broken in enumerate(damaged(rare_tiff())):
        (folder / f"rare-{number}.tif").write_bytes(broken)
    (folder / "rare-tag.tif").write_bytes(with_an_odd_tag(rare_tiff()))
    for suffix in ("mp4", "mkv", "avi"):
        data = make_clip(tmp_path / f"a.{suffix}", frames=10).read_bytes()
        for number, broken in enumerate(damaged(data)):
            (folder / f"clip-{number}.{suffix}").write_bytes(broken)
    (folder / "empty.png").touch()
    done = subprocess.run(
        [sys.executable, "-m", "imgpar", "convert", "in", "-o", "out", "--to", "png", "--json", "-j", "2"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()][:-1]
    said = [text for line in lines for text in (line.get("error", ""), *line.get("notes", ()))]
    assert len(lines) == len(list(folder.iterdir()))
    assert [text for text in said if internals(text)] == []
    assert [line for line in done.stderr.splitlines() if internals(line)] == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError(b"no raw file"), "no raw file"),
        (SyntaxError("broken PNG file (bad header checksum in b'IHDR')"),
         "broken PNG file (bad header checksum in IHDR)"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("cannot identify image file <_io.BytesIO object at 0x7f0e2e055c90>"),
         "cannot identify image file"),
        (TypeError("'bytes' object cannot be interpreted as an integer"), "?"),
        (ValueError("invalid literal for int() with base 10: b'\\x08'"), "?"),
        (ValueError("29 is not a valid Type"), "?"),
        (UnicodeDecodeError("utf-8", b"\xfe", 0, 1, "invalid start byte"), "?"),
        (KeyError(257), "?"),
        (RuntimeError(), "?"),
    ],
)  # fmt: skip
def test_the_words_of_a_library_are_taken_and_those_of_python_are_not(error: Exception, words: str) -> None:
    assert library_words(error, "?") == words


def test_the_words_of_opencv_do_not_name_its_source() -> None:
    cv2 = pytest.importorskip("cv2")
    with pytest.raises(cv2.error) as caught:
        cv2.resize(np.zeros((0, 0, 3), np.uint8), (4, 4))
    assert internals(str(caught.value))
    assert internals(library_words(caught.value)) == []


def test_an_error_inside_imgpar_is_called_that() -> None:
    failed = failure_of(UnicodeDecodeError("utf-8", b"\xfe", 0, 1, "invalid start byte"), 1, "decode", ())
    assert failed.error == TransformError.__name__
    assert failed.message == "Something went wrong inside imgpar: an unexpected error."
    assert "UnicodeDecodeError" in failed.traceback
