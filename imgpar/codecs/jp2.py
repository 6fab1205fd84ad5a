"""JPEG 2000, read: Pillow, and OpenCV for colour of more than 8 bits, of which Pillow keeps 8."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imgpar.codecs import opencv, pillow
from imgpar.codecs.formats import Format
from imgpar.model import Frame, Header, Layout, Limits

_SIZ = b"\xff\x4f\xff\x51"
"""Start of the codestream, with the marker that tells its size."""
_LAYOUTS: dict[int, Layout] = {3: "RGB", 4: "RGBA"}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Pillow's view, with the depth that it hides."""
    header = pillow.read_header(data, fmt, limits)
    bits = _depths(bytes(data[:65536]))
    layout = _LAYOUTS.get(len(bits))
    deep = len(set(bits)) == 1 and layout is not None and 8 < bits[0] <= 16
    if deep and layout is not None and header.detail["mode"] in ("RGB", "RGBA"):
        spec = header.spec.converted(layout, "uint16")
        return replace(header, spec=spec, detail={**header.detail, "bits": bits[0], "deep": True})
    return header


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the one frame; 10 and 12 bits are stretched to 16."""
    if not header.detail.get("deep"):
        return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
    pixels = opencv.decode(data, header.spec, "JPEG 2000")
    peak = (1 << header.detail["bits"]) - 1
    if peak < 65535:
        pixels = np.rint(pixels * (65535 / peak))
    np.copyto(frames[0].array, pixels, casting="unsafe")
    return ()


def _depths(head: bytes) -> list[int]:
    """Bits of every component; empty where the codestream begins too late to be seen."""
    at = head.find(_SIZ)
    if at < 0 or len(head) < at + 42:
        return []
    (count,) = struct.unpack_from(">H", head, at + 40)
    sizes = head[at + 42 : at + 42 + 3 * count : 3]
    return [(size & 0x7F) + 1 for size in sizes]
