"""Floating point pixels of a caller: 0 is black and 1 is white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgpar.core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

BEYOND = 0.5
"""Maximum distance of float values from their range that is clipped, as a fraction of it: resampling and
sharpening exceed it slightly."""
_ODD_BYTE = 300.0
"""Up to here float values look like 8-bit values."""


def in_unit_range(array: Array) -> Array:
    """An array of a caller whose floating point values are 0 to 1: itself, or a clipped copy where they reach
    slightly beyond. Integers are returned as they are.

    Args:
        array: of any shape; it is only read.

    Raises:
        UsageError: its values have another scale, are not numbers, or are infinite.
    """
    if array.dtype.kind != "f" or not array.size:
        return array
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        return array
    wanted = f"Expected {array.dtype} from 0 (black) to 1 (white) but received values"
    if not float("-inf") < low <= high < float("inf"):
        raise UsageError(f"{wanted} that are not numbers (NaN) or infinite.", fix="Use numpy.nan_to_num.")
    if low < -BEYOND or high > 1 + BEYOND:
        scale = "Scale them, or use numpy.clip(array, 0, 1)."
        fix = "Divide by 255." if looks_like_bytes(low, high) else scale
        raise UsageError(f"{wanted} from {low:.4g} to {high:.4g}.", fix=fix)
    return array.clip(0, 1)


def looks_like_bytes(low: float, high: float) -> bool:
    """Whether floating point values seem to be 0 to 255.

    >>> looks_like_bytes(0, 250.5), looks_like_bytes(0, 1.7)
    (True, False)
    """
    return low >= 0 and 2 < high <= _ODD_BYTE
