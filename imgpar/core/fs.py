"""Atomic writes and renames on every system: no reader sees a partial file. Raises OSError."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterable

from imgpar.core.errors import DiskFullError
from imgpar.core.liveness import (
    attempts,
    hold,
    if_free,
    is_mandatory,
    random_name,
    release,
)

OURS = ".imgpar"
"""Folder in an output folder for the data of imgpar: the journal and originals."""
LEAVING = ".imgpar-leaving"
"""Folder beside inputs: files that a watch is about to move or delete. Nothing sweeps it."""
WINDOWS = os.name == "nt"
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Error numbers for a lack of space."""


def no_room(error: OSError, where: str) -> DiskFullError | None:
    """The run error for a full disk or an exceeded quota; None for other errors."""
    if error.errno not in FULL:
        return None
    reason = "No space is left" if error.errno == errno.ENOSPC else "Your quota is used up"
    return DiskFullError(
        f"{reason} in {where}.", fix="Free some space and run again; finished outputs are kept."
    )


def long_path(path: str, *, windows: bool = WINDOWS) -> str:
    """The path in the form that Windows needs for 260 characters and more; elsewhere unchanged. Python knows
    longer paths without it only where an administrator has allowed them (`LongPathsEnabled`)."""
    if not windows or len(path) < 240 or path.startswith("\\\\?\\"):
        return path
    import ntpath

    full = ntpath.abspath(path)
    return "\\\\?\\UNC" + full[1:] if full.startswith("\\\\") else "\\\\?\\" + full


def replace(path: str, final: str) -> None:
    """Rename, replacing the destination; retried on Windows, where a virus scanner may hold the old file."""
    for pause in (0.05, 0.1, 0.2, 0.4, 0.0) if WINDOWS else (0.0,):
        try:
            os.replace(long_path(path), long_path(final))
            return
        except PermissionError:
            if not pause:
                raise
            time.sleep(pause)


def move_new(path: str, final: str) -> None:
    """Rename a file unless the destination exists, atomically where the file system can.

    A destination with the same bytes counts as success.

    Raises:
        FileExistsError: the destination exists and differs.
    """
    try:
        if WINDOWS:
            os.rename(long_path(path), long_path(final))  # fails when the name is taken
            return
        os.link(path, final)
        remove_file(path)
    except FileExistsError:
        if same_content(path, final):
            return
        raise
    except OSError as error:
        # No hard links here (FAT, some network folders): check, then rename.
        if error.errno in FULL or not os.path.exists(path):
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final) from None
        os.rename(path, final)


def link_rank(path: str) -> tuple[bool, bool]:
    """The lower, the sooner a path stands for its file: first paths without links, then those below a linked
    folder, then symbolic links."""
    return os.path.islink(path), os.path.realpath(path) != os.path.abspath(path)


def links_among(paths: Iterable[str]) -> set[str]:
    """The paths at which a file lies that is at another of the paths too: symbolic and hard links."""
    known, links = set[tuple[int, int]](), set[str]()
    for path in sorted(paths, key=link_rank):
        with contextlib.suppress(OSError):  # what is gone is no link
            status = os.stat(path)
            identity = status.st_dev, status.st_ino
            if status.st_ino and identity in known:
                links.add(path)
            known.add(identity)
    return links


def same_content(path: str, other: str) -> bool:
    """Whether two regular files hold the same bytes."""
    with contextlib.suppress(OSError):
        if os.path.getsize(long_path(path)) != os.path.getsize(long_path(other)):
            return False
        if not stat.S_ISREG(os.lstat(long_path(other)).st_mode):
            return False
        with open(long_path(path), "rb") as one, open(long_path(other), "rb") as two:
            while block := one.read(1 << 20):
                if block != two.read(1 << 20):
                    return False
        return True
    return False


def keep(original: str, backup: str) -> None:
    """Keep the old bytes under a second name: a hard link where the file system has them, else a copy."""
    # Of two attempts only the first one saw the original.
    if os.path.lexists(long_path(backup)) or not os.path.lexists(long_path(original)):
        return
    os.makedirs(long_path(os.path.dirname(backup)), exist_ok=True)
    try:
        os.link(long_path(original), long_path(backup))
    except OSError:
        if os.path.islink(long_path(original)):
            shutil.copy2(long_path(original), long_path(backup), follow_symlinks=False)
            return
        with Half(temporary_path(backup)) as half:
            half.share()
            shutil.copy2(long_path(original), long_path(half.path))
            os.fsync(half.handle)  # must be on disk before the original is removed
            half.name(backup)


def copy_attributes(source: str, path: str, handle: int) -> list[str]:
    """Copy owner, ACLs and extended attributes of a file to a new one. Mode and timestamps are not copied.

    Args:
        source: path of the original.
        path: of the new file.
        handle: open descriptor of the new file.

    Returns:
        What could not be copied, as worded in the report.
    """
    lost = []
    status = os.lstat(long_path(source))
    if status.st_nlink > 1:
        lost.append("hard links")
    if WINDOWS:
        return lost
    own = os.fstat(handle)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(handle, status.st_uid, status.st_gid)
            os.fchmod(handle, stat.S_IMODE(own.st_mode))  # changing the owner clears some bits
        except OSError:
            lost.append("owner")
    if sys.platform == "darwin":
        lost += _copy_attributes_of_macos(source, path)
    elif sys.platform == "linux":
        lost += _copy_extended(source, handle)
    return lost


