"""The loop inside a worker process. It owns nothing and may die at any instruction.

    channel ─► Work ─► read ─► header ─► [Need ─► Grant] ─► decode ─► transform ─► encode ─► commit ─► Done
                                          only when the standing lease is too small

Before each task it writes the task's serial into its cell of the board; that is all the parent needs to
know which task to charge when this process is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from imgpar import codecs
from imgpar.codecs.formats import find_format
from imgpar.commit import commit, left_before, original_path, take_back
from imgpar.digest import content_digest
from imgpar.errors import HelperKilledError, SourceError, TransformError
from imgpar.model import Frame, FrameRef, Header, Metadata, OutputFile, Spec, Target
from imgpar.runtime import clips, documents, outputs, planar, programs, stages
from imgpar.runtime.channel import Channel, shorten
from imgpar.runtime.clock import Clock
from imgpar.runtime.failures import failure_of
from imgpar.runtime.frames import ArenaView
from imgpar.runtime.messages import (
    Begin,
    Deny,
    Done,
    Dropped,
    Failed,
    Forget,
    Grant,
    Lease,
    Need,
    NoMemory,
    Placed,
    Revoke,
    Stop,
    Task,
    Work,
)
from imgpar.runtime.reading import read_whole
from imgpar.runtime.runspec import RunSpec
from imgpar.runtime.verify import verify as check
from imgpar.sources.base import why_unreadable
from imgpar.sources.companions import SIDECAR

if TYPE_CHECKING:
    from imgpar.runtime.crew import Helper


_NO_COPY = outputs.Original()


class Denied(Exception):  # noqa: N818 - not an error: the parent has settled the job
    """The parent will give no memory for this task."""


class OutOfPagesError(Exception):
    """The lease could not be backed with pages."""


class Log(Protocol):
    """Where this process's prints go."""

    def lines(self) -> list[str]:
        """What was printed since the last look."""


