"""TIFF kinds that neither Pillow nor OpenCV reads, or reads correctly, through tifffile and imagecodecs.

CMYK with alpha or spot colours, unspecified extra channels, planar CMYK, compressions missing in the other
libraries, big-endian BigTIFF, byte-typed tags, 12 and 24 bits. tifffile unpacks the samples; their meaning is
decided here from the tags, before anything is unpacked.
"""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from imgpar.core.blocks import Icc, Xmp
from imgpar.core.errors import DamagedError, MissingExtraError, UnsupportedError, library_words
from imgpar.core.install_hint import pip
from imgpar.core.spec import Layout, Metadata, Spec
from imgpar.formats.base import damaged, loadable
from imgpar.formats.tiff import samples as tiff_samples
from imgpar.formats.tiff.samples import Samples
from imgpar.pixels.colour import to_srgb

Array = np.ndarray[Any, Any]

_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _INKS, _YCBCR, _CIE_LAB, _ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
_COLOURS = {_WHITE_IS_ZERO: 1, _GREY: 1, _RGB: 3, _PALETTE: 1, _INKS: 4, _YCBCR: 3, _CIE_LAB: 3, _ICC_LAB: 3}
_LAYOUTS: dict[tuple[int, bool], Layout] = {
    (1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA",
}  # fmt: skip
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
_PREMULTIPLIED, _ALPHA = 1, 2
_SEPARATE = 2
_UNPACKED_HERE = (1, 2, 3, 4, 5, 8, 32773, 32946)
"""Compressions of which Pillow and OpenCV read all variants: none, fax, LZW, deflate, PackBits."""


class Tags:
    """The tags of a page by number, as plain numbers and bytes."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def get(self, number: int, default: Any = None) -> Any:
        """The value of a tag."""
        tag = self._page.tags.get(number)
        return default if tag is None else tag.value

    def numbers(self, number: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The values of a tag of integers, always a tuple."""
        value = self.get(number)
        if value is None:
            return default
        if isinstance(value, bytes):
            return tuple(value)
        return tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)

    def number(self, number: int, default: int) -> int:
        """The first of them."""
        return self.numbers(number, (default,))[0]


class RarePage(NamedTuple):
    """A page, from its directory."""

    samples: Samples
    metadata: Metadata
    """ICC profile of any kind, XMP and density."""
    orientation: int
    """1 to 8, as in EXIF."""


def rare_tiff_available() -> bool:
    """Whether tifffile and imagecodecs are installed and can be loaded."""
    return loadable("tifffile", "imagecodecs")


def missing_rare_tiff(what: str) -> MissingExtraError:
    """The error for a file that these packages could read."""
    fix = f"Run: {pip('imgpar[rare]')}"
    return MissingExtraError(f"This TIFF {what}; it needs the packages tifffile and imagecodecs.", fix=fix)


def wanted(tags: Any) -> str:
    """Why the other readers would misread a page, for messages; empty where they do not."""
    kinds = set(tags.get(339, (1,)))
    bits, count, meaning = tuple(tags.get(258, (1,))), int(tags.get(277, 1)), int(tags.get(262, 1))
    extras, packing = tuple(tags.get(338, ())), int(tags.get(259, 1))
    apart = int(tags.get(284, 1)) == _SEPARATE and count > 1
    more = count - _COLOURS.get(meaning, count)
    if packing not in (*_UNPACKED_HERE, 6, 7):
        return f"has a rare compression ({packing})"
    if packing in (6, 7):
        return "has channels of its own" if more > 0 or apart else ""
    if meaning == _INKS and (more > 0 or max(bits) > 8 or apart):
        return "has more than four CMYK channels of 8 bits"
    if more > 1 or (more == 1 and extras[:1] not in ((_ALPHA,), (_PREMULTIPLIED,))):
        return "has channels of no known meaning"
    if apart and (meaning not in (_GREY, _RGB) or more > 0):
        return "has its channels in planes"
    odd = len(set(bits)) > 1 or max(bits) not in (*range(1, 9), 16, 32, 64) or len(kinds) > 1
    return f"has {max(bits)} bits a channel" if odd and bits != (12,) else ""


def rare_page(data: bytes | memoryview, number: int) -> RarePage:
    """The samples of a page, and its metadata.

    Raises:
        UnsupportedError: their meaning is unknown.
        DamagedError: the directory cannot be parsed, or points outside of the file.
    """
    with _opened(data) as file:
        page, tags = file.pages[number], Tags(file.pages[number])
        meaning, count = tags.number(262, _GREY), tags.number(277, 1)
        bits, kinds = set(tags.numbers(258, (1,))), set(tags.numbers(339, (1,)))
        colours = _COLOURS.get(meaning, 0)
        kind = _KINDS.get(min(kinds), "")
        if not colours or not kind or len(bits) > 1 or count < colours:
            raise UnsupportedError(
                f"This TIFF is of a kind that imgpar does not read (photometric {meaning})."
            )
        _check_places(page, len(data))
        samples = _described(page, tags, meaning, colours, kind, bits.pop())
        orientation = tags.number(274, 1)
        return RarePage(samples, _metadata(tags), orientation if 1 <= orientation <= 8 else 1)


