"""`--estimate`: time and bytes of a run, from a sample of its inputs that is really converted.

The inputs of the plan are divided into strata by format and size; of each, some are chosen at random and
converted into a temporary folder with the recipe and the workers of the run. Time and bytes of the others
follow from their sizes (a ratio estimator for each stratum). Estimates, and what the runs then took, are kept
in the user's state folder.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgpar.batch.report import Report, counted, format_size
from imgpar.batch.report_lines import state_folder
from imgpar.core.filenames import short_hash
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.where import named_format
from imgpar.outputs.sidefiles import write_whole

SAMPLES = 6
"""Most files of one stratum that are converted."""
STRATA = 12
"""Most strata of which files are converted, those with the most bytes."""
_KEPT = 100
_SHOWN = 5
_ALONE = 0.5
"""Relative standard deviation that is assumed where one file was converted."""
_MOST_WAITING = 1.5
"""Most factor by which waiting of workers lengthens a run; in a short sample they wait longer."""
_MOST_ERROR = 0.75
"""Relative error of past estimates that is taken into account upwards: four times the estimate."""


class Interval(NamedTuple):
    """An estimate with the range in which the actual value lies in about 19 of 20 cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take. Nothing was written to OUT.

    >>> times, sizes = Interval(61.0, 50.0, 70.0), Interval(2e5, 1e5, 3e5)
    >>> print(Estimate(2, 3_000_000, times, sizes, 9_000_000).summary())
    Would work on 2 files of 3.0 MB.
    Time:   1 min 01 s (50.0 s to 1 min 10 s) with 1 worker.
    Output: 200.0 kB (100.0 kB to 300.0 kB); 9.0 MB are free.
    Converted 0 files in 0.0 s for this.
    """

    items: int
    """Number of inputs that would be converted."""
    bytes_in: int
    """Their size."""
    seconds: Interval
    bytes_out: Interval
    free: int
    """Free bytes where the outputs go; -1 is unknown."""
    workers: int = 1
    sampled: int = 0
    """Number of inputs that were converted for it."""
    sample_seconds: float = 0.0
    left_out: int = 0
    """Inputs of which none of the same format and similar size was converted; they are not in the figures."""
    past_errors: tuple[tuple[float, float], ...] = ()
    """Of the last estimates that a run followed: relative error of time and of bytes."""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As printed by `--json`."""
        return {
            "items": self.items,
            "bytes_in": self.bytes_in,
            "seconds": self.seconds._asdict(),
            "bytes_out": self.bytes_out._asdict(),
            "free": self.free if self.free >= 0 else None,
            "workers": self.workers,
            "sampled": self.sampled,
            "sample_seconds": round(self.sample_seconds, 3),
            "left_out": self.left_out,
            "past_errors": [{"seconds": spent, "bytes_out": size} for spent, size in self.past_errors],
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """The estimate as text."""
        times, sizes = self.seconds, self.bytes_out
        spans = [f"{_span(times.value)} ({_span(times.low)} to {_span(times.high)})"]
        spans.append(
            " (".join(map(format_size, map(int, sizes[:2]))) + f" to {format_size(int(sizes.high))})"
        )
        free = f"; {format_size(self.free)} are free" if self.free >= 0 else ""
        lines = [
            f"Would work on {counted(self.items, 'file')} of {format_size(self.bytes_in)}.",
            f"Time:   {spans[0]} with {counted(self.workers, 'worker')}.",
            f"Output: {spans[1]}{free}.",
            f"Converted {counted(self.sampled, 'file')} in {self.sample_seconds:.1f} s for this.",
        ]
        if 0 <= self.free < sizes.high:
            lines.append("There may not be enough space.")
        if self.left_out:
            lines.append(f"{counted(self.left_out, 'file')} of other formats or sizes: not in these figures.")
        if self.past_errors:
            spent, size = (sum(errors) / len(errors) for errors in zip(*self.past_errors, strict=True))
            which = (
                "The last estimate was"
                if len(self.past_errors) == 1
                else (f"The last {len(self.past_errors)} estimates were")
            )
            lines.append(f"{which} off by {spent:.0%} in time and {size:.0%} in bytes on average.")
        return "\n".join([*lines, *self.notes])


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours} h {rest // 60:02} min" if hours else f"{rest // 60} min {rest % 60:02} s"


@dataclass(slots=True)
class _Stratum:
    """Inputs of one format and of similar size: sizes differ by less than four times."""

    count: int = 0
    bytes: int = 0
    chosen: list[Item] = field(default_factory=list)


class Sample:
    """The inputs of a plan, and a few of each stratum that are converted for the estimate."""

    def __init__(self) -> None:
        self.strata: dict[tuple[str, int], _Stratum] = {}
        self._random = random.Random(0)  # noqa: S311 - the same files each time

    def take(self, entries: Iterable[Job | Outcome]) -> None:
        """Choose from the jobs of a plan."""
        for entry in entries:
            if not isinstance(entry, Job) or entry.check:
                continue
            key = named_format(entry.item), entry.item.size.bit_length() // 2
            stratum = self.strata.setdefault(key, _Stratum())
            stratum.count += 1
            stratum.bytes += max(1, entry.item.size)
            if entry.item.source:
                continue
            if len(stratum.chosen) < SAMPLES:
                stratum.chosen.append(entry.item)
            elif (place := self._random.randrange(stratum.count)) < SAMPLES:
                stratum.chosen[place] = entry.item

    @property
    def items(self) -> int:
        """Number of inputs to convert."""
        return sum(stratum.count for stratum in self.strata.values())

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(stratum.bytes for stratum in self.strata.values())

    def paths(self) -> list[str]:
        """The files to convert, some of each stratum first."""
        largest = sorted(self.strata.values(), key=lambda stratum: -stratum.bytes)[:STRATA]
        return [
            stratum.chosen[place].path
            for place in range(SAMPLES)
            for stratum in largest
            if place < len(stratum.chosen)
        ]

    def estimate(self, report: Report, *, workers: int, free: int) -> Estimate:
        """The estimate from the report of the sample.

        Args:
            report: of the conversion of `paths`.
            workers: number of worker processes of the run.
            free: free bytes where the outputs go; -1 is unknown.
        """
        done = {outcome.source: outcome for outcome in report.items if outcome.status == "ok"}
        spent, made, left = list[tuple[float, float]](), list[tuple[float, float]](), 0
        for stratum in self.strata.values():
            found = [(item.size, done[item.path]) for item in stratum.chosen if item.path in done]
            if not found:
                left += stratum.count
                continue
            sizes = [max(1, size) for size, _ in found]
            spent.append(_ratio(stratum, sizes, [outcome.seconds for _, outcome in found]))
            outputs = [sum(file.bytes for file in outcome.outputs) for _, outcome in found]
            made.append(_ratio(stratum, sizes, outputs))
        busy = sum(outcome.seconds for outcome in done.values())
        waiting = report.workers * report.working_seconds / busy if busy else 1.0
        factor = min(max(waiting, 1.0), _MOST_WAITING) / max(1, min(workers, self.items))
        past = past_errors()
        return Estimate(
            self.items,
            self.bytes,
            _widened(_total(spent, factor), [seconds for seconds, _ in past]),
            _widened(_total(made, 1.0), [size for _, size in past]),
            free,
            workers=max(1, min(workers, self.items)),
            sampled=len(done),
            sample_seconds=report.seconds,
            left_out=left,
            past_errors=tuple(past),
        )


def _ratio(stratum: _Stratum, sizes: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """The total of a stratum, and its standard deviation: the ratio estimator of a random sample."""
    ratio, count = sum(values) / sum(sizes), len(sizes)
    total = ratio * stratum.bytes
    if count >= stratum.count:
        return sum(values), 0.0
    if count == 1:
        return total, _ALONE * total
    spread = sum((value - ratio * size) ** 2 for value, size in zip(values, sizes, strict=True)) / (count - 1)
    return total, stratum.count * math.sqrt((1 - count / stratum.count) * spread / count)


def _total(parts: Sequence[tuple[float, float]], factor: float) -> Interval:
    value = factor * sum(total for total, _ in parts)
    far = 2 * factor * math.sqrt(sum(spread**2 for _, spread in parts))
    return Interval(value, max(0.0, value - far), value + far)


def _widened(found: Interval, errors: Sequence[float]) -> Interval:
    """An interval that is at least as wide as the largest relative error of past estimates.

    >>> _widened(Interval(30.0, 30.0, 30.0), [0.1, 0.5])
    Interval(value=30.0, low=20.0, high=60.0)
    """
    worst = max(errors, default=0.0)
    # The error is relative to the actual value, which is the estimate / (1 ± error).
    low, high = found.value / (1 + worst), found.value / (1 - min(worst, _MOST_ERROR))
    return Interval(found.value, min(found.low, low), max(found.high, high))


# ----- past estimates --------------------------------------------------------------------------------


def estimate_key(out: str, keys: Iterable[str]) -> str:
    """What an estimate and the run after it have in common: OUT and the settings."""
    return short_hash("\0".join([os.path.realpath(out), *keys]), 32)


def keep_estimate(key: str, found: Estimate) -> None:
    """Store an estimate, to be compared with the run that follows."""
    row = {"key": key, "time": time.time(), "items": found.items}
    row |= {"seconds": found.seconds.value, "bytes": found.bytes_out.value}
    _store([*(old for old in _stored() if old.get("key") != key or "actual_seconds" in old), row])


def compare_with_estimate(key: str, report: Report) -> None:
    """Store what a run took, if it did what an estimate was made of."""
    rows = _stored()
    for row in reversed(rows):
        if row.get("key") == key and "actual_seconds" not in row:
            if row.get("items") == report.ok and not (report.cancelled or report.stopped):
                row |= {"actual_seconds": report.working_seconds, "actual_bytes": report.bytes_out}
                _store(rows)
            return


def past_errors() -> list[tuple[float, float]]:
    """Relative errors of time and bytes of the last estimates that a run followed."""
    found = list[tuple[float, float]]()
    for row in _stored():
        with contextlib.suppress(TypeError, ValueError, KeyError, ZeroDivisionError):
            spent, made = float(row["actual_seconds"]), float(row["actual_bytes"])
            found.append((abs(row["seconds"] - spent) / spent, abs(row["bytes"] - made) / made))
    return found[-_SHOWN:]


def _path() -> str:
    return os.path.join(state_folder(), "estimates.json")


def _stored() -> list[dict[str, Any]]:
    try:
        with open(_path(), encoding="ascii") as file:
            rows = json.load(file)
    except (OSError, ValueError):
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _store(rows: Sequence[Mapping[str, Any]]) -> None:
    """A state folder that cannot be written is not an error."""
    with contextlib.suppress(OSError):
        os.makedirs(state_folder(), mode=0o700, exist_ok=True)
        write_whole(_path(), [json.dumps(list(rows[-_KEPT:]))], encoding="ascii")
