"""IPTC records (IIM) and the Photoshop block that holds them in a JPEG.

"8BIM" | resource number (2) | name (length, text, padded) | length (4) | data (padded)     0x0404 is IPTC
0x1C | record | dataset | length (2) | value                                               one IIM dataset
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imgpar.formats.tlv import IPTC_DATASETS, PHOTOSHOP_RESOURCES, walk

PHOTOSHOP = b"Photoshop 3.0\0"
RESOURCE = 0x0404
"""Number of the resource that contains IPTC."""
_PATHS = range(2000, 2998)
_THUMBNAILS = (0x0409, 0x040C)
_PLACES = {bytes((2, number)) for number in (26, 27, 90, 92, 95, 100, 101)}
"""Content location, city, sublocation, state and country."""


def find_iptc(blocks: bytes) -> bytes:
    """The IIM records among Photoshop resource blocks; empty where there are none."""
    return next((data for number, data, _ in resources(blocks) if number == RESOURCE), b"")


def iptc_and_paths(blocks: bytes) -> tuple[bytes, bool]:
    """What `find_iptc` and `has_paths` return, in one pass."""
    bodies = dict[int, memoryview]()
    for kind, body, _, _ in walk(blocks, PHOTOSHOP_RESOURCES):
        bodies.setdefault(int.from_bytes(kind, "big"), body)
    return bytes(bodies.get(RESOURCE, b"")), any(map(is_path, bodies))


def without_thumbnails(blocks: bytes) -> bytes:
    """The resource blocks without thumbnails."""
    return b"".join(whole for number, _, whole in resources(blocks) if number not in _THUMBNAILS)


def has_paths(blocks: bytes) -> bool:
    """Whether there is a clipping path, which outputs do not keep."""
    return any(is_path(number) for number, _, _ in resources(blocks))


def is_path(number: int) -> bool:
    """Whether the resource with this number is a path."""
    return number in _PATHS


def wrap(records: bytes) -> bytes:
    """The records as a resource block."""
    return struct.pack(">4sHHI", b"8BIM", RESOURCE, 0, len(records)) + records + bytes(len(records) % 2)


def iptc_without_places(records: bytes) -> bytes:
    """The records without locations.

    >>> city = b"\\x1c\\x02\\x5a\\0\\x06Vienna"
    >>> iptc_without_places(city + b"\\x1c\\x02\\x78\\0\\x02Hi")
    b'\\x1c\\x02x\\x00\\x02Hi'
    """
    return b"".join(each.whole for each in walk(records, IPTC_DATASETS) if each.kind not in _PLACES)


def resources(blocks: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, data and all bytes of every resource."""
    for resource in walk(blocks, PHOTOSHOP_RESOURCES):
        yield int.from_bytes(resource.kind, "big"), bytes(resource.body), bytes(resource.whole)
