"""watermark: a picture over every picture."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar import values
from imgpar.errors import BadValueError, TransformError
from imgpar.model import Frame
from imgpar.operations.base import Operation, option
from imgpar.operations.geometry import (
    GRAVITIES,
    Length,
    parse_gravity,
    parse_length,
    parse_share,
    rounded,
)
from imgpar.operations.marks import lay

if TYPE_CHECKING:
    import numpy as np


_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Those that Pillow reads itself: it would start Ghostscript for others."""


def parse_file(value: object) -> str:
    """A path, absolute from now on: workers need not have the caller's working directory."""
    return os.path.abspath(values.text(os.fspath(value) if isinstance(value, os.PathLike) else value))


@dataclass(frozen=True)
class Watermark(Operation):
    """Lay a picture, best a PNG with transparency, over every picture.

    On a grey picture the mark is grey. It is made smaller where it would not fit between the margins.
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
    tile: bool = option(values.switch, "repeat it over the whole picture, margins between", default=False)

    def apply(self, src: Frame, dst: Frame) -> None:
        width, height = dst.spec.size
        margin = self.margin.pixels(min(width, height))
        try:
            found = os.stat(self.image)
            mark = _mark(
                (self.image, found.st_size, found.st_mtime_ns),
                rounded(width * self.scale),
                (max(1, width - 2 * margin), max(1, height - 2 * margin)),
                self.opacity,
            )
        except (OSError, ValueError) as error:
            raise TransformError(
                f"The watermark {self.image} cannot be read: {error}.", fix="Give a PNG, JPEG or WebP file."
            ) from error
        lay(src, dst, mark, self.gravity, margin, tile=self.tile)

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


@lru_cache(maxsize=8)
def _mark(
    file: tuple[str, int, int], width: int, room: tuple[int, int], opacity: float
) -> np.ndarray[Any, Any]:
    """The mark in its final size as red, green, blue, alpha from 0 to 1. Same-sized pictures share it."""
    import numpy as np
    from PIL import Image, ImageOps

    with open(file[0], "rb") as whole, Image.open(io.BytesIO(whole.read()), formats=_FORMATS) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGBA")
    scale = min(width / image.width, room[0] / image.width, room[1] / image.height)
    image = image.resize(
        (rounded(image.width * scale), rounded(image.height * scale)), Image.Resampling.LANCZOS
    )
    mark = np.asarray(image, np.float32) / 255
    mark[..., 3] *= opacity
    return mark
