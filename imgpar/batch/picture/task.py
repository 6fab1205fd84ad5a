"""One task of a picture: all of its stages in one worker, or one of them.

chain      read ─► header ─► lease ─► decode ─► transform ─► encode ─► commit
decode     read ─► header ─► lease ─► decode; the frames stay in the lease
transform  lease ─► transform; the frames stay in the lease
encode     lease ─► encode ─► commit
"""

from __future__ import annotations

import os
from operator import attrgetter
from typing import NamedTuple

from imgpar.batch.picture import documents, planar, programs, reuse, stages
from imgpar.batch.picture.header_transfer import pack_header, unpack_header
from imgpar.batch.picture.memory import Memory
from imgpar.batch.picture.programs import Program
from imgpar.batch.picture.reading import read_item
from imgpar.batch.picture.writing import Writing
from imgpar.batch.run_spec import RunSpec
from imgpar.core.digest import content_digest, what_is_wrong
from imgpar.core.errors import CommitError, SourceError
from imgpar.core.job import OutputFile, Seen
from imgpar.core.spec import Frame, FrameRef, Header, Spec
from imgpar.formats import codec
from imgpar.formats.output_profile import srgb_frame
from imgpar.formats.registry import find_format
from imgpar.ops import Operation
from imgpar.runtime.protocol import Done, Lease, Placed, Task
from imgpar.runtime.stage_times import StageClock

_FORMAT = attrgetter("format")


