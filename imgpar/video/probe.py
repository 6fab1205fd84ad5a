"""Probes a clip with PyAV: every packet is read, one frame is decoded (for its rotation).

Frames are counted, never computed from a rate: from the container's own table where it has one, and from the
packets of the stream. When the two differ the file is truncated.
"""

from __future__ import annotations

import math
import os
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO, NamedTuple

from imgpar.core.errors import DamagedError, LockedError, UnknownFormatError, UnsupportedError
from imgpar.core.limits import Limits
from imgpar.formats.base import check_size
from imgpar.video.avi import empty_chunks, missing_frames
from imgpar.video.boxes import tracks
from imgpar.video.clip import Clip, ClipColour, Picture, Stream, StreamKind
from imgpar.video.content import Content, open_bytes
from imgpar.video.demux import DEMUXERS, open_clip, rewind
from imgpar.video.encrypted import encryption_error
from imgpar.video.hdr import hdr_of
from imgpar.video.side_data import side_data
from imgpar.video.transport_stream import TimestampCorrector

_TAGS = (b"Exif\0", b"eXIf", b"x:xmpmeta")
"""Markers of EXIF and XMP in a JPEG or PNG."""
_KINDS: dict[str, StreamKind] = {"video": "video", "audio": "audio", "subtitle": "subtitle"}
_RANGES = {1: "tv", 2: "pc"}
_PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020",
    12: "smpte432",
}
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear",
              11: "iec61966-2-4", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
              18: "arib-std-b67"}  # fmt: skip
_MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc",
             10: "bt2020c"}  # fmt: skip
_ORIENTATIONS = {(1, 0, 0, 1): 1, (-1, 0, 0, 1): 2, (-1, 0, 0, -1): 3, (1, 0, 0, -1): 4, (0, 1, 1, 0): 5,
                 (0, 1, -1, 0): 6, (0, -1, -1, 0): 7, (0, -1, 1, 0): 8}  # fmt: skip
"""Signs of the display matrix, which maps stored to displayed coordinates → EXIF orientation."""
_FASTEST = 10_000
"""Maximum frame rate of high-speed cameras."""
_DELAYED = ("h264", "hevc")
"""Codecs whose frames ffmpeg labels one frame late in an AVI, even without reordering."""
TICK = 1e-6
"""Rounding error of timestamps in floating point, in seconds."""
UNEVEN = 0.1
"""Maximum deviation of a timestamp, as a part of the frame duration, for a constant frame rate."""


def probe(
    path: str, limits: Limits | None = None, *, content: Content | None = None, demuxers: str = DEMUXERS
) -> Clip:
    """Probe a clip.

    Args:
        path: of the clip.
        limits: maximum size of frames; None is the default.
        content: of the clip, where it is not in a file.
        demuxers: names of permitted demuxers, separated by commas.

    Raises:
        UnknownFormatError: it is not a clip, or has no video stream.
        LockedError: it is encrypted.
        UnsupportedError: there is no decoder for it.
        DamagedError: it cannot be opened, or its first frame cannot be decoded.
        LimitError: its frames are larger than `limits` allow.
        MissingExtraError: PyAV is not installed.
    """
    limits = limits or Limits(max_pixels=1 << 62)
    _check_open(path, content)
    with open_clip(path, demuxers, content) as container:
        streams = tuple(stream_of(stream) for stream in container.streams)
        chosen = best(container, streams)
        check_size(chosen.width, chosen.height, limits)
        streams = tuple(_with_tags(container, stream) for stream in streams)
        picture, first = _picture(container, chosen, streams[chosen.index])
        rewind(container, chosen)
        begins, duration = (container.start_time or 0) / 1_000_000, (container.duration or 0) / 1_000_000
        clock = TimestampCorrector(container.format.name, begins)
        packets, oddities = _packets(container, chosen, clock)
        times, last = list(packets.times), packets.last
        picture = _with_rate(picture, times)
        # An edit list skips some samples of the table, and hides others.
        edited = "mov" in container.format.name and chosen.index_entries
        promised = len(chosen.index_entries) if edited else chosen.frames
        claimed = promised - oddities.hidden if chosen.frames else 0
        row = container.format.name == "avi"
        reordered = chosen.codec_context.has_b_frames > 0 or chosen.codec_context.name in _DELAYED
        guessed = row and reordered
        if row and claimed > len(times):
            with open_bytes(path, content) as file:
                claimed, last = _without_empty(file, chosen, times)
        return Clip(
            path,
            container.format.name,
            times[-1] + last if clock.jumps else duration,
            picture,
            streams,
            0.0 if clock.watches else begins,
            len(container.chapters()),
            dict(container.metadata),
            max(claimed, 0),
            packets.times,
            () if guessed else packets.origins,
            0 if first is None else _before(packets, first - clock.watches * begins, clock.jumps or row),
            last,
            _is_variable(times, 0.0 if row else float(chosen.time_base)),
            guessed,
            clock.jumps,
            begins if clock.watches else 0.0,
            _layer(path, content, picture.stream) if "mov" in container.format.name else "",
            *oddities,
            content.size if content is not None else os.path.getsize(path),
            content=content,
        )


