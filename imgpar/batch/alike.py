"""Groups of items with equal or similar content, from their digests and fingerprints.

Near ones are found by parts of the hash: if two hashes differ in at most `d` bits, one of `d + 1` parts is
equal. So each hash is compared with those that share a part with it, not with all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_DISTANCE = 12
"""Bits of 64 in which two hashes may differ; beyond that, most pairs are different pictures."""
_COLOUR = 40
"""Most difference of a mean colour of a quadrant, of 255."""
_BLOCK = 1 << 20
"""Hashes that are compared with each other at once."""
_SHAPE = 0.1
"""Most relative difference of width / height."""


class Alike(NamedTuple):
    """What is compared."""

    digest: str
    fingerprint: str
    """As of `pixels.fingerprint`; empty where there is none."""
    ratio: float
    """Width / height."""


class Member(NamedTuple):
    """A member of a group."""

    place: int
    """Index of the item."""
    distance: int
    """Bits in which its hash differs from that of the first member."""


def find_groups(items: Sequence[Alike], distance: int | None) -> list[list[Member]]:
    """Groups of two or more, in the order of their first members. An item belongs to the first group whose
    first member it equals or resembles.

    >>> ones = Alike("a", "f" * 40, 1.5)
    >>> find_groups([ones, Alike("b", "0" * 40, 1.5), ones], 0)
    [[Member(place=0, distance=0), Member(place=2, distance=0)]]

    Args:
        items: in any number.
        distance: bits in which hashes may differ; None compares the contents only.
    """
    first: dict[str, int] = {}
    members: dict[int, list[Member]] = {}
    for place, item in enumerate(items):
        leader = first.setdefault(item.digest, place) if item.digest else place
        members.setdefault(leader, []).append(Member(place, 0))
    if distance is not None:
        for leader, others in _near([at for at in members if items[at].fingerprint], items, distance):
            for other, bits in others:
                same = members.pop(other)
                members[leader] += [member._replace(distance=bits) for member in same]
    return [sorted(group) for _, group in sorted(members.items()) if len(group) > 1]


def _near(
    places: Sequence[int], items: Sequence[Alike], distance: int
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each leader with the places that belong to it and their distances; leaders in order."""
    if len(places) < 2:
        return
    import numpy as np

    raw = np.frombuffer(bytes.fromhex("".join(items[at].fingerprint for at in places)), np.uint8)
    rows = raw.reshape(len(places), 20)
    hashes = np.ascontiguousarray(rows[:, :8]).view(np.uint64).ravel()
    kept = np.flatnonzero(_has_near(hashes, distance))
    hashes, colours = hashes[kept], rows[kept, 8:].astype(np.int16)
    numbers = [places[int(at)] for at in kept]
    ratios = np.array([items[at].ratio for at in numbers])
    parts = _parts(hashes, distance + 1)
    free = np.ones(len(numbers), bool)
    for at in range(len(numbers)):
        if not free[at]:
            continue
        free[at] = False
        found = [
            order[start:stop][bits <= distance] for order, start, stop, bits in _sharing(hashes, parts, at)
        ]
        others = np.unique(np.concatenate(found))
        others = others[free[others]]
        close = np.abs(colours[others] - colours[at]).max(axis=1, initial=0) <= _COLOUR
        close &= np.abs(ratios[others] / ratios[at] - 1) <= _SHAPE
        others = others[close]
        if len(others):
            free[others] = False
            bits = _bits(hashes[others] ^ hashes[at])
            yield numbers[at], [(numbers[int(n)], int(d)) for n, d in zip(others, bits, strict=True)]


class _Part(NamedTuple):
    """The hashes in the order of one part of them."""

    order: Array
    """Indices of the hashes."""
    hashes: Array
    """The hashes in this order: those with equal parts are next to each other."""
    starts: Array
    """For each hash (not in this order) where those with its part begin, and where they end."""
    stops: Array


def _parts(hashes: Array, count: int) -> list[_Part]:
    """The hashes by each of `count` parts, whose lengths differ by at most one bit."""
    import numpy as np

    ends = [64 * number // count for number in range(count + 1)]
    found = []
    for low, high in pairwise(ends):
        keys = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(keys, kind="stable")
        in_order = keys[order]
        starts, stops = np.searchsorted(in_order, keys), np.searchsorted(in_order, keys, "right")
        found.append(_Part(order, hashes[order], starts, stops))
    return found


def _sharing(hashes: Array, parts: Sequence[_Part], at: int) -> Iterator[tuple[Array, int, int, Array]]:
    """For each part the hashes that share it, as a range of its order, and the bits in which they differ."""

    for part in parts:
        start, stop = int(part.starts[at]), int(part.stops[at])
        yield part.order, start, stop, _bits(part.hashes[start:stop] ^ hashes[at])


def _bits(values: Array) -> Array:
    """The number of bits that are set in each."""
    import numpy as np

    if hasattr(np, "bitwise_count"):
        counts: Array = np.bitwise_count(values)
        return counts
    table: Array = np.array([number.bit_count() for number in range(256)], np.uint8)  # numpy 1
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, 8)
    sums: Array = table[octets].sum(axis=-1, dtype=np.uint8)
    return sums


def _has_near(hashes: Array, distance: int) -> Array:
    """For each hash whether another one is near: most have none, and need no further look."""
    import numpy as np

    unique, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    near = counts > 1
    for part in _parts(unique, distance + 1):
        for start, stop in zip(*np.unique(np.stack([part.starts, part.stops]), axis=1), strict=True):
            block = part.hashes[start:stop]
            step = max(1, _BLOCK // len(block))
            for first in range(0, len(block) if len(block) > 1 else 0, step):
                bits = _bits(block[first : first + step, None] ^ block[None, :])
                some = (bits <= distance).sum(axis=1) > 1  # each is near itself
                near[part.order[start + first : start + first + len(some)][some]] = True
    return near[inverse]
