"""How outputs are written: the settings that are not operations, as recipe keys and flags."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from imgpar import values
from imgpar.errors import bad_value
from imgpar.operations.base import Option, option

STRIP = ("gps", "exif", "xmp", "all")

PROFILES = ("srgb", "p3")


@dataclass(frozen=True, slots=True)
class ColourTarget:
    """A colour profile that is wanted: one of `PROFILES`, or a file and its content."""

    name: str
    icc: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        return self.name


def colour_target(value: object) -> ColourTarget:
    """`srgb`, `p3`, or the path of an ICC profile for RGB.

    >>> str(colour_target("sRGB"))
    'srgb'
    """
    if isinstance(value, ColourTarget):
        return value
    if str(value).lower() in PROFILES:
        return ColourTarget(str(value).lower())
    if isinstance(value, str) and Path(value).is_file():
        icc = Path(value).read_bytes()
        if icc[36:40] == b"acsp" and icc[16:20] == b"RGB ":
            return ColourTarget(value, icc)
    raise bad_value(values.VALUE, "srgb, p3 or the file of an RGB profile", value, PROFILES)


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """Settings of the encoders; None leaves the choice to the format's own default."""

    quality: int | None = option(
        values.integer(1, 100),
        "visible quality, 1 to 100, the same scale for every format",
        default=None,
        metavar="N",
        example="82",
    )
    lossless: bool = option(values.switch, "keep every pixel exactly, where the format can", default=False)
    effort: int | None = option(
        values.integer(0, 10),
        "0 is fastest, 10 makes the smallest files",
        default=None,
        metavar="N",
        example="4",
    )
    strip: str = option(
        values.choice(*STRIP, aliases={}),
        "metadata to leave out: gps, exif, xmp or all (the colour profile is kept)",
        default="",
        metavar="WHAT",
        choices=STRIP,
        example="gps",
    )
    background: tuple[int, int, int, int] = option(
        values.colour,
        "colour behind transparent pixels where the format has no transparency",
        default=(255, 255, 255, 255),
        metavar="COLOUR",
        example="white",
    )
    colour: ColourTarget | None = option(
        colour_target,
        "convert to srgb, p3 or the profile in a file (relative colorimetric); default: the input's own",
        default=None,
        metavar="PROFILE",
        example="srgb",
    )
    density: float | None = option(
        values.number(1, 10000),
        "dots per inch at which PDF (150) and SVG (96) become pixels",
        default=None,
        metavar="DPI",
        example="300",
    )

    def identity(self) -> str:
        """What, beside the fields, makes two settings the same: a digest of the profile that is used."""
        return hashlib.sha256(self.colour.icc).hexdigest() if self.colour and self.colour.icc else ""

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Field name → how it is given, as `Operation.options` does."""
        return {
            name: f.metadata["option"]
            for name, f in cls.__dataclass_fields__.items()
            if "option" in f.metadata
        }
