"""watermark: composite a picture over every picture."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Colouring, Operation
from imgpar.ops.overlay import lay
from imgpar.pixels.arrays import layout_with
from imgpar.pixels.geometry import (
    GRAVITIES,
    Length,
    parse_gravity,
    parse_length,
    parse_share,
    rounded,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

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


@dataclass(frozen=True)
class Watermark(Operation):
    """Composite a picture, preferably a PNG with alpha, over every picture.

    A coloured watermark converts a grey picture to RGB. It is scaled down where it does not fit between the
    margins. Its embedded ICC profile is applied.
    """

    name: ClassVar[str] = "watermark"
    summary: ClassVar[str] = "composite a picture (preferably a PNG with alpha) over every picture"

    image: str = option(parse_file, "the picture to composite", metavar="FILE", example="logo.png")
    gravity: str = option(
        parse_gravity,
        "the corner or side at which it is placed",
        default="southeast",
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )
    margin: Length = option(
        parse_length,
        "distance from the edges in pixels, or in percent of the shorter side",
        default=Length(3, percent=True),
        metavar="LENGTH",
        example="5%",
    )
    opacity: float = option(
        parse_share,
        "opacity of the watermark, 1 (or 100%) is opaque",
        default=1.0,
        metavar="SHARE",
        example="50%",
    )
    scale: float = option(
        parse_share,
        "width of the watermark as a fraction of the picture's width",
        default=0.2,
        metavar="SHARE",
        example="20%",
    )
    tile: bool = option(
        parsing.switch, "repeat it over the whole picture, spaced by the margin", default=False
    )
    into: Colouring | None = field(default=None, repr=False)
    """For pictures with another profile than sRGB, to which the mark is converted."""

    def plan(self, spec: Spec) -> Spec:
        if not spec.grey or not self._read(_has_colours):
            return spec
        return spec.converted(layout_with(spec, (255, 0, 0, 255)))

    def apply(self, src: Frame, dst: Frame) -> None:
        width, height = dst.spec.size
        margin = self.margin.pixels(min(width, height))
        room = (max(1, width - 2 * margin), max(1, height - 2 * margin))
        mark = self._read(_mark, rounded(width * self.scale), room, self.opacity, self.into)
        lay(src, dst, mark, self.gravity, margin, tile=self.tile)

    def coloured(self, into: Colouring) -> Operation:
        return replace(self, into=into)

    def state(self) -> Hashable:
        """The status of the file: it may change during a session."""
        try:
            return self._file()
        except OSError:
            return None

    def _file(self) -> File:
        found = os.stat(self.image)
        return self.image, found.st_size, found.st_mtime_ns

    def _read(self, function: Any, *arguments: Any) -> Any:
        """Call a function that reads the file; raises TransformError."""
        try:
            return function(self._file(), *arguments)
        except (OSError, ValueError) as error:
            raise TransformError(
                f"The watermark {self.image} cannot be read: {error}.", fix="Give a PNG, JPEG or WebP file."
            ) from error

    def identity(self) -> str:
        """A digest of the file, so that another logo under the same name counts as a change."""
        return asset_digest(self.name, self.image)


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
def _picture(file: File) -> Image.Image:
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
def _has_colours(file: File) -> bool:
    """Whether a visible part of the mark is not grey."""
    import numpy as np

    pixels = np.asarray(_picture(file)).astype(np.int16)
    return bool((np.ptp(pixels[..., :3], axis=-1)[pixels[..., 3] > 0] > _TINT).any())


@lru_cache(maxsize=8)
def _mark(file: File, width: int, room: tuple[int, int], opacity: float, into: Colouring | None) -> Array:
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
    import numpy as np
    from PIL import Image

    image = _picture(file)
    scale = min(width / image.width, room[0] / image.width, room[1] / image.height)
    image = image.resize(
        (rounded(image.width * scale), rounded(image.height * scale)), Image.Resampling.LANCZOS
    )
    mark = np.asarray(image, np.float32) / 255
    mark[..., 3] *= opacity
    if into is not None:
        mark[..., :3] = into(mark[..., :3])
    return mark
