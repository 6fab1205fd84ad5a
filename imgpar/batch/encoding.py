"""One picture from bytes to bytes: in this process, or in a worker that is killed when it takes too long.

in this process   convert_bytes, in private memory; C code cannot be interrupted
aside             MemorySource ─► a worker of a pool that all threads share ─► a file ─► bytes
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from imgpar.batch.encoded_file import EncodedFile
from imgpar.batch.facts import ask
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.workers import Workers, check_isolation
from imgpar.core.errors import item_error
from imgpar.core.exiting import held_at_exit
from imgpar.core.job import Item, Job, Outcome
from imgpar.core.limits import Limits
from imgpar.core.tempfiles import temporary
from imgpar.formats.options import EncodeOptions
from imgpar.inputs.memory_source import MemorySource
from imgpar.ops import Operation
from imgpar.runtime.arena import default_memory
from imgpar.runtime.cores import available_cores
from imgpar.runtime.scheduler import CancelToken


@dataclass(frozen=True, slots=True, repr=False)
class EncodedPicture:
    """An encoded picture, and what is known of it.

    >>> import imgpar
    >>> portable_pixmap = b"P6 2 1 255 " + bytes(6)
    >>> made = imgpar.Pipeline().encode_with_report(portable_pixmap, to="png")
    >>> made.format, made.size, made.lost
    ('png', (2, 1), ())
    """

    data: bytes
    """Content of the file; it belongs to the receiver."""
    format: str
    """Name of the format, such as "webp"."""
    size: tuple[int, int]
    """Width and height in pixels."""
    lost: tuple[str, ...] = ()
    """What the format cannot hold, as in `Outcome.lost`."""
    notes: tuple[str, ...] = ()
    """Remarks, as in `Outcome.notes`."""
    seconds: float = 0.0
    """Time that decoding, transforming and encoding took, in seconds, without waiting for a worker."""

    def __repr__(self) -> str:
        width, height = self.size
        return f"<EncodedPicture: {self.format}, {width}×{height}, {len(self.data):,} bytes>"


class EncodeRequest(NamedTuple):
    """How one picture is encoded."""

    operations: tuple[Operation, ...]
    encode: EncodeOptions
    format: str
    """Of the output."""
    name: str
    """Of the input; its suffix helps to recognize the format."""
    options: RunOptions


@held_at_exit()
def encode_here(data: bytes, request: EncodeRequest) -> EncodedPicture:
    """Encode in this process.

    Raises:
        ItemError: the picture cannot be decoded, transformed or encoded, or is refused.
    """
    from imgpar.batch.picture.outputs import convert_bytes

    options = request.options
    started = time.perf_counter()
    made = convert_bytes(
        data,
        request.name,
        request.operations,
        request.format,
        request.encode,
        limits_here(options),
        strict=options.strict,
        verify=options.verify,
    )
    seconds = time.perf_counter() - started
    return EncodedPicture(bytes(made.data), request.format, made.spec.size, made.lost, made.notes, seconds)


def limits_here(options: RunOptions) -> Limits:
    """The limits of one picture in this process."""
    return Limits(
        options.max_pixels,
        options.max_frames,
        options.memory or usual_memory(),
        options.accept_damaged,
        password=options.password,
    )


usual_memory = cache(default_memory)
"""Most bytes of the frames of one picture, as in runs."""


@held_at_exit()
def encode_aside(data: bytes, request: EncodeRequest, timeout: float) -> EncodedPicture:
    """Encode in a worker process, which is killed after `timeout` seconds of work.

    Raises:
        UsageError: this process may start no others.
        ItemError: the picture cannot be decoded, transformed or encoded, or is refused.
        WorkerDiedError: it took too long, or crashed its decoder.
    """
    options = RunOptions(timeout=timeout, max_pixels=request.options.max_pixels)
    check_isolation(options, 1)
    name = request.name or "input"  # without a suffix, which would say what its content is
    with _workers.lent(request.options.memory) as workers, temporary() as folder:
        limits = workers.limits(request.options)
        spec = RunSpec(
            "encoded",
            request.operations,
            request.encode,
            request.encode.reading(limits),
            strict=request.options.strict,
            verify=request.options.verify,
            sources=(MemorySource({name: data}),),
            asks="encoded",
            to=request.format,
            folder=folder,
        )
        item = Item(name, name, len(data), 0, source=1, key=name)
        plan = iter((Job(0, (item,)),))
        (found,) = ask(workers, spec, plan, options, CancelToken(), EncodedFile, retried=False)
        if isinstance(found, Outcome):
            raise item_error(found.kind, found.error, found.traceback)
        return taken(folder, *found)


def taken(folder: str, job: Job, answer: EncodedFile) -> EncodedPicture:
    """The result of a worker, whose file is removed; `job` has its notes."""
    path = os.path.join(folder, str(job.id))
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    size, notes = (answer.width, answer.height), tuple(dict.fromkeys((*answer.notes, *job.notes)))
    return EncodedPicture(data, answer.format, size, answer.lost, notes, answer.seconds)


class _Shared:
    """Workers for calls from any thread: each call has one process for itself, no more than there are cores.

    The processes stay for the next calls. A forked child begins with none.
    """

    def __init__(self) -> None:
        self._idle: list[Workers] = []
        self._free = threading.Semaphore(available_cores())

    @contextlib.contextmanager
    def lent(self, memory: int | None) -> Iterator[Workers]:
        """Workers with one process for the duration of a block; with other `memory` than usual they are made
        for this call."""
        with self._free:
            if memory is not None:
                with Workers(1, memory) as workers:
                    yield workers
                return
            workers = self._idle.pop() if self._idle else Workers(1)
            try:
                yield workers
            finally:
                self._idle.append(workers)


_workers = _Shared()


def _after_fork() -> None:
    global _workers
    _workers = _Shared()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
