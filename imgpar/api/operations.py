"""The operations as methods.

Written by scripts/make_signatures.py: change the declarations, not this file.
"""

from __future__ import annotations

import os
from typing import Literal, Self

from imgpar.api.typed import ColourValue, Focus, Gravity


class OperationMethods:
    """One method for each operation: its first parameter is the main value of the operation. Each
    returns a new pipeline with the operation at its end."""

    def _operation(self, name: str, value: object = None, /, **given: object) -> Self:
        raise NotImplementedError

    def autocrop(
        self,
        tolerance: float = 10,
        *,
        background: ColourValue | None = None,
    ) -> Self:
        """Remove rows and columns at the edges whose pixels all have the colour of the border.

        The colour is that of the corners; where they differ, that of most of them. A picture of one colour
        stays whole. Transparent pixels are equal, whatever colour they hold. All layouts and depths; not for
        clips, whose frames have one size. Of an animation all frames keep what one of them needs.

        >>> from imgpar import Pipeline
        >>> Pipeline().autocrop(10, background="white")
        Pipeline(autocrop)

        Args:
            tolerance: difference from the colour of the border up to which a pixel belongs to it, in steps of
                8 bits.
            background: colour of the border (default: that of most corners).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("autocrop", tolerance, background=background)

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

    def border(
        self,
        width: float | str,
        *,
        colour: ColourValue | None = None,
        edges: Literal["colour", "mirror", "replicate"] = "colour",
    ) -> Self:
        """Add a border to every side, in one colour or from the pixels at the edge.

        All layouts and depths; a coloured border turns grey into RGB, a translucent one adds alpha. A border
        of one opaque colour is an ffmpeg filter where all widths are even.

        >>> from imgpar import Pipeline
        >>> Pipeline().border("20", colour="black")
        Pipeline(border)

        Args:
            width: width in pixels, in percent of the shorter side or with a unit: one for all sides, two (top
                and bottom, left and right) or four (top, right, bottom, left).
            colour: colour of the border (default: white).
            edges: what the border shows: a colour, the picture mirrored, or its outermost pixels repeated.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("border", width, colour=colour, edges=edges)

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
        region: str | int | tuple[int | None, int | None],
        *,
        gravity: Focus = "centre",
    ) -> Self:
        """Keep a region of a picture, clamped to the picture.

        >>> from imgpar import Pipeline
        >>> Pipeline().crop("800x600+10+20")
        Pipeline(crop)

        Args:
            region: the region to keep; a side that is not given is that of the picture.
            gravity: anchor of the region, unless an offset is given; attention keeps sharp detail, strong
                colours and skin, entropy the part with most variety.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("crop", region, gravity=gravity)

    def deskew(
        self,
        limit: float = 15.0,
        *,
        background: ColourValue | None = None,
    ) -> Self:
        """Measure by how much lines of text or rules are tilted, and rotate the picture by that angle.

        Nothing changes below 0.1 degrees, beyond the given angle, and where there are no lines to be
        measured, as in most photos. The canvas is enlarged to contain the corners. All layouts and depths;
        not for clips. The frames of an animation get the angle of the first one, pages of a document each its
        own.

        >>> from imgpar import Pipeline
        >>> Pipeline().deskew(15, background="white")
        Pipeline(deskew)

        Args:
            limit: greatest angle that is corrected, in degrees.
            background: colour of the corners (default: transparent for pictures with alpha, otherwise that of
                the edges).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("deskew", limit, background=background)

    def fade(self, share: float | str) -> Self:
        """Multiply the opacity of every pixel; colours are unchanged.

        All layouts and depths; the result has alpha. Formats without alpha show it on --background.

        >>> from imgpar import Pipeline
        >>> Pipeline().fade("50%")
        Pipeline(fade)

        Args:
            share: opacity that is left, 1 (or 100%) changes nothing.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("fade", share)

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
        canvas: str | int | tuple[int | None, int | None],
        *,
        gravity: Gravity = "centre",
        background: ColourValue | None = None,
    ) -> Self:
        """Add a border up to a minimum size or an exact aspect ratio; nothing is cropped or scaled.

        >>> from imgpar import Pipeline
        >>> Pipeline().pad("1:1", background="#f4f4f4")
        Pipeline(pad)

        Args:
            canvas: the least size or the aspect ratio of the canvas; a side that is not given is not padded.
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
        gravity: Focus = "centre",
        enlarge: bool = False,
        linear: bool = False,
        background: ColourValue | None = None,
        kernel: Literal["lanczos", "bicubic", "bilinear", "box", "nearest", "area"] | None = None,
        sharpen_after: float | None = None,
    ) -> Self:
        """Scale a picture, by default with Lanczos.

        With both sides given, `cover` crops, `contain` pads and `fill` distorts to give exactly that size.
        Every other geometry keeps the aspect ratio of the picture, so these three scale to it exactly,
        smaller or larger. `inside` keeps the aspect ratio and enlarges only with `enlarge`.

        >>> from imgpar import Pipeline
        >>> Pipeline().resize("1920x1080", fit="cover")
        Pipeline(resize)

        Args:
            geometry: the size; one number is the longest edge (in ImageMagick: the width); paper and sizes
                such as 10x15cm take the orientation of the picture (A4-landscape is fixed) and the density of
                --dpi.
            fit: inside: fit within the box; cover: fill the box and crop; contain: fit and pad; fill: ignore
                the aspect ratio.
            gravity: anchor of the crop (cover) or of the picture (contain); attention or entropy finds it for
                cover.
            enlarge: allow inside to enlarge pictures.
            linear: resample in linear light instead of gamma-encoded values; slower, accurate for fine bright
                detail.
            background: padding colour of contain (default: transparent for pictures with alpha, otherwise
                white).
            kernel: lanczos (default), bicubic, bilinear, box (mean of the area), or nearest, for pixel art:
                it adds no colours.
            sharpen_after: unsharp mask after a reduction, 0.3 is moderate; nothing where the picture is not
                reduced.

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
            kernel=kernel,
            sharpen_after=sharpen_after,
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

    def round_corners(self, radius: float | str) -> Self:
        """Round the corners, with antialiasing: each pixel keeps the share of its opacity that lies inside.

        All layouts and depths; the result has alpha. Formats without alpha show it on --background. A radius
        beyond half of the shorter side gives half of it: 50% of a square is a circle.

        >>> from imgpar import Pipeline
        >>> Pipeline().round_corners("5%")
        Pipeline(round_corners)

        Args:
            radius: radius in pixels, in percent of the shorter side (50% is a circle or half a circle), or
                with a unit.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("round_corners", radius)

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

    def shadow(
        self,
        softness: float | str,
        *,
        offset: str | tuple[float, float] | None = None,
        colour: ColourValue = (0, 0, 0, 255),
        opacity: float | str = 0.5,
    ) -> Self:
        """Lay the picture over its own shadow; the canvas grows by as much as the shadow needs.

        The shadow has the shape of the picture's alpha, so it follows round corners and cut-outs. All layouts
        and depths; the result has alpha. Formats without alpha show it on --background.

        >>> from imgpar import Pipeline
        >>> Pipeline().shadow("20", offset="4,8")
        Pipeline(shadow)

        Args:
            softness: width of the soft edge, as the blur radius in CSS: pixels, percent of the shorter side
                or a length with a unit; 0 is a hard edge.
            offset: distance to the right and downwards, such as 4,8; negative numbers are to the left and
                upwards (default: half of the blur downwards).
            colour: colour of the shadow.
            opacity: opacity of the shadow.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("shadow", softness, offset=offset, colour=colour, opacity=opacity)

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

        The built-in font covers English. Letters that it lacks are drawn in a system font that contains them,
        emoji in colour; an explicit font file gives the same result on every machine.

        >>> from imgpar import Pipeline
        >>> Pipeline().watermark_text("© Ada", size="48")
        Pipeline(watermark_text)

        Args:
            text: the text; \\n starts a new line.
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