class Worker:
    """State of a worker: its channel, its view of the arena, its standing lease."""

    def __init__(self, index: int, channel: Channel, view: ArenaView, log: Log) -> None:
        self._channel = channel
        self._view = view
        self._cell = index * 8
        self._log = log
        self._runs: dict[int, RunSpec] = {}
        self._queue: deque[Task | Revoke] = deque()
        self._pocket: Lease | None = None
        self._helper: Helper | None = None
        self._read: tuple[int, os.stat_result] | None = None
        """The task that read an input last, and what the system said of the file."""

    def loop(self) -> None:
        """Until the parent says stop, or is gone."""
        while True:
            while self._queue:
                self._next()
                while self._channel.waiting():  # a batch does not make the worker deaf
                    if not self._accept(self._channel.receive()):
                        return
            if not self._accept(self._channel.receive()):
                return

    def _accept(self, message: Any) -> bool:
        match message:
            case Work(tasks):
                self._queue.extend(tasks)
            case Begin(run, payload):
                self._runs[run] = pickle.loads(payload)  # noqa: S301 - from our own parent
            case Forget(run):
                self._runs.pop(run, None)
            case Revoke():
                self._queue.append(message)
            case Stop():
                return False
        return True

    def _next(self) -> None:
        task = self._queue.popleft()
        if isinstance(task, Revoke):
            self._pocket = None
            if task.token:
                self._channel.send(Dropped(task.token))
        else:
            self._perform(task)

    # ----- one task -------------------------------------------------------------------------------

    def _perform(self, task: Task) -> None:
        board = self._view.board
        board[self._cell + 1] += 1
        board[self._cell] = task.serial
        clock = Clock(board, self._cell)
        message: Done | Failed | NoMemory | None
        try:
            message = self._stage(task, clock)
        except Denied:
            message = None
        except OutOfPagesError:
            self._pocket = None
            message = NoMemory(task.serial)
        except HelperKilledError:
            # Whoever kills ffmpeg kills this job, as if it were this process: the parent tries it again.
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            message = None
        except Exception as error:
            message = failure_of(error, task.serial, clock.stage, clock.timings())
        if isinstance(message, Done | Failed):
            notes = (*message.notes, *self._log.lines())
            if notes:
                kept = list(dict.fromkeys(notes))[:10]
                message = message._replace(notes=tuple(shorten(note, 500) for note in kept))
        if message is not None:
            self._channel.send(message)
        # Last: a task that has run, but has not been answered, must not pass for one that never began.
        board[self._cell] = 0

    def _stage(self, task: Task, clock: Clock) -> Done:
        run = self._runs[task.run]
        if task.stage == "frame":
            return self._help(task, run, clock)
        if clips.is_clip(task.job):
            return self._clip(task, run, clock)
        if task.job.item.format == SIDECAR:
            return self._sidecar(task, run, clock)
        match task.stage:
            case "chain":
                return self._chain(task, run, clock)
            case "decode":
                return self._decode(task, run, clock)
            case "transform":
                return self._transform(task, run, clock)
            case "encode":
                return self._encode(task, run, clock)

    def _clip(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        """A clip is one task, whatever the schedule: its frames are never in memory all at once."""
        from imgpar.runtime.crew import Crew

        crew = Crew(self._channel, self._view.buffer, task, partial(self._film, task), self._accept_now)
        made = clips.ClipWork(task.job, run, crew, clock.during).perform()
        lost, notes = tuple(dict.fromkeys(made.lost)), tuple(dict.fromkeys(made.notes))
        return Done(
            task.serial, clock.timings(), None, tuple(made.outputs), lost, notes, made.digest, made.unchanged
        )

    def _sidecar(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        """A file that goes along with a picture, as it is."""
        with clock.during("read"):
            data, status = read_whole(task.job.item.path)
            self._read = (task.serial, status)
            digest = content_digest(data) if run.digests else ""
        if task.job.digest and task.job.digest == digest:
            return Done(task.serial, clock.timings(), digest=digest, unchanged=True)
        (target,) = task.job.targets
        with clock.during("commit"):
            written = self._commit(task, run, target, stages.Encoded(data, Spec(0, 0)))
        return Done(task.serial, clock.timings(), None, (written,), digest=digest)

    def _film(self, task: Task, nbytes: int) -> Lease:
        """Memory for the frames of a clip; the standing lease goes back with the question."""
        self._pocket = None
        return self._memory(task, nbytes, standing=False)

    def _help(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        """One frame of a clip that another worker has."""
        from imgpar.runtime.crew import Helper

        self._helper = self._helper or Helper()
        with clock.during("transform"):
            self._helper.work(task, run, self._view.buffer)
        return Done(task.serial, clock.timings())

    def _accept_now(self, message: Any) -> None:
        if not self._accept(message):
            os._exit(0)

    def _chain(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        data, digest, program = self._open(task, run, clock)
        if program is None:
            return Done(task.serial, clock.timings(), digest=digest, unchanged=True)
        if documents.apart(program.source, task.job.targets, run):
            return self._by_page(task, run, clock, data, digest, program.source)
        same = outputs.same_formats(program, _formats(task), run.encode, run.limits)
        lease = self._memory(task, program.nbytes, standing=not run.arrays)
        with clock.during("decode"):
            frames, notes = stages.decode(program, data, self._slice(lease), run.limits)
        original = outputs.Original(data if same else b"", same)
        del data
        with clock.during("transform"):
            frames, offset = stages.transform(program, frames, self._slice(lease))
        header = program.header._replace(lost=program.lost)
        if run.arrays:
            placed = self._place_array(task, run, lease, frames, offset, header)
            return Done(task.serial, clock.timings(), placed, (), program.lost, (*program.notes, *notes))
        made, lost, more = self._write(task, run, frames, header, clock, original)
        return Done(task.serial, clock.timings(), None, made, lost, (*notes, *more), digest)

    def _decode(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        data, digest, program = self._open(task, run, clock)
        if program is None:
            return Done(task.serial, clock.timings(), digest=digest, unchanged=True)
        if documents.apart(program.source, task.job.targets, run):
            return self._by_page(task, run, clock, data, digest, program.source)
        lease = self._memory(task, program.nbytes, standing=False)
        with clock.during("decode"):
            frames, notes = stages.decode(program, data, self._slice(lease), run.limits)
        blob = pickle.dumps(program.header.metadata, pickle.HIGHEST_PROTOCOL)
        where = self._put_blob(lease, sum(program.sides), blob)
        # Sizes in percent are meant of the whole picture: the header travels as the file gave it.
        header = program.source._replace(metadata=Metadata(), lost=program.lost)
        placed = Placed(lease, FrameRef(lease.offset, frames[0].spec, len(frames)), where, header)
        # Of files it is told when one is written: a copy loses nothing, and nothing is to be said of it.
        lost, said = (program.lost, program.notes) if run.arrays else ((), ())
        return Done(task.serial, clock.timings(), placed, (), lost, (*said, *notes), digest)

    def _transform(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        placed = task.placed
        assert placed is not None
        with clock.during("transform"):
            program = _compiled(task, run, placed.header, keep_frames=placed.frames.count > 1)
            frames = stages.frames_at(
                self._view.buffer, placed.frames.offset, placed.frames.spec, placed.frames.count
            )
            frames, offset = stages.transform(program, frames, self._slice(placed.lease))
        if run.arrays:
            array = self._place_array(task, run, placed.lease, frames, offset, placed.header)
            return Done(task.serial, clock.timings(), array)
        if offset is None:
            metadata = self._bytes(placed)
            placed = self._place(task, placed.lease, frames, metadata, placed.header)
        else:
            ref = FrameRef(placed.lease.offset + offset, frames[0].spec, len(frames))
            placed = placed._replace(frames=ref)
        return Done(task.serial, clock.timings(), placed)

    def _encode(self, task: Task, run: RunSpec, clock: Clock) -> Done:
        placed = task.placed
        assert placed is not None
        frames = stages.frames_at(
            self._view.buffer, placed.frames.offset, placed.frames.spec, placed.frames.count
        )
        metadata = pickle.loads(self._bytes(placed))  # noqa: S301 - written by a sibling
        header = placed.header._replace(metadata=metadata)
        made, lost, notes = self._write(task, run, frames, header, clock, self._original(task, run))
        return Done(task.serial, clock.timings(), None, made, lost, notes)

    def _by_page(
        self, task: Task, run: RunSpec, clock: Clock, data: bytes, digest: str, header: Header
    ) -> Done:
        """A file whose pages go their own ways is one task, whatever the schedule."""

        def memory(nbytes: int) -> memoryview:
            return self._slice(self._memory(task, nbytes, standing=task.stage == "chain"))

        name, targets = os.path.basename(task.job.item.path), task.job.targets
        pages = documents.read_pages(data, name, header, run, memory, clock.during)
        if any(target.split for target in targets):
            made = documents.split(pages, targets, partial(self._output, task, run, clock))
        else:
            frames, first, notes = documents.kept(pages, run)
            files, lost, more = self._write(task, run, frames, first, clock, outputs.Original())
            made = (files, lost, (*notes, *more))
        return Done(task.serial, clock.timings(), None, *made, digest)

    def _original(self, task: Task, run: RunSpec) -> outputs.Original:
        """The input's bytes and the formats that are copies of it; read again, they did not travel here."""
        placed = task.placed
        assert placed is not None
        header = placed.header._replace(lost=())
        if header.format not in _formats(task):
            return outputs.Original()
        program = _compiled(task, run, header, keep_frames=placed.frames.count > 1)
        same = outputs.same_formats(program, _formats(task), run.encode, run.limits)
        if not same:
            return outputs.Original()
        data, status = read_whole(original_path(task.job))
        if status.st_mtime_ns != task.job.item.mtime_ns or len(data) != task.job.item.size:
            raise SourceError("It changed while it was converted.", fix="Run again when it is complete.")
        return outputs.Original(data, same)

    # ----- reading --------------------------------------------------------------------------------

    def _open(self, task: Task, run: RunSpec, clock: Clock) -> tuple[bytes, str, programs.Program | None]:
        item = task.job.item
        with clock.during("read"):
            data, status = read_whole(original_path(task.job))
            self._read = (task.serial, status)
            digest = content_digest(data) if run.digests else ""
            if task.job.digest and task.job.digest == digest:
                return b"", digest, None
            header = codecs.read_header(data, os.path.basename(item.path), run.limits)
        with clock.during("decode"):
            program = _compiled(task, run, header, keep_frames=_keeps_frames(task, run, header))
        return data, digest, program

    # ----- memory ---------------------------------------------------------------------------------

    def _memory(self, task: Task, nbytes: int, *, standing: bool) -> Lease:
        """Memory for a task that holds none: the standing lease if it is enough, else the parent's."""
        if standing and self._pocket is not None and nbytes <= self._pocket.size:
            return self._pocket
        if standing:
            self._pocket = None
        self._channel.send(Need(task.serial, nbytes))
        lease = self._await_grant(task)
        try:
            self._view.reserve(lease)
        except OSError as error:
            raise OutOfPagesError from error
        if standing:
            self._pocket = lease._replace(fresh=False)
        return lease

    def _await_grant(self, task: Task) -> Lease:
        """Wait for memory. Frames of other jobs that only need work, no memory, are done meanwhile."""
        board = self._view.board
        board[self._cell] = 0  # waiting cannot crash
        while True:
            message = self._channel.receive()
            match message:
                case Grant(serial, lease) if serial == task.serial:
                    board[self._cell + 1] += 1
                    board[self._cell] = task.serial
                    return lease
                case Deny(serial) if serial == task.serial:
                    raise Denied
                case Work(tasks):
                    for other in tasks:
                        if other.stage in ("transform", "encode", "frame"):
                            self._perform(other)
                        else:
                            self._queue.append(other)
                case _:
                    self._accept_now(message)

    def _slice(self, lease: Lease) -> memoryview:
        return self._view.buffer[lease.offset : lease.offset + lease.size]

    def _bytes(self, placed: Placed) -> bytes:
        offset, length = placed.metadata
        return bytes(self._view.buffer[offset : offset + length])

    def _put_blob(self, lease: Lease, offset: int, blob: bytes) -> tuple[int, int]:
        start = lease.offset + offset
        if offset + len(blob) > lease.size:
            raise AssertionError("the metadata do not fit behind the frames")
        self._view.buffer[start : start + len(blob)] = blob
        return start, len(blob)

    def _place(
        self, task: Task, lease: Lease, frames: Sequence[Frame], blob: bytes, header: Header
    ) -> Placed:
        """Put frames from our own memory into a lease: the one at hand, or a larger one in its place."""
        spec, count = frames[0].spec, len(frames)
        nbytes = spec.nbytes * count
        if nbytes + len(blob) > lease.size:
            lease = self._memory(task, nbytes + len(blob), standing=False)
        slots = stages.frames_at(self._view.buffer, lease.offset, spec, count)
        for slot, frame in zip(slots, frames, strict=True):
            slot.array[...] = frame.array
        where = self._put_blob(lease, nbytes, blob)
        return Placed(lease, FrameRef(lease.offset, spec, count), where, header)

    def _place_array(
        self,
        task: Task,
        run: RunSpec,
        lease: Lease,
        frames: Sequence[Frame],
        offset: int | None,
        header: Header,
    ) -> Placed:
        """The first frame as the caller wants it, in the lease that will be the caller's."""
        light = header._replace(metadata=Metadata(), detail={})
        frame = frames[0]
        wanted = stages.to_array(frame, run.layout, run.dtype)
        if wanted is frame and offset is not None:
            return Placed(lease, FrameRef(lease.offset + offset, frame.spec), (0, 0), light)
        return self._place(task, lease, [wanted], b"", light)

    # ----- writing --------------------------------------------------------------------------------

    def _write(
        self,
        task: Task,
        run: RunSpec,
        frames: list[Frame],
        header: Header,
        clock: Clock,
        original: outputs.Original,
    ) -> tuple[tuple[OutputFile, ...], tuple[str, ...], tuple[str, ...]]:
        written: list[OutputFile] = []
        lost: list[str] = []
        notes: list[str] = []
        targets = list(task.job.targets)
        if task.targets:
            targets = [targets[number] for number in task.targets]
        if len(targets) > 1:
            # The original is retired last: a failure before that leaves it in its place.
            targets.sort(key=lambda target: bool(target.retires))
        try:
            for target in targets:
                file, encoded = self._output(task, run, clock, target, frames, header, original)
                written.append(file)
                lost += encoded.lost
                notes += encoded.notes
        except Exception:
            # In place, and where a loss is a failure, it is all outputs or none.
            if targets[-1].retires or run.strict:
                take_back(zip(targets, written, strict=False))
            raise
        return tuple(written), tuple(dict.fromkeys(lost)), tuple(notes)

    def _output(
        self,
        task: Task,
        run: RunSpec,
        clock: Clock,
        target: Target,
        frames: list[Frame],
        header: Header,
        original: outputs.Original = _NO_COPY,
    ) -> tuple[OutputFile, stages.Encoded]:
        """One output, from its frames to its name."""
        with clock.during("encode"):
            encoded = outputs.make(frames, header, target.format, run.encode, run.operations, original)
        if run.strict and encoded.lost:
            raise TransformError(
                f"It would lose {', '.join(dict.fromkeys(encoded.lost))}.",
                fix="Choose a format that holds it, or leave --strict out.",
            )
        if run.verify:
            with clock.during("encode"):
                check(encoded, frames, target.format)
        with clock.during("commit"):
            return self._commit(task, run, target, encoded), encoded

    def _status(self, task: Task) -> os.stat_result:
        """Of the input as it was read, here or in another worker."""
        if self._read and self._read[0] == task.serial:
            return self._read[1]
        try:
            return os.stat(original_path(task.job))
        except OSError as error:
            raise SourceError(why_unreadable(error)) from None

    def _commit(self, task: Task, run: RunSpec, target: Target, encoded: stages.Encoded) -> OutputFile:
        source = self._status(task)
        if task.attempt and left_before(target, source):
            target = target._replace(replaces=True)
        return commit(
            encoded.data,
            target,
            keep_times_of=source,
            # What is replaced must not be lost to a power cut; a new file can be made again.
            fsync=target.replaces or bool(target.retires),
            run=run.name,
            job=task.serial,
            dimensions=encoded.spec.size,
        )


def _compiled(task: Task, run: RunSpec, header: Header, *, keep_frames: bool) -> programs.Program:
    formats = () if run.arrays else _formats(task)
    return planar.compile_program(
        header, run.operations, run.limits, formats, run.encode, keep_frames=keep_frames
    )


def _keeps_frames(task: Task, run: RunSpec, header: Header) -> bool:
    """Whether more than the first frame is wanted, all of them in one go."""
    if header.frames == 1 or run.arrays or documents.apart(header, task.job.targets, run):
        return False
    return any(find_format(target.format).frames for target in task.job.targets)


def _formats(task: Task) -> list[str]:
    return [target.format for target in task.job.targets]