def _copy_extended(source: str, handle: int) -> list[str]:
    """Extended attributes of Linux, including POSIX ACLs."""
    lost = set()
    try:
        names = os.listxattr(source, follow_symlinks=False)
    except OSError:
        return []
    for name in names:
        try:
            value = os.getxattr(source, name, follow_symlinks=False)
            if name not in os.listxattr(handle) or os.getxattr(handle, name) != value:
                os.setxattr(handle, name, value)
        except OSError:
            lost.add("ACL" if name.startswith("system.posix_acl") else "extended attributes")
    return sorted(lost)


def _copy_attributes_of_macos(source: str, path: str) -> list[str]:
    """Extended attributes and ACLs of macOS, with copyfile(3)."""
    import ctypes

    acl_and_xattr = 1 << 0 | 1 << 2
    copyfile = ctypes.CDLL(None).copyfile
    copied = copyfile(os.fsencode(source), os.fsencode(path), None, ctypes.c_uint32(acl_and_xattr))
    return ["ACL or extended attributes"] if copied else []


def refuse_links(*paths: str) -> None:
    """Raise OSError where a file of imgpar is a link, which could lead to a file outside of the folder."""
    for path in paths:
        if os.path.islink(path):
            raise OSError(errno.ELOOP, "it is a link", path)


def make_private(folder: str) -> None:
    """Create a private folder; one called `.imgpar` is excluded from version control.

    Raises:
        OSError: on failure, and where the name is a link.
    """
    ours = os.path.basename(folder) == OURS
    if ours:
        refuse_links(folder)
    os.makedirs(folder, exist_ok=True)
    if ours:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with contextlib.suppress(FileExistsError):
            handle = os.open(os.path.join(folder, ".gitignore"), flags, 0o666)
            try:
                os.write(handle, b"*\n")
            finally:
                os.close(handle)


# ----- temporary files next to their destination ----------------------------------------------------

_HALF = re.compile(r"\.imgpar-.+\.tmp")


def temporary_path(final: str, mark: str = "") -> str:
    """A temporary name in the same folder for a file that is not complete; random without a mark."""
    return os.path.join(os.path.dirname(final), f".imgpar-{mark or random_name()}.tmp")


def partial_path(final: str, run: str, task: int) -> str:
    """Temporary name of a file that a task is writing.

    Args:
        final: destination.
        run: random name of the run; without it the name is random.
        task: serial of the task.
    """
    return temporary_path(final, f"{run}-{task}" if run else "")


def is_half(name: str) -> bool:
    """Whether a name was made by `beside`.

    >>> is_half(".imgpar-0123456789abcdef-7.tmp"), is_half("notes.tmp")
    (True, False)
    """
    return _HALF.fullmatch(name) is not None


class Half:
    """A new temporary file, locked until it is dropped, so that no sweep removes it.

    Another program may write to it by its path. It is kept once it has its final name.

    Raises:
        OSError: it cannot be created.
    """

    __slots__ = ("handle", "path")

    def __init__(self, path: str, mode: int = 0o600) -> None:
        self.path, self.handle = path, -1
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        for _ in attempts():
            self.handle = os.open(long_path(self.path), flags, mode)
            if hold(self.handle, long_path(self.path)):
                return
            self._close()
            self.path = temporary_path(path)  # a sweep was faster, and may still use the first name
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def __enter__(self) -> Half:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def share(self) -> None:
        """Let other programs write to it; removes a lock that would be mandatory."""
        if not WINDOWS and is_mandatory(self.path):
            release(self.handle)

    def finish(self) -> None:
        """Close it before it gets its final name: Windows cannot rename open files."""
        if WINDOWS:
            self._close()

    def name(self, final: str) -> None:
        """Rename it, replacing the destination."""
        self.finish()
        replace(self.path, final)

    def drop(self) -> None:
        """Unlock it, and remove it if it has not been renamed."""
        if WINDOWS:
            self._close()
        remove_file(self.path)  # first: a file with this name that is not locked is a leftover
        self._close()

    def _close(self) -> None:
        if self.handle >= 0:
            handle, self.handle = self.handle, -1
            os.close(handle)

    def __del__(self) -> None:
        self._close()


def sweep_temporary_files(folder: str) -> int:
    """Remove the temporary files in `folder` whose writer is gone; returns how many."""
    removed = 0
    with contextlib.suppress(OSError), os.scandir(long_path(folder)) as entries:
        for entry in entries:
            if is_half(entry.name) and entry.is_file(follow_symlinks=False):
                removed += if_free(entry.path, remove_file)
    return removed


def sync_folder(folder: str) -> None:
    """Write the folder entry to disk; not possible on Windows and on some network folders."""
    if WINDOWS:
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_file(path: str) -> bool:
    """Remove a file; False when it did not exist or cannot be removed."""
    try:
        os.unlink(long_path(path))
    except OSError:
        return False
    return True
