"""FolderChanges that the system reports, collected in a thread until the next turn asks for them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imgpar.batch.watch.settle import is_temporary
from imgpar.core.job import INODE_BITS

MOST = 10_000
"""Changed folders that are remembered by name; beyond that all are looked at."""
_STEP, _DEBOUNCE, _TIMEOUT = 50, 400, 0
"""Milliseconds: the pause that ends a group of changes, and its greatest length; without a timeout, as the
library drops what comes at that moment."""


@dataclass
class FolderChanges:
    """What changed since the last turn."""

    folders: set[str] = field(default_factory=set)
    """Folders in which files were added, written or removed."""
    trees: set[str] = field(default_factory=set)
    """New folders, to be read with all below them."""
    removed: set[str] = field(default_factory=set)
    """Folders in which something was removed."""
    everything: bool = False
    """All inputs have to be looked at."""

    def __bool__(self) -> bool:
        return bool(self.folders or self.trees or self.everything)

    def add(self, other: FolderChanges) -> None:
        """Add other changes."""
        self.folders |= other.folders
        self.trees |= other.trees
        self.removed |= other.removed
        self.everything |= other.everything

    def bound(self) -> None:
        """Replace more folders than can be remembered by all inputs."""
        if len(self.folders) + len(self.trees) + len(self.removed) > MOST:
            self.folders, self.trees, self.removed, self.everything = set(), set(), set(), True


class ChangeFeed:
    """Collects the changes below some folders.

    Args:
        folders: absolute paths.
        ignores: `ignores(path)` tells which paths are none of the inputs.
        wake: called from the thread when there is something new.
        temporary: called with the inode of each file that has a temporary name.
    """

    def __init__(
        self,
        folders: Sequence[str],
        *,
        ignores: Callable[[str], bool],
        wake: Callable[[], object],
        temporary: Callable[[int], object],
    ) -> None:
        self.folders, self._ignores, self._wake, self._temporary = tuple(folders), ignores, wake, temporary
        self.error = ""
        """Why it ended; empty while it works."""
        self._changes, self._lock = FolderChanges(), threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect, name="imgpar-watch", daemon=True)
        self._thread.start()

    def take(self) -> FolderChanges:
        """What changed since the last call."""
        with self._lock:
            found, self._changes = self._changes, FolderChanges()
        return found

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _collect(self) -> None:
        try:
            try:
                self._watch(forbidden=False)
            except PermissionError:
                self._watch(forbidden=True)
        except Exception as error:  # of the library: too many folders, a folder that is gone
            self.error = str(error) or type(error).__name__
            self._wake()

    def _watch(self, *, forbidden: bool) -> None:
        """Collect until the end. Where it passes over forbidden folders, the library also passes over those
        for which the system has no room left, without an error."""
        from watchfiles import watch

        for group in watch(
            *self.folders,
            watch_filter=None,
            debounce=_DEBOUNCE,
            step=_STEP,
            stop_event=self._stop,
            rust_timeout=_TIMEOUT,
            raise_interrupt=False,
            force_polling=False,
            ignore_permission_denied=forbidden,
        ):
            self._add([(change.raw_str(), path) for change, path in group])

    def _add(self, group: Sequence[tuple[str, str]]) -> None:
        found = FolderChanges()
        for kind, path in group:
            if path in self.folders:
                found.everything = True
            elif not self._ignores(path):
                self._sort_in(kind, path, found)
        if found:
            with self._lock:
                self._changes.add(found)
                self._changes.bound()
            self._wake()

    def _sort_in(self, kind: str, path: str, found: FolderChanges) -> None:
        folder, name = os.path.split(path)
        if is_temporary(name):
            try:
                self._temporary(os.stat(path).st_ino & INODE_BITS)
            except OSError:
                return
            return
        found.folders.add(folder)
        if kind == "deleted":
            found.removed.add(folder)
        if os.path.isdir(path):
            found.trees.add(path)
