"""What a file is, from its header."""

from __future__ import annotations

import os
from typing import Any

from imgpar.core.errors import SourceError
from imgpar.core.model import (
    Limits,
    Secret,
)
from imgpar.formats.registry import Format, format_of_suffix, peek, sniff
from imgpar.inputs.batches import why_unreadable


def describe(path: str, password: Secret | None = None) -> dict[str, Any]:
    """What a file says about itself, from its header; for `imgpar info`.

    Raises:
        ItemError: it cannot be read, or is neither picture nor clip.
    """
    from imgpar.formats import codec
    from imgpar.pixels.layouts import oriented
    from imgpar.video.describe import describe_clip

    try:
        with open(path, "rb") as file:
            found = sniff(data := peek(file.read)) or _named_clip(path)
            if found is not None and found.kind == "video":
                return describe_clip(path, found.name)
            data += file.read()
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    header = codec.read_header(data, os.path.basename(path), Limits(max_pixels=1 << 62, password=password))
    upright = oriented(header.spec, header.orientation)
    metadata = header.metadata
    return {
        "path": os.path.abspath(path),
        "format": header.format,
        "bytes": len(data),
        "size": upright.size,
        "layout": upright.layout,
        "dtype": upright.dtype,
        "orientation": header.orientation,
        "frames": header.frames,
        "durations_ms": metadata.durations,
        "icc_bytes": len(metadata.icc),
        "exif_bytes": len(metadata.exif),
        "xmp_bytes": len(metadata.xmp),
        "gain_map_bytes": len(metadata.gain_map),
        "dpi": metadata.dpi,
        "lost_when_converted": header.lost,
        "notes": header.notes,
        **{key: value for key, value in header.detail.items() if isinstance(value, (str, int, float, bool))},
    }


def _named_clip(path: str) -> Format | None:
    found = format_of_suffix(path)
    return found if found is not None and found.kind == "video" else None
