"""Local files, folders and patterns, scanned folder by folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence

from imgpar.core.errors import NoInputError, UsageError
from imgpar.inputs.batches import Batch, named_item
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import Named, absolute, read_inputs
from imgpar.inputs.walk import walk


def scan(inputs: Iterable[str], *, out: str | None, patterns: Patterns | None = None) -> Iterator[Batch]:
    """Find all media in the inputs: files, folders (recursive) and patterns.

    A single folder (or pattern with `**`) is mirrored into OUT itself. Of several inputs each folder goes to
    a folder of its name and each file to the top. A pattern without `**` is expanded as by the shell. An
    input inside another one is part of it.

    Args:
        inputs: as given.
        out: output folder, which is skipped inside of an input; None if there is none.
        patterns: applied to paths below a folder, and to the names of files that were named.

    Raises:
        UsageError: every input is missing.
        NoInputError: all inputs are patterns without a match.
    """
    named = read_inputs(inputs, out)
    if named.missing and not named.roots and len(named.missing) == len(named.files):
        raise nothing_there(named.missing)
    return _batches(named, out, patterns)


def scan_in_order(inputs: Sequence[str], patterns: Patterns | None = None) -> Iterator[Batch]:
    """The media of each input, in the order of the inputs; one that is named twice comes twice.

    Args:
        inputs: as given.
        patterns: as for `scan`.

    Raises:
        UsageError: every input is missing.
        NoInputError: a pattern has no match.
    """
    missing = {path for path in inputs if not os.path.lexists(path) and not glob.has_magic(path)}
    if missing and missing.issuperset(inputs):
        raise nothing_there(list(dict.fromkeys(inputs)))

    def batches() -> Iterator[Batch]:
        for path in inputs:
            if path in missing:
                full = absolute(path)
                yield Batch("", "", (named_item(full, os.path.basename(full))._replace(named=True),))
            else:
                yield from scan([path], out=None, patterns=patterns)

    return batches()


def _batches(named: Named, out: str | None, patterns: Patterns | None) -> Iterator[Batch]:
    if named.files:
        files = [path for path in named.files if not patterns or patterns.takes(os.path.basename(path))]
        items = tuple(named_item(path, os.path.basename(path))._replace(named=True) for path in files)
        folders = tuple(root.mirror for root in named.roots)
        yield Batch("", "", items, folders=folders, excluded=len(named.files) - len(files))
    for root in named.roots:
        yield from walk(
            root.path,
            root.mirror,
            wanted=None if root.everything else root.takes,
            named=root.named,
            leave_out=out or "",
            patterns=patterns,
        )


def nothing_there(missing: Sequence[str]) -> UsageError:
    """The error if no input exists."""
    names = ", ".join(repr(path) for path in missing[:3]) + (" …" if len(missing) > 3 else "")
    if all(glob.has_magic(path) for path in missing):
        return NoInputError(f"Nothing matches {names}.", fix="Check the pattern and the folder you are in.")
    verb = "does" if len(missing) == 1 else "do"
    return UsageError(f"{names} {verb} not exist.", fix="Check the spelling and the folder you are in.")
