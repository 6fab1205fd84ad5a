"""Contents, arrays and keys as inputs of a run: outputs are named by the keys."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="32M") as session:
        yield session


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"{n}.png" for n in range(3)]
    return testing.write_pictures(tmp_path_factory.mktemp("handed") / "in", names, size=(24, 16))


@pytest.fixture(scope="module")
def data(folder: Path) -> bytes:
    return (folder / "1.png").read_bytes()


def convert(session: imgpar.Session, inputs: Any, out: Path, **settings: Any) -> imgpar.Report:
    return session.run(imgpar.Pipeline(), inputs, out, **settings)


def made(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*.png") if ".imgpar" not in path.parts)


def test_outputs_are_named_by_the_keys(session, data, tmp_path):
    convert(session, [("2024/a", data), (7, data), ("b.png", data)], tmp_path, to="png")
    assert made(tmp_path) == ["2024/a.png", "7.png", "b.png"]


HANDED = {
    "bytes": lambda folder, data: data,
    "file": lambda folder, data: io.BytesIO(data),
    "array": lambda folder, data: testing.pattern(24, 16, 1),
    "Pillow": lambda folder, data: Image.open(folder / "1.png"),
    "path": lambda folder, data: folder / "1.png",
}


@pytest.mark.parametrize("kind", HANDED)
def test_every_kind_of_content_is_converted(session, folder, data, tmp_path, kind):
    report = convert(session, {"x": HANDED[kind](folder, data)}, tmp_path, to="png")
    assert report.ok == 1
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")), testing.pattern(24, 16, 1))


def test_an_open_file_has_the_name_of_its_file(session, folder, tmp_path):
    with open(folder / "2.png", "rb") as file:
        convert(session, [file], tmp_path, to="png")
    assert made(tmp_path) == ["2.png"]


def test_a_file_is_read_from_its_beginning_and_may_be_asked_about_first(session, data, tmp_path):
    file = io.BytesIO(data)
    file.seek(0, io.SEEK_END)  # as after writing
    assert convert(session, {"a": file}, tmp_path, to="png", where="width>=20").ok == 1


class Pipe(io.RawIOBase):
    """A file that cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        return self._data.readinto(room)


def test_a_stream_that_cannot_go_back_is_read_once(session, data, tmp_path):
    assert convert(session, {"a": Pipe(data)}, tmp_path, to="png", where="width>=20").ok == 1


def test_keys_and_files_of_one_name_do_not_meet(session, folder, data, tmp_path):
    convert(session, [("1.png", data), folder / "1.png"], tmp_path, to="png")
    assert made(tmp_path) == ["1.png", "given/1.png"]


def test_a_second_run_does_what_is_new(session, data, tmp_path):
    convert(session, {"a": data}, tmp_path, to="png")
    report = convert(session, {"a": data, "b": data}, tmp_path, to="png")
    assert (report.ok, report.skipped) == (1, 1)


def test_every_content_has_its_line_in_the_report(session, data, tmp_path):
    given = {"no": b"no picture", ".hidden.png": data, "missing": "none.png", "a": data}
    report = convert(session, given, tmp_path, to="png")
    assert (report.ok, report.failed, report.ignored) == (1, 3, 0)


def test_a_dry_run_names_the_outputs(data, tmp_path):
    plan = imgpar.dry_run({"a": data}, tmp_path / "out", to="png")
    assert [output.path for item in plan.items for output in item.outputs] == [str(tmp_path / "out/a.png")]


def test_contents_are_described(session, data):
    ((path, info),) = session.describe({"a": data})
    assert (path, info.size) == ("memory://given/a", (24, 16))


def test_arrays_are_the_frames_of_an_animation(session, tmp_path):
    frames = {f"{seed:02}": testing.pattern(24, 16, seed) for seed in range(3)}
    imgpar.Pipeline().assemble(frames, tmp_path / "a.gif", session=session)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 3


REFUSED = {
    "no key": ([b"\x89PNG\r\n\x1a\n"], "no key"),
    "an array without a key": ([np.zeros((2, 2), np.uint8)], "no key"),
    "a key twice": ([("a", b"x"), ("a", b"y")], "Two inputs have the key"),
    "a key that is no name": ([(("a", 1), b"x")], "is no name"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_name_is_refused(session, tmp_path, kind):
    given, words = REFUSED[kind]
    with pytest.raises(imgpar.UsageError, match=words):
        convert(session, given, tmp_path, to="png")


def test_a_watch_has_no_contents(data, tmp_path):
    with pytest.raises(imgpar.UsageError, match="the inputs"):
        imgpar.watch([("a", data)], tmp_path, once=True)
