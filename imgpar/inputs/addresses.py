"""The items of a list of addresses: what each is called, and where its output lies.

    https://user:word@Host/p/a%20b.jpg?size=2   the address, for the request only
    https://host/p/a%20b.jpg                    what the item is called, without secrets
    a b.jpg                                     its path below OUT, the first of these that is its own
    host/p/a b.jpg
    host/p/a b-1f3c9a2b.jpg

A name is a row's own where no other row has its stem: `a.png` and `a.jpg` become one `a.webp`. Rows lie in a
private database on disk, so a list may have any length.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from types import ModuleType
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from imgpar.core.addresses import STORES, is_address, is_valid, scheme_of, without_secrets
from imgpar.core.errors import NoFileError, SourceError, unknown_scheme
from imgpar.core.filenames import fold, legal, short_hash, split_suffix
from imgpar.core.job import LISTED, Item
from imgpar.inputs.batches import columns_in, known_suffix, suffix_of
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing
from imgpar.inputs.schemes import is_archive
from imgpar.inputs.tables import ListRow, is_text

if TYPE_CHECKING:
    from sqlite3 import Connection

ARCHIVE = "It is an archive, and a row of a list is one picture or clip. Name it as an input."
TOGETHER = 2000
"""Items of one batch."""


class Opener(NamedTuple):
    """A module, and its functions that open an address, write its content to a file, and end connections."""

    module: str
    open: str
    fetch: str
    close: str


_WEB = Opener("imgpar.inputs.http", "open_url", "fetch_url", "close_connections")
_STORE = Opener("imgpar.inputs.stores.opening", "open_stored", "fetch_stored", "close_stores")
OPENERS = {"http": _WEB, "https": _WEB} | dict.fromkeys(STORES, _STORE)
"""By scheme."""
_FILE = Opener("imgpar.inputs.keyed_files", "open_keyed", "fetch_keyed", "close_keyed")
"""Of paths, which are here because their rows have keys."""

_LONGEST = 200
"""Characters of the folders of one address; longer ones are a hash."""
_ILLEGAL = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]+')
_HOST = re.compile(r"[^/?#]*")
_PLAIN = re.compile(r"(?!con|prn|aux|nul|com|lpt)[a-z0-9_-](?:[a-z0-9_.-]{0,98}[a-z0-9_-])?", re.IGNORECASE)
_UNSAFE = re.compile(r"[\s\"'<>\\^`{}|\x00-\x1f\x7f]")
_MARK = re.compile(r"~[0-9a-f]{12}$")
"""What tells items apart whose addresses differ in their secrets only; no part of their names."""
_TABLES = """
PRAGMA cache_size = -16000;
CREATE TABLE entry(
    id INTEGER PRIMARY KEY, number INTEGER, address TEXT, name TEXT, short TEXT, keyed INTEGER, columns TEXT,
    error TEXT, same BLOB UNIQUE, stem BLOB, long BLOB, called BLOB);
CREATE TABLE taken(stem BLOB PRIMARY KEY) WITHOUT ROWID;
"""
_INSERT = """
INSERT OR IGNORE INTO entry(number, address, name, short, keyed, columns, error, same, stem, long, called)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INDEXES = """
CREATE INDEX stems ON entry(stem);
CREATE INDEX longs ON entry(long);
CREATE INDEX names ON entry(called);
"""
_READ = """
SELECT id, address, name, short, keyed, columns, error,
    EXISTS (SELECT 1 FROM entry AS o WHERE o.stem = entry.stem AND o.id <> entry.id)
        OR EXISTS (SELECT 1 FROM taken WHERE taken.stem = entry.stem),
    EXISTS (SELECT 1 FROM entry AS o WHERE o.long = entry.long AND o.id <> entry.id)
        OR EXISTS (SELECT 1 FROM taken WHERE taken.stem = entry.long),
    EXISTS (SELECT 1 FROM entry AS o WHERE o.called = entry.called AND o.id <> entry.id)
FROM entry WHERE id > ? ORDER BY id LIMIT ?
"""


class ListedPlaces(NamedTuple):
    """Paths below OUT for one item, of which the first that is free is used."""

    short: str
    long: str
    name: str
    """What the item is called."""

    @property
    def hashed(self) -> str:
        """The last of them."""
        folder, slash, last = self.long.rpartition("/")
        stem, suffix = split_suffix(last)
        return folder + slash + legal(f"{stem}-{short_hash(self.name)}", suffix, windows=True)


def called(address: str) -> str:
    """What the item of an address is called: the address without secrets, its scheme and host in lower case.

    >>> called("HTTPS://me:word@Host:80/a b.jpg?token=x")
    'https://host:80/a%20b.jpg'
    """
    return without_secrets(_normal(_UNSAFE.sub(lambda found: quote(found[0]), address)))


