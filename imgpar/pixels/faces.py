"""Faces: the detector of dlib (histograms of oriented gradients), whose model is part of its package.

It finds upright faces that look roughly into the camera. Faces in profile, turned, covered or small are
missed, and patterns that resemble a face are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from imgpar.core.errors import MissingExtraError, UsageError
from imgpar.core.install_hint import pip
from imgpar.core.spec import Frame
from imgpar.pixels.arrays import LUMA, PEAK, colour_channels
from imgpar.pixels.regions import Box

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

PACKAGE = "dlib-bin"

_SEARCHED = 2_000_000
"""Pixels of the picture that is searched: larger ones are scaled down, smaller ones up."""
_MOST_SCALE = 2.0
"""Smaller pictures are enlarged by at most this factor, which finds faces from 40 pixels on."""
_LEAST_SIDE = 40
"""Pixels: no face fits into less, at the largest scale."""
_STEPS = 160
"""Positions of a window that are compared along each side."""


def require_faces() -> None:
    """Raise UsageError, with the command that installs it, where the detector is missing."""
    try:
        _detector()
    except MissingExtraError as error:
        raise UsageError(str(error.args[0]), fix=error.fix) from None


def find_faces(frame: Frame) -> list[Box]:
    """The faces of a picture, each from the eyebrows to the chin, the surest first.

    Faces with sides from about 80 pixels on are found in a picture of two million pixels; others are scaled
    to that size, by at most 2. One thread is used; the memory needed does not depend on the picture.

    Args:
        frame: H×W×C of any layout and depth; it is not modified. Transparent pixels are searched as black.

    Returns:
        Left, top, right and bottom in pixels, inside of the frame; empty where no face was found.

    Raises:
        MissingExtraError: the detector is not installed.

    >>> import numpy as np
    >>> from imgpar.core.spec import Spec
    >>> find_faces(Frame(Spec(1, 1), np.zeros((1, 1, 3), np.uint8)))
    []
    """
    width, height = frame.spec.size
    if min(width, height) < _LEAST_SIDE:
        return []
    scale = min(_MOST_SCALE, (_SEARCHED / (width * height)) ** 0.5)
    searched = _grey(frame, (max(1, round(width * scale)), max(1, round(height * scale))))
    across, down = width / searched.shape[1], height / searched.shape[0]
    found = list[Box]()
    for rect in _detector()(searched, 0):
        left, top = max(0, int(rect.left() * across)), max(0, int(rect.top() * down))
        right, bottom = -int(-(rect.right() + 1) * across // 1), -int(-(rect.bottom() + 1) * down // 1)
        found.append((left, top, min(right, width), min(bottom, height)))
    return [box for box in found if box[0] < box[2] and box[1] < box[3]]


def best_window(faces: Sequence[Box], size: tuple[int, int], window: tuple[int, int]) -> tuple[float, float]:
    """The position of a window that shows most of the faces, as fractions of the room that it has.

    Each face counts by its area, and less where it is cut. Among equal positions it is the one in whose
    middle the faces are.

    Args:
        faces: at least one, as from `find_faces`.
        size: width and height of the picture.
        window: width and height in pixels, at most those of the picture.

    >>> best_window([(10, 10, 30, 30)], (100, 40), (40, 40))
    (0.0, 0.5)
    >>> best_window([(70, 0, 80, 10), (40, 0, 60, 20)], (100, 20), (20, 20))
    (0.5, 0.5)
    """
    import numpy as np

    boxes = np.array(faces, np.float64)
    starts = [_starts(whole - part) for whole, part in zip(size, window, strict=True)]
    shown = [_shown(boxes[:, [axis, axis + 2]], starts[axis], window[axis]) for axis in (0, 1)]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    whole = shown[1][:, :, None] * shown[0][:, None, :]  # face × row × column, as shares of the face
    scores = np.tensordot(areas, whole**2, 1)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    weights = np.maximum(areas[:, None, None] * whole, 1e-9)
    wanted = [np.tensordot(middles[:, axis], weights, 1) / weights.sum(0) for axis in (0, 1)]
    off = np.hypot(
        starts[0][None, :] + window[0] / 2 - wanted[0], starts[1][:, None] + window[1] / 2 - wanted[1]
    )
    off[scores < scores.max() * (1 - 1e-9)] = np.inf
    row, column = divmod(int(np.argmin(off)), len(starts[0]))
    room = size[0] - window[0], size[1] - window[1]
    return (
        float(starts[0][column] / room[0]) if room[0] else 0.5,
        float(starts[1][row] / room[1]) if room[1] else 0.5,
    )


def _starts(room: int) -> Array:
    """Positions of the window along one side."""
    import numpy as np

    return np.linspace(0, room, min(room + 1, _STEPS))


def _shown(ends: Array, starts: Array, length: int) -> Array:
    """The share of each face that each position of the window shows, along one side."""
    import numpy as np

    first = np.maximum(ends[:, :1], starts)
    last = np.minimum(ends[:, 1:], starts + length)
    made: Array = (last - first).clip(0) / (ends[:, 1:] - ends[:, :1])
    return made


def _grey(frame: Frame, size: tuple[int, int]) -> Array:
    """The frame scaled to a size as 8-bit luma, on black where it is transparent."""
    import cv2
    import numpy as np

    smaller = size[0] < frame.spec.width
    small = cv2.resize(frame.array, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    values = small.reshape(size[1], size[0], -1).astype(np.float32) / np.float32(PEAK[frame.spec.dtype])
    luma = values[..., 0]
    if colour_channels(frame.spec) == 3:
        luma = values[..., :3] @ np.array(LUMA, np.float32)
    if frame.spec.alpha:
        luma = luma * values[..., -1]
    return np.ascontiguousarray(np.nan_to_num(luma).clip(0, 1) * 255 + 0.5).astype(np.uint8)


@lru_cache(maxsize=1)
def _detector() -> Any:
    """The detector with its model; raises MissingExtraError."""
    try:
        from dlib import get_frontal_face_detector
    except ImportError as error:
        raise MissingExtraError(
            f"Searching for faces needs the package {PACKAGE}, which is not installed.",
            fix=f"Run: {pip(PACKAGE)}",
        ) from error
    return get_frontal_face_detector()
