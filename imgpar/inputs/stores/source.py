"""A folder, pattern or object of a store as a source."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import IO

from imgpar.core.addresses import quoted_path, unquoted_path
from imgpar.core.filenames import natural
from imgpar.core.fs import OURS
from imgpar.core.job import INODE_BITS, Item
from imgpar.inputs.batches import UNDO, Batch, Entries, Row, is_media, is_sidecar, why_unreadable
from imgpar.inputs.fetching import Fetched, Ongoing
from imgpar.inputs.ignored import HIDDEN, ignored_kind, is_system_folder
from imgpar.inputs.listing import unlisted
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import matches
from imgpar.inputs.sources import NO_ACCESS, Access, Source
from imgpar.inputs.stores.client import Client, StoredFile, StoreListing, client_of
from imgpar.inputs.stores.opening import fetched
from imgpar.inputs.stores.places import StorePlace, place_of
from imgpar.inputs.stores.ranged import StoreFile
from imgpar.inputs.walk import mirror_names, path_below

NOTHING = "Nothing is there"
MARK = "\n"
"""Between the path and the ETag in the key of an item."""
AHEAD = 8
"""Folders that are listed at once."""


class StoreSource(Source):
    """What lies below an address; or the object that has it as its name.

    Args:
        address: of a folder, which may end with a slash, of an object, or a pattern.
    """

    waits = True

    def __init__(self, address: str, access: Access = NO_ACCESS) -> None:
        self._place = place = place_of(address)
        self._options = access.fetching
        self.root = "/".join((place.root, *place.pattern))

    @property
    def real(self) -> str:
        """As `Source.real`."""
        return self._place.root

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`. Folders are listed one by one, a few ahead; a store that cannot be read is one
        failed input."""
        place = self._place
        try:
            client = self._client()
        except OSError as error:
            yield unlisted(self.root, mirror, why_unreadable(error))
            return
        found = False
        for batch in _Walk(client, place, patterns).batches(mirror):
            found = True
            yield batch
        if not found:
            what = "Nothing matches this pattern" if place.pattern else NOTHING
            yield unlisted(self.root, mirror, f"{what}.", "NoFileError")

    def open(self, item: Item) -> IO[bytes]:
        """One object: a file that fetches the parts that are read."""
        client, path, found = self._asked(item)
        return io.BufferedReader(StoreFile(client, path, found))

    def fetch(self, item: Item, path: str, ongoing: Ongoing) -> Fetched:
        """Write one object to a new file."""
        client, key, found = self._asked(item)
        return fetched(client, key, found, path, self._options, ongoing)

    def close(self) -> None:
        """End the connections of this process."""
        self._client().close()

    def _client(self) -> Client:
        return client_of(self._place.scheme, self._place.host, self._place.user, self._options.retries)

    def _asked(self, item: Item) -> tuple[Client, str, StoredFile]:
        """The client for an item, its path in the store, and what was listed there."""
        path, _, etag = item.key.rpartition(MARK)
        return self._client(), path, StoredFile("", item.size, item.mtime_ns, etag)


