"""OpenEXR: RGB, alpha or grey of the first part; luminance/chroma is converted to RGB."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import cv2
import numpy as np

from imgpar.core.errors import UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Layout, Spec
from imgpar.formats.base import check_size, detail_of, require, unclear
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.colour import tone

_CHANNELS: dict[Layout, tuple[str, ...]] = {
    "RGBA": ("R", "G", "B", "A"),
    "RGB": ("R", "G", "B"),
    "LA": ("Y", "A"),
    "L": ("Y",),
}
_COLOURED: dict[Layout, Layout] = {"L": "RGB", "LA": "RGBA"}
_CHROMA = ("RY", "BY")
"""Chroma: differences of red and blue from luminance, relative to it; usually subsampled 2×2."""
_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in luminance of Rec. 709, the default primaries."""


class ExrDetail(NamedTuple):
    """What is known of an OpenEXR besides its header."""

    chroma: bool
    """Whether colours are stored as luminance and chroma."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"chroma": self.chroma}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size of the data window, and the channels."""
    with _open(data, fmt, header_only=True) as file:
        facts = file.header()
        (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in facts["dataWindow"])
        names = {channel.name for channel in facts["channels"]}
        parts = len(file.parts)
    width, height = right - left + 1, bottom - top + 1
    check_size(width, height, limits)
    layout = next((kind for kind, wanted in _CHANNELS.items() if names.issuperset(wanted)), None)
    if layout is None:
        raise UnsupportedError(f"This OpenEXR has no colours, only {', '.join(sorted(names)[:8])}.")
    chroma = layout in ("L", "LA") and names.issuperset(_CHROMA)
    more = names.difference(_CHANNELS[layout], _CHROMA if chroma else ())
    layout = _COLOURED[layout] if chroma else layout
    lost = list[str]()
    if more:
        lost.append("channels")
    if parts > 1:
        lost.append("other pictures")
    return Header(
        format=fmt.name,
        spec=Spec(width, height, layout, "float32"),
        lost=tuple(lost),
        notes=(tone.NOTE,),
        detail=ExrDetail(chroma),
    )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - OpenEXR reads all or nothing
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
    frame = frames[0]
    with _open(data, FORMATS[header.format], separate_channels=True) as file:
        channels = file.channels()
        if detail_of(header, ExrDetail).chroma:
            colours = _coloured(channels, header.spec)
        else:
            names = _CHANNELS[header.spec.layout]
            colours = np.stack([channels[name].pixels for name in names if name != "A"], axis=-1)
        if colours.shape[:2] != frame.array.shape[:2]:
            raise unclear("OpenEXR", "its channels have different sizes")
        colours = colours.astype(np.float32)
        if frame.spec.alpha:
            alpha = np.nan_to_num(channels["A"].pixels.astype(np.float32)).clip(0, 1)[..., None]
            # Colours are stored premultiplied.
            np.divide(colours, alpha, out=colours, where=alpha > 0)
            frame.array[..., -1:] = alpha
        tone.to_display(colours, frame.array[..., : colours.shape[-1]])
    return ()


def _coloured(channels: Any, spec: Spec) -> np.ndarray[Any, Any]:
    """Convert luminance/chroma to RGB; see OpenEXR, "Luminance/Chroma Images"."""
    luminance = channels["Y"].pixels.astype(np.float32)
    red, blue = ((1 + _spread(channels[name], spec)) * luminance for name in _CHROMA)
    green = (luminance - _WEIGHTS[0] * red - _WEIGHTS[2] * blue) / _WEIGHTS[1]
    return np.stack([red, green, blue], axis=-1)


def _spread(channel: Any, spec: Spec) -> np.ndarray[Any, Any]:
    """Upsample a channel; a sample lies on the first of the pixels that share it."""
    across = (np.arange(spec.width) / channel.xSampling).astype(np.float32)
    down = (np.arange(spec.height) / channel.ySampling).astype(np.float32)
    columns, rows = np.meshgrid(across, down)
    samples = channel.pixels.astype(np.float32)
    made: np.ndarray[Any, Any] = cv2.remap(
        samples, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return made


def _open(data: bytes | memoryview, fmt: Format, **how: Any) -> Any:
    return require(fmt).File(BytesIO(data), **how)
