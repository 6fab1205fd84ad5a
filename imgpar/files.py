"""Moving files so that no reader ever sees half of one, on every system. Raises OSError."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import time

from imgpar.errors import DiskFullError

OURS = ".imgpar"
"""Folder in an output folder that holds what imgpar knows about it: the journal, originals."""
WINDOWS = os.name == "nt"
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""What the system says when there is no room."""


def no_room(error: OSError, where: str) -> DiskFullError | None:
    """The error of a run for a full disk or a quota; None where that is not what the system says."""
    if error.errno not in FULL:
        return None
    said = "No space is left" if error.errno == errno.ENOSPC else "Your quota is used up"
    return DiskFullError(f"{said} in {where}.", fix="Free some space and run again; what is done stays done.")


def long_path(path: str) -> str:
    """The form in which Windows takes paths of 260 characters and more; elsewhere the path itself."""
    if not WINDOWS or len(path) < 240 or path.startswith("\\\\?\\"):
        return path
    full = os.path.abspath(path)
    return "\\\\?\\UNC" + full[1:] if full.startswith("\\\\") else "\\\\?\\" + full


def replace(path: str, final: str) -> None:
    """Rename over what is there; on Windows a virus scanner may hold the old file for a moment."""
    for pause in (0.05, 0.1, 0.2, 0.4, 0.0) if WINDOWS else (0.0,):
        try:
            os.replace(long_path(path), long_path(final))
            return
        except PermissionError:
            if not pause:
                raise
            time.sleep(pause)


def move_new(path: str, final: str) -> None:
    """Give the file its final name only if that is free, in one step where the file system can.

    A file of the same bytes under that name is as good. Raises FileExistsError.
    """
    try:
        if WINDOWS:
            os.rename(long_path(path), long_path(final))  # fails when the name is taken
            return
        os.link(path, final)
        remove(path)
    except FileExistsError:
        if same_content(path, final):
            return
        raise
    except OSError as error:
        # No hard links here (FAT, some network folders): look first, then rename.
        if error.errno in FULL or not os.path.exists(path):
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final) from None
        os.rename(path, final)


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
    """A second name for the old bytes where the file system has hard links, a copy elsewhere."""
    # Of two attempts only the first one still saw the original.
    if os.path.lexists(long_path(backup)) or not os.path.lexists(long_path(original)):
        return
    os.makedirs(long_path(os.path.dirname(backup)), exist_ok=True)
    try:
        os.link(long_path(original), long_path(backup))
    except OSError:
        half = os.path.join(os.path.dirname(backup), f".imgpar-{os.getpid()}.tmp")
        try:
            shutil.copy2(long_path(original), long_path(half), follow_symlinks=False)
            _sync(half)
            os.replace(long_path(half), long_path(backup))
        finally:
            remove(half)


def copy_attributes(source: str, path: str, handle: int) -> list[str]:
    """Give a new file (`path`, open as `handle`) the owner, ACLs and extended attributes of another one; what
    could not be kept, in the words of the report. Mode and times are not looked at."""
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
            os.fchmod(handle, stat.S_IMODE(own.st_mode))  # a new owner clears some bits
        except OSError:
            lost.append("owner")
    if sys.platform == "darwin":
        lost += _copy_attributes_of_macos(source, path)
    elif sys.platform == "linux":
        lost += _copy_extended(source, handle)
    return lost


def _copy_extended(source: str, handle: int) -> list[str]:
    """Extended attributes of Linux, POSIX ACLs among them."""
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
    """Extended attributes and ACLs of macOS, by copyfile(3)."""
    import ctypes

    acl_and_xattr = 1 << 0 | 1 << 2
    copyfile = ctypes.CDLL(None).copyfile
    copied = copyfile(os.fsencode(source), os.fsencode(path), None, ctypes.c_uint32(acl_and_xattr))
    return ["ACL or extended attributes"] if copied else []


def make_private(folder: str) -> None:
    """Make a folder for what imgpar knows; one called `.imgpar` is kept out of version control.

    Raises OSError, also where the name is a link: that leads to a folder of somebody else.
    """
    ours = os.path.basename(folder) == OURS
    if ours and os.path.islink(folder):
        raise OSError(errno.ELOOP, "it is a link", folder)
    os.makedirs(folder, exist_ok=True)
    if ours:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with contextlib.suppress(FileExistsError):
            handle = os.open(os.path.join(folder, ".gitignore"), flags, 0o666)
            try:
                os.write(handle, b"*\n")
            finally:
                os.close(handle)


def _sync(path: str) -> None:
    """Put a copy on the disk before what it was made from goes."""
    if not os.path.islink(long_path(path)):
        with open(long_path(path), "r+b") as file:
            os.fsync(file.fileno())


def sync_folder(folder: str) -> None:
    """Put the new name on the disk, too; Windows has no way to, some network folders refuse."""
    if WINDOWS:
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: str) -> bool:
    """Remove a file; False when it was not there or cannot be removed."""
    try:
        os.unlink(long_path(path))
    except OSError:
        return False
    return True
