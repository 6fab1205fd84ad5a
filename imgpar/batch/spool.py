"""Outputs on their way to a sink: workers commit them into a private folder, the parent hands them over.

worker   commit ─► SPOOL/path/below       as into any folder, with a write-ahead log for its next attempt
parent   noted in the write-ahead log of the run ─► sink.publish(root/path/below) ─► the file is removed, and
         the outcome says root/path/below ─► sink.record(outcome)
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from imgpar.batch.incremental import skipped
from imgpar.batch.plan_entries import failed_entry
from imgpar.core.digest import matches_output, what_is_wrong
from imgpar.core.error_messages import library_words, setting
from imgpar.core.errors import CommitError, ImgparError, KeptError, OutputError
from imgpar.core.fs import no_room, remove_file
from imgpar.core.job import Job, Outcome, OutputFile, Target
from imgpar.outputs.parts import completion
from imgpar.outputs.sinks import Stored
from imgpar.outputs.write_ahead import OutputNotes
from imgpar.runtime.failures import traceback_of

THREADS = 16
"""Jobs whose outputs are published at once where the sink waits for a network."""
MOST_WAITING = 64
"""Jobs whose outputs wait to be published; the run waits for the first of more."""


class Spool:
    """Hands the outputs of one run to its sink.

    Args:
        stored: the place of all outputs.
        folder: private and temporary, for the files of the workers.
        log: write-ahead log of the run: what was published and not recorded is known after a kill. None
            without one.
        verify: whether each output is read back from the sink and compared.
    """

    def __init__(
        self, stored: Stored, folder: str, log: OutputNotes | None = None, *, verify: bool = False
    ) -> None:
        self._sink = sink = stored.sink
        self.folder, self._verify = folder, verify
        self._publish_new, self._record = stored.publish_new, stored.record
        self._log = log
        self._targets: dict[int, tuple[Target, ...]] = {}
        """Targets of the jobs in progress, by id of the job."""
        self._threads = ThreadPoolExecutor(THREADS) if sink.waits else None
        self._waiting: deque[tuple[Job, Future[Outcome]]] = deque()

    def inward(self, job: Job) -> Job:
        """The job for the workers: with new files in the spool as targets."""
        self._targets[job.id] = job.targets
        cut = len(self._sink.root)
        return job._replace(
            targets=tuple(
                Target(
                    target.format, self.folder + target.path[cut:], split=target.split, branch=target.branch
                )
                for target in job.targets
            )
        )

    def withdrawn(self, job: Job) -> Job:
        """A job that needs no worker, with its own targets."""
        return job._replace(targets=self._targets.pop(job.id))

    def compared(self, job: Job) -> Outcome:
        """The outcome of a job that only compares existing outputs with their digests."""
        item = job.item
        for file in job.check:
            if wrong := what_is_wrong(file.path, (file,), self._sink):
                error = f"{file.path}: {wrong} Remove it and run again to create it anew."
                return failed_entry(item, job.id, error, "read", "CommitError")
        return skipped(item, job.id, job.check)

    def take(self, job: Job, outcome: Outcome) -> Iterator[tuple[Job, Outcome]]:
        """Publish the outputs of a job; yields the jobs that are done, in order."""
        targets = self._targets.pop(job.id, ())
        if self._log:
            self._log.turn()
        job = job._replace(targets=targets)
        if self._threads is None:
            yield job, self._published(outcome, targets)
            return
        self._waiting.append((job, self._threads.submit(self._published, outcome, targets)))
        yield from self.done(MOST_WAITING)

    def done(self, most: int = MOST_WAITING) -> Iterator[tuple[Job, Outcome]]:
        """The jobs whose outputs are published by now, in order; waits while more than `most` are not."""
        while self._waiting and (len(self._waiting) > most or self._waiting[0][1].done()):
            job, future = self._waiting.popleft()
            yield job, future.result()

    def recorded(self, outcome: Outcome, job: Job | None) -> Outcome:
        """The outcome of an item, after the sink was told; failed where the sink cannot record it."""
        if self._record is None:
            return outcome
        try:
            self._record(outcome, job)
        except Exception as error:
            outcome = _failed(outcome, self._translated(error), self._sink.root)
            there = tuple(file for file in outcome.outputs if self._sink.find(file.path))
            return outcome._replace(outputs=there)
        return outcome

    def finish(self) -> None:
        """End the threads and close the sink; also after an error, and again. Raises RunError."""
        if self._threads:
            self._threads.shutdown()
        try:
            self._sink.close()
        except OSError as error:
            where = self._sink.root
            raise no_room(error, where) or OutputError(
                f"{where} cannot be written: {error.strerror or error}.",
                fix="Run again, or choose another OUT.",
            ) from error

    def _published(self, outcome: Outcome, targets: tuple[Target, ...]) -> Outcome:
        files, kept, errors = list[OutputFile](), list[str](), list[ImgparError | OSError]()
        for made in outcome.outputs:
            try:
                files.append(self._publish(made, targets) if self._is_ours(made.path) else made)
            except KeptError as error:
                kept.append(str(error))
            except Exception as error:
                errors.append(self._translated(error))  # the other outputs are published all the same
            finally:
                if self._is_ours(made.path):
                    remove_file(made.path)
        outcome = outcome._replace(outputs=tuple(files), notes=(*outcome.notes, *kept))
        if errors:
            return _failed(outcome, errors[0], self._sink.root)
        for target in targets:
            if target.split:
                self._note(completion(target, files))
        return outcome._replace(status="skipped", reason="changed") if kept and not files else outcome

    def _publish(self, made: OutputFile, targets: tuple[Target, ...]) -> OutputFile:
        """Publish one file, if what has its name may still be replaced."""
        path = self._sink.root + made.path[len(self.folder) :]
        target = next(at for at in targets if at.path == path or at.split)
        may_replace = target.replaces if target.path == path else path in target.parts
        if may_replace or self._publish_new is None:
            self._check_existing(path, target, may_replace=may_replace)
            publish = self._sink.publish
        else:  # without asking before
            publish = self._publish_new
        self._note(made._replace(path=path))
        try:
            publish(path, made.path, made)
        except FileExistsError:
            raise _appeared(path) from None
        now = self._sink.find(path)
        if now is None or now.size != made.bytes:
            raise CommitError(f"{path} is not what was written.", fix="Run again.")
        if self._verify and made.digest and self._sink.digest(path) != made.digest:
            raise CommitError(f"{path} is not what was written: its content differs.", fix="Run again.")
        return made._replace(path=path, mtime_ns=now.mtime_ns, ctime_ns=now.ctime_ns, inode=now.inode)

    def _check_existing(self, path: str, target: Target, *, may_replace: bool) -> None:
        if self._sink.find(path):
            if not may_replace:
                raise _appeared(path)
            if target.known and not matches_output(path, target.known, self._sink):
                raise KeptError(f"{path} was changed since imgpar made it; it was left alone.")

    def _note(self, file: OutputFile) -> None:
        if self._log:
            self._log.note(file)

    def _translated(self, error: Exception) -> ImgparError | OSError:
        if isinstance(error, (ImgparError, OSError)):
            return error
        words = library_words(error, type(error).__name__)  # of a sink that is not ours
        translated = CommitError(f"It cannot be stored in {self._sink.root}: {words}.")
        translated.__cause__ = error
        return translated

    def _is_ours(self, path: str) -> bool:
        return path.startswith(self.folder + os.sep)


def _appeared(path: str) -> CommitError:
    return CommitError(
        f"{path} appeared after the run was planned; it was left alone.",
        fix=f"Run again, or choose {setting('on_exists', 'overwrite')} or rename.",
    )


def _failed(outcome: Outcome, error: ImgparError | OSError, where: str) -> Outcome:
    if isinstance(error, OSError):
        words = f"It cannot be stored in {where}: {error.strerror or error}."
        error = no_room(error, where) or CommitError(words)
    text = f"{error.message} {error.fix}".strip()
    trace = traceback_of(error, outcome.source)
    return outcome._replace(
        status="failed", error=text, stage="commit", kind=type(error).__name__, traceback=trace
    )
