"""Slices on their way: what is sent of several small pictures, in columns, there and back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from imgpar.core.job import Item, Job, Target
from imgpar.core.slices import TIMED, MadeFiles
from imgpar.runtime.protocol import Done, Task


class SentSlice(NamedTuple):
    """The job of a slice as it is sent to a worker: a third of the bytes of its items and targets."""

    id: int
    folder: str
    """Of the inputs, with a trailing separator."""
    mirror: str
    """Of their paths below OUT, with a trailing slash."""
    out: str
    """Of the outputs, with a trailing separator."""
    columns: tuple[tuple[str, int, int, int, int, str, str], ...]
    """Name, size, mtime_ns, inode and ctime_ns of each input; format and name of its output."""


def sent(task: Task) -> Task:
    """A task as it is sent."""
    job = task.job
    if job.kind != "slice":
        return task
    first, target = job.item, job.targets[0]
    folder, mirror = first.path[: -len(first.name)], first.mirror[: -len(first.name)]
    out = target.path[: target.path.rindex(os.sep) + 1]
    behind, below = len(folder), len(out)
    columns = tuple(
        [
            (path[behind:], size, mtime_ns, inode, ctime_ns, format_, made[below:])
            for (path, _, size, mtime_ns, inode, _, _, ctime_ns, *_), (format_, made, *_) in zip(
                job.items, job.targets, strict=True
            )
        ]
    )
    return task._replace(job=SentSlice(job.id, folder, mirror, out, columns))  # type: ignore[arg-type]


def received(task: Task) -> Task:
    """The task that was sent."""
    job: Job | SentSlice = task.job
    if not isinstance(job, SentSlice):
        return task
    items = [
        Item(job.folder + name, job.mirror + name, size, mtime_ns, inode, ctime_ns=ctime_ns)
        for name, size, mtime_ns, inode, ctime_ns, *_ in job.columns
    ]
    targets = [Target(format_, job.out + made) for *_, format_, made in job.columns]
    return task._replace(job=Job(job.id, tuple(items), tuple(targets), kind="slice"))


def is_plain(done: Done, path: str) -> bool:
    """Whether a result is nothing but a file of that path, so that it fits into the columns of a slice."""
    return (
        len(done.outputs) == 1
        and done.outputs[0].path == path
        and done == Done(done.serial, done.timings, outputs=done.outputs, digest=done.digest)
    )


def results_of(results: Sequence[Done]) -> MadeFiles:
    """The results of a slice in columns; the serial of each is the index of its item."""
    files = [done.outputs[0] for done in results]
    times = [dict(done.timings) for done in results]
    seconds = tuple(tuple([each.get(stage, 0.0) for each in times]) for stage in TIMED)
    return MadeFiles(
        tuple([done.serial for done in results]),
        tuple([file.bytes for file in files]),
        tuple([file.width for file in files]),
        tuple([file.height for file in files]),
        tuple([file.mtime_ns for file in files]),
        tuple([file.ctime_ns for file in files]),
        tuple([file.inode for file in files]),
        tuple([file.digest for file in files]),
        tuple([done.digest for done in results]),
        seconds,
    )
