"""farbfeld: a size, then red, green, blue and alpha with 16 bits each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgpar.plugin import Encoded, EncodeOptions, Format, Frame, Header, Limits, Metadata, Spec, damaged

HEAD = 16


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """The size, from the 16 bytes before the pixels."""
    if len(data) < HEAD:
        raise damaged("farbfeld", "its header is cut off", hopeless=True)
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (8, 12))
    if not (width and height):
        raise damaged("farbfeld", "its size is 0", hopeless=True)
    return Header(fmt.name, Spec(width, height, "RGBA", "uint16"))


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the one frame; missing pixels stay transparent where damage is accepted."""
    wanted = frames[0].array.reshape(-1)
    values = np.frombuffer(data, ">u2", count=min((len(data) - HEAD) // 2, len(wanted)), offset=HEAD)
    if len(values) < len(wanted) and not accept_damaged:
        raise damaged("farbfeld", f"{len(values):,} of {len(wanted):,} values are there")
    wanted[:] = 0
    wanted[: len(values)] = values
    return ()


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """The first frame."""
    size = b"".join(side.to_bytes(4, "big") for side in frames[0].spec.size)
    return Encoded(b"farbfeld" + size + frames[0].array.astype(">u2").tobytes())
