"""The operations as methods.

Written by scripts/make_signatures.py: change the declarations, not this file.
"""

from __future__ import annotations

import os
from typing import Literal, Self

from imgpar.api.typed import Blend, ColourValue, Focus, Gravity


class OperationMethods:
    """One method for each operation: its first parameter is the main value of the operation. Each
    returns a new pipeline with the operation at its end."""

    def _operation(self, name: str, value: object = None, /, **given: object) -> Self:
        raise NotImplementedError

    def auto_contrast(
        self,
        share: float | str = 0.0,
        *,
        separate: bool = False,
    ) -> Self:
        """Stretch the tones so that this share of the pixels becomes black, and as many white.

        The ends are those of luma, so hues are kept; with `separate` each channel has its own, which also
        removes a colour cast. Fully transparent pixels do not count; a picture of one tone is unchanged.
        Values are taken as they are encoded. Alpha is kept. Floats from 0 to 1 are measured in 65,536 steps.
        Clips and animations: on RGB, each frame by itself, so brightness may vary between frames.

        >>> from imgpar import Pipeline
        >>> Pipeline().auto_contrast("0.5%")
        Pipeline(auto_contrast)

        Args:
            share: share of the pixels clipped at each end, such as 0 or 1%.
            separate: stretch red, green and blue separately, which removes a colour cast.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("auto_contrast", share, separate=separate)

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

    def bilevel(self, limit: float | str | Literal["auto", "adaptive"]) -> Self:
        """Turn luma (BT.601) into black or white; the result has one channel, and alpha if the picture had
        it.

        A pixel is white if its luma is at least the given tone. `auto` finds the tone that separates two
        groups best (Otsu's method). `adaptive` compares with the mean around each pixel (a window of 1/8 of
        the shorter side; black is less than 85 % of it), for scans and photos of paper in uneven light. Fully
        transparent pixels do not count. PNG, TIFF and BMP are written with 1 bit (TIFF as CCITT group 4).
        Clips and animations: on RGB, each frame by itself.

        >>> from imgpar import Pipeline
        >>> Pipeline().bilevel("auto")
        Pipeline(bilevel)

        Args:
            limit: auto, adaptive, or a tone (0 to 255, or percent).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("bilevel", limit)

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

    def clahe(
        self,
        clip: float,
        *,
        tiles: str | tuple[int, int] = "8x8",
    ) -> Self:
        """Contrast limited adaptive histogram equalisation of luma (BT.601), as OpenCV's CLAHE; its change is
        added to every channel, so that hues are kept.

        The histogram of each tile is clipped at `clip` times its mean: 1 changes little, 4 is strong. Values
        are taken as they are encoded. Fully transparent pixels do not count; alpha is kept. All depths are
        equalised in 256 steps, between which 16 bits and floats are interpolated. Clips and animations: on
        RGB, each frame by itself.

        >>> from imgpar import Pipeline
        >>> Pipeline().clahe(2, tiles="4x4")
        Pipeline(clahe)

        Args:
            clip: limit of the contrast: 1 is little, 4 is strong.
            tiles: number of tiles across and down.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("clahe", clip, tiles=tiles)

    def composite(
        self,
        picture: str | os.PathLike[str],
        *,
        blend: Blend = "over",
        gravity: Gravity = "centre",
        margin: float | str = "0",
        opacity: float | str = 1.0,
        scale: float | str = 1.0,
        stretch: bool = False,
    ) -> Self:
        """Mix another picture with every picture: a frame, a texture, a background.

        It is scaled to fit into the picture (less the margin), or with `stretch` to exactly its size. `under`
        shows it through transparent parts only; the blend modes are those of the W3C (Compositing and
        Blending), on values as they are encoded. The transparency of the picture is kept where the other one
        has none. A coloured one converts a grey picture to RGB; its embedded ICC profile is applied. Floats
        are mixed as from 0 to 1. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().composite("logo.png", margin="5%")
        Pipeline(composite)

        Args:
            picture: the other picture.
            blend: how colours are mixed.
            gravity: the corner or side at which it is placed.
            margin: distance from the edges in pixels, or in percent of the shorter side.
            opacity: opacity of the other picture, 1 (or 100%) is opaque.
            scale: width of the other picture as a fraction of the picture's width.
            stretch: scale it to exactly the size of the picture.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation(
            "composite",
            picture,
            blend=blend,
            gravity=gravity,
            margin=margin,
            opacity=opacity,
            scale=scale,
            stretch=stretch,
        )

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
                colours and skin, entropy the part with most variety, faces those that are found (otherwise
                attention).

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("crop", region, gravity=gravity)

    def denoise(self, strength: float) -> Self:
        """Bilateral filter: average neighbours within 3 pixels whose colours are similar.

        The strength is the standard deviation of the noise, in tones from 0 to 255. Values are taken as they
        are encoded. Alpha is kept, and fully transparent pixels have no influence. Clips and animations: on
        RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().denoise(5)
        Pipeline(denoise)

        Args:
            strength: standard deviation of the noise in tones, 0 to 255.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("denoise", strength)

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

    def gamma(self, value: float) -> Self:
        """Raise every colour value to the power 1/gamma; black and white stay.

        Values are taken as they are encoded (about sRGB), not in linear light. Alpha is kept; floats may be
        brighter than white, and negative ones keep their sign. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().gamma(1.2)
        Pipeline(gamma)

        Args:
            value: the exponent's reciprocal; 1 changes nothing.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("gamma", value)

    def grey(self) -> Self:
        """Turn colours into grey by luma (ITU-R BT.601); the file gets one channel, and alpha if it had it.

        >>> from imgpar import Pipeline
        >>> Pipeline().grey()
        Pipeline(grey)
        """
        return self._operation("grey")

    def hue(self, degrees: float) -> Self:
        """Rotate all hues around the grey axis, as hue-rotate() of CSS (W3C Filter Effects): luma (BT.709) is
        kept where nothing is clipped.

        Values are taken as they are encoded. Alpha is kept. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().hue(90)
        Pipeline(hue)

        Args:
            degrees: the angle in degrees.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("hue", degrees)

    def invert(self) -> Self:
        """Replace every colour value by white minus the value, for film negatives and dark diagrams; alpha is
        kept.

        Floats brighter than white become negative. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().invert()
        Pipeline(invert)
        """
        return self._operation("invert")

    def levels(self, points: str | tuple[float, float] | tuple[float, float, float]) -> Self:
        """Stretch the tones between the black point and the white point to the whole range, then apply gamma.

        Values are taken as they are encoded (about sRGB), not in linear light. What is darker or brighter is
        clipped in integers, and lies below black or above white in floats. Alpha is kept. Clips and
        animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().levels("10,240")
        Pipeline(levels)

        Args:
            points: black point, white point (0 to 255, or percent) and perhaps gamma.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("levels", points)

    def lut(
        self,
        file: str | os.PathLike[str],
        *,
        strength: float | str = 1.0,
    ) -> Self:
        """Apply the look-up table of a .cube file: a curve for each channel, a cube (trilinear
        interpolation), or both.

        The table gets the values of the picture as they are encoded, in its own profile; values outside of
        the table's domain are clamped to it, so floats brighter than that lose their range. A grey picture
        becomes RGB where the table gives greys a colour. Alpha is kept. Clips and animations: on RGB, frame
        by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().lut("film.cube", strength="50%")
        Pipeline(lut)

        Args:
            file: the .cube file.
            strength: strength of the effect, 1 (or 100%) is full.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("lut", file, strength=strength)

    def median(self, size: int | str) -> Self:
        """Replace each colour value by the median of its neighbours: removes dust, specks and dead pixels,
        keeps edges.

        Edge pixels are repeated beyond the edge. Alpha is kept, and fully transparent pixels have no
        influence. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().median("3")
        Pipeline(median)

        Args:
            size: side of the window in pixels, 3 or 5.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("median", size)

    def normalise(self) -> Self:
        """Stretch all channels together so that the least value becomes 0 and the greatest 1; nothing is
        clipped.

        Floats may be outside of that range before: HDR is compressed to it. Fully transparent pixels do not
        count; a picture of one value is unchanged. Values are taken as they are encoded. Alpha is kept. Clips
        and animations: on RGB, each frame by itself.

        >>> from imgpar import Pipeline
        >>> Pipeline().normalise()
        Pipeline(normalise)
        """
        return self._operation("normalise")

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

    def pixelate(
        self,
        regions: str,
        *,
        grow: float | str | None = None,
        block: float | str | None = None,
        method: Literal["blocks", "blur"] = "blocks",
    ) -> Self:
        """Replace blocks by their mean colour, or blur, everywhere or in regions of the upright picture at
        this point of the recipe.

        A region that is outside of a picture is an error. Small blocks can be read in spite of it, and a blur
        can be reversed in part: to make text or faces unrecognisable for certain use `redact`. A region is
        blurred by itself, so nothing of it gets outside. Values are averaged as they are encoded, colours
        weighted by alpha. Faces need the package dlib-bin; its detector misses some, mostly those that are
        small, turned or covered, so the results have to be checked. The report says how many were found.
        Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().pixelate("30%x40%+10%+20%", grow="40%")
        Pipeline(pixelate)

        Args:
            regions: all, or regions (width x height + left + top, in pixels or percent), joined by commas;
                faces stands for all faces that are found.
            grow: what is added at each side of a face, in pixels or in percent of it (default: 40%).
            block: side of a block, or standard deviation of the blur, in pixels or in percent of the shorter
                side (default: 4%, and at least an eighth of the shorter side of a region).
            method: blocks, or blur: a Gaussian blur.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("pixelate", regions, grow=grow, block=block, method=method)

    def posterise(self, tones: int) -> Self:
        """Round every colour value to one of N equidistant ones, black and white among them.

        Values are taken as they are encoded. Alpha is kept. Floats above white are rounded with the same
        step. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().posterise("4")
        Pipeline(posterise)

        Args:
            tones: number of tones of each channel.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("posterise", tones)

    def qr(
        self,
        content: str,
        *,
        side: float | str = "25%",
        gravity: Gravity = "southeast",
        margin: float | str = "3%",
        dark: ColourValue = (0, 0, 0, 255),
        bright: ColourValue = (255, 255, 255, 255),
    ) -> Self:
        """Draw a QR code (error correction level M) with its empty border, every module of whole pixels.

        A module has at least one pixel; a picture with fewer pixels than modules is an error. Colours are
        given in sRGB and converted to the profile of the picture; coloured ones convert a grey picture to
        RGB. Readers expect dark on bright. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().qr("https://example.org", side="200")
        Pipeline(qr)

        Args:
            content: the text or link.
            side: greatest width of the code in pixels, or in percent of the shorter side; at least a pixel a
                module.
            gravity: the corner or side at which it is placed.
            margin: distance from the edges in pixels, or in percent of the shorter side.
            dark: colour of the modules.
            bright: colour of the background.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation(
            "qr",
            content,
            side=side,
            gravity=gravity,
            margin=margin,
            dark=dark,
            bright=bright,
        )

    def redact(
        self,
        regions: str,
        *,
        grow: float | str | None = None,
        fill: ColourValue = (0, 0, 0, 255),
    ) -> Self:
        """Fill regions of the upright picture at this point of the recipe with one colour: nothing of them is
        left, neither in the pixels nor in an embedded thumbnail or gain map.

        A region that is outside of a picture is an error, so that nothing stays visible by mistake. The
        colour is given in sRGB and converted to the profile of the picture. Faces need the package dlib-bin;
        its detector misses some, mostly those that are small, turned or covered, so the results have to be
        checked. The report says how many were found. Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().redact("30%x40%+10%+20%", grow="40%")
        Pipeline(redact)

        Args:
            regions: all, or regions (width x height + left + top, in pixels or percent), joined by commas;
                faces stands for all faces that are found.
            grow: what is added at each side of a face, in pixels or in percent of it (default: 40%).
            fill: the colour.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("redact", regions, grow=grow, fill=fill)

    def replace_colour(
        self,
        colour: ColourValue,
        *,
        replacement: ColourValue = (0, 0, 0, 0),
        tolerance: float | str = 25.5,
        softness: float | str = 0.0,
    ) -> Self:
        """Replace every pixel of about one colour, wherever it is, such as a white background by
        transparency.

        The distance of two colours is the root mean square of their differences in red, green and blue, as
        for ImageMagick's `-fuzz`. Up to `tolerance` a pixel is replaced; over the next `softness` tones the
        replacement fades out, for smooth edges. Colours are given in sRGB and converted to the profile of the
        picture; values are compared as they are encoded. The opacity of a replaced pixel is its own times
        that of the replacement. The picture gets alpha or colours where the replacement needs them. Clips and
        animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().replace_colour("white", replacement="#ff8800")
        Pipeline(replace_colour)

        Args:
            colour: the colour to replace.
            replacement: what replaces it.
            tolerance: greatest difference to the colour, 0 (only exactly this colour) to 255, or in percent.
            softness: range beyond the tolerance in which the replacement fades out, 0 to 255, or in percent.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation(
            "replace_colour",
            colour,
            replacement=replacement,
            tolerance=tolerance,
            softness=softness,
        )

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
            gravity: anchor of the crop (cover) or of the picture (contain); attention, entropy or faces
                choose it for cover.
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

    def sepia(self, share: float | str = 1.0) -> Self:
        """Multiply the colours by the sepia matrix of the W3C's Filter Effects, as CSS does.

        A grey picture becomes RGB. Values are taken as they are encoded. Alpha is kept; integers are clipped.
        Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().sepia("80%")
        Pipeline(sepia)

        Args:
            share: strength, 1 (or 100%) is full sepia.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("sepia", share)

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
            offset: distance to the right and downwards, such as 4,8; negative numbers (--offset=-4,2) are to
                the left and upwards (default: half of the blur downwards).
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
        threshold: float | str = 0.0,
    ) -> Self:
        """Unsharp mask: colour + amount · (colour − blurred colour), with a Gaussian blur of `sigma` pixels.

        Where the difference of a channel is at most `threshold` it is unchanged, so that noise and skin are
        not sharpened. Alpha is unchanged. Clips: on planar YUV of 8 bits; with a threshold on RGB.

        >>> from imgpar import Pipeline
        >>> Pipeline().sharpen(0.5, threshold="3")
        Pipeline(sharpen)

        Args:
            amount: strength of the mask.
            sigma: standard deviation of the blur in pixels.
            threshold: least difference that is sharpened, 0 to 255, or in percent.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("sharpen", amount, sigma=sigma, threshold=threshold)

    def tint(
        self,
        colour: ColourValue,
        *,
        strength: float | str = 1.0,
    ) -> Self:
        """Map luma (BT.601) to tones from black over the given colour to white: a monochrome picture, as in
        duotone prints.

        The colour is given in sRGB and converted to the profile of the picture. A grey picture becomes RGB
        where the colour is not grey. Values are taken as they are encoded. Alpha is kept. Clips and
        animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().tint("#4070a0", strength="50%")
        Pipeline(tint)

        Args:
            colour: the colour of the midtones.
            strength: strength of the effect, 1 (or 100%) is full.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("tint", colour, strength=strength)

    def vignette(
        self,
        strength: float | str,
        *,
        start: float | str = 0.3,
    ) -> Self:
        """Multiply colours by 1 − strength · t² · (3 − 2t), where t grows from 0 at `start` to 1 in the
        corners.

        Distances are from the centre, in half diagonals. Values are taken as they are encoded. Alpha is kept.
        Clips and animations: on RGB, frame by frame.

        >>> from imgpar import Pipeline
        >>> Pipeline().vignette("50%", start="50%")
        Pipeline(vignette)

        Args:
            strength: how much darker the corners become, 1 (or 100%) is black.
            start: distance from the centre at which darkening starts; 100% is the corner.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("vignette", strength, start=start)

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

    def white_balance(self, light: int | str | Literal["auto"]) -> Self:
        """Scale red, green and blue in linear light so that the light becomes neutral; luminance of grey is
        kept.

        `auto` is grey world: the mean of the visible pixels becomes grey, by gains of at most 4. A number is
        the colour temperature of the light in the scene, as in raw converters: a lower one makes the picture
        bluer, 6500 changes nothing. The transfer function is that of sRGB, whatever the profile. Grey
        pictures and alpha are unchanged. Clips and animations: on RGB; with `auto` each frame by itself.

        >>> from imgpar import Pipeline
        >>> Pipeline().white_balance("4500")
        Pipeline(white_balance)

        Args:
            light: auto, or kelvins from 2500 to 25000.

        Raises:
            BadValueError: a value is wrong.
        """
        return self._operation("white_balance", light)
