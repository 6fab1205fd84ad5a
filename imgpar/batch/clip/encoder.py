"""Frames from memory encoded as a clip, in a file that the caller commits."""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Spec
from imgpar.formats.options import EncodeOptions

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

_TICKS = 90_000
"""Ticks per second that suit most frame rates, and frames with times of their own."""
_MOST_TICKS = 10_000_000
"""Containers store the number of ticks in 32 bits."""
_MOST_APART = 2**31 - 1
"""Ticks between a frame and another one that MP4 and MOV store: from one to the next, and as an offset."""
_REORDERED = 20
"""Frames across which encoders reorder."""


def time_base_of(rate: Fraction) -> Fraction:
    """Time base of timestamps in seconds: fine, and frames at this rate have whole numbers of ticks.

    >>> time_base_of(Fraction(24000, 1001)), time_base_of(Fraction(25)), time_base_of(Fraction(1199, 50))
    (Fraction(1, 360000), Fraction(1, 90000), Fraction(1, 91124))
    """
    most = min(Fraction(_MOST_TICKS), rate * _MOST_APART / _REORDERED)
    exact = (math.lcm(_TICKS, rate.numerator), rate.numerator * -(-_TICKS // rate.numerator))
    return Fraction(1, next((ticks for ticks in exact if ticks <= most), _TICKS))


class FrameEncoder:
    """One ffmpeg that encodes frames of one spec. Its file is complete after `finish`.

    Args:
        spec: of every frame.
        output: path of the file, which exists and is empty.
        container: name of the format.
        rate: frames a second.
        options: settings of the encoder.
        threads: of the encoder; 0 lets it choose.
        pixel_format: one of `PIXEL_FORMATS`; empty is the default of the encoder.

    Raises:
        EncodeError: the frames cannot be encoded like this.
    """

    def __init__(
        self,
        spec: Spec,
        output: str,
        container: str,
        rate: Fraction,
        options: EncodeOptions,
        threads: int,
        pixel_format: str = "",
    ) -> None:
        from imgpar.batch.clip.frame_program import LastStep
        from imgpar.video.frame_feed import Feed
        from imgpar.video.plan import plan_of_frames

        self._base = time_base_of(rate)
        clip, plan = plan_of_frames(spec, container, rate, self._base, options, pixel_format)
        assert plan.encoding is not None
        self.alpha = plan.encoding.alpha
        """Whether the file stores transparency."""
        self.depth = plan.encoding.depth
        """Bits per sample in the file."""
        self.notes = plan.notes
        """What the encoder cannot keep, such as the last column of an odd width."""
        self.count = 0
        """Number of frames written."""
        self._output, self._container = output, plan.container
        self._last_stamps: deque[int] = deque(maxlen=_REORDERED)
        self._first_stamp = 0
        self._step: LastStep = LastStep(clip.picture, plan.encoding, options.background)
        layout = self._step.layout(*spec.size)
        self.size = layout.size
        """Width and height of the frames in the file."""
        self._buffer = memoryview(bytearray(layout.nbytes))
        self._feed = Feed(plan, clip, layout, output, threads)

    def write(self, frame: Frame, seconds: float | Fraction) -> None:
        """Add a frame, which is only read; raises EncodeError.

        Args:
            frame: of the spec of all frames, in sRGB.
            seconds: at which it is shown; later than the one before.
        """
        stamp = round(seconds / self._base)
        self._check_apart(stamp)
        layout, planes = self._step.from_frame(frame)
        for source, target in zip(planes, layout.arrays(self._buffer), strict=True):
            target[...] = source
        self._feed.write(stamp, [self._buffer])
        self._last_stamps.append(stamp)
        if not self.count:
            self._first_stamp = stamp
        self.count += 1

    def _check_apart(self, stamp: int) -> None:
        """Raise EncodeError where the container cannot store how long after those before it a frame is
        shown: the muxer would store another time."""
        if self._container.name not in ("mp4", "mov") or not self._last_stamps:
            return
        if stamp - self._last_stamps[0] > _MOST_APART:
            count = len(self._last_stamps) + 1
            words = "two frames" if count == 2 else f"{count} frames in a row"
            most, apart = _MOST_APART * self._base, (stamp - self._last_stamps[0]) * self._base
            raise EncodeError(
                f"{self._container.name} stores at most {int(most)} s between the first and the last of "
                f"{words} at this rate, and here it is {float(apart):g} s.",
                fix="Use .mkv or .webm.",
            )

    def finish(self) -> Clip:
        """Complete the file, and count its frames.

        Raises:
            EncodeError: the encoder fails, or frames are missing or have other times.
        """
        from imgpar.video.check import DRIFT
        from imgpar.video.probe import probe

        self._feed.close()
        made: Clip = probe(self._output)
        if len(made.times) != self.count:
            raise EncodeError(f"{len(made.times)} of {self.count} frames are in the new clip.")
        if self._container.variable:
            length = float((self._last_stamps[-1] - self._first_stamp) * self._base)
            moved = abs(made.times[-1] - made.times[0] - length)
            if moved > DRIFT + float(self._base):
                raise EncodeError(f"The last frame of the new clip is {moved:g} s early or late.")
        return made

    def kill(self) -> None:
        """Abandon the file."""
        self._feed.kill()
