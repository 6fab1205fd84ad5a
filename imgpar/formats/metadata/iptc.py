"""IPTC records (IIM) and the Photoshop block that holds them in a JPEG.

"8BIM" | resource number (2) | name (length, text, padded) | length (4) | data (padded)     0x0404 is IPTC
0x1C | record | dataset | length (2) | value                                               one IIM dataset
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PHOTOSHOP = b"Photoshop 3.0\0"
RESOURCE = 0x0404
"""The number of the resource that holds IPTC."""
_PATHS = range(2000, 2998)
_THUMBNAILS = (0x0409, 0x040C)
_PLACES = {(2, number) for number in (26, 27, 90, 92, 95, 100, 101)}
"""Content location, city, sublocation, state and country."""


def find_iptc(blocks: bytes) -> bytes:
    """The IIM records among Photoshop's resource blocks; empty where there are none."""
    return next((data for number, data, _ in resources(blocks) if number == RESOURCE), b"")


def without_thumbnails(blocks: bytes) -> bytes:
    """The resource blocks without those that hold a small copy of the picture."""
    return b"".join(whole for number, _, whole in resources(blocks) if number not in _THUMBNAILS)


def has_paths(blocks: bytes) -> bool:
    """Whether an outline is drawn around something in the picture, which no new file gets."""
    return any(is_path(number) for number, _, _ in resources(blocks))


def is_path(number: int) -> bool:
    """Whether the resource with this number is an outline."""
    return number in _PATHS


def wrap(records: bytes) -> bytes:
    """The records as a resource block."""
    return struct.pack(">4sHHI", b"8BIM", RESOURCE, 0, len(records)) + records + bytes(len(records) % 2)


def iptc_without_places(records: bytes) -> bytes:
    """The records without those that tell a place.

    >>> city = b"\\x1c\\x02\\x5a\\0\\x06Vienna"
    >>> iptc_without_places(city + b"\\x1c\\x02\\x78\\0\\x02Hi")
    b'\\x1c\\x02x\\x00\\x02Hi'
    """
    return b"".join(whole for key, whole in _datasets(records) if key not in _PLACES)


def resources(blocks: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, data and all bytes of every resource."""
    at = 0
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        (number,) = struct.unpack_from(">H", blocks, at + 4)
        # The name is a Pascal string, padded to an even length with its count.
        data_at = at + 6 + (blocks[at + 6] // 2 + 1) * 2 + 4
        length = int.from_bytes(blocks[data_at - 4 : data_at], "big")
        end = data_at + length + length % 2
        yield number, blocks[data_at : data_at + length], blocks[at:end]
        at = end


def _datasets(records: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    at = 0
    while at + 5 <= len(records) and records[at] == 0x1C:
        (length,) = struct.unpack_from(">H", records, at + 3)
        head = 5
        if length & 0x8000:
            # An extended dataset: the low bits count the bytes of the real length.
            head += length & 0x7FFF
            length = int.from_bytes(records[at + 5 : at + head], "big")
        yield (records[at + 1], records[at + 2]), records[at : at + head + length]
        at += head + length
