"""What is in a set of pictures, and which of them a row of the table converts."""

from __future__ import annotations

import collections
import os
import shutil
import statistics
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import get_sampling

Image.MAX_IMAGE_PIXELS = None
MAKE = 271
SUBSAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
LARGE, SMALL = 2.0, 0.9
"""Megapixels: photos have at least so many, small pictures at most so many."""


@dataclass(frozen=True)
class Picture:
    """One file, as its header describes it."""

    path: Path
    format: str
    width: int
    height: int
    make: str
    """Maker of the camera; empty where EXIF has none."""
    subsampling: str
    """Of a JPEG in colour."""
    progressive: bool

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


def found(folders: Iterable[Path]) -> list[Picture]:
    """Every picture below the folders that Pillow knows; broken files and other formats are left out."""
    pictures = (
        picture
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (picture := _described(path))
    )
    return list(pictures)


def _described(path: Path) -> Picture | None:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            name = {"MPO": "JPEG"}.get(image.format or "", image.format or "")
            if name not in ("JPEG", "PNG", "WEBP") or (
                getattr(image, "is_animated", False) and name != "JPEG"
            ):
                return None
            make = " ".join(str(image.getexif().get(MAKE) or "").partition("\0")[0].split())
            sampling = get_sampling(image) if name == "JPEG" and image.mode == "RGB" else -2
            return Picture(
                path, name, *image.size, make, "" if sampling == -2 else SUBSAMPLING.get(sampling, "other"),
                bool(image.info.get("progressive")),
            )  # fmt: skip
    except Exception:  # broken files raise nearly everything
        return None


def summary(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Counts of a set: formats, sizes, makers, subsampling, progressive share."""
    jpegs = [picture for picture in pictures if picture.format == "JPEG"]
    formats = collections.Counter(picture.format for picture in pictures)
    return {
        "pictures": len(pictures),
        "bytes": sum(picture.path.stat().st_size for picture in pictures),
        "megapixels": round(sum(picture.megapixels for picture in pictures), 1),
        "formats": {
            name: {"pictures": count, "megapixels": _spread(pictures, name)}
            for name, count in formats.most_common()
        },
        "makers": _counts(picture.make.title() or "none" for picture in jpegs),
        "subsampling": _counts(picture.subsampling or "grey or CMYK" for picture in jpegs),
        "progressive_share": round(sum(p.progressive for p in jpegs) / len(jpegs), 3) if jpegs else 0.0,
    }


def _spread(pictures: Sequence[Picture], name: str) -> dict[str, float]:
    sizes = sorted(picture.megapixels for picture in pictures if picture.format == name)
    return {
        "least": round(sizes[0], 2),
        "median": round(statistics.median(sizes), 2),
        "most": round(sizes[-1], 2),
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(collections.Counter(values).most_common())


def chosen(pictures: Sequence[Picture], kind: str) -> list[Picture]:
    """Those of one kind: photos, small, png, webp, mixed, or huge, which is the largest picture alone."""
    by_kind = {
        "photos": lambda p: p.format == "JPEG" and p.megapixels >= LARGE,
        "small": lambda p: p.format == "JPEG" and p.megapixels <= SMALL and min(p.width, p.height) >= 128,
        "png": lambda p: p.format == "PNG" and p.megapixels >= LARGE,
        "webp": lambda p: p.format == "WEBP" and p.megapixels >= LARGE,
        "mixed": lambda p: min(p.width, p.height) >= 128,
    }
    if kind == "huge":
        return [max(pictures, key=lambda p: p.megapixels)] if pictures else []
    return [picture for picture in pictures if by_kind[kind](picture)]


def sample(pictures: Sequence[Picture], megapixels: float) -> list[Picture]:
    """So many of them that their pixels are about those; spread evenly over all."""
    total = sum(picture.megapixels for picture in pictures)
    if total <= megapixels * 1.2:
        return list(pictures)
    count = max(1, round(len(pictures) * megapixels / total))
    return spread(pictures, count)


def spread(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """So many at most, at even distances."""
    count = min(count, len(pictures))
    return [pictures[number * len(pictures) // count] for number in range(count)]


def placed(pictures: Sequence[Picture], folder: Path, copies: int = 1) -> Path:
    """A flat folder of files of their own, as often as given, that are on the disk when this returns."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        for copy in range(copies):
            name = f"{number:04d}-{copy}{picture.path.suffix.lower()}"
            shutil.copyfile(picture.path, folder / name)
    os.sync()  # pages that are not written yet cannot be dropped
    return folder


def drop(folder: Path) -> None:
    """Take the files of a folder out of the cache. Needs Linux, and a disk: a tmpfs is the cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def on_disk(folder: Path) -> bool:
    """Whether files of a folder can be taken out of the cache."""
    if not hasattr(os, "posix_fadvise") or not Path("/proc/mounts").exists():
        return False
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(len(place), kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(inside, default=(0, "tmpfs"))[1] not in ("tmpfs", "ramfs")
