"""The properties of a clip. Light: the parent imports it to read the answer of a worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
