"""The sound of a clip as a file of its own: copied where the format takes it, encoded where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgpar.core.errors import EncodeError, TransformError
from imgpar.formats.options import EncodeOptions
from imgpar.video.clip import Clip, Stream
from imgpar.video.demux import open_clip
from imgpar.video.encoders import first_available
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.native import check_exit
from imgpar.video.streams import is_stripped
from imgpar.video.timing import Timing

SHORT = 0.2
"""Seconds by which a written track may differ from what was asked for: some packets, and encoders add."""
_DEFAULT_QUALITY = 80
_DEEP = ("s32", "s32p", "s64", "s64p")
"""Sample formats of more than 16 bits that hold whole numbers."""


@dataclass(frozen=True, slots=True)
class _Sound:
    """A format of sound alone."""

    muxer: str
    copied: frozenset[str]
    """Codecs that it takes as they are."""
    encoders: tuple[str, ...]
    bitrate: int = 0
    """Kilobits per second and channel at the usual quality; 0 for codecs without loss."""
    options: tuple[str, ...] = ()


_FORMATS = {
    "m4a": _Sound("ipod", frozenset({"aac", "alac"}), ("aac",), 80, ("-movflags", "+faststart")),
    "mp3": _Sound("mp3", frozenset({"mp3"}), ("libmp3lame",), 96),
    "wav": _Sound("wav", frozenset({"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8"}),
                  ("pcm_s16le",), options=("-rf64", "auto")),
    "flac": _Sound("flac", frozenset({"flac"}), ("flac",)),
}  # fmt: skip


_READ_AS = {"m4a": "mov"}


@dataclass(frozen=True, slots=True)
class _ChosenTrack:
    """The track that is taken, and how."""

    stream: Stream
    seconds: float
    """How long it will be."""
    format: str
    """How PyAV reads it."""
    arguments: tuple[str, ...]
    """Of ffmpeg, but for the name of the output."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_track(clip: Clip, target: str, options: EncodeOptions) -> _ChosenTrack:
    """Choose the track of a clip, and how it is written.

    Args:
        clip: from `probe`; with its loudness measured where that is to be changed.
        target: name of a format of sound.
        options: `trim`, `speed`, `loudnorm`, `quality`, `effort` and `strip` are obeyed.

    Raises:
        TransformError: the clip has no sound, or none in the part that is wanted.
    """
    tracks = clip.of_kind("audio")
    if not tracks:
        raise TransformError("It has no sound.", fix="Leave it out, or choose a format for its pictures.")
    stream = next((track for track in tracks if track.default), tracks[0])
    form, timing = _FORMATS[target], Timing.of(options)
    loudness = clip.loudness.get(stream.index, "")
    with open_clip(clip.path) as container:
        end, deep = _facts(container, stream.index)
    seconds = (min(end - clip.start, timing.stop) - timing.start) / timing.speed
    if seconds <= 0:
        raise TransformError(
            f"No sound is left: it ends after {end:.2f} seconds.", fix="Choose another --trim."
        )
    whole = not loudness and timing.speed == 1
    copied = stream.codec in form.copied and whole and options.quality is None
    filters = [] if copied else timing.sound_filters(loudness)
    codec = "copy" if copied else _encoder(form, deep=deep)
    arguments = [*timing.input_options, *guarded(clip.path, clip.demuxer), "-map", f"0:{stream.index}", "-vn"]
    arguments += ["-c:a", codec, *([] if copied else _encoded(form, stream, options, deep=deep))]
    arguments += timing.stream_options("audio", "a:0", copied=True) if copied else []
    arguments += ["-filter:a", ",".join(filters)] if filters else []
    arguments += [*_metadata(clip, options.strip), *form.options, *timing.output_options, "-f", form.muxer]
    others = tuple(track.words for track in tracks if track is not stream)
    notes = () if copied else (f"{stream.words} converted with {codec}",)
    return _ChosenTrack(stream, seconds, _READ_AS.get(target, target), tuple(arguments), others, notes)


def write_track(track: _ChosenTrack, output: str, accept_damaged: bool = False) -> None:
    """Write a track and measure what came out.

    Raises:
        EncodeError: the file is shorter or longer than the track.
        ItemError: as `check_exit`.
    """
    import av

    child = Ffmpeg([*track.arguments, f"file:{output}"])
    check_exit(child.wait(), child.lines)
    with av.open(f"file:{output}", format=track.format) as container:
        found, _ = _facts(container, 0)
    if abs(found - track.seconds) > max(SHORT, track.seconds / 200) and not accept_damaged:
        raise EncodeError(f"{found:.2f} of {track.seconds:.2f} seconds of sound arrived.")


def _facts(container: Any, index: int) -> tuple[float, bool]:
    """When the packets of a stream end, in seconds, and whether its samples have more than 16 bits."""
    stream = container.streams[index]
    form = getattr(stream.codec_context, "format", None)
    end = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end, getattr(form, "name", "") in _DEEP


def _encoder(form: _Sound, *, deep: bool) -> str:
    return "pcm_s24le" if deep and form.muxer == "wav" else first_available(form.encoders)


def _encoded(form: _Sound, stream: Stream, options: EncodeOptions, *, deep: bool) -> list[str]:
    if form.muxer == "flac":
        level = [] if options.effort is None else ["-compression_level", str(options.effort)]
        return [*level, "-sample_fmt", "s32" if deep else "s16"]
    if not form.bitrate:
        return []
    rate = form.bitrate * max(1, stream.channels) * (options.quality or _DEFAULT_QUALITY) // _DEFAULT_QUALITY
    return ["-b:a", f"{min(max(rate, 32), 320 if form.muxer == 'mp3' else 512)}k"]


def _metadata(clip: Clip, strip: str) -> list[str]:
    if strip in ("exif", "all"):
        return ["-map_metadata", "-1", "-map_metadata:s", "-1"]
    stripped = [key for key in clip.metadata if is_stripped(key, strip)]
    return [option for key in stripped for option in ("-metadata", f"{key}=")]
