"""CMYK and Lab to sRGB, with the profile of the file or the default CMYK profile."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from PIL import Image, ImageCms

from imgpar.core.blocks import Icc
from imgpar.pixels.colour import cmyk
from imgpar.pixels.colour.icc_header import profile_space


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a loaded CMYK or LAB image to an RGB image."""
    try:
        converted = ImageCms.profileToProfile(
            image,
            _profile(image) or _inks(),
            _srgb(),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except ImageCms.PyCMSError:
        converted = None
    return converted or image.convert("RGB")


def conversion_note(mode: str, icc: Icc) -> str:
    """The remark on the conversion for the report."""
    known = mode == "LAB" or profile_space(icc) == "CMYK"
    return f"{mode} was converted to sRGB" + ("" if known else f", without a profile: {cmyk.NAME}")


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    icc = Icc(image.info.get("icc_profile") or b"")
    if profile_space(icc) != "CMYK":
        return None
    try:
        return ImageCms.ImageCmsProfile(BytesIO(icc))
    except OSError:
        return None


@cache
def _inks() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(cmyk.cmyk_profile()))


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
