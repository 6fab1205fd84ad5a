"""Frames and measures that the tests of operations share."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpar.core.spec import CHANNELS, Frame, Layout, Spec
from imgpar.ops import Operation

LAYOUTS: tuple[Layout, ...] = ("L", "LA", "RGB", "RGBX", "RGBA")
DTYPES = ("uint8", "uint16", "float32")
PEAK = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}

Array = np.ndarray[Any, Any]


def picture(layout: Layout, dtype: str = "uint8", width: int = 61, height: int = 43) -> Frame:
    """Waves, an edge and some noise; alpha with a transparent, an opaque and a soft part.

    All depths hold the same 8-bit picture.
    """
    y, x = np.mgrid[:height, :width].astype(float)
    noise = np.random.default_rng(5).normal(0, 6, (height, width, 4))
    waves = np.stack([np.sin(x / 5), np.cos(y / 6), np.sin((x + y) / 9), np.cos(x / 7)], axis=2) * 70 + 128
    waves[:, width // 2 :] += 30
    eight = np.clip(waves + noise, 0, 255).astype(np.uint8)[..., : CHANNELS[layout]]
    if layout in ("LA", "RGBA"):
        eight[..., -1] = np.clip((x - width / 4) * 9, 0, 255)
    scale = {"uint8": 1, "uint16": 257, "float32": np.float32(1 / 255)}[dtype]
    array = np.ascontiguousarray((eight * np.array(scale, dtype)).astype(dtype))
    return Frame(Spec(width, height, layout, dtype), array)


def garbage(spec: Spec, seed: int) -> Frame:
    """A frame to be filled, with something in it."""
    noise = np.random.default_rng(seed).integers(0, 250, spec.shape)
    return Frame(spec, noise.astype(spec.dtype))


def run(operation: Operation, src: Frame, seed: int = 1) -> Frame:
    """The operation's result, in a frame that held garbage before."""
    operation = operation.settled([src])
    dst = garbage(operation.plan(src.spec), seed)
    operation.apply(src, dst)
    return dst


def unit(frame: Frame) -> Array:
    """The pixels as float64 from 0 to 1, without padding."""
    values = frame.array.astype(np.float64) / PEAK[frame.spec.dtype]
    return values[..., :3] if frame.spec.layout == "RGBX" else values


def seen(frame: Frame) -> Array:
    """The pixels as they look: colours, clipped to 0 to 1, times alpha, and alpha."""
    values = np.clip(unit(frame), 0, 1)
    if frame.spec.alpha:
        values[..., :-1] *= values[..., -1:]
    return values


def psnr(one: Array, other: Array) -> float:
    """Peak signal to noise ratio in dB, for values from 0 to 1."""
    assert one.shape == other.shape
    error = float(np.mean((one - other) ** 2))
    return 999.0 if error == 0 else -10 * float(np.log10(error))


def film_cube(side: int) -> str:
    """The text of a .cube file with a smooth look, in which channels depend on each other."""
    red, green, blue = np.meshgrid(*[np.linspace(0, 1, side)] * 3, indexing="ij")
    made = np.stack([red**0.9, 0.8 * green + 0.2 * red * green, 0.1 + 0.7 * blue**1.2 + 0.1 * red], axis=-1)
    rows = made.transpose(2, 1, 0, 3).reshape(-1, 3)  # red changes fastest
    lines = [" ".join(f"{value:.6f}" for value in row) for row in rows]
    return "\n".join(['TITLE "film"', f"LUT_3D_SIZE {side}", *lines]) + "\n"
