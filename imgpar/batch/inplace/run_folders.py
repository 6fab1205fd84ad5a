"""Nested folders converted in place, each with a journal and originals of its own.

    a/.imgpar        records and originals of runs on a
    a/b/.imgpar      records and originals of runs on a/b

A run on `a` also reads the journal of `a/b` for files in `a/b`, and a run on `a/b` that of `a`: otherwise the
outputs of one would be converted again by the other. The original of a file is kept in the nearest such
folder above it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from imgpar.batch.incremental import Recorded
from imgpar.batch.inplace.originals import Originals
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.core.errors import OutputError, OutputLockedError
from imgpar.core.job import Job, Outcome, OutputFile
from imgpar.inputs.batches import Batch
from imgpar.outputs.destination import Out, above, is_home
from imgpar.outputs.prior import PriorResult

DAY = 86400.0


class Homes:
    """The journal of a run in place, combined with the journals of folders above and below.

    Args:
        base: the folder of the run.
        journal: the journal of the run, if any.
        open_other: opens the journal of another folder; returns None if it cannot be read.
    """

    def __init__(
        self, base: str, journal: Journal | None, open_other: Callable[[str], Journal | None]
    ) -> None:
        self._base, self._journal = base, journal
        self._open_other = open_other
        self._others: dict[str, Journal | None] = {}

    def done(
        self, batch: Batch, paths: Collection[str] | None = None
    ) -> Mapping[str, tuple[PriorResult, ...]]:
        """The records of all journals for the files in the folders of a batch; see `Journal.done`."""
        found = dict(self._journal.done(batch, paths)) if self._journal else {}
        folders = [batch.folder] if batch.folder else {os.path.dirname(item.path) for item in batch.items}
        for folder in folders:
            for home in self._homes_of(folder):
                journal = self._other(home)
                for path, records in journal.done_in(folder, paths).items() if journal else ():
                    found[path] = (*found.get(path, ()), *records)
        return found

    def recorded(self, batch: Batch, key: str, siblings: Sequence[str] = ()) -> Recorded:
        """Not used in place: folders are not compared as a whole."""
        raise NotImplementedError

    def taken(self, batch: Batch) -> Sequence[tuple[str, PriorResult]]:
        """Not used in place: a folder has no outputs of other inputs."""
        raise NotImplementedError

    def owners(self, batch: Batch) -> None:
        """Not used in place."""
        raise NotImplementedError

    def elsewhere(self, batches: Sequence[Batch]) -> Sequence[tuple[str, PriorResult]]:
        """Not used in place."""
        raise NotImplementedError

    def _homes_of(self, folder: str) -> list[str]:
        """This folder and its parents, as far as they have a journal and are not the folder of the run."""
        return [at for at in (folder, *above(folder)) if at != self._base and is_home(at)]

    def _other(self, home: str) -> Journal | None:
        if home not in self._others:
            self._others[home] = self._open_other(home)
        return self._others[home]


class KeptOriginals:
    """The originals replaced by a run in place, each in the register of the nearest folder that has one.

    Args:
        base: the folder of the run.
        run: random id of the run.
        days: days to keep originals; None keeps them until `imgpar undo --forget`, 0 keeps none.
        note: called with notes for the report.
    """

    def __init__(self, base: str, run: str, days: int | None, note: Callable[[str], None]) -> None:
        self._base, self._run, self._days, self._note = base, run, days, note
        self._open: dict[str, Originals] = {base: Originals(base, run)}
        self._nearest: dict[str, str] = {}
        self._pending: list[tuple[Outcome, Job]] = []

    @property
    def written(self) -> str:
        """The folder of the write-ahead logs of the workers."""
        return self._open[self._base].written

    def of(self, path: str) -> tuple[str, tuple[OutputFile, ...]]:
        """The path for the original of an input; see `Originals.of`."""
        self.flush()
        return self._of(path).of(path)

    def planned(self, jobs: Iterable[Job]) -> None:
        """Register the originals that these jobs replace; must be called before the first of them starts."""
        groups: dict[str, list[Job]] = {}
        for job in jobs:
            if not job.check:
                groups.setdefault(self._of(job.item.path).folder, []).append(job)
        for folder, some in groups.items():
            self._open[folder].planned(some)

    def record(self, outcome: Outcome, job: Job) -> None:
        """Record the outcome of a job; `flush` writes it."""
        self._pending.append((outcome, job))

    def flush(self) -> None:
        """Write recorded outcomes and restore the originals of failed jobs."""
        pending, self._pending = self._pending, []
        groups: dict[str, list[tuple[Outcome, Job]]] = {}
        for outcome, job in pending:
            groups.setdefault(self._of(job.item.path).folder, []).append((outcome, job))
        for folder, some in groups.items():
            for note in self._open[folder].record(some, keep_them=self._days != 0):
                self._note(note)

    def finish(self, *, whole: bool) -> None:
        """End the run: delete old originals and note the number of kept ones. `whole`: the run was not
        interrupted, so the write-ahead logs are removed."""
        self.flush()
        for folder, originals in self._open.items():
            if self._days:
                originals.forget_older(time.time() - self._days * DAY)
            originals.remove_empty()
            count, size = originals.kept()
            if count:
                self._note(kept_note(folder, count, size))
        if whole:
            self._open[self._base].forget_written()

    def close(self) -> None:
        """Write recorded outcomes and close the registers."""
        try:
            self.flush()
        finally:
            for originals in self._open.values():
                originals.close()

    def _of(self, path: str) -> Originals:
        folder = os.path.dirname(path)
        home = self._nearest.get(folder)
        if home is None:
            inside = (at for at in (folder, *above(folder)) if len(at) > len(self._base))
            home = self._nearest[folder] = next((at for at in inside if is_home(at)), self._base)
        if home not in self._open:
            self._open[home] = Originals(home, self._run)
            self._open[self._base].nest(home)
        return self._open[home]


def kept_note(folder: str, count: int, size: int) -> str:
    """The note at the end of a run about kept originals."""
    import shlex

    from imgpar.batch.report import format_size as shown

    words = "original is" if count == 1 else "originals are"
    return (
        f"{count} {words} kept in {folder}/.imgpar/undo ({shown(size)}). "
        f"imgpar undo {shlex.quote(folder)} puts them back; with --forget it frees the space."
    )


def put_right(journal: Journal, folder: str, note: Callable[[str], None], *, but: str = "") -> None:
    """Recover the journal and the originals of a folder after a crash, before a run in place.

    `but` is the folder of the current run.
    """
    with Originals(folder) as originals:
        take_over(journal, originals)
        journal.recover(in_place=True, noted=originals.noted())
        done = originals.recover(but=but)
        if done.back:
            were = "original was" if done.back == 1 else "originals were"
            note(f"{done.back} {were} put back: the run before this one ended too early.")
        for text in done.notes:
            note(text)


def take_over(journal: Journal, originals: Originals) -> None:
    """Fill a new register from the journal: folders converted by imgpar 0.1 have none."""
    for stray in originals.strays:
        path = os.path.join(originals.folder, *stray.path.split("/"))
        for record in journal.done_in(os.path.dirname(path)).get(path, ()):
            originals.stand(stray, [file for file in (*record.outputs, *record.claims) if file.bytes >= 0])


def open_home(
    stack: contextlib.ExitStack, note: Callable[[str], None], base: str, folder: str
) -> Journal | None:
    """The journal of another folder than that of the run (`base`), locked until `stack` is closed.

    Raises:
        OutputLockedError: another run is active there.
    """
    path = journal_path(Out(folder, in_place=True))
    if not os.path.exists(path):
        return None
    try:
        journal = stack.enter_context(Journal.open(path, folder, in_place=True))
        put_right(journal, folder, note, but=base)
    except OutputLockedError:
        raise
    except OutputError as error:
        note(str(error))
        return None
    return journal
