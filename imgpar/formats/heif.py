"""HEIC and HEIF through pillow-heif: decoded upright with full bit depth; encoded with x265."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.blocks import Exif, Xmp
from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Layout, Metadata, Spec
from imgpar.formats import quality
from imgpar.formats.base import Encoded, check_size, damaged, detail_of, require, unclear
from imgpar.formats.jpeg import gain_map, motion_photo
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.policy import bake
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.colour.cicp import Colours, cicp_colours
from imgpar.pixels.colour.icc_header import rgb_or_grey
from imgpar.pixels.layouts import convert_layout, fits

_LAYOUTS: dict[str, Layout] = {"L": "L", "I": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA"}

_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast",
    "medium", "medium", "slow", "slower", "slower", "veryslow",
)  # fmt: skip
"""Preset of the encoder for each effort."""


class HeifDetail(NamedTuple):
    """What is known of a HEIF besides its header."""

    bits: int
    """Per channel: 8, 10 or 12."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"bits": self.bits}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size and metadata of the primary picture; no pixels are decoded."""
    file = _open(data)
    if not len(file):
        raise unclear(fmt.title, "it holds no picture that libheif can decode")
    image = file[file.primary_index]
    width, height = image.size
    check_size(width, height, limits)
    info = image.info
    deep = ";16" in image.mode
    layout = _LAYOUTS.get(image.mode.partition(";")[0])
    if layout is None:
        raise unclear(fmt.title, f"its pixels are of the unknown kind {image.mode}")
    if layout == "RGB" and not deep:
        layout = "RGBX"
    icc = info.get("icc_profile") or b""
    nclx = _colours(info, grey=layout in ("L", "LA")) if not icc else Colours()
    exif = Exif((info.get("exif") or b"").removeprefix(b"Exif\0\0"))
    metadata = Metadata(
        icc=rgb_or_grey(icc) or nclx.icc,
        cicp=nclx.cicp,
        # The decoder applies the rotation: the tag must not apply it again.
        exif=bake(Metadata(exif=exif), width, height).exif,
        xmp=Xmp(info.get("xmp") or b""),
    )
    lost = list[str]()
    if exif and not tiff.is_sound(exif):
        lost.append("exif")
    if len(file) > 1:
        lost.append("other pictures")
    if info.get("depth_images"):
        lost.append("depth map")
    if _has_gain_map(info, data):
        lost.append("gain map")
    if motion_photo.find_clip(data, b"") is not None:
        lost.append(motion_photo.CLIP)
    return Header(
        format=fmt.name,
        spec=Spec(width, height, layout, "uint16" if deep else "uint8"),
        metadata=metadata,
        lost=tuple(lost),
        detail=HeifDetail(info.get("bit_depth", 8)),
    )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - libheif reads all or nothing
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
    file = _open(data)
    pixels = np.ascontiguousarray(file[file.primary_index])
    spec, bits = header.spec, detail_of(header, HeifDetail).bits
    if pixels.shape[:2] != (spec.height, spec.width):
        raise damaged("HEIC", f"it was decoded to {pixels.shape[1]}×{pixels.shape[0]}", hopeless=True)
    if spec.dtype == "uint16":
        # 10 and 12 bits are decoded left-aligned, which leaves white slightly grey.
        peak = ((1 << bits) - 1) << (16 - bits)
        pixels = np.rint(pixels * (65535 / peak)).astype(np.uint16)
    layout: Layout = "RGB" if spec.layout == "RGBX" else spec.layout
    source = spec.converted(layout)
    convert_layout(Frame(source, pixels.reshape(source.shape)), frames[0])
    return ()


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """Encode one frame; 16 bits are stored as 12.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    if options.lossless:
        raise EncodeError("HEIC is not written losslessly.", fix="Choose png, webp, avif or tiff.")
    pillow_heif = _library(fmt)
    if not pillow_heif.libheif_info()["HEIF"]:
        raise EncodeError(
            "The installed pillow-heif has no encoder.", fix="Choose avif, which is much alike."
        )
    frame = frames[0]
    spec = frame.spec
    pillow_heif.options.SAVE_HDR_TO_12_BIT = True
    mode = spec.layout + (";16" if spec.dtype == "uint16" else "")
    file = pillow_heif.from_bytes(mode, spec.size, memoryview(frame.array).cast("B"))
    sink, cicp = BytesIO(), metadata.cicp
    file.save(
        sink,
        quality=quality.encoder_setting("heic", options.quality),
        chroma=int(quality.chroma(options)),
        enc_params={
            "x265:pools": "none",
            "preset": _PRESETS[4 if options.effort is None else options.effort],
        },
        exif=metadata.exif or None,
        xmp=metadata.xmp or None,
        **({"icc_profile": metadata.icc} if metadata.icc else {}),
        **({"color_primaries": cicp[0], "transfer_characteristics": cicp[1]} if cicp else {}),
    )
    rounded = spec.dtype == "uint16" and not fits(frame.array, 12)
    return Encoded(sink.getvalue(), ("depth",) if rounded else ())


def _library(fmt: Format) -> Any:
    pillow_heif = require(fmt)
    pillow_heif.options.DECODE_THREADS = 1
    return pillow_heif


def _open(data: bytes | memoryview) -> Any:
    return _library(FORMATS["heic"]).open_heif(BytesIO(data), convert_hdr_to_8bit=False)


def _colours(info: dict[str, Any], *, grey: bool) -> Colours:
    """Colours of the code points, where there is no profile."""
    nclx = info.get("nclx_profile") or {}
    points = (
        int(nclx.get("color_primaries", 2)),
        int(nclx.get("transfer_characteristics", 2)),
    )
    return cicp_colours(*points, grey=grey)


def _has_gain_map(info: dict[str, Any], data: bytes | memoryview) -> bool:
    return gain_map.has_gain_map_item(bytes(data[:65536])) or any(
        "gainmap" in str(name).lower() for name in info.get("aux") or ()
    )
