"""The properties of an input, as far as names, selection, labels and text depend on them: plain data.

Workers read them (`batch.answers`), and the parent asks for those of many inputs at once
(`batch.properties`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

MediaKind = Literal["image", "video"]


class Wants(NamedTuple):
    """What is asked for beside the properties in the header."""

    digest: bool = False
    """The digest of the content; of a clip it takes a whole read."""
    fingerprint: bool = False
    """The perceptual hash, for which a picture is decoded."""
    made: bool = False
    """The size of each output."""


HEADER_ONLY = Wants()


class Properties(NamedTuple):
    """What a file says about itself; 0 and empty are unknown."""

    kind: MediaKind = "image"
    format: str = ""
    """Name of the format, such as "jpeg"."""
    width: int = 0
    """In pixels, upright; of a clip in square pixels."""
    height: int = 0
    frames: int = 1
    """Frames of an animation or a clip, or pages."""
    seconds: float = 0.0
    """Duration of an animation or a clip."""
    animated: bool = False
    """Whether it is an animation or a clip."""
    orientation: int = 1
    """EXIF orientation 1 to 8 of the stored pixels; 1 is upright."""
    taken: str = ""
    """When it was taken, as ISO 8601: local time where it was taken, with the offset from UTC where that is
    known."""
    camera: str = ""
    """Make and model."""
    title: str = ""
    copyright: str = ""
    artist: str = ""
    digest: str = ""
    """The digest of the content, where it was asked for."""
    fingerprint: str = ""
    """The perceptual hash, where it was asked for: hexadecimal."""
    quality: int = 0
    """Of a JPEG the quality from 1 to 100 that its tables stand for."""
    made: tuple[tuple[int, int], ...] = ()
    """Width and height of each output, where they were asked for; 0 where an output cannot be made."""

    @property
    def date(self) -> datetime | None:
        """When it was taken; None where that is unknown.

        >>> Properties(taken="2024-05-01T10:00:00+02:00").date.hour
        10
        """
        try:
            return datetime.fromisoformat(self.taken) if self.taken else None
        except ValueError:  # a worker's answer is not trusted
            return None

    @property
    def shape(self) -> Literal["landscape", "portrait", "square"]:
        """How it lies upright."""
        if self.width == self.height:
            return "square"
        return "landscape" if self.width > self.height else "portrait"