class Transforming(NamedTuple):
    """Stage `transform`, begun."""

    placed: Placed
    header: Header
    program: Program
    found: list[str]
    """What operations have found out about the picture."""
    frames: list[Frame] = []  # noqa: RUF012 - never modified
    blob: bytes = b""
    """The serialized header, for the next stage."""
    lost: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of the lease that the next stage needs."""
        return self.frames[0].spec.nbytes * len(self.frames) + len(self.blob)

    @property
    def functions(self) -> tuple[Operation, ...]:
        """The operations from the first function of the user on."""
        step = self.program.steps[-1]
        assert step.dynamic is not None
        return (step.dynamic, *self.program.rest)


class PictureWork:
    """Performs one task in a worker.

    Args:
        task: the job, its stage and its targets.
        run: recipe and limits of the run.
        clock: measures the stages.
        memory: leases of the arena.
    """

    __slots__ = ("_clock", "_formats", "_memory", "_run", "_seen", "_task", "_writing")

    def __init__(self, task: Task, run: RunSpec, clock: StageClock, memory: Memory) -> None:
        self._task, self._run, self._clock, self._memory = task, run, clock, memory
        self._writing = Writing(task, run, clock)
        self._seen: Seen | None = None
        self._formats = () if run.arrays else tuple(map(_FORMAT, task.job.targets))

    def perform(self) -> Done:
        """Perform the task; raises ItemError, or any exception of a function of the user."""
        if self._task.job.check:
            return self._compare()
        if self._task.job.kind == "file":
            return self._copy()
        match self._task.stage:
            case "chain" | "decode":
                return self._begin()
            case "transform":
                return self._transform()
            case "encode":
                return self._encode()
        raise AssertionError(self._task.stage)

    def _begin(self) -> Done:
        """A task that begins with reading the input: stages `chain` and `decode`."""
        if files := self._writing.recovered():
            if self._run.sees:
                self._read()
            return self._done(files=files)
        data, digest = self._read()
        if unchanged := self._unchanged(digest):
            return unchanged
        if self._run.branches:
            return self._branches(data, digest)
        with self._clock.during("read"):
            header = self._fitted(codec.read_header(data, self._task.job.item.path, self._run.limits))
        if documents.apart(header, self._task.job.targets, self._run):
            return self._by_page(data, digest, header)
        with self._clock.during("decode"):
            program = self._compiled(header, keep_frames=self._keeps_frames(header))
        chain = self._task.stage == "chain"
        blob = b"" if chain else _packed_header(program)
        nbytes = program.nbytes if chain else max(program.nbytes, sum(program.sides) + len(blob))
        lease = self._memory.lease(nbytes, standing=chain and not self._run.arrays)
        with self._clock.during("decode"):
            frames, notes = stages.decode(program, data, self._memory.within(lease), self._run.limits)
        if not chain:
            return self._leave_in_lease(program, lease, frames, blob, notes, digest)
        if not self._reusable(program, None):
            data = b""
        with self._clock.during("transform"):
            programs.begin_picture(
                self._run.operations, program.source, self._task.job.item.path, len(frames)
            )
            found = list[str]()
            frames, offset = stages.transform_frames(program, frames, self._memory.within(lease), found)
            notes = (*notes, *found)
        original = self._reusable(program, frames[0].spec, data)
        header = program.header
        if program.lost != header.lost:
            header = header._replace(lost=program.lost)
        if self._run.arrays:
            placed, lost = self._array(lease, frames, offset, header)
            return self._done(placed=placed, lost=lost, notes=(*program.notes, *notes))
        self._writing.each(self._writing.targets(), frames, header, original)
        return self._written(notes, digest)

    def _leave_in_lease(
        self,
        program: Program,
        lease: Lease,
        frames: list[Frame],
        header: bytes,
        notes: tuple[str, ...],
        digest: str,
    ) -> Done:
        """The result of stage `decode`: frames in the lease, and the serialized header after them."""
        where = self._memory.put_blob(lease, sum(program.sides), header)
        placed = Placed(lease, FrameRef(lease.offset, frames[0].spec, len(frames)), where)
        # Losses of files are reported by stage `encode`: an output that is a copy has none.
        lost, more = (program.lost, program.notes) if self._run.arrays else ((), ())
        return self._done(placed=placed, lost=lost, notes=(*more, *notes), digest=digest)

    def _transform(self) -> Done:
        half = self._begin_transform()
        with self._clock.during("transform"):
            within, given = self._memory.within(half.placed.lease), self._memory.frames(half.placed.frames)
            frames, offset = stages.transform_frames(half.program, given, within, half.found)
        return self._transformed(half, frames, offset)

    def _begin_transform(self) -> Transforming:
        placed, header = self._placed()
        self._fitted(header)
        with self._clock.during("transform"):
            program = self._compiled(header, keep_frames=placed.frames.count > 1)
            path, count = self._task.job.item.path, placed.frames.count
            programs.begin_picture(self._run.operations, program.source, path, count)
        return Transforming(placed, header, program, [])

    def until_function(self) -> Transforming:
        """Stage `transform` until the first function of the user, whose input is in `frames`."""
        half = self._begin_transform()
        within, given = self._memory.within(half.placed.lease), self._memory.frames(half.placed.frames)
        before = half.program._replace(steps=half.program.steps[:-1], rest=())
        with self._clock.during("transform"):
            frames, _ = stages.transform_frames(before, given, within, half.found)
        return half._replace(frames=frames)

    def after_functions(self, half: Transforming) -> Transforming:
        """What stage `transform` leaves for the next one, with the results of the operations in `frames`."""
        if not self._run.arrays:
            return half._replace(blob=self._memory.blob(half.placed))
        with self._clock.during("transform"):
            wanted, lost = self._wanted(half.frames[0], half.header._replace(lost=()))
        return half._replace(frames=[wanted], lost=lost)

    def request_memory(self, half: Transforming) -> bool:
        """Give up the lease where it is too small for what is left, and request a larger one.

        Returns:
            Whether it was too small.
        """
        small = half.nbytes > half.placed.lease.size
        if small:
            self._memory.request(half.nbytes)
        return small

    def leave(self, half: Transforming) -> Done:
        """The result of stage `transform`, of what `after_functions` has returned."""
        placed = self._memory.put(half.placed.lease, half.frames, half.blob)
        return self._done(placed=placed, lost=half.lost, notes=tuple(half.found))

    def _transformed(self, half: Transforming, frames: list[Frame], offset: int | None) -> Done:
        """The result of stage `transform`; `offset` of the frames in the lease, None if they are outside."""
        placed, header, found = half.placed, half.header, half.found
        if self._run.arrays:
            placed, lost = self._array(placed.lease, frames, offset, header._replace(lost=()))
            return self._done(placed=placed, lost=lost, notes=tuple(found))
        if offset is None:
            placed = self._memory.put(placed.lease, frames, self._memory.blob(placed))
        else:
            ref = FrameRef(placed.lease.offset + offset, frames[0].spec, len(frames))
            placed = placed._replace(frames=ref)
        return self._done(placed=placed, notes=tuple(found))

    def _encode(self) -> Done:
        if files := self._writing.recovered():
            return self._done(files=files)
        placed, header = self._placed()
        original = self._original(header, placed.frames)
        self._writing.each(self._writing.targets(), self._memory.frames(placed.frames), header, original)
        return self._written()

    def _by_page(self, data: bytes, digest: str, header: Header) -> Done:
        """A file processed page by page is one task with every schedule."""
        path, targets = self._task.job.item.path, self._writing.targets()
        documents.write_document(
            data, path, header, targets, self._run, self._bytes, self._writing, self._clock
        )
        return self._written(digest=digest)

    def _branches(self, data: bytes, digest: str) -> Done:
        """Several outputs with operations of their own are one task with every schedule."""
        from imgpar.batch.picture.branches import BranchWork

        path = self._task.job.item.path
        BranchWork(path, self._run, self._bytes, self._writing, self._clock).make(data)
        return self._written(digest=digest)

    def _bytes(self, nbytes: int) -> memoryview:
        """Memory for a task that leaves no frames behind."""
        return self._memory.within(self._memory.lease(nbytes, standing=self._task.stage == "chain"))

    def _written(self, notes: tuple[str, ...] = (), digest: str = "") -> Done:
        """The result of a task that has written outputs; raises the failure where all have failed."""
        made = self._writing.results()
        done = self._done(files=made.files, lost=made.lost, notes=(*notes, *made.notes), digest=digest)
        return done._replace(failed_output=made.failure, tries=made.tries)

    def _copy(self) -> Done:
        """Copy a companion file, such as a sidecar."""
        if files := self._writing.recovered():
            return self._done(files=files)
        data, digest = self._read()
        if unchanged := self._unchanged(digest):
            return unchanged
        (target,) = self._task.job.targets
        written = self._writing.commit(target, stages.EncodedOutput(data, Spec(0, 0)))
        return self._done(files=(written,), digest=digest)

    def _compare(self) -> Done:
        """Compare existing outputs with their digests; nothing is written."""
        with self._clock.during("read"):
            for file in self._task.job.check:
                if wrong := what_is_wrong(file.path, (file,)):
                    raise CommitError(
                        f"{file.path}: {wrong}", fix="Remove it and run again to create it anew."
                    )
        return Done(self._task.serial, self._clock.timings(), unchanged=True)

    def _read(self) -> tuple[bytes, str]:
        """The bytes of the input, and their digest where the journal needs it."""
        with self._clock.during("read"):
            data, self._writing.source = read_item(self._task.job.item, self._run)
            self._writing.digest = content_digest(data) if self._run.digests else ""
            if self._run.sees:
                from imgpar.batch.picture.seeing import look_at

                self._seen = look_at(data, self._task.job.item.path, self._run, self._run.sees)
            return data, self._writing.digest

    def _reusable(self, program: Program, made: Spec | None, data: bytes = b"") -> reuse.SourceBytes:
        """For which outputs the bytes of the input may be used."""
        run, smaller = self._run, self._writing.keep_smaller
        return reuse.reusable(
            program, self._formats, run.encode, run.limits, data, made, keep_smaller=smaller
        )

    def _original(self, header: Header, frames: FrameRef) -> reuse.SourceBytes:
        """The bytes of the input, read again, and the formats whose outputs are copies of them."""
        if header.format not in self._formats:
            return reuse.SourceBytes()
        program = self._compiled(header._replace(lost=()), keep_frames=frames.count > 1)
        found = self._reusable(program, frames.spec)
        if not found:
            return found
        item = self._task.job.item
        data, times = read_item(item, self._run)
        changed = isinstance(times, os.stat_result) and times.st_mtime_ns != item.mtime_ns
        if changed or (item.size and len(data) != item.size):
            raise SourceError("It changed while it was converted.", fix="Run again when it is complete.")
        return found._replace(data=data)

    def _compiled(self, header: Header, *, keep_frames: bool) -> Program:
        run = self._run
        return planar.choose_program(
            header, run.operations, run.limits, self._formats, run.encode, keep_frames=keep_frames
        )

    def _fitted(self, header: Header) -> Header:
        """Take the operations for this picture, whose metadata may be drawn; the header with remarks."""
        path = self._task.job.item.path
        operations, notes = programs.operations_for(self._run.operations, header, path, self._run.encode)
        if operations is not self._run.operations:
            self._run = self._run._replace(operations=operations)
        return header._replace(notes=(*header.notes, *notes)) if notes else header

    def _keeps_frames(self, header: Header) -> bool:
        """Whether more than the first frame is wanted."""
        return header.frames > 1 and any(find_format(name).frames for name in self._formats)

    def _placed(self) -> tuple[Placed, Header]:
        """The frames of the previous stage, and their header."""
        placed = self._task.placed
        assert placed is not None
        return placed, unpack_header(self._memory.blob(placed))

    def _array(
        self, lease: Lease, frames: list[Frame], offset: int | None, header: Header
    ) -> tuple[Placed, tuple[str, ...]]:
        """The first frame in sRGB, in the pixel format of the caller, in the lease given to the caller; and
        the losses."""
        wanted, lost = self._wanted(frames[0], header)
        if wanted is frames[0] and offset is not None:
            return Placed(lease, FrameRef(lease.offset + offset, wanted.spec)), lost
        return self._memory.put(lease, [wanted]), lost

    def _wanted(self, frame: Frame, header: Header) -> tuple[Frame, tuple[str, ...]]:
        """The frame as the caller wants it, and the losses."""
        frame, lost = srgb_frame(frame, header.metadata)
        return stages.to_array(frame, self._run.layout, self._run.dtype), (*header.lost, *lost)

    def _done(
        self,
        placed: Placed | None = None,
        files: tuple[OutputFile, ...] = (),
        lost: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        digest: str = "",
    ) -> Done:
        done = Done(self._task.serial, self._clock.timings(), placed, files, lost, notes, digest)
        return done._replace(seen=self._seen) if self._seen else done

    def _unchanged(self, digest: str) -> Done | None:
        """The result where the content has the recorded digest; None otherwise."""
        if not self._task.job.digest or self._task.job.digest != digest:
            return None
        return Done(self._task.serial, self._clock.timings(), digest=digest, unchanged=True)


def _packed_header(program: Program) -> bytes:
    """The serialized header for the next stage. It has the size in the file, to which sizes in percent
    refer."""
    return pack_header(program.source._replace(metadata=program.header.metadata, lost=program.lost))
