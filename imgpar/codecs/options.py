"""How outputs are written: the settings that are not operations, as recipe keys and flags."""

from __future__ import annotations

from dataclasses import dataclass

from imgpar import values
from imgpar.operations.base import Option, option

STRIP = ("gps", "exif", "xmp", "all")


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

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Field name → how it is given, as `Operation.options` does."""
        return {
            name: f.metadata["option"]
            for name, f in cls.__dataclass_fields__.items()
            if "option" in f.metadata
        }
