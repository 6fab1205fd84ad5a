"""The properties of a file, from its header: what `describe` and `imgpar info` return."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgpar.core.errors import NoFileError, SourceError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Header, Layout
from imgpar.formats.metadata.density import density_of
from imgpar.formats.registry import Format, format_of_suffix, peek, sniff
from imgpar.inputs.batches import why_unreadable
from imgpar.video.clip_info import ClipInfo

ANY_SIZE = 1 << 62
"""The limit of pixels where only headers are read."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """The properties of a picture, from its header."""

    path: str
    """Absolute path."""
    format: str
    """Name of the format, such as "jpeg"."""
    bytes: int
    """Size of the file."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    layout: Layout
    """Channels after decoding: "L" is grey, A is alpha, X is padding."""
    dtype: str
    """Type of the values after decoding: "uint8", "uint16" or "float32"."""
    orientation: int
    """EXIF orientation 1 to 8 of the stored pixels; 1 is upright."""
    frames: int
    """Number of frames of an animation or pages of a document; otherwise 1."""
    durations_ms: tuple[int, ...]
    """Duration of each frame of an animation, in milliseconds."""
    icc_bytes: int
    """Size of the ICC profile in bytes, 0 if absent; likewise for the fields below."""
    exif_bytes: int
    xmp_bytes: int
    gain_map_bytes: int
    dpi: tuple[float, float] | None
    """Horizontal and vertical resolution in dots per inch."""
    lost_when_converted: tuple[str, ...]
    """Content that is lost in a conversion."""
    notes: tuple[str, ...]
    """Remarks of the decoder."""
    metadata: Mapping[str, str | tuple[str, ...]]
    """Fields of EXIF, XMP and IPTC that are set: title, copyright, artist, keywords, date, camera, gps …"""
    detail: Mapping[str, Fact]
    """Properties of this format only, such as "subsampling" of JPEG."""

    def as_dict(self) -> dict[str, Any]:
        """The properties as printed by `imgpar info --json`; those of `detail` are on the top level."""
        facts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del facts["detail"]
        return {**facts, **self.detail}


def describe_file(path: str, limits: Limits) -> PictureInfo | ClipInfo:
    """The properties of a file, read in this process.

    Raises:
        ItemError: the file cannot be read, is neither a picture nor a clip, or exceeds the limits.
    """
    from imgpar.formats import codec
    from imgpar.formats.metadata.reading import shown_fields
    from imgpar.pixels.layouts import oriented
    from imgpar.video.describe import describe_clip

    data, clip = open_media(path)
    if clip is not None:
        return describe_clip(path, clip.name, limits)
    header = codec.read_header(data, os.path.basename(path), limits)
    upright = oriented(header.spec, header.orientation)
    metadata = header.metadata
    return PictureInfo(
        path=os.path.abspath(path),
        format=header.format,
        bytes=len(data),
        size=upright.size,
        layout=upright.layout,
        dtype=upright.dtype,
        orientation=header.orientation,
        frames=header.total or header.frames,
        durations_ms=metadata.durations,
        icc_bytes=len(metadata.icc),
        exif_bytes=len(metadata.exif),
        xmp_bytes=len(metadata.xmp),
        gain_map_bytes=len(metadata.gain_map),
        dpi=density_of(metadata),
        lost_when_converted=header.lost,
        notes=header.notes,
        metadata=shown_fields(metadata),
        detail=_facts(header),
    )


def open_media(path: str) -> tuple[bytes, Format | None]:
    """The bytes of a picture; of a clip its format, and no bytes.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            found = sniff(data := peek(file.read)) or _named_clip(path)
            if found is not None and found.kind == "video":
                return b"", found
            return data + file.read(), None
    except FileNotFoundError:
        raise NoFileError("It does not exist.", fix="Check the spelling.") from None
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None


def _facts(header: Header) -> dict[str, Fact]:
    """The properties of this format only."""
    facts = dict(header.detail.facts(header)) if header.detail else {}
    return {**facts, "few_colours": True} if header.coding.few_colours else facts


def _named_clip(path: str) -> Format | None:
    found = format_of_suffix(path)
    return found if found is not None and found.kind == "video" else None
