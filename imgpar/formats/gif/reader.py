"""GIF: blocks are parsed for frames, timing and transparency; Pillow composes and writes frames.

256 colours are exact where the picture has no more; otherwise they are quantised by median cut and dithered,
with one palette for all frames of an animation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from math import prod
from typing import Any, NamedTuple

import numpy as np
from PIL import GifImagePlugin, Image

from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.backends import pillow
from imgpar.formats.base import Encoded, check_size, damaged, durations_of
from imgpar.formats.gif.palette import clear_of, quantised, with_one_palette
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.pixels.colour.icc_header import profile_space
from imgpar.pixels.palette import DETAIL, MOST, indexed

_ROOM = 1 << 20
_XMP_NAME, _ICC_NAME = b"XMP DataXMP", b"ICCRGBG1012"
_XMP_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_REDUCED = "colours were reduced to {most}"


class _Drawn(NamedTuple):
    """A frame to be written, and the index of its transparent colour."""

    image: Image.Image
    clear: int = 0


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
    xmp: bytes = b""
    icc: bytes = b""
    complete: bool = False


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
        icc=blocks.icc if profile_space(blocks.icc) == "RGB" else b"",
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
        detail={"complete": blocks.complete, DETAIL: True},
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
    if not header.detail["complete"] and not accept_damaged:
        raise damaged("GIF", "it ends in the middle of a block")
    return pillow.decode(data, header, frames, accept_damaged=accept_damaged)


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode one frame, or an animation.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    if max(frames[0].spec.size) > 65535:
        raise EncodeError("GIF holds at most 65535 pixels a side.", fix="Choose png, or resize it.")
    notes: dict[str, None] = {}
    lost: dict[str, None] = {}
    most = options.palette or MOST
    frames = _without_alpha(frames)
    shared = len(frames) > 1 and _wants_one_palette(frames, most)
    if shared:
        drawn = [_Drawn(image) for image in with_one_palette([_rgb(frame) for frame in frames], most)]
        notes[_REDUCED.format(most=most)] = None
    else:
        drawn = [_with_palette(frame, most, lost, notes) for frame in frames]
    if options.lossless and notes:
        raise EncodeError("GIF holds at most 256 colours, this picture has more.", fix="Choose png or webp.")
    if len(drawn) > 1 and frames[0].spec.alpha:
        return Encoded(_with_xmp(_layers(drawn, metadata), metadata.xmp), tuple(lost), tuple(notes))
    parameters: dict[str, Any] = {"optimize": False}
    if metadata.comment:
        parameters["comment"] = metadata.comment[:255]
    if frames[0].spec.alpha or shared:
        parameters["transparency"] = clear_of(most) if shared else drawn[0].clear
    images = [image for image, _ in drawn]
    if len(images) > 1:
        parameters |= {"save_all": True, "append_images": images[1:]}
        parameters["duration"] = _hundredths(durations_of(metadata, len(images)))
        parameters |= {"disposal": 1} if shared else {}
        # The file stores repetitions after the first play; without the extension it plays once.
        parameters |= {} if metadata.loop == 1 else {"loop": max(metadata.loop - 1, 0)}
    sink = BytesIO()
    images[0].save(sink, "GIF", **parameters)
    return Encoded(_with_xmp(sink.getvalue(), metadata.xmp), tuple(lost), tuple(notes))


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
            if view[at + 1] == 0xFF and parts[:1] == [_XMP_NAME]:
                # The packet is not made of sub-blocks; its trailer makes parsers skip it.
                raw = bytes(view[at + 3 + len(_XMP_NAME) : end])
                blocks.xmp = raw.removesuffix(_XMP_TRAILER) if raw[:1] == b"<" else b"".join(parts[1:])
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
        blocks.icc = b"".join(parts[1:])


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


def _with_xmp(data: bytes, packet: bytes) -> bytes:
    """The file with XMP behind its palette."""
    if not packet:
        return data
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    block = b"\x21\xff" + bytes((len(_XMP_NAME),)) + _XMP_NAME + packet + _XMP_TRAILER
    return b"GIF89a" + data[6:at] + block + data[at:]


def _hundredths(durations: list[int]) -> list[int]:
    """Durations in hundredths of a second, rounded so that their sum is kept."""
    result: list[int] = []
    real, written = 0, 0
    for duration in durations:
        real += duration
        result.append(max(round((real - written) / 10), 0) * 10)
        written += result[-1]
    return result


def _without_alpha(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames without alpha, if no pixel is transparent."""
    spec = frames[0].spec
    if not spec.alpha or any((frame.array[..., 3] < 255).any() for frame in frames):
        return frames
    return [Frame(spec.converted("RGB"), np.ascontiguousarray(frame.array[..., :3])) for frame in frames]


