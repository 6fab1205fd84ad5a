"""Files, folders and patterns on this machine, streamed folder by folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence

from imgpar.core.errors import NoInputError, UsageError
from imgpar.inputs.batches import Batch, named_item
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import Named, read_inputs
from imgpar.inputs.walk import walk


def scan(inputs: Iterable[str], *, out: str | None, patterns: Patterns | None = None) -> Iterator[Batch]:
    """Find all media in the inputs: files, folders (recursive) and patterns.

    One folder alone (or one pattern with `**`) is mirrored into OUT itself. Of several inputs each folder
    goes under its own name and each file to the top. A pattern without `**` is what the shell makes of it:
    its matches, named one by one. An input that lies inside another one is part of that.

    `out` is the output folder; it is left out where it lies inside an input. None when there is none.
    `patterns` see paths below a folder, and the mere names of files that were named.

    Raises UsageError at once when every input is missing, NoInputError when all are patterns without match.
    """
    named = read_inputs(inputs, out)
    if named.missing and not named.roots and len(named.missing) == len(named.files):
        raise nothing_there(named.missing)
    return _batches(named, out, patterns)


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
    """What is said where no input exists."""
    names = ", ".join(repr(path) for path in missing[:3]) + (" …" if len(missing) > 3 else "")
    if all(glob.has_magic(path) for path in missing):
        return NoInputError(f"Nothing matches {names}.", fix="Check the pattern and the folder you are in.")
    verb = "does" if len(missing) == 1 else "do"
    return UsageError(f"{names} {verb} not exist.", fix="Check the spelling and the folder you are in.")
