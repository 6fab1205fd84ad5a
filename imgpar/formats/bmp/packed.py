"""BMP writer for few colours: a palette with 1, 4 or 8 bits per pixel."""

from __future__ import annotations

import struct

import numpy as np

from imgpar.core.spec import Frame
from imgpar.pixels.palette import indexed, packed_rows

_FILE_HEAD, _HEAD = 14, 40
_METRE = 39.37007874


def encode(frame: Frame, dpi: tuple[float, float] | None) -> bytes | None:
    """The file; None where the picture has more than 256 colours."""
    found = indexed(frame)
    if found is None:
        return None
    bits = 4 if found.bits == 2 else found.bits
    rows = packed_rows(found.numbers, bits)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))[::-1]
    table = found.palette[:, [2, 1, 0, 3]].copy()
    table[:, 3] = 0
    at = _FILE_HEAD + _HEAD + table.nbytes
    across, down = (round(value * _METRE) for value in dpi or (0, 0))
    width, height = frame.spec.size
    head = struct.pack("<2sIII", b"BM", at + rows.nbytes, 0, at)
    head += struct.pack(
        "<IiiHHIIiiII", _HEAD, width, height, 1, bits, 0, rows.nbytes, across, down, len(table), 0
    )
    return head + table.tobytes() + rows.tobytes()
