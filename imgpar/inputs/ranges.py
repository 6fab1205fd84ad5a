"""Names with a range of numbers, as shards have them: `photos-{00000..00012}.tar`."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator

from imgpar.core.errors import UsageError
from imgpar.core.filenames import natural

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
MOST = 100_000
"""Names that a range may stand for."""


def spelled_out(text: str) -> Iterator[str]:
    """The names that a text with ranges stands for; the text itself without any, or where it is a file.

    >>> list(spelled_out("a-{08..10}.tar"))
    ['a-08.tar', 'a-09.tar', 'a-10.tar']

    Raises:
        UsageError: a range has too many numbers, or none.
    """
    found = _RANGE.search(text)
    if found is None or os.path.lexists(text):
        yield text
        return
    first, last = int(found[1]), int(found[2])
    if not 0 <= last - first < MOST:
        raise UsageError(
            f"The range {found[0]} has {max(0, last - first + 1):,} numbers.",
            fix=f"Put the smaller number first, and name up to {MOST:,}.",
        )
    width = len(found[1]) if found[1].startswith("0") or len(found[1]) == len(found[2]) else 0
    for number in range(first, last + 1):
        yield from spelled_out(f"{text[: found.start()]}{number:0{width}}{text[found.end() :]}")


def matching(pattern: str) -> list[str]:
    """The files that match a pattern, in natural order; the pattern itself where it is the name of a file, or
    where there are none."""
    if not glob.has_magic(pattern) or os.path.lexists(pattern):
        return [pattern]
    return sorted(glob.iglob(pattern), key=lambda match: (natural(match), match)) or [pattern]
