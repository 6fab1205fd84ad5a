"""Decodes a clip frame by frame, with the time of each."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from typing import Any

from imgpar.video.clip import Clip, Picture
from imgpar.video.demux import open_clip
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.lossless import frame_kind
from imgpar.video.native import check_exit, decoder_options
from imgpar.video.planes import PlaneLayout
from imgpar.video.transport_stream import JUMPING, TimestampCorrector

_STEPS = (0.0, 1.0, 5.0, 25.0)
"""Seconds by which it is tried to begin earlier where a seek does not come to a key frame."""
SPARE = 1.0
"""Seconds that an ffmpeg with filters begins earlier, for what a filter makes of the frames before."""


def layout_of(picture: Picture) -> PlaneLayout:
    """How decoded frames lie in memory: their own planes, whatever the pixel format is called."""
    chroma = picture.subsampling
    if picture.pixel_format.startswith(("yuv", "gray")):
        letter = ("yuva" if picture.alpha else "yuv") + f"{chroma}p" if chroma else "gray"
    elif (kind := frame_kind(picture)) is not None and kind.name.startswith("rgb"):
        chroma, letter = "444", "gbrap" if picture.alpha else "gbrp"
    else:
        chroma, letter = "444", "yuva444p" if picture.alpha else "yuv444p"
    deep = f"{picture.depth}le" if picture.depth > 8 else ""
    return PlaneLayout(
        letter + deep, picture.width, picture.height, chroma, picture.depth, picture.alpha and bool(chroma)
    )


def filtered_arguments(clip: Clip, threads: int, start: float) -> list[str]:
    """An ffmpeg that sends frames with their own time stamps, after the filters of `clip.before`; none that
    is shown after `start` is left out."""
    late = start - clip.start - SPARE
    whole = clip.demuxer in JUMPING  # ffmpeg then finds no key frame, and makes the clock that `times` go by
    return [
        *(["-ss", f"{late:.3f}"] if late > 0 and not whole else []),
        *([] if whole else ["-copyts"]),
        "-threads", str(threads), *decoder_options(clip), "-noautorotate", *guarded(clip.path),
        "-map", f"0:{clip.picture.stream.index}", "-filter:v:0", ",".join(clip.before), "-c:v", "rawvideo",
        "-pix_fmt", layout_of(clip.picture).pixel_format, "-fps_mode", "passthrough",
        "-enc_time_base", "demux", "-f", "nut", "pipe:1",
    ]  # fmt: skip


def go_to(container: Any, stream: Any, start: float) -> None:
    """To a key frame that is shown at or before `start` seconds, or to the beginning."""
    goal = int(start / stream.time_base)
    if container.format.name not in JUMPING:
        container.seek(goal, stream=stream)
        return
    for back in _STEPS:  # such a container knows no key frames: it comes to any packet
        place = goal - int(back / stream.time_base)
        container.seek(place, stream=stream)
        key = next((packet for packet in container.demux(stream) if packet.is_keyframe), None)
        if key is not None and key.pts is not None and key.pts <= goal:
            container.seek(place, stream=stream)
            return
    container.seek(0)


class Reader:
    """The frames of a clip's picture, in the order in which they are shown.

    Args:
        clip: from `probe`.
        threads: of the decoder.
        start, stop: seconds; only frames that are shown from `start` to before `stop`. The decoder begins
            at the key frame before `start`.
        keys: only key frames.
    """

    def __init__(
        self,
        clip: Clip,
        threads: int,
        *,
        start: float = -math.inf,
        stop: float = math.inf,
        keys: bool = False,
    ) -> None:
        self._clip, self._keys = clip, keys
        self._threads = threads
        self._start, self._stop = start - clip.slack, stop - clip.slack
        self._format = layout_of(clip.picture).pixel_format
        self.complaints: list[str] = []
        """What the decoder could not read."""
        self._skipped = 0
        """Frames of an AVI before the first one that is decoded."""

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yields time stamps in units of the picture's time base, and PyAV frames of `layout_of`."""
        seek = self._start > 0 and not self._clip.row
        found = self._stamped(seek=seek)
        first = next(found, None)
        if seek and not self._keys and (first is None or self._missed(first[0])):
            found.close()
            self.complaints.clear()
            found = self._stamped(seek=False)
            first = next(found, None)
        number = 0
        for stamp, frame in chain([first] if first else [], found):
            seconds = float(stamp * self._clip.picture.time_base)
            if seconds >= self._stop:
                found.close()
                return
            number += 1
            if seconds < self._start:
                continue
            if frame.is_corrupt:
                self.complaints.append(f"frame {number} is corrupt")
            yield stamp, self._formed(frame)

    def _missed(self, stamp: int) -> bool:
        """Whether frames from `start` on come before the first one after seeking: they belong to a key frame
        further back."""
        times = self._clip.times
        at = bisect_left(times, self._start)
        early = float(stamp * self._clip.picture.time_base) - self._clip.slack
        return at < len(times) and times[at] < early

    def _formed(self, frame: Any) -> Any:
        """A frame with the planes of `layout_of`, in the size of the clip's first frame."""
        width, height = self._clip.picture.width, self._clip.picture.height
        same = frame.format.name.replace("yuvj", "yuv") == self._format
        if same and (frame.width, frame.height) == (width, height):
            return frame
        return frame.reformat(width=width, height=height, format=self._format)

    def _stamped(self, *, seek: bool) -> Generator[tuple[int, Any]]:
        """Time stamps, each later than the one before, and frames. Those of an AVI are counted: the k-th
        frame is shown at the k-th time."""
        clip, last = self._clip, -1 << 62
        rate, base = clip.picture.rate or 25, clip.picture.time_base
        with self._source(seek=seek) as container:
            for number, frame in enumerate(self._frames(container, seek=seek)):
                if clip.row:
                    time = clip.times[number + self._skipped : number + self._skipped + 1]
                    stamp = round(Fraction(time[0]) / base) if time else last + 1
                elif frame.pts is None:
                    stamp = round(number / rate / base)
                else:
                    stamp = round(frame.pts * frame.time_base / base) if clip.before else frame.pts
                stamp = last = max(stamp, last + 1)
                if not (clip.row and self._keys and not frame.key_frame):
                    yield stamp, frame

    def _frames(self, container: Any, *, seek: bool) -> Iterator[Any]:
        """Decoded frames; a packet that cannot be decoded is a complaint, and the next one is tried."""
        import av

        piped = bool(self._clip.before)
        stream = container.streams[0 if piped else self._clip.picture.stream.index]
        context = stream.codec_context if piped else self._decoder(stream)
        clock = TimestampCorrector("" if piped else self._clip.demuxer, self._clip.origin)
        if seek and not piped and not self._clip.jumps:
            go_to(container, stream, self._start + self._clip.origin)
        if self._keys and not self._clip.row:
            context.skip_frame = "NONKEY"
        context.thread_type, context.thread_count = "AUTO", self._threads
        packets = container.demux(clock.streams(container, stream))
        if self._clip.row and not piped and not self._clip.guessed:
            packets = self._from_key(packets)
        for packet in packets:
            clock.correct(packet)
            if packet.stream.index != stream.index or (not packet.size and packet.dts is not None):
                continue  # one without bytes is Theora's: the frame before stays
            try:
                # Packets of a codec that was opened here go to it, not to the stream's own.
                yield from context.decode(packet if packet.size else None)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                self.complaints.append(str(error.strerror))

    def _from_key(self, packets: Iterator[Any]) -> Iterator[Any]:
        """The packets of an AVI, in the order of their frames, from the last key frame before `start` on;
        those before it are counted."""
        held = list[Any]()
        for packet in packets:
            late = packet.dts is None or float(packet.dts * packet.time_base) > self._start
            if packet.is_keyframe and packet.size and not late:
                self._skipped += sum(bool(before.size) for before in held)
                held.clear()
            held.append(packet)
            if late:
                yield from held
                yield from packets
                return
        yield from held

    @contextmanager
    def _source(self, *, seek: bool) -> Iterator[Any]:
        """The clip, or what comes out of the filters that run before anything else."""
        if not self._clip.before:
            with open_clip(self._clip.path) as container:
                yield container
            return
        import av

        child = Ffmpeg(
            filtered_arguments(self._clip, self._threads, self._start if seek else 0.0), produce=True
        )
        try:
            with av.open(child.stdout, format="nut") as container:
                yield container
            self.complaints += child.lines
        except av.error.FFmpegError:
            check_exit(child.wait() or 1, child.lines)
        finally:
            child.kill()
            child.stdout.close()

    def _decoder(self, stream: Any) -> Any:
        """The stream's own decoder; for transparent clips the one that sees transparency."""
        import av

        picture = self._clip.picture
        name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(picture.stream.codec) if picture.alpha else None
        if name is None:
            return stream.codec_context
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
        return context
