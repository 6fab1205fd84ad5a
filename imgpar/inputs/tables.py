"""Lists of inputs as rows: text, CSV, JSON lines and Parquet, read in pieces.

A row has the address or path of an input, perhaps a key, and other columns for the report. A row that cannot
be read is a row with an error; only a file that is no list at all raises.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import IO, Any, NamedTuple

from imgpar.core.addresses import is_address, last_part, without_secrets
from imgpar.core.errors import MissingExtraError, UsageError, library_words
from imgpar.core.install_hint import pip

ADDRESSES = ("url", "image_url", "src", "image", "href", "link", "uri", "path", "file", "filename")
"""Names of the column with the address, in any case; the first that a table has is taken."""

_CHUNK = 1 << 16
_BOM = b"\xef\xbb\xbf"
_TOGETHER = 4096
"""Rows of a Parquet file that are in memory at a time."""
_SHOWN = 12
"""Columns that an error lists."""
_LARGEST = 16 << 20
"""Characters of one field, or of one line of JSON."""
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, OSError)


class ListRow(NamedTuple):
    """One row of a list."""

    address: str
    """Of the input, or its path; empty where the row has none."""
    number: int = 0
    """Of the row as it is counted in its file, from 1; the header of a table is row 1."""
    key: str = ""
    """What the input is called, where the list says so."""
    columns: tuple[tuple[str, str], ...] = ()
    """Name and value of the other columns."""
    error: str = ""
    """Why the row cannot be read."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table hold what; empty is the default, and no key."""

    address: str = ""
    key: str = ""
    others: tuple[str, ...] = ()
    """Further ones that must be there."""

    def found_in(self, names: Sequence[str], where: str) -> tuple[str, str]:
        """The names of the columns with the address and with the key, which may be empty.

        Raises:
            UsageError: there is no such column.
        """
        folded = {name.strip().lower(): name for name in reversed(names)}
        if not self.address:
            address = next((folded[name] for name in ADDRESSES if name in folded), "")
        else:
            address = self.address if self.address in names else ""
        if not address:
            which = f"no column {self.address!r}" if self.address else "no column for the address"
            if any(map(is_address, names)):
                fix = "Write the names of the columns into the first row."
            else:
                fix = "Name the column with --url-column (url_column=)."
            raise UsageError(f"{where} has {which}; its columns are {_listed(names)}.", fix=fix)
        needed = {self.key: "Name another one with --key-column (key_column=)."} if self.key else {}
        needed |= dict.fromkeys(self.others, "Name another one.")
        for name, fix in needed.items():
            if name not in names:
                words = f"{where} has no column {name!r}; its columns are {_listed(names)}."
                raise UsageError(words, fix=fix)
        return address, self.key


def table_suffix(path: str) -> str:
    """The suffix by which a file is a table, such as `csv` or `jsonl.gz`; empty for a list in plain text.

    >>> table_suffix("urls.CSV"), table_suffix("https://host/urls.jsonl.gz?day=1"), table_suffix("urls.txt")
    ('csv', 'jsonl.gz', '')
    """
    name = last_part(path) if is_address(path) else os.path.basename(path)
    parts = name.lower().split(".")
    kind = parts[-2] if parts[-1] == "gz" and len(parts) > 2 else parts[-1]
    known = len(parts) > 1 and (kind in _READERS or parts[-1] == "parquet")
    return (f"{kind}.gz" if parts[-1] == "gz" else kind) if known else ""


def read_rows(stream: IO[bytes], name: str, columns: Columns, *, nul: bool = False) -> Iterator[ListRow]:
    """The rows of a list, in order; the stream is closed at the end.

    Args:
        stream: binary; for Parquet it can be positioned.
        name: of the file, whose suffix tells the kind of list.
        columns: which ones hold what.
        nul: whether names in a text are separated by NUL.

    Raises:
        UsageError: it is no list of this kind, or lacks a column; the file ends within a compressed block.
        MissingExtraError: reading it needs a package.
    """
    suffix, shown = table_suffix(name), without_secrets(name)
    if not suffix and columns != Columns():
        raise UsageError(f"{shown} is a list in plain text, which has no columns.", fix="Name a .csv file.")
    with closing(stream):
        if not suffix:
            yield from (ListRow(line, at) for at, line in enumerate(read_list(stream, nul=nul), 1))
        elif suffix == "parquet":
            yield from _parquet_rows(stream, columns, shown)
        else:
            plain: Any = gzip.GzipFile(fileobj=stream) if suffix.endswith(".gz") else stream
            with _whole(shown):
                yield from _READERS[suffix.removesuffix(".gz")](plain, columns, shown)


def read_list(stream: IO[bytes], *, nul: bool = False) -> Iterator[str]:
    """Names from a binary stream, one per line or separated by NUL; empty ones are skipped.

    >>> list(read_list(io.BytesIO(b"a.jpg\\n\\nb c.jpg")))
    ['a.jpg', 'b c.jpg']
    """
    end = b"\0" if nul else b"\n"
    rest = stream.read(_CHUNK)
    if not nul:
        rest = rest.removeprefix(_BOM)
    while True:
        *whole, rest = rest.split(end)
        for name in whole:
            yield from _decoded(name, nul=nul)
        more = stream.read(_CHUNK)
        if not more:
            break
        rest += more
    yield from _decoded(rest, nul=nul)


