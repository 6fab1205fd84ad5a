"""What each drop has made since the window was opened, so that it can be taken back, the last first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import imgpar

Version = tuple[str, int, int, int]
"""One state of one file: path, bytes, and both times."""


def version(file: imgpar.OutputFile) -> Version:
    """The state of a file when it was written."""
    return (file.path, file.bytes, file.mtime_ns, file.ctime_ns)


@dataclass(frozen=True, slots=True)
class DropResult:
    """What was done between two times at which the window was idle."""

    outcomes: tuple[imgpar.Outcome, ...]
    """Those with new files."""
    folders: tuple[str, ...]
    replaced: bool = False
    """Whether the outputs took the places of the originals."""
    page: imgpar.OutputFile | None = None
    """The page of the report."""
    earlier: frozenset[Version] = frozenset()
    """Files that are named by the outcomes and that an earlier drop has made: these stay."""

    @property
    def files(self) -> int:
        """Number of new files."""
        return len(self.versions - self.earlier)

    @property
    def versions(self) -> frozenset[Version]:
        """All files that the outcomes name."""
        return frozenset(version(file) for outcome in self.outcomes for file in outcome.outputs)


class History:
    """A stack of what was done.

    >>> history = History()
    >>> history.add([imgpar.Outcome("/a", "ok", (imgpar.OutputFile("/b", 9),))], ["/"])
    >>> history.last.files
    1
    >>> history.drop_last()
    >>> history.last is None
    True
    """

    def __init__(self) -> None:
        self._past: list[DropResult] = []

    @property
    def last(self) -> DropResult | None:
        """What was done last, and not taken back."""
        return self._past[-1] if self._past else None

    def add(
        self, outcomes: Iterable[imgpar.Outcome], folders: Iterable[str], *,
        replaced: bool = False, page: imgpar.OutputFile | None = None,
    ) -> None:  # fmt: skip
        """Remember what was done; nothing where no file is new."""
        if past := self.result_of(outcomes, folders, replaced=replaced, page=page):
            self._past.append(past)

    def result_of(
        self, outcomes: Iterable[imgpar.Outcome], folders: Iterable[str], *,
        replaced: bool = False, page: imgpar.OutputFile | None = None,
    ) -> DropResult | None:  # fmt: skip
        """What there is to be taken back of these outcomes; None if nothing is."""
        new = tuple(outcome for outcome in outcomes if outcome.status == "ok" and outcome.outputs)
        if not new and page is None:
            return None
        known = {made for past in self._past for made in past.versions}
        past = DropResult(new, tuple(folders), replaced, page)
        past = replace(past, earlier=frozenset(known & past.versions))
        return past if past.files or page else None

    def drop_last(self) -> None:
        """Forget what was done last, because it was taken back.

        Originals that came back are what they were before all drops, so no drop before has replaced them.
        """
        gone = self._past.pop()
        if gone.replaced:
            back = {outcome.source for outcome in gone.outcomes}
            self._past = [left for past in self._past if (left := _without(past, back)).outcomes or left.page]


def _without(past: DropResult, sources: set[str]) -> DropResult:
    """What is left to be taken back after these originals came back."""
    if not past.replaced:
        return past
    return replace(past, outcomes=tuple(made for made in past.outcomes if made.source not in sources))