def _described(page: Any, tags: Tags, meaning: int, colours: int, kind: str, bits: int) -> Samples:
    count, extras = tags.number(277, 1), tags.numbers(338)
    at = next((place for place, extra in enumerate(extras) if extra in (_PREMULTIPLIED, _ALPHA)), None)
    at = 0 if at is None and count == colours + 1 else at
    kept = (*range(colours), *(() if at is None else (colours + at,)))
    shown = 3 if meaning in (_PALETTE, _INKS) else colours
    deep = bits > 8 and meaning not in (_PALETTE, _INKS)
    dtype = "float32" if kind == "f" else "uint16" if deep else "uint8"
    spec = Spec(page.imagewidth, page.imagelength, _LAYOUTS[shown, at is not None], dtype)
    lost = list[str]()
    if len(kept) < count:
        lost.append("channels")
    if bits > 16 or (bits > 8 and not deep):
        lost.append("depth")
    note = (to_srgb.conversion_note("CMYK", Icc(_profile(tags))),) if meaning == _INKS else ()
    return Samples(spec, kind, bits, count, kept, tuple(lost), note)


def _metadata(tags: Tags) -> Metadata:
    unit = {2: 1.0, 3: 2.54}.get(tags.number(296, 2), 0.0)
    across, down = (_ratio(tags.get(tag)) * unit for tag in (282, 283))
    dpi = (across, down) if across > 0 and down > 0 else None
    return Metadata(icc=Icc(_profile(tags)), xmp=Xmp(tags.get(700) or b""), dpi=dpi)


def _ratio(value: Any) -> float:
    if isinstance(value, tuple) and len(value) == 2:
        return value[0] / value[1] if value[1] else 0.0
    return float(value) if isinstance(value, int | float) else 0.0


def _profile(tags: Tags) -> bytes:
    value = tags.get(34675)
    return bytes(value) if isinstance(value, bytes | tuple) else b""


def decode(data: bytes | memoryview, number: int, samples: Samples) -> Array:
    """Pixels in the shape and dtype of the spec.

    Raises:
        DamagedError, UnsupportedError: they cannot be decoded.
    """
    with _opened(data) as file:
        page, tags = file.pages[number], Tags(file.pages[number])
        _check_places(page, len(data))
        values = _unpacked(page)
        meaning = tags.number(262, _GREY)
        if meaning == _PALETTE:
            return _from_palette(values, tags, samples)
        if meaning == _INKS:
            return _from_inks(values, tags, samples)
        values = values[..., list(samples.kept)]
        bits = 1 if values.dtype == bool else samples.bits
        pixels = tiff_samples.scale_samples(values, samples._replace(bits=bits))
        if meaning in (_CIE_LAB, _ICC_LAB):
            tiff_samples.from_lab(pixels, signed=meaning == _CIE_LAB)
        if meaning == _WHITE_IS_ZERO:
            peak = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
            pixels[..., 0] = peak - pixels[..., 0]
        premultiplied = samples.spec.alpha and _PREMULTIPLIED in tags.numbers(338)
        return tiff_samples.divided(pixels) if premultiplied else pixels


def _opened(data: bytes | memoryview) -> Any:
    import tifffile

    # Without a handler, its warnings would be written to stderr.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    try:
        return tifffile.TiffFile(BytesIO(data))
    except Exception as error:
        raise damaged(
            "TIFF",
            f"its directory cannot be read ({library_words(error, 'unknown structure')})",
            hopeless=True,
        ) from error


def _check_places(page: Any, length: int) -> None:
    """Raise an error for strips outside of the file: tifffile would fill them with zeros."""
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    reach = max((offset + count for offset, count in places), default=0)
    if reach > length:
        raise damaged("TIFF", f"its pixels should reach byte {reach:,}, it has {length:,}")
    rows, height = page.rowsperstrip, page.imagelength
    if not page.is_tiled and rows and len(places) < -(-height // min(rows, height)):
        raise damaged("TIFF", f"it has only {len(places)} strips", hopeless=True)


def _unpacked(page: Any) -> Array:
    """Samples as height × width × channels."""
    try:
        values = np.asarray(page.asarray(maxworkers=1))
    except (NotImplementedError, KeyError) as error:
        words = library_words(error, "an unknown compression or layout")
        raise UnsupportedError(f"This TIFF is of a kind that no decoder here reads: {words}.") from error
    except DamagedError:
        raise
    except Exception as error:
        raise damaged("TIFF", library_words(error), hopeless=True) from error
    height, width, count = page.imagelength, page.imagewidth, page.samplesperpixel
    if page.planarconfig == _SEPARATE and count > 1:
        return np.moveaxis(values.reshape(count, height, width), 0, -1)
    return values.reshape(height, width, count)


def _from_palette(values: Array, tags: Tags, samples: Samples) -> Array:
    table = np.asarray(tags.numbers(320), np.uint16).reshape(3, -1)
    table = (table >> 8 if table.max(initial=0) > 255 else table).astype(np.uint8)
    pixels = np.ascontiguousarray(table.T[values[..., 0].astype(np.intp)])
    return np.dstack([pixels, _eight(values[..., 1:2], samples.bits)]) if samples.spec.alpha else pixels


def _from_inks(values: Array, tags: Tags, samples: Samples) -> Array:
    inks = np.ascontiguousarray(_eight(values[..., list(samples.kept)], samples.bits))
    if samples.spec.alpha and _PREMULTIPLIED in tags.numbers(338):
        inks = tiff_samples.divided(inks)
    image = Image.fromarray(np.ascontiguousarray(inks[..., :4]), "CMYK")
    image.info["icc_profile"] = _profile(tags)
    pixels = np.asarray(to_srgb.to_srgb(image))
    return np.dstack([pixels, inks[..., 4]]) if samples.spec.alpha else pixels


def _eight(values: Array, bits: int) -> Array:
    if values.dtype == np.uint8 and bits == 8:
        return values
    peak = (1 << bits) - 1
    made: Array = np.rint(values.astype(np.float64) * (255 / peak)).astype(np.uint8)
    return made
