"""Inputs from a list (`--files-from`, a table, a stream): any number of rows in little memory.

    rows ─► paths      ─► spool on disk ─► a batch for each folder
         └► addresses  ─► spool on disk ─► batches of some thousand items (`addresses`)

The list is read to its end before the first batch, because names depend on all rows.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from imgpar.core import parsing
from imgpar.core.addresses import is_address, without_secrets
from imgpar.core.errors import ItemError, NoFileError, UsageError
from imgpar.core.filenames import fold, short_hash
from imgpar.core.job import Item
from imgpar.core.private_database import private_database
from imgpar.formats.registry import FORMATS, peek, sniff
from imgpar.inputs.addresses import (
    ARCHIVE,
    AddressSpool,
    check_opener,
    end_connections,
    fetch_listed,
    open_listed,
    places_of,
)
from imgpar.inputs.batches import Batch, Entries, columns_in, known_suffix, named_item, suffix_of
from imgpar.inputs.batches import Row as FileRow
from imgpar.inputs.fetching import Fetched, Ongoing
from imgpar.inputs.few_folders import FewFolders
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import absolute
from imgpar.inputs.schemes import is_archive
from imgpar.inputs.sources import NO_ACCESS, Access, Content, Source
from imgpar.inputs.tables import Columns, ListRow, read_list, read_rows

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["InputList", "read_list", "scan_list"]

_TABLES = """
PRAGMA cache_size = -16000;
CREATE TABLE place(id INTEGER PRIMARY KEY, folder BLOB UNIQUE, mirror BLOB, fold BLOB);
CREATE TABLE file(id INTEGER PRIMARY KEY, place INTEGER, name BLOB, columns TEXT, UNIQUE(place, name));
"""


class InputList(Source):
    """A list of inputs: addresses and paths, with keys and columns for the report where it is a table.

    A table is a CSV, TSV, JSON lines or Parquet file by its suffix (`.gz` too); any other file has a path or
    an address in each line. What is named by a path is a file.

    >>> listed = InputList(["https://host/a.jpg", "https://host/b.jpg"])
    >>> [item.mirror for batch in listed.batches("") for item in batch.items]
    ['a.jpg', 'b.jpg']

    Args:
        rows: the path of a list, `-` for standard input, an address of a list; or paths and addresses.
        url_column: the column with the address or path; None is the first of url, image_url, src, path ….
        key_column: the column with what each input is called, which must be its own; None is its address.
        null: whether names in a text are separated by NUL.
        access: what the options of a run say; a run with this list tells its own.

    Raises:
        UsageError: the list cannot be read, or lacks a column.
    """

    loose = True
    """Its items are inputs of their own: their outputs go to the top of OUT."""

    def __init__(
        self,
        rows: str | os.PathLike[str] | Iterable[str | ListRow],
        *,
        url_column: str | None = None,
        key_column: str | None = None,
        null: bool = False,
        access: Access = NO_ACCESS,
    ) -> None:
        self._access = access
        self._columns, self._null = Columns(url_column or "", key_column or ""), null
        named = isinstance(rows, (str, os.PathLike))
        self.path: str = parsing.named("rows", parsing.path, rows) if named else ""
        # What the options of the run say is not known yet, so an address is opened when it is read.
        self._stream = open_list(self.path) if self.path and not is_address(self.path) else None
        self._rows: Iterable[str | ListRow] = () if isinstance(rows, (str, os.PathLike)) else rows
        self.root = f"list://{without_secrets(self.path) if self.path else 'inputs-0'}"
        self.waits = True
        """Whether it has addresses; true until it has been read."""
        self.single = self._named = False
        self.folders = FewFolders()
        """Folders of the files in the list, once it has been read."""
        self._looks = False
        """Whether the first bytes of an address without a suffix are read."""

    @classmethod
    def of_addresses(cls, addresses: list[str], access: Access, number: int = 0) -> InputList:
        """Addresses that the user named one by one; `number` tells several such lists apart.

        Raises:
            UsageError: one of them cannot be opened.
        """
        for address in addresses:
            check_opener(address)
        made = cls(addresses, access=access)
        made.root, made._named = f"list://inputs-{number}", True
        made.single = len(addresses) == 1  # its output may be named, too
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return _for_worker, (self._access,)

    def use(self, access: Access) -> None:
        """As `Source.use`."""
        self._access = access

    def look_for(self, formats: Collection[str]) -> None:
        """Say which formats are wanted; empty keeps that of each input.

        Where that depends on what an address without a suffix is, its first bytes are read: where formats are
        kept, or are those of clips and sound. In a list for which pictures are wanted it is taken for a
        picture, which costs no request.
        """
        kinds = {FORMATS[name].kind for name in formats}
        self._looks = self._named or kinds != {"image"}

    @property
    def name(self) -> str:
        """What its rows are called that have no address."""
        if not self.path.strip("-"):
            return "row" if self.path else "input"
        return os.path.basename(without_secrets(self.path))

    @property
    def facts(self) -> dict[str, object] | None:
        """What `of_facts` needs to read the same list again; None where that is impossible."""
        if not self.path or self.path == "-" or is_address(self.path):
            return None
        columns = self._columns
        path = os.path.abspath(self.path)
        return {"path": path, "url": columns.address, "key": columns.key, "null": self._null}

    @classmethod
    def of_facts(cls, facts: dict[str, object]) -> InputList:
        """The list of an earlier run. Raises UsageError where it is no longer there."""
        url, key = (str(facts[name]) for name in ("url", "key"))
        return cls(str(facts["path"]), url_column=url, key_column=key, null=bool(facts["null"]))

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`: files first, in the folders of the current one, then addresses and keys."""
        with private_database() as spool:
            files = FileSpool(spool, mirror)
            addresses = AddressSpool(spool)
            for row in self.rows():
                if row.error or is_address(row.address):
                    addresses.add(row, self.name)
                elif row.key:
                    self.folders.add(os.path.dirname(absolute(row.address)))
                    addresses.add(row._replace(address=absolute(row.address)), self.name)
                else:
                    self.folders.add(os.path.dirname(absolute(row.address)))
                    files.add(row, addresses.take)
            self.waits, self.single = addresses.count != 0, self._named and addresses.count == 1
            _place.cache_clear()
            yield from files.batches(patterns)
            for number, items in enumerate(addresses.items()):
                yield self._batch(items, mirror, patterns, addresses.notes() if not number else ())

    def open(self, item: Item) -> Content:
        """As `Source.open`."""
        return open_listed(item.key or item.path, self._access.fetching)

    def fetch(self, item: Item, path: str, ongoing: Ongoing) -> Fetched:
        """As `Source.fetch`."""
        options = self._access.fetching
        return fetch_listed(item.key or item.path, path, options, item.validator, ongoing)

    def host_of(self, item: Item) -> str:
        """As `Source.host_of`; several users of one host share its limit."""
        return urlsplit(item.key or item.path).netloc.rpartition("@")[2].lower()

    def close(self) -> None:
        """As `Source.close`."""
        end_connections()

    def rows(self) -> Iterator[ListRow]:
        """All rows, in their order."""
        if self._stream is not None or self.path:
            stream, self._stream = self._stream or open_list(self.path, self._access), None
            columns = replace(self._columns, others=self._access.columns)
            try:
                yield from read_rows(stream, self.path, columns, nul=self._null)
            except ItemError as error:  # of a server, or of a package that is missing
                raise _unreadable(self.path, error) from None
            finally:
                stream.close()
        else:
            for number, row in enumerate(self._rows, 1):
                yield row if isinstance(row, ListRow) else ListRow(os.fspath(row), number)

    def _batch(
        self, items: list[Item], mirror: str, patterns: Patterns | None, notes: tuple[str, ...]
    ) -> Batch:
        taken = [item for item in items if not patterns or patterns.takes(places_of(item.path).long)]
        if self._looks:
            taken = self._looked_at(taken)
        every = tuple(
            item._replace(named=self._named, mirror=f"{mirror}/{item.mirror}" if mirror else item.mirror)
            for item in taken
        )
        return Batch("", mirror, every, excluded=len(items) - len(taken), notes=notes, part=True)

    def _looked_at(self, items: list[Item]) -> list[Item]:
        """The items, those without a known suffix with the format of their first bytes."""
        asked = [
            at for at, item in enumerate(items) if not (item.error or known_suffix(suffix_of(item.name)))
        ]
        if asked:
            from concurrent.futures import ThreadPoolExecutor  # few lists need it

            with ThreadPoolExecutor(self._access.fetching.per_host) as threads:
                found = threads.map(self._look, [items[at] for at in asked])
                for at, item in zip(asked, found, strict=True):
                    items[at] = item
        return items

    def _look(self, item: Item) -> Item:
        try:
            with open_listed(item.key or item.path, self._access.fetching) as file:
                shown = sniff(peek(file.read))
        except ItemError as error:
            return item._replace(error=str(error), kind=type(error).__name__)
        return item._replace(format=shown.name if shown else "")


