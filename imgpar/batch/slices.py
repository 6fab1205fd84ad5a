"""New inputs of a folder as slices: several small pictures in one job, planned without a look at each.

Most inputs of a large run are alike: small pictures of one folder that no earlier run has seen, with one
output each, whose name is free. What is planned for them follows from their names alone, so they are compared
and passed on as a group; every other input is left to `Decisions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imgpar.core.job import Item, Job, Target
from imgpar.inputs.batches import Entries
from imgpar.outputs.naming import Names

SMALL = 256 << 10
"""Bytes of the largest file in a slice: larger ones take so long that a message more does not matter."""
SLICE_ITEMS = 32
SLICE_BYTES = 2 << 20
SLICE_TEXT = 20_000
"""Limits of a slice: number of items, bytes of their files together, characters of their paths."""


def slices_of(entries: Entries, places: range, names: Names, number: int) -> Iterator[tuple[int, Job | None]]:
    """The slices of a range of new inputs.

    Args:
        entries: the folder.
        places: indices of inputs that no earlier run has seen.
        names: of their outputs.
        number: id of the job of the first one.

    Yields:
        The index of an input, and a job with it and those after it; None is left to `Decisions`.
    """
    targets = names.plain(places)
    if targets is None:
        yield from ((index, None) for index in places)
        return
    items = entries.between(places.start, places.stop)
    first, length, text = 0, 0, 0
    for at, (item, target) in enumerate(zip(items, targets, strict=True)):
        alone = target is None or not 0 < item.size <= SMALL or bool(item.error)
        full = at - first >= SLICE_ITEMS or length + item.size > SLICE_BYTES or text > SLICE_TEXT
        if (alone or full) and at > first:
            yield places[first], _slice(number + first, items[first:at], targets[first:at])
        if alone:
            yield places[at], None
        if alone or full:
            first, length, text = at + alone, 0, 0
        length += item.size
        text += 2 * len(item.path) + len(item.mirror)
    if first < len(items):
        yield places[first], _slice(number + first, items[first:], targets[first:])


def _slice(number: int, items: Sequence[Item], targets: Sequence[tuple[str, str] | None]) -> Job:
    made = [Target(*target) for target in targets if target]
    return Job(number, tuple(items), tuple(made), kind="slice" if len(made) > 1 else "frames")
