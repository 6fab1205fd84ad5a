"""Remove noise from clips, each frame with its neighbours: python examples/denoise_clip.py clips/ clean/"""

from __future__ import annotations

import sys

import numpy as np

import imgpar


def middle(frames: np.ndarray) -> np.ndarray:
    """3×H×W×C uint8 in, H×W×C out: of every pixel the median in time. It runs in the workers."""
    return np.median(frames, axis=0).astype(np.uint8)


if __name__ == "__main__":
    report = imgpar.Pipeline().apply(middle, window=3).run(sys.argv[1], sys.argv[2], to="mp4", quality=90)
    print(f"{report.ok} converted, {report.failed} failed")
