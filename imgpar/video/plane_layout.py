"""Planar frames: how the planes of one frame lie in memory.

┌────────────────┬────────┬────────┐
│ Y  width×height│ U      │ V      │     one after the other, without padding; 8 bits, or 16 little-endian
└────────────────┴────────┴────────┘
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_CHROMA = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1), "": (1, 1)}


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """Size and pixel format of a planar frame.

    >>> PlaneLayout("yuv420p", 64, 48, "420").nbytes
    4608
    """

    pixel_format: str
    width: int
    height: int
    subsampling: str
    depth: int = 8
    alpha: bool = False

    @property
    def dtype(self) -> str:
        """Of a sample; more than 8 bits are stored in the low bits of 16."""
        return "uint8" if self.depth <= 8 else "<u2"

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Height and width of every plane."""
        across, down = _CHROMA[self.subsampling]
        chroma = (-(-self.height // down), -(-self.width // across))
        whole = (self.height, self.width)
        colour = [chroma, chroma] if self.subsampling else []
        return [whole, *colour, *([whole] if self.alpha else [])]

    @property
    def nbytes(self) -> int:
        """Bytes of all planes."""
        return sum(height * width for height, width in self.shapes) * (1 if self.depth <= 8 else 2)

    def arrays(self, memory: memoryview) -> list[Array]:
        """Views of the planes in `memory`."""
        found, start = [], 0
        flat = np.frombuffer(memory[: self.nbytes], self.dtype)
        for height, width in self.shapes:
            found.append(flat[start : start + height * width].reshape(height, width))
            start += height * width
        return found

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    def steps(self, number: int) -> tuple[int, int]:
        """Horizontal and vertical subsampling of a plane."""
        return _CHROMA[self.subsampling] if number in (1, 2) else (1, 1)

    def resized(self, width: int, height: int) -> PlaneLayout:
        """The same pixel format with another size."""
        return PlaneLayout(self.pixel_format, width, height, self.subsampling, self.depth, self.alpha)


def load(frame: Any, planes: Sequence[Array]) -> None:
    """Copy a decoded frame of the same pixel format into `planes`."""
    for source, plane in zip(frame.planes, planes, strict=True):
        np.copyto(plane, view_of(source, plane, plane.shape[1]))


def copy_planes(planes: Sequence[Array], frame: Any) -> None:
    """Copy `planes` into a PyAV frame of the same pixel format."""
    for target, plane in zip(frame.planes, planes, strict=True):
        np.copyto(view_of(target, plane, plane.shape[1]), plane)


def view_of(plane: Any, like: Array, width: int) -> Array:
    """`width` samples of each row of a PyAV plane, whose rows are padded, as a view."""
    row, height = plane.line_size // like.itemsize, like.shape[0]
    flat = np.frombuffer(plane, like.dtype)
    return flat[: row * height].reshape(height, row)[:, :width]


def raised(plane: Array, depth: int) -> Array:
    """Samples of 9 to 15 bits as 16 bits: the upper bits are repeated below, so that white stays white.

    >>> raised(np.array([0, 512, 1023], "<u2"), 10).tolist()
    [0, 32800, 65535]
    """
    made: Array = (plane << np.uint16(16 - depth)) | (plane >> np.uint16(2 * depth - 16))
    return made


def lowered(plane: Array, depth: int) -> Array:
    """The nearest samples of `depth` bits for those of 16 bits; takes back `raised`.

    >>> lowered(np.array([0, 32800, 65535], np.uint16), 10).tolist()
    [0, 512, 1023]
    """
    most = (1 << depth) - 1
    made: Array = ((plane.astype(np.uint32) * most + 32767) // 65535).astype("<u2")
    return made