def _decoded(name: bytes, *, nul: bool) -> Iterator[str]:
    if not nul:
        name = name.removesuffix(b"\r")
    if name:
        yield os.fsdecode(name)


# ----- kinds of tables -------------------------------------------------------------------------------


def _csv_rows(stream: IO[bytes], columns: Columns, where: str, delimiter: str = "") -> Iterator[ListRow]:
    """Rows of comma-separated values; the header is row 1, and lines within quotes count as one row."""
    limit = csv.field_size_limit(_LARGEST)
    try:
        with io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text:
            first = text.readline(_LARGEST)
            delimiter = delimiter or max(",;\t", key=first.count)
            records = _records(csv.reader(chain([first], text), delimiter=delimiter, strict=True))
            names = next(records, [])
            if isinstance(names, str):
                raise UsageError(f"The header of {where} cannot be read. {names}")
            address, key = columns.found_in(names, where)
            for number, cells in enumerate(records, 2):
                if isinstance(cells, str):
                    yield ListRow("", number, error=cells)
                elif len(cells) == len(names):
                    yield _row(dict(zip(names, cells, strict=True)), address, key, number)
                elif cells:  # an empty line is no row
                    why = f"The row has {len(cells)} fields, and the header has {len(names)}."
                    yield ListRow("", number, error=why)
    finally:
        csv.field_size_limit(limit)


def _records(reader: Iterator[list[str]]) -> Iterator[list[str] | str]:
    """The fields of each row; or why it cannot be read."""
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield f"The row is no valid CSV: {error}."
        else:
            if cells is None:
                return
            yield cells


def _tsv_rows(stream: IO[bytes], columns: Columns, where: str) -> Iterator[ListRow]:
    return _csv_rows(stream, columns, where, "\t")


def _json_rows(stream: IO[bytes], columns: Columns, where: str) -> Iterator[ListRow]:
    """Rows of JSON lines. The first object tells which column has the address."""
    found: tuple[str, str] | None = None
    number = 0
    while line := stream.readline(_LARGEST):
        number += 1
        line = line.removeprefix(_BOM) if number == 1 else line
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            yield ListRow("", number, error="The line is no JSON object.")
            continue
        if found is None:
            found = replace(columns, others=()).found_in(list(values), where)  # a value may be missing
        yield _row({name: column_text(value) for name, value in values.items()}, *found, number)


def _parquet_rows(stream: IO[bytes], columns: Columns, where: str) -> Iterator[ListRow]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(
            "Reading Parquet files needs the package pyarrow.", fix=f"Install it: {pip('pyarrow>=17')}"
        ) from None
    try:
        file = parquet.ParquetFile(stream)
        kinds = {field.name: field.type for field in file.schema_arrow}
        address, key = columns.found_in(list(kinds), where)
        names = [name for name, kind in kinds.items() if not _is_binary(kind) or name in (address, key)]
        number = 0
        for batch in file.iter_batches(batch_size=_TOGETHER, columns=names):
            for values in batch.to_pylist():
                number += 1
                yield _row({name: column_text(value) for name, value in values.items()}, address, key, number)
    except (pyarrow.ArrowException, OSError) as error:
        first = without_secrets(str(error).partition("\n")[0]).rstrip(".")
        raise UsageError(f"{where} cannot be read as a Parquet file: {first}.") from None


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


_READERS: Mapping[str, Callable[[IO[bytes], Columns, str], Iterator[ListRow]]] = {
    "csv": _csv_rows,
    "tsv": _tsv_rows,
    "jsonl": _json_rows,
    "ndjson": _json_rows,
}
"""Readers by suffix; Parquet is read apart, because it is not read from front to end."""


def _row(values: Mapping[str, str], address: str, key: str, number: int) -> ListRow:
    """One row of named values; what is no text cannot be an address."""
    where, name = values.get(address, "").strip(), values.get(key, "").strip() if key else ""
    error = ""
    if not where:
        error = f"The row has no {address}."
    elif key and not name:
        error = f"The row has no {key}, which is its key."
    elif not is_text("".join(values.values())):
        error = "The row is not UTF-8."
    elif "\0" in where:
        error = "Its address contains a NUL character."
    # The key replaces the address as a name, so the report has the address as a column.
    left_out = {key} if key else {address}
    columns = tuple(
        (_clean(column), _clean(value)) for column, value in values.items() if column not in left_out
    )
    return ListRow(where, number, name, columns, error)


def _clean(text: str) -> str:
    """A text for the report: without secrets, and without bytes that are no UTF-8."""
    return without_secrets(text).encode(errors="replace").decode()


def is_text(text: str) -> bool:
    """Whether a text has no bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def column_text(value: object) -> str:
    """A value of a column as text; what is nested is JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _listed(names: Iterable[str]) -> str:
    every = [repr(without_secrets(name)) for name in names]
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


@contextlib.contextmanager
def _whole(where: str) -> Iterator[None]:
    """A file that is read to its end: where that is not possible, nothing of it is used."""
    try:
        yield
    except _DAMAGED as error:
        raise UsageError(f"{where} cannot be read to its end: {library_words(error)}.") from None
