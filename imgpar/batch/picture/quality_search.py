"""Search for the quality with which an output has a wanted size or a wanted score, in few encodes.

A curve that is typical of the goal says how size or score depends on the quality; a picture differs from it
by an offset, which the first encode shows. The first guess takes the mean offset of earlier pictures, so in a
folder of similar pictures it is close. From two encodes on, the offset is interpolated between them; how it
changes with the quality is remembered, too.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_QUALITIES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100)
REMEMBERED = 8
"""Number of pictures whose offsets are averaged."""
_FAR_ENOUGH = 3
"""Steps of quality between two encodes that tell the slope of the offset."""
_MODELLED = 6
"""Encodes after which the interval is halved: the curve does not fit such a picture."""


class Goal(NamedTuple):
    """What is searched for, as a number that rises with the quality: the logarithm of the bytes per pixel, or
    a score."""

    curve: tuple[float, ...]
    """The typical value at each of the qualities in `_QUALITIES`."""
    low: float
    """Values from here …"""
    high: float
    """… to here are accepted at once."""
    most: bool
    """Whether the highest quality with a value of at most `high` is wanted (a size); else the lowest one with
    a value of at least `low` (a score)."""

    @property
    def aim(self) -> float:
        """The value that guesses aim at."""
        return (self.low + self.high) / 2

    def typical(self, quality: float) -> float:
        """The value of the curve at a quality."""
        right = min(max(bisect_right(_QUALITIES, quality), 1), len(_QUALITIES) - 1)
        left, step = _QUALITIES[right - 1], _QUALITIES[right] - _QUALITIES[right - 1]
        return self.curve[right - 1] + (self.curve[right] - self.curve[right - 1]) * (quality - left) / step

    def meets(self, value: float) -> bool:
        """Whether a value is allowed; among those the best is wanted."""
        return value <= self.high if self.most else value >= self.low


class Found(NamedTuple):
    """The result of a search."""

    quality: int
    """0 where no quality meets the goal."""
    tries: int


@dataclass(slots=True)
class Experience:
    """Offsets of earlier pictures of a run in this process, by format, settings and goal."""

    run: str = ""
    offsets: dict[Hashable, deque[float]] = field(default_factory=dict)
    slopes: dict[Hashable, deque[float]] = field(default_factory=dict)
    """Change of the offset per step of quality."""

    def offset(self, key: Hashable) -> float:
        """The mean offset of the last pictures; 0 without any."""
        found = self.offsets.get(key)
        return sum(found) / len(found) if found else 0.0

    def slope(self, key: Hashable) -> float:
        """The mean slope of the last pictures; 0 without any."""
        found = self.slopes.get(key)
        return sum(found) / len(found) if found else 0.0

    def add(self, key: Hashable, known: Sequence[tuple[int, float]], last: int) -> None:
        """Remember a picture: its offsets at some qualities, in rising order, and the quality taken."""
        self.offsets.setdefault(key, deque(maxlen=REMEMBERED)).append(dict(known)[last])
        (first, one), (end, other) = known[0], known[-1]
        if end - first >= _FAR_ENOUGH:
            self.slopes.setdefault(key, deque(maxlen=REMEMBERED)).append((other - one) / (end - first))


_per_thread = threading.local()


def experience_of(run: str) -> Experience:
    """The experience of a run in this worker. It starts empty: a run with one worker always gives the same
    files."""
    current: Experience | None = getattr(_per_thread, "current", None)
    if current is None or current.run != run:
        current = _per_thread.current = Experience(run)
    return current


def find_quality(
    goal: Goal,
    value_of: Callable[[int], float],
    least: int,
    most: int,
    experience: Experience,
    key: Hashable,
) -> Found:
    """Find the best quality that meets a goal: one in the accepted range, or the last one that meets it.

    >>> goal = Goal(tuple(range(15)), 6.9, 7.1, True)
    >>> find_quality(goal, goal.typical, 1, 95, Experience(), "")
    Found(quality=60, tries=1)

    Args:
        goal: with its curve.
        value_of: encodes with a quality and returns the value.
        least: lowest quality.
        most: highest quality.
        experience: of earlier pictures; it learns from this one.
        key: what has a curve of its own: format, settings and goal.
    """
    tried: dict[int, float] = {}
    below, above = least - 1, most + 1
    best = 0
    while below + 1 < above:
        quality = _guess(goal, tried, below, above, experience, key)
        value = tried[quality] = value_of(quality)
        if goal.meets(value):
            best = quality
        if goal.low <= value <= goal.high:
            break
        # A size that fits is a lower bound of the quality, and a score that is reached an upper one.
        if goal.meets(value) == goal.most:
            below = quality
        else:
            above = quality
    if tried:
        last = best or min(tried, key=lambda quality: abs(tried[quality] - goal.aim))
        experience.add(key, _offsets(goal, tried), last)
    return Found(best, len(tried))


def _offsets(goal: Goal, tried: dict[int, float]) -> list[tuple[int, float]]:
    return sorted((quality, value - goal.typical(quality)) for quality, value in tried.items())


def _guess(
    goal: Goal, tried: dict[int, float], below: int, above: int, experience: Experience, key: Hashable
) -> int:
    """The next quality to try, between the bounds."""
    inside = range(below + 1, above)
    if len(tried) >= _MODELLED:
        return inside[len(inside) // 2]
    known, usual, slope = _offsets(goal, tried), experience.offset(key), experience.slope(key)

    def distance(quality: int) -> float:
        return abs(goal.typical(quality) + _offset(known, quality, usual, slope) - goal.aim)

    return min(inside, key=distance)


def _offset(known: list[tuple[int, float]], quality: int, usual: float, slope: float) -> float:
    """The offset from the curve at a quality, interpolated between the known ones, or extrapolated."""
    if not known:
        return usual
    right = bisect_right(known, (quality, math.inf))
    if right in (0, len(known)):
        nearest, offset = known[min(right, len(known) - 1)]
        if len(known) > 1 and (span := known[-1][0] - known[0][0]) >= _FAR_ENOUGH:
            slope = (known[-1][1] - known[0][1]) / span
        return offset + slope * (quality - nearest)
    (left, one), (end, other) = known[right - 1], known[right]
    return one + (other - one) * (quality - left) / (end - left)
