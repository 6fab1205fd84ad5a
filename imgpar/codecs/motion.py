"""Motion photos: a JPEG with a short clip behind it (Google, Samsung), which no new file gets."""

from __future__ import annotations

import re

_SAYS = re.compile(rb"(?<!\s)\s+\w+:(?:MotionPhoto|MicroVideo)\w*\s*=\s*(?:\"[^\"]*\"|'[^']*')")
"""A run of spaces is looked at from its beginning only: packets are padded with thousands of them."""
_ITEM = re.compile(
    rb"<rdf:li\b(?:(?!</rdf:li>).)*?[\"'>]\s*MotionPhoto(?:(?!</rdf:li>).)*</rdf:li\s*>", re.DOTALL
)
CLIP = "motion clip"
"""What the report calls it."""


def has_clip(xmp: bytes) -> bool:
    """Whether XMP says that a clip follows the picture.

    >>> has_clip(b'<rdf:Description GCamera:MotionPhoto="1"/>')
    True
    """
    named = b"MotionPhoto" in xmp or b"MicroVideo" in xmp
    return named and (_SAYS.search(xmp) is not None or _ITEM.search(xmp) is not None)


def without_clip(xmp: bytes) -> bytes:
    """XMP that no longer speaks of one.

    >>> without_clip(b'<rdf:Description GCamera:MotionPhoto="1" dc:title="Sky"/>')
    b'<rdf:Description dc:title="Sky"/>'
    """
    return _ITEM.sub(b"", _SAYS.sub(b"", xmp))
