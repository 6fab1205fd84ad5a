"""Pictures embedded in an SVG as `data:` URLs, decoded and re-encoded, so that resvg reads only checked
data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from imgpar.core.errors import ItemError

UNREADABLE = "pictures that cannot be read"
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


def embedded(
    address: str, read: Callable[[bytes], tuple[str, tuple[str, ...]]]
) -> tuple[str, tuple[str, ...]]:
    """Sanitise a `data:` URL.

    Args:
        address: the URL.
        read: returns the sanitised text of an embedded SVG, and what was dropped.

    Returns:
        The new URL, empty where it is not a picture or cannot be read, and what was dropped.

    >>> embedded("data:image/png,%89PNG%0D%0A%1A%0A", lambda _: ("", ()))
    ('data:image/png;base64,iVBORw0KGgo=', ())
    """
    kind, comma, body = address.partition(",")
    data = unquote_to_bytes(body.partition("#")[0])
    if kind.rstrip(" ").lower().endswith("base64"):
        data = _from_base64(data)
    lost: tuple[str, ...] = ()
    word = _kind(data)
    if not word and comma and data:
        try:
            text, lost = read(data)
        except ItemError:
            return "", (UNREADABLE,)
        word, data = "svg+xml", text.encode("utf-8")
    if not word:
        return "", (UNREADABLE,)
    return f"data:image/{word};base64,{base64.b64encode(data).decode('ascii')}", lost


def _kind(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((word for magic, word in _MAGIC if data.startswith(magic)), "")


def _from_base64(text: bytes) -> bytes:
    text = b"".join(text.split()).rstrip(b"=")
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""
