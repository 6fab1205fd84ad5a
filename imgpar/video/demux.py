"""Opens clips for PyAV: only the containers that are known, and no other file that they may name."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imgpar.core.errors import DamagedError, MissingExtraError, SourceError, UnknownFormatError
from imgpar.core.install_hint import pip
from imgpar.formats.registry import peek, sniff
from imgpar.video.encrypted import encryption_error

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,mxf,ogg,dv"
"""Containers that may be opened: playlists, which name other files, are not among them."""

_UNKNOWN = "Its content is no clip that imgpar knows."
_MISNAMED = "It may be a playlist, or misnamed."
_LATIN_1 = "imgpar.latin_1"
codecs.register_error(_LATIN_1, lambda error: _as_latin_1(error))
"""Metadata that are no UTF-8 are taken for Latin-1, as in old 3GP and AVI files."""


@contextmanager
def open_clip(path: str, demuxers: str = DEMUXERS) -> Iterator[Any]:
    """The clip as a PyAV container; other files that it may name are never opened."""
    try:
        import av
    except ImportError:
        raise MissingExtraError(
            "Clips need a package that is not installed.", fix=f"Run: {pip('av')}"
        ) from None
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise SourceError(f"It cannot be read: {error.strerror}.") from None
    with file:
        if not os.fstat(file.fileno()).st_size:
            raise UnknownFormatError("The file is empty.")
        try:
            allowed = {"format_whitelist": demuxers}
            container = av.open(file, container_options=allowed, metadata_errors=_LATIN_1)
        except (av.error.ArgumentError, av.error.PermissionError) as error:
            raise UnknownFormatError(_UNKNOWN, fix=_MISNAMED) from error
        except av.error.FFmpegError as error:
            if (reason := encryption_error(file)) is not None:
                raise reason from error
            if sniff(_head(path)) is None:
                raise UnknownFormatError(_UNKNOWN, fix=_MISNAMED) from error
            raise DamagedError(f"This clip is truncated or corrupt: {error.strerror}.") from error
        with container:
            try:
                yield container
            except av.error.FFmpegError as error:
                if (reason := encryption_error(file)) is not None:
                    raise reason from error
                raise DamagedError(f"This clip is truncated or corrupt: {error.strerror}.") from error


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Those bytes of a text that are no UTF-8, as the error handler of a decoder."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return peek(file.read)
