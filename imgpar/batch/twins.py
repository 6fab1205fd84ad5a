"""`duplicates`: inputs whose content is that of an earlier input of the run, which are converted once.

Only files of equal size can be equal, so workers are asked for the digests of these alone, before the run is
planned. The first in the order of the inputs that is no symbolic link is converted. With "link" the jobs of
the others wait until its outputs are there, and give them other names.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from imgpar.batch.incremental import Unchanged
from imgpar.batch.plan_entries import job_kind
from imgpar.batch.properties import read_properties
from imgpar.batch.run_options import RunOptions
from imgpar.batch.workers import Workers
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.fs import link_rank
from imgpar.core.job import OTHER, Item, Job, Outcome, OutputFile, Target, Twin, outcome_of
from imgpar.core.properties import Wants
from imgpar.inputs.batches import Batch
from imgpar.inputs.companions import SIDECAR
from imgpar.inputs.sources import Source
from imgpar.ops import is_registered
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken, NotYet

Entry = TypeVar("Entry", bound=Job | Outcome | Unchanged)


def check_duplicates(options: RunOptions, place: Out) -> None:
    """Reject `duplicates` where it cannot be done; raises UsageError."""
    if options.duplicates == "keep":
        return
    if place.in_place:
        raise UsageError(
            "In place every input is its own output, so there is no --duplicates.", fix="Leave it out."
        )
    if place.stored and options.duplicates == "link":
        raise UsageError(
            "Outputs that are no files in a folder cannot be links.",
            fix=f"Use {setting('duplicates', 'skip')} or keep.",
        )


class Twins:
    """The duplicates among the inputs of one run.

    Args:
        options, cancel: of the run.
        workers: returns the workers.
        recipe: of the run.
        sources: of the run.
    """

    def __init__(
        self,
        options: RunOptions,
        cancel: CancelToken,
        workers: Callable[[], Workers],
        recipe: Recipe,
        sources: tuple[Source, ...] = (),
    ) -> None:
        self._mode, self._options, self._cancel = options.duplicates, options, cancel
        self._workers, self._sources = workers, sources
        self._links = self._mode == "link" and not _named_in(recipe)
        self._first: dict[str, tuple[str, str]] = {}
        """The path of the first one with the same content, and the digest, by the path of the others."""
        self._leaders: dict[str, tuple[OutputFile, ...] | None] = {}
        """The outputs of the first ones, by path; None where they are not known (yet), empty where they
        cannot be used."""
        self._targets: dict[str, Sequence[Target]] = {}
        self._held: list[Job] = []

    @property
    def idle(self) -> bool:
        """Whether every input is converted."""
        return self._mode == "keep"

    @property
    def left(self) -> int:
        """Jobs that are held back."""
        return len(self._held)

    def among(self, batches: Iterable[Batch]) -> Iterable[Batch]:
        """The batches, of which all are known and compared when this returns."""
        if self.idle:
            return batches
        every = list(batches)
        sizes = Counter(item.size for item in _items(every))
        alike = (item for item in _items(every) if sizes[item.size] > 1)
        jobs = (Job(0, (item,), kind=job_kind(item)) for item in alike)
        same: dict[tuple[int, str], list[str]] = {}
        answers = read_properties(
            self._workers(),
            jobs,
            self._options,
            self._cancel,
            wants=Wants(digest=True),
            sources=self._sources,
        )
        with contextlib.closing(answers):
            for answer in answers:
                if isinstance(answer, Outcome) or not answer[1].digest:
                    continue  # it fails when it is its turn
                item, digest = answer[0].item, answer[1].digest
                same.setdefault((item.size, digest), []).append(item.path)
        for (_, digest), paths in same.items():
            leader = min(paths, key=link_rank)
            others = [path for path in paths if path != leader]
            self._first |= dict.fromkeys(others, (leader, digest))
            self._leaders |= {leader: None} if others else {}
        return every

    def without(self, entries: Iterable[Entry]) -> Iterator[Entry | Outcome]:
        """The entries of a plan, in which the jobs of duplicates are outcomes, if they are skipped."""
        if self._mode != "skip":
            yield from entries
            return
        for entry in entries:
            if isinstance(entry, Job) and entry.item.path in self._first:
                leader, digest = self._first[entry.item.path]
                note = f"its content is that of {leader}"
                yield outcome_of(
                    entry.item, "skipped", reason="duplicate", notes=(note,), job=entry.id, digest=digest
                )
            else:
                yield entry

    def hold(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries without the jobs that become links, which are held back."""
        if not (self._links and self._first):
            return list(entries)
        kept = list[Entry]()
        for entry in entries:
            if isinstance(entry, Job):
                if entry.item.path in self._first and entry.targets:
                    self._held.append(entry)
                    continue
                if entry.item.path in self._leaders:
                    self._targets[entry.item.path] = entry.targets
            else:
                for outcome in entry if isinstance(entry, Unchanged) else [entry]:
                    self.done(outcome)
            kept.append(entry)
        return kept

    def done(self, outcome: Outcome) -> None:
        """Take note of the outcome of an input."""
        if outcome.source in self._leaders:
            usable = outcome.status == "ok" or outcome.reason == "unchanged"
            self._leaders[outcome.source] = outcome.outputs if usable else ()

    def then_links(
        self, plan: Iterator[Job | Outcome | Unchanged | NotYet]
    ) -> Iterator[Job | Outcome | Unchanged | NotYet]:
        """The plan, and after it the jobs that were held back, each when the first one is done."""
        yield from plan
        while self._held:
            ready = [job for job in self._held if self._leaders[self._first[job.item.path][0]] is not None]
            if not ready:
                yield NotYet()
                continue
            self._held = [job for job in self._held if job not in ready]
            yield from map(self._linked, ready)

    def previewed(self, entry: Job | Outcome | Unchanged) -> Job | Outcome | Unchanged:
        """The entry of a dry run, with a remark where its outputs would be links."""
        if not (self._links and isinstance(entry, Job) and entry.item.path in self._first):
            return entry
        note = f"its content is that of {self._first[entry.item.path][0]}, so its outputs become links"
        return entry._replace(notes=(*entry.notes, note))

    def _linked(self, job: Job) -> Job:
        """The job that links; the job itself where the outputs of the first one are not of the same kinds."""
        leader, digest = self._first[job.item.path]
        files = self._fitting(job.targets, self._leaders[leader] or (), self._targets.get(leader))
        if files is None:
            return job
        # No digest: its own outputs of an earlier run are replaced, as they are no links.
        return job._replace(kind="file", digest="", there=(), same=None, twin=Twin(digest, files, leader))

    def _fitting(
        self, targets: Sequence[Target], files: Sequence[OutputFile], made: Sequence[Target] | None
    ) -> tuple[OutputFile, ...] | None:
        """For each target the file of the first one with the same format and settings."""
        if any(target.split for target in targets):
            return None
        if made is not None:
            paths = {(target.branch, target.format): target.path for target in made}
            wanted = [paths.get((target.branch, target.format)) for target in targets]
            by_path = {file.path: file for file in files}
            found = [by_path.get(path or "") for path in wanted]
        else:
            suffixes = Counter(_suffix(file.path) for file in files)
            by_suffix = {_suffix(file.path): file for file in files if suffixes[_suffix(file.path)] == 1}
            found = [by_suffix.get(_suffix(target.path)) for target in targets]
        used = tuple(file for file in found if file is not None)
        return used if len(used) == len(targets) == len(set(used)) else None


def _items(batches: Iterable[Batch]) -> Iterator[Item]:
    """The items that can be duplicates."""
    for batch in batches:
        for item in batch.items:
            if not item.error and item.size > 0 and item.format not in (SIDECAR, OTHER):
                yield item


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _named_in(recipe: Recipe) -> bool:
    """Whether the outputs depend on more than the content: on functions, or text with the name of a file."""
    return any(
        not is_registered(type(operation))
        or operation.dynamic
        or any("{" in str(getattr(operation, name)) for name in operation.options())
        for branch in recipe.branches()
        for operation in branch.operations
    )
