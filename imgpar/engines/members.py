"""What a run knows of each node of its cluster, and which jobs it gives to whom. Bookkeeping only.

plan ─► shard ─► member: jobs in flight ─► settled
                    │ dies: its jobs are given back; those that were there at several deaths get nodes of
                    │       their own, a few at a time and at last one, so that the cause is found
                    └ is slow: what it has not begun goes to nodes that are idle
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from imgpar.core.job import Job, OutputFile, Target
from imgpar.engines.messages import News, first_items
from imgpar.outputs.parts import written_parts
from imgpar.outputs.write_ahead import OutputNotes

SECONDS_AHEAD = 4.0
"""Seconds of work that a node gets at a time."""
FIRST_SHARD = 4
"""Items per worker before it is known how long they take."""
MOST_AHEAD = 5000
"""Items that one node has at most: they take memory in the run."""
SUSPECT, ALONE = 2, 3
"""After so many lost nodes a job is one of a few on its node, and the only one there."""
FEW_SUSPECTS = 8
MOST_ALONE = 3
"""A job is given up when so many nodes in a row were lost on which it was the only one. Where others are lost
meanwhile any node may be, and the job is not the cause."""
MOST_DEATHS = 20
"""The same after so many nodes in any order."""
LONG = 1.0
"""Seconds of work that a slow node keeps."""


@dataclass(eq=False)
class NodeState:
    """One node, as the run sees it."""

    node: str
    """What the cluster calls it."""
    label: str
    """What the user calls it."""
    cores: int
    log: OutputNotes
    """Keeps notes of what it publishes."""
    jobs: dict[int, Job] = field(default_factory=dict)
    """In flight, by id."""
    items: int = 0
    """Of these jobs."""
    queued: int = 0
    """How many items it has not begun, by its last news."""
    ready: bool = False
    closing: bool = False
    asked_back: bool = False
    """Whether it was asked for jobs, and has not answered."""
    suspects: bool = False
    """Whether it has jobs that are suspected to end nodes, and gets no others."""
    kept: int = 0
    """Outputs that were announced and noted."""
    noted: dict[str, list[OutputFile]] = field(default_factory=dict)
    """These, of jobs in flight, by path."""
    rate: float = 0.0
    """Items per second; 0 is unknown."""
    since: float = field(default_factory=time.monotonic)

    def give(self, jobs: Sequence[Job]) -> None:
        """It gets jobs."""
        self.jobs |= {job.id: job for job in jobs}
        self.items += sum(len(job.items) for job in jobs)

    def take(self, number: int, items: int) -> Job:
        """A job that it has done or gives back, or a part of one: it may have cut a slice."""
        owner = self._owner(number)
        if owner.id != number:
            before, owner = owner.cut(number - owner.id)
            self.jobs |= {before.id: before, owner.id: owner}
        if len(owner.items) > items:
            owner, rest = owner.cut(items)
            self.jobs[rest.id] = rest
        del self.jobs[number]
        self.items -= items
        return owner

    def begun(self, number: int, items: int) -> list[Job]:
        """Jobs that it has begun; of a slice those of its items."""
        owner = self._owner(number)
        return owner.each()[number - owner.id :][:items]

    def _owner(self, number: int) -> Job:
        if number in self.jobs:
            return self.jobs[number]
        return next(job for job in self.jobs.values() if job.id < number < job.id + len(job.items))

    def heard(self, news: News, settled: int) -> None:
        """Take note of its news, with so many settled items."""
        now = time.monotonic()
        if settled:
            current = settled / max(now - self.since, 1e-3)
            self.rate = (self.rate + current) / 2 if self.rate else current
        if settled or not self.jobs:
            self.since = now
        self.queued = news.queued
        if news.returned:
            self.asked_back = False
        if not self.jobs:
            self.noted.clear()
            self.suspects = False

    @property
    def wanted(self) -> int:
        """Items that it should get now."""
        most = max(FIRST_SHARD * self.cores, min(MOST_AHEAD, int(self.rate * SECONDS_AHEAD)))
        return most - self.items if self.items <= most * 3 // 4 else 0

    @property
    def spare(self) -> int:
        """Items that others could do for it."""
        rest = self.queued - int(self.rate * LONG)
        return 0 if self.asked_back or self.suspects or rest <= 0 else (self.queued + 1) // 2


class Shards:
    """The jobs of one run that no node has.

    Args:
        plan: returns the next job; None while there is none.
        written: reads the write-ahead log of the workers in a shared folder.
    """

    def __init__(
        self,
        plan: Callable[[], Job | None],
        written: Callable[[], Mapping[str, list[OutputFile]]],
    ) -> None:
        self._plan, self._written = plan, written
        self._again: deque[Job] = deque()
        self._suspects: deque[Job] = deque()
        self._deaths: dict[int, int] = {}
        """How many nodes have died with a job, by its id."""
        self._alone: dict[int, tuple[int, int]] = {}
        """How many of them in a row had no other job, and which was the last one."""
        self._lost = 0
        """Nodes that have died with jobs."""

    @property
    def waiting(self) -> Iterator[Job]:
        """Jobs that were given back."""
        yield from self._again
        yield from self._suspects

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Jobs that a node has not begun."""
        self._again.extendleft(reversed(jobs))

    def settled(self, job: int) -> None:
        """A job is done."""
        if self._deaths:
            self._deaths.pop(job, None)
            self._alone.pop(job, None)

    def died(self, member: NodeState) -> list[Job]:
        """A node is gone: its jobs are given back.

        Returns:
            Those that are given up, as the node dies every time.
        """
        # A slice is given back as the jobs of its items, so that one of them can be told from the others.
        jobs = [each for job in member.jobs.values() for each in job.each()]
        if not jobs:
            return []
        self._lost += 1
        noted = {**self._written(), **member.noted}
        given_up = list[Job]()
        for job in jobs:
            deaths = self._deaths[job.id] = self._deaths.get(job.id, 0) + 1
            if self._alone_in_a_row(job, len(jobs)) >= MOST_ALONE or deaths >= MOST_DEATHS:
                given_up.append(job)
            elif deaths >= SUSPECT:
                self._suspects.append(known_again(job, noted))
            else:
                self._again.append(known_again(job, noted))
        return given_up

    def _alone_in_a_row(self, job: Job, others: int) -> int:
        """Count the loss of a node for a job, which was there with so many in all."""
        if others > 1:
            return 0
        count, last = self._alone.get(job.id, (0, 0))
        count = count + 1 if last == self._lost - 1 else 1
        self._alone[job.id] = count, self._lost
        return count

    def shard(self, member: NodeState, members: Sequence[NodeState]) -> list[Job]:
        """The jobs that a node gets now.

        Args:
            member: the node.
            members: all that are ready.
        """
        if member.suspects:
            return []
        if self._suspects and member is min(members, key=lambda each: (each.suspects, len(each.jobs))):
            return [] if member.jobs else self._few(member)
        found, wanted = list[Job](), member.wanted
        while wanted > 0:
            job = self._again.popleft() if self._again else self._plan()
            if job is None:
                break
            job, rest = first_items(job, wanted)
            if rest:
                self._again.appendleft(rest)
            found.append(job)
            wanted -= len(job.items)
        return found

    def _few(self, member: NodeState) -> list[Job]:
        """Some of the jobs at which nodes have died; one of those at which several have."""
        member.suspects = True
        first = self._suspects.popleft()
        found = [first]
        if self._deaths.get(first.id, 0) < ALONE:
            while self._suspects and len(found) < FEW_SUSPECTS:
                if self._deaths.get(self._suspects[0].id, 0) >= ALONE:
                    break
                found.append(self._suspects.popleft())
        return found


def known_again(job: Job, noted: Mapping[str, list[OutputFile]]) -> Job:
    """The job, which may replace what a node that is gone has made of it: only files that it had noted."""
    if not noted or not job.targets:
        return job
    return job._replace(targets=tuple(_known(target, noted) for target in job.targets))


def _known(target: Target, noted: Mapping[str, list[OutputFile]]) -> Target:
    if target.split:
        parts = written_parts((target,), noted)
        paths = tuple(dict.fromkeys((*target.parts, *(file.path for file in parts))))
        return target._replace(parts=paths, known=(*target.known, *parts)) if parts else target
    files = tuple(noted.get(target.path, ()))
    if not files or (target.replaces and not target.known):  # anything may be replaced already
        return target
    return target._replace(replaces=True, known=(*target.known, *files))
