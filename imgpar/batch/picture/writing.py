"""The outputs of one task: encoded, checked and committed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from imgpar.batch.picture import outputs, reuse
from imgpar.batch.picture.quality_search import experience_of
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.batch.results import TargetResults, Written
from imgpar.batch.run_spec import RunSpec
from imgpar.core.digest import matches_output
from imgpar.core.errors import ItemError, NotSmallerError, SourceError
from imgpar.core.fs import remove_file
from imgpar.core.job import Facts, OutputFile, Target
from imgpar.core.spec import Frame, Header
from imgpar.formats.registry import find_format
from imgpar.inputs.batches import why_unreadable
from imgpar.outputs.commit import (
    Original,
    Times,
    commit,
    default_times,
    done_before,
    made_before,
    taken_over,
)
from imgpar.outputs.parts import finish
from imgpar.runtime.protocol import Task
from imgpar.runtime.stage_times import StageClock

_NO_COPY = reuse.SourceBytes()


class Writing:
    """Encodes and commits the outputs of a task.

    Args:
        task: with the targets.
        run: recipe and limits of the run.
        clock: measures the stages.
    """

    __slots__ = ("_clock", "_metadata_lost", "_results", "_run", "_task", "_wanted", "digest", "source")

    def __init__(self, task: Task, run: RunSpec, clock: StageClock) -> None:
        self._task, self._run, self._clock = task, run, clock
        self.source: Times = None
        """Status of the input when it was read; None where another worker read it, or nothing is known."""
        self.digest = ""
        """Digest of the input, where this worker read it."""
        self._metadata_lost: list[str] = []
        targets = task.job.targets
        self._wanted = tuple(targets[number] for number in task.targets) if task.targets else targets
        together = run.strict or any(target.retires for target in targets)
        self._results = TargetResults(task.serial, together=together)

    def recovered(self) -> tuple[OutputFile, ...]:
        """Outputs committed by an earlier attempt whose worker died, where they are complete."""
        return tuple(done_before(self._wanted, self._run.noted())) if self._task.attempt else ()

    def targets(self) -> list[Target]:
        """The targets of the task that are still to be written. One that retires the original is last: a
        failure before that leaves it in its place."""
        targets = list(self._wanted)
        if len(targets) > 1:
            targets.sort(key=lambda target: bool(target.retires))
        return targets if self._results.together else self._left_by_crash(targets)

    def _left_by_crash(self, targets: list[Target]) -> list[Target]:
        """Without the outputs of an attempt whose worker died; the one that killed it is last."""
        if not self._task.attempt or len(targets) == 1 or any(target.either for target in targets):
            return targets
        made = made_before(targets, self._run.noted())
        for target in targets:
            if file := made.get(target.path):
                self.add([(target, file)])
        left = [target for target in targets if target.path not in made]
        return [*left[1:], *left[:1]] if made else left

    def each(
        self,
        targets: Sequence[Target],
        frames: list[Frame],
        header: Header,
        original: reuse.SourceBytes = _NO_COPY,
    ) -> None:
        """Write some targets from these frames; see `attempt` for failures."""
        if either := [target for target in targets if target.either]:
            with self.attempt(either):
                self._smallest(either, frames, header, original)
        for target in targets:
            if not target.either:
                with self.attempt([target]):
                    file, encoded = self.one(target, frames, header, original)
                    self.add([(target, file)], encoded.lost, encoded.notes, encoded.tries)

    def _smallest(
        self, targets: Sequence[Target], frames: list[Frame], header: Header, original: reuse.SourceBytes
    ) -> None:
        """Encode all targets and commit the smallest. An earlier output in another format is removed."""
        made, errors = list[tuple[Target, EncodedOutput]](), list[ItemError]()
        notes = list[str]()
        for target in targets:
            try:
                made.append((target, self._encoded(target, frames, header, original)))
            except ItemError as error:
                errors.append(error)
                notes.append(f"{find_format(target.format).title} was left out: {error.message}")
        if not made:
            raise errors[0]
        target, encoded = best_of(made)
        file = self.commit(target, encoded)
        for other in targets:
            if other is not target and other.known and matches_output(other.path, other.known):
                remove_file(other.path)
        if len(made) > 1:
            sizes = (f"{find_format(one.format).title} {len(each.data):,}" for one, each in made)
            notes.append(f"{find_format(target.format).title} is the smallest ({', '.join(sizes)} bytes)")
        self.add([(target, file)], encoded.lost, (*encoded.notes, *notes), encoded.tries)

    @property
    def keep_smaller(self) -> bool:
        """Whether an input gives way only to a smaller file, where only its size is the reason."""
        return bool(self._run.encode.only_if_smaller) or any(target.retires for target in self._wanted)

    def attempt(self, targets: Sequence[Target]) -> AbstractContextManager[None]:
        """A block that makes these targets: see `TargetResults.attempt`."""
        return self._results.attempt(targets, self._clock)

    def add(
        self,
        made: Iterable[tuple[Target, OutputFile]],
        lost: Iterable[str] = (),
        notes: Iterable[str] = (),
        tries: int = 0,
    ) -> None:
        """Add committed files, each with its target, to the results; losses, notes, and the encodes of a
        search."""
        self._results.add(made, lost, notes, tries)

    def results(self) -> Written:
        """What was written; raises the first failure where nothing was."""
        made = self._results.written()
        paths = {file.path for file in made.files}
        # Of these, split targets have one page, under the path itself.
        finish((target for target in self._wanted if target.path in paths), made.files, None)
        if not (made.lost or self._metadata_lost):
            return made
        return made._replace(lost=tuple(dict.fromkeys([*made.lost, *self._metadata_lost])))

    def one(
        self, target: Target, frames: list[Frame], header: Header, original: reuse.SourceBytes = _NO_COPY
    ) -> tuple[OutputFile, EncodedOutput]:
        """Encode, check and commit one target.

        Args:
            target: the output.
            frames: the transformed frames.
            header: of the picture.
            original: the bytes of the input, where they may be copied.

        Raises:
            ItemError: it cannot be encoded, is refused by a check, or cannot be written.
        """
        encoded = self._encoded(target, frames, header, original)
        return self.commit(target, encoded), encoded

    def _encoded(
        self, target: Target, frames: list[Frame], header: Header, original: reuse.SourceBytes
    ) -> EncodedOutput:
        """Encode and check one target."""
        run = self._run.branch(target.branch)
        with self._clock.during("encode"):
            experience, path = experience_of(run.name), self._task.job.item.path
            encoded = outputs.make(
                frames,
                header,
                target.format,
                run.encode,
                run.operations,
                original,
                path,
                experience=experience,
            )
        if encoded.kept and target.retires == target.path and encoded.data == original.data:
            error = NotSmallerError(encoded.kept)
            error.digest = self.digest
            raise error
        if run.strict or run.verify:
            with self._clock.during("encode"):
                strict, verify = run.strict, run.verify
                outputs.check(encoded, frames, target.format, header.metadata, strict=strict, verify=verify)
        return encoded

    def commit(self, target: Target, encoded: EncodedOutput) -> OutputFile:
        """Write encoded bytes to the path of a target."""
        with self._clock.during("commit"):
            source = self.source or self._status()
            if self._task.attempt:
                target = taken_over(target, self._run.noted())
            original = self._original(target)
            made = commit(
                encoded.data,
                target,
                keep_times_of=source,
                # A replaced file must survive a power failure; a new file can be made again.
                fsync=target.replaces or bool(target.retires),
                run=self._run.name,
                job=self._task.serial,
                dimensions=encoded.spec.size,
                original=original,
                note=self._run.note(),
            )
        self._metadata_lost += original.lost if original else ()
        return made

    def _original(self, target: Target) -> Original | None:
        """In place, the original that the target replaces."""
        if not target.retires:
            return None
        read = isinstance(self.source, os.stat_result)
        facts = (
            Facts.of(self.source) if isinstance(self.source, os.stat_result) else self._task.job.item.facts
        )
        if not read and self._task.attempt:  # a failed attempt may have made a hard link
            facts = facts._replace(ctime_ns=0)
        return Original(target.retires, facts, self.digest, strict=self._run.strict)

    def _status(self) -> Times:
        item = self._task.job.item
        if item.source:
            return default_times(item.mtime_ns)
        try:
            return os.stat(item.path)
        except OSError as error:
            raise SourceError(why_unreadable(error)) from None


_PARTS = ("alpha", "frames", "pages", "depth")
"""Losses that rule out a format where another one has none."""


def best_of(made: Sequence[tuple[Target, EncodedOutput]]) -> tuple[Target, EncodedOutput]:
    """The smallest of the outputs that keep most: alpha and frames, which only some formats hold. Of equal
    ones the first."""
    losses = [sum(what in _PARTS for what in encoded.lost) for _, encoded in made]
    whole = [one for one, count in zip(made, losses, strict=True) if count == min(losses)]
    return min(whole, key=lambda one: len(one[1].data))
