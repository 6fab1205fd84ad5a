"""GIF: blocks are parsed for frames, timing and transparency; Pillow composes and writes frames.

256 colours are exact where the picture has no more; otherwise they are quantised by median cut and dithered,
with one palette for all frames of an animation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from imgpar.core.blocks import Icc, Xmp
from imgpar.core.limits import Limits
from imgpar.core.spec import Coding, Fact, Frame, Header, Metadata, Spec
from imgpar.formats.backends import pillow
from imgpar.formats.base import check_size, damaged, detail_of
from imgpar.formats.registry import Format
from imgpar.pixels.colour.icc_header import profile_space

_ROOM = 1 << 20
XMP_NAME, _ICC_NAME = b"XMP DataXMP", b"ICCRGBG1012"
XMP_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


@dataclass(slots=True)
class _Blocks:
    """Parsed blocks of a file."""

    size: tuple[int, int]
    reach: tuple[int, int] = (0, 0)
    """Right and lower end of the frame that reaches furthest."""
    opaque: bool = True
    durations: list[int] = field(default_factory=list)
    loop: int = 1
    comment: bytes = b""
    xmp: Xmp = Xmp()
    icc: Icc = Icc()
    complete: bool = False


class GifDetail(NamedTuple):
    """What is known of a GIF besides its header."""

    complete: bool
    """Whether it ends with its trailer."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"complete": self.complete}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Canvas, frames and timing; nothing is decompressed."""
    blocks = _walk(memoryview(data))
    check_size(*blocks.size, limits, len(blocks.durations))
    frames = len(blocks.durations)
    if not frames or 0 in blocks.size:
        raise damaged("GIF", "it holds no picture", hopeless=True)
    if prod(blocks.reach) > max(4 * prod(blocks.size), _ROOM):
        # Pillow would enlarge the canvas, whatever the size.
        across, down = blocks.reach
        raise damaged("GIF", f"a frame reaches to {across}×{down}, far beyond the canvas", hopeless=True)
    animated = frames > 1
    metadata = Metadata(
        icc=blocks.icc if profile_space(blocks.icc) == "RGB" else Icc(),
        xmp=blocks.xmp,
        comment=blocks.comment,
        durations=tuple(blocks.durations) if animated else (),
        loop=blocks.loop if animated else 0,
    )
    return Header(
        format=fmt.name,
        spec=Spec(*blocks.size, "RGBX" if blocks.opaque else "RGBA"),
        frames=frames,
        metadata=metadata,
        coding=Coding(few_colours=True),
        detail=GifDetail(blocks.complete),
    )


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
    if not detail_of(header, GifDetail).complete and not accept_damaged:
        raise damaged("GIF", "it ends in the middle of a block")
    return pillow.decode(data, header, frames, accept_damaged=accept_damaged)


def _walk(view: memoryview) -> _Blocks:
    """Parse all blocks; a truncated file ends the loop with `complete` false."""
    if len(view) < 13:
        raise damaged("GIF", "it ends before its size", hopeless=True)
    width, height, flags = struct.unpack_from("<HHB", view, 6)
    blocks = _Blocks((width, height))
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    delay, dispose, clear = 0, 0, False
    while at < len(view):
        kind = view[at]
        if kind == 0x3B:
            blocks.complete = True
            break
        if kind == 0x21 and at + 2 < len(view):
            parts = [bytes(part) for part, _ in _sub_blocks(view, at + 2)]
            if view[at + 1] == 0xF9 and parts and len(parts[0]) >= 4:
                packed, delay = struct.unpack_from("<BH", parts[0])
                dispose, clear = packed >> 2 & 7, bool(packed & 1)
            _extension(blocks, view[at + 1], parts)
            end = _end(view, at + 2)
            if view[at + 1] == 0xFF and parts[:1] == [XMP_NAME]:
                # The packet is not made of sub-blocks; its trailer makes parsers skip it.
                raw = bytes(view[at + 3 + len(XMP_NAME) : end])
                blocks.xmp = Xmp(raw.removesuffix(XMP_TRAILER) if raw[:1] == b"<" else b"".join(parts[1:]))
            at = end
        elif kind == 0x2C and at + 10 <= len(view):
            left, top, across, down, packed = struct.unpack_from("<HHHHB", view, at + 1)
            whole = left == top == 0 and across >= width and down >= height
            # Transparency is visible only where the first frame leaves it, or a later one restores it.
            first = not blocks.durations
            blocks.opaque = blocks.opaque and dispose != 2 and not (first and (clear or not whole))
            if first:
                # Decoders enlarge a canvas that is too small for its first frame.
                width, height = max(width, left + across), max(height, top + down)
                blocks.size = (width, height)
            blocks.reach = (max(blocks.reach[0], left + across), max(blocks.reach[1], top + down))
            blocks.durations.append(delay * 10)
            delay, dispose, clear = 0, 0, False
            at = _end(view, at + 11 + (3 << (packed & 7) + 1 if packed & 0x80 else 0))
        else:
            # Decoders skip stray bytes between blocks.
            at += 1
    return blocks


def _extension(blocks: _Blocks, label: int, parts: list[bytes]) -> None:
    if label == 0xFE:
        blocks.comment = blocks.comment or b"".join(parts)
    elif label == 0xFF and len(parts) > 1 and parts[0] in _LOOPS and len(parts[1]) >= 3:
        (rounds,) = struct.unpack_from("<H", parts[1], 1)
        blocks.loop = rounds + 1 if rounds else 0
    elif label == 0xFF and parts[:1] == [_ICC_NAME]:
        blocks.icc = Icc(b"".join(parts[1:]))


def _sub_blocks(view: memoryview, at: int) -> Iterator[tuple[memoryview, int]]:
    """The sub-blocks of a block, each with the offset behind it."""
    while at < len(view) and view[at]:
        end = at + 1 + view[at]
        yield view[at + 1 : end], end
        at = end


def _end(view: memoryview, at: int) -> int:
    """The offset behind the last sub-block."""
    for _, end in _sub_blocks(view, at):
        at = end
    return at + 1
