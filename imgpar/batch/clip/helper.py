"""Helper: transforms one frame of a clip that another worker decodes and encodes."""

from __future__ import annotations

from imgpar.batch.clip.frame_program import FrameFacts, FrameProgram, operations_for_clip
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import TransformError
from imgpar.core.job import ItemFacts
from imgpar.runtime.protocol import Lease, Task
from imgpar.runtime.serialization import unpack
from imgpar.video.plan import steps_of
from imgpar.video.plane_layout import PlaneLayout
from imgpar.video.planes import Array


class Helper:
    """Transforms frames; it keeps the program of the last clip."""

    def __init__(self) -> None:
        self._key: tuple[int, bytes] | None = None
        self._program: FrameProgram | None = None

    def work(self, task: Task, run: RunSpec, buffer: memoryview) -> None:
        """Transform one frame, from its input slot into its output slot.

        Raises:
            TransformError: an operation fails, or the size of the result is not that of the first frame.
        """
        piece, lease = task.piece, task.lease
        assert piece is not None
        assert lease is not None
        key = (piece.serial, piece.facts)
        if self._program is None or self._key != key:
            facts, self._wanted = unpack(piece.facts, tuple[FrameFacts, PlaneLayout])
            self._program = program_of(facts, run)
            self._key = key
        source = _part_of(buffer, lease, piece.offset, self._program.layout.nbytes)
        target = _part_of(buffer, lease, piece.output, self._wanted.nbytes)
        planes = self._program.layout.arrays(source)
        put(self._program.run(planes), self._wanted, target)


def _part_of(buffer: memoryview, lease: Lease, offset: int, nbytes: int) -> memoryview:
    """A part of the lease of a clip; raises TransformError for offsets outside of it."""
    if not lease.offset <= offset < offset + nbytes <= lease.offset + lease.size:
        raise TransformError("An offered frame is outside of the memory of its clip.")
    return buffer[offset : offset + nbytes]


def program_of(facts: FrameFacts, run: RunSpec) -> FrameProgram:
    """The program of a clip, with the operations of one output of the run; the same in every worker."""
    output = run.branch(facts.branch)
    item = ItemFacts("", "video", facts.picture.upright, 0)
    operations, _ = operations_for_clip(output.operations, item, facts.details)
    return FrameProgram(facts, steps_of(facts.picture, operations), output.limits)


def put(result: tuple[PlaneLayout, list[Array]], wanted: PlaneLayout, memory: memoryview) -> None:
    """Copy a result into the memory read by the encoder; raises TransformError where the sizes differ."""
    layout, planes = result
    if layout != wanted:
        raise TransformError(
            f"A frame became {layout.width}×{layout.height}, the first one {wanted.width}×{wanted.height}.",
            fix="Return the same size for every frame of a clip.",
        )
    for source, target in zip(planes, wanted.arrays(memory), strict=True):
        target[...] = source
