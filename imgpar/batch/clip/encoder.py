"""Frames from memory encoded as a clip, in a file that the caller commits."""

from __future__ import annotations

import math
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


def time_base_of(rate: Fraction) -> Fraction:
    """Time base of timestamps in seconds: fine, and frames at this rate have whole numbers of ticks.

    >>> time_base_of(Fraction(24000, 1001)), time_base_of(Fraction(25)), time_base_of(Fraction(1199, 50))
    (Fraction(1, 360000), Fraction(1, 90000), Fraction(1, 91124))
    """
    ticks = math.lcm(_TICKS, rate.numerator)
    if ticks > _MOST_TICKS:
        ticks = rate.numerator * -(-_TICKS // rate.numerator)
    return Fraction(1, ticks if ticks <= _MOST_TICKS else _TICKS)


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
        self._output = output
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
        layout, planes = self._step.from_frame(frame)
        for source, target in zip(planes, layout.arrays(self._buffer), strict=True):
            target[...] = source
        self._feed.write(round(seconds / self._base), [self._buffer])
        self.count += 1

    def finish(self) -> Clip:
        """Complete the file, and count its frames.

        Raises:
            EncodeError: the encoder fails, or frames are missing.
        """
        from imgpar.video.probe import probe

        self._feed.close()
        made: Clip = probe(self._output)
        if len(made.times) != self.count:
            raise EncodeError(f"{len(made.times)} of {self.count} frames are in the new clip.")
        return made

    def kill(self) -> None:
        """Abandon the file."""
        self._feed.kill()
