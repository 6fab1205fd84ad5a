"""ffmpeg filters for the picture of a clip: operations, constant frame size, input of the encoder."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.spec import Spec
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.video.clip import Picture
from imgpar.video.encoders import Encoding, written

_CHANGING = ("vp8", "vp9", "av1", "h264", "hevc")
"""Codecs whose frame size may change within a stream, as in video calls."""

_MATRICES = {"": "smpte170m", "smpte170m": "smpte170m", "bt470bg": "bt470bg", "bt709": "bt709"}
_MATRICES |= {"bt2020nc": "bt2020"}
"""ffmpeg's name of a matrix → that of its scale filter; without one BT.601 is used, as on the frame path."""
_RGB = {8: "gbrp", 10: "gbrp10", 12: "gbrp12"}
"""Planar RGB by depth."""


def last_filters(
    picture: Picture, encoding: Encoding, options: EncodeOptions, size: tuple[int, int]
) -> list[str]:
    """Filters after all operations, which convert frames to the input of the encoder.

    Args:
        picture: the frames after the operations.
        encoding: of the output.
        options: of the recipe.
        size: width and height in pixels.
    """
    found = list[str]()
    if written(picture, encoding) is not picture:
        found.append(f"scale=out_color_matrix=bt709:out_range=tv,format={encoding.pixel_format}")
    if picture.alpha and "alpha" in encoding.lost:
        found.append(_on_background(options.background, picture.colour.range or "unspecified"))
    if odd(encoding, size):
        found.append(f"crop={size[0] // 2 * 2}:{size[1] // 2 * 2}:0:0")
    return found


def stored_upright(picture: Picture) -> Spec:
    """The upright frames, before their pixels are made square."""
    size = (picture.width, picture.height)
    return picture.spec.resized(*(size[::-1] if picture.orientation >= 5 else size))


def filters_of(operations: Sequence[Operation], picture: Picture) -> tuple[str | None, str]:
    """The operations as a filter chain, or None, and the reason."""
    spec, found, rgb = stored_upright(picture), list[str](), _in_rgb(picture)
    within = False  # the filters so far end in RGB
    for operation in operations:
        # ffmpeg would pad transparent frames with white.
        written = None if spec.alpha and operation.name == "pad" else operation.as_filter(spec)
        colours = operation.as_rgb_filter(spec) if rgb and written is None else None
        if written is None and colours is None:
            return None, f"{operation.name} is not an ffmpeg filter"
        if rgb and within != (colours is not None):
            found.append(rgb[within])
            within = not within
        found.append(f"{written},setsar=1" if operation.name == "resize" else colours or written or "")
        spec = operation.plan(spec)
    if rgb and within:
        found.append(rgb[1])
    return ",".join(found), "every operation is an ffmpeg filter" if found else "the picture is re-encoded"


def _in_rgb(picture: Picture) -> tuple[str, str] | None:
    """The filters to planar RGB and back, as the frame path converts; None where that path has to do it."""
    form, colour = picture.pixel_format, picture.colour
    matrix = _MATRICES.get(colour.matrix)
    if picture.alpha or not form.startswith("yuv4") or picture.depth not in _RGB or matrix is None:
        return None
    span = "pc" if colour.range == "pc" else "tv"
    there = f"scale=in_color_matrix={matrix}:in_range={span}:out_range=pc:flags=bilinear"
    back = f"scale=out_color_matrix={matrix}:in_range=pc:out_range={span}:flags=area"
    return f"{there},format={_RGB[picture.depth]}", f"{back},format={form}"


def one_size(operations: Sequence[Operation], picture: Picture) -> list[str]:
    """The filter that scales every frame to the size of the first one, for operations in pixels; frames of
    that size are not changed."""
    form = picture.pixel_format
    counting = bool(operations) and operations[0].name != "resize"
    if not counting or picture.stream.codec not in _CHANGING or not form.startswith(("yuv4", "yuva4")):
        return []
    width, height = stored_upright(picture).size
    return [f"scale={width}:{height}", f"format={form}"]


def _on_background(colour: tuple[int, int, int, int], span: str) -> str:
    red, green, blue, _ = colour
    fill = f"drawbox=c=0x{red:02x}{green:02x}{blue:02x}@1:t=fill:replace=1"
    return f"split[front][copy];[copy]{fill}[back];[back][front]overlay=format=auto,setrange={span}"


def odd(encoding: Encoding, size: tuple[int, int]) -> bool:
    """Whether the encoder needs even sizes and this one is not."""
    return encoding.even and bool(size[0] % 2 or size[1] % 2)
