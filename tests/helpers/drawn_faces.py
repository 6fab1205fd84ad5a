"""A drawn face that a detector for photos finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

SKIN = (205, 160, 130)

_PARTS = (
    (0.0, -0.12, 0.58, 0.72, (60, 40, 30)),  # hair
    (0.0, 0.0, 0.48, 0.64, SKIN),
    *((side * 0.2, -0.10, 0.15, 0.09, (144, 112, 91)) for side in (-1, 1)),  # sockets of the eyes
    *((side * 0.2, -0.09, 0.10, 0.05, (240, 240, 240)) for side in (-1, 1)),
    *((side * 0.2, -0.09, 0.05, 0.05, (40, 30, 20)) for side in (-1, 1)),
    *((side * 0.2, -0.21, 0.14, 0.03, (70, 45, 35)) for side in (-1, 1)),  # brows
    (0.0, 0.08, 0.05, 0.16, (225, 176, 143)),  # nose
    (0.0, 0.20, 0.10, 0.04, (133, 104, 85)),
    (0.0, 0.38, 0.19, 0.05, (150, 60, 60)),  # mouth
)
"""Ellipses: centre and half axes, relative to the width of the face, and colour."""


def people(
    size: tuple[int, int],
    faces: Sequence[tuple[int, int, int]],
    ground: tuple[int, int, int] = (90, 120, 150),
) -> np.ndarray[Any, Any]:
    """H×W×3 uint8 RGB with faces.

    Args:
        size: width and height.
        faces: centre and width of each, in pixels.
        ground: the colour behind them.
    """
    array = np.full((size[1], size[0], 3), ground, np.uint8)
    for left, top, width in faces:
        for x, y, a, b, colour in _PARTS:
            centre = round(left + x * width), round(top + y * width)
            axes = max(1, round(a * width)), max(1, round(b * width))
            cv2.ellipse(array, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(array, (0, 0), 1.2)
