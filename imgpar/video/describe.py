"""Description of a clip for `imgpar info`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgpar.video.clip import Clip
from imgpar.video.details import details, recorded_place
from imgpar.video.probe import probe

_TURNS = {
    1: "upright", 2: "mirrored", 3: "180°", 4: "180° and mirrored",
    5: "90° clockwise and mirrored", 6: "90° clockwise", 7: "90° counterclockwise and mirrored",
    8: "90° counterclockwise",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What the container and the streams of a clip say."""

    path: str
    """Absolute."""
    format: str
    """Name of the container, such as "mp4"."""
    bytes: int
    """Size of the file."""
    size: tuple[int, int]
    """Width and height in square pixels, upright."""
    seconds: float
    """Duration; 0 where the container does not say it."""
    frames: int
    """Packets of the video stream."""
    frames_promised: int | None
    """Frames that the container claims, where there are others."""
    counted: str
    """How `frames` and `seconds` were found."""
    starts_at: float | None
    """Time of the first frame in seconds; None where it is 0."""
    rate: str
    """Frames a second, in words."""
    video: str
    """Codec, profile and bit rate."""
    pixels: str
    """Pixel format, as FFmpeg calls it."""
    stored_size: str
    """Width × height of the coded frames."""
    shown: str
    """How the coded frames are turned to be shown."""
    pixel_aspect: str
    interlaced: bool
    transparent: bool
    colour: tuple[str, ...]
    """Primaries, transfer function, matrix and range."""
    time_base: str
    hdr: tuple[str, ...]
    """Mastering display, light levels, dynamic metadata."""
    other_streams: tuple[str, ...]
    chapters: tuple[str, ...]
    place: str
    """Degrees north and east, and metres, where it was taken."""
    metadata: Mapping[str, str]
    """Tags of the container."""

    def as_dict(self) -> dict[str, Any]:
        """What `imgpar info --json` prints."""
        facts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**facts, "interlaced": self.interlaced or None, "transparent": self.transparent or None}


def describe_clip(path: str, kind: str) -> ClipInfo:
    """What a clip says about itself; `kind` is the name of its format.

    Raises:
        ItemError: it cannot be read, or is not a clip.
    """
    clip = probe(path)
    picture = clip.picture
    more = details(clip)
    return ClipInfo(
        path=os.path.abspath(path),
        format=kind,
        bytes=os.path.getsize(path),
        size=picture.upright,
        seconds=round(clip.duration, 3),
        frames=len(clip.times),
        frames_promised=clip.claimed if clip.claimed not in (0, len(clip.times)) else None,
        counted="frames: every packet of the stream; seconds: "
        + ("as the container says" if clip.duration else "not told by the container"),
        starts_at=(round(clip.times[0] + clip.origin, 3) if clip.times else 0.0) or None,
        rate=_rate(clip),
        video=" ".join(filter(None, (picture.stream.codec, more.profile, more.bit_rate))),
        pixels=picture.pixel_format,
        stored_size=f"{picture.width}×{picture.height}",
        shown=_TURNS[picture.orientation],
        pixel_aspect=f"{picture.aspect.numerator}:{picture.aspect.denominator}",
        interlaced=picture.interlaced,
        transparent=picture.alpha,
        colour=tuple(f"{key} {value}" for key, value in picture.colour.given.items()),
        time_base=str(picture.time_base),
        hdr=more.hdr,
        other_streams=more.other_streams,
        chapters=more.chapters,
        place=recorded_place(clip.metadata),
        metadata=dict(clip.metadata),
    )


def _rate(clip: Clip) -> str:
    rate = f"{float(clip.picture.rate):.6g} a second" if clip.picture.rate else ""
    return f"variable, {rate} on average" if clip.variable and rate else rate
