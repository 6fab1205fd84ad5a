"""How close the pictures come to an exact resize: PSNR of their brightness against Lanczos 3 of the whole
picture, in dB."""

from __future__ import annotations

import statistics
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from peers import Work
from PIL import Image, ImageOps

Array = np.ndarray[Any, Any]


def lossless(work: Work) -> Work:
    """The same work as PNG, so that the encoder does not hide the resize."""
    return replace(work, to="png")


def best_jpeg(work: Work) -> Work:
    """The same work as JPEG of quality 100: tools go another way to a JPEG than to other formats.

    Brightness alone counts: at quality 100 some encoders store colour at half its size and some do not. What
    imgpar does depends on that colour; the way of lower qualities is meant.
    """
    return replace(work, quality=100, extra=(*work.extra, "--subsampling", "420"))


def likeness(source: Path, out: Path, suffix: str) -> dict[str, float]:
    """Mean and worst PSNR of the pictures of a folder, and how many were made."""
    values = [
        value
        for path in sorted(source.rglob("*"))
        if path.is_file() and (made := (out / path.relative_to(source)).with_suffix(f".{suffix}")).exists()
        for value in [_psnr(path, made)]
    ]
    if not values:
        return {"pictures": 0}
    return {
        "pictures": len(values),
        "mean_db": round(statistics.mean(values), 2),
        "worst_db": round(min(values), 2),
    }


def _psnr(source: Path, made: Path) -> float:
    with Image.open(made) as result:
        brightness = np.asarray(result.convert("RGB").convert("L"), np.float64)
    height, width = brightness.shape
    error = np.mean((_exact(source, width, height) - brightness) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


@lru_cache(maxsize=64)
def _exact(source: Path, width: int, height: int) -> Array:
    with Image.open(source) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB").convert("L")
        return np.asarray(upright.resize((width, height), Image.Resampling.LANCZOS), np.float64)
