"""Frames out of clips and into clips, in this process: `imgpar.frames` and `imgpar.VideoWriter`."""

from __future__ import annotations

import math
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any

from imgpar import values
from imgpar.codecs.formats import format_of_suffix
from imgpar.codecs.options import EncodeOptions
from imgpar.errors import EncodeError, UsageError, bad_value
from imgpar.model import Frame, Layout, Limits, OutputFile, Spec, Target
from imgpar.pipeline import Pipeline

if TYPE_CHECKING:
    import numpy as np

    from imgpar.runtime.frame_program import LastStep
    from imgpar.video.clip import Clip
    from imgpar.video.feed import Feed

    Array = np.ndarray[Any, Any]

_numbers = count(1)
_LAYOUTS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_CLOCK = Fraction(1, 90_000)
"""Unit of the time stamps that a writer is given; every common rate fits."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a clip."""

    array: Array
    """H×W×C, C-contiguous, upright, in square pixels; its memory is the receiver's."""
    time: float
    """Seconds at which it is shown."""
    index: int
    """Its place in the clip, from 0."""


def frames(
    path: str | os.PathLike[str],
    *,
    pipeline: Pipeline | None = None,
    start: float = 0.0,
    stop: float | None = None,
    every: int = 1,
    channels: str = "RGB",
    dtype: str = "uint8",
    keys: bool = False,
    threads: int = 0,
) -> Iterator[ClipFrame]:
    """Decode a clip frame by frame, in order, with the time of each.

    >>> for frame in frames("clip.mp4", start=10, stop=12):  # doctest: +SKIP
    ...     print(frame.index, frame.time, frame.array.shape)

    Args:
        path: of the clip.
        pipeline: what is done to each frame.
        start: seconds; the decoder begins at the key frame before it.
        stop: seconds; frames that are shown at this time or later are left out.
        every: 1 is every frame, 10 is every tenth.
        channels: "RGB", "RGBA" or "L".
        dtype: "uint8", "uint16" or "float32" (0 to 1).
        keys: only key frames, which is much faster.
        threads: of the decoder; 0 is as many as it likes.

    Raises:
        ItemError: the clip cannot be read, or an operation fails on a frame.
    """
    layout = values.named("channels", values.choice("rgb", "rgba", "l", "la"), channels).upper()
    dtype = values.named("dtype", values.choice("uint8", "uint16", "float32"), dtype)
    every = values.named("every", values.integer(1, 1 << 31), every)
    stop = math.inf if stop is None else stop
    source = os.fspath(path)
    return frames_of(
        source, pipeline or Pipeline(), start, stop, every, layout, dtype, keys=keys, threads=threads
    )


def frames_of(
    source: str | Clip,
    pipeline: Pipeline,
    start: float = 0.0,
    stop: float = math.inf,
    every: int = 1,
    layout: str = "RGB",
    dtype: str = "uint8",
    *,
    keys: bool = False,
    threads: int = 0,
    wanted: Callable[[float], bool] = lambda _: True,
) -> Iterator[ClipFrame]:
    """`frames` of a clip that may have been probed already; nothing is read before the first is asked for.

    `wanted` is asked with the time of each frame; those it refuses are decoded, but nothing more.
    """
    from imgpar.runtime.frame_program import FrameFacts, FrameProgram
    from imgpar.runtime.stages import to_array
    from imgpar.video.plan import steps_of
    from imgpar.video.planes import load
    from imgpar.video.probe import probe
    from imgpar.video.reader import Reader

    clip = probe(source) if isinstance(source, str) else source
    steps = steps_of(clip.picture, pipeline.recipe.operations)
    program = FrameProgram(FrameFacts(clip.picture, None), steps, Limits(memory=1 << 40))
    memory = memoryview(bytearray(program.layout.nbytes))
    planes = program.layout.arrays(memory)
    base = float(clip.picture.time_base)
    begin = start if start > 0 else -math.inf
    reader = Reader(clip, threads, start=begin, stop=stop, keys=keys)
    for number, (stamp, frame) in enumerate(reader):
        if number % every or not wanted(stamp * base):
            continue
        load(frame, planes)
        result = program.colours(memory)
        array = to_array(result, layout, dtype)
        mine = array.array.copy() if array is result else array.array
        yield ClipFrame(mine, stamp * base, bisect_left(clip.times, stamp * base - base / 2))