def _for_worker(access: Access) -> InputList:
    """The list as workers have it, which open items by their keys."""
    return InputList((), access=access)


def open_list(path: str, access: Access = NO_ACCESS) -> IO[bytes]:
    """The list that the user named, a file, an address or `-`; raises UsageError."""
    if path == "-":
        return sys.stdin.buffer
    try:
        if is_address(path):
            return open_listed(path, access.fetching)
        return open(path, "rb")
    except (OSError, ItemError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError | ItemError) -> UsageError:
    words = str(error) if isinstance(error, ItemError) else f"{error.strerror or error}."
    return UsageError(f"The list of inputs {without_secrets(path)!r} cannot be read: {words}")


def scan_list(names: Iterable[str], patterns: Patterns | None = None) -> Iterator[Batch]:
    """Items for a list of files, grouped by folder in order of appearance; see `FileSpool`."""
    return InputList(names).batches("", patterns)


class FileSpool:
    """The rows of a list that are paths, on disk.

    Names are relative to the current folder and keep their path below it. A file outside of it keeps its
    whole path: `/mnt/a/b.jpg` becomes `mnt/a/b.jpg`. A listed file is always read, once; a folder in the list
    is a failed item.

    Args:
        database: private and empty.
        mirror: path below OUT of the list.
    """

    def __init__(self, database: Connection, mirror: str = "") -> None:
        self._database, self._mirror = database, mirror
        self._here = os.path.realpath(os.curdir)
        database.executescript(_TABLES)

    def add(self, row: ListRow, take: Callable[[str], None]) -> None:
        """Add one row; `take` is called with the path of its output, before its suffix is changed."""
        folder, base = os.path.split(absolute(row.address))
        place, mirror = _place(self._database, folder, self._here)
        self._database.execute(
            "INSERT OR IGNORE INTO file(place, name, columns) VALUES (?, ?, ?)",
            (place, os.fsencode(base), json.dumps(row.columns) if row.columns else None),
        )
        take(f"{mirror}/{base}" if mirror else base)

    def batches(self, patterns: Patterns | None = None) -> Iterator[Batch]:
        """A batch for each folder, in the order in which the folders appear."""
        twice = "SELECT fold FROM place GROUP BY fold HAVING count(*) > 1"
        clashing = {row[0] for row in self._database.execute(twice)}
        rows = self._database.execute(
            "SELECT place, name, columns, folder, mirror, fold "
            "FROM file JOIN place ON place.id = place ORDER BY place, file.id"
        )
        for _, group in groupby(rows, key=itemgetter(0)):
            yield self._batch(group, clashing, patterns)

    def _batch(
        self,
        group: Iterable[tuple[int, bytes, str | None, bytes, bytes, bytes]],
        clashing: set[bytes],
        patterns: Patterns | None,
    ) -> Batch:
        """The items of one folder. Folders that would share a mirror path all get a hash."""
        failed: list[Item] = []
        formats: dict[str, str] = {}
        columns: dict[str, str] = {}
        rows: list[FileRow] = []
        folder = mirror = ""
        excluded = 0
        for _, raw_name, more, raw_folder, raw_mirror, key in group:
            name, folder, mirror = os.fsdecode(raw_name), os.fsdecode(raw_folder), os.fsdecode(raw_mirror)
            if patterns and not patterns.takes(f"{mirror}/{name}" if mirror else name):
                excluded += 1
                continue
            if key in clashing:
                mirror = f"{mirror}-{short_hash(folder)}".lstrip("-")
            mirror = "/".join(part for part in (self._mirror, mirror) if part)
            item = named_item(os.path.join(folder, name), f"{mirror}/{name}" if mirror else name)
            if not (item.error or item.format) and is_archive(name):
                item = item._replace(error=ARCHIVE, kind=NoFileError.__name__)
            if item.error:
                failed.append(item._replace(columns=columns_in(more)))
                continue
            rows.append((name, item.size, item.mtime_ns, item.inode, item.ctime_ns))
            if item.format:
                formats[name] = item.format
            if more:
                columns[name] = more
        entries = Entries.of(folder, mirror, rows, formats, columns=columns)
        items = [*entries, *failed] if failed else entries
        return Batch(folder, mirror, items, excluded=excluded, files=True)


