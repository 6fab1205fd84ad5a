"""The header of a picture, serialized for the worker that encodes it."""

from __future__ import annotations

from typing import NamedTuple

from imgpar.core.spec import Header
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.runtime.serialization import pack, unpack


class _Sent(NamedTuple):
    """A header, without what only the decoder uses."""

    header: Header
    """Without detail and numbers of pages."""
    jpeg: JpegDetail | None
    """The only detail that is used after decoding: for the planes, and the size of a gain map."""


def pack_header(header: Header) -> bytes:
    """Serialize a header, without what only the decoder uses."""
    detail = header.detail if isinstance(header.detail, JpegDetail) else None
    return pack(_Sent(header._replace(numbers=(), detail=None), detail))


def unpack_header(data: bytes) -> Header:
    """The header that `pack_header` serialized; raises TransformError."""
    sent = unpack(data, _Sent)
    return sent.header._replace(detail=sent.jpeg)
