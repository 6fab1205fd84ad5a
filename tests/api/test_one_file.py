"""Calls that read one file: the same error for the same cause, with the path that was given."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import imgpar
from imgpar import testing
from imgpar.core.errors import NoFileError

PIPE = imgpar.Pipeline()
OF_PICTURES: dict[str, Callable[[str], object]] = {
    "encode": lambda path: PIPE.encode(path, to="png"),
    "encode keeps": lambda path: PIPE.encode(path),
    "encode aside": lambda path: PIPE.encode(path, to="png", timeout=60),
    "array": lambda path: PIPE.array(path),
}
CALLS = OF_PICTURES | {
    "frames": lambda path: list(imgpar.frames(path)),
    "describe": lambda path: imgpar.describe(path),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = testing.write_pictures(tmp_path_factory.mktemp("files"), ["a.jpg"])
    (made / "empty.jpg").touch()
    (made / "junk.jpg").write_bytes(b"junk" * 30)
    with zipfile.ZipFile(made / "mix.zip", "w") as archive:
        archive.write(made / "a.jpg", "in/a.jpg")
    with imgpar.VideoWriter(made / "clip.mp4", fps=5) as writer:
        writer.write(testing.pattern(32, 32))
    (made / "misnamed.jpg").write_bytes((made / "clip.mp4").read_bytes())
    return made


@pytest.fixture(scope="module")
def session() -> Any:
    with imgpar.Session(jobs=1, memory="64M") as made:
        yield made


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("none.jpg", NoFileError, "It does not exist. Check the spelling."),
        ("", NoFileError, "It is a folder where a file is expected."),
        ("empty.jpg", imgpar.DamagedError, "It is empty (0 bytes)."),
        ("mix.zip", imgpar.UnsupportedError, "It is an archive where a file is expected."),
        ("junk.jpg", imgpar.UnknownFormatError, "Its content is not of a known"),
    ],
)
def test_the_same_cause_is_the_same_error(folder: Path, call: Any, name: str, kind: Any, words: str) -> None:
    path = str(folder / name)
    with pytest.raises(imgpar.ItemError) as caught:
        call(path)
    assert (type(caught.value), str(caught.value)[: len(path) + 2 + len(words)]) == (kind, f"{path}: {words}")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_member_of_an_archive_is_told_how_to_be_named(folder: Path, call: Any) -> None:
    with pytest.raises(NoFileError, match=r"inside of .*mix\.zip, which is a file.* --include 'in/a\.jpg'"):
        call(str(folder / "mix.zip" / "in" / "a.jpg"))


@pytest.mark.parametrize("keyed", [False, True])
def test_a_member_among_inputs_as_well(session: imgpar.Session, folder: Path, keyed: bool) -> None:
    path = str(folder / "mix.zip" / "in" / "a.jpg")
    with pytest.raises(imgpar.NoFileError, match=r"inside of .*mix\.zip, which is a file"):
        list(session.arrays(PIPE, [("key", path) if keyed else path]))


def test_an_archive_with_a_key_says_that_it_is_one(session: imgpar.Session, folder: Path) -> None:
    ((item, _),) = session.arrays(PIPE, {"key": folder / "mix.zip"}, errors="yield")
    assert str(item.error) == "It is an archive, and a key is that of one picture. Name it without a key."


@pytest.mark.parametrize("call", OF_PICTURES.values(), ids=OF_PICTURES)
def test_a_clip_is_no_picture(folder: Path, call: Any) -> None:
    with pytest.raises(imgpar.UnsupportedError) as caught:
        call(str(folder / "clip.mp4"))
    assert "clip.mp4: It is a clip (MPEG-4), not a picture. In Python" in str(caught.value)


def test_a_clip_is_an_error_of_the_same_class_in_workers(session: imgpar.Session, folder: Path) -> None:
    ((item, _),) = PIPE.encode_all([folder / "clip.mp4"], to="png", session=session, errors="yield")
    assert isinstance(item.error, imgpar.UnsupportedError)


@pytest.mark.parametrize(("name", "told"), [("clip.mp4", False), ("misnamed.jpg", True)])
def test_a_clip_is_told_its_suffix_where_it_has_another(folder: Path, name: str, told: bool) -> None:
    with pytest.raises(imgpar.UnsupportedError) as caught:
        PIPE.encode(folder / name, to="png")
    assert ("suffix of a clip" in caught.value.fix) == told


def test_a_picture_is_no_clip(folder: Path) -> None:
    with pytest.raises(imgpar.UnsupportedError, match=r"It is a picture \(JPEG\), not a clip"):
        list(imgpar.frames(folder / "a.jpg"))


def test_the_audio_of_a_writer_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoFileError, match=r"none\.wav: It does not exist"):
        imgpar.VideoWriter(tmp_path / "a.mp4", audio=tmp_path / "none.wav")
