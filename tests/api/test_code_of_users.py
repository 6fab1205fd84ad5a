"""Sources and sinks of users that raise: the sentence and the traceback of the item."""

from __future__ import annotations

import io
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
        f"{kind.__name__}.open raised LookupError: no such row. Its traceback is in the report.",
    )
    assert 'raise LookupError("no such row")' in outcome.traceback
    assert "While processing memory://inputs/a.png" in outcome.traceback


def test_a_sink_that_raises_is_shown_with_its_lines(picture: bytes) -> None:
    report = imgpar.convert(imgpar.MemorySource({"a.png": picture}), Full(), to="jpg", jobs=1)
    (outcome,) = report.items
    assert outcome.kind == "CommitError"
    assert 'raise LookupError("no such table")' in outcome.traceback
    assert "While processing memory://inputs/a.png" in outcome.traceback
