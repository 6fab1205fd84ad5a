"""What a run says of files that are no pictures and clips (`others`): they are no items of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from imgpar.batch.incremental import Unchanged
from imgpar.core.job import OTHER, Job, Outcome
from imgpar.inputs.batches import Batch

Entry = TypeVar("Entry", bound=Job | Outcome | Unchanged)
SHOWN = 5
"""Most failures that are named."""


def is_other(entry: Job | Outcome | Unchanged) -> bool:
    """Whether an entry of a plan, or an outcome, is of such a file."""
    if isinstance(entry, Outcome):
        return entry.other
    item = entry.items[entry.start] if isinstance(entry, Unchanged) else entry.item
    return item.format == OTHER


def mark_others(entries: Iterable[Entry], batch: Batch) -> Iterator[Entry]:
    """The entries of a batch, with the outcomes of such files marked."""
    if isinstance(batch.items, tuple | list):
        paths = {item.path for item in batch.items if item.format == OTHER}
        if paths:
            return (_marked(entry, paths) for entry in entries)
    return iter(entries)


def _marked(entry: Entry, paths: set[str]) -> Entry:
    if isinstance(entry, Outcome) and entry.source in paths:
        return entry._replace(other=True)
    return entry


class OtherFiles:
    """Counts what became of them.

    Args:
        linked: whether they become hard links.
        listen: called with each outcome.
    """

    def __init__(self, *, linked: bool = False, listen: Callable[[Outcome], object] = lambda _: None) -> None:
        self._made, self._listen = "linked" if linked else "copied", listen
        self.counts: Counter[str] = Counter()
        """By what became of them: "copied", "linked", "unchanged", "kept" (an existing file was left alone),
        "failed", "planned"."""
        self._failures: list[str] = []

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self._listen(outcome)
        if outcome.status == "ok":
            self.counts["copied" if outcome.notes else self._made] += 1
        elif outcome.status == "skipped":
            self.counts["unchanged" if outcome.reason == "unchanged" else "kept"] += 1
        else:
            self.counts[outcome.status] += 1
        if outcome.status == "failed" and len(self._failures) < SHOWN:
            self._failures.append(f"{outcome.source}: {outcome.error}")

    def remarks(self) -> list[str]:
        """Sentences on the failures."""
        more = self.counts["failed"] - len(self._failures)
        said = [f"Not copied: {failure}" for failure in self._failures]
        return [*said, f"… and {more} more other files were not copied."] if more > 0 else said


def others_sentence(counts: Mapping[str, int]) -> str:
    """The counts in words; empty where there are none.

    >>> others_sentence({"copied": 3, "unchanged": 2})
    'Other files: 3 copied, 2 unchanged.'
    """
    parts = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"Other files: {parts}." if parts else ""
