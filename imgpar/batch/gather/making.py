"""What is common to all files that are made of several items: items, remarks, temporary file, commit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from imgpar.batch.gather.frames import ItemFrames
from imgpar.batch.gather.items import FITS, Fit, ItemRemarks, Scratch
from imgpar.batch.gather.options import Gathering
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import (
    LimitError,
    TransformError,
    setting,
)
from imgpar.core.fs import Half
from imgpar.core.job import OutputFile, Target
from imgpar.core.spec import Frame
from imgpar.outputs.commit import begin_file, commit, commit_file, taken_over
from imgpar.runtime.context import Context
from imgpar.runtime.helpers import Helpers
from imgpar.runtime.protocol import Task


@dataclass(slots=True)
class Remarks:
    """Losses and notes of all items; of equal ones the number is kept."""

    lost: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Upright size of each item that was read."""

    def add(self, facts: ItemRemarks) -> None:
        """Add what is known of one item."""
        self.lost.update(dict.fromkeys(facts.lost))
        self.notes.update(dict.fromkeys(facts.notes))
        self.sizes.append(facts.size)


class Making:
    """The making of one file of all items, for the modules that make it: frames, remarks, commit.

    Args:
        task: of the job, with one target.
        run: recipe and limits of the run; `gather` says what is made.
        context: clock, memory and helpers.
    """

    def __init__(self, task: Task, run: RunSpec, context: Context) -> None:
        assert run.gather is not None
        self.task, self.run, self.clock = task, run, context.clock
        self.gather: Gathering = run.gather
        self.target: Target = task.job.targets[0]
        self.helpers: Helpers = context.helpers()
        self.remarks = Remarks()
        scratch = context.kept.setdefault("scratch", Scratch())
        self.frames = ItemFrames(task.job.items, run, self.helpers, self.clock, scratch, task.crashers)

    def of_one_size(
        self, layout: str = "", dtype: str = "uint8"
    ) -> tuple[tuple[int, Frame, ItemRemarks], Fit]:
        """The first frame, and how the others are fitted to its size.

        Args:
            layout: channels of all frames; empty takes those of the first.
            dtype: the same for their type.
        """
        first = self.frames.first(Fit(layout=layout, dtype=dtype, pages=True))
        spec = first[1].spec
        mixed = self.gather.mixed
        width, height = spec.size if mixed != "fail" else (0, 0)
        how = FITS.get(mixed, "contain")
        fit = Fit(width, height, how, layout=spec.layout, dtype=spec.dtype, capacity=spec.nbytes, pages=True)
        return first, fit

    def every(
        self, first: tuple[int, Frame, ItemRemarks], fit: Fit
    ) -> Iterator[tuple[int, Frame, ItemRemarks]]:
        """The first frame and the others, all of the same size; raises TransformError where one differs."""
        spec = first[1].spec
        self.remarks.add(first[2])
        yield first
        for place, frame, facts in self.frames.rest(fit):
            if frame.spec.size != spec.size:
                self.clock.at_item(self.frames.current)
                raise TransformError(
                    f"It is {'×'.join(map(str, frame.spec.size))}, "
                    f"the first one {'×'.join(map(str, spec.size))}.",
                    fix=f"Choose {setting('mixed', 'pad')}, crop or stretch, or another {setting('resize')}.",
                )
            self.remarks.add(facts)
            yield place, frame, facts

    def note_sizes(self) -> None:
        """Add a note on items of another size than the first."""
        sizes = self.remarks.sizes
        others = sum(size != sizes[0] for size in sizes)
        if others and self.gather.mixed != "fail":
            how = {"pad": "padded", "crop": "cropped", "stretch": "stretched"}[self.gather.mixed]
            self.remarks.notes[
                f"{others} of {len(sizes)} pictures have another size than the first one and were {how}"
            ] = None

    def check_memory(self, nbytes: int, what: str) -> None:
        """Raise LimitError where a result does not fit into the memory of the run."""
        if nbytes > self.run.limits.memory:
            raise LimitError(
                f"{what} needs {nbytes >> 20:,} MiB, but --memory is {self.run.limits.memory >> 20:,} MiB.",
                fix=f"Raise {setting('memory')}, or choose a smaller size.",
            )

    def commit_data(self, encoded: EncodedOutput) -> OutputFile:
        """Commit an encoded picture."""
        self.remarks.lost.update(dict.fromkeys(encoded.lost))
        self.remarks.notes.update(dict.fromkeys(encoded.notes))
        self._check_strict()
        with self.clock.during("commit"):
            return commit(
                encoded.data,
                self._final(),
                keep_times_of=None,
                fsync=self.target.replaces,
                run=self.run.name,
                job=self.task.serial,
                dimensions=encoded.spec.size,
                note=self.run.note(),
            )

    def begin(self) -> Half:
        """The temporary file for a result that another program or library writes."""
        return begin_file(self.target, self.run.name, self.task.serial)

    def commit_half(self, half: Half, size: tuple[int, int]) -> OutputFile:
        """Commit the temporary file."""
        self._check_strict()
        with self.clock.during("commit"):
            return commit_file(
                half,
                self._final(),
                keep_times_of=None,
                fsync=self.target.replaces,
                expected=os.path.getsize(half.path),
                dimensions=size,
                note=self.run.note(),
            )

    def _final(self) -> Target:
        return taken_over(self.target, self.run.noted()) if self.task.attempt else self.target

    def _check_strict(self) -> None:
        if self.run.strict and self.remarks.lost:
            raise TransformError(
                f"It would lose {', '.join(self.remarks.lost)}.",
                fix=f"Choose a format that holds it, or leave {setting('strict')} out.",
            )
