"""Conversion between pixel formats: layouts, bit depths, and the eight EXIF orientations.

Every function writes into memory that the caller owns and keeps no reference. Arithmetic rounds to nearest.
Temporary memory is bounded by processing bands of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from imgpar.core.errors import TransformError
from imgpar.core.spec import CHANNELS, CHROMA, ITEM_BYTES, Frame, Layout, Spec

Array = np.ndarray[Any, Any]
Background = tuple[float, float, float, int]

BAND = 1 << 18
"""Pixels per band: fits into the cache of a core."""

PEAK: dict[str, float] = {"uint8": 255, "uint16": 65535, "float32": 1.0}
"""Value of white and of opaque alpha for each depth."""
_COLOUR_PART: dict[str, Layout] = {"LA": "L", "RGBA": "RGB"}
# OpenCV is imported where it is needed: JPEG to JPEG does without.
_FLIPS = {2: 1, 3: -1, 4: 0}
_TURNS = {6: "ROTATE_90_CLOCKWISE", 8: "ROTATE_90_COUNTERCLOCKWISE"}
_DIRECT = {
    ("L", "RGB"): "COLOR_GRAY2RGB",
    ("L", "RGBX"): "COLOR_GRAY2RGBA",
    ("L", "RGBA"): "COLOR_GRAY2RGBA",
    ("RGB", "L"): "COLOR_RGB2GRAY",
    ("RGB", "RGBX"): "COLOR_RGB2RGBA",
    ("RGB", "RGBA"): "COLOR_RGB2RGBA",
    ("RGBX", "L"): "COLOR_RGBA2GRAY",
    ("RGBX", "RGB"): "COLOR_RGBA2RGB",
}


def convert_layout(src: Frame, dst: Frame, background: Background = (255, 255, 255, 255)) -> None:
    """Convert `src` to the layout and depth of `dst`.

    16 bits are rounded to 8; floats are 0 to 1 and clipped.

    Args:
        src: H×W×C.
        dst: of the same size, filled; owned by the caller.
        background: red, green, blue and alpha from 0 to 255, in the colours of `src`; used where `dst` has no
            alpha.

    Raises:
        TransformError: CMYK cannot be converted.
        ValueError: sizes differ.
    """
    if src.spec.size != dst.spec.size:
        raise ValueError(f"sizes differ: {src.spec.size} and {dst.spec.size}")
    if src.spec.layout != dst.spec.layout and "CMYK" in (src.spec.layout, dst.spec.layout):
        raise TransformError("CMYK pixels cannot be converted here.", fix="Decoders turn CMYK into RGB.")
    if src.spec.planar:
        src = _from_planes(src)
    if dst.spec.planar:
        _to_planes(src, dst)
        return
    # The layout is converted at the finer of the two depths, so that nothing is rounded twice.
    wide = max(src.spec.dtype, dst.spec.dtype, key=lambda dtype: ITEM_BYTES[dtype])
    for rows in _bands(src.spec):
        band, target = src.array[rows], dst.array[rows]
        if src.spec.layout == dst.spec.layout:
            _change_depth(band, target)
            continue
        if src.spec.dtype != wide:
            band = _change_depth(band, np.empty(band.shape, wide))
        room = target if dst.spec.dtype == wide else np.empty(target.shape, wide)
        _change_layout(band, src.spec.layout, room, dst.spec.layout, background)
        if room is not target:
            _change_depth(room, target)


def fits(values: Array, bits: int) -> bool:
    """Whether 16-bit values are exactly representable with fewer bits.

    >>> fits(np.array([0, 65535], np.uint16), 8), fits(np.array([1], np.uint16), 8)
    (True, False)
    """
    return all(bool((to_bits(band, bits, back=True) == band).all()) for band in np.array_split(values, 16))


def to_bits(values: Array, bits: int, *, back: bool = False) -> Array:
    """Round 16 bits to `bits` bits; with `back`, scale them to 16 again."""
    peak = (1 << bits) - 1
    narrow = np.rint(values * (peak / 65535)).astype(np.uint16)
    return np.rint(narrow * (65535 / peak)).astype(np.uint16) if back else narrow


@lru_cache(maxsize=4096)  # pictures of one folder are often alike, and every step calls this
def nearest(spec: Spec, layouts: tuple[Layout, ...], dtypes: tuple[str, ...]) -> Spec:
    """The spec among `layouts` × `dtypes` that keeps most of `spec`: colour, alpha, depth, then few bytes.

    >>> nearest(Spec(4, 3, "RGBA", "uint16"), ("L", "RGB", "RGBA"), ("uint8",)).layout
    'RGBA'
    """
    if spec.layout in layouts and spec.dtype in dtypes:
        return spec

    def cost(candidate: Spec) -> tuple[object, ...]:
        return (
            candidate.grey and not spec.grey,
            spec.alpha and not candidate.alpha,
            max(ITEM_BYTES[spec.dtype] - ITEM_BYTES[candidate.dtype], 0),
            (candidate.layout, candidate.dtype) != (spec.layout, spec.dtype),
            candidate.alpha and not spec.alpha,
            # SIMD code works on four bytes per pixel: RGBX is preferred to RGB, unless the input is RGB.
            abs(CHANNELS[candidate.layout] - CHANNELS[spec.layout]),
            candidate.nbytes,
        )

    return min((spec.converted(layout, dtype) for layout in layouts for dtype in dtypes), key=cost)


def oriented(spec: Spec, orientation: int) -> Spec:
    """The spec of the upright picture.

    >>> oriented(Spec(40, 30), 6).size
    (30, 40)
    """
    return spec.resized(spec.height, spec.width) if orientation in (5, 6, 7, 8) else spec


def oriented_box(
    box: tuple[float, float, float, float], stored: Spec, orientation: int
) -> tuple[float, float, float, float]:
    """A box of the stored picture (left, top, right, bottom in pixels) in the upright one.

    >>> oriented_box((0.0, 0.0, 40.0, 29.5), Spec(40, 30), 6)
    (0.5, 0.0, 30.0, 40.0)
    """
    left, top, right, bottom = box
    if orientation in (2, 3, 7, 8):
        left, right = stored.width - right, stored.width - left
    if orientation in (3, 4, 6, 7):
        top, bottom = stored.height - bottom, stored.height - top
    return (top, left, bottom, right) if orientation > 4 else (left, top, right, bottom)


def orient(src: Frame, dst: Frame, orientation: int) -> None:
    """Rotate and mirror `src` into `dst` according to an EXIF orientation.

    Args:
        src: H×W×C.
        dst: of the spec `oriented(src.spec, orientation)`, filled; owned by the caller.
        orientation: 1 to 8; other values count as 1.
    """
    import cv2

    if orientation in _FLIPS:
        _into(dst.array, lambda out: cv2.flip(_flat(src.array), _FLIPS[orientation], dst=out))
    elif orientation in _TURNS:
        _into(dst.array, lambda out: cv2.rotate(_flat(src.array), getattr(cv2, _TURNS[orientation]), dst=out))
    elif orientation == 5:
        _into(dst.array, lambda out: cv2.transpose(_flat(src.array), dst=out))
    elif orientation == 7:
        _into(dst.array, lambda out: cv2.transpose(_flat(src.array), dst=out))
        dst.array[...] = dst.array[::-1, ::-1].copy()
    else:
        np.copyto(dst.array, src.array)


def _from_planes(src: Frame) -> Frame:
    """Convert JPEG planes to RGB; chroma is interpolated."""
    import cv2

    from imgpar.pixels.planes import planes

    luma, blue, red = planes(src)
    (across, down), (rows, columns) = CHROMA[src.spec.layout], blue.shape
    whole = [
        cv2.resize(plane, (columns * across, rows * down), interpolation=cv2.INTER_LINEAR)[
            : src.spec.height, : src.spec.width
        ]
        for plane in (red, blue)
    ]
    spec = Spec(*src.spec.size, "RGB")
    return Frame(spec, cv2.cvtColor(cv2.merge([luma, *whole]), cv2.COLOR_YCrCb2RGB).reshape(spec.shape))


def _to_planes(src: Frame, dst: Frame) -> None:
    """Convert 8-bit RGB or RGBX to JPEG planes; a chroma sample is the mean of its pixels."""
    import cv2

    from imgpar.pixels.planes import fill_up, planes

    (width, height), (across, down) = dst.spec.size, CHROMA[dst.spec.layout]
    luma, blue, red = planes(dst)
    rows, columns = blue.shape
    whole = cv2.copyMakeBorder(
        cv2.cvtColor(np.ascontiguousarray(src.array[..., :3]), cv2.COLOR_RGB2YCrCb),
        0, rows * down - height, 0, columns * across - width, cv2.BORDER_REPLICATE,
    )  # fmt: skip
    luma[...] = whole[:height, :width, 0]
    fill_up(dst)
    small = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    red[...], blue[...] = small[..., 1], small[..., 2]


def _bands(spec: Spec) -> Iterator[slice]:
    rows = max(BAND // max(spec.width, 1), 1)
    return (slice(top, top + rows) for top in range(0, spec.height, rows))


def _flat(array: Array) -> Array:
    """OpenCV expects grey without a channel axis."""
    return array[..., 0] if array.shape[-1] == 1 else array


def _into(target: Array, function: Any) -> None:
    """Call an OpenCV function with `target` as its output; OpenCV silently allocates if that does not fit."""
    out = _flat(target)
    result = function(out)
    if result is not out:
        np.copyto(target, result.reshape(target.shape))


def _change_depth(src: Array, dst: Array) -> Array:
    """Convert values to another depth; returns `dst`."""
    old, new = src.dtype.name, dst.dtype.name
    if old == new:
        np.copyto(dst, src)
    elif (old, new) == ("uint8", "uint16"):
        np.multiply(src, np.uint16(257), out=dst, casting="unsafe", dtype=np.uint16)
    elif (old, new) == ("uint16", "uint8"):
        np.copyto(dst, (src.astype(np.uint32) + 128) // 257, casting="unsafe")
    elif new == "float32":
        np.multiply(src, np.float32(1 / PEAK[old]), out=dst, dtype=np.float32)
    else:
        values = np.nan_to_num(src, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
        np.copyto(dst, np.rint(values * np.float64(PEAK[new])), casting="unsafe")
    return dst


def _change_layout(src: Array, old: str, dst: Array, new: Layout, background: Background) -> None:
    """Convert pixels to another layout of the same depth.

    Args:
        src: H×W×C.
        old: its layout.
        dst: filled; owned by the caller.
        new: its layout.
        background: replaces transparency where `new` has no alpha.
    """
    peak = PEAK[src.dtype.name]
    if (old, new) in _DIRECT:
        import cv2

        code = getattr(cv2, _DIRECT[old, new])
        _into(dst, lambda out: cv2.cvtColor(_flat(src), code, dst=out))
    elif (old, new) == ("RGBX", "RGBA"):
        np.copyto(dst, src)
        dst[..., 3] = peak
    elif new in _COLOUR_PART:
        _change_to_alpha(src, old, dst, new)
    else:
        # If the result is grey, a coloured background contributes its luma.
        flat = _lay_on(src, _grey(background) if (old, new) == ("LA", "L") else background[:3])
        part: Layout = "L" if flat.shape[-1] == 1 else "RGB"
        if part == new:
            np.copyto(dst, flat)
        else:
            _change_layout(flat, part, dst, new, background)


def _change_to_alpha(src: Array, old: str, dst: Array, new: str) -> None:
    """Convert any layout to grey or RGB with alpha."""
    part = _COLOUR_PART.get(old, old)
    colour = src if part == old else np.ascontiguousarray(src[..., :-1])
    if part != _COLOUR_PART[new]:
        body = np.empty((*src.shape[:2], dst.shape[-1] - 1), src.dtype)
        _change_layout(colour, part, body, _COLOUR_PART[new], (0, 0, 0, 0))
        colour = body
    dst[..., :-1] = colour
    dst[..., -1] = PEAK[src.dtype.name] if part == old else src[..., -1]


def _grey(colour: Background) -> tuple[float, ...]:
    red, green, blue = colour[:3]
    return (red,) if red == green == blue else (round(0.299 * red + 0.587 * green + 0.114 * blue),)


def _lay_on(src: Array, background: tuple[float, ...]) -> Array:
    """Compose the picture on a colour; grey on a coloured background becomes RGB."""
    peak = PEAK[src.dtype.name]
    colour = background[:1] if src.shape[-1] == 2 and len(set(background)) == 1 else background
    below = np.asarray(colour, np.float32) * np.float32(peak / 255)
    result: Array
    if src.dtype.kind == "f":
        opaque = src[..., -1:].clip(0, 1)
        result = src[..., :-1] * opaque + below * (1 - opaque)
        return result
    exact: Any = np.uint32 if src.dtype == np.uint8 else np.uint64
    alpha: Array = src[..., -1:].astype(exact)
    top = exact(peak)
    result = src[..., :-1] * alpha + below.round().astype(exact) * (top - alpha)
    result = ((result + top // exact(2)) // top).astype(src.dtype)
    return result