@lru_cache(maxsize=1024)
def _place(spool: Connection, folder: str, here: str) -> tuple[int, str]:
    """The number of a folder, the same for all names that links give it, and its path below OUT."""
    real = os.path.realpath(folder)
    mirror = mirror_of(real, here)
    spool.execute(
        "INSERT OR IGNORE INTO place(folder, mirror, fold) VALUES (?, ?, ?)",
        (os.fsencode(real), os.fsencode(mirror), os.fsencode(fold(mirror))),
    )
    row = spool.execute("SELECT id FROM place WHERE folder = ?", (os.fsencode(real),)).fetchone()
    return int(row[0]), mirror


def mirror_of(folder: str, here: str) -> str:
    """Path below OUT for files in `folder`; never absolute, never with `..`.

    >>> mirror_of("/home/me/a", "/home/me"), mirror_of("/mnt/a", "/home/me")
    ('a', 'mnt/a')
    """
    inside = os.path.join(here, "")
    if os.path.join(folder, "").startswith(inside):
        return folder[len(inside) :].replace(os.sep, "/")
    drive, rest = os.path.splitdrive(folder)
    whole = f"{drive}/{rest}".replace(os.sep, "/").replace(":", "")
    return "/".join(part for part in whole.split("/") if part not in ("", "?", ".")) or "root"
