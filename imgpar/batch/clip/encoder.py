"""Frames from memory encoded as a clip, in a file that the caller commits."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Spec
from imgpar.formats.options import EncodeOptions

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

TIME_BASE = Fraction(1, 90_000)
"""Time base of the timestamps in seconds; suits every common frame rate."""


class FrameEncoder:
    """One ffmpeg that encodes frames of one spec. Its file is complete after `finish`.

    Args:
        spec: of every frame.
        output: path of the file, which exists and is empty.
        container: name of the format.
        rate: frames a second.
        options: settings of the encoder.
        threads: of the encoder; 0 lets it choose.

    Raises:
        EncodeError: the frames cannot be encoded like this.
    """

    def __init__(
        self, spec: Spec, output: str, container: str, rate: Fraction, options: EncodeOptions, threads: int
    ) -> None:
        from imgpar.batch.clip.frame_program import LastStep
        from imgpar.video.frame_feed import Feed
        from imgpar.video.plan import plan_of_frames

        clip, plan = plan_of_frames(spec, container, rate, TIME_BASE, options)
        assert plan.encoding is not None
        self.alpha = plan.encoding.alpha
        """Whether the file stores transparency."""
        self.count = 0
        """Number of frames written."""
        self._output = output
        self._step: LastStep = LastStep(clip.picture, plan.encoding, options.background)
        layout = self._step.layout(*spec.size)
        self._buffer = memoryview(bytearray(layout.nbytes))
        self._feed = Feed(plan, clip, layout, output, threads)

    def write(self, frame: Frame, seconds: float) -> None:
        """Add a frame, which is only read; raises EncodeError.

        Args:
            frame: of the spec of all frames, in sRGB.
            seconds: at which it is shown; later than the one before.
        """
        layout, planes = self._step.from_frame(frame)
        for source, target in zip(planes, layout.arrays(self._buffer), strict=True):
            target[...] = source
        self._feed.write(round(seconds / TIME_BASE), [self._buffer])
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
