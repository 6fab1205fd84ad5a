"""resize: scale to a size, with four fit modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.sharpen import Sharpen
from imgpar.pixels.arrays import fill, layout_with, paste
from imgpar.pixels.attention import FOCUSES, find_focus, missed_faces, parse_focus
from imgpar.pixels.geometry import GRAVITIES, fractions, place, rounded
from imgpar.pixels.linear_light import in_linear_light, resample_light
from imgpar.pixels.papers import MAX_SIDE
from imgpar.pixels.resampling import KERNELS, LANCZOS, Box, resample
from imgpar.pixels.sizes import Geometry, parse_geometry

FITS = ("inside", "cover", "contain", "fill")
_SWSCALE = {"box": "area", "nearest": "neighbor"}
"""Kernels with another name in ffmpeg's scaler."""
_AFTER_SIGMA = 0.6
"""Standard deviation in pixels of the mask after a reduction: it lifts the finest detail that is left."""


@dataclass(frozen=True)
class Resize(Operation):
    """Scale a picture, by default with Lanczos.

    With both sides given, `cover` crops, `contain` pads and `fill` distorts to give exactly that size.
    Every other geometry keeps the aspect ratio of the picture, so these three scale to it exactly,
    smaller or larger. `inside` keeps the aspect ratio and enlarges only with `enlarge`.

    >>> Resize(parse_geometry("1920x1080")).plan(Spec(4000, 3000)).size
    (1440, 1080)
    >>> Resize(parse_geometry("1920x1080"), fit="cover").plan(Spec(4000, 3000)).size
    (1920, 1080)
    >>> Resize(parse_geometry("10x15cm"), fit="cover").plan(Spec(4000, 3000)).size
    (1772, 1181)
    """

    name: ClassVar[str] = "resize"
    summary: ClassVar[str] = (
        "scale to a size: 1920x1080, 1920x, x1080, 50%, 2MP, 1920 (longest edge), short=800, 10x15cm, A4"
    )

    geometry: Geometry = option(
        parse_geometry,
        "the size; one number is the longest edge (in ImageMagick: the width); paper and sizes such as "
        "10x15cm take the orientation of the picture (A4-landscape is fixed) and the density of --dpi",
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
        parse_focus,
        "anchor of the crop (cover) or of the picture (contain); attention, entropy or faces choose it for "
        "cover",
        default="centre",
        metavar="WHERE",
        choices=FOCUSES,
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
    kernel: str | None = option(
        parsing.choice(*KERNELS, aliases={"area": "box"}),
        "lanczos (default), bicubic, bilinear, box (mean of the area), or nearest, for pixel art: it adds no "
        "colours",
        default=None,
        metavar="KERNEL",
        choices=KERNELS,
        example="nearest",
    )
    sharpen_after: float | None = option(
        parsing.number(0, 20),
        "unsharp mask after a reduction, 0.3 is moderate; nothing where the picture is not reduced",
        default=None,
        metavar="AMOUNT",
        example="0.3",
    )
    at: tuple[float, float] | None = field(default=None, repr=False)
    """Position of the part that cover keeps, each from 0 to 1, instead of the gravity."""
    part: Box | None = field(default=None, repr=False)
    """The part of each frame that is picture; None is all of it."""

    def __post_init__(self) -> None:
        if self.gravity not in GRAVITIES and self.fit != "cover":
            raise BadValueError(
                f"The gravity {self.gravity} chooses what a crop keeps, and {self.fit} crops nothing.",
                fix='Add --fit cover (fit = "cover" in a recipe), or choose a side.',
            )
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

    @property
    def looks(self) -> bool:
        return self.gravity not in GRAVITIES and self.geometry.exact and self.at is None

    def settled(self, frames: Sequence[Frame]) -> Operation:
        if not self.looks:
            return self
        spec = frames[0].spec
        width, height = self.plan(spec).size
        scale = max(width / spec.width, height / spec.height)
        window = min(rounded(width / scale), spec.width), min(rounded(height / scale), spec.height)
        decided, at = find_focus(self.gravity, frames, window)
        return replace(self, gravity=decided, at=at)

    def check(self) -> None:
        if self.gravity == "faces":
            from imgpar.pixels.faces import require_faces

            require_faces()

    def remark(self, settled: Sequence[Operation], spec: Spec) -> str:  # noqa: ARG002
        return next((missed_faces(self.gravity, one.gravity, self.name) for one in settled), "")  # type: ignore[attr-defined]

    def shrinks_to(self, spec: Spec) -> tuple[int, int] | None:
        width, height = self._whole(spec)
        # Scaled decoding averages gamma-encoded values.
        averages = self.linear or self._kernel == "nearest"
        smaller = width < spec.width and height < spec.height and not averages
        return (width, height) if smaller else None

    def within(self, box: Box) -> Operation:
        return replace(self, part=box)

    def plane_kernel(self, spec: Spec) -> str:  # noqa: ARG002
        return "" if self.sharpen_after else self._kernel

    def apply(self, src: Frame, dst: Frame) -> None:
        if self.fit == "cover" and self.geometry.exact:
            self._scale(src, dst, self._kept(src.spec, dst.spec))
        elif self.fit == "contain" and self._has_box(src.spec, dst.spec):
            self._pad(src, dst)
        else:
            self._scale(src, dst)

    def as_filter(self, spec: Spec) -> str | None:
        width, height = self._whole(spec)
        if self.fit == "contain" or self.linear or self.looks or self._sharpens(spec, (width, height)):
            return None
        scale = f"scale={width}:{height}:flags={_SWSCALE.get(self._kernel, self._kernel)}"
        size = self.plan(spec).size
        if size == (width, height):
            return scale
        x, y = place(self.gravity, (width, height), size)
        return f"{scale},crop={size[0]}:{size[1]}:{x}:{y}"

    @property
    def _kernel(self) -> str:
        return self.kernel or LANCZOS

    def _sharpens(self, spec: Spec, size: tuple[int, int]) -> bool:
        """Whether a picture scaled to this size is reduced, and sharpened afterwards."""
        return bool(self.sharpen_after) and size[0] * size[1] < spec.width * spec.height

    def _scale(self, src: Frame, dst: Frame, box: Box | None = None) -> None:
        """Scale `src` or a part of it to the size of `dst`, and sharpen it where it is reduced."""
        box = box or self.part
        left, top, right, bottom = box or (0, 0, *src.spec.size)
        part = Spec(max(1, round(right - left)), max(1, round(bottom - top)))
        linear = self.linear and self._kernel != "nearest"
        if not self._sharpens(part, dst.spec.size):
            (resample_light if linear else resample)(src, dst, box, self._kernel)
        elif linear:
            in_linear_light(src, dst, lambda light, result: self._sharpened(light, result, box))
        else:
            self._sharpened(src, dst, box)

    def _sharpened(self, src: Frame, dst: Frame, box: Box | None) -> None:
        import numpy as np

        scaled = Frame(dst.spec, np.empty(dst.spec.shape, dst.spec.dtype))
        resample(src, scaled, box, self._kernel)
        sharp = Frame(dst.spec, np.ascontiguousarray(dst.array))
        Sharpen(self.sharpen_after or 0, _AFTER_SIGMA).apply(scaled, sharp)
        if sharp.array is not dst.array:
            np.copyto(dst.array, sharp.array)

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
        left, top, right, bottom = self.part or (0.0, 0.0, *src.size)
        scale = max(dst.width / (right - left), dst.height / (bottom - top))
        width, height = dst.width / scale, dst.height / scale
        across, down = self.at or fractions(self.gravity)
        left, top = left + across * (right - left - width), top + down * (bottom - top - height)
        return (left, top, left + width, top + height)

    def _has_box(self, src: Spec, dst: Spec) -> bool:
        """Whether the result may be padded: not where the source is still stored on its side, as only
        pictures that fill the box are scaled before they are turned."""
        return self.geometry.exact and self.geometry.box(*src.size) == dst.size

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
            self._scale(src, Frame(scaled, part))
        else:
            frame = Frame(scaled, np.empty(scaled.shape, scaled.dtype))
            self._scale(src, frame)
            paste(frame, dst, x, y)
