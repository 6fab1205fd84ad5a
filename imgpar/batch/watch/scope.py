"""Which folders a turn looks at, and which of their files it takes."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b

from imgpar.batch.watch.feed import FolderChanges
from imgpar.batch.watch.settle import Settling, is_temporary
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.batches import Batch, Entries

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
"""Seconds until an input that could not be read is tried again, doubled each time."""
MOST_UNREADABLE = 10_000


class Unreadable:
    """Inputs that could not be read: they are tried again when they change, and from time to time."""

    def __init__(self) -> None:
        self._found = OrderedDict[str, tuple[tuple[int, int], float, float]]()

    def add(self, path: str, facts: tuple[int, int]) -> bool:
        """Note a failure; returns whether it is a new one."""
        known = self._found.pop(path, None)
        pause = min(known[2] * 2, LONGEST_PAUSE) if known and known[0] == facts else FIRST_PAUSE
        self._found[path] = (facts, time.monotonic() + pause, pause)
        if len(self._found) > MOST_UNREADABLE:
            self._found.popitem(last=False)
        return known is None or known[0] != facts

    def rests(self, path: str, facts: tuple[int, int]) -> bool:
        """Whether it is too early to try an input again."""
        known = self._found.get(path)
        return known is not None and known[0] == facts and time.monotonic() < known[1]

    def due(self) -> set[str]:
        """The folders of those whose time has come."""
        now = time.monotonic()
        return {os.path.dirname(path) for path, (_, at, _) in self._found.items() if at <= now}

    def next(self) -> float:
        """When the next one is tried again, on the monotonic clock."""
        return min((at for _, at, _ in self._found.values()), default=float("inf"))

    def forget_due(self, moment: float) -> None:
        """Forget those whose time had come at a moment: they were tried and did not fail, or are gone."""
        for path in [path for path, (_, at, _) in self._found.items() if at <= moment]:
            del self._found[path]

    def folders(self) -> set[str]:
        """The folders of all."""
        return {os.path.dirname(path) for path in self._found}

    def clear(self) -> None:
        """Forget all, such as when a disk is there again."""
        self._found.clear()

    def forget(self, path: str) -> None:
        """Forget one that was read."""
        self._found.pop(path, None)


class Scope:
    """One turn: the folders that changed, and of their files those that are whole.

    A folder is taken as a whole, so that names are settled as in any run; the journal knows what is done. It
    is passed over where its settled files are those that the last turn took.

    Args:
        changes: since the last turn.
        settling: decides when a file is whole.
        taken: digest of the settled files of each folder at the last turn.
        unreadable: inputs that could not be read.
        away: input folders that are not there.
        ignores: paths that are no inputs.
        local: whether a folder is on a disk of this machine.
        whole: whether one change means that all inputs are needed.
    """

    def __init__(
        self,
        changes: FolderChanges,
        settling: Settling,
        taken: dict[str, bytes],
        unreadable: Unreadable,
        *,
        away: Iterable[str] = (),
        ignores: Callable[[str], bool],
        local: Callable[[str], bool],
        whole: bool = False,
    ) -> None:
        self.changes, self._settling, self._taken, self._unreadable = changes, settling, taken, unreadable
        self._away, self._ignores, self._local, self._whole = tuple(away), ignores, local, whole
        self._above = {above for path in (*changes.folders, *changes.trees) for above in _parents(path)}
        self._nameless = 0
        self._archives: dict[str, bool] = {}
        self.pending: dict[str, float] = {}
        """Folders with files that are not whole, and the seconds until they may be."""
        self.waiting = 0
        """Number of these files."""
        self.taking: dict[str, bytes] = {}
        """Digest of the settled files of each folder that was taken."""

    def enters(self, folder: str) -> bool:
        """Whether this folder or one below it is looked at."""
        return self.changes.everything or self._whole or folder in self._above or self._looks_at(folder)

    def among(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Of all batches those with files to take."""
        settled = filter(None, map(self._settled, (batch for batch in batches if not batch.pause)))
        if not self._whole:
            yield from settled
            return
        every, changed = list[Batch](), False
        for batch in settled:
            every.append(batch)
            name = next(reversed(self.taking))
            changed = changed or self.taking[name] != self._taken.get(name)
        changed = changed or bool(self._taken.keys() - self.taking.keys())
        yield from every if changed else ()

    def rests(self, entry: Job | Outcome) -> bool:
        """Whether an entry of the plan is left out, because it failed lately for reasons outside of it."""
        if isinstance(entry, Outcome):
            return entry.status == "failed" and self._unreadable.rests(entry.source, (0, 0))
        return len(entry.items) == 1 and self._unreadable.rests(entry.item.path, entry.item.facts[:2])

    def _settled(self, batch: Batch) -> Batch | None:
        if batch.folder and self._ignores(batch.folder):
            return None
        if batch.folder and not self._whole and not self._looks_at(batch.folder):
            return None
        self._nameless += not batch.folder
        batch = self._without_unsettled(batch)
        name, digest = self._name(batch), _digest(batch)
        if not self._whole and self._taken.get(name) == digest:
            return None
        self.taking[name] = digest
        return batch

    def _name(self, batch: Batch) -> str:
        """What a batch is called between turns: its folder, or its number among those without one."""
        return batch.folder or f"\0{self._nameless}"

    def _looks_at(self, folder: str) -> bool:
        if self.changes.everything or folder in self.changes.folders:
            return True
        return any(folder == tree or folder.startswith(tree + os.sep) for tree in self.changes.trees)

    def _without_unsettled(self, batch: Batch) -> Batch:
        """The batch with those of its files that are whole."""
        items = batch.items
        if batch.root and any(item.source for item in items[:1]):
            return batch if self._is_whole(batch.root, batch) else replace(batch, items=())
        if isinstance(items, Entries):
            local, prefix = self._local(batch.folder), os.path.join(batch.folder, "")
            rows = list(items.rows())
            kept = [
                at
                for at, (name, size, mtime_ns, inode, _) in enumerate(rows)
                if self._takes(prefix + name, size, mtime_ns, inode, batch, local=local)
            ]
            return batch if len(kept) == len(rows) else replace(batch, items=items.picked(kept))
        left = tuple(item for item in items if self._takes_item(item, batch))
        return replace(batch, items=left) if len(left) < len(items) else batch

    def _is_whole(self, archive: str, batch: Batch) -> bool:
        """Whether a named archive is whole; other sources always are."""
        if archive not in self._archives:
            try:
                status = os.stat(archive)
            except OSError:
                self._archives[archive] = True
            else:
                local = self._local(os.path.dirname(archive))
                facts = status.st_size, status.st_mtime_ns, 0
                self._archives[archive] = self._takes(archive, *facts, batch, local=local)
        return self._archives[archive]

    def _takes_item(self, item: Item, batch: Batch) -> bool:
        if item.path in self._away:
            return False
        if item.error or (item.source and not os.path.isfile(item.path)):
            return True
        local = self._local(os.path.dirname(item.path))
        return self._takes(item.path, item.size, item.mtime_ns, item.inode, batch, local=local)

    def _takes(self, path: str, size: int, mtime_ns: int, inode: int, batch: Batch, *, local: bool) -> bool:
        if is_temporary(os.path.basename(path)):
            return False
        left = self._settling.wait(path, size, mtime_ns, inode, local=local)
        if left <= 0:
            return True
        name = self._name(batch)
        self.waiting += 1
        self.pending[name] = min(left, self.pending.get(name, left))
        return False


def _digest(batch: Batch) -> bytes:
    """A digest of the names, sizes, times and inodes of the files of a batch."""
    found = blake2b(digest_size=16)
    if isinstance(batch.items, Entries):
        for row in batch.items.rows():
            found.update(repr(row).encode("utf-8", "surrogateescape"))
    else:
        for item in batch.items:
            facts: Sequence[object] = (item.path, item.facts, item.error)
            found.update(repr(facts).encode("utf-8", "surrogateescape"))
    return found.digest()


def _parents(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above
