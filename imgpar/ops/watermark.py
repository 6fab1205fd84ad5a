"""watermark: a picture over every picture."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.model import Frame, Spec
from imgpar.core.options import option
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
"""Path, size and time of a picture, by which it is known again."""
_TINT = 8
"""Of 255: channels that differ by more are a colour, and no rest of compression."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Those that Pillow reads itself: it would start Ghostscript for others."""


@parsing.accepts("str | os.PathLike[str]")
def parse_file(value: object) -> str:
    """A path, absolute from now on: workers need not have the caller's working directory."""
    return os.path.abspath(parsing.text(os.fspath(value) if isinstance(value, os.PathLike) else value))


@dataclass(frozen=True)
class Watermark(Operation):
    """Lay a picture, best a PNG with transparency, over every picture.

    A mark with colours makes a grey picture one of colours. It is made smaller where it would not fit between
    the margins. Its own ICC profile counts.
    """

    name: ClassVar[str] = "watermark"
    summary: ClassVar[str] = "lay a picture (best a PNG with transparency) over every picture"

    image: str = option(parse_file, "the picture to lay over", metavar="FILE", example="logo.png")
    gravity: str = option(
        parse_gravity,
        "the corner or side where it lies",
        default="southeast",
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )
    margin: Length = option(
        parse_length,
        "distance from the edges, in pixels or percent of the shorter side",
        default=Length(3, percent=True),
        metavar="LENGTH",
        example="5%",
    )
    opacity: float = option(
        parse_share, "how much of the picture below it hides", default=1.0, metavar="SHARE", example="50%"
    )
    scale: float = option(
        parse_share,
        "its width, as a share of the picture's width",
        default=0.2,
        metavar="SHARE",
        example="20%",
    )
    tile: bool = option(parsing.switch, "repeat it over the whole picture, margins between", default=False)
    into: Colouring | None = field(default=None, repr=False)
    """For pictures in another profile than sRGB, in which the mark is read."""

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
        """The facts of the file: a session may live longer than it stays the same."""
        try:
            return self._file()
        except OSError:
            return None

    def _file(self) -> File:
        found = os.stat(self.image)
        return self.image, found.st_size, found.st_mtime_ns

    def _read(self, function: Any, *arguments: Any) -> Any:
        """What a function makes of the file; raises TransformError."""
        try:
            return function(self._file(), *arguments)
        except (OSError, ValueError) as error:
            raise TransformError(
                f"The watermark {self.image} cannot be read: {error}.", fix="Give a PNG, JPEG or WebP file."
            ) from error

    def identity(self) -> str:
        """A digest of the file, so that another logo under the same name counts as a change."""
        return file_digest(self.name, self.image)


def file_digest(name: str, path: str) -> str:
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
    """The whole mark with transparency, in sRGB."""
    from PIL import Image, ImageOps

    with open(file[0], "rb") as whole, Image.open(io.BytesIO(whole.read()), formats=_FORMATS) as opened:
        image = ImageOps.exif_transpose(opened)
    made, shown = image.convert("RGBA"), _in_srgb(image)
    if shown is not None:
        shown.putalpha(made.getchannel("A"))
        return shown
    return made


def _in_srgb(image: Image.Image) -> Image.Image | None:
    """The colours through the picture's own profile; None where it has none that fits."""
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
    """Whether anything that is seen of the mark is not grey."""
    import numpy as np

    pixels = np.asarray(_picture(file)).astype(np.int16)
    return bool((np.ptp(pixels[..., :3], axis=-1)[pixels[..., 3] > 0] > _TINT).any())


@lru_cache(maxsize=8)
def _mark(file: File, width: int, room: tuple[int, int], opacity: float, into: Colouring | None) -> Array:
    """The mark in its final size as red, green, blue, alpha from 0 to 1. Same-sized pictures share it."""
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
