"""From CMYK and Lab to sRGB: through the file's own profile, or one for common inks."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from PIL import Image, ImageCms

from imgpar.pixels.colour import cmyk
from imgpar.pixels.colour.profiles import profile_space


def to_srgb(image: Image.Image) -> Image.Image:
    """An RGB image that looks the same; the input's mode is CMYK or LAB and it is already loaded."""
    profile, flags = _profile(image), ImageCms.Flags.BLACKPOINTCOMPENSATION
    if profile is None:
        # The black of the model is black already.
        profile, flags = _inks(), ImageCms.Flags.NONE
    try:
        converted = ImageCms.profileToProfile(
            image, profile, _srgb(), renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
            flags=flags,
        )  # fmt: skip
    except ImageCms.PyCMSError:
        converted = None
    return converted or image.convert("RGB")


def conversion_note(mode: str, icc: bytes) -> str:
    """What the report says about the conversion."""
    known = mode == "LAB" or profile_space(icc) == "CMYK"
    return f"{mode} was converted to sRGB" + ("" if known else f", without a profile: {cmyk.NAME}")


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    icc = image.info.get("icc_profile") or b""
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
