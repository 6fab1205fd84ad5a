"""The audio of a clip as a file: copied where the format takes the codec, else encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgpar.core.errors import (
    EncodeError,
    TransformError,
    setting,
)
from imgpar.formats.options import EncodeOptions
from imgpar.video.clip import Clip, Stream
from imgpar.video.demux import open_clip
from imgpar.video.encoders import first_available
from imgpar.video.ffmpeg import Ffmpeg, guarded
from imgpar.video.native import check_exit
from imgpar.video.tags import is_stripped, new_tags
from imgpar.video.timing import Timing

SHORT = 0.2
"""Tolerance in seconds for the duration of a track: packet boundaries and encoder padding."""
_DEFAULT_QUALITY = 80
_DEEP = ("s32", "s32p", "s64", "s64p")
"""Integer sample formats of more than 16 bits."""


@dataclass(frozen=True, slots=True)
class _Sound:
    """An audio format."""

    muxer: str
    copied: frozenset[str]
    """Codecs that may be copied."""
    encoders: tuple[str, ...]
    bitrate: int = 0
    """kb/s per channel at the default quality; 0 for lossless codecs."""
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
    """The selected audio track, and how it is written."""

    stream: Stream
    seconds: float
    """Its duration."""
    format: str
    """Name of the demuxer for PyAV."""
    arguments: tuple[str, ...]
    """Arguments of ffmpeg without the output."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    """Keys of metadata that are written on request, and their fields."""


def plan_track(clip: Clip, target: str, options: EncodeOptions) -> _ChosenTrack:
    """Select the audio track of a clip, and how it is written.

    Args:
        clip: from `probe`; with its loudness measured if that is to be normalised.
        target: name of an audio format.
        options: `trim`, `speed`, `loudnorm`, `quality`, `effort` and `strip` are used.

    Raises:
        TransformError: the clip has no audio, or none in the requested part.
    """
    tracks = clip.of_kind("audio")
    if not tracks:
        raise TransformError("It has no audio.", fix="Leave it out, or choose a format for its pictures.")
    stream = next((track for track in tracks if track.default), tracks[0])
    form, timing = _FORMATS[target], Timing.of(options)
    loudness = clip.loudness.get(stream.index, "")
    with open_clip(clip.path) as container:
        end, deep = _facts(container, stream.index)
    seconds = (min(end - clip.start, timing.stop) - timing.start) / timing.speed
    if seconds <= 0:
        raise TransformError(
            f"No audio is left: it ends after {end:.2f} seconds.", fix=f"Choose another {setting('trim')}."
        )
    whole = not loudness and timing.speed == 1
    copied = stream.codec in form.copied and whole and options.quality is None
    filters = [] if copied else timing.sound_filters(loudness)
    codec = "copy" if copied else _encoder(form, deep=deep)
    arguments = [*timing.input_options, *guarded(clip.path, clip.demuxer), "-map", f"0:{stream.index}", "-vn"]
    arguments += ["-c:a", codec, *([] if copied else _encoded(form, stream, options, deep=deep))]
    arguments += timing.stream_options("audio", "a:0", copied=True) if copied else []
    arguments += ["-filter:a", ",".join(filters)] if filters else []
    new = new_tags(clip.metadata, options.edits, options.strip, clip.name or clip.path)
    arguments += [*_metadata(clip, options.strip), *new.options, *form.options, *timing.output_options]
    arguments += ["-f", form.muxer]
    others = tuple(track.words for track in tracks if track is not stream)
    notes = new.notes if copied else (*new.notes, f"{stream.words} converted with {codec}")
    lost, read_as = (*others, *new.lost), _READ_AS.get(target, target)
    return _ChosenTrack(stream, seconds, read_as, tuple(arguments), lost, notes, new.written)


def write_track(track: _ChosenTrack, output: str, accept_damaged: bool = False) -> tuple[str, ...]:
    """Write a track and check the duration of the result; returns the fields of the metadata that it lacks.

    Raises:
        EncodeError: the file is shorter or longer than the track.
        ItemError: as `check_exit`.
    """
    import av

    child = Ffmpeg([*track.arguments, f"file:{output}"])
    check_exit(child.wait(), child.lines)
    with av.open(f"file:{output}", format=track.format) as container:
        found, _ = _facts(container, 0)
        keys = {*container.metadata, *container.streams[0].metadata}
    if abs(found - track.seconds) > max(SHORT, track.seconds / 200) and not accept_damaged:
        raise EncodeError(f"{found:.2f} of {track.seconds:.2f} seconds of audio were written.")
    here = {key.lower().partition("-")[0] for key in keys}
    return tuple(dict.fromkeys(field for key, field in track.tags if key not in here))


def _facts(container: Any, index: int) -> tuple[float, bool]:
    """End of the packets of a stream in seconds, and whether its samples have more than 16 bits."""
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
