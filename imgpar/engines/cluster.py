"""The engine of several nodes: what a run does while others work for it.

    plan ─► shards ─► nodes ─► news ─► settled
              ▲                 │
              └── given back ◄──┘ a node is gone, or slow

Every node has one call in flight, `Node.exchange`, that carries jobs there and outcomes back. The run keeps
no more jobs than its nodes do in a few seconds.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from imgpar.batch.engine import Assignment, Engine
from imgpar.batch.incremental import Unchanged
from imgpar.batch.pickling import pickled
from imgpar.core.errors import RunError, SetupError, WorkerDiedError, traced
from imgpar.core.job import Event, Job, outcome_of
from imgpar.core.version import __version__
from imgpar.engines.local import LocalEngine, plan_for_transfers
from imgpar.engines.members import NodeState, Shards
from imgpar.engines.messages import (
    Hello,
    News,
    NodeError,
    NodeSetup,
    Orders,
    dressed,
    pack_jobs,
    unpack_settled,
)
from imgpar.outputs.write_ahead import WrittenLog, read_written
from imgpar.runtime.scheduler import Effort, NotYet

TICK = 0.1
"""Seconds between two looks at the token, while nodes work."""
LOOK_SECONDS = 1.0
"""Interval at which nodes are looked for."""
NEWS_SECONDS = 0.2
"""Seconds for which a node gathers its results; more where there are many nodes."""
NODES_PER_WAIT = 40
PATIENCE = 300.0
"""Seconds without any node after which the run is given up."""
LATE = 10.0
"""Seconds after which it says that it waits for nodes."""
CLOSING_SECONDS = 10.0
"""Seconds that nodes may take to close their workers."""
MOST_STARTS = 5
"""Times that a process is started on a node, where none is ready."""


class Cluster(Protocol):
    """The nodes, and calls to them; a handle is anything that stands for one call or one node's process."""

    def nodes(self) -> dict[str, tuple[str, int]]:
        """The nodes that are there: what the user calls each, and its cores, by what the cluster calls it."""

    def start(self, node: str, setup: bytes, number: int, cores: int) -> Any:
        """Start a `Node` there; it need not be ready when this returns."""

    def hello(self, process: Any) -> Any:
        """Call `Node.hello`."""

    def exchange(self, process: Any, orders: Orders) -> Any:
        """Call `Node.exchange`."""

    def ready(self, calls: Sequence[Any], timeout: float) -> list[Any]:
        """Those of the calls that have ended; waits for the first one."""

    def result(self, call: Any) -> Any:
        """What an ended call has returned; raises `LostNodeError` where its node is gone."""

    def end(self, process: Any) -> None:
        """End the process on a node, and its workers, at once."""


class LostNodeError(Exception):
    """A node is gone, or its process cannot be started; the text says why."""


class ClusterEngine:
    """Does the jobs of a run on the nodes of a cluster.

    Args:
        cluster: the nodes.
        jobs: worker processes per node; None is one per core.
        engine: makes what does the jobs on a node.
    """

    def __init__(
        self, cluster: Cluster, *, jobs: int | None = None, engine: Callable[[], Engine] = LocalEngine
    ) -> None:
        self._cluster, self._jobs, self._engine = cluster, jobs, engine

    def do(self, work: Assignment, paths: Sequence[str] = ()) -> Effort:
        """As `Engine.do`.

        Args:
            work: as there.
            paths: files and folders that every node has to see.
        """
        setup = NodeSetup(
            __version__,
            work.spec._replace(parts="") if work.place.stored else work.spec,
            work.options,
            work.place.folder,
            work.place.stored is not None,
            tuple(paths),
            work.started is not None,
            self._engine,
        )
        payload = pickled(setup, work.spec.every_operation, work.spec.sources)
        drive = _Drive(self._cluster, work, payload, self._jobs)
        try:
            return drive.run()
        finally:
            drive.end()


