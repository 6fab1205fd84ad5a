"""TIFF samples that neither Pillow nor OpenCV reads, or reads correctly: signed integers, floats of 16 and 64
bits, integers of 32 and 64, and with more than 8 bits: separate planes, grey with alpha, white as 0,
premultiplied alpha.

The bytes are decompressed by `blocks` and interpreted here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from PIL import TiffImagePlugin

from imgpar.core.spec import Layout, Spec
from imgpar.formats.tiff import blocks
from imgpar.pixels.colour import lab as lab_colours

Array = np.ndarray[Any, Any]
Tags = TiffImagePlugin.ImageFileDirectory_v2

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
    """Storage of the samples of a page, and the resulting spec."""

    spec: Spec
    kind: str
    """Unsigned, signed or floating, as numpy's letter."""
    bits: int
    total: int
    """Samples per pixel, including dropped ones."""
    kept: tuple[int, ...]
    lost: tuple[str, ...]
    notes: tuple[str, ...]


def samples_of(tags: Tags, width: int, height: int) -> Samples | None:
    """Samples of a page that this module decodes; None where Pillow or OpenCV is better."""
    bits, kinds = set(tags.get(258, (1,))), set(tags.get(339, (1,)))
    count, extras = int(tags.get(277, 1)), tuple(tags.get(338, ()))
    meaning = int(tags.get(262, 1))
    colours = {0: 1, 1: 1, 2: 3, _CIE_LAB: 3, _ICC_LAB: 3}.get(meaning, 0)
    kind = _KINDS.get(kinds.pop(), "") if len(kinds) == 1 else ""
    lab = meaning in (_CIE_LAB, _ICC_LAB) and bits in ({8}, {16}) and kind != "f"
    kind = "u" if lab else kind  # some writers give the sign of each Lab channel
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
    spec = Spec(width, height, layout, dtype)
    lost, notes = list[str](), list[str]()
    if len(kept) < count:
        lost.append("channels")
    if size > 32 or (size == 32 and kind != "f"):
        lost.append("depth")
    if lab:
        notes.append(lab_colours.NOTE)
    if kind == "i":
        notes.append("its values are signed: the lowest became black, so that nothing is clipped")
    return Samples(spec, kind, size, count, kept, tuple(lost), tuple(notes))


def _needed(tags: Tags, kind: str, size: int, more: int, extras: tuple[int, ...]) -> bool:
    """Whether the faster readers misread samples of this kind."""
    if kind == "i" or size == 64 or (kind == "f" and size == 16) or (kind == "u" and size == 32):
        return True
    if size % 8:
        return int(tags.get(262, 1)) == 2 or more > 0 or size not in _GREY_OF_PILLOW
    apart = int(tags.get(284, 1)) == _SEPARATE
    inverted = int(tags.get(262, 1)) == 0
    odd = more > 1 or (more == 1 and int(tags.get(262, 1)) != 2) or _PREMULTIPLIED in extras
    return size > 8 and (apart or odd or inverted)


def decode(data: bytes | memoryview, tags: Tags, samples: Samples, *, accept_damaged: bool = False) -> Array:
    """Pixels in the shape and dtype of the page's spec. Raises DamagedError."""
    if int(tags.get(284, 1)) == _SEPARATE and samples.total > 1:
        unpacked = [_unpacked(data, tags, samples, at, accept_damaged) for at in samples.kept]
        values = np.concatenate(unpacked, axis=-1)
    else:
        values = _unpacked(data, tags, samples, None, accept_damaged)[..., list(samples.kept)]
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
    """Scale stored values to the range of the spec: white is the highest, black the lowest storable value."""
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
    """Convert Lab to sRGB in place. a and b have 256 steps per unit in 16 bits."""
    deep = pixels.dtype == np.uint16
    stored = pixels[..., 1:3].view(np.int16 if deep else np.int8) if signed else pixels[..., 1:3]
    colours = stored.astype(np.float64) / (256 if deep else 1) - (0 if signed else 128)
    # 16-bit lightness ends at FF00 where a and b are unsigned.
    full = 65280 if deep and not signed else np.iinfo(pixels.dtype).max
    lightness = pixels[..., 0] * (100 / full)
    lab_colours.lab_to_srgb(lightness, colours[..., 0], colours[..., 1], pixels[..., :3])


def divided(pixels: Array) -> Array:
    """Unpremultiply alpha."""
    peak = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    alpha = pixels[..., -1:].astype(np.float64)
    colours = np.divide(pixels[..., :-1] * peak, alpha, out=np.zeros(pixels[..., :-1].shape), where=alpha > 0)
    if pixels.dtype.kind != "f":
        colours = np.rint(colours.clip(0, peak))
    pixels[..., :-1] = colours
    return pixels


def _unpacked(
    data: bytes | memoryview, tags: Tags, samples: Samples, plane: int | None, accept_damaged: bool
) -> Array:
    """Stored samples, height × width × count, of all channels or of one plane."""
    width, height = samples.spec.size
    count = samples.total if plane is None else 1
    tile = int(tags.get(322, width))
    across, row = -(-width // tile), -(-tile * count * samples.bits // 8)
    part = (0, 1) if plane is None else (plane, samples.total)
    parts = blocks.rows(data, tags, height, across, row, part, accept_damaged=accept_damaged)
    if samples.bits % 8:
        values = np.stack([_from_bits(part, tile * count, samples.bits) for part in parts])
    else:
        values = _from_bytes(parts, tags, samples, count, ">" if bytes(data[:2]) == b"MM" else "<")
    return values.reshape(height, across * tile, count)[:, :width]


def _from_bits(packed: Array, count: int, bits: int) -> Array:
    """Integers of any bit width, most significant bit first, in rows of `count`."""
    single = np.unpackbits(packed, axis=-1)[:, : count * bits].reshape(-1, count, bits)
    result: Array = (single << np.arange(bits - 1, -1, -1, dtype=np.uint32)).sum(-1, dtype=np.uint32)
    return result


def _from_bytes(parts: Array, tags: Tags, samples: Samples, count: int, order: str) -> Array:
    """Integers of whole bytes, after prediction is reversed; rows of tiles of pixels of channels."""
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
