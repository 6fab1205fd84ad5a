"""What a run and the nodes of a cluster say to each other: jobs one way, outcomes the other, never pixels.

run ─► Orders: packed jobs, notes that are kept ─► node
run ◄─ News: packed outcomes, outputs that are about to be published ◄─ node
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from imgpar.batch.engine import Engine
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.core.job import Item, Job, Outcome, OutputFile
from imgpar.core.slices import MadeFiles
from imgpar.runtime.serialization import pack, unpack

LEVEL = 1
"""Of zlib: jobs and outcomes have most of their texts in common."""


class NodeSetup(NamedTuple):
    """The facts of a run, sent to every node once."""

    version: str
    """Of imgpar; a node with another one would make other files."""
    spec: RunSpec
    options: RunOptions
    out: str
    """The folder of all outputs, or the address of their store."""
    stored: bool
    """Whether it is a store."""
    paths: tuple[str, ...]
    """Files and folders that every node has to see: the inputs, and a file beside the journal."""
    starts: bool
    """Whether it is told which jobs are begun."""
    engine: Callable[[], Engine]
    """Makes what does the jobs on a node."""


class Hello(NamedTuple):
    """The answer of a node that is ready."""

    version: str
    problem: str = ""
    """Why it cannot be used, as the end of a sentence; empty where it can."""


class Orders(NamedTuple):
    """To a node. Each is answered by `News`."""

    jobs: bytes = b""
    """Further jobs, packed."""
    kept: int = 0
    """How many of the outputs that it has announced are noted by now."""
    give_back: int = 0
    """How many items it should return that were not begun."""
    last: bool = False
    """Whether no jobs will follow."""
    stop: bool = False
    """Whether nothing else is to be begun."""
    wait: float = 0.2
    """Seconds for which results are gathered, unless something is urgent."""


class SettledJob(NamedTuple):
    """The outcomes of a job, without what the run knows of its items."""

    job: int
    items: int
    """How many: a node may cut a slice in two, whose ids are those of its first items."""
    outcomes: tuple[Outcome, ...]
    """Of each item; of a slice those that are not in `made`."""
    fetched: tuple[tuple[int, int, str], ...] = ()
    """Size, time and validator of each item that was fetched; empty where none was."""
    made: MadeFiles | None = None
    """Of a slice: what was made."""


class NodeError(NamedTuple):
    """What ended the work of a node."""

    kind: str
    message: str
    fix: str
    traceback: str


class News(NamedTuple):
    """From a node."""

    settled: bytes = b""
    """`SettledJob` of each job that was done since the last ones, packed."""
    announced: tuple[OutputFile, ...] = ()
    """Outputs that wait until they are noted, before they are published."""
    returned: tuple[tuple[int, int], ...] = ()
    """Jobs that were not begun, and were asked for, and how many items they have; perhaps parts of slices."""
    started: tuple[tuple[int, int], ...] = ()
    """Jobs that were begun, and how many items they have."""
    frames: tuple[tuple[str, int, int], ...] = ()
    """Progress of clips: path, frames, total."""
    notes: tuple[str, ...] = ()
    """For the report."""
    queued: int = 0
    """Items that were not begun."""
    workers: int = 0
    ended: bool = False
    """Whether it has done its last job."""
    error: NodeError | None = None


def pack_jobs(jobs: Sequence[Job]) -> bytes:
    """Jobs as bytes, without what only the run needs."""
    plain = [job._replace(items=tuple(map(_without_columns, job.items))) for job in jobs]
    return zlib.compress(pickle.dumps(plain, pickle.HIGHEST_PROTOCOL), LEVEL)


def unpack_jobs(data: bytes) -> list[Job]:
    """The jobs that a run has sent."""
    jobs: list[Job] = pickle.loads(zlib.decompress(data))  # noqa: S301 - of the run that Ray obeys
    return jobs


def pack_settled(settled: Iterable[SettledJob]) -> bytes:
    """Outcomes as bytes."""
    return zlib.compress(pack(list(settled)), LEVEL)


def unpack_settled(data: bytes) -> list[SettledJob]:
    """The outcomes that a node has sent; raises TransformError where they are none."""
    return unpack(zlib.decompress(data), list[SettledJob])


def stripped_of_item(outcome: Outcome, item: Item) -> Outcome:
    """The outcome without what follows from its item; see `dressed`."""
    return outcome._replace(source="", columns=()) if outcome.source == item.path else outcome


def dressed(outcome: Outcome, item: Item) -> Outcome:
    """The outcome as it is on one machine."""
    return outcome._replace(source=outcome.source or item.path, columns=item.columns)


def first_items(job: Job, most: int) -> tuple[Job, Job | None]:
    """A job with so many of the items of a slice at most, which is 1 or more, and a job with the rest."""
    return job.cut(most) if job.kind == "slice" and len(job.items) > most else (job, None)


def _without_columns(item: Item) -> Item:
    return item._replace(columns=()) if item.columns else item
