"""Frames of clips as arrays, decoded in the calling process."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from imgpar.batch.run_spec import output_specs
from imgpar.core.errors import DamagedError, TransformError, setting
from imgpar.core.limits import Limits
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

ACCEPT = f"Use {setting('accept_damaged', True)} to accept them."

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
    """Index in the clip, from 0: its number where all frames are decoded in order."""


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive results of `frames(batch=…)`."""

    array: Array
    """N×H×W×C, C-contiguous; owned by the receiver."""
    times: tuple[float, ...]
    """Presentation time of each frame in seconds."""
    indices: tuple[int, ...]
    """Index of each frame in the clip, from 0."""

    def __len__(self) -> int:
        return len(self.indices)


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
    batch: int = 0
    """Frames that follow each other share memory in groups of this size, for `in_batches`."""
    seen: Seen = ignore
    damage: Callable[[str], None] = overlook
    """Called at most once, with what is wrong with a clip of which single frames are wanted."""
    limits: Limits = NO_LIMITS
    """For one frame with its operations; an animation as a whole must fit into `memory`."""


ANY = Choice()
"""Every frame, as RGB."""


class Converter:
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
        self._base, self._threads = float(clip.picture.time_base), choice.threads
        (output,) = output_specs(recipe)
        facts = clip_facts(clip, len(clip.times))
        details = clip_details(clip, output.operations, output.encode)
        operations, _ = operations_for_clip(output.operations, facts, details)
        steps = steps_of(clip.picture, operations)
        self._program = FrameProgram(FrameFacts(clip.picture, None), steps, choice.limits)
        self._program.begin(facts)
        same = (clip.picture.spec.layout, clip.picture.spec.dtype) == (choice.layout, choice.dtype)
        self._direct = same and self._program.only_converts
        self._stack = Stack(choice.batch) if choice.batch else None

    def convert(self, stamp: int, frame: Any) -> ClipFrame:
        """Convert a frame of the reader."""
        array, owned = self._array(frame)
        if self._stack is not None:
            array = self._stack.added(array)
        elif not owned or not array.flags.c_contiguous:
            array = array.copy()
        time = stamp * self._base
        index = bisect_left(self._clip.times, time - self._clip.slack) - self._clip.undecodable
        return ClipFrame(array, time, index)

    def _array(self, frame: Any) -> tuple[Array, bool]:
        """The pixels, and whether nothing else uses their memory."""
        from imgpar.batch.picture.stages import to_array

        if self._direct:
            return self._program.converted(frame, self._threads), True
        result = self._program.rgb_of(frame)
        made = to_array(result, self._layout, self._dtype)
        return made.array, made is not result


class Stack:
    """Memory for `size` frames at a time, one after the other."""

    def __init__(self, size: int) -> None:
        self._size, self._count = size, 0
        self._memory: Array | None = None

    def added(self, array: Array) -> Array:
        """A copy of a frame in the next place."""
        import numpy as np

        if self._memory is None or self._count == self._size:
            self._memory, self._count = np.empty((self._size, *array.shape), array.dtype), 0
        if self._memory.shape[1:] != array.shape:
            raise TransformError(
                f"The frames of a batch have one size: {self._memory.shape[1:]} and {array.shape} differ.",
                fix="Leave batch out, or add a resize to one size.",
            )
        place: Array = self._memory[self._count]
        place[...] = array
        self._count += 1
        return place


def in_batches(found: Iterator[ClipFrame], size: int) -> Iterator[FrameBatch]:
    """Groups of `size` frames that were read with `Choice.batch` of this size; the last may be shorter."""
    while group := list(islice(found, size)):
        whole = group[0].array.base
        assert whole is not None
        yield FrameBatch(
            whole[: len(group)], tuple(frame.time for frame in group), tuple(frame.index for frame in group)
        )


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
    converter = Converter(clip, recipe, choice)
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
