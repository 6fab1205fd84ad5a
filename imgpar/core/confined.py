"""Access to files below an untrusted folder: no path leaves it, and no link is followed.

A relative path from a journal, an archive or a name is not trusted. Where the system has directory
descriptors, every folder on the way is opened relative to its parent with O_NOFOLLOW, so that nothing can be
exchanged between the check and the use.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from imgpar.core.errors import OutputError

_BY_HANDLE = os.open in os.supports_dir_fd and os.rename in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


def parts_inside(relative: str) -> list[str]:
    """The parts of a relative path with `/`.

    Raises:
        OutputError: the path leaves the folder.

    >>> parts_inside("a/b.jpg")
    ['a', 'b.jpg']
    """
    parts = relative.split("/")
    bad = {"", os.curdir, os.pardir}
    if "\0" in relative or not bad.isdisjoint(parts) or (os.sep != "/" and os.sep in relative):
        raise OutputError(
            f"{relative!a} is not a path inside the folder.", fix="The journal may have been tampered with."
        )
    if os.path.splitdrive(relative)[0]:
        raise OutputError(
            f"{relative!a} is not a path inside the folder.", fix="The journal may have been tampered with."
        )
    return parts


def join_inside(base: str, relative: str) -> str:
    """The absolute path; links are not resolved.

    Raises:
        OutputError: the path leaves the folder.
    """
    return os.path.join(base, *parts_inside(relative))


@contextlib.contextmanager
def opened_inside(base: str, parts: list[str], *, make: bool = False) -> Iterator[tuple[str, int | None]]:
    """Open a folder below `base`.

    Args:
        base: absolute path of the folder.
        parts: from `parts_inside`.
        make: whether to create missing folders.

    Yields:
        A prefix for names, and the descriptor to which they are relative (None where the system has none).

    Raises:
        OSError: on failure; for a link on the way ELOOP or ENOTDIR.
    """
    if not _BY_HANDLE:
        yield _checked(base, parts, make=make), None
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    handle = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            inner = os.open(part, flags, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield "", handle
    finally:
        os.close(handle)


def status_inside(base: str, relative: str) -> os.stat_result | None:
    """Status of a path inside; None when it does not exist, or when a link is on the way."""
    *folders, name = parts_inside(relative)
    try:
        with opened_inside(base, folders) as (prefix, handle):
            return os.stat(prefix + name, dir_fd=handle, follow_symlinks=False)
    except OSError:
        return None


def move_inside(base: str, source: str, final: str) -> None:
    """Rename a file inside, replacing the destination; folders are created. Raises OSError."""
    *from_folders, name = parts_inside(source)
    *to_folders, new = parts_inside(final)
    with (
        opened_inside(base, from_folders) as (prefix, one),
        opened_inside(base, to_folders, make=True) as (to_prefix, two),
    ):
        if one is None:
            os.replace(prefix + name, to_prefix + new)
        else:
            os.rename(name, new, src_dir_fd=one, dst_dir_fd=two)


def remove_inside(base: str, relative: str) -> None:
    """Remove a file inside. Raises OSError, such as FileNotFoundError."""
    *folders, name = parts_inside(relative)
    with opened_inside(base, folders) as (prefix, handle):
        os.unlink(prefix + name, dir_fd=handle)


def is_real_folder(path: str) -> bool:
    """Whether this is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _checked(base: str, parts: list[str], *, make: bool) -> str:
    at = base
    for part in parts:
        at = os.path.join(at, part)
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(at)
        if not is_real_folder(at):
            raise NotADirectoryError(f"{at} is not a folder")
    return os.path.join(at, "")
