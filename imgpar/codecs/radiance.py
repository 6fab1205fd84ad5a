"""Radiance HDR through OpenCV: linear floats in red, green and blue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imgpar.codecs import light, opencv
from imgpar.codecs.base import check_size, damaged
from imgpar.codecs.formats import Format
from imgpar.model import Frame, Header, Limits, Spec

_SIZE = re.compile(rb"\n[-+]Y +(\d{1,9}) +[-+]X +(\d{1,9}) *\r?\n")


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """The size, from the line that ends the header."""
    found = _SIZE.search(bytes(data[:65536]))
    if found is None:
        raise damaged(fmt.title, "its header does not tell a size", hopeless=True)
    height, width = int(found[1]), int(found[2])
    check_size(width, height, limits)
    return Header(fmt.name, Spec(width, height, "RGB", "float32"), notes=(light.NOTE,))


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - OpenCV reads all or nothing
) -> tuple[str, ...]:
    """Fill the one frame."""
    light.to_display(opencv.decode(data, header.spec, "Radiance HDR"), frames[0].array)
    return ()
