"""Opens clips for PyAV: known containers only, and no other file that they refer to."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from imgpar.core.errors import (
    DamagedError,
    ItemError,
    MissingExtraError,
    SourceError,
    UnknownFormatError,
    UnsupportedError,
)
from imgpar.core.forbidden import reason_of
from imgpar.core.install_hint import pip
from imgpar.formats.registry import Format, peek, sniff
from imgpar.video.content import Content, open_bytes
from imgpar.video.encrypted import encryption_error

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,mxf,ogg,dv"
"""Permitted demuxers: playlists, which refer to other files, are excluded."""
DEMUXERS_WITH_ANIMATIONS = DEMUXERS + ",gif,apng"
"""Where animated pictures are read as clips, too."""

_MISNAMED = "It may be a playlist, or misnamed."
_LATIN_1 = "imgpar.latin_1"
codecs.register_error(_LATIN_1, lambda error: _as_latin_1(error))
"""Metadata that is not UTF-8 is decoded as Latin-1, as in old 3GP and AVI files."""


@contextmanager
def open_clip(path: str, demuxers: str = DEMUXERS, content: Content | None = None) -> Iterator[Any]:
    """Open a clip as a PyAV container; files that it refers to are never opened.

    Args:
        path: of the clip.
        demuxers: names of permitted demuxers, separated by commas.
        content: of the clip, where it is not in a file.

    Raises:
        MissingExtraError: PyAV is not installed.
        SourceError: the file cannot be read.
        UnknownFormatError: it is not a known container.
        UnsupportedError: it is a picture.
        DamagedError: it is empty, truncated or corrupt.
    """
    try:
        import av
    except ImportError:
        raise MissingExtraError(
            "Clips need a package that is not installed.", fix=f"Run: {pip('av')}"
        ) from None
    try:
        file = open_bytes(path, content)
    except OSError as error:
        raise SourceError(f"It cannot be read: {reason_of(error)}.") from None
    with file:
        if not file.seek(0, os.SEEK_END):
            raise DamagedError("It is empty (0 bytes).")
        file.seek(0)
        try:
            allowed = {"format_whitelist": demuxers}
            container = av.open(file, container_options=allowed, metadata_errors=_LATIN_1)
        except (av.error.ArgumentError, av.error.PermissionError) as error:
            raise _no_clip(_sniffed(file)) from error
        except av.error.FFmpegError as error:
            if (reason := encryption_error(file)) is not None:
                raise reason from error
            found = _sniffed(file)
            if found is None or found.kind == "image":
                raise _no_clip(found) from error
            raise DamagedError(f"This clip is truncated or corrupt: {error.strerror}.") from error
        with container:
            try:
                yield container
            except av.error.FFmpegError as error:
                if (reason := encryption_error(file)) is not None:
                    raise reason from error
                raise DamagedError(f"This clip is truncated or corrupt: {error.strerror}.") from error


def rewind(container: Any, stream: Any) -> None:
    """Seek to the first packet of a stream."""
    first = stream.index_entries[0].timestamp if stream.index_entries else 0
    try:
        if first < 0:  # an edit list hides what is before zero
            container.seek(first, stream=stream)
        else:
            container.seek(0)
    except PermissionError:  # its index begins later
        container.seek(first, stream=stream)


def _no_clip(found: Format | None) -> ItemError:
    """The error for a content that is no clip, by the format that it shows."""
    if found is not None and found.kind == "image":
        return UnsupportedError(
            f"It is a picture ({found.title}), not a clip.",
            fix="A misnamed file needs the suffix of a picture; in Python, Pipeline.array reads pictures.",
        )
    return UnknownFormatError("Its content is not of a known clip format.", fix=_MISNAMED)


def _sniffed(file: BinaryIO) -> Format | None:
    file.seek(0)
    return sniff(peek(file.read))


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Error handler of a decoder: the invalid bytes as Latin-1."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end
