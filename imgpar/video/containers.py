"""Codecs of each container: those that may be copied into it, and encoders for the others."""

from __future__ import annotations

from dataclasses import dataclass

_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8"})


@dataclass(frozen=True, slots=True)
class Container:
    """A container; `name` is that of its format record."""

    name: str
    muxer: str
    video: frozenset[str]
    """Video codecs that may be copied."""
    encoders: tuple[str, ...]
    """Encoders for 8 bits in order of preference; the first one available is used."""
    deep_encoders: tuple[str, ...]
    """Encoders for more than 8 bits."""
    audio: frozenset[str]
    audio_encoders: tuple[str, ...]
    subtitles: frozenset[str] = frozenset()
    subtitle_encoder: str = ""
    covers: bool = False
    attachments: bool = False
    timecode: bool = True
    """Whether it stores SMPTE timecodes."""
    chapters: bool = True
    variable: bool = True
    """Whether each frame has a timestamp."""
    flags: tuple[str, ...] = ()
    """Options of the muxer."""
    alpha_encoders: tuple[str, ...] = ()
    """Encoders for pictures with alpha, where the default ones have none."""


_ISO_VIDEO = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9"})
_WINDOWS = {"wmv1", "wmv2", "wmv3", "vc1", "flv1"}
_ISO_ENCODERS = ("libx264", "libopenh264", "mpeg4")
_FAST_START = ("-movflags", "+faststart")
_NO_RANDOM = ("-fflags", "+bitexact")
"""Matroska track and segment ids are random otherwise, which makes outputs differ."""

CONTAINERS: dict[str, Container] = {
    record.name: record
    for record in (
        Container(
            "mp4", "mp4", _ISO_VIDEO, _ISO_ENCODERS, ("libx265", "libsvtav1", "libx264"),
            frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}), ("aac",),
            frozenset({"mov_text"}), "mov_text", covers=True, flags=_FAST_START,
        ),
        Container(
            "mov", "mov",
            frozenset({"h264", "hevc", "mpeg4", "prores", "mjpeg", "qtrle", "dnxhd", "dvvideo"})
            | {"mpeg2video"},
            _ISO_ENCODERS,
            ("libx265", "prores_ks", "libx264"),
            frozenset({"aac", "mp3", "ac3", "eac3", "alac"}) | _PCM, ("aac",),
            frozenset({"mov_text"}), "mov_text", flags=_FAST_START,
            alpha_encoders=("prores_ks",),
        ),
        Container(
            "mkv", "matroska",
            _ISO_VIDEO | {"vp8", "prores", "mjpeg", "ffv1", "mpeg2video", "mpeg1video", "theora"} | _WINDOWS,
            _ISO_ENCODERS, ("libx265", "libsvtav1", "libx264"),
            frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "dts", "wmav1",
                       "wmav2", "wmapro"}) | _PCM,
            ("aac",),
            frozenset({"subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle"}), "subrip",
            attachments=True, flags=_NO_RANDOM, alpha_encoders=("libvpx-vp9", "ffv1"),
        ),
        Container(
            "webm", "webm", frozenset({"vp8", "vp9", "av1"}), ("libvpx-vp9", "libsvtav1"),
            ("libvpx-vp9", "libsvtav1"), frozenset({"opus", "vorbis"}), ("libopus", "libvorbis", "opus"),
            frozenset({"webvtt"}), "webvtt", flags=_NO_RANDOM,
        ),
        Container(
            "avi", "avi", frozenset({"h264", "mpeg4", "mjpeg", "msmpeg4v3", "msmpeg4v2", "ffv1"}),
            _ISO_ENCODERS, ("libx264",), frozenset({"mp3", "ac3", "mp2"}) | _PCM, ("libmp3lame", "ac3"),
            timecode=False, chapters=False, variable=False,
        ),
    )
}  # fmt: skip

TEXT_SUBTITLES = frozenset({"mov_text", "subrip", "ass", "ssa", "webvtt", "text"})
"""Text subtitles, which can be converted into each other; the others are bitmaps."""
