"""Answers of workers are not trusted, and say which named pictures are animations."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from imgpar.batch.answers import Described, Explained
from imgpar.batch.describing import PictureInfo, describe_file
from imgpar.batch.facts import _info_of, _read, still_pictures
from imgpar.batch.run_options import RunOptions
from imgpar.core.job import Item, Job, Outcome
from imgpar.core.limits import Limits
from imgpar.runtime.records import JobState, Settled
from imgpar.runtime.serialization import pack

JOB = Job(0, (Item("/in/a.png", "a.png", 1, 1),))


def settled(facts: bytes) -> Settled:
    return Settled(JobState(JOB, 1, facts=facts), "ok")


@pytest.fixture
def info(tmp_path: Path) -> PictureInfo:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    found = describe_file(str(tmp_path / "a.png"), Limits())
    assert isinstance(found, PictureInfo)
    return found


@pytest.mark.parametrize("facts", [b"", b"\0", b"\0\xc1", pack((1, 2)), pack({"picture": 3})])
def test_an_answer_that_cannot_be_read_is_a_failed_input(facts: bytes) -> None:
    found = _read(settled(facts), Described)
    assert isinstance(found, Outcome)
    assert (found.status, found.source, found.kind) == ("failed", "/in/a.png", "TransformError")


def test_an_answer_is_the_same_on_both_sides(info: PictureInfo) -> None:
    assert _read(settled(pack(Described(info))), Described) == (JOB, Described(info))
    explained = Explained(((4, 3), (2, 1)), ("jpeg by its planes",))
    assert _read(settled(pack(explained)), Explained) == (JOB, explained)


def test_the_path_is_that_of_the_job(info: PictureInfo) -> None:
    found = _info_of(JOB, Described(info))
    assert isinstance(found, PictureInfo)
    assert (found.path, found.size) == ("/in/a.png", (8, 6))


def test_an_answer_without_properties_is_a_failed_input() -> None:
    found = _info_of(JOB, Described())
    assert isinstance(found, Outcome)
    assert found.status == "failed"


@pytest.mark.usefixtures("no_leaks")
def test_pictures_with_one_frame_are_told_from_animations(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 6), shade) for shade in (0, 99)]
    frames[0].save(tmp_path / "still.gif")
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:], duration=100)
    (tmp_path / "bad.gif").write_bytes(b"GIF89a")
    paths = [str(tmp_path / f"{name}.gif") for name in ("still", "moving", "bad")]
    assert still_pictures(paths, RunOptions(jobs=1)) == {paths[0]}
