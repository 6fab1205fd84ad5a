"""`Pipeline.encode_all`: bytes of many pictures, in order."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.testing import crash, pattern, write_pictures

PIPE = imgpar.Pipeline().resize("16")


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    """Two workers."""
    with imgpar.Session(jobs=2, memory="64M") as workers:
        yield workers


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures, of which one is damaged."""
    folder = write_pictures(tmp_path_factory.mktemp("photos"), ["a.png", "b.png", "c.png"], (32, 24))
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:60])
    return folder


def png() -> bytes:
    """A small PNG."""
    data = io.BytesIO()
    Image.fromarray(pattern(32, 24)).save(data, "PNG")
    return data.getvalue()


def test_one_result_for_each_input_in_order(photos, session):
    given = [photos / name for name in ("c.png", "a.png", "c.png")]
    found = [Path(item.path).name for item, _ in PIPE.encode_all(given, to="webp", session=session)]
    assert found == ["c.png", "a.png", "c.png"]


def test_the_bytes_are_those_of_encode(photos, session):
    ((_, made),) = PIPE.encode_all(photos / "a.png", to="jpg", session=session)
    assert made.data == PIPE.encode(photos / "a.png", to="jpg")


def test_it_tells_format_and_size(photos, session):
    ((_, made),) = PIPE.encode_all(photos / "a.png", session=session)
    assert (made.format, made.size) == ("png", (16, 12))


def test_contents_with_keys(session):
    given = {7: png(), 8: pattern(32, 24), 9: io.BytesIO(png())}
    found = [(item.key, made.size) for item, made in PIPE.encode_all(given, to="webp", session=session)]
    assert found == [(7, (16, 12)), (8, (16, 12)), (9, (16, 12))]


def test_without_a_session_workers_are_started(photos):
    ((item, _),) = PIPE.encode_all(photos / "a.png", to="webp", jobs=1, memory="64M")
    assert item.index == 0


# ----- errors -------------------------------------------------------------------------------------------


def test_an_error_is_raised(photos, session):
    with pytest.raises(imgpar.DamagedError, match=r"b\.png"):
        list(PIPE.encode_all(photos, to="webp", session=session))


def test_errors_are_left_out(photos, session):
    found = PIPE.encode_all(photos, to="webp", session=session, errors="skip", on_event=lambda _: None)
    assert [item.index for item, _ in found] == [0, 2]


def test_errors_are_yielded(photos, session):
    found = list(PIPE.encode_all(photos, to="webp", session=session, errors="yield"))
    assert [made is None for _, made in found] == [False, True, False]
    assert isinstance(found[1][0].error, imgpar.DamagedError)


def test_a_crash_is_one_error(photos, session):
    found = PIPE.apply(crash).encode_all(photos / "a.png", to="webp", session=session, errors="yield")
    assert [type(item.error) for item, _ in found] == [imgpar.WorkerDiedError]


def test_losses_are_errors_where_it_is_strict(session):
    transparent = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    with pytest.raises(imgpar.TransformError, match="alpha"):
        list(PIPE.encode_all([transparent], to="jpg", strict=True, session=session))


def test_a_clip_is_refused(session):
    clip = imgpar.MemorySource({"a.mp4": b"\0\0\0\x18ftypmp42"})
    with pytest.raises(imgpar.UnsupportedError, match="clip"):
        list(PIPE.encode_all(clip, to="webp", session=session))


@pytest.mark.parametrize("given", [[pattern(8, 8)], iter([pattern(8, 8)])], ids=["list", "iterator"])
def test_arrays_need_a_format(given, session):
    with pytest.raises(imgpar.UsageError, match="have no format"):
        list(PIPE.encode_all(given, session=session))


# ----- memory ---------------------------------------------------------------------------------------------


def test_no_more_is_made_than_is_asked_for(session):
    read = list[int]()

    def given() -> Iterator[bytes]:
        for number in range(40):
            read.append(number)
            yield png()

    found = PIPE.encode_all(given(), to="webp", session=session, prefetch=4)
    next(found)
    next(found)
    assert max(read) <= 2 + 4 + 1
    found.close()


def test_files_of_a_list_wait_for_the_consumer(photos, session, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = PIPE.encode_all([photos / "a.png"] * 40, to="webp", session=session, prefetch=3)
    for _ in range(5):
        next(found)
    waiting = [name for folder, _, names in os.walk(tmp_path) for name in names if name.isdigit()]
    assert len(waiting) <= 3
    found.close()


def test_a_call_that_is_left_frees_the_session(photos, session):
    found = PIPE.encode_all([photos / "a.png"] * 9, to="webp", session=session)
    next(found)
    found.close()
    assert len(list(PIPE.encode_all([photos / "a.png"] * 9, to="webp", session=session))) == 9


def test_what_a_function_prints_is_a_note(photos, session):
    def chatty(array):
        print("seen")
        return array

    ((item, made),) = PIPE.apply(chatty).encode_all(photos / "a.png", to="webp", session=session)
    assert ("seen" in item.notes, "seen" in made.notes) == (True, True)


def test_a_session_without_processes_encodes_all() -> None:
    with imgpar.Session(jobs=0, memory="64M") as session:
        made = [one.data for _, one in imgpar.Pipeline().encode_all([png()] * 3, to="webp", session=session)]
    assert made == [imgpar.Pipeline().encode(png(), to="webp")] * 3
