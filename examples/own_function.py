"""Use a function of your own on every picture: python examples/own_function.py photos/ sepia/"""

from __future__ import annotations

import sys

import numpy as np

import imgpar

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], dtype=np.float32)


def sepia(picture: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 in, the same out. It runs in the workers."""
    return np.clip(picture[..., :3] @ SEPIA.T, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    report = imgpar.Pipeline().resize("1280").apply(sepia).run(sys.argv[1], sys.argv[2], to="jpg")
    print(f"{report.ok} converted, {report.failed} failed")
