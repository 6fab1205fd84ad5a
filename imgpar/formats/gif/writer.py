"""GIF, written: Pillow composes the frames; palettes, transparency and XMP."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import GifImagePlugin, Image

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Metadata
from imgpar.formats.base import Encoded, durations_of
from imgpar.formats.gif.palette import clear_of, quantised, with_one_palette
from imgpar.formats.gif.reader import XMP_NAME, XMP_TRAILER
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.pixels.palette import MOST, indexed

_ROOM = 1 << 20
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_REDUCED = "colours were reduced to {most}"


class _Drawn(NamedTuple):
    """A frame to be written, and the index of its transparent colour."""

    image: Image.Image
    clear: int = 0


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


def _with_xmp(data: bytes, packet: bytes) -> bytes:
    """The file with XMP behind its palette."""
    if not packet:
        return data
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    block = b"\x21\xff" + bytes((len(XMP_NAME),)) + XMP_NAME + packet + XMP_TRAILER
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