def _normal(address: str) -> str:
    """An address whose scheme and host are in lower case."""
    start, _, rest = address.partition("://")
    place = _HOST.match(rest)
    assert place is not None
    user, at, host = place[0].rpartition("@")
    return f"{start.lower()}://{user}{at}{host.lower()}{rest[place.end() :]}"


@lru_cache(maxsize=16)
def places_of(name: str) -> ListedPlaces:
    """The paths below OUT of an item that is called `name`; none leads outside.

    >>> short, long, _ = places = places_of("https://host/p/a%20b.jpg")
    >>> short, long, places.hashed
    ('a b.jpg', 'host/p/a b.jpg', 'host/p/a b-e7e6714c.jpg')
    >>> places_of("https://host/%2e%2e/..%2fb.jpg").long
    'host/_/_._b.jpg'
    >>> places_of("https://host/").short, places_of("https://host/p/").short, places_of("list://2024/7").long
    ('host', 'index', '2024/7')
    """
    rest = _MARK.sub("", name.partition("://")[2])
    if name.startswith(f"{LISTED}"):
        long = short = "/".join(_part(part) or "_" for part in unquote(rest).split("/"))
    else:
        first, *folders = rest.split("/")
        host, last = _part(unquote(first)) or "_", unquote(folders.pop()) if folders else ""
        short = _part(last) or ("index" if folders else host)
        above = [host, *(part for folder in folders if (part := _part(unquote(folder))))]
        if sum(map(len, above)) > _LONGEST:
            above = [host[:_LONGEST], short_hash("/".join(above))]
        long = "/".join([*above, short])
    return ListedPlaces(short, long, name)


def alternative(item: Item, level: int) -> tuple[str, int]:
    """The place below OUT of an item at a level of its name, and the level of its stem in that place: first
    the place that it has among all rows, then those that it may have had in an earlier run.

    >>> item = Item("https://host/p/a.jpg", "host/p/a.jpg", 0, 0, listed=True)
    >>> [alternative(item, level) for level in (0, 1, 4)]
    [('host/p/a.jpg', 0), ('a.jpg', 0), ('host/p/a.jpg', 4)]
    """
    if not level:
        return item.mirror, 0
    places, suffix = places_of(item.path), ""
    if item.path.startswith(f"{LISTED}") and known_suffix(suffix_of(item.name)):
        suffix = f".{suffix_of(item.name)}"
    every = places.short, places.long, places.hashed
    place, level = (every[level - 1], 0) if level <= len(every) else (places.long, level)
    return (place if place.lower().endswith(suffix.lower()) else place + suffix), level


def _part(text: str) -> str:
    """A part of a decoded path as the name of a file or folder on every system; empty where nothing is left.

    >>> _part("a/b?.jpg"), _part(".imgpar"), _part("nul.png"), _part(".."), _part(" ")
    ('a_b_.jpg', '_imgpar', '_nul.png', '_', '')
    """
    if _PLAIN.fullmatch(text):  # most of them
        return text
    text = _ILLEGAL.sub("_", text).strip()
    text = f"_{text[1:]}" if text.startswith(".") else text
    return legal(*split_suffix(text), windows=True)


def check_opener(address: str) -> None:
    """Raise UsageError where nothing opens an address with this scheme."""
    if scheme_of(address) not in OPENERS:
        raise unknown_scheme(address, OPENERS)


def open_listed(address: str, options: FetchOptions) -> IO[bytes]:
    """An open file with the content of an address. Raises SourceError."""
    module, opener = _opener(address)
    opened: IO[bytes] = getattr(module, opener.open)(address, options)
    return opened


def fetch_listed(address: str, path: str, options: FetchOptions, validator: str, ongoing: Ongoing) -> Fetched:
    """Write the content of an address to a new file, unless it is still that of a validator.

    Raises:
        SourceError: it cannot be read.
    """
    module, opener = _opener(address)
    found: Fetched = getattr(module, opener.fetch)(address, path, options, validator, ongoing)
    return found


def end_connections() -> None:
    """End the connections to servers that are open."""
    for opener in (_WEB, _STORE):
        if module := sys.modules.get(opener.module):
            getattr(module, opener.close)()


def _opener(address: str) -> tuple[ModuleType, Opener]:
    if is_address(address):
        check_opener(address)
    opener = OPENERS.get(scheme_of(address), _FILE)
    return importlib.import_module(opener.module), opener


