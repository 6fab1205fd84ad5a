"""Files that are written beside the outputs (report, recipe, journal); they replace only their kind."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable

from imgpar.core.errors import UsageError
from imgpar.core.fs import Half, temporary_path, sweep_temporary_files
from imgpar.formats.registry import format_of_suffix, sniff

HEAD = 4096
"""Bytes by which a file is known."""


def check_report(path: str, inputs: Iterable[str] = ()) -> None:
    """Refuse a place where a report cannot be written, or replaces something else; raises UsageError."""
    check_report_place(path, inputs)
    check_folder("report", path)


def check_report_place(path: str, inputs: Iterable[str] = ()) -> None:
    """Refuse a place for a report where something else is; raises UsageError."""
    check_place("report", path, ".json", _is_report, inputs)


def check_journal(path: str, inputs: Iterable[str] = ()) -> None:
    """Refuse a place for a journal where a picture, a clip or an input is; raises UsageError.

    A damaged journal is no reason to refuse: it is set aside.
    """
    check_place("journal", path, ".db", lambda head: sniff(head) is None, inputs)


def check_folder(what: str, path: str) -> None:
    """Refuse a file in a folder that is not there or takes none; raises UsageError."""
    final = os.path.realpath(path)
    folder = os.path.dirname(final)
    if os.path.isdir(final) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        fix = "Name a file in a folder that exists."
        raise UsageError(f"The {what} cannot be written to {path!r}.", fix=fix)


def check_place(
    what: str, path: str, suffix: str, ours: Callable[[bytes], bool], inputs: Iterable[str] = ()
) -> None:
    """Refuse to write where something else is.

    Args:
        what: is to be written, in a word.
        path: the place.
        suffix: that such files usually have.
        ours: says by its first bytes whether a file that is there may be replaced; empty files may.
        inputs: files that the same call reads.

    Raises:
        UsageError: the place is taken.
    """
    fix = f"Name a new file, such as {what}{suffix}."
    if any(is_same_file(path, other) for other in inputs):
        raise UsageError(f"The {what} would replace an input ({path}).", fix=fix)
    found = format_of_suffix(path)
    if found is not None:
        raise UsageError(f"The {what} cannot be written to {path}, the name of a {found.title}.", fix=fix)
    final = os.path.realpath(path)
    if not os.path.isfile(final):
        return
    try:
        with open(final, "rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise UsageError(f"{path} is there and cannot be read: {error.strerror}.", fix=fix) from None
    if head and not ours(head):
        raise UsageError(f"{path} is there already and is no {what}; it was left alone.", fix=fix)


def is_same_file(path: str, other: str) -> bool:
    """Whether two names lead to one file that exists: by links of both kinds, or by names without case."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def identities(paths: Iterable[str]) -> frozenset[tuple[int, int]]:
    """By what files are known whatever their names: for `is_one_of`."""
    found = set[tuple[int, int]]()
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(path)
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def names_known_file(path: str, known: frozenset[tuple[int, int]]) -> bool:
    """Whether a name leads to one of these files: by links of both kinds, or by names without case."""
    return not known.isdisjoint(identities((path,)))


def write_whole(path: str, text: Iterable[str], *, encoding: str = "utf-8") -> None:
    """Write a text file that is there whole or not at all; a device or a pipe gets it as it comes.

    Raises OSError.
    """
    final = os.path.realpath(path)  # where a link leads to, the link stays
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(final).st_mode):
            with open(final, "w", encoding=encoding, newline="\n") as file:
                file.writelines(text)
            return
    sweep_temporary_files(os.path.dirname(final))
    with Half(temporary_path(final), 0o666) as half:
        with open(half.handle, "w", encoding=encoding, newline="\n", closefd=False) as file:
            file.writelines(text)
        half.name(final)


def _is_report(head: bytes) -> bool:
    return head.startswith(b"{") and b'"schema"' in head
