"""Photoshop reader: the flattened picture through Pillow or `channels`, resources parsed here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from imgpar.core.blocks import Icc, Xmp
from imgpar.core.errors import UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Metadata
from imgpar.formats.backends import pillow
from imgpar.formats.base import check_size, detail_of, unclear
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata import iptc
from imgpar.formats.psd import channels as psd_flat
from imgpar.formats.registry import Format
from imgpar.pixels.colour import lab, to_srgb, tone
from imgpar.pixels.colour.icc_header import profile_space

_DENSITY, _ICC, _EXIF, _XMP = 1005, 1039, 1058, 1060
_HEAD, _DEPTH_AT = 26, 22
_MODES = {
    0: "bitmap", 1: "grey", 2: "palette", 3: "RGB", 4: "CMYK", 7: "several inks", 8: "duotone", 9: "Lab",
}  # fmt: skip


class FlatDetail(NamedTuple):
    """The flattened picture of a file that `channels` decodes."""

    flat: psd_flat.Flat
    inks: bytes
    """The ICC profile of a CMYK picture; empty without one."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """No properties for `imgpar info`."""
        return {}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size, bit depth and metadata. The pixels are upright, whatever EXIF says."""
    found, flat = _resources(data), psd_flat.find_channels(data)
    if flat is None:
        _check_kind(data)
    icc = Icc(found.get(_ICC, b""))
    header = _flat_header(flat, icc, fmt) if flat else pillow.read_header(data, fmt, limits)
    check_size(*header.spec.size, limits)
    metadata = header.metadata._replace(
        exif=tiff.sound_exif(found.get(_EXIF, b"")),
        xmp=Xmp(found.get(_XMP, b"")),
        iptc=found.get(iptc.RESOURCE, b""),
        dpi=_density(found.get(_DENSITY, b"")),
    )
    lost = (*header.lost, "paths") if any(map(iptc.is_path, found)) else header.lost
    return header._replace(orientation=1, metadata=metadata, lost=lost)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frame.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    detail = header.detail
    if not isinstance(detail, FlatDetail):
        notes = pillow.decode(data, header, frames, accept_damaged=accept_damaged)
        if detail_of(header, pillow.PillowDetail).mode == "1":
            # Black is 1 in these files, which Pillow reads as white.
            np.subtract(255, frames[0].array, out=frames[0].array)
        return notes
    pixels = psd_flat.decode(data, detail.flat)
    if detail.flat.cmyk:
        inks = Image.fromarray(np.ascontiguousarray(pixels[..., :4]), "CMYK")
        inks.info["icc_profile"] = detail.inks
        pixels = np.concatenate([np.asarray(to_srgb.to_srgb(inks)), pixels[..., 4:]], axis=-1)
    np.copyto(frames[0].array, pixels)
    return ()


def _check_kind(data: bytes | memoryview) -> None:
    """Raise an error for kinds that neither Pillow nor `channels` reads."""
    depth, mode = struct.unpack_from(">HH", data, _DEPTH_AT)
    large = psd_flat.is_large(data)
    if mode not in _MODES or depth not in (1, 8, 16, 32):
        raise unclear("Photoshop file", f"it has {depth} bits and colours of the unknown kind {mode}")
    if large or depth in (16, 32):
        kind = f"{'large, ' if large else ''}{_MODES[mode]}, {depth} bits"
        raise UnsupportedError(f"This Photoshop file is of a kind that imgpar does not read ({kind}).")


def _flat_header(flat: psd_flat.Flat, icc: Icc, fmt: Format) -> Header:
    space = profile_space(icc)
    fits = space == ("GRAY" if flat.spec.grey else "RGB")
    kept = icc if fits and not flat.lab and not flat.linear else Icc()
    lost, notes = list[str](), list[str]()
    if flat.channels > flat.colours + flat.transparent:
        lost.append("channels")
    if flat.cmyk and flat.depth > 8:
        lost.append("depth")
    if icc and not kept and not (flat.cmyk and space == "CMYK") and not flat.lab:
        lost.append("icc")
    if flat.cmyk:
        notes.append(to_srgb.conversion_note("CMYK", icc))
    if flat.lab:
        notes.append(lab.NOTE)
    if flat.linear:
        notes.append(tone.NOTE)
    return Header(
        fmt.name,
        flat.spec,
        metadata=Metadata(icc=kept),
        lost=tuple(lost),
        notes=tuple(notes),
        detail=FlatDetail(flat, icc),
    )


def _resources(data: bytes | memoryview) -> dict[int, bytes]:
    """The resources by number; they follow the header and the palette."""
    (palette,) = struct.unpack_from(">I", data, _HEAD)
    at = _HEAD + 4 + palette
    (length,) = struct.unpack_from(">I", data, at)
    return {number: block for number, block, _ in iptc.resources(bytes(data[at + 4 : at + 4 + length]))}


def _density(block: bytes) -> tuple[float, float] | None:
    """Resolution in dpi, 16.16 fixed point."""
    if len(block) < 12:
        return None
    across, down = struct.unpack_from(">I4xI", block)
    return (across / 65536, down / 65536) if min(across, down) >= 65536 else None
