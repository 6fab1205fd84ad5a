"""OpenEXR: red, green, blue and alpha, or grey, of the first part."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from imgpar.codecs import light
from imgpar.codecs.base import check_size, damaged, require
from imgpar.codecs.formats import FORMATS, Format
from imgpar.model import Frame, Header, Layout, Limits, Spec

_CHANNELS: dict[Layout, tuple[str, ...]] = {
    "RGBA": ("R", "G", "B", "A"),
    "RGB": ("R", "G", "B"),
    "LA": ("Y", "A"),
    "L": ("Y",),
}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size of the data window, and which channels there are."""
    with _open(data, fmt, header_only=True) as file:
        facts = file.header()
        (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in facts["dataWindow"])
        names = {channel.name for channel in facts["channels"]}
        parts = len(file.parts)
    width, height = right - left + 1, bottom - top + 1
    check_size(width, height, limits)
    layout = next((kind for kind, wanted in _CHANNELS.items() if names.issuperset(wanted)), None)
    if layout is None:
        raise damaged(fmt.title, f"it has no colours, only {', '.join(sorted(names)[:8])}", hopeless=True)
    more = names.difference(_CHANNELS[layout])
    return Header(
        format=fmt.name,
        spec=Spec(width, height, layout, "float32"),
        lost=("channels",) * bool(more) + ("other pictures",) * (parts > 1),
        notes=(light.NOTE,),
    )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - OpenEXR reads all or nothing
) -> tuple[str, ...]:
    """Fill the one frame."""
    frame = frames[0]
    with _open(data, FORMATS[header.format], separate_channels=True) as file:
        channels = file.channels()
        names = _CHANNELS[header.spec.layout]
        colours = np.stack([channels[name].pixels for name in names if name != "A"], axis=-1)
        if colours.shape[:2] != frame.array.shape[:2]:
            raise damaged("OpenEXR", "its channels have different sizes", hopeless=True)
        colours = colours.astype(np.float32)
        if frame.spec.alpha:
            alpha = np.nan_to_num(channels["A"].pixels.astype(np.float32)).clip(0, 1)[..., None]
            # Colours are stored as they cover: multiplied with alpha.
            np.divide(colours, alpha, out=colours, where=alpha > 0)
            frame.array[..., -1:] = alpha
        light.to_display(colours, frame.array[..., : colours.shape[-1]])
    return ()


def _open(data: bytes | memoryview, fmt: Format, **how: Any) -> Any:
    return require(fmt).File(BytesIO(data), **how)
