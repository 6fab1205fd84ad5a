"""What was made of a slice: the results of several small pictures in columns.

A value for each picture in a column costs a tenth of an object for each picture: to send, to check, to count
and to store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from imgpar.core.job import Job, Outcome, OutputFile

TIMED = ("read", "decode", "transform", "encode", "commit")
"""Stages whose times are measured."""


class MadeFiles(NamedTuple):
    """What was made of the items of a slice, in columns: a value for each item, in their order. Of a file at
    the path of its target the columns are those of `OutputFile`."""

    numbers: tuple[int, ...] = ()
    """Indices of the items in the job, rising."""
    bytes: tuple[int, ...] = ()
    width: tuple[int, ...] = ()
    height: tuple[int, ...] = ()
    mtime_ns: tuple[int, ...] = ()
    ctime_ns: tuple[int, ...] = ()
    inode: tuple[int, ...] = ()
    digest: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Digests of the inputs; empty if not computed."""
    seconds: tuple[tuple[float, ...], ...] = ()
    """A column for each of `TIMED`."""

    def outcomes(self, job: Job) -> list[Outcome]:
        """The outcomes of these items of a slice."""
        items = [job.items[number] for number in self.numbers]
        outputs = [job.targets[number].path for number in self.numbers]
        return self.outcomes_of(job.id, [item.path for item in items], [item.size for item in items], outputs)

    def outcomes_of(
        self, first: int, sources: Sequence[str], sizes: Sequence[int], outputs: Sequence[str]
    ) -> list[Outcome]:
        """The same, of the paths and sizes of the inputs, and the paths of the outputs.

        Args:
            first: id of the first job of the slice.
            sources: paths of these items.
            sizes: of their files, in bytes.
            outputs: paths of their targets.
        """
        return [
            Outcome(
                source,
                "ok",
                (OutputFile(output, *facts),),
                seconds=sum(seconds),
                stages=tuple([pair for pair in zip(TIMED, seconds, strict=True) if pair[1]]),
                source_bytes=size,
                job=first + number,
                digest=digest,
            )
            for source, size, output, number, facts, digest, seconds in zip(
                sources,
                sizes,
                outputs,
                self.numbers,
                zip(*self[1:8], strict=True),
                self.sources,
                zip(*self.seconds, strict=True),
                strict=True,
            )
        ]