class _Drive:
    """One run on a cluster."""

    def __init__(self, cluster: Cluster, work: Assignment, setup: bytes, jobs: int | None) -> None:
        self._cluster, self._work, self._setup, self._jobs = cluster, work, setup, jobs
        self._plan: Iterator[Any] | None = work.then(plan_for_transfers(work))
        self._plan_waits = self._has_jobs = False
        spec = work.spec
        read = partial(read_written, spec.written, spec.base, spec.name)
        self._shards = Shards(self._next, dict if work.place.stored else read)
        self._members: dict[Any, NodeState] = {}
        """By the handle of their process."""
        self._calls: dict[Any, Any] = {}
        """The process of each call."""
        self._starts: dict[str, int] = {}
        """How often a process was started on a node, since one there was ready."""
        self._refused = dict[str, str]()
        """Nodes that cannot be used, and why."""
        self._number = 0
        self._looked = 0.0
        self._alone_since = time.monotonic()
        self._told = set[str]()
        self._begun = self._last = 0.0
        self._most = 0

    def run(self) -> Effort:
        """Until every job is settled, or the run is cancelled."""
        work = self._work
        while not work.cancel.killed:
            work.turn()
            self._plan_waits = False
            self._has_jobs = self._has_jobs or self._reaches_a_job()
            if self._has_jobs:  # a run where nothing has changed needs no node
                self._look()
            if self._is_done():
                break
            for call in self._ended():
                self._answered(call)
        left = [*self._shards.waiting, *(job for one in self._members.values() for job in one.jobs.values())]
        seconds = max(0.0, self._last - self._begun) if self._begun else 0.0
        return Effort(sum(len(job.items) for job in left), self._most, seconds)

    def _ended(self) -> list[Any]:
        if self._calls:
            return self._cluster.ready(list(self._calls), TICK)
        time.sleep(TICK)
        return []

    def end(self) -> None:
        """End the work on all nodes: those that have nothing in flight may close their workers."""
        until = time.monotonic() + CLOSING_SECONDS
        calls = [call for call, process in self._calls.items() if self._closes(process)]
        while calls and time.monotonic() < until and not self._work.cancel.killed:
            for call in self._cluster.ready(calls, TICK):
                calls.remove(call)
                process = self._calls.pop(call)
                with contextlib.suppress(LostNodeError):
                    news = self._cluster.result(call)
                    if isinstance(news, News) and not news.ended:
                        again = self._cluster.exchange(process, Orders(last=True, stop=True))
                        self._calls[again] = process
                        calls.append(again)
        for process in self._members:
            self._cluster.end(process)
        self._members.clear()

    def _closes(self, process: Any) -> bool:
        member = self._members.get(process)
        return member is not None and member.ready and not member.jobs

    def _is_done(self) -> bool:
        busy = any(member.jobs for member in self._members.values())
        if self._work.cancel.cancelled:
            self._plan = None
            return not busy
        return self._plan is None and not busy and not any(True for _ in self._shards.waiting)

    # ----- the plan ---------------------------------------------------------------------------------

    def _next(self) -> Job | None:
        """The next job of the plan; None while there is none."""
        while self._plan is not None and not self._plan_waits:
            entry = next(self._plan, None)
            if entry is None:
                self._plan = None
            elif isinstance(entry, NotYet):
                self._plan_waits = True
            elif isinstance(entry, Job):
                return entry
            elif isinstance(entry, Unchanged):
                self._work.unchanged(entry)
            else:
                self._work.settle_planned(entry)
        return None

    def _reaches_a_job(self) -> bool:
        """Whether the plan has a job by now; what comes before it is settled."""
        job = self._next()
        if job is not None:
            self._shards.give_back([job])
            self._alone_since = time.monotonic()
        return job is not None

    # ----- nodes --------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Begin work on nodes that are new, or whose process has ended."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS or self._work.cancel.cancelled:
            return
        self._looked = now
        used = {member.node for member in self._members.values()}
        for node, (label, cores) in self._cluster.nodes().items():
            if node in used or node in self._refused or not cores:
                continue
            if self._starts.get(node, 0) >= MOST_STARTS:
                self._refuse(node, label, "its process ends as soon as it is started")
                continue
            self._start(node, label, self._jobs or cores)
        waited = now - self._alone_since
        if any(member.ready for member in self._members.values()):
            self._alone_since = now
        elif waited > PATIENCE or (self._refused and not self._members):
            raise RunError(self._why_none(), fix="See 'ray status', and docs/scaling.md on clusters.")
        elif waited > LATE:
            self._note("The run waits for free CPUs of the cluster.")

    def _why_none(self) -> str:
        if self._refused:
            return f"No node of the cluster can be used: {next(iter(self._refused.values()))}."
        return f"No node of the cluster had free CPUs for {PATIENCE:g} seconds."

    def _start(self, node: str, label: str, cores: int) -> None:
        self._starts[node] = self._starts.get(node, 0) + 1
        self._number += 1
        process = self._cluster.start(node, self._setup, self._number, cores)
        spec = self._work.spec
        self._members[process] = NodeState(node, label, cores, WrittenLog(spec.written, spec.name, spec.base))
        self._calls[self._cluster.hello(process)] = process

    def _refuse(self, node: str, label: str, why: str) -> None:
        self._refused[node] = f"{label}: {why}"
        self._note(f"The node {label} is not used: {why}.")

    def _note(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._work.note(text)

    # ----- calls ------------------------------------------------------------------------------------

    def _answered(self, call: Any) -> None:
        process = self._calls.pop(call)
        member = self._members[process]
        try:
            answer = self._cluster.result(call)
        except LostNodeError as error:
            self._lost(process, member, str(error))
            return
        if isinstance(answer, Hello):
            self._greeted(process, member, answer)
        else:
            self._heard(process, member, answer)

    def _greeted(self, process: Any, member: NodeState, hello: Hello) -> None:
        why = hello.problem
        if hello.version != __version__:
            why = f"it has imgpar {hello.version}, and this is {__version__}"
        if why:
            self._refuse(member.node, member.label, why)
            del self._members[process]
            self._cluster.end(process)
            return
        member.ready = True
        self._starts.pop(member.node, None)
        self._most = max(self._most, sum(one.cores for one in self._members.values() if one.ready))
        self._send(process, member)

    def _heard(self, process: Any, member: NodeState, news: News) -> None:
        for file in news.announced:
            member.log.note(file)
            member.noted.setdefault(file.path, []).append(file)
        member.log.turn()
        member.kept += len(news.announced)
        if started := self._work.started:
            for number, items in news.started:
                for job in member.begun(number, items):
                    started(job)
        for path, frames, total in news.frames:
            self._work.tell(Event("frames", text=path, frames=(frames, total)))
        for note in news.notes:
            self._note(note)
        count = self._settle(member, news)
        self._shards.give_back([member.take(*returned) for returned in news.returned])
        member.heard(news, count)
        if news.error:
            self._failed(process, member, news.error)
        elif news.ended:
            del self._members[process]
            self._cluster.end(process)
            self._shards.give_back([*member.jobs.values()])
        else:
            self._send(process, member, rests=bool(news.returned))

    def _settle(self, member: NodeState, news: News) -> int:
        settled = unpack_settled(news.settled) if news.settled else []
        for each in settled:
            job = member.take(each.job, each.items)
            if each.made is not None:
                apart = [dressed(outcome, job.items[outcome.job - job.id]) for outcome in each.outcomes]
                self._work.settle_slice(job, each.made, apart)
                continue
            job = job.each()[0] if job.kind == "slice" else _as_fetched(job, each.fetched)
            told = [dressed(outcome, item) for outcome, item in zip(each.outcomes, job.items, strict=True)]
            self._shards.settled(job.id)
            for path in (file.path for outcome in told for file in outcome.outputs):
                member.noted.pop(path, None)
            self._work.settle(job, told)
        if settled:
            self._last = time.monotonic()
        return sum(each.items for each in settled)

    def _send(self, process: Any, member: NodeState, *, rests: bool = False) -> None:
        """Answer a node with what it should do next; one that `rests` gets no jobs: it gave some back."""
        cancelled = self._work.cancel.cancelled
        ready = [one for one in self._members.values() if one.ready]
        jobs = [] if cancelled or rests else self._shards.shard(member, ready)
        member.give(jobs)
        if jobs:
            self._begun = self._begun or time.monotonic()
        orders = Orders(
            pack_jobs(jobs) if jobs else b"",
            member.kept,
            0 if jobs or cancelled else self._asked_back(member, ready),
            last=cancelled,
            stop=cancelled,
            wait=NEWS_SECONDS * max(1.0, len(ready) / NODES_PER_WAIT),
        )
        self._calls[self._cluster.exchange(process, orders)] = process

    def _asked_back(self, member: NodeState, ready: Sequence[NodeState]) -> int:
        """How many items a node should give back: half of what it has not begun, if another one is idle."""
        if self._plan is not None and not self._plan_waits:
            return 0
        count = member.spare if any(not one.jobs for one in ready) else 0
        member.asked_back = count > 0
        return count

    def _lost(self, process: Any, member: NodeState, why: str) -> None:
        """A node is gone, or its process: what it had is done by others."""
        del self._members[process]
        self._cluster.end(process)
        if member.ready:
            self._note(f"The node {member.label} was lost; what it had not finished is done by others.")
        elif self._starts.get(member.node, 0) >= MOST_STARTS:
            self._refuse(member.node, member.label, why)
        for job in self._shards.died(member):
            self._give_up(job)

    def _give_up(self, job: Job) -> None:
        words = "The node that worked on it was lost, every time it was tried."
        failed = [
            outcome_of(
                item, "failed", error=words, stage="read", kind=WorkerDiedError.__name__, job=job.id + index
            )
            for index, item in enumerate(job.items)
        ]
        self._work.settle(job, failed)

    def _failed(self, process: Any, member: NodeState, error: NodeError) -> None:
        """The work on a node has ended with an error; what is no fault of the node ends the run."""
        if error.kind == SetupError.__name__:
            raise traced(SetupError(error.message, fix=error.fix), error.traceback)
        del self._members[process]
        self._cluster.end(process)
        self._refuse(member.node, member.label, f"{error.message} {error.fix}".strip().rstrip("."))
        self._shards.give_back([*member.jobs.values()])


def _as_fetched(job: Job, fetched: Sequence[tuple[int, int, str]]) -> Job:
    """The job with what its node has learnt of the items that it fetched."""
    if not fetched:
        return job
    items = (
        item._replace(size=size, mtime_ns=mtime_ns, validator=validator)
        for item, (size, mtime_ns, validator) in zip(job.items, fetched, strict=True)
    )
    return job._replace(items=tuple(items))