def _wants_one_palette(frames: Sequence[Frame], most: int) -> bool:
    """Whether there are more colours than `most`; fewer stay exact, frame by frame."""
    if frames[0].spec.alpha:
        return False
    return any(indexed(frame, most) is None for frame in frames)


def _with_palette(frame: Frame, most: int, lost: dict[str, None], notes: dict[str, None]) -> _Drawn:
    """An image of at most `most` colours; alpha becomes binary and takes one of them."""
    if not frame.spec.alpha:
        return _Drawn(_reduced(frame, most, notes))
    rgb = np.ascontiguousarray(frame.array[..., :3])
    alpha = frame.array[..., 3]
    hidden = alpha < 128
    rgb[hidden] = rgb[~hidden][0] if not hidden.all() else 0
    if ((alpha > 0) & (alpha < 255)).any():
        lost["soft transparency"] = None
    image = _reduced(Frame(frame.spec.converted("RGB"), rgb), most - 1, notes)
    colours = bytes(image.getpalette() or ())
    clear = len(colours) // 3
    image.putpalette(colours + bytes(3))  # readers reject an index without a colour
    image.paste(clear, mask=Image.fromarray(hidden.astype(np.uint8) * 255))
    return _Drawn(image, clear)


def _rgb(frame: Frame) -> np.ndarray[Any, Any]:
    """H×W×3, also of grey pictures."""
    array = frame.array[..., :3]
    return np.repeat(array, 3, axis=2) if frame.spec.grey else array


def _reduced(frame: Frame, most: int, notes: dict[str, None]) -> Image.Image:
    """A picture without alpha in at most `most` colours; its palette has no others."""
    found = indexed(frame, most)
    if found is not None:
        image = Image.fromarray(found.numbers)
        image.putpalette(found.palette[:, :3].tobytes())
        return image
    notes[_REDUCED.format(most=most)] = None
    return quantised(np.ascontiguousarray(_rgb(frame)), most)


def _layers(drawn: Sequence[_Drawn], metadata: Metadata) -> bytes:
    """An animation with transparency: each frame is drawn on an empty canvas with its own palette."""
    info: dict[str, Any] = {"transparency": drawn[0].clear, "comment": metadata.comment[:255] or None}
    if metadata.loop != 1:
        info["loop"] = max(metadata.loop - 1, 0)
    parts = list[bytes](GifImagePlugin.getheader(drawn[0].image.copy(), info=info)[0])
    durations = _hundredths(durations_of(metadata, len(drawn)))
    for number, ((image, clear), duration) in enumerate(zip(drawn, durations, strict=True)):
        visible = np.asarray(image) != clear
        box = Image.fromarray(visible).getbbox() or (0, 0, 1, 1)
        if number == 0:
            box = (0, 0, *image.size)  # decoders take the canvas size from the first frame
        parts += GifImagePlugin.getdata(
            image.crop(box),
            box[:2],
            duration=duration,
            disposal=2,
            transparency=clear,
            include_color_table=True,
        )
    return b"".join((*parts, b";"))
