"""By how much the lines of a scan are tilted.

The rows of a page of text alternate between ink and paper. Projected along the lines they do so most sharply,
so the angle is searched at which the differences between neighbouring rows of the projection are greatest
(Postl's method).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.pixels.arrays import LUMA, PEAK, colour_channels

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LEAST_ANGLE = 0.1
"""Degrees below which a scan is straight."""
_LONGEST = 1000
"""Longest edge in pixels at which angles are measured."""
_MOST_INK = 150_000
"""Number of pixels that are projected at most."""
_COARSE, _FINE = 0.5, 0.05
"""Steps of the search in degrees; the result is interpolated between those of the second pass."""
_CLEAR = 4.0
"""How much sharper the best projection has to be than the median one. Text has 10 to 50; photos have less
than 3 unless there are straight horizontal lines."""


def skew_of(frame: Frame, limit: float) -> float:
    """The tilt of the lines in degrees, clockwise; 0 where there are none, or they are tilted further.

    Args:
        frame: H×W×C of any layout and depth; not modified.
        limit: greatest angle in degrees.
    """
    import numpy as np

    points = _ink(frame)
    if points is None:
        return 0.0
    angles = np.arange(-limit - _COARSE, limit + 1.5 * _COARSE, _COARSE)
    scores = np.array([_sharpness(points, float(angle)) for angle in angles])
    best = int(np.argmax(scores))
    if scores[best] < _CLEAR * float(np.median(scores)) or abs(angles[best]) > limit:
        return 0.0
    near = angles[best] + np.arange(-_COARSE, _COARSE + _FINE / 2, _FINE)
    scores = np.array([_sharpness(points, float(angle)) for angle in near])
    return _peak(near, scores)


def _peak(angles: Array, scores: Array) -> float:
    """The angle of the highest score, by a parabola through it and its neighbours."""
    best = int(scores.argmax())
    if not 0 < best < len(scores) - 1:
        return float(angles[best])
    before, top, after = (float(score) for score in scores[best - 1 : best + 2])
    curve = before - 2 * top + after
    shift = 0.5 * (before - after) / curve if curve else 0.0
    return float(angles[best]) + shift * float(angles[1] - angles[0])


def _ink(frame: Frame) -> tuple[Array, Array] | None:
    """Columns and rows of the lower edges of dark strokes; None where there are too few."""
    import cv2
    import numpy as np

    spec = frame.spec
    scale = min(1.0, _LONGEST / max(spec.size))
    size = max(1, round(spec.width * scale)), max(1, round(spec.height * scale))
    if min(size) < 16:
        return None
    small = cv2.resize(frame.array, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    values = small.astype(np.float32) / np.float32(PEAK[spec.dtype])
    count = colour_channels(spec)
    luma = values[..., 0] if count == 1 else values[..., :3] @ np.array(LUMA, np.float32)
    if spec.alpha:
        luma = 1 - (1 - luma) * values[..., -1]  # on white
    eight = (luma.clip(0, 1) * 255).astype(np.uint8)
    # Against the surroundings: paper is not lit evenly.
    block = max(3, min(size) // 20 | 1)
    ink = cv2.adaptiveThreshold(eight, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, 12)
    edges = ink[:-1] > ink[1:]
    rows, columns = np.nonzero(edges)
    if len(rows) < max(size) // 8:
        return None
    step = -(-len(rows) // _MOST_INK)
    return columns[::step].astype(np.float32), rows[::step].astype(np.float32)


def _sharpness(points: tuple[Array, Array], angle: float) -> float:
    """How much neighbouring rows of the projection differ."""
    import numpy as np

    columns, rows = points
    radians = np.deg2rad(angle)
    down = rows * np.cos(radians) - columns * np.sin(radians)
    counts = np.bincount((down - down.min()).astype(np.intp)).astype(np.float64)
    return float((np.diff(counts) ** 2).sum())
