"""The outputs of one task: encoded, checked and committed."""

from __future__ import annotations

import os
from typing import NamedTuple

from imgpar.batch.picture import outputs
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import KeptError, SourceError
from imgpar.core.job import Facts, OutputFile, Target
from imgpar.core.spec import Frame, Header
from imgpar.inputs.batches import why_unreadable
from imgpar.outputs.commit import (
    Original,
    Times,
    commit,
    default_times,
    done_before,
    take_back,
    taken_over,
)
from imgpar.outputs.parts import finish
from imgpar.runtime.protocol import Task
from imgpar.runtime.stage_times import StageClock

_NO_COPY = outputs.SourceBytes()


class Written(NamedTuple):
    """Committed files, with losses and notes."""

    files: tuple[OutputFile, ...]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Writing:
    """Encodes and commits the outputs of a task.

    Args:
        task: with the targets.
        run: recipe and limits of the run.
        clock: measures the stages.
    """

    __slots__ = ("_clock", "_metadata_lost", "_run", "_task", "digest", "source")

    def __init__(self, task: Task, run: RunSpec, clock: StageClock) -> None:
        self._task, self._run, self._clock = task, run, clock
        self.source: Times = None
        """Status of the input when it was read; None where another worker read it, or nothing is known."""
        self.digest = ""
        """Digest of the input, where this worker read it."""
        self._metadata_lost: list[str] = []

    def recovered(self) -> tuple[OutputFile, ...]:
        """Outputs committed by an earlier attempt whose worker died, where they are complete."""
        return tuple(done_before(self._targets(), self._run.noted())) if self._task.attempt else ()

    def _targets(self) -> list[Target]:
        targets = list(self._task.job.targets)
        return [targets[number] for number in self._task.targets] if self._task.targets else targets

    def all(self, frames: list[Frame], header: Header, original: outputs.SourceBytes = _NO_COPY) -> Written:
        """Write every target of the task; all or none in place and with `strict`.

        Raises KeptError where every target is a file that may not be replaced, and ItemError.
        """
        targets = self._targets()
        if len(targets) > 1:
            # The original is retired last: a failure before that leaves it in its place.
            targets.sort(key=lambda target: bool(target.retires))
        written, lost, notes = list[OutputFile](), list[str](), list[str]()
        try:
            for target in targets:
                try:
                    file, encoded = self.one(target, frames, header, original)
                except KeptError as error:
                    if len(targets) == 1 or targets[-1].retires or self._run.strict:
                        raise
                    notes.append(str(error))
                    continue
                written.append(file)
                lost += encoded.lost
                notes += encoded.notes
        except Exception:
            # In place and with `strict`, all outputs are written or none.
            if targets[-1].retires or self._run.strict:
                take_back(
                    (target, file) for target in targets for file in written if file.path == target.path
                )
            raise
        if not written:
            raise KeptError(" ".join(notes))
        finish(targets, written, None)  # split targets have one page, under the path itself
        return Written(tuple(written), tuple(dict.fromkeys([*lost, *self._metadata_lost])), tuple(notes))

    def one(
        self, target: Target, frames: list[Frame], header: Header, original: outputs.SourceBytes = _NO_COPY
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
        run = self._run
        with self._clock.during("encode"):
            encoded = outputs.make(frames, header, target.format, run.encode, run.operations, original)
        if run.strict or run.verify:
            with self._clock.during("encode"):
                strict, verify = run.strict, run.verify
                outputs.check(encoded, frames, target.format, header.metadata, strict=strict, verify=verify)
        return self.commit(target, encoded), encoded

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
