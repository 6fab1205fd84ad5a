"""resize: scale to a size, with four fit modes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import fill, layout_with, paste
from imgpar.pixels.geometry import (
    GRAVITIES,
    MAX_SIDE,
    Geometry,
    fractions,
    parse_geometry,
    parse_gravity,
    place,
    rounded,
)
from imgpar.pixels.linear_light import in_linear_light
from imgpar.pixels.resampling import resample

FITS = ("inside", "cover", "contain", "fill")


@dataclass(frozen=True)
class Resize(Operation):
    """Scale a picture with Lanczos.

    With both sides given, `cover` crops, `contain` pads and `fill` distorts to give exactly that size.
    Every other geometry keeps the aspect ratio of the picture, so these three scale to it exactly,
    smaller or larger. `inside` keeps the aspect ratio and enlarges only with `enlarge`.

    >>> Resize(parse_geometry("1920x1080")).plan(Spec(4000, 3000)).size
    (1440, 1080)
    >>> Resize(parse_geometry("1920x1080"), fit="cover").plan(Spec(4000, 3000)).size
    (1920, 1080)
    """

    name: ClassVar[str] = "resize"
    summary: ClassVar[str] = "scale to a size: 1920x1080, 1920x, x1080, 50%, 2MP or 1920 (longest edge)"

    geometry: Geometry = option(
        parse_geometry,
        "the size; one number is the longest edge (in ImageMagick: the width)",
        metavar="GEOMETRY",
        example="1920x1080",
    )
    fit: str = option(
        parsing.choice(*FITS),
        "inside: fit within the box; cover: fill the box and crop; contain: fit and pad; fill: ignore the "
        "aspect ratio",
        default="inside",
        choices=FITS,
        example="cover",
    )
    gravity: str = option(
        parse_gravity,
        "anchor of the crop (cover) or of the picture (contain)",
        default="centre",
        metavar="WHERE",
        choices=GRAVITIES,
        example="north",
    )
    enlarge: bool = option(parsing.switch, "allow inside to enlarge pictures", default=False)
    linear: bool = option(
        parsing.switch,
        "resample in linear light instead of gamma-encoded values; slower, accurate for fine bright detail",
        default=False,
    )
    background: Colour | None = option(
        parsing.colour,
        "padding colour of contain (default: transparent for pictures with alpha, otherwise white)",
        default=None,
        metavar="COLOUR",
        example="black",
    )

    def __post_init__(self) -> None:
        if self.geometry.percent > 100 and self.fit == "inside" and not self.enlarge:
            raise BadValueError(
                f"A resize to {self.geometry} enlarges pictures, which 'inside' does not do by default.",
                fix="Add --enlarge (enlarge = true in a recipe, enlarge=True in Python).",
            )

    def plan(self, spec: Spec) -> Spec:
        size = self._whole(spec) if self.fit == "inside" else self.geometry.box(*spec.size)
        if max(size) > MAX_SIDE:
            raise TransformError(
                f"Resizing {spec.width}x{spec.height} to {self.geometry} gives {size[0]}x{size[1]} pixels.",
                fix=f"Choose a size with sides up to {MAX_SIDE}.",
            )
        padded = self.fit == "contain" and size != self._whole(spec)
        return spec.resized(*size).converted(layout_with(spec, self.background if padded else None))

    def idle(self, spec: Spec) -> bool:
        return self.plan(spec) == spec

    def shrinks_to(self, spec: Spec) -> tuple[int, int] | None:
        width, height = self._whole(spec)
        # Scaled decoding averages gamma-encoded values.
        smaller = width < spec.width and height < spec.height and not self.linear
        return (width, height) if smaller else None

    def apply(self, src: Frame, dst: Frame) -> None:
        if self.linear and src.spec.size != dst.spec.size:
            in_linear_light(src, dst, lambda light, result: replace(self, linear=False).apply(light, result))
        elif self.fit == "cover" and self.geometry.exact:
            resample(src, dst, self._kept(src.spec, dst.spec))
        elif self.fit == "contain" and self.geometry.exact:
            self._pad(src, dst)
        else:
            resample(src, dst)

    def as_filter(self, spec: Spec) -> str | None:
        if self.fit == "contain" or self.linear:
            return None
        width, height = self._whole(spec)
        scale = f"scale={width}:{height}:flags=lanczos"
        size = self.plan(spec).size
        if size == (width, height):
            return scale
        x, y = place(self.gravity, (width, height), size)
        return f"{scale},crop={size[0]}:{size[1]}:{x}:{y}"

    def _whole(self, spec: Spec) -> tuple[int, int]:
        """The size of the whole scaled picture, before cover crops and contain pads."""
        width, height = self.geometry.box(*spec.size)
        if self.fit == "inside" and not self.enlarge and (width >= spec.width and height >= spec.height):
            return spec.size
        if not self.geometry.exact or self.fit == "fill":
            return (width, height)
        across, down = width / spec.width, height / spec.height
        scale = max(across, down) if self.fit == "cover" else min(across, down)
        # The limiting side is exact, in spite of rounding.
        return (
            width if scale == across else rounded(spec.width * scale),
            height if scale == down else rounded(spec.height * scale),
        )

    def _kept(self, src: Spec, dst: Spec) -> tuple[float, float, float, float]:
        """The part of the source that cover shows: left, top, right, bottom."""
        scale = max(dst.width / src.width, dst.height / src.height)
        width, height = dst.width / scale, dst.height / scale
        across, down = fractions(self.gravity)
        left, top = across * (src.width - width), down * (src.height - height)
        return (left, top, left + width, top + height)

    def _pad(self, src: Frame, dst: Frame) -> None:
        """Contain: scale into the middle of the padding, in place where the layouts agree."""
        import numpy as np

        size = self._whole(src.spec)
        x, y = place(self.gravity, dst.spec.size, size)
        if size != dst.spec.size:
            fill(dst, self.background)
        scaled = src.spec.resized(*size)
        if src.spec.layout == dst.spec.layout:
            part = dst.array[y : y + size[1], x : x + size[0]]
            resample(src, Frame(scaled, part), None)
        else:
            frame = Frame(scaled, np.empty(scaled.shape, scaled.dtype))
            resample(src, frame)
            paste(frame, dst, x, y)
