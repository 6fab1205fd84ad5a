"""Sends processed frames to an ffmpeg, which encodes them and takes all other streams from the source.

    frames ─► NUT with raw frames and timestamps ─► pipe ─► ffmpeg ─► new file
                                  audio, subtitles … of the source ─┘

Encoder, options and container are thus the same as in the native path.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from fractions import Fraction
from typing import IO, Any, NoReturn

from imgpar.core.errors import EncodeError
from imgpar.video.clip import Clip
from imgpar.video.encoders import written
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.native import check_exit, encode_options, output_options, stream_options
from imgpar.video.nut import NutHeaders
from imgpar.video.plan import ClipPlan
from imgpar.video.plane_layout import PlaneLayout

PIPE = 1 << 20
"""Bytes per write."""
_ANY_GAP = ("-dts_error_threshold", "2000000000")
"""ffmpeg takes a frame as the next one at the even rate if it comes more seconds after the one before."""


class Feed:
    """An encoder that accepts frames one by one.

    Args:
        plan: of the clip.
        clip: the source.
        layout: of every frame.
        output: path of the new file.
        threads: of the encoder.
    """

    def __init__(self, plan: ClipPlan, clip: Clip, layout: PlaneLayout, output: str, threads: int) -> None:
        self.child = Ffmpeg(feed_arguments(plan, clip, output, threads), feed=True)
        _widen(self.child.stdin)
        new_rate = plan.timing.fps
        rate = new_rate or clip.picture.rate or Fraction(25)
        self._headers = NutHeaders(layout, rate, clip.picture.time_base)
        self._last: int | None = None

    def write(self, stamp: int, planes: Sequence[Any]) -> None:
        """Send the next frame.

        Args:
            stamp: timestamp in units of the clip's time base.
            planes: buffers, sent in order without a copy.

        Raises:
            ItemError, RunError: as `check_exit`.
        """
        head = self._headers.frame(stamp)
        if self._last is None:
            head = self._headers.start + head
        elif stamp <= self._last:
            self._failed(ValueError(f"its time is {stamp}, that of the frame before {self._last}"))
        self._last = stamp
        try:
            _send(self.child.stdin, [head, *planes])
        except OSError as error:
            self._failed(error)

    def close(self) -> tuple[str, ...]:
        """Wait until the file is complete; returns the log lines of ffmpeg. Raises what `check_exit`
        raises."""
        try:
            self.child.stdin.close()
        except OSError as error:
            self._failed(error)
        check_exit(self.child.wait(), self.child.lines)
        return tuple(self.child.lines)

    def kill(self) -> None:
        """Kill ffmpeg and abandon the file."""
        self.child.kill()

    def _failed(self, error: Exception) -> NoReturn:
        """Raise the error of ffmpeg if it has ended, else one for the frame."""
        with contextlib.suppress(OSError):
            self.child.stdin.close()  # else it would wait for more
        check_exit(self.child.wait(), self.child.lines)
        raise EncodeError(f"A frame could not be sent to ffmpeg: {error}.")


def _send(pipe: IO[bytes], buffers: Sequence[Any]) -> None:
    """Write all buffers without joining them."""
    left = [memoryview(buffer).cast("B") for buffer in buffers]
    if not hasattr(os, "writev"):
        for view in left:
            pipe.write(view)
        return
    while left:
        done = os.writev(pipe.fileno(), left)
        while left and done >= len(left[0]):
            done -= len(left.pop(0))
        if done:
            left[0] = left[0][done:]


def _widen(pipe: IO[bytes]) -> None:
    """Enlarge the pipe: a frame is then written in few pieces instead of dozens. Linux only."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def feed_arguments(plan: ClipPlan, clip: Clip, output: str, threads: int) -> list[str]:
    """Arguments of ffmpeg: raw frames on standard input, and the source.

    Args:
        plan: of the clip.
        clip: the source.
        output: path of the new file.
        threads: of the encoder.
    """
    # Both inputs are shifted to start at zero; the frames may have begun later than the audio.
    late = clip.times[0] - clip.start if clip.times else 0.0
    arguments = ["-protocol_whitelist", "pipe", "-itsoffset", f"{late:.6f}", "-f", "nut", "-i", "pipe:0"]
    source = (*plan.timing.input_options, *guarded(clip.path, clip.demuxer)) if clip.path else ()
    arguments += [*(source or _ANY_GAP), "-map", "0:v:0"]
    assert plan.encoding is not None
    colour = written(clip.picture, plan.encoding).colour
    names = {
        "range": "range",
        "primaries": "color_primaries",
        "transfer": "color_trc",
        "matrix": "colorspace",
    }
    tags = ":".join(f"{names[key]}={value}" for key, value in colour.given.items())
    arguments += ["-filter:v:0", ",".join(filter(None, (f"setparams={tags}" if tags else "", "setsar=1")))]
    arguments += encode_options(plan, clip, threads)
    arguments += [*stream_options(plan, 1), *output_options(plan, output)]
    if clip.jumps:  # ffmpeg then handles the discontinuity in the same place as `clip.times`
        arguments += ["-map", f"1:{clip.picture.stream.index}", "-c", "copy", "-f", "null", "-"]
    return arguments
