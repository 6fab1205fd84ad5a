"""Inputs from a list (`--files-from`): any number of lines in little memory."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import IO

from imgpar.core.filenames import fold, short_hash
from imgpar.core.job import Item
from imgpar.inputs.batches import Batch, Entries, Row, named_item
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import absolute

_CHUNK = 1 << 16
_BOM = b"\xef\xbb\xbf"
_TABLES = """
CREATE TABLE place(id INTEGER PRIMARY KEY, folder BLOB UNIQUE, mirror BLOB, fold BLOB);
CREATE TABLE entry(id INTEGER PRIMARY KEY, place INTEGER, name BLOB, UNIQUE(place, name));
"""


def read_list(stream: IO[bytes], *, nul: bool = False) -> Iterator[str]:
    """Names from a binary stream, one per line or separated by NUL; empty ones are skipped.

    >>> import io
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


def scan_list(names: Iterable[str], patterns: Patterns | None = None) -> Iterator[Batch]:
    """Items for a list of files, grouped by folder in order of appearance.

    Names are relative to the current folder and keep their path below it. A file outside of it keeps its
    whole path: `/mnt/a/b.jpg` becomes `mnt/a/b.jpg`. A listed file is always read, once; a folder in the list
    is a failed item. The list is sorted on disk, so its length is not limited by memory. `patterns` apply to
    the path below the current folder.
    """
    here = os.path.realpath(os.curdir)
    # An empty name creates a private database in a temporary file.
    with closing(sqlite3.connect("", isolation_level=None)) as spool:
        spool.executescript(_TABLES + "BEGIN;")
        for name in names:
            folder, base = os.path.split(absolute(name))
            place = _place(spool, folder, here)
            spool.execute(
                "INSERT OR IGNORE INTO entry(place, name) VALUES (?, ?)", (place, os.fsencode(base))
            )
        _place.cache_clear()
        clashing = {
            row[0] for row in spool.execute("SELECT fold FROM place GROUP BY fold HAVING count(*) > 1")
        }
        rows = spool.execute(
            "SELECT place, name, folder, mirror, fold "
            "FROM entry JOIN place ON place.id = place ORDER BY place, entry.id"
        )
        for _, group in groupby(rows, key=itemgetter(0)):
            yield _batch(group, clashing, patterns)


@lru_cache(maxsize=1024)
def _place(spool: sqlite3.Connection, folder: str, here: str) -> int:
    """The number of a folder, the same for all names that links give it."""
    real = os.path.realpath(folder)
    mirror = mirror_of(real, here)
    spool.execute(
        "INSERT OR IGNORE INTO place(folder, mirror, fold) VALUES (?, ?, ?)",
        (os.fsencode(real), os.fsencode(mirror), os.fsencode(fold(mirror))),
    )
    row = spool.execute("SELECT id FROM place WHERE folder = ?", (os.fsencode(real),)).fetchone()
    return int(row[0])


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


def _batch(
    group: Iterable[tuple[int, bytes, bytes, bytes, bytes]], clashing: set[bytes], patterns: Patterns | None
) -> Batch:
    """The items of one folder. Folders that would share a mirror path all get a hash."""
    failed: list[Item] = []
    formats: dict[str, str] = {}
    rows: list[Row] = []
    folder = mirror = ""
    excluded = 0
    for _, raw_name, raw_folder, raw_mirror, key in group:
        name, folder, mirror = os.fsdecode(raw_name), os.fsdecode(raw_folder), os.fsdecode(raw_mirror)
        if patterns and not patterns.takes(f"{mirror}/{name}" if mirror else name):
            excluded += 1
            continue
        if key in clashing:
            mirror = f"{mirror}-{short_hash(folder)}".lstrip("-")
        item = named_item(os.path.join(folder, name), f"{mirror}/{name}" if mirror else name)
        if item.error:
            failed.append(item)
            continue
        rows.append((name, item.size, item.mtime_ns, item.inode, item.ctime_ns))
        if item.format:
            formats[name] = item.format
    entries = Entries.of(folder, mirror, rows, formats)
    return Batch(folder, mirror, [*entries, *failed] if failed else entries, excluded=excluded)


def _decoded(name: bytes, *, nul: bool) -> Iterator[str]:
    if not nul:
        name = name.removesuffix(b"\r")
    if name:
        yield os.fsdecode(name)
