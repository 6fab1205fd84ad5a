"""`Pipeline.encode`: what it takes, its limits, and what it tells."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.testing import crash, hang, pattern

PIPE = imgpar.Pipeline()


def png(width: int = 32, height: int = 24, mode: str = "RGB") -> bytes:
    """A small PNG."""
    data = io.BytesIO()
    Image.fromarray(pattern(width, height)).convert(mode).save(data, "PNG")
    return data.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """The pixels of a file."""
    return np.asarray(Image.open(io.BytesIO(data)))


# ----- what it takes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_contents_and_files(kind):
    assert np.array_equal(pixels(PIPE.encode(kind(png()), to="bmp")), pattern(32, 24))


@pytest.mark.parametrize("kind", [str, Path])
def test_the_path_of_a_file(kind, tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    assert np.array_equal(pixels(PIPE.encode(kind(tmp_path / "a.png"), to="bmp")), pattern(32, 24))


def test_a_path_tells_the_format_that_a_content_does_not(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    assert PIPE.encode(str(tmp_path / "a.png"))[:4] == b"\x89PNG"


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(imgpar.SourceError):
        PIPE.encode(tmp_path / "none.png", to="jpg")


def test_an_array():
    assert np.array_equal(pixels(PIPE.encode(pattern(32, 24), to="png")), pattern(32, 24))


def test_a_picture_of_pillow():
    picture = Image.fromarray(pattern(32, 24))
    assert np.array_equal(pixels(PIPE.encode(picture, to="png")), pattern(32, 24))


@pytest.mark.parametrize("given", [pattern(8, 8), Image.fromarray(pattern(8, 8))])
def test_what_has_no_format_needs_one(given):
    with pytest.raises(imgpar.UsageError, match="have no format"):
        PIPE.encode(given)


@pytest.mark.parametrize(
    "given", ["https://example.org/a.jpg", imgpar.MemorySource({"a.png": b"x"}), ("k", b"x")]
)
def test_what_is_not_one_picture_is_refused(given):
    with pytest.raises(imgpar.UsageError, match="encode_all"):
        PIPE.encode(given, to="jpg")


# ----- what it tells ----------------------------------------------------------------------------------


def test_the_report_has_losses():
    assert PIPE.encode_with_report(half(), to="jpg").lost == ("alpha",)


def test_the_report_has_format_size_and_time():
    made = PIPE.encode_with_report(png(), to="webp", resize="16x12")
    assert (made.format, made.size, made.lost, made.seconds > 0) == ("webp", (16, 12), (), True)


def half() -> bytes:
    """A half transparent PNG."""
    data = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(data, "PNG")
    return data.getvalue()


def test_the_report_has_the_bytes_of_encode():
    assert PIPE.encode_with_report(png(), to="jpg").data == PIPE.encode(png(), to="jpg")


# ----- limits -------------------------------------------------------------------------------------------


def test_a_bomb_is_refused_by_its_pixels():
    bomb = b"P6 40000 40000 255 " + bytes(100)
    with pytest.raises(imgpar.LimitError, match="pixels"):
        PIPE.encode(bomb, to="jpg")


def test_a_bomb_is_refused_by_its_memory():
    with pytest.raises(imgpar.LimitError, match="memory"):
        PIPE.encode(png(2000, 2000), to="jpg", memory="1M")


def test_work_with_a_time_limit_gives_the_same_bytes():
    assert PIPE.encode(png(), to="jpg", timeout=60, resize="16") == PIPE.encode(png(), to="jpg", resize="16")


def test_work_aside_tells_the_same():
    here, aside = (PIPE.encode_with_report(half(), to="jpg", timeout=limit) for limit in (None, 60))
    assert replace(here, seconds=0) == replace(aside, seconds=0)


def test_what_a_function_prints_in_a_worker_is_a_note():
    def chatty(array: np.ndarray) -> np.ndarray:
        print("seen")
        return array

    assert "seen" in PIPE.apply(chatty).encode_with_report(png(), to="jpg", timeout=60).notes


def test_work_aside_raises_the_same_error():
    with pytest.raises(imgpar.TransformError, match="would lose"):
        PIPE.encode(half(), to="jpg", strict=True, timeout=60)


def test_a_function_that_hangs_ends_after_its_time_and_the_next_call_works():
    with pytest.raises(imgpar.WorkerDiedError, match=r"longer than 0\.5 s in stage transform"):
        PIPE.apply(hang).encode(png(), to="jpg", timeout=0.5)
    assert PIPE.encode(png(), to="jpg", timeout=60)


def test_a_function_that_crashes_is_one_error():
    with pytest.raises(imgpar.WorkerDiedError):
        PIPE.apply(crash).encode(png(), to="jpg", timeout=60)


def test_threads_share_the_workers():
    start = threading.Barrier(4)

    def encode(size: int) -> tuple[int, ...]:
        start.wait()
        return pixels(PIPE.encode(png(), to="png", resize=str(size), timeout=60)).shape

    with ThreadPoolExecutor(4) as threads:
        shapes = list(threads.map(encode, (4, 8, 12, 16)))
    assert [width for _, width, _ in shapes] == [4, 8, 12, 16]


@pytest.mark.parametrize("timeout", [None, 60])
def test_the_target_format_says_nothing_of_the_content(timeout: float | None) -> None:
    with pytest.raises(imgpar.UnknownFormatError) as caught:
        PIPE.encode(b"junk", to="webp", timeout=timeout)
    assert str(caught.value) == "Its content is not of a known picture format."


# ----- settings of the last call ------------------------------------------------------------------------


def test_other_settings_are_another_call():
    sizes = [len(PIPE.encode(png(), to="jpg", quality=quality)) for quality in (90, 10, 90)]
    assert sizes[0] == sizes[2] > sizes[1]


def test_equal_values_of_another_type_are_checked():
    assert PIPE.encode(png(), to="jpg", quality=1)
    with pytest.raises(imgpar.BadValueError, match="quality"):
        PIPE.encode(png(), to="jpg", quality=True)


def test_a_file_that_changes_between_two_calls_is_read_again(tmp_path):
    mark = tmp_path / "mark.png"
    made = []
    for colour in ("red", "blue"):
        Image.new("RGB", (8, 8), colour).save(mark)
        made.append(PIPE.encode(png(), to="png", watermark=str(mark)))
    assert made[0] != made[1]
