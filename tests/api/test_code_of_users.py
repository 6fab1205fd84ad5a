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


class Full(imgpar.MemorySink):
    """Takes nothing."""

    def publish(self, path: str, file: str, made: Any, /) -> None:
        raise LookupError("no such table")


def test_a_source_that_raises_is_named_with_its_lines(picture: bytes) -> None:
    report = imgpar.convert(Broken({"a.png": picture}), imgpar.MemorySink(), to="jpg", jobs=1)
    (outcome,) = report.items
    assert (outcome.kind, outcome.error) == (
        "SourceError",
        "Broken.open raised LookupError: no such row. Its traceback is in the report.",
    )
    assert 'raise LookupError("no such row")' in outcome.traceback
    assert "While processing memory://inputs/a.png" in outcome.traceback


def test_a_sink_that_raises_is_shown_with_its_lines(picture: bytes) -> None:
    report = imgpar.convert(imgpar.MemorySource({"a.png": picture}), Full(), to="jpg", jobs=1)
    (outcome,) = report.items
    assert outcome.kind == "CommitError"
    assert 'raise LookupError("no such table")' in outcome.traceback
    assert "While processing memory://inputs/a.png" in outcome.traceback
