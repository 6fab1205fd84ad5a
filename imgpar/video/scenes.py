"""Scene detection.

The score is that of ffmpeg's filter `scdet`: the mean absolute difference of luma between two frames in
percent, or its increase over the previous difference, whichever is less. A cut scores high, a pan or a fade
does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

THRESHOLD = 10.0
"""Minimum score in percent of a new scene; 8 to 14 are sensible."""


class SceneChanges:
    """Detects frames that begin a scene; takes every frame, in order.

    Args:
        threshold: 0 to 100; a lower one finds more scenes.
    """

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._before: np.ndarray[Any, Any] | None = None
        self._change = 0.0

    def begins(self, frame: Any) -> bool:
        """Whether this PyAV frame with a luma plane begins a scene; the first one does."""
        first = self._before is None
        return self.score(frame) >= self._threshold or first

    def score(self, frame: Any) -> float:
        """The score, 0 to 100."""
        import cv2
        import numpy as np

        deep = frame.format.components[0].bits
        plane = frame.planes[0]
        flat = np.frombuffer(plane, np.uint8 if deep <= 8 else "<u2")
        row = plane.line_size // flat.itemsize
        luma = flat[: row * frame.height].reshape(frame.height, row)[:, : frame.width]
        before, self._before = self._before, luma.copy()
        if before is None:
            return 0.0
        change = cv2.norm(luma, before, cv2.NORM_L1) * 100 / luma.size / (1 << deep)
        faster, self._change = abs(change - self._change), change
        return float(min(change, faster, 100.0))
