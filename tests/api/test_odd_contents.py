"""Contents that cannot be read: the errors of imgpar, not those of numpy, Pillow and Python."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar

PIPE = imgpar.Pipeline()


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=0) as session:
        yield session


class Returns:
    """A file whose read returns one value."""

    def __init__(self, value: object) -> None:
        self._value = value

    def read(self, size: int = -1) -> Any:
        return self._value


def png() -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", (4, 4)).save(data, "PNG")
    return data


def closed(what: Any) -> Any:
    what.close()
    return what


def picture_of_closed_file() -> Image.Image:
    data = png()
    picture = Image.open(data)
    data.close()
    return picture


ODD = {
    "a closed picture": (lambda: closed(Image.new("RGB", (4, 4))), "closed"),
    "a picture of a closed file": (picture_of_closed_file, "closed"),
    "a closed file": (lambda: closed(png()), "closed"),
    "a file that returns texts": (lambda: Returns("text"), "returned a str"),
    "a file that returns None": (lambda: Returns(None), "returned None"),
}


@pytest.mark.parametrize("kind", ODD)
def test_encode_refuses_it(kind):
    make, words = ODD[kind]
    with pytest.raises(imgpar.ImgparError, match=words):
        PIPE.encode(make(), to="png")


@pytest.mark.parametrize("kind", ODD)
def test_array_refuses_it(kind):
    make, words = ODD[kind]
    with pytest.raises(imgpar.ImgparError, match=words):
        PIPE.array(make())


@pytest.mark.parametrize("kind", ODD)
def test_it_is_an_error_of_its_item(session, kind):
    make, words = ODD[kind]
    ((item, _),) = session.arrays(PIPE, [("k", make())], errors="yield")
    assert words in str(item.error)
    assert "TypeError" not in str(item.error)


@pytest.mark.parametrize("kind", ODD)
def test_a_run_refuses_it(session, kind):
    make, words = ODD[kind]
    report = session.run(PIPE, {"k.png": make()}, imgpar.MemorySink(), to="png")
    assert words in report.failures[0].error


@pytest.mark.parametrize("mode", ["RGB", "I", "P"])
def test_a_picture_without_pixels_is_called_empty(mode):
    with pytest.raises(imgpar.UsageError, match="empty"):
        PIPE.encode(Image.new(mode, (0, 0)), to="png")


def test_a_picture_without_pixels_is_refused_when_it_is_given(session):
    with pytest.raises(imgpar.UsageError, match="empty"):
        session.arrays(PIPE, [Image.new("RGB", (0, 3))])


def test_a_profile_that_is_a_text_is_refused_when_it_is_given(session):
    picture = Image.new("RGB", (4, 4))
    picture.info["icc_profile"] = "sRGB"
    with pytest.raises(imgpar.UsageError, match="icc_profile"):
        session.arrays(PIPE, [picture])


def test_every_second_byte_of_a_buffer_is_a_content(session):
    data = png().getvalue()
    strided = memoryview(bytes(2 * len(data)))[::2]
    ((item, _),) = session.arrays(PIPE, [strided], errors="yield")
    assert type(item.error) is imgpar.UnknownFormatError


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_pipeline_takes_a_matrix():
    matrix = np.matrix([[1, 2], [3, 4]], dtype=np.uint8)
    assert np.array_equal(PIPE(matrix), [[1, 2], [3, 4]])


def test_a_writer_takes_either_order_of_bytes(tmp_path):
    with imgpar.VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(np.full((16, 16, 3), 0xFF00, ">u2"))
    (frame,) = imgpar.frames(tmp_path / "a.mp4")
    assert frame.array.min() > 250


class UnprintableError(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no text")


def raises(*_: object) -> Any:
    raise UnprintableError


@pytest.mark.parametrize("pipe", [PIPE.apply(raises), PIPE.apply_batch(raises)], ids=["apply", "apply_batch"])
def test_an_exception_without_a_text_is_named_by_its_class(session, pipe):
    ((item, _),) = session.arrays(pipe, [np.zeros((4, 4), np.uint8)], errors="yield")
    assert "raised UnprintableError" in str(item.error)


def test_an_exception_without_a_text_of_a_receiver_is_named_by_its_class(session):
    report = session.run(PIPE, {"k": np.zeros((4, 4), np.uint8)}, raises, to="png")
    assert "raised UnprintableError" in report.failures[0].error


def test_an_exception_without_a_text_of_a_file_is_named_by_its_class():
    file = Returns(b"")
    file.read = raises  # type: ignore[method-assign]
    with pytest.raises(imgpar.SourceError, match="UnprintableError"):
        PIPE.encode(file, to="png")
