"""Properties of a clip for `imgpar info` that a conversion does not need."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from imgpar.video.boxes import Track, tracks
from imgpar.video.clip import Clip, Stream
from imgpar.video.demux import open_clip
from imgpar.video.hdr import DYNAMIC
from imgpar.video.side_data import side_data

_PLACE = re.compile(r"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")


class ClipDetails(NamedTuple):
    """Properties in words; empty where the clip has none."""

    profile: str
    """Of the codec of the picture."""
    bit_rate: str
    hdr: tuple[str, ...]
    """Mastering display, light levels, dynamic metadata."""
    other_streams: tuple[str, ...]
    """All but that of the picture."""
    chapters: tuple[str, ...]


def details(clip: Clip) -> ClipDetails:
    """Read what a conversion does not need.

    Raises:
        ItemError: the clip cannot be read.
    """
    with open(clip.path, "rb") as file:
        own = tracks(file)
    with open_clip(clip.path) as container:
        chosen = container.streams[clip.picture.stream.index]
        words = [
            _stream(stream, container.streams[stream.index], own)
            for stream in clip.streams
            if stream != clip.picture.stream
        ]
        chapters = [_chapter(each) for each in container.chapters()]
        frame = next(container.decode(chosen), None)
        hdr = _hdr(frame) if frame is not None else []
        context = chosen.codec_context
        if chosen.index < len(own) and own[chosen.index].dolby_vision:
            hdr.append(f"Dolby Vision profile {own[chosen.index].dolby_vision}")
        bit_rate = _kilobits(context.bit_rate)
        return ClipDetails(chosen.profile or "", bit_rate, tuple(hdr), tuple(words), tuple(chapters))


def recorded_place(metadata: Mapping[str, str]) -> str:
    """The first location in the metadata, in degrees north and east (and metres).

    >>> recorded_place({"location": "+51.5335-000.1261/"})
    '51.5335, -0.1261'
    """
    for key, value in metadata.items():
        found = _PLACE.match(value) if "location" in key.lower() or "xyz" in key.lower() else None
        if found:
            height = f", {float(found[3]):g} m" if found[3] else ""
            return f"{float(found[1]):g}, {float(found[2]):g}{height}"
    return ""


def _stream(stream: Stream, raw: Any, own: list[Track]) -> str:
    context = raw.codec_context
    codec = stream.codec
    if codec == "unknown" and stream.index < len(own):
        codec = own[stream.index].tag or codec
    words = [f"{stream.kind} {stream.index}", f"({codec})" if codec != "unknown" else "", stream.language]
    if stream.kind == "audio":
        words += [raw.profile or "", context.layout.name, f"{context.sample_rate} Hz"]
        words.append(_kilobits(context.bit_rate))
    if stream.kind in ("video", "cover"):
        words.append(f"{raw.width}×{raw.height}")
    if stream.kind == "attachment":
        words += [raw.metadata.get("filename", ""), raw.metadata.get("mimetype", "")]
    return " ".join(filter(None, [*words, stream.title, "default" if stream.default else ""]))


def _chapter(chapter: Mapping[str, Any]) -> str:
    begin, end = (float(chapter[key] * chapter["time_base"]) for key in ("start", "end"))
    return f"{begin:.3f} to {end:.3f} s {chapter['metadata'].get('title', '')}".strip()


def _kilobits(rate: int | None) -> str:
    return f"{rate / 1000:.0f} kb/s" if rate else ""


def _hdr(frame: Any) -> list[str]:
    """HDR side data of the first frame, as text."""
    found = []
    known = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", *DYNAMIC)
    data = side_data(frame, *known)
    if (mastering := data.get("MASTERING_DISPLAY_METADATA")) and len(mastering) >= 88:
        found.append(_mastering(mastering))
    if (light := data.get("CONTENT_LIGHT_LEVEL")) and len(light) >= 8:
        most, average = struct.unpack_from("=II", light)
        found.append(f"MaxCLL {most}, MaxFALL {average} cd/m²")
    return [*found, *(words for kind, words in DYNAMIC.items() if kind in data)]


def _mastering(data: bytes) -> str:
    """Decode libavutil's AVMasteringDisplayMetadata: ten fractions (red, green, blue, white, min and max
    luminance), flags."""
    numbers = struct.unpack_from("=20iii", data)
    ratios = [top / (bottom or 1) for top, bottom in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
    points = [f"{name} ({ratios[at]:.4f}, {ratios[at + 1]:.4f})" for name, at in
              (("red", 0), ("green", 2), ("blue", 4), ("white", 6))]  # fmt: skip
    light = f"{ratios[8]:g} to {ratios[9]:g} cd/m²" if numbers[21] else ""
    return "mastered for " + ", ".join(filter(None, [light, *(points if numbers[20] else [])]))
