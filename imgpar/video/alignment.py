"""Checks that audio and subtitles of a part of a clip begin and end with its picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from imgpar.core.errors import EncodeError
from imgpar.video.clip import Clip
from imgpar.video.demux import open_clip
from imgpar.video.plan import ClipPlan

SPARE = 0.05
"""Tolerance in seconds for the start and end of audio, beyond one packet: priming and padding of encoders."""


@dataclass(slots=True)
class _Extent:
    """Extent of the packets of a stream, in seconds."""

    first: float = math.inf
    end: float = -math.inf
    longest: float = 0.0

    def add(self, start: float, length: float) -> None:
        self.first = min(self.first, start)
        self.end = max(self.end, start + length)
        self.longest = max(self.longest, length)


def check_alignment(plan: ClipPlan, wanted: Clip, made: Clip) -> None:
    """Compare the extents of all streams of a part with those of the source.

    Args:
        plan: of the clip.
        wanted: the source as returned by `Timing.retimed`.
        made: the new clip.

    Raises:
        EncodeError: an audio stream begins early or late, or a stream outlasts the part.
    """
    timing = plan.timing
    if not timing.start and timing.stop == math.inf:
        return
    sound = [stream for stream in plan.streams.kept if stream.kind == "audio"]
    there = [made.of_kind("audio"), made.of_kind("subtitle")]
    zero = made.times[0] - wanted.times[0]
    new = _extents(made.path, [stream.index for kind in there for stream in kind], zero)
    begin = _start_of(wanted.path) + timing.start
    old = _extents(wanted.path, [stream.index for stream in sound], begin, timing.length)
    for stream, kept in zip(there[0], sound, strict=False):
        before, after = old[kept.index], new[stream.index]
        if before.first == math.inf or after.first == math.inf:
            continue  # silence in the source or in the output: no audio in this part
        late = after.first - max(before.first, 0.0) / timing.speed
        if plan.container.variable and abs(late) > SPARE + max(before.longest / timing.speed, after.longest):
            how = "late" if late > 0 else "early"
            raise EncodeError(f"The new clip is wrong: {kept.words} begins {abs(late):.2f} seconds {how}.")
    for stream in (stream for kind in there for stream in kind):
        after = new[stream.index]
        spare = SPARE + (after.longest if stream.kind == "audio" else 0.0)
        over = after.end - timing.length / timing.speed
        if over > spare:
            raise EncodeError(f"The new clip is wrong: {stream.words} is {over:.2f} seconds too long.")


def _start_of(path: str) -> float:
    """Start time of the first stream, in seconds."""
    with open_clip(path) as container:
        return float(container.start_time or 0) / 1_000_000


def _extents(path: str, indices: Sequence[int], zero: float, length: float = math.inf) -> dict[int, _Extent]:
    """Extents of streams within `length` seconds from `zero`, relative to `zero`."""
    found = {index: _Extent() for index in indices}
    if not indices:
        return found
    with open_clip(path) as container:
        streams = [container.streams[index] for index in indices]
        if length < math.inf and zero > 1:
            container.seek(int((zero - 1) * 1_000_000))
        ended = set[int]()
        for packet in container.demux(streams):
            if packet.pts is None or not packet.size:
                continue
            start = float(packet.pts * packet.time_base) - zero
            lasts = float((packet.duration or 0) * packet.time_base)
            if start >= length:
                ended.add(packet.stream.index)
                if len(ended) == len(found):
                    break
            elif start + lasts > 0 or length == math.inf:
                found[packet.stream.index].add(start, lasts)
    return found