def best(container: Any, streams: tuple[Stream, ...]) -> Any:
    """The video stream that ffmpeg would select: the largest, defaults first; never a cover picture."""
    shown = [stream for stream in container.streams.video if streams[stream.index].kind == "video"]
    readable = [stream for stream in shown if stream.codec_context is not None]
    if shown and not readable:
        raise UnsupportedError(
            "This FFmpeg has no decoder for the video codec of this clip.",
            fix="Convert it with the program that made it.",
        )
    found = [stream for stream in readable if stream.width]
    if not found:
        covers = any(stream.kind == "cover" for stream in streams)
        what = "only a cover picture" if covers else "no video stream"
        raise UnknownFormatError(f"It has {what}.", fix="Leave it out, or correct its suffix.")
    return max(
        found, key=lambda stream: stream.width * stream.height + 5_000_000 * streams[stream.index].default
    )


def stream_of(stream: Any) -> Stream:
    """A stream of a PyAV container as a value."""
    from av.stream import Disposition

    context = stream.codec_context
    kind: StreamKind = _KINDS.get(stream.type, "attachment" if stream.type == "attachment" else "data")
    if kind == "video" and Disposition.attached_pic in stream.disposition:
        kind = "cover"
    metadata = {key.lower(): value for key, value in stream.metadata.items()}
    language = metadata.get("language", "")
    return Stream(
        stream.index,
        kind,
        context.codec.canonical_name if context is not None else "unknown",
        "" if language == "und" else language,
        metadata.get("title", ""),
        Disposition.default in stream.disposition,
        getattr(context, "channels", 0) if kind == "audio" else 0,
        (getattr(context, "sample_rate", 0) or 0) if kind == "audio" else 0,
        metadata.get("timecode", ""),
    )


def _with_tags(container: Any, stream: Stream) -> Stream:
    if stream.kind != "cover":
        return stream
    packet = next(container.demux(container.streams[stream.index]), None)
    rewind(container, container.streams[stream.index])
    content = bytes(packet) if packet is not None else b""
    return replace(stream, tagged=any(mark in content for mark in _TAGS))


def _picture(container: Any, chosen: Any, stream: Stream) -> tuple[Picture, float | None]:
    """The selected stream with the properties of its first frame, and the time of this frame by the clock of
    the packets."""
    chosen.codec_context.thread_count = 1
    frame = next(container.decode(chosen), None)
    if frame is None:
        raise DamagedError("This clip is truncated or corrupt: no frame could be decoded.")
    components = [frame.format.components[k] for k in range(len(frame.format.components))]
    transparent = {key.lower(): value for key, value in chosen.metadata.items()}.get("alpha_mode") == "1"
    first = None if frame.pts is None else float(frame.pts * frame.time_base)
    picture = Picture(
        stream,
        frame.width,
        frame.height,
        frame.format.name,
        max(component.bits for component in components),
        transparent or len(components) in (2, 4),
        _subsampling(frame.format, components),
        _orientation(frame),
        chosen.sample_aspect_ratio or Fraction(1),
        chosen.average_rate or chosen.guessed_rate,
        chosen.time_base,
        _colour(frame),
        bool(frame.interlaced_frame),
        hdr_of(frame),
    )
    return picture, first


def _check_open(path: str, content: Content | None) -> None:
    """Raise LockedError for an encrypted clip: decoders would report damage, or return noise."""
    try:
        with open_bytes(path, content) as file:
            reason = encryption_error(file)
    except OSError:
        return  # the error is raised when PyAV opens it
    if isinstance(reason, LockedError):
        raise reason


def _layer(path: str, content: Content | None, stream: Stream) -> str:
    """Additional layer of an HEVC stream."""
    if stream.codec != "hevc":
        return ""
    with open_bytes(path, content) as file:
        found = tracks(file)
    return found[stream.index].layer if stream.index < len(found) else ""


def _with_rate(picture: Picture, times: list[float]) -> Picture:
    """Replace an implausible rate by one from the timestamps (for DV ffmpeg gives its time base)."""
    if picture.rate is None or picture.rate <= _FASTEST or len(times) < 2:
        return picture
    counted = Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)
    return replace(picture, rate=counted)


def _subsampling(form: Any, components: list[Any]) -> str:
    if form.is_rgb or len(components) < 3:
        return "444" if form.is_rgb else ""
    luma, chroma = components[0], components[1]
    if chroma.width == luma.width:
        return "444" if chroma.height == luma.height else "440"
    return "422" if chroma.height == luma.height else "420"


