"""The clip of a motion photo, as a file of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from imgpar import formats
from imgpar.batch.frames.files import NONE, Inputs, write_file
from imgpar.core.errors import DamagedError, SourceError
from imgpar.core.model import Limits, OutputFile
from imgpar.core.tempfiles import temporary
from imgpar.formats.jpeg.motion_photo import find_clip, has_clip
from imgpar.formats.registry import sniff
from imgpar.inputs.batches import why_unreadable

_HEAD = 4096


def extract_clip(path: str, stem: str, *, replace: bool, inputs: Inputs = NONE) -> OutputFile | None:
    """Write the clip of a motion photo as `stem.mp4` (or .mov), byte by byte; None where there is none.

    Raises:
        ItemError: the picture cannot be read, its clip is damaged, or a file is there already.
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
    """The path of the clip: of the file itself, or of a temporary one with the clip of a motion photo.

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
    """The clip of a picture; raises ItemError where it is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    formats.read_header(data, os.path.basename(path), Limits(max_pixels=1 << 62))
    xmp = _raw_xmp(data)
    clip = find_clip(data, xmp)
    if clip is None and has_clip(xmp):
        raise DamagedError(
            "It says that a clip follows the picture, but none does: it may have been cut off."
        )
    return clip


def _raw_xmp(data: bytes) -> bytes:
    """XMP as it stands in the file: what is read of it no longer speaks of a clip."""
    begin = data.find(b"<x:xmpmeta")
    end = data.find(b"</x:xmpmeta>", begin)
    return data[begin:end] if 0 <= begin < end else b""


@contextmanager
def _spooled(clip: memoryview) -> Iterator[str]:
    with temporary() as folder:
        path = os.path.join(folder, "clip.mp4")
        with open(path, "wb") as file:
            file.write(clip)
        yield path
