"""The clip embedded in a motion photo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from imgpar.core.blocks import Xmp
from imgpar.core.errors import DamagedError, SourceError
from imgpar.core.limits import Limits
from imgpar.core.tempfiles import temporary
from imgpar.formats import codec
from imgpar.formats.jpeg.motion_photo import find_clip, has_clip
from imgpar.formats.registry import sniff
from imgpar.inputs.batches import why_unreadable

_HEAD = 4096


def read_clip(path: str, limits: Limits) -> memoryview | None:
    """The bytes of the clip in a motion photo; None where the picture has none.

    Args:
        path: of the picture.
        limits: of the clip.

    Raises:
        ItemError: the picture cannot be read, or its clip is missing or damaged.
    """
    from imgpar.video.check import check_source
    from imgpar.video.probe import probe

    found = _find(path)
    if found is not None:
        with _spooled(found) as spooled:
            check_source(probe(spooled, limits), accept_damaged=False)
    return found


@contextmanager
def clip_path(path: str) -> Iterator[str]:
    """The path of a clip: the path itself, or a temporary file with the clip of a motion photo.

    Raises ItemError where the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            found = sniff(file.read(_HEAD))
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    clip = _find(path) if found is not None and found.kind == "image" else None
    if clip is None:
        yield path
        return
    with _spooled(clip) as spooled:
        yield spooled


def _find(path: str) -> memoryview | None:
    """A clip in a picture, or None; raises ItemError where it is unreadable or the clip missing."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    # Only the header of the picture is read, so its size does not matter.
    codec.read_header(data, os.path.basename(path), Limits(max_pixels=1 << 62))
    xmp = _raw_xmp(data)
    clip = find_clip(data, xmp)
    if clip is None and has_clip(xmp):
        raise DamagedError(
            "Its metadata announce a clip after the picture, but none follows: it may have been cut off."
        )
    return clip


def _raw_xmp(data: bytes) -> Xmp:
    """XMP as stored in the file; `Metadata.xmp` no longer contains the properties of a clip."""
    begin = data.find(b"<x:xmpmeta")
    end = data.find(b"</x:xmpmeta>", begin)
    return Xmp(data[begin:end] if 0 <= begin < end else b"")


@contextmanager
def _spooled(clip: memoryview) -> Iterator[str]:
    with temporary() as folder:
        path = os.path.join(folder, "clip.mp4")
        with open(path, "wb") as file:
            file.write(clip)
        yield path