def _colour(frame: Any) -> ClipColour:
    return ClipColour(
        _RANGES.get(int(frame.color_range), ""),
        _PRIMARIES.get(int(frame.color_primaries), ""),
        _TRANSFERS.get(int(frame.color_trc), ""),
        _MATRICES.get(int(frame.colorspace), ""),
    )


def _orientation(frame: Any) -> int:
    """The display matrix as an EXIF orientation; angles other than multiples of 90° count as upright."""
    data = side_data(frame, "DISPLAYMATRIX").get("DISPLAYMATRIX")
    if data is not None:
        a, b, _, c, d = struct.unpack("<5i", data[:20])
        return _ORIENTATIONS.get((_sign(a), _sign(b), _sign(c), _sign(d)), 1)
    return 1


def _sign(number: int) -> int:
    return 0 if number == 0 else 1 if number > 0 else -1


class _Oddities(NamedTuple):
    """Unusual properties of the packets, as named in `Clip`."""

    hidden: int
    doubled: bool
    disordered: bool


class _Packets(NamedTuple):
    """What the packets say about the frames."""

    times: tuple[float, ...]
    """Of the frames in order, in seconds."""
    origins: tuple[float, ...]
    """As in `Clip`."""
    last: float
    """Duration of the last frame."""


def _packets(container: Any, chosen: Any, clock: TimestampCorrector) -> tuple[_Packets, _Oddities]:
    """Timestamps of the frames, and unusual properties."""
    stamps: list[tuple[int, int | None]] = []
    """Of each frame, and of the key frame from which it can be decoded, in decoding order."""
    keys: list[int] = []
    in_order = container.format.name != "avi"  # AVI packets have only an index
    count = discarded = 0
    last, length, disordered = -1, 0, False
    for packet in container.demux(clock.streams(container, chosen)):
        clock.correct(packet)
        if not packet.size or packet.stream.index != chosen.index:
            continue
        stamp = packet.pts if packet.pts is not None and in_order else packet.dts
        if stamp is not None and packet.is_keyframe:
            keys.append(stamp)
        if packet.is_discard:
            discarded += 1
            continue
        count += 1
        disordered |= packet.pts is not None and packet.dts is not None and packet.pts < packet.dts
        if stamp is not None:
            # a frame that is shown before the key frame in front of it refers to the one before as well
            stamps.append((stamp, next((key for key in reversed(keys) if key <= stamp), None)))
            if stamp > last:
                last, length = stamp, packet.duration or 0
    base = chosen.time_base
    if len(stamps) != count:  # some containers omit what can be computed
        rate = chosen.average_rate or chosen.guessed_rate or 25
        even = tuple(float(number / rate) for number in range(count))
        return _Packets(even, (), 0.0), _Oddities(discarded, False, False)
    doubled = len({stamp for stamp, _ in stamps}) < len(stamps)
    stamps.sort(key=lambda pair: pair[0])
    times = tuple(float(stamp * base) for stamp in _apart(stamp for stamp, _ in stamps))
    seconds = {key: float(key * base) for key in keys}
    # frames in front of the first key frame are decoded from the beginning
    origins = tuple(-math.inf if key is None else seconds[key] for _, key in stamps)
    oddities = _Oddities(discarded, doubled, disordered and in_order)
    return _Packets(times, origins, float(length * base)), oddities


def _before(packets: _Packets, first: float, unsure: int) -> int:
    """Number of frames before the first one that a decoder returns, which has the time `first`."""
    return 0 if unsure or not packets.origins else bisect_left(packets.times, first - TICK)


def _apart(stamps: Iterable[int]) -> Iterator[int]:
    """Timestamps, of which a duplicate is moved by one tick."""
    last = -1 << 62
    for stamp in stamps:
        last = max(stamp, last + 1)
        yield last


def _without_empty(file: BinaryIO, chosen: Any, times: list[float]) -> tuple[int, float]:
    """Number of frames of an AVI without its empty chunks, and the duration of the last one."""
    length = float(chosen.time_base)
    empty = max(empty_chunks(file, chosen.index), missing_frames(times, length))
    claimed = chosen.frames - empty
    after = chosen.frames - 1 - round(times[-1] / length) if claimed == len(times) > 0 else 0
    return claimed, (1 + max(after, 0)) * length


def _is_variable(times: Sequence[float], tick: float) -> bool:
    steps = sorted(after - before for before, after in pairwise(times))
    if len(steps) < 3:
        return False
    middle = steps[len(steps) // 2]
    # The container rounds every timestamp to one of its ticks.
    return steps[-1] - steps[0] > max(UNEVEN * middle, 2.5 * tick)
