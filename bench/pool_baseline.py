"""What one would write without imgpar: Pillow in a multiprocessing.Pool. The yardstick of bench/compare.py.

It is written to be fast and right, not to lose: `thumbnail` comes first, so that JPEGs are decoded at a
reduced size; the orientation is baked, EXIF and ICC are kept, the folder is mirrored, a bad file does not
stop the run.

    python bench/pool_baseline.py IN OUT --size 1920 --quality 85 --jobs 2 --to jpg
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

from PIL import Image, ImageOps

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"}


def convert(task: tuple[Path, Path, int, int]) -> str:
    """Converts one picture; returns what went wrong, or nothing."""
    source, target, size, quality = task
    try:
        with Image.open(source) as picture:
            icc = picture.info.get("icc_profile")
            picture.thumbnail((size, size), Image.Resampling.LANCZOS)
            upright = ImageOps.exif_transpose(picture)
            if target.suffix == ".jpg" and upright.mode not in ("RGB", "L", "CMYK"):
                upright = upright.convert("RGB")
            target.parent.mkdir(parents=True, exist_ok=True)
            upright.save(target, quality=quality, exif=upright.getexif(), icc_profile=icc)
    except Exception as error:
        return f"{source}: {error}"
    return ""


def main() -> None:
    """Reads the arguments, runs the pool, prints one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path, metavar="IN")
    parser.add_argument("output", type=Path, metavar="OUT")
    parser.add_argument("--size", type=int, default=1920, help="longest edge")
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--to", default="jpg")
    given = parser.parse_args()
    start = time.perf_counter()
    sources = sorted(path for path in given.input.rglob("*") if path.suffix.lower() in SUFFIXES)
    targets = [given.output / path.relative_to(given.input).with_suffix("." + given.to) for path in sources]
    tasks = [
        (source, target, given.size, given.quality) for source, target in zip(sources, targets, strict=True)
    ]
    with multiprocessing.Pool(given.jobs) as pool:
        errors = [error for error in pool.imap_unordered(convert, tasks) if error]
    seconds = time.perf_counter() - start
    done = len(tasks) - len(errors)
    print(
        json.dumps(
            {"images": done, "seconds": seconds, "images_per_second": done / seconds, "errors": errors}
        )
    )


if __name__ == "__main__":
    main()
