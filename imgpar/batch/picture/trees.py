"""Several outputs of one picture: it is decoded once, shared operations run once, then those of each output.

    ┌───────────────────────┬──────────────────────┬────────────┬──────────┐
    │ even: decoded, step 2 │ odd: step 1, step 3  │ third side │ metadata │     one lease
    └───────────────────────┴──────────────────────┴────────────┴──────────┘

The result of the shared steps stays on its side while the outputs are made one after the other: their own
steps alternate between the other side and the third one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from imgpar.batch.picture.programs import (
    Program,
    Step,
    aligned,
    blob_nbytes,
    compile_program,
    first_effective,
    sides_of,
)
from imgpar.batch.picture.stages import Remarks, run_dynamic, run_steps
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame
from imgpar.ops import Operation
from imgpar.pixels import layouts


class Tree(NamedTuple):
    """The programs of several outputs, all with the same decoded picture."""

    programs: tuple[Program, ...]
    root: Program
    """One of them, with the most frames: what is decoded."""
    shared: tuple[Step, ...]
    """The steps with which all programs begin."""
    rest: tuple[Operation, ...]
    """The operations that they share after a function whose result has no known spec."""
    sides: tuple[int, int, int]
    """Bytes of the three sides."""

    @property
    def nbytes(self) -> int:
        """Bytes of the lease that runs all programs."""
        return sum(self.sides) + blob_nbytes(self.root.header)

    @property
    def _ends(self) -> tuple[int, int]:
        """Offsets of the side with the shared result, and of the other one."""
        offsets = (0, self.sides[0])
        count = sum(step.dynamic is None for step in self.shared)
        return offsets if count % 2 == 0 else offsets[::-1]

    def run_shared(self, frames: list[Frame], lease: memoryview, remarks: Remarks) -> list[Frame]:
        """The result of the shared operations, for the decoded frames on the even side of the lease."""
        return run_steps(self.shared, self.rest, frames, lease, (0, self.sides[0]), remarks)[0]

    def run_own(self, number: int, shared: list[Frame], lease: memoryview, remarks: Remarks) -> list[Frame]:
        """The frames of one output. They are valid until those of another one are made.

        Args:
            number: index of the output.
            shared: the result of `run_shared`; it is not modified.
            lease: the same as there.
            remarks: receives what operations have found out about the picture.
        """
        program = self.programs[number]
        frames = shared[: program.frames]
        if self.shared and self.shared[-1].dynamic is not None:
            return run_dynamic(frames, program.rest[len(self.rest) :], remarks)
        steps = program.steps[len(self.shared) :]
        scratch = (self.sides[0] + self.sides[1], self._ends[1])
        return run_steps(steps, program.rest, frames, lease, scratch, remarks)[0]


def compile_tree(
    programs: Sequence[Program], operations: Sequence[tuple[Operation, ...]], limits: Limits
) -> Tree:
    """Combine programs that decode the same picture at the same scale.

    Args:
        programs: of the outputs, with equal headers.
        operations: of the outputs, in the same order.
        limits: of the run. The memory of the tree is not compared with them.
    """
    root = max(programs, key=lambda program: program.frames)
    shared, rest = _shared(root, common(operations), limits)
    even, odd = sides_of(root.header.spec, shared, root.frames)
    third = 0
    for program in programs:
        own = program.steps[len(shared) :]
        first, second = (_most(own[at::2], program.frames) for at in (0, 1))
        third = max(third, second)
        if len(shared) % 2:
            even = max(even, first)
        else:
            odd = max(odd, first)
    return Tree(tuple(programs), root, shared, rest, (even, odd, third))


def common(operations: Sequence[tuple[Operation, ...]]) -> tuple[Operation, ...]:
    """The operations with which all of these begin."""
    first, *others = operations
    for count, operation in enumerate(first):
        if any(len(other) <= count or other[count] != operation for other in others):
            return first[:count]
    return first


def _shared(
    root: Program, operations: tuple[Operation, ...], limits: Limits
) -> tuple[tuple[Step, ...], tuple[Operation, ...]]:
    """The steps of the operations that all outputs share, and those after a function."""
    upright = layouts.oriented(root.source.spec, root.source.orientation)
    if first_effective(operations, upright)[0] is None:
        return (), ()  # to rotate upright is left to the outputs, which may scale down before
    keep, scale = root.frames > 1, root.scale
    program = compile_program(root.source, operations, limits, keep_frames=keep, most_scale=scale)
    return root.steps[: len(program.steps)], program.rest


def _most(steps: Sequence[Step], frames: int) -> int:
    """Bytes of the largest result of these steps."""
    return max((aligned(step.spec.nbytes * frames) for step in steps if step.dynamic is None), default=0)
