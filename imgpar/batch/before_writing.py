"""What comes before workers may write: locks, rows for the names of outputs, a look at the free space."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from imgpar.batch.inplace.run_folders import KeptOriginals
from imgpar.batch.journal.journal import Journal
from imgpar.core.fs import sweep_temporary_files
from imgpar.core.job import Job, Target
from imgpar.core.locks import OutLock
from imgpar.inputs.batches import Batch
from imgpar.outputs.destination import Out, free_space_problem


def _one_of_each_folder(job: Job) -> Sequence[Target]:
    return job.targets[:1] if job.kind == "slice" else job.targets


class BeforeWriting:
    """Prepares OUT and the journal of one run for planned jobs.

    Args:
        place: the output.
        journal: gets the names of outputs.
        lock: of OUT, for its folders; None where there is none.
        originals: in place, where originals are kept.
        sweeps: whether temporary files of a crashed run may lie in any folder.
        note: called with notes for the report.
    """

    def __init__(
        self,
        place: Out,
        journal: Journal,
        lock: OutLock | None,
        originals: KeptOriginals | None,
        note: Callable[[str], None],
        *,
        sweeps: bool,
    ) -> None:
        self._place, self._journal, self._lock, self._originals = place, journal, lock, originals
        self._note, self._sweeps = note, sweeps
        self._swept: set[str] = set()
        self._space_checked = self._replaced_said = False
        self._to_read = 0
        """Total size of planned inputs without an outcome, in bytes."""

    def reached(self, batch: Batch) -> None:
        """The items of a batch are planned next."""
        folder = batch.folder if self._place.in_place else self._place.below(batch.mirror)
        if self._lock and folder:
            self._lock.enter(folder)
        if self._sweeps and folder:  # also if all items are unchanged
            self._sweep([folder])

    def planned(self, jobs: Sequence[Job]) -> None:
        """Store the output names, and warn if the free space is less than the size of the inputs."""
        if self._originals:
            self._originals.planned(jobs)
        if not self._place.stored:
            folders = {os.path.dirname(target.path) for job in jobs for target in _one_of_each_folder(job)}
            if self._lock and not self._place.in_place:
                for folder in folders:  # a template may lead into any folder of OUT
                    self._lock.enter(folder)
            self._sweep(folders)
        self._journal.planned(jobs)
        self._to_read += sum([item.size for job in jobs for item in job.items])
        if not (self._space_checked or self._place.stored):
            problem = free_space_problem(self._place.folder, self._to_read)
            if problem:
                self._space_checked = True
                self._note(problem)

    def settled(self, job: Job) -> None:
        """A job is done: its inputs need no more space."""
        self._to_read -= sum([item.size for item in job.items])

    def say_replaced(self) -> None:
        """Say once that outputs made with other settings will be replaced."""
        if self._replaced_said:
            return
        self._replaced_said = True
        most = self._journal.count_other_settings()
        inputs = "1 input" if most == 1 else f"up to {most} inputs"
        outputs = "An output that was" if self._place.name else f"Outputs of {inputs} that were"
        self._note(
            f"{outputs} made with other settings will be replaced; to keep both, name the new ones with "
            "--name, such as '{stem}-{width}.{ext}', or choose another OUT."
        )

    def _sweep(self, folders: Iterable[str]) -> None:
        """Remove the temporary files of crashed runs, once per folder."""
        for folder in folders:
            if folder not in self._swept:
                self._swept.add(folder)
                sweep_temporary_files(folder)
