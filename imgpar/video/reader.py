"""Decodes a clip frame by frame, with the time of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import Any

from imgpar.video.clip import Clip, Picture
from imgpar.video.native import check_exit, decoder_options
from imgpar.video.planes import PlaneLayout
from imgpar.video.probe import opened
from imgpar.video.process import Ffmpeg, guarded

SPARE = 1.0
"""Seconds that an ffmpeg with filters begins earlier, for what a filter makes of the frames before."""


def layout_of(picture: Picture) -> PlaneLayout:
    """How decoded frames lie in memory: their own planes, whatever the pixel format is called."""
    chroma = picture.subsampling
    if picture.pixel_format.startswith(("yuv", "gray")):
        letter = ("yuva" if picture.alpha else "yuv") + f"{chroma}p" if chroma else "gray"
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
    return [
        *(["-ss", f"{late:.3f}"] if late > 0 else []),
        "-threads", str(threads), *decoder_options(clip), "-copyts", "-noautorotate", *guarded(clip.path),
        "-map", f"0:{clip.picture.stream.index}", "-filter:v:0", ",".join(clip.before), "-c:v", "rawvideo",
        "-pix_fmt", layout_of(clip.picture).pixel_format, "-fps_mode", "passthrough",
        "-enc_time_base", "demux", "-f", "nut", "pipe:1",
    ]  # fmt: skip


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

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yields time stamps in units of the picture's time base, and PyAV frames of `layout_of`."""
        rate = self._clip.picture.rate or 25
        base = self._clip.picture.time_base
        number = 0
        with self._source() as container:
            for frame in self._frames(container):
                stamp = frame.pts if frame.pts is not None else round(number / rate / base)
                if self._clip.before and frame.pts is not None:
                    stamp = round(frame.pts * frame.time_base / base)
                seconds = float(stamp * base)
                if seconds >= self._stop:
                    return
                number += 1
                if seconds < self._start:
                    continue
                if frame.is_corrupt:
                    self.complaints.append(f"frame {number} is corrupt")
                if frame.format.name.replace("yuvj", "yuv") != self._format:
                    frame = frame.reformat(format=self._format)
                yield stamp, frame

    def _frames(self, container: Any) -> Iterator[Any]:
        """Decoded frames; a packet that cannot be decoded is a complaint, and the next one is tried."""
        import av

        piped = bool(self._clip.before)
        stream = container.streams[0 if piped else self._clip.picture.stream.index]
        context = stream.codec_context if piped else self._decoder(stream)
        if self._start > 0 and not piped:
            container.seek(int(self._start / stream.time_base), stream=stream)
        if self._keys:
            context.skip_frame = "NONKEY"
        context.thread_type, context.thread_count = "AUTO", self._threads
        waiting: list[int] | None = [] if self._clip.guessed and not piped else None
        for packet in container.demux(stream):
            if not packet.size and packet.dts is not None:
                continue  # of Theora: the frame before stays
            if waiting is not None and packet.size and packet.dts is not None:
                heappush(waiting, packet.dts)
            try:
                # Packets of a codec that was opened here go to it, not to the stream's own.
                for frame in context.decode(packet if packet.size else None):
                    if waiting:
                        frame.pts = heappop(waiting)
                    yield frame
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                self.complaints.append(str(error.strerror))

    @contextmanager
    def _source(self) -> Iterator[Any]:
        """The clip, or what comes out of the filters that run before anything else."""
        if not self._clip.before:
            with opened(self._clip.path) as container:
                yield container
            return
        import av

        child = Ffmpeg(filtered_arguments(self._clip, self._threads, self._start), produce=True)
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
