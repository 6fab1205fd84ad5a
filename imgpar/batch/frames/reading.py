"""Frames out of clips, in this process."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imgpar.core.errors import DamagedError, bad_value
from imgpar.core.model import Limits
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

SEEK_SECONDS = 20.0
"""Frames that are further apart are sought from their key frames; nearer ones are decoded on the way."""

ACCEPT = "Use --accept-damaged (accept_damaged=True) to be content with them."

Wanted = Callable[[float, Any], bool]
"""Says of the time of a frame, and of the PyAV frame itself, whether it is wanted."""
Seen = Callable[[int, int], None]
"""Is told how many frames were looked at, and of how many."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a clip."""

    array: Array
    """H×W×C, C-contiguous, upright, in square pixels; its memory is the receiver's."""
    time: float
    """Seconds at which it is shown."""
    index: int
    """Its place in the clip, from 0."""


def every_frame(_time: float, _frame: Any) -> bool:
    return True


def ignore(_done: int, _of: int) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which frames are wanted, and as what."""

    start: float = 0.0
    stop: float = math.inf
    every: int = 1
    keys: bool = False
    wanted: Wanted = every_frame
    """Frames that it refuses are decoded, but nothing more."""
    layout: str = "RGB"
    dtype: str = "uint8"
    accept_damaged: bool = False
    threads: int = 0
    seen: Seen = ignore


ANY = Choice()
"""Every frame, as RGB."""


class _Maker:
    """Makes arrays of the decoded frames of one clip."""

    def __init__(self, clip: Clip, recipe: Recipe, choice: Choice) -> None:
        from imgpar.batch.clip.frame_program import FrameFacts, FrameProgram, clip_facts
        from imgpar.video.plan import steps_of

        self._clip, self._layout, self._dtype = clip, choice.layout, choice.dtype
        self._base = float(clip.picture.time_base)
        steps = steps_of(clip.picture, recipe.operations)
        self._program = FrameProgram(FrameFacts(clip.picture, None), steps, Limits(memory=1 << 40))
        self._program.begin(clip_facts(clip, len(clip.times)))
        self._memory = memoryview(bytearray(self._program.layout.nbytes))
        self._planes = self._program.layout.arrays(self._memory)

    def made(self, stamp: int, frame: Any) -> ClipFrame:
        """The array of a frame of the reader."""
        from imgpar.batch.picture.stages import to_array
        from imgpar.video.planes import load

        load(frame, self._planes)
        result = self._program.colours(self._memory)
        array = to_array(result, self._layout, self._dtype)
        mine = array.array.copy() if array is result else array.array
        time = stamp * self._base
        return ClipFrame(mine, time, bisect_left(self._clip.times, time - self._clip.slack))


def frames_of(source: str | Clip, recipe: Recipe, choice: Choice = ANY) -> Iterator[ClipFrame]:
    """Frames of a clip that may have been probed already; nothing is read before the first is asked for.

    Raises ItemError.
    """
    from imgpar.video.probe import probe
    from imgpar.video.reader import Reader

    clip = probe(source) if isinstance(source, str) else source
    maker = _Maker(clip, recipe, choice)
    base = float(clip.picture.time_base)
    start = choice.start if choice.start > 0 else -math.inf
    reader = Reader(clip, choice.threads, start=start, stop=choice.stop, keys=choice.keys)
    first = bisect_left(clip.times, start - clip.slack)
    count = 0
    for stamp, frame in reader:
        choice.seen(min(first + count, len(clip.times)), len(clip.times))
        if count % choice.every == 0 and choice.wanted(stamp * base, frame):
            yield maker.made(stamp, frame)
        count += 1
    if not choice.accept_damaged:
        part = choice.keys or choice.start > 0 or choice.stop < math.inf
        _check_whole(count, len(clip.times), 0 if part else clip.frames, reader.complaints)


def _check_whole(count: int, there: int, promised: int, complaints: list[str]) -> None:
    """Raise DamagedError where frames are missing, or the decoder complained."""
    missing = there < promised
    if complaints or missing:
        words = f"{count} of {promised} frames could be read" if promised else f"{count} frames could be read"
        said = "".join(f" | {line}" for line in complaints[-3:])
        raise DamagedError(f"This clip is truncated or corrupt: {words}{said}.", fix=ACCEPT)


def frames_at(
    source: str | Clip, recipe: Recipe, moments: Sequence[float], choice: Choice = ANY
) -> Iterator[ClipFrame]:
    """The frames that are seen at these seconds, in the order asked for: each is the last one that was shown
    by then. Nothing is read before the first is asked for.

    Raises:
        UsageError: a moment lies after the end.
        ItemError: the clip cannot be read.
    """
    from imgpar.video.probe import probe

    clip = probe(source) if isinstance(source, str) else source
    if not clip.times:
        raise DamagedError("This clip has no frame that could be read.")
    maker, finder = _Maker(clip, recipe, choice), _Finder(clip, choice.threads)
    end = max(clip.duration, clip.times[-1] + clip.last)
    seen: ClipFrame | None = None
    for number, moment in enumerate(moments):
        choice.seen(number, len(moments))
        if moment > end:
            raise bad_value("at", f"seconds up to the end of the clip ({end:.3f})", moment)
        index = max(bisect_right(clip.times, moment + clip.slack) - 1, 0)
        if seen is None or seen.index != index:
            seen = maker.made(*finder.find(index))
        else:
            seen = replace(seen, array=seen.array.copy())
        yield seen


class _Finder:
    """Finds frames by their place: further on in what is being decoded, or from a key frame before them."""

    def __init__(self, clip: Clip, threads: int) -> None:
        self._clip, self._threads = clip, threads
        self._reader: Iterator[tuple[int, Any]] = iter(())
        self._last = math.inf
        """When the frame was shown that was decoded last."""

    def find(self, index: int) -> tuple[int, Any]:
        """Time stamp and PyAV frame; the next one where this one cannot be decoded."""
        from imgpar.video.reader import Reader

        base = float(self._clip.picture.time_base)
        wanted = self._clip.times[index]
        if not self._last < wanted <= self._last + SEEK_SECONDS:
            # The reader seeks to a key frame by itself, and leaves out what comes before.
            begin = wanted if index else -math.inf
            self._reader = iter(Reader(self._clip, self._threads, start=begin))
        for stamp, frame in self._reader:
            self._last = stamp * base
            if self._last >= wanted - self._clip.slack:
                return stamp, frame
        self._last = math.inf
        raise DamagedError(f"Frame {index} of this clip could not be decoded.")
