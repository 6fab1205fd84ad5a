"""ICC profiles of version 2 with one table (`A2B0`), for tests of conversions that need LittleCMS."""

from __future__ import annotations

import struct

D50 = (0.9642, 1.0, 0.8249)


def table_profile(name: str, content: bytes, space: bytes, connection: bytes) -> bytes:
    """A profile from a device space through a table into a connection space.

    Args:
        name: description in the profile.
        content: the table, as stored in the tag.
        space: signature of the device space, such as b"RGB ".
        connection: signature of the connection space, such as b"Lab ".
    """
    text = name.encode()
    white = struct.pack(">3i", *(round(value * 65536) for value in D50))
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"No copyright, use freely\0",
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"A2B0": content,
    }
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        table += struct.pack(">4sII", key, at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(body)
    kinds = (b"\2\x40\0\0", b"prtr", space, connection)
    head = struct.pack(">I4x4s4s4s4s12x4s", size, *kinds, b"acsp")
    head = head.ljust(68, b"\0") + white
    return head.ljust(128, b"\0") + table + body
