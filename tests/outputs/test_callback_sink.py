"""A function as OUT: what it gets, and what an exception in it does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.testing import write_pictures

PIPE = imgpar.Pipeline().resize("16")


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    """Two workers."""
    with imgpar.Session(jobs=2, memory="64M") as workers:
        yield workers


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures in two folders."""
    return write_pictures(tmp_path_factory.mktemp("photos"), ["a.png", "b.png", "sub/a.png"], (32, 24))


@pytest.fixture(scope="module")
def made(photos, session) -> dict[str, imgpar.OutputData]:
    """All outputs of a run."""
    found = list[imgpar.OutputData]()
    PIPE.run(photos, found.append, to="webp", session=session)
    assert len(found) == 3
    return {output.name: output for output in found}


def test_it_gets_each_output_by_its_name(made):
    assert sorted(made) == ["a.webp", "b.webp", "sub/a.webp"]


def test_it_gets_source_format_and_size(made, photos):
    output = made["sub/a.webp"]
    assert (output.source, output.format, output.size) == (str(photos / "sub" / "a.png"), "webp", (16, 12))


def test_it_gets_the_bytes_of_a_file(made, photos, session, tmp_path):
    PIPE.run(photos, tmp_path, to="webp", session=session)
    assert made["a.webp"].data == (tmp_path / "a.webp").read_bytes()


def test_several_outputs_of_one_input(photos, session):
    found = list[str]()
    pipe = imgpar.Pipeline().output(to="jpg").output(to="webp", name="{stem}-small", resize="8")
    pipe.run(photos / "a.png", lambda output: found.append(output.name), session=session)
    assert sorted(found) == ["a-small.webp", "a.jpg"]


def test_every_run_makes_every_output(photos, session):
    found = list[str]()
    for _ in range(2):
        PIPE.run(photos / "a.png", lambda output: found.append(output.name), session=session)
    assert found == ["a.png", "a.png"]


def test_an_exception_fails_the_item_and_no_other(photos, session):
    def refuse(output: imgpar.OutputData) -> None:
        if output.name == "b.png":
            raise ZeroDivisionError("on purpose")

    report = PIPE.run(photos, refuse, session=session)
    (failed,) = report.failures
    assert (report.ok, Path(failed.source).name, failed.kind) == (2, "b.png", "CommitError")
    assert "ZeroDivisionError: on purpose" in failed.error


def test_it_may_stop_the_run(photos, session):
    token = imgpar.CancelToken()
    report = PIPE.run(photos, lambda _: token.cancel(), session=session, cancel=token)
    assert report.cancelled


def test_verify_compares_what_is_handed_over(photos, session):
    assert PIPE.run(photos, lambda _: None, session=session, verify=True).ok == 3


def test_a_dry_run_calls_nothing(photos):
    found = list[imgpar.OutputData]()
    plan = imgpar.dry_run(photos, found.append, to="webp")
    assert (plan.planned, found) == (3, [])


def test_convert_takes_a_function(photos, session):
    sizes = set[tuple[int, int]]()

    def see(output: imgpar.OutputData) -> None:
        sizes.add(np.asarray(Image.open(io.BytesIO(output.data))).shape[:2])

    imgpar.convert(photos, see, resize="8", session=session)
    assert sizes == {(6, 8)}


def test_what_keeps_no_outputs_cannot_be_verified():
    with pytest.raises(imgpar.UsageError, match="neither a path nor a sink"):
        imgpar.verify(print)  # type: ignore[arg-type]