class AddressSpool:
    """The rows of a list that are addresses, or have keys, on disk.

    Args:
        database: private and empty.
    """

    def __init__(self, database: Connection) -> None:
        self._database = database
        self.count = self.again = 0
        """Rows that are items, and rows that name one of them again."""
        self.first_again = 0
        """Number of the first row that does."""
        database.executescript(_TABLES + "BEGIN;")

    def add(self, row: ListRow, where: str) -> None:
        """Add one row.

        Args:
            row: with an address, with a key, or with an error.
            where: name of the list, for rows without an address.
        """
        self.count += 1
        if error := _what_is_wrong(row):
            self._fail(row, where, error)
            return
        if not is_address(row.address):
            row = row._replace(address=os.path.abspath(row.address))
        name = f"{LISTED}{quote(row.key)}" if row.key else called(row.address)
        if self._insert(row, name, ARCHIVE if is_archive(row.address) else ""):
            return
        if row.key:
            (other,) = self._database.execute(
                "SELECT number FROM entry WHERE same = ?", (_digest(name),)
            ).fetchone()
            kind = "input" if where == "input" else "row"
            error = f"Its key {row.key!r} is that of {kind} {other}, too. Give each a key of its own."
            self._fail(row, where, error)
            return
        self.count -= 1
        self.again += 1
        self.first_again = self.first_again or row.number

    def notes(self) -> tuple[str, ...]:
        """A sentence on rows that were left out, for the report."""
        if not self.again:
            return ()
        rows = "1 row names" if self.again == 1 else f"{self.again} rows name"
        return (f"{rows} an address again (row {self.first_again} is the first); each was taken once.",)

    def take(self, path: str) -> None:
        """Reserve the name of an output that comes from no address.

        Args:
            path: of its input, below OUT.
        """
        stem = _digest(fold(_stem(path)))
        self._database.execute("INSERT OR IGNORE INTO taken(stem) VALUES (?)", (stem,))

    def items(self) -> Iterator[list[Item]]:
        """All items in the order of their rows, in pieces."""
        self._database.executescript(_INDEXES)
        last = 0
        while rows := self._database.execute(_READ, (last, TOGETHER)).fetchall():
            last = rows[-1][0]
            yield [_item(*row[1:]) for row in rows]

    def _fail(self, row: ListRow, where: str, error: str) -> None:
        self._insert(row._replace(address="", key=""), f"{LISTED}{quote(where)}:{row.number}", error)

    def _insert(self, row: ListRow, name: str, error: str) -> bool:
        """Add a row, unless there is one with this key or address."""
        places = places_of(name)
        short = _with_suffix(places.short, row.address) if row.key else places.short
        same = _digest(name) if row.key or error else _digest(_normal(row.address))
        stem, long = fold(_stem(short)), fold(_stem(places.long))
        columns = json.dumps(row.columns) if row.columns else ""
        values = (row.number, row.address, name, short, bool(row.key), columns, error)
        digests = (same, _digest(stem), _digest(long), _digest(name))
        return bool(self._database.execute(_INSERT, (*values, *digests)).rowcount)


def row_item(row: ListRow, where: str) -> Item:
    """The item of a row that is an address, where no output is named after it.

    Args:
        row: with an address, or with an error.
        where: name of the list, for rows without an address.
    """
    if error := _what_is_wrong(row):
        return _item("", f"{LISTED}{quote(where)}:{row.number}", "", 0, "", error, 0, 0, 0)
    name = f"{LISTED}{quote(row.key)}" if row.key else called(row.address)
    item = _item(row.address, name, places_of(name).short, bool(row.key), "", "", 0, 0, 0)
    return item._replace(columns=row.columns)


def _what_is_wrong(row: ListRow) -> str:
    """Why a row is no item; empty where it is one."""
    if row.error:
        return row.error
    if is_address(row.address) and scheme_of(row.address) not in OPENERS:
        return str(unknown_scheme(row.address, OPENERS))
    if not is_text(row.address + row.key):
        return "Its address is not UTF-8."
    if is_address(row.address) and not is_valid(row.address):
        return "It is no valid address. Check it."
    return ""


def _item(
    address: str,
    name: str,
    short: str,
    keyed: int,
    columns: str,
    error: str,
    met: int,
    met_long: int,
    same_name: int,
) -> Item:
    """One item; the flags say whether another one has its stem, its stem with folders, and its name."""
    if same_name and not keyed:  # only user info or query tell them apart
        name = f"{name}~{short_hash(address, 12)}"
    place = short
    if met:
        places = places_of(name)
        place = places.hashed if met_long or keyed else places.long
        place = _with_suffix(place, address) if keyed else place
    return Item(
        name,
        place,
        0,
        0,
        error=error,
        kind=(NoFileError if error else SourceError).__name__,  # a retry reads the same row
        key="" if address == name else address,
        columns=columns_in(columns),
        listed=True,
    )


def _with_suffix(place: str, address: str) -> str:
    """The path of an item with a key, with the suffix of its address where that is known."""
    path = unquote(urlsplit(address).path) if is_address(address) else address.replace(os.sep, "/")
    suffix = split_suffix(path.rpartition("/")[2])[1]
    known = bool(suffix) and known_suffix(suffix[1:]) is not None
    return place + suffix if known and not place.lower().endswith(suffix.lower()) else place


def _stem(path: str) -> str:
    """A path without the suffix of a known format, under which outputs of other formats lie, too."""
    stem, suffix = split_suffix(path)
    return stem if known_suffix(suffix[1:]) is not None else path


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogateescape"), digest_size=16).digest()
