"""Streams other than the picture, chapters and metadata."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from imgpar.core.errors import (
    EncodeError,
    setting,
)
from imgpar.formats.options import EncodeOptions
from imgpar.video.clip import Clip, Stream
from imgpar.video.containers import TEXT_SUBTITLES, Container
from imgpar.video.encoders import first_available
from imgpar.video.tags import is_stripped, new_tags
from imgpar.video.timecode import advanced
from imgpar.video.timing import Timing

_ENCODERS = {"aac": ("aac",), "opus": ("libopus", "opus")}
_FILE_FACTS = ("major_brand", "minor_version", "compatible_brands")
"""Metadata of the old file that would be wrong in the new one."""
_BITRATES = {"aac": 80, "libopus": 64, "opus": 64, "libmp3lame": 96, "libvorbis": 64, "ac3": 96}
"""kb/s per channel."""


@dataclass(frozen=True, slots=True)
class Streams:
    """ffmpeg options for all streams but the picture, and what is lost."""

    options: tuple[str, ...] = ()
    """`{source}` stands for the index of the input with the streams."""
    kept: tuple[Stream, ...] = ()
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    timecode: str = ""
    """SMPTE timecode of the first frame of the new clip."""
    stripped: frozenset[str] = frozenset()
    """Keys of metadata that are removed on request, in lower case."""
    tags: tuple[tuple[str, str], ...] = ()
    """Keys of metadata that are written on request, and their fields."""


def plan_streams(clip: Clip, container: Container, settings: EncodeOptions) -> Streams:
    """Copy the streams that the container takes, convert others, and list what is lost."""
    strip, timing = settings.strip, Timing.of(settings)
    options, kept, lost, notes = list[str](), list[Stream](), list[str](), list[str]()
    numbers = {"audio": 0, "subtitle": 0}
    for stream in clip.of_kind("audio", "subtitle"):
        letter = stream.kind[0]
        if stream.kind == "audio" and settings.audio == "none":
            continue
        even = settings.loudnorm and stream.kind == "audio"
        codec = _codec(stream, container, settings.audio, timing, even=even)
        if not codec:
            lost.append(stream.words)
            continue
        number = numbers[stream.kind]
        numbers[stream.kind] += 1
        kept.append(stream)
        options += ["-map", f"{{source}}:{stream.index}", f"-c:{letter}:{number}", codec]
        options += timing.stream_options(stream.kind, f"{letter}:{number}", copied=codec == "copy")
        if codec != "copy":
            notes.append(f"{stream.words} converted with {codec}")
        if codec != "copy" and stream.kind == "audio":
            options += _audio_options(codec, number, stream, timing, clip.loudness.get(stream.index, ""))
        if strip in ("exif", "all") and stream.language:
            options += [f"-metadata:s:{letter}:{number}", f"language={stream.language}"]
    others = _others(clip, container, settings, options, kept)
    lost += [f"video stream {stream.index}" for stream in clip.of_kind("video") if stream not in kept]
    lost += _still(clip, container, options, kept, 1 + others, strip=strip)
    lost += _data(clip)
    stripped = [key for key in clip.metadata if is_stripped(key, strip)]
    chapters = container.chapters and timing.speed == 1
    options += _metadata(clip, container, strip, stripped, chapters=chapters)
    if clip.chapters and not chapters:
        lost.append("chapters")
    new = new_tags(clip.metadata, settings.edits, strip, clip.name or clip.path)
    options += new.options
    code = "" if strip in ("exif", "all") else _timecode(clip, timing)
    if code and not container.timecode:
        lost.append("timecode")
    code = code if container.timecode else ""
    options += ["-metadata:s:v:0", f"timecode={code}"] if code else []
    gone = frozenset(key.lower() for key in stripped) | new.removed
    losses = tuple(dict.fromkeys((*lost, *new.lost)))
    return Streams(tuple(options), tuple(kept), losses, (*notes, *new.notes), code, gone, new.written)


def _timecode(clip: Clip, timing: Timing) -> str:
    """Timecode of the first frame that is kept."""
    rate = clip.picture.rate
    if not clip.timecode or rate is None or not clip.times:
        return clip.timecode
    begin, half = timing.window(clip)[0], float(clip.picture.time_base) / 2
    first = next((time for time in clip.times if time >= begin - half), clip.times[0])
    new = Fraction(timing.fps).limit_denominator(1001) if timing.fps else None
    return advanced(clip.timecode, first - clip.times[0], rate, new)


def _codec(stream: Stream, container: Container, wanted: str, timing: Timing, *, even: bool) -> str:
    """The treatment of an audio or subtitle stream: "copy", an encoder, or an empty string."""
    if stream.kind == "subtitle":
        if timing.speed != 1:
            return ""
        if stream.codec in container.subtitles:
            return "copy"
        return container.subtitle_encoder if stream.codec in TEXT_SUBTITLES else ""
    if stream.codec == "unknown":
        return ""
    if wanted != "copy" and wanted not in container.audio:
        raise EncodeError(
            f"{container.name} holds no {wanted}.",
            fix=f"Choose another {setting('audio')} or {setting('to')}.",
        )
    keep = stream.codec in container.audio if wanted == "copy" else stream.codec == wanted
    if keep and timing.speed == 1 and not even:
        return "copy"
    return first_available(_ENCODERS.get(wanted, container.audio_encoders))


def audio_options(stream: Stream, container: Container) -> tuple[str, ...]:
    """Options for the only audio stream of a clip: copied if the container takes its codec, else encoded."""
    codec = _codec(stream, container, "copy", Timing(), even=False)
    if not codec:
        raise EncodeError(
            "There is no decoder for this audio.", fix="Convert it with the program that made it."
        )
    encoded = [] if codec == "copy" else _audio_options(codec, 0, stream, Timing(), "")
    return ("-c:a:0", codec, *encoded)


def _audio_options(codec: str, number: int, stream: Stream, timing: Timing, loudness: str) -> list[str]:
    options = (
        [f"-b:a:{number}", f"{_BITRATES[codec] * max(1, stream.channels)}k"] if codec in _BITRATES else []
    )
    filters = timing.sound_filters(loudness)
    if loudness and stream.rate and codec != "libopus":
        options += [f"-ar:a:{number}", str(stream.rate)]  # the filter may work at 192 kHz
    if codec == "libopus" and stream.channels > 2:
        # The encoder rejects layouts that differ only in the position of the rear speakers.
        filters.append("aformat=channel_layouts=7.1|5.1|quad|stereo|mono")
    return [*options, *([f"-filter:a:{number}", ",".join(filters)] if filters else [])]


def _others(
    clip: Clip, container: Container, settings: EncodeOptions, options: list[str], kept: list[Stream]
) -> int:
    """The other video streams, where all are requested: copied if the container takes them."""
    number, timing = 0, Timing.of(settings)
    for stream in clip.of_kind("video") if settings.map == "all" else ():
        number += 1
        whole = timing.idle and stream.codec in container.video
        codec = "copy" if whole else first_available(container.encoders)
        options += ["-map", f"{{source}}:{stream.index}", f"-c:v:{number}", codec]
        if not whole:
            chain = ",".join([*timing.other_filters, "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0"])
            options += [f"-filter:v:{number}", chain, f"-pix_fmt:v:{number}", "yuv420p"]
        options += [f"-disposition:v:{number}", "0"]
        kept.append(stream)
    return number


def _still(
    clip: Clip, container: Container, options: list[str], kept: list[Stream], video: int, *, strip: str
) -> list[str]:
    """Cover pictures and attachments; `video` is the number of video streams before them. A cover with
    metadata of its own is lost where some are to be stripped, as it can only be copied."""
    lost = []
    for stream in clip.of_kind("cover", "attachment"):
        if stream.kind == "cover" and container.covers and not (strip and stream.tagged):
            options += ["-map", f"{{source}}:{stream.index}", f"-c:v:{video}", "copy"]
            options += [f"-disposition:v:{video}", "attached_pic"]
            video += 1
        elif stream.kind == "attachment" and container.attachments:
            options += ["-map", f"{{source}}:{stream.index}", "-c:t", "copy"]
        else:
            lost.append("cover picture" if stream.kind == "cover" else f"attachment {stream.index}")
            continue
        kept.append(stream)
    return lost


def _data(clip: Clip) -> list[str]:
    """Timed metadata; the text track of chapters is rewritten with them, timecodes are metadata."""
    count = sum(not stream.timecode for stream in clip.of_kind("data"))
    if clip.chapters and "mov" in clip.demuxer:
        count -= 1
    return ["timed metadata"] if count > 0 else []


def _metadata(
    clip: Clip, container: Container, strip: str, stripped: list[str], *, chapters: bool
) -> list[str]:
    options = list(container.flags)
    # Custom keys are only written with an option, which hides the standard keys in an MP4.
    own = any(key.startswith("com.") for key in clip.metadata)
    wanted = container.name == "mov" or (container.name == "mp4" and own)
    if wanted and strip not in ("exif", "all"):
        options[-1] += "+use_metadata_tags"
        for key in _FILE_FACTS:
            options += ["-metadata", f"{key}="]
    number = "{source}" if chapters else "-1"
    if strip in ("exif", "all"):
        # Languages belong to the streams and are set again; chapters are kept.
        return [*options, "-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", number]
    options += ["-map_metadata", "{source}", "-map_chapters", number]
    for key in stripped:
        options += ["-metadata", f"{key}="]
    return options
