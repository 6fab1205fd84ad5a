"""`imgpar.read_table`: a column of a table as inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from itertools import chain, islice, repeat
from numbers import Number
from typing import Any

from imgpar.core.error_messages import bad_value
from imgpar.core.errors import MissingExtraError
from imgpar.inputs.handed import TableRow
from imgpar.inputs.tables import column_text

_PLAIN = (str, Number, Decimal, date, time, list, dict, type(None))
"""What is kept of a row as a text."""


def read_table(table: Any, column: str, *, key: str | None = None) -> list[TableRow]:
    """A column of pictures as inputs with keys, for `arrays`, `batches` and `run`.

    >>> rows = read_table({"id": [7, 8], "image": ["a.jpg", "b.jpg"], "label": [0, 1]}, "image", key="id")
    >>> rows, rows[1].columns
    ([(7, 'a.jpg'), (8, 'b.jpg')], {'label': '1'})

    Args:
        table: of pandas, polars or pyarrow, or a mapping of names to columns; or anything else that exports
            Arrow (`__arrow_c_stream__`), such as a relation of DuckDB, with pyarrow.
        column: name of the column, of contents of files or paths. A row of `datasets` by Hugging Face
            (`{"bytes": …, "path": …}`) is either.
        key: name of the column of keys; None takes the numbers of the rows, from 0.

    Returns:
        A pair of a key and a content or path for each row, with the texts of its other columns, such as
        labels, in `columns`: they come back in `ArrayItem.columns` and `Outcome.columns`. Columns of contents
        and arrays are left out. The contents are those of the table, without a copy where it gives bytes.

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
    others = {
        name: texts for name in _names(table) if name not in (column, key) and (texts := _texts(table, name))
    }
    columns = (dict(zip(others, texts, strict=True)) for texts in zip(*others.values(), strict=True))
    rows = zip(keys, values, columns if others else repeat({}, len(values)), strict=True)
    return [TableRow(*row) for row in rows]


def _names(table: Any) -> list[str]:
    """The names of all columns."""
    return [str(name) for name in getattr(table, "column_names", None) or getattr(table, "columns", table)]


def _texts(table: Any, name: str) -> list[str]:
    """The values of a column as texts; empty where they are contents, arrays or the like."""
    values = _column(table, name)
    first = list(islice(values, 1))
    while first and first[-1] is None and (more := list(islice(values, 1))):
        first += more
    if not first or not isinstance(first[-1], _PLAIN):
        return []
    return [column_text(value) for value in chain(first, values)]


def _column(table: Any, name: str) -> Iterator[Any]:
    """The values of a column, as Python has them."""
    try:
        values = table[name]
    except Exception as error:  # each library has its own
        names = _names(table)
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
