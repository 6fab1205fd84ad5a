"""Reads what is in a clip, with PyAV: every packet is seen, one frame is decoded (for its rotation).

Frames are counted, never computed from a rate: the container's own table where it has one, and the packets
of the stream. When the two differ the file is truncated.
"""

from __future__ import annotations

import codecs
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from imgpar.codecs.base import check_size
from imgpar.codecs.formats import peek, sniff
from imgpar.errors import DamagedError, MissingExtraError, SourceError, UnknownFormatError
from imgpar.model import Limits
from imgpar.video.avi import empty_chunks, gaps
from imgpar.video.clip import Clip, Picture, Stream, StreamKind
from imgpar.video.side_data import side_data

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,mxf,ogg,dv"
"""Containers that may be opened: playlists, which name other files, are not among them."""

_TAGS = (b"Exif\0", b"eXIf", b"x:xmpmeta")
"""Marks of EXIF and XMP in a JPEG or PNG."""
_UNKNOWN = "Its content is no clip that imgpar knows."
_MISNAMED = "It may be a playlist, or misnamed."
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
"""Signs of the matrix that maps stored to shown coordinates → EXIF orientation."""
_LATIN_1 = "imgpar.latin_1"
codecs.register_error(_LATIN_1, lambda error: _as_latin_1(error))
"""Metadata that are no UTF-8 are taken for Latin-1, as in old 3GP and AVI files."""
_DELAYED = ("h264", "hevc")
"""Codecs whose frames ffmpeg labels one too late in an AVI, also where none is out of order."""
UNEVEN = 0.1
"""Part of a frame's time by which a frame may be off before the rate counts as variable."""


def probe(path: str, limits: Limits | None = None) -> Clip:
    """Describe a clip.

    Raises:
        UnknownFormatError: it is no clip, or has no video stream.
        DamagedError: it cannot be opened, or its first frame cannot be decoded.
        LimitError: its frames are larger than `limits` allow.
        MissingExtraError: PyAV is not installed.
    """
    limits = limits or Limits(max_pixels=1 << 62)
    with opened(path) as container:
        streams = tuple(_stream(stream) for stream in container.streams)
        chosen = best(container, streams)
        check_size(chosen.width, chosen.height, limits)
        streams = tuple(_with_tags(container, stream) for stream in streams)
        picture = _picture(container, chosen, streams[chosen.index])
        _rewind(container, chosen)
        times, discarded, last, doubled = _times(container, chosen)
        # An edit list leaves some samples of the table out, and hides others.
        edited = "mov" in container.format.name and chosen.index_entries
        promised = len(chosen.index_entries) if edited else chosen.frames
        claimed = promised - discarded if chosen.frames else 0
        row = container.format.name == "avi"
        if row and claimed > len(times):
            claimed, last = _without_empty(path, chosen, times)
        duration = container.duration
        return Clip(
            path,
            container.format.name,
            float(duration / 1_000_000) if duration else 0.0,
            picture,
            streams,
            (container.start_time or 0) / 1_000_000,
            len(container.chapters()),
            dict(container.metadata),
            max(claimed, 0),
            tuple(times),
            last,
            _is_variable(times, 0.0 if row else float(chosen.time_base)),
            row and (chosen.codec_context.has_b_frames > 0 or chosen.codec_context.name in _DELAYED),
            discarded,
            doubled,
        )


@contextmanager
def opened(path: str, demuxers: str = DEMUXERS) -> Iterator[Any]:
    """The clip as a PyAV container; other files that it may name are never opened."""
    try:
        import av
    except ImportError:
        raise MissingExtraError(
            "Clips need a package that is not installed.", fix="Run: pip install av"
        ) from None
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise SourceError(f"It cannot be read: {error.strerror}.") from None
    with file:
        if not os.fstat(file.fileno()).st_size:
            raise UnknownFormatError("The file is empty.")
        try:
            allowed = {"format_whitelist": demuxers}
            container = av.open(file, container_options=allowed, metadata_errors=_LATIN_1)
        except (av.error.ArgumentError, av.error.PermissionError) as error:
            raise UnknownFormatError(_UNKNOWN, fix=_MISNAMED) from error
        except av.error.FFmpegError as error:
            if sniff(_head(path)) is None:
                raise UnknownFormatError(_UNKNOWN, fix=_MISNAMED) from error
            raise DamagedError(f"This clip is truncated or corrupt: {error.strerror}.") from error
        with container:
            try:
                yield container
            except av.error.FFmpegError as error:
                raise DamagedError(f"This clip is truncated or corrupt: {error.strerror}.") from error


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Those bytes of a text that are no UTF-8, as the error handler of a decoder."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return peek(file.read)


def best(container: Any, streams: tuple[Stream, ...]) -> Any:
    """The video stream that ffmpeg would take: the largest, defaults first; never a cover picture."""
    found = [
        stream for stream in container.streams.video if streams[stream.index].kind == "video" and stream.width
    ]
    if not found:
        covers = any(stream.kind == "cover" for stream in streams)
        what = "only a cover picture" if covers else "no video stream"
        raise UnknownFormatError(f"It has {what}.", fix="Leave it out, or name the file by what it is.")
    return max(
        found, key=lambda stream: stream.width * stream.height + 5_000_000 * streams[stream.index].default
    )


