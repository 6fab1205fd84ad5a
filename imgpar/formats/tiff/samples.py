"""TIFF samples that neither Pillow nor OpenCV reads, or reads wrong: signed ones, floats of 16 and 64 bits,
integers of 32 and 64, and with more than 8 bits: each channel by itself, grey with alpha, white as 0, colours
multiplied with alpha.

OpenCV unpacks their bytes: it is told of a grey picture of 8 bits, as wide as a row has bytes. The strips
stay where they are; only a directory is added. What the bytes mean is arithmetic here.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from PIL import TiffImagePlugin

from imgpar.core.model import Layout, Spec
from imgpar.formats.backends import opencv
from imgpar.formats.base import damaged
from imgpar.formats.tiff.writer import directory_values, write_directory
from imgpar.pixels.colour import lab as lab_colours

Array = np.ndarray[Any, Any]
Tags = TiffImagePlugin.ImageFileDirectory_v2

_KEPT = (257, 259, 266, 278, 323)
"""Height, compression, order of bits, rows of a strip, height of a tile."""
_PLACES = ((273, 279), (324, 325))
_SHORT, _LONG = 3, 4
_SEPARATE = 2
_BY_DIFFERENCES, _BY_BYTES = 2, 3
_PREMULTIPLIED, _ALPHA = 1, 2
_JPEG = (6, 7)
_CIE_LAB, _ICC_LAB = 8, 9
_KINDS = {1: "u", 2: "i", 3: "f"}
_SIZES = {"u": (*range(1, 17), 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
_GREY_OF_PILLOW = (1, 2, 4, 12)
_LAYOUTS: dict[tuple[bool, bool], Layout] = {
    (True, False): "L", (True, True): "LA", (False, False): "RGB", (False, True): "RGBA",
}  # fmt: skip


class Samples(NamedTuple):
    """How the samples of a page are stored, and what they become."""

    spec: Spec
    kind: str
    """Unsigned, signed or floating, as numpy's letter."""
    bits: int
    total: int
    """Samples of a pixel, those included that are not kept."""
    kept: tuple[int, ...]
    lost: tuple[str, ...]
    notes: tuple[str, ...]


def samples_of(tags: Tags, width: int, height: int) -> Samples | None:
    """What this module would make of a page; None where it is better left to Pillow or OpenCV."""
    bits, kinds = set(tags.get(258, (1,))), set(tags.get(339, (1,)))
    count, extras = int(tags.get(277, 1)), tuple(tags.get(338, ()))
    meaning = int(tags.get(262, 1))
    colours = {0: 1, 1: 1, 2: 3, _CIE_LAB: 3, _ICC_LAB: 3}.get(meaning, 0)
    kind = _KINDS.get(kinds.pop(), "") if len(kinds) == 1 else ""
    lab = meaning in (_CIE_LAB, _ICC_LAB) and bits in ({8}, {16}) and kind != "f"
    kind = "u" if lab else kind  # some writers say of each channel whether it has a sign
    if not (colours and kind and len(bits) == 1 and bits <= set(_SIZES[kind])) or count < colours:
        return None
    size = bits.pop()
    needed = lab or (meaning <= 2 and _needed(tags, kind, size, count - colours, extras))
    if tags.get(259) in _JPEG or not needed:
        return None
    alpha = next((at for at, extra in enumerate(extras) if extra in (_PREMULTIPLIED, _ALPHA)), None)
    alpha = 0 if alpha is None and count == colours + 1 else alpha
    kept = (*range(colours), *(() if alpha is None else (colours + alpha,)))
    layout = _LAYOUTS[colours == 1, alpha is not None]
    dtype = "float32" if kind == "f" else "uint8" if size <= 8 else "uint16"
    lost = ("channels",) * (len(kept) < count) + ("depth",) * (size > 32 or (size == 32 and kind != "f"))
    note = "its values are signed: the lowest became black, so that nothing is clipped"
    spec = Spec(width, height, layout, dtype)
    return Samples(spec, kind, size, count, kept, lost, (lab_colours.NOTE,) * lab + (note,) * (kind == "i"))


def _needed(tags: Tags, kind: str, size: int, more: int, extras: tuple[int, ...]) -> bool:
    """Whether the samples are of a kind that the quicker readers get wrong."""
    if kind == "i" or size == 64 or (kind == "f" and size == 16) or (kind == "u" and size == 32):
        return True
    if size % 8:
        return int(tags.get(262, 1)) == 2 or more > 0 or size not in _GREY_OF_PILLOW
    apart = int(tags.get(284, 1)) == _SEPARATE
    inverted = int(tags.get(262, 1)) == 0
    odd = more > 1 or (more == 1 and int(tags.get(262, 1)) != 2) or _PREMULTIPLIED in extras
    return size > 8 and (apart or odd or inverted)


def decode(data: bytes | memoryview, tags: Tags, samples: Samples) -> Array:
    """Pixels in the shape and type of the page's spec. Raises DamagedError."""
    separate = int(tags.get(284, 1)) == _SEPARATE and samples.total > 1
    if separate:
        planes = [_unpacked(data, tags, samples, 1, at) for at in samples.kept]
        values = np.concatenate(planes, axis=-1)
    else:
        values = _unpacked(data, tags, samples, samples.total, 0)[..., list(samples.kept)]
    pixels = scale_samples(values, samples)
    if int(tags.get(262, 1)) in (_CIE_LAB, _ICC_LAB):
        from_lab(pixels, signed=int(tags[262]) == _CIE_LAB)
    if int(tags.get(262, 1)) == 0:
        peak = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
        pixels[..., 0] = peak - pixels[..., 0]
    if samples.spec.alpha and _PREMULTIPLIED in tags.get(338, ()):
        return divided(pixels)
    return pixels


