"""Single frames of a clip, by time or number, in any order."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgpar.batch.frames.reading import ANY, Choice, ClipFrame, Converter, Stack
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import DamagedError
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

SKIPPED = 16
"""Frames that are decoded although they are not wanted rather than seek to the next key frame."""
HELD_BYTES = 256 << 20
"""Frames that are wanted in another order than that of the clip: those decoded early wait in memory, up to
this size."""


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
    clip = _decodable(source)
    end = end_of(clip)
    late = next((moment for moment in moments if moment > end), None)
    if late is not None:
        raise bad_value("at", f"seconds up to the end of the clip ({end:.3f})", late)
    places = [bisect_right(clip.times, moment + clip.slack) - 1 for moment in moments]
    yield from _frames_in_order(clip, recipe, [max(place, clip.undecodable) for place in places], choice)


def frames_numbered(
    source: str | Clip, recipe: Recipe, numbers: Sequence[int], choice: Choice = ANY
) -> Iterator[ClipFrame]:
    """The frames with given numbers, in the given order; -1 is the last frame. Nothing is read before the
    first is requested.

    Args:
        source: path of the clip, or the clip from `probe`.
        recipe: its operations are applied to each frame.
        numbers: of frames, in any order.
        choice: pixel format and threads.

    Raises:
        UsageError: the clip has no frame with this number.
        ItemError: the clip cannot be decoded.
    """
    clip = _decodable(source)
    count = len(clip.times) - clip.undecodable
    wrong = next((number for number in numbers if not -count <= number < count), None)
    if wrong is not None:
        raise bad_value("index", f"numbers of its {count:,} frames, {-count} to {count - 1},", wrong)
    yield from _frames_in_order(
        clip, recipe, [clip.undecodable + number % count for number in numbers], choice
    )


def end_of(clip: Clip) -> float:
    """When the last frame of a clip ends, in seconds; it has frames."""
    return max(clip.duration, clip.times[-1] + clip.last)


def _decodable(source: str | Clip) -> Clip:
    from imgpar.video.probe import probe

    clip = probe(source) if isinstance(source, str) else source
    if len(clip.times) <= clip.undecodable:
        raise DamagedError("This clip has no frame that could be read.")
    return clip


def _frames_in_order(
    clip: Clip, recipe: Recipe, places: Sequence[int], choice: Choice
) -> Iterator[ClipFrame]:
    """The frames at these places of `clip.times`. They are decoded in the order of the clip, so that each
    frame is decoded once, as far as `HELD_BYTES` allow."""
    converter = Converter(clip, recipe, replace(choice, batch=0))
    stack = Stack(choice.batch) if choice.batch else None
    width, height = clip.picture.upright
    window = max(1, HELD_BYTES // (width * height * 4 * {"uint8": 1, "uint16": 2}.get(choice.dtype, 4)))
    with _Finder(clip, choice) as finder:
        for begin in range(0, len(places), window):
            wanted = places[begin : begin + window]
            left = Counter(wanted)
            decoded = ((place, converter.convert(*finder.find(place))) for place in sorted(left))
            held = dict[int, ClipFrame]()
            for number, place in enumerate(wanted, begin):
                choice.seen(number, len(places))
                while place not in held:
                    held.update([next(decoded)])
                left[place] -= 1
                frame = held[place] if left[place] else held.pop(place)
                if stack is not None:
                    yield replace(frame, array=stack.added(frame.array))
                else:
                    yield replace(frame, array=frame.array.copy()) if left[place] else frame


class _Finder:
    """Finds frames by place: by decoding on from the last one, or by seeking to a key frame."""

    def __init__(self, clip: Clip, choice: Choice) -> None:
        self._clip, self._choice = clip, choice
        self._complaints: list[str] = []
        self._reader: Iterator[tuple[int, Any]] = iter(())
        self._last = math.inf
        """Time in seconds of the last decoded frame."""
        self._told = False
        self._stack = ExitStack()
        self._container: Any = None
        if len(clip.times) < clip.frames:
            self._tell(f"{len(clip.times)} of {clip.frames} frames could be read")

    def __enter__(self) -> _Finder:
        from imgpar.video.demux import open_clip

        clip = self._clip
        if not clip.before:
            self._container = self._stack.enter_context(open_clip(clip.path, clip.demuxer, clip.content))
        return self

    def __exit__(self, *problem: object) -> None:
        self._reader = iter(())
        self._stack.close()

    def _tell(self, words: str) -> None:
        if not self._told:
            self._told = True
            self._choice.damage(f"this clip is truncated or corrupt: {words}")

    def find(self, place: int) -> tuple[int, Any]:
        """Timestamp and PyAV frame; the next one where this one cannot be decoded."""
        from imgpar.video.reader import Reader

        base = float(self._clip.picture.time_base)
        wanted = self._clip.times[place]
        if not self._last < wanted or self._jump_pays(place):
            # The reader seeks to a key frame and drops the frames before `begin`.
            begin = wanted if place else -math.inf
            reader = Reader(self._clip, self._choice.threads, start=begin, container=self._container)
            self._complaints = reader.complaints
            self._reader = iter(reader)
        for stamp, frame in self._reader:
            self._last = stamp * base
            if self._complaints:
                self._tell(self._complaints[-1])
            if self._last >= wanted - self._clip.slack:
                return stamp, frame
        self._last = math.inf
        raise DamagedError(f"Frame {place} of this clip could not be decoded.")

    def _jump_pays(self, place: int) -> bool:
        """Whether decoding on would decode many frames that are not needed for this one."""
        if not self._clip.origins:
            return False
        key = bisect_left(self._clip.times, self._clip.origins[place])
        return key - bisect_left(self._clip.times, self._last) > SKIPPED
