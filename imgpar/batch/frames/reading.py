"""Frames of clips as arrays, decoded in the calling process."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imgpar.batch.run_spec import output_specs
from imgpar.core.errors import DamagedError, bad_value
from imgpar.core.limits import Limits
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

SEEK_SECONDS = 20.0
"""Farther apart, frames are reached by seeking to a key frame; nearer ones by decoding the frames between."""

ACCEPT = "Use --accept-damaged (accept_damaged=True) to accept them."

Wanted = Callable[[float, Any], bool]
"""Selects frames: called with the time of a frame in seconds and the PyAV frame."""
Seen = Callable[[int, int], None]
"""Called with the number of frames read, and the total."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a clip."""

    array: Array
    """H×W×C, C-contiguous, upright, in square pixels; owned by the receiver."""
    time: float
    """Presentation time in seconds."""
    index: int
    """Index in the clip, from 0."""


def every_frame(_time: float, _frame: Any) -> bool:
    """Select every frame."""
    return True


def ignore(_done: int, _of: int) -> None:
    """Do not report progress."""


def overlook(_text: str) -> None:
    """Do not report damage."""


NO_LIMITS = Limits(memory=1 << 40)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which frames are selected, and in which pixel format."""

    start: float = 0.0
    stop: float = math.inf
    every: int = 1
    keys: bool = False
    wanted: Wanted = every_frame
    """Frames that it rejects are decoded, but not converted."""
    layout: str = "RGB"
    dtype: str = "uint8"
    accept_damaged: bool = False
    threads: int = 0
    seen: Seen = ignore
    damage: Callable[[str], None] = overlook
    """Called at most once, with what is wrong with a clip of which single frames are wanted."""
    limits: Limits = NO_LIMITS
    """For one frame with its operations; an animation as a whole must fit into `memory`."""


ANY = Choice()
"""Every frame, as RGB."""


class _Converter:
    """Converts decoded frames of one clip to arrays."""

    def __init__(self, clip: Clip, recipe: Recipe, choice: Choice) -> None:
        from imgpar.batch.clip.frame_program import (
            FrameFacts,
            FrameProgram,
            clip_details,
            clip_facts,
            operations_for_clip,
        )
        from imgpar.video.plan import steps_of

        self._clip, self._layout, self._dtype = clip, choice.layout, choice.dtype
        self._base = float(clip.picture.time_base)
        (output,) = output_specs(recipe)
        facts = clip_facts(clip, len(clip.times))
        details = clip_details(clip, output.operations, output.encode)
        operations, _ = operations_for_clip(output.operations, facts, details)
        steps = steps_of(clip.picture, operations)
        self._program = FrameProgram(FrameFacts(clip.picture, None), steps, choice.limits)
        self._program.begin(facts)
        self._memory = memoryview(bytearray(self._program.layout.nbytes))
        self._planes = self._program.layout.arrays(self._memory)

    def convert(self, stamp: int, frame: Any) -> ClipFrame:
        """Convert a frame of the reader."""
        from imgpar.batch.picture.stages import to_array
        from imgpar.video.plane_layout import load

        load(frame, self._planes)
        result = self._program.rgb_frame(self._memory)
        array = to_array(result, self._layout, self._dtype)
        owned = array.array.copy() if array is result else array.array
        time = stamp * self._base
        return ClipFrame(owned, time, bisect_left(self._clip.times, time - self._clip.slack))


def frames_of(source: str | Clip, recipe: Recipe, choice: Choice = ANY) -> Iterator[ClipFrame]:
    """The selected frames of a clip, in order; nothing is read before the first is requested.

    Args:
        source: path of the clip, or the clip from `probe`.
        recipe: its operations are applied to each frame.
        choice: which frames, in which pixel format.

    Raises:
        ItemError: the clip cannot be decoded.
    """
    from imgpar.video.probe import probe
    from imgpar.video.reader import Reader

    clip = probe(source) if isinstance(source, str) else source
    converter = _Converter(clip, recipe, choice)
    base = float(clip.picture.time_base)
    start = choice.start if choice.start > 0 else -math.inf
    reader = Reader(clip, choice.threads, start=start, stop=choice.stop, keys=choice.keys)
    first = bisect_left(clip.times, start - clip.slack)
    count = 0
    for stamp, frame in reader:
        choice.seen(min(first + count, len(clip.times)), len(clip.times))
        if count % choice.every == 0 and choice.wanted(stamp * base, frame):
            yield converter.convert(stamp, frame)
        count += 1
    if not choice.accept_damaged:
        part = choice.keys or choice.start > 0 or choice.stop < math.inf
        _check_complete(count, len(clip.times), 0 if part else clip.frames, reader.complaints)


def _check_complete(count: int, found: int, expected: int, complaints: list[str]) -> None:
    """Raise DamagedError where frames are missing, or the decoder reported errors."""
    missing = found < expected
    if complaints or missing:
        words = f"{count} of {expected} frames could be read" if expected else f"{count} frames could be read"
        warnings = "".join(f" | {line}" for line in complaints[-3:])
        raise DamagedError(f"This clip is truncated or corrupt: {words}{warnings}.", fix=ACCEPT)


def frames_at(
    source: str | Clip, recipe: Recipe, moments: Sequence[float], choice: Choice = ANY
) -> Iterator[ClipFrame]:
    """The frames shown at given times, in the given order: for each time, the last frame with an earlier or
    equal timestamp. Nothing is read before the first is requested.

    Args:
        source: path of the clip, or the clip from `probe`.
        recipe: its operations are applied to each frame.
        moments: times in seconds, in any order.
        choice: pixel format and threads.

    Raises:
        UsageError: a time is after the end of the clip.
        ItemError: the clip cannot be decoded.
    """
    from imgpar.video.probe import probe

    clip = probe(source) if isinstance(source, str) else source
    if not clip.times:
        raise DamagedError("This clip has no frame that could be read.")
    converter, finder = _Converter(clip, recipe, choice), _Finder(clip, choice)
    end = max(clip.duration, clip.times[-1] + clip.last)
    seen: ClipFrame | None = None
    for number, moment in enumerate(moments):
        choice.seen(number, len(moments))
        if moment > end:
            raise bad_value("at", f"seconds up to the end of the clip ({end:.3f})", moment)
        index = max(bisect_right(clip.times, moment + clip.slack) - 1, 0)
        if seen is None or seen.index != index:
            seen = converter.convert(*finder.find(index))
        else:
            seen = replace(seen, array=seen.array.copy())
        yield seen


class _Finder:
    """Finds frames by index: by decoding on from the last one, or by seeking to a key frame."""

    def __init__(self, clip: Clip, choice: Choice) -> None:
        self._clip, self._choice = clip, choice
        self._complaints: list[str] = []
        self._reader: Iterator[tuple[int, Any]] = iter(())
        self._last = math.inf
        """Time in seconds of the last decoded frame."""
        self._told = False
        if len(clip.times) < clip.frames:
            self._tell(f"{len(clip.times)} of {clip.frames} frames could be read")

    def _tell(self, words: str) -> None:
        if not self._told:
            self._told = True
            self._choice.damage(f"this clip is truncated or corrupt: {words}")

    def find(self, index: int) -> tuple[int, Any]:
        """Timestamp and PyAV frame; the next one where this one cannot be decoded."""
        from imgpar.video.reader import Reader

        base = float(self._clip.picture.time_base)
        wanted = self._clip.times[index]
        if not self._last < wanted <= self._last + SEEK_SECONDS:
            # The reader seeks to a key frame and drops the frames before `begin`.
            begin = wanted if index else -math.inf
            reader = Reader(self._clip, self._choice.threads, start=begin)
            self._complaints = reader.complaints
            self._reader = iter(reader)
        for stamp, frame in self._reader:
            self._last = stamp * base
            if self._complaints:
                self._tell(self._complaints[-1])
            if self._last >= wanted - self._clip.slack:
                return stamp, frame
        self._last = math.inf
        raise DamagedError(f"Frame {index} of this clip could not be decoded.")
