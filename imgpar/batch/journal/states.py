"""The state of each output of a recipe, from the outcome of an input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imgpar.core.filenames import fold, is_part
from imgpar.core.job import Job, Outcome, OutputFile, Target, by_branch


class OutputState(NamedTuple):
    """The new record of one output."""

    branch: int
    status: str
    outputs: tuple[OutputFile, ...] = ()
    keeps_done: bool = False
    """Whether a complete record of an earlier run is kept."""


def states_of(outcome: Outcome, job: Job | None, outputs: int) -> Iterator[OutputState]:
    """The records that follow from an outcome.

    An output is done if all its files were written, also where another output of the same input failed.

    Args:
        outcome: of the input.
        job: of the input; None where the planner made the outcome.
        outputs: number of outputs of the recipe.
    """
    written = outcome.outputs if outcome.status != "skipped" else ()
    if outcome.reason == "smaller" and job is not None and outcome.digest:
        yield OutputState(0, "ok", (_as_output(outcome, job),))
    elif outputs == 1:
        yield OutputState(0, outcome.status, written)
    elif job is not None:
        yield from _of_job(outcome, job, written)
    elif outcome.status == "failed":
        # What fails in the plan concerns new outputs only; an input that cannot be read concerns all.
        keeps_done = outcome.stage == "plan"
        yield from (OutputState(branch, "failed", (), keeps_done) for branch in range(outputs))


def _as_output(outcome: Outcome, job: Job) -> OutputFile:
    """An input that stays in its place as the output of its recipe, so that the next run leaves it alone."""
    item = job.item
    return OutputFile(
        item.path,
        item.size,
        mtime_ns=item.mtime_ns,
        ctime_ns=item.ctime_ns,
        inode=item.inode,
        digest=outcome.digest,
    )


def _of_job(outcome: Outcome, job: Job, written: Sequence[OutputFile]) -> Iterator[OutputState]:
    owners = {fold(target.path): target for target in job.targets}
    files: dict[int, list[OutputFile]] = {}
    whole: set[str] = set()
    for file in written:
        target = owners.get(fold(file.path)) or _whole_of(file.path, job.targets)
        whole.add(target.path)
        files.setdefault(target.branch, []).append(file)
    for branch, targets in by_branch(job.targets).items():
        status = outcome.status
        if status == "failed" and all(target.path in whole for target in targets):
            status = "ok"
        elif status == "ok" and branch not in files:
            status = "skipped"  # files of the user were left alone
        yield OutputState(branch, status, tuple(files.get(branch, ())))


def _whole_of(path: str, targets: Sequence[Target]) -> Target:
    """The split target to which a file belongs."""
    return next(one for one in targets if one.split and is_part(path, one.path, one.split))
