"""One frame of a clip that another worker decodes and encodes."""

from __future__ import annotations

from imgpar.batch.clip.frame_program import FrameFacts, FrameProgram
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import TransformError
from imgpar.runtime.protocol import Lease, Task
from imgpar.runtime.serialization import unpack
from imgpar.video.plan import steps_of
from imgpar.video.plane_layout import PlaneLayout
from imgpar.video.planes import Array


class Helper:
    """What a worker keeps between frames of other workers' clips."""

    def __init__(self) -> None:
        self._key: tuple[int, bytes] | None = None
        self._program: FrameProgram | None = None

    def work(self, task: Task, run: RunSpec, buffer: memoryview) -> None:
        """Work on one frame, from its slot into its slot.

        Raises:
            TransformError: an operation fails on it, or its size is not that of the first frame.
        """
        piece, lease = task.piece, task.lease
        assert piece is not None
        assert lease is not None
        key = (piece.serial, piece.facts)
        if self._program is None or self._key != key:
            facts, self._wanted = unpack(piece.facts, tuple[FrameFacts, PlaneLayout])
            self._program = program_of(facts, run)
            self._key = key
        source = _piece(buffer, lease, piece.offset, self._program.layout.nbytes)
        target = _piece(buffer, lease, piece.output, self._wanted.nbytes)
        planes = self._program.layout.arrays(source)
        put(self._program.run(planes), self._wanted, target)


def _piece(buffer: memoryview, lease: Lease, offset: int, nbytes: int) -> memoryview:
    """A part of a clip's memory; never what lies beside it, whatever the clip's worker says."""
    if not lease.offset <= offset < offset + nbytes <= lease.offset + lease.size:
        raise TransformError("A frame was offered that does not lie in the memory of its clip.")
    return buffer[offset : offset + nbytes]


def program_of(facts: FrameFacts, run: RunSpec) -> FrameProgram:
    """The same program in every worker: operations are known from the run."""
    return FrameProgram(facts, steps_of(facts.picture, run.operations), run.limits)


def put(result: tuple[PlaneLayout, list[Array]], wanted: PlaneLayout, memory: memoryview) -> None:
    """Copy a result to where the encoder takes it from; raises TransformError where the sizes differ."""
    layout, planes = result
    if layout != wanted:
        raise TransformError(
            f"A frame became {layout.width}×{layout.height}, the first one {wanted.width}×{wanted.height}.",
            fix="Let the function return the same size for every frame of a clip.",
        )
    for source, target in zip(planes, wanted.arrays(memory), strict=True):
        target[...] = source
