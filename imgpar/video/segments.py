"""Encodes a long clip in parts: each begins at a key frame of the source and is encoded separately, then they
are joined.

source ─► ffmpeg -ss … -t … ─► part 0, part 1 …     video only, with the timestamps of the source
parts  ─► packets, unchanged ─► pipe ─► ffmpeg -c copy ─► new file
                   audio, subtitles … of the source ─┘
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from imgpar.core.errors import ItemError
from imgpar.video.clip import Clip
from imgpar.video.demux import open_clip
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.native import (
    check_exit,
    decoder_options,
    encode_options,
    filter_options,
    output_options,
    stream_options,
    tag_options,
)
from imgpar.video.plan import ClipPlan
from imgpar.video.transport_stream import JUMPING

LONG = 120.0
"""Minimum duration in seconds of a clip that is encoded in parts."""
PART = 60.0
"""Minimum duration of a part, in seconds."""
_ENCODERS = ("libx264", "libx265")
"""Encoders whose streams can be joined packet by packet."""


@dataclass(frozen=True, slots=True)
class Part:
    """A range of frames in presentation order."""

    first: int
    stop: int


def may_be_cut(plan: ClipPlan, clip: Clip) -> bool:
    """Whether a clip is long enough, and encoding in parts gives an equivalent result."""
    return (
        plan.way == "native"
        and plan.encoding is not None
        and plan.encoding.encoder in _ENCODERS
        and plan.container.variable
        and plan.timing.idle
        and not (clip.before or clip.lingers or clip.demuxer in JUMPING)
        and clip.frames == len(clip.times)
        and clip.times[-1] - clip.times[0] >= LONG
    )


def parts_of(clip: Clip) -> list[Part]:
    """The parts of a clip; a single one where its key frames are too far apart."""
    half = float(clip.picture.time_base) / 2
    cuts, begin = [0], clip.times[0]
    keys, number = _key_times(clip), 0
    for key in keys:
        if key - begin < PART or clip.times[-1] - key < PART / 2:
            continue
        while clip.times[number] < key - half:
            number += 1
        cuts.append(number)
        begin = key
    return [Part(first, stop) for first, stop in pairwise([*cuts, len(clip.times)])]


def _key_times(clip: Clip) -> list[float]:
    with open_clip(clip.path) as container:
        stream = container.streams[clip.picture.stream.index]
        packets = (packet for packet in container.demux(stream) if packet.size and packet.is_keyframe)
        stamps = [packet.pts for packet in packets if packet.pts is not None and not packet.is_discard]
        return sorted(float(stamp * stream.time_base) for stamp in stamps)


def part_arguments(
    plan: ClipPlan, clip: Clip, part: Part, output: str, threads: int, decoders: int
) -> list[str]:
    """Arguments of ffmpeg for one part: no audio, and timestamps as in the source.

    Args:
        plan: of the clip.
        clip: the source.
        part: range of frames.
        output: path of the file of the part.
        threads: of encoder and filters.
        decoders: threads of the decoder; 0 is automatic.
    """
    half = float(clip.picture.time_base) / 2
    arguments = ["-threads", str(decoders), *decoder_options(clip), "-copyts"]
    if part.first:
        arguments += ["-ss", f"{clip.times[part.first] - clip.start - half:.6f}"]
    if part.stop < len(clip.times):
        arguments += ["-t", f"{clip.times[part.stop] - clip.times[part.first] - half:.6f}"]
    arguments += [*guarded(clip.path), "-map", f"0:{clip.picture.stream.index}"]
    arguments += filter_options(plan, clip, threads)
    encoder = encode_options(plan, clip, threads)
    if "-tag:v:0" in encoder:  # set by the container
        place = encoder.index("-tag:v:0")
        encoder = [*encoder[:place], *encoder[place + 2 :]]
    rest = ["-map_metadata", "-1", "-avoid_negative_ts", "disabled", "-f", "nut", f"file:{output}"]
    return [*arguments, *encoder, *rest]


def is_whole(path: str, clip: Clip, part: Part) -> bool:
    """Whether a file holds every frame of a part with its timestamp."""
    try:
        with open_clip(path, "nut") as container:
            found = sorted(stamp for stamp, _ in _packets(container, clip))
    except (ItemError, OSError):
        return False
    base = clip.picture.time_base
    return found == [round(time / base) for time in clip.times[part.first : part.stop]]


def join_parts(plan: ClipPlan, clip: Clip, files: Sequence[str], output: str) -> tuple[str, ...]:
    """Join the parts, and add all other streams.

    Args:
        plan: of the clip.
        clip: the source.
        files: paths of the parts, in order.
        output: path of the new file.

    Returns:
        The log lines of ffmpeg.

    Raises:
        ItemError, RunError: as `check_exit`.
    """
    import av

    child = Ffmpeg(_join_arguments(plan, clip, output), feed=True)
    try:
        with av.open(child.stdin, "w", format="nut") as whole:
            _send(whole, clip, files)
        child.stdin.close()
    except (OSError, av.error.FFmpegError):
        check_exit(child.wait() or 1, child.lines)
    except BaseException:
        child.kill()
        raise
    check_exit(child.wait(), child.lines)
    return tuple(child.lines)


def _join_arguments(plan: ClipPlan, clip: Clip, output: str) -> list[str]:
    late = clip.times[0] - clip.start  # both inputs are shifted to start at zero
    arguments = ["-protocol_whitelist", "pipe", "-itsoffset", f"{late:.6f}", "-f", "nut", "-i", "pipe:0"]
    codec = "hevc" if plan.encoding and plan.encoding.encoder == "libx265" else ""
    arguments += [
        *guarded(clip.path, clip.demuxer),
        "-map",
        "0:v:0",
        "-c:v:0",
        "copy",
        *tag_options(plan, codec),
    ]
    return [*arguments, *stream_options(plan, 1), *output_options(plan, output)]


def _send(whole: Any, clip: Clip, files: Sequence[str]) -> None:
    """Send all packets in order; decoding times follow from all presentation times."""
    base = clip.picture.time_base
    decoded = _decoding_times(clip, files)
    stream: Any = None
    for file in files:
        with open_clip(file, "nut") as container:
            if stream is None:
                stream = whole.add_stream_from_template(container.streams.video[0])
                stream.time_base = base
            for stamp, packet in _packets(container, clip):
                packet.time_base, packet.pts, packet.dts = base, stamp, next(decoded)
                packet.stream = stream
                whole.mux(packet)


def _decoding_times(clip: Clip, files: Sequence[str]) -> Iterator[int]:
    """Latest possible, increasing decoding times: a frame is decoded at the presentation time of the frame
    that is as many places earlier as the reorder depth."""
    stamps = list[int]()
    for file in files:
        with open_clip(file, "nut") as container:
            stamps += [stamp for stamp, _ in _packets(container, clip)]
    shown = sorted(stamps)
    places = {stamp: place for place, stamp in enumerate(shown)}
    delay = max(number - places[stamp] for number, stamp in enumerate(stamps))
    step = shown[1] - shown[0]
    yield from (shown[0] - step * (delay - number) for number in range(delay))
    yield from shown[: len(shown) - delay]


def _packets(container: Any, clip: Clip) -> Iterator[tuple[int, Any]]:
    base = clip.picture.time_base
    for packet in container.demux(video=0):
        if packet.size:
            yield round(packet.pts * packet.time_base / base), packet
