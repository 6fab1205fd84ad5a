"""Decodes a clip frame by frame, with timestamps."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from itertools import chain
from typing import Any

from imgpar.video.clip import Clip, Picture
from imgpar.video.demux import open_clip, rewind
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.lossless import frame_kind
from imgpar.video.native import check_exit, decoder_options
from imgpar.video.plane_layout import PlaneLayout
from imgpar.video.transport_stream import JUMPING, TimestampCorrector

_STEPS = (0.0, 1.0, 5.0, 25.0, math.inf)
"""Seconds by which the seek target is moved back where a seek went past the key frame."""
_TICK = 1e-6
"""Rounding error of timestamps in floating point, in seconds."""
SPARE = 1.0
"""Seconds that an ffmpeg with filters starts early, for filters that use previous frames."""


def layout_of(picture: Picture) -> PlaneLayout:
    """Layout of decoded frames in memory: their planes, whatever the name of the pixel format."""
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
    """Arguments of an ffmpeg that outputs frames with their timestamps, after the filters of `clip.before`.

    Args:
        clip: the source.
        threads: of the decoder.
        start: seconds; all frames shown from here on are included.
    """
    late = start - clip.start - SPARE
    # ffmpeg would find no key frame there, and must see the whole file for continuous timestamps
    whole = clip.demuxer in JUMPING
    return [
        *(["-ss", f"{late:.3f}"] if late > 0 and not whole else []),
        *([] if whole else ["-copyts"]),
        "-threads", str(threads), *decoder_options(clip), "-noautorotate", *guarded(clip.path),
        "-map", f"0:{clip.picture.stream.index}", "-filter:v:0", ",".join(clip.before), "-c:v", "rawvideo",
        "-pix_fmt", layout_of(clip.picture).pixel_format, "-fps_mode", "passthrough",
        "-enc_time_base", "demux", "-f", "nut", "pipe:1",
    ]  # fmt: skip


class Reader:
    """The frames of a clip in presentation order.

    Args:
        clip: from `probe`.
        threads: of the decoder.
        start, stop: seconds; frames with `start` <= time < `stop`. Decoding begins at the key frame before
            `start`.
        keys: whether to return key frames only.
        container: the clip as opened by `open_clip`, for several readers one after the other; None opens it.
    """

    def __init__(
        self,
        clip: Clip,
        threads: int,
        *,
        start: float = -math.inf,
        stop: float = math.inf,
        keys: bool = False,
        container: Any = None,
    ) -> None:
        self._clip, self._keys, self._container = clip, keys, container
        self._threads = threads
        self._start, self._stop = start - clip.slack, stop - clip.slack
        self._format = layout_of(clip.picture).pixel_format
        self.complaints: list[str] = []
        """Errors of the decoder."""
        self._skipped = 0
        """Frames of an AVI before the first decoded one."""

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Yields timestamps in units of the picture's time base, and PyAV frames of `layout_of`."""
        for origin in self._origins():
            self.complaints.clear()
            found = self._stamped(origin)
            first = next(found, None)
            if origin == -math.inf or self._keys or (first is not None and not self._missed(first[0])):
                break
            found.close()
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

    def _origins(self) -> Iterator[float]:
        """Times of key frames from which to decode: the first one suffices for most clips; from a key frame
        with gradual refresh it takes some frames until they are complete."""
        times, origins = self._clip.times, self._clip.origins
        at = bisect_left(times, self._start)
        if 0 < at < len(origins):
            origin = origins[at]
            before = bisect_left(times, origin - _TICK) - 1
            yield from {origin: 0, origins[max(before, 0)]: 0} if not self._clip.before else [self._start]
        yield -math.inf

    def _missed(self, stamp: int) -> bool:
        """Whether the first frame after a seek is later than `start`: its key frame is further back."""
        times = self._clip.times
        at = bisect_left(times, self._start)
        early = float(stamp * self._clip.picture.time_base) - self._clip.slack
        return at < len(times) and times[at] < early

    def _formed(self, frame: Any) -> Any:
        """The frame in the planes of `layout_of`, in the size of the clip's first frame."""
        width, height = self._clip.picture.width, self._clip.picture.height
        same = frame.format.name.replace("yuvj", "yuv") == self._format
        if same and (frame.width, frame.height) == (width, height):
            return frame
        return frame.reformat(width=width, height=height, format=self._format)

    def _stamped(self, origin: float) -> Generator[tuple[int, Any]]:
        """Strictly increasing timestamps, and frames, from the key frame at `origin` on. Those of an AVI are
        counted: the k-th frame has the k-th time."""
        clip, last = self._clip, -1 << 62
        rate, base = clip.picture.rate or 25, clip.picture.time_base
        self._skipped = 0
        with self._source(origin) as container:
            for number, frame in enumerate(self._frames(container, origin)):
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

    def _frames(self, container: Any, origin: float) -> Iterator[Any]:
        """Decoded frames; a packet that cannot be decoded is recorded, and the next one is tried."""
        import av

        piped = bool(self._clip.before)
        stream = container.streams[0 if piped else self._clip.picture.stream.index]
        context = stream.codec_context if piped else self._decoder(stream)
        if self._keys and not self._clip.row:
            context.skip_frame = "NONKEY"
        if not context.is_open:
            context.thread_type, context.thread_count = "AUTO", self._threads
        for packet in self._packets(container, stream) if piped else self._from(origin, container, stream):
            if packet.stream.index != stream.index or (not packet.size and packet.dts is not None):
                continue  # an empty packet repeats the previous frame (Theora)
            try:
                # Packets of a codec opened here are decoded by it, not by the stream's own decoder.
                yield from context.decode(packet if packet.size else None)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                self.complaints.append(str(error.strerror))

    def _from(self, origin: float, container: Any, stream: Any) -> Iterator[Any]:
        """Packets from the key frame at `origin` on; all of them where it is not found. A container may seek
        to another place than asked for, so packets are skipped until this one comes."""
        clip, known = self._clip, origin > -math.inf
        for back in _STEPS if known and not clip.jumps else _STEPS[-1:]:
            if back < math.inf:
                place = round((origin - back + clip.origin) / stream.time_base)
                container.seek(place, stream=stream)
            elif known or self._container is not None:
                rewind(container, stream)
            packets = self._packets(container, stream)
            for packet in packets if known else ():
                if packet.stream.index != stream.index or not (packet.is_keyframe and packet.size):
                    continue
                stamp = packet.pts if packet.pts is not None and not clip.row else packet.dts
                time = -math.inf if stamp is None else float(stamp * packet.time_base)
                if time > origin + _TICK:
                    break
                if time > origin - _TICK:
                    self._skipped = bisect_left(clip.times, time - _TICK) if clip.row else 0
                    yield packet
                    yield from packets
                    return
        if known:
            rewind(container, stream)
        yield from self._packets(container, stream)

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """Packets with corrected timestamps, also of other streams where these are needed for that."""
        piped = bool(self._clip.before)
        clock = TimestampCorrector("" if piped else self._clip.demuxer, self._clip.origin)
        for packet in container.demux(clock.streams(container, stream)):
            clock.correct(packet)
            yield packet

    @contextmanager
    def _source(self, origin: float) -> Iterator[Any]:
        """The clip, or the output of the filters that run first."""
        clip = self._clip
        if not clip.before:
            given = self._container
            opened = open_clip(clip.path, clip.demuxer, clip.content) if given is None else nullcontext(given)
            with opened as container:
                yield container
            return
        import av

        child = Ffmpeg(filtered_arguments(clip, self._threads, max(origin, 0.0)), produce=True)
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
        """The stream's own decoder; for transparent clips one that decodes alpha."""
        import av

        picture = self._clip.picture
        name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(picture.stream.codec) if picture.alpha else None
        if name is None:
            return stream.codec_context
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
        return context
