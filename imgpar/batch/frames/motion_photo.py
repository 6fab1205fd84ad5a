"""The clip embedded in a motion photo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from imgpar.batch.frames.files import NONE, Inputs, write_file
from imgpar.core.blocks import Xmp
from imgpar.core.errors import DamagedError, SourceError
from imgpar.core.job import OutputFile
from imgpar.core.limits import Limits
from imgpar.core.tempfiles import temporary
from imgpar.formats import codec
from imgpar.formats.jpeg.motion_photo import find_clip, has_clip
from imgpar.formats.registry import sniff
from imgpar.inputs.batches import why_unreadable

_HEAD = 4096


def extract_clip(path: str, stem: str, *, replace: bool, inputs: Inputs = NONE) -> OutputFile | None:
    """Write the clip of a motion photo unchanged, as `stem.mp4` or `stem.mov`; None where there is none.

    Args:
        path: of the picture.
        stem: path of the output without suffix.
        replace: whether an existing file may be replaced.
        inputs: files that are never replaced.

    Raises:
        ItemError: the picture cannot be read, its clip is damaged, or the file exists.
    """
    from imgpar.video.check import check_source
    from imgpar.video.probe import probe

    found = _read(path)
    if found is None:
        return None
    record = sniff(bytes(found[:64]))
    suffix = record.suffix if record else "mp4"
    with _spooled(found) as spooled:
        check_source(probe(spooled), accept_damaged=False)
    return write_file(found, f"{stem}.{suffix}", suffix, replace=replace, inputs=inputs)


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
    clip = _read(path) if found is not None and found.kind == "image" else None
    if clip is None:
        yield path
        return
    with _spooled(clip) as spooled:
        yield spooled


def _read(path: str) -> memoryview | None:
    """A clip in a picture, or None; raises ItemError where it is unreadable or the clip missing."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
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
