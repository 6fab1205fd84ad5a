"""The operations as methods.

Written by scripts/make_signatures.py: change the declarations, not this file.
"""

from __future__ import annotations

import os
from typing import Literal, Self

from imgpar.api.typed import ColourValue, Gravity


class OperationMethods:
    """One method for each operation: its first parameter is the main value of the operation. Each
    returns a new pipeline with the operation at its end."""

    def _operation(self, name: str, value: object = None, /, **given: object) -> Self:
        raise NotImplementedError

    def blur(self, sigma: float) -> Self:
        """Gaussian blur. Transparent pixels do not bleed into visible ones.

        >>> from imgpar import Pipeline
        >>> Pipeline().blur(2)
        Pipeline(blur)

        Args:
            sigma: standard deviation in pixels.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("blur", sigma)

    def brightness(self, factor: float) -> Self:
        """Multiply every colour by a factor; 0 is black.

        >>> from imgpar import Pipeline
        >>> Pipeline().brightness(1.2)
        Pipeline(brightness)

        Args:
            factor: the factor; 1 changes nothing.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("brightness", factor)

    def contrast(self, factor: float) -> Self:
        """Move every colour away from the picture's mean grey by a factor: mean + factor · (colour − mean).

        >>> from imgpar import Pipeline
        >>> Pipeline().contrast(1.1)
        Pipeline(contrast)

        Args:
            factor: the factor; 1 changes nothing.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("contrast", factor)

    def crop(
        self,
        region: str | tuple[int, int],
        *,
        gravity: Gravity = "centre",
    ) -> Self:
        """Keep a region of a picture, clamped to the picture.

        >>> from imgpar import Pipeline
        >>> Pipeline().crop("800x600+10+20")
        Pipeline(crop)

        Args:
            region: the region to keep.
            gravity: anchor of the region, unless an offset is given.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("crop", region, gravity=gravity)

    def flip(self, direction: Literal["horizontal", "vertical", "h", "v"]) -> Self:
        """Mirror a picture: horizontal swaps left and right, vertical swaps top and bottom.

        >>> from imgpar import Pipeline
        >>> Pipeline().flip("horizontal")
        Pipeline(flip)

        Args:
            direction: horizontal or vertical.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("flip", direction)

    def grey(self) -> Self:
        """Turn colours into grey by luma (ITU-R BT.601); the file gets one channel, and alpha if it had it.

        >>> from imgpar import Pipeline
        >>> Pipeline().grey()
        Pipeline(grey)
        """
        return self._operation("grey")

    def pad(
        self,
        canvas: str | tuple[int, int],
        *,
        gravity: Gravity = "centre",
        background: ColourValue | None = None,
    ) -> Self:
        """Add a border up to a minimum size or an exact aspect ratio; nothing is cropped or scaled.

        >>> from imgpar import Pipeline
        >>> Pipeline().pad("1:1", background="#f4f4f4")
        Pipeline(pad)

        Args:
            canvas: the size or aspect ratio of the canvas.
            gravity: position of the picture on the canvas.
            background: colour of the border (default: transparent for pictures with alpha, otherwise white).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("pad", canvas, gravity=gravity, background=background)

    def resize(
        self,
        geometry: str | int | tuple[int | None, int | None],
        *,
        fit: Literal["inside", "cover", "contain", "fill"] = "inside",
        gravity: Gravity = "centre",
        enlarge: bool = False,
        linear: bool = False,
        background: ColourValue | None = None,
    ) -> Self:
        """Scale a picture with Lanczos.

        With both sides given, `cover` crops, `contain` pads and `fill` distorts to give exactly that size.
        Every other geometry keeps the aspect ratio of the picture, so these three scale to it exactly,
        smaller or larger. `inside` keeps the aspect ratio and enlarges only with `enlarge`.

        >>> from imgpar import Pipeline
        >>> Pipeline().resize("1920x1080", fit="cover")
        Pipeline(resize)

        Args:
            geometry: the size; one number is the longest edge (in ImageMagick: the width).
            fit: inside: fit within the box; cover: fill the box and crop; contain: fit and pad; fill: ignore
                the aspect ratio.
            gravity: anchor of the crop (cover) or of the picture (contain).
            enlarge: allow inside to enlarge pictures.
            linear: resample in linear light instead of gamma-encoded values; slower, accurate for fine bright
                detail.
            background: padding colour of contain (default: transparent for pictures with alpha, otherwise
                white).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation(
            "resize",
            geometry,
            fit=fit,
            gravity=gravity,
            enlarge=enlarge,
            linear=linear,
            background=background,
        )

    def rotate(
        self,
        degrees: float,
        *,
        background: ColourValue | None = None,
    ) -> Self:
        """Rotate a picture clockwise. Multiples of 90 are lossless.

        Other angles use bicubic interpolation on a canvas that contains the whole rotated picture.

        >>> from imgpar import Pipeline
        >>> Pipeline().rotate(90, background="black")
        Pipeline(rotate)

        Args:
            degrees: the angle; negative values rotate counter-clockwise.
            background: colour of the corners (default: transparent for pictures with alpha, otherwise white).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("rotate", degrees, background=background)

    def saturation(self, factor: float) -> Self:
        """Scale every colour around its own luma: grey + factor · (colour − grey).

        >>> from imgpar import Pipeline
        >>> Pipeline().saturation(1.3)
        Pipeline(saturation)

        Args:
            factor: the factor; 1 changes nothing.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("saturation", factor)

    def sharpen(
        self,
        amount: float = 0.5,
        *,
        sigma: float = 1.0,
    ) -> Self:
        """Unsharp mask: colour + amount · (colour − blurred colour), with a Gaussian blur of `sigma` pixels.

        Alpha is unchanged.

        >>> from imgpar import Pipeline
        >>> Pipeline().sharpen(0.5)
        Pipeline(sharpen)

        Args:
            amount: strength of the mask.
            sigma: standard deviation of the blur in pixels.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("sharpen", amount, sigma=sigma)

    def watermark(
        self,
        image: str | os.PathLike[str],
        *,
        gravity: Gravity = "southeast",
        margin: float | str = "3%",
        opacity: float | str = 1.0,
        scale: float | str = 0.2,
        tile: bool = False,
    ) -> Self:
        """Composite a picture, preferably a PNG with alpha, over every picture.

        A coloured watermark converts a grey picture to RGB. It is scaled down where it does not fit between
        the margins. Its embedded ICC profile is applied.

        >>> from imgpar import Pipeline
        >>> Pipeline().watermark("logo.png", margin="5%")
        Pipeline(watermark)

        Args:
            image: the picture to composite.
            gravity: the corner or side at which it is placed.
            margin: distance from the edges in pixels, or in percent of the shorter side.
            opacity: opacity of the watermark, 1 (or 100%) is opaque.
            scale: width of the watermark as a fraction of the picture's width.
            tile: repeat it over the whole picture, spaced by the margin.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation(
            "watermark",
            image,
            gravity=gravity,
            margin=margin,
            opacity=opacity,
            scale=scale,
            tile=tile,
        )

    def watermark_text(
        self,
        text: str,
        *,
        size: float | str = "5%",
        colour: ColourValue = (255, 255, 255, 255),
        outline: ColourValue = (0, 0, 0, 0),
        opacity: float | str = 0.7,
        gravity: Gravity = "southeast",
        margin: float | str = "3%",
        font: str | os.PathLike[str] = "",
        tile: bool = False,
    ) -> Self:
        """Draw text over every picture.

        Fields in braces insert what is known of the picture: `{date:%d.%m.%Y}`, `{filename}`, `{stem}`,
        `{copyright}`, `{artist}`, `{title}`, `{description}`, `{city}`, `{country}`, `{gps}`, `{camera}`,
        `{lens}`, `{exposure}`, `{width}`, `{height}`. A missing one is empty, or the text behind a bar:
        `{title|untitled}`. What is stripped is missing. A text that is too wide is broken at spaces; one that
        is too large is drawn smaller.

        The built-in font covers English. Letters that it lacks are drawn in a system font that contains them,
        emoji in colour; an explicit font file gives the same result on every machine.

        >>> from imgpar import Pipeline
        >>> Pipeline().watermark_text("© Ada", size="48")
        Pipeline(watermark_text)

        Args:
            text: the text; \\n starts a new line; {date:%d.%m.%Y}, {filename}, {copyright}, {title}, {camera}
                … insert what the metadata say, {title|untitled} a text where they say nothing, {{ }} are
                braces.
            size: height of the letters in pixels, or in percent of the shorter side.
            colour: colour of the letters.
            outline: colour of an outline around the letters, for legibility on bright and dark pictures.
            opacity: opacity of the text, 1 (or 100%) is opaque.
            gravity: the corner or side at which it is placed.
            margin: distance from the edges in pixels, or in percent of the shorter side.
            font: a TrueType or OpenType font file (default: the built-in font, with system fonts for letters
                it lacks).
            tile: repeat it over the whole picture, spaced by the margin.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation(
            "watermark_text",
            text,
            size=size,
            colour=colour,
            outline=outline,
            opacity=opacity,
            gravity=gravity,
            margin=margin,
            font=font,
            tile=tile,
        )