class _Walk:
    """The folders below a place, parents first, each in natural order."""

    def __init__(self, client: Client, place: StorePlace, patterns: Patterns | None) -> None:
        self._client, self._place, self._patterns = client, place, patterns

    def batches(self, mirror: str) -> Iterator[Batch]:
        """One for each folder that holds anything."""
        with ThreadPoolExecutor(AHEAD, "imgpar-list") as threads:
            stack: list[tuple[str, str]] = [("", mirror)]
            asked = dict[str, Future[StoreListing]]()
            while stack:
                for below, _ in islice(reversed(stack), AHEAD):
                    if below not in asked:
                        asked[below] = threads.submit(self._client.folder, self._key(below))
                below, at = stack.pop()
                try:
                    listing = asked.pop(below).result()
                except OSError as error:
                    yield unlisted(self._called(below), at, why_unreadable(error))
                    continue
                batch, folders = self._batch(below, at, listing)
                if batch is not None:
                    yield batch
                stack += reversed(folders)

    def _key(self, below: str) -> str:
        return "/".join(filter(None, (self._place.path, below)))

    def _called(self, below: str) -> str:
        return f"{self._place.root}/{quoted_path(below)}" if below else self._place.root

    def _batch(
        self, below: str, mirror: str, listing: StoreListing
    ) -> tuple[Batch | None, list[tuple[str, str]]]:
        """The batch of a folder, and the folders in it with their places below OUT."""
        left_out = Counter[str]()
        if below and OURS in listing.folders and not self._was_converted_in_place(below):
            name = below.rpartition("/")[2]
            return Batch(self._called(below), mirror, (), left_out=Counter([name]), root=self._place.root), []
        names = mirror_names(sorted(listing.folders, key=lambda name: (natural(name), name)))
        folders = list[tuple[str, str]]()
        for name, shown in names.items():
            if name.startswith(".") or is_system_folder(name):
                left_out[name] += 1
            elif self._may_hold(path_below(below, name)):
                folders.append((path_below(below, name), path_below(mirror, shown)))
        entries, kinds, sidecars, excluded = self._files(below, mirror, listing)
        wrong = [self._wrong(below, mirror, name) for name in listing.wrong]
        if not (entries or wrong or kinds or left_out or excluded):
            return None, folders
        batch = Batch(
            self._called(below),
            mirror,
            [*entries, *wrong] if wrong else entries,
            kinds.total(),
            tuple(names.values()),
            sidecars=sidecars,
            kinds=kinds,
            left_out=left_out,
            excluded=excluded,
            root=self._place.root,
        )
        return batch, folders

    def _files(
        self, below: str, mirror: str, listing: StoreListing
    ) -> tuple[Entries, Counter[str], int, int]:
        """The items of a folder; its other files by kind, how many are sidecars, how many are excluded."""
        rows, keys = list[Row](), list[str]()
        kinds, sidecars, excluded = Counter[str](), 0, 0
        pattern, patterns = self._place.pattern, self._patterns
        for file in sorted(listing.files, key=lambda file: (natural(file.name), file.name)):
            path = path_below(below, file.name)
            if pattern and not matches(path.split("/"), pattern):
                continue
            if file.name.startswith("."):
                kinds[HIDDEN] += 1
            elif not is_media(file.name):
                kinds[ignored_kind(file.name)] += 1
                sidecars += is_sidecar(file.name)
            elif patterns and not patterns.takes(path):
                excluded += patterns.recursive or not below
            else:
                rows.append((quoted_path(file.name), file.size, file.mtime_ns, version_of(file), 0))
                keys.append(f"{self._key(path)}{MARK}{file.etag}")
        entries = Entries.of(self._called(below), mirror, rows, {}, separator="/", keys=keys)
        return entries.shown_as(unquoted_path), kinds, sidecars, excluded

    def _may_hold(self, folder: str) -> bool:
        """Whether a folder may hold items: not where patterns leave it out."""
        pattern = self._place.pattern
        if pattern and "**" not in pattern:
            parts = folder.split("/")
            if len(parts) >= len(pattern) or not matches(parts, pattern[: len(parts)]):
                return False
        return self._patterns is None or self._patterns.enters(folder)

    def _was_converted_in_place(self, below: str) -> bool:
        """Whether a folder with outputs of a run is still an input: it keeps the originals."""
        return UNDO in self._client.folder(self._key(path_below(below, OURS))).folders

    def _wrong(self, below: str, mirror: str, name: str) -> Item:
        """The failed item for a name that leads nowhere."""
        shown = f"{self._called(below)}/{name or '/'}"
        words = "A part of its name is empty, '.' or '..', or has a control character. Rename it."
        return Item(shown, path_below(mirror, name.strip("./") or "_"), 0, 0, error=words)


def version_of(found: StoredFile) -> int:
    """The number that stands for the content in a journal; 0 where only the time tells."""
    if not found.etag:
        return 0
    from hashlib import sha256

    return int.from_bytes(sha256(found.etag.encode()).digest()[:8], "big") & INODE_BITS
