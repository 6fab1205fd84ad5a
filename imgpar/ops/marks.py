"""Pictures that operations composite: read, scaled and converted once, and kept for pictures of one size."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imgpar.core import parsing
from imgpar.core.errors import BadValueError
from imgpar.ops.base import Colouring
from imgpar.pixels.geometry import rounded

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Array = np.ndarray[Any, Any]

File = tuple[str, int, int]
"""Path, size and modification time of a picture, as a cache key."""
_TINT = 8
"""Of 255: channels that differ by more are coloured, and not compression artefacts of grey."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Formats that Pillow reads itself: it would start Ghostscript for others."""


@parsing.accepts("str | os.PathLike[str]")
def parse_file(value: object) -> str:
    """An absolute path: workers may have another working directory."""
    return os.path.abspath(parsing.text(os.fspath(value) if isinstance(value, os.PathLike) else value))


@parsing.accepts("str | os.PathLike[str]")
def parse_font(value: object) -> str:
    """The path of a font file; empty text is the built-in font."""
    return "" if value == "" else parse_file(value)


def status(path: str) -> File:
    """The file as it is now; raises OSError."""
    found = os.stat(path)
    return path, found.st_size, found.st_mtime_ns


def asset_digest(name: str, path: str) -> str:
    """The digest of a file that an operation needs; raises BadValueError where it cannot be read."""
    from hashlib import sha256

    try:
        with open(path, "rb") as file:
            return sha256(file.read()).hexdigest()
    except OSError as error:
        raise BadValueError(
            f"The file {path} for {name} cannot be read: {error.strerror}.", fix="Check the path."
        ) from error


@lru_cache(maxsize=2)
def picture(file: File) -> Image.Image:
    """The whole mark as RGBA, in sRGB."""
    from PIL import Image, ImageOps

    with open(file[0], "rb") as whole, Image.open(io.BytesIO(whole.read()), formats=_FORMATS) as opened:
        image = ImageOps.exif_transpose(opened)
    made, shown = image.convert("RGBA"), _in_srgb(image)
    if shown is not None:
        shown.putalpha(made.getchannel("A"))
        return shown
    return made


def _in_srgb(image: Image.Image) -> Image.Image | None:
    """Convert colours with the picture's own profile; None where it has no suitable one."""
    from PIL import ImageCms

    icc = image.info.get("icc_profile") or b""
    mode = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}.get(icc[16:20])
    if mode is None or (mode == "CMYK") != (image.mode == "CMYK"):
        return None
    try:
        return ImageCms.profileToProfile(
            image.convert(mode), ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError):
        return None


@lru_cache(maxsize=8)
def has_colours(file: File) -> bool:
    """Whether a visible part of the mark is not grey."""
    import numpy as np

    pixels = np.asarray(picture(file)).astype(np.int16)
    return bool((np.ptp(pixels[..., :3], axis=-1)[pixels[..., 3] > 0] > _TINT).any())


@lru_cache(maxsize=8)
def mark_of(file: File, width: int, room: tuple[int, int], opacity: float, into: Colouring | None) -> Array:
    """The mark in its final size; cached for pictures of the same size.

    Args:
        file: path, size and modification time.
        width: in pixels.
        room: maximum width and height in pixels.
        opacity: 0 to 1.
        into: conversion of its colours, if any.

    Returns:
        H×W×4 float32, red, green, blue and straight alpha from 0 to 1; not to be modified.
    """
    image = picture(file)
    scale = min(width / image.width, room[0] / image.width, room[1] / image.height)
    size = (rounded(image.width * scale), rounded(image.height * scale))
    return _scaled(file, size, opacity, into)


@lru_cache(maxsize=2)
def stretched_mark(file: File, size: tuple[int, int], opacity: float, into: Colouring | None) -> Array:
    """The mark in exactly this size; otherwise as `mark_of`."""
    return _scaled(file, size, opacity, into)


def _scaled(file: File, size: tuple[int, int], opacity: float, into: Colouring | None) -> Array:
    import numpy as np
    from PIL import Image

    mark = np.asarray(picture(file).resize(size, Image.Resampling.LANCZOS), np.float32) / 255
    mark[..., 3] *= opacity
    if into is not None:
        mark[..., :3] = into(mark[..., :3])
    return mark
