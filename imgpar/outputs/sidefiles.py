"""Files written beside the outputs (report, recipe, journal); they replace only files of their own kind."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable

from imgpar.core.error_messages import refuse_address
from imgpar.core.errors import UsageError
from imgpar.core.fs import Half, sweep_temporary_files, temporary_path
from imgpar.formats.registry import format_of_suffix, sniff

HEAD = 4096
"""Bytes by which the kind of a file is recognised."""


PAGES = (".html", ".htm")
"""Suffixes of pages; any other report is JSON."""


def is_page(path: str) -> bool:
    """Whether a report under this name is a page for people.

    >>> is_page("out.HTML"), is_page("out.json")
    (True, False)
    """
    return path.lower().endswith(PAGES)


def check_report(path: str, inputs: Iterable[str] = (), out: str = "") -> None:
    """Raise UsageError if a report cannot be written to this path, or would replace another file.

    Args:
        path: of the report; its suffix decides whether it is a page.
        inputs: files that the same call reads.
        out: folder that the run creates.
    """
    if is_page(path):
        check_page("report", path, inputs, out)
        return
    check_report_place(path, inputs)
    check_folder("report", path, out)
    suffix = os.path.splitext(path)[1]
    if suffix.lower() not in ("", ".json"):
        raise UsageError(
            f"A report is not written as {suffix} ({path}).",
            fix="Name a .json for programs, or a .html for people.",
        )


def check_report_place(path: str, inputs: Iterable[str] = ()) -> None:
    """Raise UsageError if a JSON report would replace another file."""
    check_place("report", path, ".json", _is_report, inputs)


def check_manifest(path: str, inputs: Iterable[str] = (), out: str = "") -> None:
    """The same for the manifest of a run."""
    check_place("manifest", path, ".json", is_manifest, inputs)
    check_folder("manifest", path, out)


def check_page(kind: str, path: str, inputs: Iterable[str] = (), out: str = "") -> None:
    """The same for a page; `kind` is what its generator tag says."""
    what = {"snippets": "page of snippets", "compare": "page of a comparison"}.get(kind, kind)
    mark = f'content="imgpar {kind}"'.encode()
    check_place(what, path, ".html", lambda head: mark in head, inputs)
    check_folder(what, path, out)


def check_journal(path: str, inputs: Iterable[str] = ()) -> None:
    """Raise UsageError if a journal would replace a picture, a clip or an input.

    A damaged journal is accepted: it is set aside.
    """
    check_place("journal", path, ".db", lambda head: sniff(head) is None, inputs)


def check_folder(what: str, path: str, out: str = "") -> None:
    """Raise UsageError if the folder does not exist or is not writable; `out` is made by the run."""
    final = os.path.realpath(path)
    folder = os.path.dirname(final)
    if out and folder == os.path.realpath(out) and not os.path.lexists(folder):
        return
    if os.path.isdir(final) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        fix = "Name a file in a folder that exists."
        raise UsageError(f"The {what} cannot be written to {path!r}.", fix=fix)


def check_place(
    what: str, path: str, suffix: str, ours: Callable[[bytes], bool], inputs: Iterable[str] = ()
) -> None:
    """Refuse to replace other files.

    Args:
        what: kind of the file to write, in a word.
        path: its destination.
        suffix: usual suffix of such files.
        ours: returns whether an existing file may be replaced, given its first bytes; empty files may.
        inputs: files that the same call reads.

    Raises:
        UsageError: the path is taken.
    """
    refuse_address(path, f"a file for the {what}")
    fix = f"Name a new file, such as {what.split(' ')[-1]}{suffix}."
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
        raise UsageError(f"{path} exists and cannot be read: {error.strerror}.", fix=fix) from None
    if head and not ours(head):
        raise UsageError(f"{path} already exists and is not a {what}; it was left alone.", fix=fix)


def is_same_file(path: str, other: str) -> bool:
    """Whether two names refer to one existing file: by links of both kinds, or by names that differ in
    case."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def write_whole(path: str, text: Iterable[str], *, encoding: str = "utf-8") -> None:
    """Write a text file atomically; a device or a pipe is written directly.

    Raises:
        OSError: it cannot be written.
    """
    final = os.path.realpath(path)  # the target of a link is replaced, not the link
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
    return head.startswith(b"{") and b'"schema"' in head and not is_manifest(head)


def is_manifest(head: bytes) -> bool:
    """Whether a file that begins like this is a manifest of a run."""
    return head.startswith(b"{") and b'"kind": "manifest"' in head
