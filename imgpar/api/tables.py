"""`imgpar.read_table`: a column of a table as inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from imgpar.core.errors import MissingExtraError, bad_value


def read_table(table: Any, column: str, *, key: str | None = None) -> list[tuple[Any, Any]]:
    """A column of pictures as inputs with keys, for `arrays`, `batches` and `run`.

    >>> read_table({"id": [7, 8], "image": [b"P5 1 1 255 x", "b.jpg"]}, "image", key="id")
    [(7, b'P5 1 1 255 x'), (8, 'b.jpg')]

    Args:
        table: of pandas, polars or pyarrow, or a mapping of names to columns; or anything else that exports
            Arrow (`__arrow_c_stream__`), such as a relation of DuckDB, with pyarrow.
        column: name of the column, of contents of files or paths. A row of `datasets` by Hugging Face
            (`{"bytes": …, "path": …}`) is either.
        key: name of the column of keys; None takes the numbers of the rows, from 0.

    Returns:
        A key and a content or path for each row. The contents are those of the table, without a copy where
        it gives bytes.

    Raises:
        BadValueError: there is no such column, or a row is empty.
        MissingExtraError: the table needs pyarrow.
    """
    if not hasattr(table, "__getitem__"):
        table = _of_arrow(table)
    values = list(map(_content, _column(table, column)))
    for row, value in enumerate(values):
        if value is None:
            raise bad_value(f"row {row} of {column}", "a content or a path", value)
    keys: Iterable[Any] = range(len(values)) if key is None else _column(table, key)
    return list(zip(keys, values, strict=True))


def _column(table: Any, name: str) -> Iterator[Any]:
    """The values of a column, as Python has them."""
    try:
        values = table[name]
    except Exception as error:  # each library has its own
        names = [
            str(each) for each in getattr(table, "column_names", None) or getattr(table, "columns", table)
        ]
        raise bad_value("the column", f"one of {', '.join(names)}", name, names) from error
    for value in values:
        yield value.as_py() if hasattr(value, "as_py") else value


def _content(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("bytes") or value.get("path")
    return value


def _of_arrow(table: Any) -> Any:
    if not hasattr(table, "__arrow_c_stream__"):
        raise bad_value("the table", "a table of pandas, polars or Arrow, or a mapping", table)
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError(
            "This table needs pyarrow.", fix="Install it: pip install 'imgpar[parquet]'"
        ) from error
    return pyarrow.table(table)
