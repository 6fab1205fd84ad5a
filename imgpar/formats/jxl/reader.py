"""JPEG XL through imagecodecs, which handles pixels only; boxes are parsed and written here, and ffmpeg
provides profile and durations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.blocks import Icc, Xmp
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Layout, Metadata, Spec
from imgpar.formats.base import check_size, damaged, detail_of, require
from imgpar.formats.jxl import ffmpeg, xyb
from imgpar.formats.jxl.header import (
    D65,
    JxlHeader,
    codestream_of,
    jxl_boxes,
    parse_codestream,
)
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.policy import bake
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.cicp import PRIMARIES, Colours, cicp_colours
from imgpar.pixels.colour.icc_header import profile_space

_LARGEST_BOX = 16 << 20
_PRIMARIES = {"srgb": 1, "rec2100": 9, "p3": 12}
_CURVES = {"rec709": 1, "linear": 8, "srgb": 13, "pq": 16, "hlg": 18}


class JxlDetail(NamedTuple):
    """What is known of a JPEG XL besides its header."""

    bits: int
    """Per channel."""
    animated: bool
    light: bool
    """Whether it is decoded to floats of linear light."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"bits": self.bits, "animated": self.animated, "light": self.light}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size, depth and metadata; no pixel is decoded. The decoder applies the orientation."""
    require(fmt)
    found = dict(_all_boxes(data, fmt))
    info = parse_codestream(found.get(b"jxlc", b""))
    if info is None:
        raise damaged(fmt.title, "it holds no codestream", hopeless=True)
    check_size(info.width, info.height, limits)
    width, height = (info.height, info.width) if info.orientation > 4 else (info.width, info.height)
    box = found.get(b"Exif", b"")
    stored = box[4 + int.from_bytes(box[:4], "big") :]
    exif = tiff.sound_exif(stored)
    colour = _colours(info, data)
    times = ffmpeg.durations(codestream_of(data), limits.max_frames + 1) if info.animated else ()
    frames = max(len(times), 1)
    metadata = Metadata(
        icc=colour.icc, cicp=colour.cicp, exif=exif, xmp=Xmp(found.get(b"xml ", b"")),
        durations=times if frames > 1 else (), loop=info.loops,
    )  # fmt: skip
    lost = list[str]()
    if stored and not exif:
        lost.append("exif")
    if b"jhgm" in found:
        lost.append("gain map")
    if info.animated and not times:
        lost.append("frames")
    if info.more_channels:
        lost.append("channels")
    if colour.note and not info.light:
        lost.append("gamut")
    check_size(width, height, limits, frames)
    return Header(
        format=fmt.name,
        spec=Spec(width, height, _layout(info), _dtype(info)),
        frames=frames,
        metadata=bake(metadata, width, height),
        lost=tuple(lost),
        notes=(colour.note,) if colour.note else (),
        detail=JxlDetail(info.bits, info.animated, info.light),
    )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,
) -> tuple[str, ...]:
    """Fill the frames.

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
    detail, chosen = detail_of(header, JxlDetail), header.numbers or range(len(frames))
    # A single frame by its number; else all, as frames depend on others, and to detect truncation.
    single = len(frames) == 1 and detail.animated and (bool(header.numbers) or accept_damaged)
    codecs = require(FORMATS[header.format])
    # The bare codestream: libjxl fails on boxes with a 64-bit length.
    stream = _float_codestream(data) if detail.light else codestream_of(data)
    decoded: Any = codecs.jpegxl_decode(stream, index=chosen[0] if single else None, numthreads=1)
    if single or not detail.animated:
        decoded = {chosen[0]: decoded}
    elif len(decoded) <= max(chosen):
        raise damaged("JPEG XL", f"it has {len(decoded)} of {max(chosen) + 1} frames")
    for number, frame in zip(chosen, frames, strict=False):
        _store(decoded[number], header, frame)
    return ()


def _float_codestream(data: bytes | memoryview) -> bytes:
    """The codestream, to be decoded to floats."""
    stream = codestream_of(data)
    info = parse_codestream(stream)
    return xyb.as_floats(stream, info) if info else stream


def _store(pixels: np.ndarray[Any, Any], header: Header, frame: Frame) -> None:
    """Scale decoded pixels to the range of the frame."""
    spec, out, detail = header.spec, frame.array, detail_of(header, JxlDetail)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[:2] != (spec.height, spec.width) or pixels.shape[2] < spec.channels:
        raise damaged("JPEG XL", f"it was decoded to {pixels.shape}", hopeless=True)
    pixels = pixels[..., : spec.channels]
    if detail.light:
        return xyb.store_linear(pixels, frame)
    peak = (1 << detail.bits) - 1
    if spec.dtype == "float32" or peak == np.iinfo(spec.dtype).max:
        np.copyto(out, pixels, casting="unsafe")
    else:
        # 9 to 15 bits, or less than 8, are not scaled by the decoder.
        np.copyto(out, np.rint(pixels * (np.iinfo(spec.dtype).max / peak)), casting="unsafe")
    return None


def _all_boxes(data: bytes | memoryview, fmt: Format) -> list[tuple[bytes, bytes]]:
    """Boxes with decompressed content; of a split codestream the first part, which has the header."""
    result: dict[bytes, bytes] = {}
    for kind, body in jxl_boxes(data):
        if kind == b"jxlp":
            result.setdefault(b"jxlc", bytes(body[4:]))
        elif kind == b"brob" and len(body) > 4:
            unpacked = _unpacked(bytes(body[4:]), fmt)
            result.setdefault(bytes(body[:4]), unpacked)
        else:
            result.setdefault(kind, bytes(body[:_LARGEST_BOX]))
    return list(result.items())


def _unpacked(packed: bytes, fmt: Format) -> bytes:
    try:
        return bytes(require(fmt).brotli_decode(packed, out=_LARGEST_BOX))
    except (RuntimeError, ValueError):
        return b""


def _layout(info: JxlHeader) -> Layout:
    if info.grey:
        return "LA" if info.alpha else "L"
    return "RGBA" if info.alpha else "RGB"


def _dtype(info: JxlHeader) -> str:
    if info.floating:
        return "float32"
    return "uint8" if info.bits <= 8 else "uint16"


def _colours(info: JxlHeader, data: bytes | memoryview) -> Colours:
    """The colours of the decoded pixels, and remarks."""
    if info.light:
        return Colours(Icc(xyb.stored_profile(grey=info.grey)), note=xyb.NOTE * info.profile)
    if info.profile:
        icc = Icc(ffmpeg.ffmpeg_profile(codestream_of(data), animated=info.animated))
        usable = profile_space(icc) == ("GRAY" if info.grey else "RGB")
        return Colours(icc) if usable else Colours(note="its colour profile cannot be read, taken as sRGB")
    points = _PRIMARIES.get(info.primaries), _CURVES.get(info.transfer)
    if None not in points and (info.grey or info.white == D65):
        return cicp_colours(points[0] or 1, points[1] or 13, grey=info.grey)
    return _unusual(info) or Colours(
        note=f"its colours ({info.primaries}, transfer function {info.transfer}) were taken as sRGB"
    )


def _unusual(info: JxlHeader) -> Colours | None:
    """A profile for colours without code points; None where that is not possible."""
    gammas = {"gamma": info.gamma, "linear": 1.0, "dci": 2.6, "srgb": 0.0, "rec709": 0.0}
    gamma = gammas.get(info.transfer)
    points = info.points or PRIMARIES.get(_PRIMARIES.get(info.primaries, 0), ())
    if gamma is None or (gamma and not 0.1 <= gamma <= 10):
        return None
    if info.grey:
        return Colours(profiles.grey(f"Gamma {gamma:g}", gamma)) if gamma else Colours()
    if len(points) != 3 or any(y < 0.00005 for _, y in (*points, info.white)):
        return None
    return Colours(profiles.rgb_profile("JPEG XL", points, info.white, gamma))
