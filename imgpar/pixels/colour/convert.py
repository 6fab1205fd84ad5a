"""Conversion between colour profiles, relative colorimetric with black point compensation.

8 bits are converted by LittleCMS in Pillow. 16 bits and floats, which Pillow does not support there, are
converted with the tone curves and matrix of the profiles. Table-based profiles are applied by LittleCMS in
imagecodecs; where that is not installed, with 8 bits, which is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from imgpar.core.spec import Frame, Spec
from imgpar.pixels.colour import matrix_profiles, profiles
from imgpar.pixels.colour.matrix_profiles import ColourSpace
from imgpar.pixels.layouts import BAND, PEAK, convert_layout

Array = np.ndarray[Any, Any]

_SAMPLES = 1 << 16
_OUTSIDE = 0.01
"""A colour is out of gamut if a linear value misses the target by more than this."""
_ENOUGH = 0.001
"""Minimum share of out-of-gamut pixels for a reported loss."""
_TINT = 8 / 255


def grey_to_srgb(frames: Sequence[Frame], icc: bytes) -> tuple[str, ...]:
    """Convert pixels with a grey profile to sRGB, in place; they may have equal colour channels.

    Returns:
        A remark where nothing was done, because the profile cannot be used for these pixels.
    """
    if is_same(icc, profiles.srgb()):
        return ()
    if _transform(icc, profiles.srgb()) is None or any(map(_has_colours, frames)):
        return ("its colour profile, one for grey, cannot be used; taken as sRGB",)
    for frame in frames:
        np.copyto(frame.array, converted(frame, icc, profiles.srgb()).array)
    return ()


def is_same(source: bytes, target: bytes) -> bool:
    """Whether two profiles give every pixel the same colour."""
    one, other = matrix_profiles.parse_profile(source), matrix_profiles.parse_profile(target)
    if one is None or other is None:
        return False
    if one.grey and not other.grey:  # grey is equal with the same transfer function, whatever the primaries
        return bool(np.abs(one.curves - other.curves).max() < matrix_profiles.STEP)
    return matrix_profiles.alike(one, other)


def _has_colours(frame: Frame) -> bool:
    """Whether channels differ by more than compression artefacts of grey."""
    if frame.spec.grey:
        return False
    pixels = frame.array.reshape(-1, frame.spec.channels)
    sample = pixels[:: max(len(pixels) // _SAMPLES, 1), :3] / PEAK[frame.spec.dtype]
    return bool((np.ptp(sample, axis=-1) > _TINT).mean() > _ENOUGH)


def in_colour(frame: Frame) -> Frame:
    """A grey frame with three equal channels; alpha is kept."""
    spec = frame.spec.converted("RGBA" if frame.spec.alpha else "RGB")
    result = Frame(spec, np.empty(spec.shape, spec.dtype))
    convert_layout(frame, result)
    return result


def _arithmetic(source: bytes, target: bytes) -> tuple[ColourSpace, ColourSpace] | None:
    one, other = matrix_profiles.parse_profile(source), matrix_profiles.parse_profile(target)
    return None if one is None or other is None or other.grey else (one, other)


@lru_cache(maxsize=8)
def _transform(source: bytes, target: bytes) -> Any:
    """LittleCMS transform to RGB; None where one of the profiles cannot be used."""
    mode = "L" if source[16:20] == b"GRAY" else "RGB"
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if mode == "L":  # optimised, dark values of a steep curve are up to ten steps away
        flags |= ImageCms.Flags.NOOPTIMIZE
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(source)), ImageCms.ImageCmsProfile(BytesIO(target)), mode, "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=flags,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError):
        return None


def converted(frame: Frame, source: bytes, target: bytes) -> Frame:
    """Convert a frame; the result has the same spec and owns its memory."""
    spec = frame.spec
    spaces = _arithmetic(source, target)
    engine = _wide_engine() if spaces is None and spec.dtype != "uint8" else None
    if engine is not None:
        return _with_engine(engine, frame, source, target)
    if spec.dtype == "uint8" or spaces is None:
        narrow = frame
        if spec.dtype != "uint8":
            eight = spec.converted(spec.layout, "uint8")
            narrow = Frame(eight, np.empty(eight.shape, np.uint8))
            convert_layout(frame, narrow)
        made = _with_littlecms(narrow, _transform(source, target))
        if spec.dtype == "uint8":
            return made
        result = Frame(spec, np.empty(spec.shape, spec.dtype))
        convert_layout(made, result)
        return result
    result = Frame(spec, frame.array.copy())
    rows = max(BAND // max(spec.width, 1), 1)
    count = 1 if spec.grey else 3
    for top in range(0, spec.height, rows):
        band = result.array[top : top + rows, :, :count]
        values = _through(band / PEAK[spec.dtype], *spaces) * PEAK[spec.dtype]
        np.copyto(band, values if spec.dtype == "float32" else np.rint(values), casting="unsafe")
    return result


@cache
def _wide_engine() -> Any:
    """The transform of imagecodecs, which supports 16 bits and floats; None where it is not installed."""
    try:
        import imagecodecs
    except ImportError:
        return None
    return imagecodecs.cms_transform if imagecodecs.CMS.available else None


def _with_engine(engine: Any, frame: Frame, source: bytes, target: bytes) -> Frame:
    grey, spec = source[16:20] == b"GRAY", frame.spec
    count = 1 if spec.grey else 3
    colours = frame.array[..., :count]
    given = colours[..., 0] if grey else colours.repeat(3, axis=-1) if count == 1 else colours
    made = engine(
        np.ascontiguousarray(given), source, target,
        colorspace="gray" if grey else "rgb", outcolorspace="rgb", outdtype=spec.dtype,
        intent=int(ImageCms.Intent.RELATIVE_COLORIMETRIC), flags=int(ImageCms.Flags.BLACKPOINTCOMPENSATION),
    )  # fmt: skip
    result = frame.array.copy()
    result[..., :count] = made[..., :count]
    return Frame(spec, result)


def _with_littlecms(frame: Frame, transform: Any) -> Frame:
    count = 1 if frame.spec.grey else 3
    colours = np.ascontiguousarray(frame.array[..., :count])
    image = Image.fromarray(colours[..., 0] if count == 1 else colours)
    # Grey pixels with an RGB profile: equal values in all three channels.
    image = image if image.mode == transform.input_mode else image.convert(transform.input_mode)
    if transform.input_mode == "L":
        every = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        table = np.asarray(ImageCms.applyTransform(every, transform))[0, :, :count]
        changed = np.take(table, np.asarray(image), axis=0)
    else:
        changed = np.asarray(ImageCms.applyTransform(image, transform))
    result = frame.array.copy()
    result[..., :count] = changed[..., :count]
    return Frame(frame.spec, result)


def _through(values: Array, source: ColourSpace, target: ColourSpace) -> Array:
    """Grey is equal light in all three channels, and remains so in every target."""
    count = values.shape[-1]
    if count == 1 or source.grey:
        light = source.to_linear(values[..., :1] if source.grey else values.repeat(3, axis=-1))
        return target.from_linear(light[..., :1].repeat(3, axis=-1))[..., :count]
    return target.from_linear(source.to_linear(values) @ matrix_profiles.conversion_matrix(source, target).T)


def is_outside(frame: Frame, source: bytes, target: bytes) -> bool:
    """Whether the picture has colours outside of the target gamut, by a regular sample of pixels."""
    spaces = _arithmetic(source, target)
    if frame.spec.grey or spaces is None or spaces[0].grey:
        return False
    pixels = frame.array.reshape(-1, frame.spec.channels)
    sample = pixels[:: max(len(pixels) // _SAMPLES, 1), :3]
    light = _linear(sample, spaces[0]) @ matrix_profiles.conversion_matrix(*spaces).T
    missed = ((light < -_OUTSIDE) | (light > 1 + _OUTSIDE)).any(axis=-1)
    return bool(missed.mean() > _ENOUGH)


def _linear(values: Array, space: ColourSpace) -> Array:
    """Linear light of the values of a frame; of 8 bits by a table, which takes a twentieth of the time."""
    if values.dtype != np.uint8:
        return space.to_linear(values / PEAK[values.dtype.name])
    every = np.repeat(np.arange(256)[:, None] / 255, 3, axis=1)
    return np.take_along_axis(space.to_linear(every), values.astype(np.intp), axis=0)


def keeps_depth(spec: Spec, source: bytes, target: bytes) -> bool:
    """Whether the conversion keeps this bit depth."""
    return spec.dtype == "uint8" or _arithmetic(source, target) is not None or _wide_engine() is not None


def is_usable(source: bytes, target: bytes) -> bool:
    """Whether LittleCMS can convert from one profile to the other."""
    return _transform(source, target) is not None
