"""Input folders: whether they are there, whether they have to be polled."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Sequence

from imgpar.inputs.roots import absolute, split_pattern

_NETWORK = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "beegfs", "davfs",
        "vboxsf", "vmhgfs", "drvfs", "virtiofs", "ncpfs", "ocfs2", "gfs2",
    )
)  # fmt: skip
"""File systems whose changes by other machines are not reported to this one."""


def is_on_network(path: str) -> bool:
    """Whether a folder lies on a file system that other machines write to, as far as the system tells.

    >>> is_on_network(os.sep)
    False
    """
    if path.startswith(("\\\\", "//")):
        return True
    kind = _file_system(os.path.realpath(path)) if sys.platform == "linux" else ""
    return kind in _NETWORK or kind.startswith("fuse.")


def _file_system(path: str, mounts: str = "/proc/self/mountinfo") -> str:
    """The kind of file system at a path, from the mounts of this process."""
    found, longest = "", -1
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                left, _, right = line.partition(" - ")
                place = left.split(" ")[4].encode().decode("unicode_escape", "surrogateescape")
                inside = path == place or path.startswith(place.rstrip("/") + "/")
                if inside and len(place) >= longest:  # of mounts at one place the last is seen
                    found, longest = right.split(" ", 1)[0], len(place)
    except (OSError, IndexError, ValueError):
        return ""
    return found


class WatchedFolders:
    """The input folders of a watch.

    A folder whose disk or network is gone looks missing, or empty and like another folder. Neither means
    that its files were deleted.

    Args:
        inputs: as given; files, patterns and sources are no folders.
    """

    def __init__(self, inputs: Iterable[object]) -> None:
        given = [absolute(path) for path in inputs if isinstance(path, str)]
        self.folders = [path for path in given if _is_folder(path)]
        self._remote = {folder: is_on_network(folder) for folder in self.folders}
        self._known: dict[str, tuple[int, int]] = {}
        self.away: dict[str, str] = {}
        """Folders that are not there, with the reason."""

    @property
    def all_away(self) -> bool:
        """Whether there are folders, and none of them is there."""
        return bool(self.folders) and len(self.away) == len(self.folders)

    @property
    def on_network(self) -> bool:
        """Whether one of them is on a network."""
        return any(self._remote.values())

    def is_local(self, folder: str) -> bool:
        """Whether a folder is below none of those that are on a network."""
        inside = (root for root in self.folders if is_within(folder, root))
        return not self._remote.get(next(inside, ""), False)

    def look(self) -> list[str]:
        """Look for all; returns those that are there again, or are another folder than before."""
        back = list[str]()
        for folder in self.folders:
            identity, why = self._state(folder)
            if why:
                self.away[folder] = why
                continue
            if self.away.pop(folder, "") or self._known.get(folder, identity) != identity:
                back.append(folder)
                self._remote[folder] = is_on_network(folder)
            self._known[folder] = identity
        return back

    def _state(self, folder: str) -> tuple[tuple[int, int], str]:
        try:
            status = os.stat(folder)
            with os.scandir(folder) as entries:
                empty = next(entries, None) is None
        except OSError as error:
            return (0, 0), f"{folder} is not there ({error.strerror or error})"
        identity = status.st_dev, status.st_ino
        if empty and self._known.get(folder, identity) != identity:
            return identity, f"{folder} is empty and another folder than before; its disk may be missing"
        return identity, ""


def patterns_can_match(inputs: Iterable[object]) -> bool:
    """Whether the folders of all patterns are there, so that what matches none yet may come."""
    patterns = (path for path in inputs if isinstance(path, str) and glob.has_magic(path))
    return all(os.path.isdir(split_pattern(path)[0]) for path in patterns)


def is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it.

    >>> is_within("/in", "/in"), is_within("/in/a.jpg", "/in"), is_within("/inbox", "/in")
    (True, True, False)
    """
    return path == folder or path.startswith(os.path.join(folder, ""))


def _is_folder(path: str) -> bool:
    """Whether a path is a folder, or may be one that is not mounted yet."""
    named = os.path.lexists(path) or glob.has_magic(path) or os.path.splitext(path)[1]
    return os.path.isdir(path) or not named


def has_entries(folder: str, removed: Sequence[str] | set[str], root: str) -> bool:
    """Whether what is missing from a folder was removed, rather than being on a disk that is gone.

    A folder with files in it is there. An empty one is believed where the system reported a removal in it; a
    missing one where that holds for the folder above it.
    """
    while True:
        try:
            with os.scandir(folder) as entries:
                return next(entries, None) is not None or folder in removed
        except FileNotFoundError:
            above = os.path.dirname(folder)
            if folder == root or above == folder:
                return False
            if above in removed:
                return True
            folder = above
        except OSError:
            return False