def _stream(stream: Any) -> Stream:
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
    )


def _with_tags(container: Any, stream: Stream) -> Stream:
    if stream.kind != "cover":
        return stream
    packet = next(container.demux(container.streams[stream.index]), None)
    _rewind(container, container.streams[stream.index])
    content = bytes(packet) if packet is not None else b""
    return replace(stream, tagged=any(mark in content for mark in _TAGS))


def _rewind(container: Any, stream: Any) -> None:
    """Back to the first packet."""
    first = stream.index_entries[0].timestamp if stream.index_entries else 0
    try:
        if first < 0:  # an edit list hides what is before zero
            container.seek(first, stream=stream)
        else:
            container.seek(0)
    except PermissionError:  # its index begins later
        container.seek(first, stream=stream)


def _picture(container: Any, chosen: Any, stream: Stream) -> Picture:
    """The chosen stream with what only its first frame says."""
    chosen.codec_context.thread_count = 1
    frame = next(container.decode(chosen), None)
    if frame is None:
        raise DamagedError("This clip is truncated or corrupt: no frame could be decoded.")
    components = [frame.format.components[k] for k in range(len(frame.format.components))]
    transparent = {key.lower(): value for key, value in chosen.metadata.items()}.get("alpha_mode") == "1"
    return Picture(
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
    )


def _subsampling(form: Any, components: list[Any]) -> str:
    if form.is_rgb or len(components) < 3:
        return "444" if form.is_rgb else ""
    luma, chroma = components[0], components[1]
    if chroma.width == luma.width:
        return "444" if chroma.height == luma.height else "440"
    return "422" if chroma.height == luma.height else "420"


def _colour(frame: Any) -> dict[str, str]:
    found = {
        "range": _RANGES.get(int(frame.color_range)),
        "primaries": _PRIMARIES.get(int(frame.color_primaries)),
        "transfer": _TRANSFERS.get(int(frame.color_trc)),
        "matrix": _MATRICES.get(int(frame.colorspace)),
    }
    return {key: value for key, value in found.items() if value}


def _orientation(frame: Any) -> int:
    """What the display matrix says, as an EXIF orientation; other angles than quarters count as upright."""
    data = side_data(frame, "DISPLAYMATRIX").get("DISPLAYMATRIX")
    if data is not None:
        a, b, _, c, d = struct.unpack("<5i", data[:20])
        return _ORIENTATIONS.get((_sign(a), _sign(b), _sign(c), _sign(d)), 1)
    return 1


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _times(container: Any, chosen: Any) -> tuple[list[float], int, float, bool]:
    """When each frame is shown, in order; how many packets an edit list hides; how long the last frame is;
    whether some would be shown at the same time."""
    stamps: list[int] = []
    in_order = container.format.name != "avi"  # whose packets have only a place in a row
    count = discarded = 0
    last, length = -1, 0
    for packet in container.demux(chosen):
        if not packet.size:
            continue
        if packet.is_discard:
            discarded += 1
            continue
        count += 1
        stamp = packet.pts if packet.pts is not None and in_order else packet.dts
        if stamp is not None:
            stamps.append(stamp)
            if stamp > last:
                last, length = stamp, packet.duration or 0
    base = chosen.time_base
    if len(stamps) != count:  # some containers leave out what can be computed
        rate = chosen.average_rate or chosen.guessed_rate or 25
        return [float(number / rate) for number in range(count)], discarded, 0.0, False
    doubled = len(set(stamps)) < len(stamps)
    return [float(stamp * base) for stamp in _apart(stamps)], discarded, float(length * base), doubled


def _apart(stamps: list[int]) -> Iterator[int]:
    """Sorted time stamps; one that is there already becomes a tick later."""
    last = -1 << 62
    for stamp in sorted(stamps):
        last = max(stamp, last + 1)
        yield last


def _without_empty(path: str, chosen: Any, times: list[float]) -> tuple[int, float]:
    """Frames that an AVI promises where its empty chunks are not counted, and how long the last one is."""
    length = float(chosen.time_base)
    with open(path, "rb") as file:
        empty = max(empty_chunks(file, chosen.index), gaps(times, length))
    claimed = chosen.frames - empty
    after = chosen.frames - 1 - round(times[-1] / length) if claimed == len(times) > 0 else 0
    return claimed, (1 + max(after, 0)) * length


def _is_variable(times: list[float], tick: float) -> bool:
    steps = sorted(after - before for before, after in pairwise(times))
    if len(steps) < 3:
        return False
    middle = steps[len(steps) // 2]
    # A container's clock rounds every time stamp to one of its ticks.
    return steps[-1] - steps[0] > max(UNEVEN * middle, 2.5 * tick)
