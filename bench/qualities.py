"""What --quality and --effort mean, in figures: likeness and size for every format, time and size for effort.

    python bench/qualities.py PICTURE… [--efforts]

Photos are made 1024 pixels long first. Prints tables of Markdown: the mean over the pictures of SSIM and GMSD
on luma (1 and 0 are equal), PSNR on RGB in dB, and kB. Decoders are those of imgpar.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps
from readme import table

from imgpar import Pipeline
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame
from imgpar.formats.codec import decode, read_header
from imgpar.formats.registry import FORMATS

LOSSY = ("jpeg", "webp", "avif", "heic", "jxl", "jp2")
EFFORTS = {"png": (0, 2, 4, 6, 9), "tiff": (0, 2, 4, 6, 9), "webp": (0, 2, 4, 6, 8), "avif": (1, 3, 4, 6),
           "heic": (0, 2, 4, 6, 8), "jxl": (1, 3, 4, 5, 7, 9)}  # fmt: skip
QUALITIES = (50, 75, 85, 95)
Array = np.ndarray[Any, Any]


def prepared(path: Path) -> bytes:
    """The photo upright and 1024 pixels long, as a PNG."""
    with Image.open(path) as image:
        small = ImageOps.exif_transpose(image).convert("RGB")
    small.thumbnail((1024, 1024), Image.Resampling.LANCZOS, reducing_gap=None)
    sink = BytesIO()
    small.save(sink, "PNG")
    return sink.getvalue()


def pixels(data: bytes) -> Array:
    """RGB as 8 bits."""
    header = read_header(data, "", Limits())
    frame = Frame(header.spec, np.empty(header.spec.shape, header.spec.dtype))
    decode(data, header, [frame])
    return frame.array[..., :3]


def luma(rgb: Array) -> Array:
    """BT.601 brightness."""
    return np.asarray(rgb, np.float64) @ (0.299, 0.587, 0.114)


def ssim(one: Array, other: Array) -> float:
    """Wang et al. 2004: Gaussian window with a sigma of 1.5."""

    def mean(values: Array) -> Array:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    a, b = mean(one), mean(other)
    variances = mean(one * one) - a * a + mean(other * other) - b * b
    shared = mean(one * other) - a * b
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    map_ = (2 * a * b + first) * (2 * shared + second)
    return float((map_ / ((a * a + b * b + first) * (variances + second))).mean())


def gmsd(one: Array, other: Array) -> float:
    """Xue et al. 2014: how unevenly edges changed, on the picture at half its size."""
    across = np.array([[1, 0, -1]] * 3) / 3

    def edges(values: Array) -> Array:
        half = cv2.blur(values, (2, 2))[::2, ::2]
        return np.hypot(cv2.filter2D(half, -1, across), cv2.filter2D(half, -1, across.T))

    a, b = edges(one), edges(other)
    return float(((2 * a * b + 170) / (a * a + b * b + 170)).std())


def qualities(pictures: Sequence[bytes]) -> Iterator[list[str]]:
    """One row for each quality and format."""
    originals = [pixels(data) for data in pictures]
    for quality in QUALITIES:
        for name in LOSSY:
            if not FORMATS[name].installed:
                continue
            figures = []
            for data, original in zip(pictures, originals, strict=True):
                made = Pipeline().encode(data, to=name, quality=quality)
                found = pixels(made)
                error = np.mean((found.astype(float) - original) ** 2)
                a, b = luma(original), luma(found)
                figures.append((ssim(a, b), gmsd(a, b), 10 * np.log10(255**2 / error), len(made) / 1000))
            means = np.mean(figures, axis=0)
            yield [
                str(quality), FORMATS[name].title, f"{means[0]:.3f}", f"{means[1]:.3f}", f"{means[2]:.1f}",
                f"{means[3]:.0f}",
            ]  # fmt: skip


def efforts(pictures: Sequence[bytes]) -> Iterator[list[str]]:
    """One row for each format and effort: CPU milliseconds a picture (decoding the PNG included), and kB."""
    for name, levels in EFFORTS.items():
        if not FORMATS[name].installed:
            continue
        for effort in levels:
            start = time.process_time()
            sizes = [len(Pipeline().encode(data, to=name, effort=effort)) for data in pictures]
            spent = (time.process_time() - start) / len(pictures) * 1000
            yield [FORMATS[name].title, str(effort), f"{spent:.0f}", f"{sum(sizes) / len(sizes) / 1000:.0f}"]


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description="What --quality and --effort mean, in figures.")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--efforts", action="store_true")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [prepared(path) for path in given.pictures]
    if given.efforts:
        print("\n".join(table(["format", "effort", "CPU ms", "kB"], list(efforts(pictures)))))
    else:
        head = ["quality", "format", "SSIM", "GMSD", "PSNR", "kB"]
        print("\n".join(table(head, list(qualities(pictures)))))


if __name__ == "__main__":
    main()
