"""Trim, speed and frame rate of a clip: the mapping of its timestamps."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from imgpar.core.errors import (
    TransformError,
    setting,
)
from imgpar.formats.options import EncodeOptions
from imgpar.video.clip import Clip

FASTEST = 240
"""Maximum frame rate for converting a variable to a constant frame rate."""
MOVED = 0.01
"""Maximum displacement of a frame in seconds by that conversion."""
_COARSE = Fraction(1, 90000)
"""Coarsest time base of new timestamps, in seconds."""
_SLOWEST = 0.5
"""Minimum factor of ffmpeg's `atempo`."""


def _even_rate(times: Sequence[float]) -> Fraction | None:
    """The frame rate of evenly spaced timestamps; None for others."""
    steps = [after - before for before, after in pairwise(times)]
    if len(steps) < 2 or max(steps) - min(steps) > MOVED / 2:
        return None
    return Fraction(len(steps) / (times[-1] - times[0])).limit_denominator(1001)


@dataclass(frozen=True, slots=True)
class Timing:
    """Trim, speed and frame rate. Seconds count from the beginning of the file."""

    start: float = 0.0
    stop: float = math.inf
    speed: float = 1.0
    fps: Fraction = Fraction(0)
    """0 keeps the timestamps of all frames."""

    @classmethod
    def of(cls, options: EncodeOptions) -> Timing:
        """From the settings of a recipe."""
        span = options.trim
        start, stop = (span.start, span.stop) if span else (0.0, math.inf)
        return cls(start, stop, options.speed or 1.0, Fraction(options.fps or 0))

    def fitting(self, clip: Clip) -> Timing:
        """The same without settings that have no effect on a clip: a part that is the whole, its own frame
        rate."""
        end = max(clip.duration, (clip.times[-1] + clip.last - clip.start) if clip.times else 0.0)
        stop = math.inf if self.stop >= end > 0 else self.stop
        steady = not clip.variable and self.speed == 1 and _even_rate(clip.times) == self.fps
        return replace(self, stop=stop, fps=Fraction(0) if steady else self.fps)

    @property
    def idle(self) -> bool:
        """Whether all timestamps are kept."""
        return self == Timing()

    @property
    def input_options(self) -> list[str]:
        """Input options with which ffmpeg reads only the trimmed part. Frames decoded before it have negative
        timestamps, and are removed by `cut`, `sound_filters` and `stream_options`."""
        return ["-noaccurate_seek", "-ss", f"{self.start:.6f}"] if self.start else []

    @property
    def output_options(self) -> list[str]:
        """Output options with which ffmpeg stops. It counts from the first frame written: frames need `cut`
        as well."""
        return ["-t", f"{self.length / self.speed:.6f}"] if self.stop < math.inf else []

    @property
    def length(self) -> float:
        """Duration of the part in seconds of the source; may be infinite."""
        return self.stop - self.start

    def cut(self, clip: Clip) -> str:
        """ffmpeg filters that select the frames of `window`, and separate equal timestamps. Bounds lie
        halfway between frames, so that rounding does not matter."""
        begin, end = (at - clip.slack for at in self.window(clip))
        first, stop = bisect_left(clip.times, begin), bisect_left(clip.times, end)
        zero = clip.start + self.start
        bounds = [
            f"{name}={(clip.times[at - 1] + clip.times[at]) / 2 - zero:.6f}"
            for name, at in (("start", first), ("end", stop))
            if 0 < at < len(clip.times)
        ]
        apart = ["setpts=if(isnan(PREV_OUTPTS)\\,PTS\\,max(PTS\\,PREV_OUTPTS+1))"] if clip.doubled else []
        part = [f"trim={':'.join(bounds)}", "setpts=max(PTS\\,0)"] if bounds else []
        return ",".join([*apart, *part])

    @property
    def filters(self) -> list[str]:
        """ffmpeg filters for frames: speed and frame rate."""
        speed = [f"setpts=PTS/{self.speed:.9g}"] if self.speed != 1 else []
        return [*speed, *([f"fps={self.fps}"] if self.fps else [])]

    def sound_filters(self, loudness: str = "") -> list[str]:
        """ffmpeg filters for audio, which keep its pitch; `loudness` is a filter applied to the part."""
        part = [*self._part("atrim"), *([loudness] if loudness else [])]
        if self.speed == 1:
            return part
        steps, left = list[float](), self.speed
        while left < _SLOWEST:
            steps.append(_SLOWEST)
            left /= _SLOWEST
        return [*part, *(f"atempo={step:.9g}" for step in [*steps, left])]

    def _part(self, name: str) -> list[str]:
        bounds = [*(["start=0"] if self.start else []),
                  *([f"end={self.length:.6f}"] if self.stop < math.inf else [])]  # fmt: skip
        return [f"{name}={':'.join(bounds)}"] if bounds else []

    @property
    def other_filters(self) -> list[str]:
        """As `filters`, with the trim, for a video stream with unknown timestamps."""
        return [*self._part("trim"), *self.filters]

    def stream_options(self, kind: str, stream: str, *, copied: bool) -> list[str]:
        """Options of ffmpeg for the packets of a stream: copied packets outside of the part are dropped.

        Args:
            kind: "video", "audio", …
            stream: specifier, such as `a:0`.
            copied: whether packets are copied.
        """
        late = "" if self.stop == math.inf else f"gte(pts*tb\\,{self.length:.6f})"
        if kind != "subtitle":
            first = [f"-copypriorss:{stream}", "0"] if self.start else []
            return [*first, *([f"-bsf:{stream}", f"noise=drop={late}"] if copied and late else [])]
        if not self.start and not late:
            return []
        end = "PTS+DURATION" if self.stop == math.inf else f"min(PTS+DURATION\\,{self.length:.6f}/TB)"
        shown = f"setts=pts=max(PTS\\,0):dts=max(DTS\\,0):duration={end}-max(PTS\\,0)"
        return [f"-bsf:{stream}", f"noise=drop=lt(pts+d\\,1)*lt(pts\\,0)+{late or 0},{shown}"]

    def window(self, clip: Clip) -> tuple[float, float]:
        """Start and end of the part, in the timestamps of the clip."""
        return (clip.start + self.start if self.start else -math.inf), clip.start + self.stop

    def retimed(self, clip: Clip) -> Clip:
        """The clip after the conversion: its frames and their timestamps, from the new start.

        Raises:
            TransformError: no frame is left.
        """
        if self.idle:
            return clip
        begin, end = (at - clip.slack for at in self.window(clip))
        kept = [time for time in clip.times if begin <= time < end]
        if not kept:
            raise TransformError(
                f"No frame is left: the clip has {clip.duration:.2f} seconds.",
                fix=f"Choose another {setting('trim')}.",
            )
        last = min(clip.last, end - kept[-1]) / self.speed
        times = [(time - clip.start - self.start) / self.speed for time in kept]
        if self.fps:
            first, stop = self._index(times[0]), self._index(times[-1] + (last or float(1 / self.fps)))
            times = [
                float(number / self.fps) for number in range(first, max(stop, self._index(times[-1]) + 1))
            ]
            last = float(1 / self.fps)
        return replace(
            clip,
            picture=replace(clip.picture, time_base=self.base(clip)),
            times=tuple(times),
            last=last,
            start=0.0,
            claimed=0,
            variable=clip.variable and not self.fps,
            duration=times[-1] + last,
        )

    def from_first(self, clip: Clip) -> Timing:
        """The same with a part that starts at its first frame, for containers that only count frames."""
        first = bisect_left(clip.times, clip.start + self.start - clip.slack)
        if not self.start or first == len(clip.times):
            return self
        start = clip.times[first] - clip.start
        return replace(self, start=start) if start < self.stop else self

    def evened(self, clip: Clip) -> tuple[Timing, int]:
        """The same with a constant frame rate, for containers that need one: the lowest rate at which no two
        frames coincide and none is displaced by more than `MOVED`; and the number of frames that coincide
        where no rate up to `FASTEST` suffices."""
        begin, end = (at - clip.slack for at in self.window(clip))
        kept = [time for time in clip.times if begin <= time < end] or list(clip.times)
        times = [(time - clip.start - self.start) / self.speed for time in kept]
        if even := _even_rate(times):
            return replace(self, fps=even), 0
        lowest = math.ceil(len(times) / max(times[-1] - times[0], 1 / FASTEST))
        best = (len(times), math.inf, FASTEST)
        for fps in range(max(1, min(lowest, FASTEST)), FASTEST + 1):
            places = [math.floor(time * fps + 0.5) for time in times]
            moved = max(abs(place / fps - time) for place, time in zip(places, times, strict=True))
            best = min(best, (len(times) - len(set(places)), max(moved, MOVED), fps))
            if best[:2] == (0, MOVED):
                break
        return replace(self, fps=Fraction(best[2])), best[0]

    def base(self, clip: Clip) -> Fraction:
        """Time base of new timestamps: that of the clip, or a fraction of it where it is coarse (AVI counts
        frames)."""
        old = clip.picture.time_base
        return old if self.idle or old < _COARSE else old / math.ceil(old / _COARSE)

    def _index(self, seconds: float) -> int:
        return math.floor(seconds * self.fps + 0.5)

    def frames(self, source: Iterator[tuple[int, Any]], clip: Clip) -> Iterator[tuple[int, Any]]:
        """Decoded frames of `window` with new timestamps in units of `base`; with a frame rate some are
        repeated and some dropped."""
        if self.idle:
            yield from source
            return
        old, base = clip.picture.time_base, self.base(clip)
        held: tuple[int, Any] | None = None
        seconds = 0.0
        for stamp, frame in source:
            seconds = (float(stamp * old) - clip.start - self.start) / self.speed
            if not self.fps:
                yield round(seconds / base), frame
                continue
            index = self._index(seconds)
            if held is not None:
                for number in range(held[0], index):
                    yield round(number / self.fps / base), held[1]
            held = (index, frame)
        if held is not None:
            last = min(clip.last, self.stop - self.start - seconds * self.speed) / self.speed
            stop = self._index(seconds + last)
            for number in range(held[0], max(stop, held[0] + 1)):
                yield round(number / self.fps / base), held[1]
