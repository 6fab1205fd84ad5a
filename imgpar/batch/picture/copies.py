"""Tasks that make no new content: files that are no pictures and clips (`--others`), and the outputs of an
input with the same content as another one (`--duplicates link`)."""

from __future__ import annotations

import os

from imgpar.batch.run_spec import RunSpec
from imgpar.core.digest import file_digest, matches_output
from imgpar.core.errors import CommitError, SourceError
from imgpar.core.job import OutputFile, Target
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.opening import local_file
from imgpar.outputs.commit import done_before, taken_over
from imgpar.outputs.copying import commit_copy, commit_link
from imgpar.runtime.protocol import Done, Task
from imgpar.runtime.stage_times import StageClock

NO_LINK = "it was copied, because the file systems allow no hard link there"


def copy_task(task: Task, run: RunSpec, clock: StageClock) -> Done:
    """Copy or link the files of one task.

    Raises:
        SourceError: the input cannot be read, or changed.
        CommitError, DiskFullError: an output cannot be written.
    """
    if task.attempt and (files := tuple(done_before(task.job.targets, run.noted()))):
        return Done(task.serial, clock.timings(), outputs=files)
    made, notes = list[OutputFile](), dict[str, None]()
    with local_file(task.job.item, run.sources) as path:
        with clock.during("read"):
            digest = _digest(task, path)
        if task.job.digest and task.job.digest == digest:
            return Done(task.serial, clock.timings(), digest=digest, unchanged=True)
        if task.job.twin is None:
            (target,) = task.job.targets
            link = run.link_others and not task.job.item.source
            with clock.during("commit"):
                made.append(_commit(path, target, task, run, link, digest, notes))
    with clock.during("commit"):
        if task.job.twin is not None:
            for target, file in zip(task.job.targets, task.job.twin.outputs, strict=True):
                if not matches_output(file.path, (file,)):
                    raise CommitError(f"{file.path} was changed during the run.", fix="Run again.")
                copied = _commit(file.path, target, task, run, True, file.digest, notes)
                made.append(copied._replace(width=file.width, height=file.height))
    if task.job.twin is not None:
        notes[f"its content is that of {task.job.twin.source}"] = None
    return Done(task.serial, clock.timings(), outputs=tuple(made), notes=tuple(notes), digest=digest)


def _digest(task: Task, path: str) -> str:
    try:
        digest = file_digest(path)
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    if task.job.twin is not None and digest != task.job.twin.digest:
        raise SourceError("It changed while the inputs were compared.", fix="Run again.")
    return digest


def _commit(
    source: str,
    target: Target,
    task: Task,
    run: RunSpec,
    link: bool,
    digest: str,
    notes: dict[str, None],
) -> OutputFile:
    if task.attempt:
        target = taken_over(target, run.noted())
    note = run.note()
    try:
        if link:
            made = commit_link(source, target, run=run.name, job=task.serial, note=note, digest=digest)
            if made is not None:
                return made
            notes[NO_LINK] = None
        return commit_copy(source, target, run=run.name, job=task.serial, note=note, fsync=target.replaces)
    except OSError as error:
        if os.path.lexists(source):
            raise SourceError(why_unreadable(error)) from None
        raise SourceError("It was deleted or moved while it was copied.") from None
