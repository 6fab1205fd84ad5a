"""WebP: still pictures are read by libwebp itself, all others by Pillow, which also writes. Chunks are parsed
for size and timing before a canvas is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Metadata
from imgpar.formats import quality
from imgpar.formats.backends import libwebp, pillow
from imgpar.formats.base import Encoded, check_size, damaged, detail_of, durations_of
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.formats.tlv import RIFF_CHUNKS, walk

_LARGEST = 16383
_FLAGS_AT, _ALPHA = 20, 0x10
"""Offset of the VP8X flags, and the alpha flag."""
_METHODS = (0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6)
"""libwebp's method for each effort."""


class WebpDetail(NamedTuple):
    """What is known of a WebP besides its header."""

    mode: str
    """Pillow's mode of the image."""
    open_canvas: bool
    """Whether it is an opaque animation whose frames leave parts of the canvas empty."""

    def facts(self, header: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {
            "mode": self.mode,
            "lossless": header.coding.lossless,
            **({"open_canvas": self.open_canvas} if header.frames > 1 else {}),
        }


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Header from Pillow, after a check of the declared size."""
    view = memoryview(data)
    claimed = int.from_bytes(view[4:8], "little") + 8
    durations = []
    parts, size, coding = False, b"", set[bytes]()
    for kind, body, _, _ in walk(view, RIFF_CHUNKS):
        if kind == b"VP8X" and len(body) >= 10:
            width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
            check_size(width, height, limits)
            size = bytes(body[4:10])
        coding |= {kind} & {b"VP8 ", b"VP8L"}
        if kind == b"ANMF" and len(body) >= 16:
            durations.append(int.from_bytes(body[12:15], "little"))
            # Position and size minus one: set unless the frame covers the canvas.
            parts = parts or any(body[:6]) or body[6:12] != size
    if claimed > len(view) and not limits.accept_damaged:
        raise damaged("WebP", f"it should have {claimed:,} bytes and has {len(view):,}")
    extended = bytes(view[12:16]) == b"VP8X" and len(view) > _FLAGS_AT
    open_canvas = parts and extended and not view[_FLAGS_AT] & _ALPHA
    header = pillow.read_header(_with_alpha_flag(data) if open_canvas else data, fmt, limits)
    detail = WebpDetail(detail_of(header, pillow.PillowDetail).mode, open_canvas and header.frames > 1)
    stored = header.coding._replace(lossless=coding == {b"VP8L"})
    header = header._replace(coding=stored, detail=detail)
    if header.frames == 1:
        return header
    metadata = header.metadata._replace(durations=tuple(durations[: header.frames]))
    return header._replace(metadata=metadata)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frames, each composed on the canvas.

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
    if detail_of(header, WebpDetail).open_canvas:
        data = _with_alpha_flag(data)
    elif header.frames == 1 and not accept_damaged and libwebp.decode(data, frames[0]):
        return ()
    return pillow.decode(data, header, frames, accept_damaged=accept_damaged)


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode one frame, or an animation; lossless on request.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    width, height = frames[0].spec.size
    if max(width, height) > _LARGEST:
        raise EncodeError(
            f"WebP holds at most {_LARGEST} pixels a side, this is {width}×{height}.",
            fix="Choose avif, jpg or png, or resize it.",
        )
    images = [pillow.image_of(frame) for frame in frames]
    effort = 4 if options.effort is None else options.effort
    parameters: dict[str, object] = {
        "method": _METHODS[effort],
        "lossless": options.lossless,
        # For lossless files, quality is the effort spent on compression.
        "quality": effort * 10 if options.lossless else quality.encoder_setting("webp", options.quality),
        "exact": options.lossless,
        "icc_profile": metadata.icc,
        "exif": metadata.exif,
        "xmp": metadata.xmp,
    }
    if len(images) > 1:
        parameters |= {"save_all": True, "append_images": images[1:]}
        parameters |= {"duration": durations_of(metadata, len(images)), "loop": metadata.loop}
    sink = BytesIO()
    images[0].save(sink, "WEBP", **parameters)
    result = sink.getvalue()
    return Encoded(_with_alpha_flag(result) if len(images) > 1 and frames[0].spec.alpha else result)


def _with_alpha_flag(data: bytes | memoryview) -> bytes:
    """Set the alpha flag of an animation. libwebp's muxer sets it only for transparent pixels: parts of the
    canvas that opaque frames do not cover would become black."""
    result = bytearray(data)
    result[_FLAGS_AT] |= _ALPHA
    return bytes(result)
