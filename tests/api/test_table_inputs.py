"""Columns of tables as inputs, and encoded pictures as a column."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing

SMALL = imgpar.Pipeline().resize("4x4", fit="fill")


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    folder = testing.write_pictures(tmp_path_factory.mktemp("table"), ["0.png", "1.png"], size=(8, 8))
    return {"id": ["x", "y"], "image": [(folder / name).read_bytes() for name in ("0.png", "1.png")]}


class Exported:
    """A table that only exports Arrow."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self._table = pytest.importorskip("pyarrow").table(columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


KINDS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "mapping": dict,
    "pandas": lambda columns: pytest.importorskip("pandas").DataFrame(columns),
    "polars": lambda columns: pytest.importorskip("polars").DataFrame(columns),
    "pyarrow": lambda columns: pytest.importorskip("pyarrow").table(columns),
    "stream": Exported,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_is_contents_with_keys(columns: dict[str, list[Any]], kind: str) -> None:
    table = KINDS[kind](columns)
    assert imgpar.read_table(table, "image", key="id") == list(
        zip(columns["id"], columns["image"], strict=True)
    )


def test_without_keys_rows_are_numbered(columns: dict[str, list[Any]]) -> None:
    assert [key for key, _ in imgpar.read_table(columns, "image")] == [0, 1]


def test_a_row_may_be_a_struct_of_bytes_or_path() -> None:
    rows = [{"bytes": b"content", "path": "a.jpg"}, {"bytes": None, "path": "b.jpg"}]
    assert imgpar.read_table({"image": rows}, "image") == [(0, b"content"), (1, "b.jpg")]


def test_arrays_of_a_table_have_its_keys(columns: dict[str, list[Any]]) -> None:
    given = imgpar.read_table(columns, "image", key="id")
    with imgpar.Session(jobs=1, memory="32M") as session:
        found = {item.key: array for item, array in session.arrays(imgpar.Pipeline(), given)}
    assert np.array_equal(found["y"], testing.pattern(8, 8, 1))


LABELS = {"label": ["cat", "dog"], "size": [1, None], "thumb": [b"1", b"2"]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_columns_come_along_as_texts(columns: dict[str, list[Any]], kind: str) -> None:
    given = imgpar.read_table(
        KINDS[kind](columns | {"label": ["cat", "dog"], "thumb": [b"1", b"2"]}), "image", key="id"
    )
    assert [row.columns for row in given] == [{"label": "cat"}, {"label": "dog"}]


def test_arrays_have_the_columns_of_their_rows(columns: dict[str, list[Any]]) -> None:
    given = imgpar.read_table(columns | LABELS, "image", key="id")
    found = [item.columns for item, _ in imgpar.Pipeline().arrays(given, jobs=0)]
    assert found == [{"label": "cat", "size": "1"}, {"label": "dog", "size": ""}]


def test_arrays_of_paths_have_the_columns_of_their_rows(tmp_path: Path) -> None:
    testing.write_pictures(tmp_path, ["a.png"], size=(8, 8))
    given = imgpar.read_table({"path": [str(tmp_path / "a.png")], "label": [3]}, "path")
    found = [item.columns for item, _ in imgpar.Pipeline().arrays(given, jobs=0)]
    assert found == [{"label": "3"}]


@pytest.mark.parametrize("content", [True, False])
def test_a_run_reports_the_columns(columns: dict[str, list[Any]], tmp_path: Path, content: bool) -> None:
    (tmp_path / "a.png").write_bytes(columns["image"][0])
    table = {"image": [columns["image"][0] if content else str(tmp_path / "a.png")], "label": ["cat"]}
    report = imgpar.convert(imgpar.read_table(table, "image"), tmp_path / "out", jobs=0)
    assert dict(report.items[0].columns) == {"label": "cat"}


def test_a_row_is_pickled_with_its_columns() -> None:
    row = imgpar.read_table({"path": ["a.png"], "label": [3]}, "path")[0]
    assert pickle.loads(pickle.dumps(row)).columns == {"label": "3"}


def test_encoded_pictures_are_a_column_again(columns: dict[str, list[Any]]) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(columns)
    made = frame.with_columns(small=polars.Series([SMALL.encode(data, to="webp") for data in frame["image"]]))
    assert [imgpar.Pipeline().array(data).shape for data in made["small"]] == [(4, 4, 3)] * 2


def test_a_missing_column_is_named(columns: dict[str, list[Any]]) -> None:
    with pytest.raises(imgpar.BadValueError, match=r"one of id, image for the column.*Did you mean 'image'"):
        imgpar.read_table(columns, "imag")


def test_an_empty_row_is_refused() -> None:
    with pytest.raises(imgpar.BadValueError, match="row 1 of image"):
        imgpar.read_table({"image": [b"x", None]}, "image")


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(imgpar.BadValueError, match="a table of pandas"):
        imgpar.read_table(7, "image")
