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
        """Soften with a Gaussian; the number is its sigma in pixels.

        Gaussian blur. Transparent pixels do not bleed into visible ones.

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
        """Lighter or darker: 1 changes nothing, 0 is black, 1.2 is a fifth lighter.

        Multiply every colour by a factor; 0 is black.

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
        """More or less contrast: 1 changes nothing, 0 is plain grey.

        Move every colour away from the picture's mean grey by a factor: mean + factor · (colour − mean).

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
        """Keep a part: 800x600, 800x600+10+20 (from the top left) or an aspect such as 16:9.

        Keep a part of a picture, never more than there is.

        >>> from imgpar import Pipeline
        >>> Pipeline().crop("800x600+10+20")
        Pipeline(crop)

        Args:
            region: the part to keep.
            gravity: which part, unless an offset says it.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("crop", region, gravity=gravity)

    def flip(self, direction: Literal["horizontal", "vertical", "h", "v"]) -> Self:
        """Mirror: horizontal swaps left and right, vertical top and bottom.

        Mirror a picture: horizontal swaps left and right, vertical swaps top and bottom.

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
        """Turn colours into grey, stored as one channel.

        Turn colours into grey by luma (ITU-R BT.601); the file gets one channel, and alpha if it had it.

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
        """Add a border up to a size such as 1920x1080, or to a shape such as 1:1.

        Add a border so that the picture has at least a size, or exactly a shape; nothing is cut or scaled.

        >>> from imgpar import Pipeline
        >>> Pipeline().pad("1:1", background="#f4f4f4")
        Pipeline(pad)

        Args:
            canvas: the size or shape to reach.
            gravity: where the picture lies on the canvas.
            background: colour of the border; transparent where the picture has transparency, otherwise white.

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
        """Scale to a size: 1920x1080, 1920x, x1080, 50%, 2MP or 1920 (longest edge).

        Scale a picture with Lanczos.

        With both sides given, `cover` crops, `contain` pads and `fill` distorts to give exactly that size.
        Every other geometry has the shape of the picture itself, so these three scale to it exactly, smaller
        or larger. `inside` keeps the shape and never makes a picture larger unless told to.

        >>> from imgpar import Pipeline
        >>> Pipeline().resize("1920x1080", fit="cover")
        Pipeline(resize)

        Args:
            geometry: the size; one number is the longest edge (in magick it is the width).
            fit: inside: as large as fits; cover: fill the box and crop; contain: fit and pad; fill: distort.
            gravity: which part cover keeps, or where contain puts the picture.
            enlarge: let inside make pictures larger.
            linear: mix amounts of light, not coded values; slower, right for fine bright detail.
            background: colour that contain pads with; transparent where the picture has transparency,
                otherwise white.

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
        """Turn clockwise by degrees; the canvas grows to hold the corners.

        Turn a picture clockwise. Multiples of 90 move pixels without changing one.

        Other angles interpolate (bicubic) on a canvas that holds the whole turned picture.

        >>> from imgpar import Pipeline
        >>> Pipeline().rotate(90, background="black")
        Pipeline(rotate)

        Args:
            degrees: the angle; negative turns the other way.
            background: colour of the corners; transparent where the picture has transparency, otherwise
                white.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("rotate", degrees, background=background)

    def saturation(self, factor: float) -> Self:
        """Stronger or paler colours: 1 changes nothing, 0 is grey.

        Move every colour away from its own grey by a factor: grey + factor · (colour − grey).

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
        """Bring out details (unsharp mask): 0 changes nothing, 0.5 is gentle, 2 is strong.

        Unsharp mask: colour + amount · (colour − blurred colour), with a Gaussian blur of `sigma` pixels.

        Alpha stays as it is.

        >>> from imgpar import Pipeline
        >>> Pipeline().sharpen(0.5)
        Pipeline(sharpen)

        Args:
            amount: how much.
            sigma: size of the details, as a blur's sigma in pixels.

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
        """Lay a picture (best a PNG with transparency) over every picture.

        Lay a picture, best a PNG with transparency, over every picture.

        A mark with colours makes a grey picture one of colours. It is made smaller where it would not fit
        between the margins. Its own ICC profile counts.

        >>> from imgpar import Pipeline
        >>> Pipeline().watermark("logo.png", margin="5%")
        Pipeline(watermark)

        Args:
            image: the picture to lay over.
            gravity: the corner or side where it lies.
            margin: distance from the edges, in pixels or percent of the shorter side.
            opacity: how much of the picture below it hides.
            scale: its width, as a share of the picture's width.
            tile: repeat it over the whole picture, margins between.

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
        """Write words over every picture.

        Write words over every picture.

        The built-in font has English letters. A letter that it lacks is drawn in a font of the system that
        has it, emoji in their colours; a font file gives the same result on every machine.

        >>> from imgpar import Pipeline
        >>> Pipeline().watermark_text("© Ada", size="48")
        Pipeline(watermark_text)

        Args:
            text: the words; \\n starts a new line.
            size: height of the letters, in pixels or percent of the shorter side.
            colour: colour of the letters.
            outline: colour of a thin line around the letters, for bright and dark pictures alike.
            opacity: how much of the picture below it hides.
            gravity: the corner or side where it lies.
            margin: distance from the edges, in pixels or percent of the shorter side.
            font: a TrueType or OpenType file.
            tile: repeat it over the whole picture, margins between.

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