def scale_samples(values: Array, samples: Samples) -> Array:
    """Stored values in the range of the spec: white is the highest, black the lowest that can be stored."""
    dtype = samples.spec.dtype
    if samples.kind == "f":
        return values.astype(dtype)
    lowest, steps = -(1 << (samples.bits - 1)) if samples.kind == "i" else 0, (1 << samples.bits) - 1
    peak = np.iinfo(dtype).max
    if steps == peak:
        return (values.astype(np.int64) - lowest).astype(dtype)
    result: Array = np.rint((values.astype(np.float64) - lowest) * (peak / steps)).astype(dtype)
    return result


def from_lab(pixels: Array, *, signed: bool) -> None:
    """Lightness and two colours as sRGB, in place. The colours count 256 steps a unit in 16 bits."""
    deep = pixels.dtype == np.uint16
    stored = pixels[..., 1:3].view(np.int16 if deep else np.int8) if signed else pixels[..., 1:3]
    colours = stored.astype(np.float64) / (256 if deep else 1) - (0 if signed else 128)
    # The lightness of 16 bits ends at FF00 where the colours have no sign.
    full = 65280 if deep and not signed else np.iinfo(pixels.dtype).max
    lightness = pixels[..., 0] * (100 / full)
    lab_colours.lab_to_srgb(lightness, colours[..., 0], colours[..., 1], pixels[..., :3])


def divided(pixels: Array) -> Array:
    """Colours that were multiplied with alpha, as they were before."""
    peak = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    alpha = pixels[..., -1:].astype(np.float64)
    colours = np.divide(pixels[..., :-1] * peak, alpha, out=np.zeros(pixels[..., :-1].shape), where=alpha > 0)
    if pixels.dtype.kind != "f":
        colours = np.rint(colours.clip(0, peak))
    pixels[..., :-1] = colours
    return pixels


def _unpacked(data: bytes | memoryview, tags: Tags, samples: Samples, count: int, plane: int) -> Array:
    """Samples as they are stored, height × width × count, of all channels together or of one plane."""
    width, height = samples.spec.size
    tile = int(tags.get(322, width))
    across, row = -(-width // tile), -(-tile * count * samples.bits // 8)
    wide = Spec(across * row, height, "L", "uint8")
    rows = opencv.decode(_as_bytes(data, tags, wide.width, row, plane, samples), wide, "TIFF")
    parts = rows.reshape(height, across, row)
    if samples.bits % 8:
        values = np.stack([_from_bits(part, tile * count, samples.bits) for part in parts])
    else:
        values = _from_bytes(parts, tags, samples, count, ">" if bytes(data[:2]) == b"MM" else "<")
    return values.reshape(height, across * tile, count)[:, :width]


def _from_bits(packed: Array, count: int, bits: int) -> Array:
    """Numbers of any width, the highest bit first, in rows of `count`."""
    single = np.unpackbits(packed, axis=-1)[:, : count * bits].reshape(-1, count, bits)
    result: Array = (single << np.arange(bits - 1, -1, -1, dtype=np.uint32)).sum(-1, dtype=np.uint32)
    return result


def _from_bytes(parts: Array, tags: Tags, samples: Samples, count: int, order: str) -> Array:
    """Numbers of whole bytes, after their prediction is undone; rows of tiles of pixels of channels."""
    height, across, row = parts.shape
    item = samples.bits // 8
    stored = f"{samples.kind}{item}"
    predictor = int(tags.get(317, 1)) if int(tags.get(259, 1)) != 1 else 1
    if predictor == _BY_BYTES:
        added = np.cumsum(parts.reshape(height, across, -1, count), axis=2, dtype=np.uint8)
        parts = added.reshape(height, across, item, row // item).swapaxes(2, 3)
        order = ">"
    values = np.ascontiguousarray(parts).view(order + stored).reshape(height, across, -1, count)
    values = values.astype(stored)
    if predictor == _BY_DIFFERENCES:
        whole = values.view(f"u{item}")
        values = np.cumsum(whole, axis=2, dtype=whole.dtype).view(stored)
    return values


def _as_bytes(
    data: bytes | memoryview, tags: Tags, width: int, tile: int, plane: int, samples: Samples
) -> memoryview:
    """The file with a first directory that knows bytes in rows."""
    out = bytearray(data)
    order = ">" if bytes(data[:2]) == b"MM" else "<"
    found = {tag: directory_values(order, _LONG, int(tags[tag])) for tag in _KEPT if tag in tags}
    found[256] = directory_values(order, _LONG, width)
    if 322 in tags:
        found[322] = directory_values(order, _LONG, tile)
    for tag, value in ((258, 8), (262, 1), (277, 1), (284, 1), (339, 1)):
        found[tag] = directory_values(order, _SHORT, value)
    planes = samples.total if int(tags.get(284, 1)) == _SEPARATE else 1
    for offsets, lengths in _PLACES:
        if offsets in tags:
            count = len(tags[offsets]) // planes
            if not count or len(tags.get(lengths, ())) < count * planes:
                raise damaged("TIFF", "it does not say where its channels are", hopeless=True)
            part = slice(plane * count, (plane + 1) * count)
            found[offsets] = directory_values(order, _LONG, *tags[offsets][part])
            found[lengths] = directory_values(order, _LONG, *tags[lengths][part])
    out += bytes(len(out) % 2)
    struct.pack_into(order + "2sHI", out, 0, bytes(data[:2]), 42, len(out))
    write_directory(out, found, order)
    return memoryview(out)
