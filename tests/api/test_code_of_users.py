"""Sources and sinks of users that raise: the sentence and the traceback of the item."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

import imgpar


@pytest.fixture(scope="module")
def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6)).save(file, "png")
    return file.getvalue()


class Broken(imgpar.MemorySource):
    """Its items cannot be opened."""

    def open(self, item: Any) -> bytes:
        raise LookupError("no such row")


class BrokenAndForeign:
    """The same, without inheriting anything."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._memory = imgpar.MemorySource(files)
        self.root, self.waits = self._memory.root, False
        self.batches = self._memory.batches

    def open(self, item: Any) -> bytes:
        raise LookupError("no such row")


class Slow(Broken):
    """The same, read by threads of this process."""

    waits = True


class Full(imgpar.MemorySink):
    """Takes nothing."""

    def publish(self, path: str, file: str, made: Any, /) -> None:
        raise LookupError("no such table")


@pytest.mark.parametrize("kind", [Broken, BrokenAndForeign, Slow])
def test_a_source_that_raises_is_named_with_its_lines(picture: bytes, kind: Any) -> None:
    report = imgpar.convert(kind({"a.png": picture}), imgpar.MemorySink(), to="jpg", jobs=1)
    (outcome,) = report.items
    assert (outcome.kind, outcome.error) == (
        "SourceError",
        f"{kind.__name__}.open raised LookupError: no such row. See its traceback.",
    )
    assert 'raise LookupError("no such row")' in outcome.traceback
    assert "While processing memory://inputs/a.png" in outcome.traceback


def test_a_sink_that_raises_is_shown_with_its_lines(picture: bytes) -> None:
    report = imgpar.convert(imgpar.MemorySource({"a.png": picture}), Full(), to="jpg", jobs=1)
    (outcome,) = report.items
    assert outcome.kind == "CommitError"
    assert 'raise LookupError("no such table")' in outcome.traceback
    assert "While processing memory://inputs/a.png" in outcome.traceback


def broken(array: Any) -> Any:
    raise LookupError("no such colour")


BROKEN = imgpar.Pipeline().apply(broken)
CALLS: dict[str, Callable[[imgpar.Session, bytes], object]] = {
    "arrays": lambda session, data: list(session.arrays(BROKEN, [data])),
    "batches": lambda session, data: list(session.batches(BROKEN, [data])),
    "encode_all": lambda session, data: list(BROKEN.encode_all([data], to="png", session=session)),
    "encode": lambda _, data: BROKEN.encode(data, timeout=60),
    "in this process": lambda _, data: list(BROKEN.arrays([data], jobs=0)),
}


@pytest.fixture(scope="module")
def session() -> Any:
    with imgpar.Session(jobs=1, memory="64M") as made:
        yield made


@pytest.mark.parametrize("name", CALLS)
def test_an_error_of_a_worker_has_the_lines_of_the_function(
    session: imgpar.Session, picture: bytes, name: str
) -> None:
    with pytest.raises(imgpar.TransformError) as caught:
        CALLS[name](session, picture)
    assert 'raise LookupError("no such colour")' in caught.value.traceback


def test_python_prints_the_lines_below_the_error(session: imgpar.Session, picture: bytes) -> None:
    with pytest.raises(imgpar.TransformError) as caught:
        list(session.arrays(BROKEN, [picture]))
    assert caught.value.__notes__ == [f"In a worker:\n{caught.value.traceback}"]


def test_an_error_that_is_yielded_has_the_lines(session: imgpar.Session, picture: bytes) -> None:
    ((item, _),) = session.arrays(BROKEN, [picture], errors="yield")
    assert 'raise LookupError("no such colour")' in item.error.traceback  # type: ignore[union-attr]


def test_the_lines_stay_with_an_error_that_is_pickled(session: imgpar.Session, picture: bytes) -> None:
    ((item, _),) = session.arrays(BROKEN, [picture], errors="yield")
    assert pickle.loads(pickle.dumps(item.error)).traceback == item.error.traceback  # type: ignore[union-attr]


def test_the_lines_of_a_source_are_in_the_error(session: imgpar.Session, picture: bytes) -> None:
    with pytest.raises(imgpar.SourceError) as caught:
        list(session.arrays(imgpar.Pipeline(), Broken({"a.png": picture})))
    assert 'raise LookupError("no such row")' in caught.value.traceback


def test_the_lines_of_setup_are_in_the_error(session: imgpar.Session, picture: bytes) -> None:
    class Model:
        def setup(self) -> None:
            raise LookupError("no weights")

        def __call__(self, array: Any) -> Any:
            return array

    with pytest.raises(imgpar.RunError) as caught:
        list(session.arrays(imgpar.Pipeline().apply(Model()), [picture]))
    assert 'raise LookupError("no weights")' in caught.value.traceback