class VideoWriter:
    """Writes a clip from arrays; the file appears under its name when it is whole.

    >>> with VideoWriter("out.mp4", fps=30) as writer:  # doctest: +SKIP
    ...     for array in arrays:
    ...         writer.write(array)

    Args:
        path: of the clip; its suffix decides the container.
        fps: frames a second, for frames that are written without a time.
        quality, effort, lossless: as for `imgpar convert`.
        threads: of the encoder; 0 is as many as it likes.

    Raises:
        UsageError: the suffix is no container for clips.
        EncodeError: the encoder fails, or not every frame arrived.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: float = 25.0,
        quality: int | None = None,
        effort: int | None = None,
        lossless: bool = False,
        threads: int = 0,
    ) -> None:
        path = os.path.abspath(os.fspath(path))
        found = format_of_suffix(path)
        if found is None or found.kind != "video":
            raise UsageError(f"{path} is not named like a clip.", fix="Use .mp4, .mov, .mkv, .webm or .avi.")
        self._target = Target(found.name, path, replaces=os.path.exists(path))
        self._options = EncodeOptions(quality=quality, effort=effort, lossless=lossless)
        self._rate = Fraction(values.named("fps", values.number(0.001, 1000), fps)).limit_denominator(1001)
        self._threads = threads
        self._feed: Feed | None = None
        self._spec: Spec | None = None
        self._output = ""
        self.count = 0
        """Frames so far."""
        self._last = -math.inf

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.cancel()

    def write(self, array: Array, time: float | None = None) -> None:
        """Add a frame: H×W or H×W×C of uint8, uint16 or float32, all of one size. `time` in seconds makes the
        rate variable; times must grow."""
        import numpy as np

        whole = np.ascontiguousarray(array if array.ndim == 3 else array[..., None])
        height, width, channels = whole.shape
        spec = Spec(width, height, _LAYOUTS[channels], whole.dtype.name)
        if self._feed is None:
            self._begin(spec)
        if spec != self._spec:
            raise bad_value("a frame", f"an array of {self._spec}", str(spec))
        seconds = self.count / float(self._rate) if time is None else time
        if seconds <= self._last:
            raise bad_value("time", f"seconds after {self._last:g}", seconds)
        self._last = seconds
        layout, planes = self._step.from_colours(Frame(spec, whole))
        assert self._feed is not None
        for source, room in zip(planes, layout.arrays(self._room), strict=True):
            room[...] = source
        self._feed.write(round(seconds / _CLOCK), self._room)
        self.count += 1

    def _begin(self, spec: Spec) -> None:
        from imgpar.commit import begin_file
        from imgpar.runtime.frame_program import LastStep
        from imgpar.video.feed import Feed
        from imgpar.video.plan import plan_of_frames

        clip, plan = plan_of_frames(spec, self._target.format, self._rate, _CLOCK, self._options)
        assert plan.encoding is not None
        self._spec, self._clip = spec, clip
        self._step: LastStep = LastStep(clip.picture, plan.encoding, self._options.background)
        layout = self._step.layout(*spec.size)
        self._room = memoryview(bytearray(layout.nbytes))
        self._output = begin_file(self._target, f"{os.getpid()}-writer", next(_numbers))
        self._feed = Feed(plan, clip, layout, self._output, self._threads)

    def close(self) -> OutputFile:
        """Finish the file, count its frames, give it its name.

        Raises:
            EncodeError: nothing was written, or not every frame arrived.
        """
        from imgpar.commit import commit_file
        from imgpar.video.probe import probe

        if self._feed is None:
            raise EncodeError("A clip needs a frame.", fix="Call write() before close().")
        try:
            self._feed.close()
            made: Clip = probe(self._output)
            if len(made.times) != self.count:
                raise EncodeError(f"{len(made.times)} of {self.count} frames arrived in {self._target.path}.")
        except BaseException:
            self.cancel()
            raise
        size = os.path.getsize(self._output)
        target = replace(self._target, replaces=os.path.exists(self._target.path))
        return commit_file(
            self._output,
            target,
            keep_times_of=None,
            fsync=False,
            expected=size,
            dimensions=made.picture.upright,
        )

    def cancel(self) -> None:
        """Give the file up; nothing is left of it."""
        from imgpar.files import remove

        if self._feed is not None:
            self._feed.kill()
            remove(self._output)
