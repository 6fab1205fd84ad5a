"""Draws the picture of the README: sample pictures, what a command makes of each, and the command.

    python scripts/readme_picture.py -o docs/before-after.webp

The commands are run as they are drawn, so the picture shows what imgpar does.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image, ImageDraw, ImageFont, ImageOps  # noqa: E402

from imgpar.cli import main as imgpar  # noqa: E402

SHOWN = [
    ("holiday/day 2/turned.jpg", "--resize 640 --to webp"),
    ("holiday/day 1/lake at dusk.jpg", "--crop 1:1 --gravity attention"),
    ("holiday/day 1/morning.jpg", "--watermark-text '© Ana' --size 12%"),
    ("scans/letter.tif", "--autocrop 10 --bilevel auto --to png"),
]
"""A sample, and what follows `imgpar convert FILE -o OUT`."""
TILE, GAP, LINE = (360, 250), 24, 62
"""Size of a picture, distance between two, height of the captions below it; in pixels."""
INK, SOFT, PAPER = "#1c1e21", "#60666c", "#eef0f2"


def main() -> int:
    """Draw it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--out", required=True, type=Path, metavar="FILE.webp")
    out = parser.parse_args().out
    width = GAP + len(SHOWN) * (TILE[0] + GAP)
    sheet = Image.new("RGB", (width, GAP + 2 * (TILE[1] + LINE)), PAPER)
    with tempfile.TemporaryDirectory() as folder:
        for column, (sample, flags) in enumerate(SHOWN):
            source = ROOT / "sample_media" / sample
            made = converted(source, flags, Path(folder) / str(column))
            left = GAP + column * (TILE[0] + GAP)
            draw(sheet, (left, GAP), source, source.name)
            draw(sheet, (left, GAP + TILE[1] + LINE), made, flags)
    sheet.save(out, quality=82, method=6)
    print(f"{out}: {os.path.getsize(out) / 1000:.0f} kB")
    return 0


def converted(source: Path, flags: str, out: Path) -> Path:
    """What the command makes."""
    code = imgpar(["convert", str(source), "-o", str(out), "-q", *shlex.split(flags)])
    if code:
        raise SystemExit(code)
    (made,) = (path for path in out.rglob("*") if path.is_file() and ".imgpar" not in path.parts)
    return made


def draw(sheet: Image.Image, corner: tuple[int, int], path: Path, caption: str) -> None:
    """A picture in its tile, upright, and below it the caption with size and bytes."""
    with Image.open(path) as picture:
        picture.seek(0)
        shown = ImageOps.exif_transpose(picture).convert("RGB")
        facts = f"{shown.width} x {shown.height}, {os.path.getsize(path) / 1000:.0f} kB {picture.format}"
    tile = ImageOps.contain(shown, TILE)
    left, top = corner
    sheet.paste(tile, (left + (TILE[0] - tile.width) // 2, top + (TILE[1] - tile.height) // 2))
    pen = ImageDraw.Draw(sheet)
    pen.text((left + TILE[0] // 2, top + TILE[1] + 8), caption, INK, ImageFont.load_default(17), anchor="ma")
    pen.text((left + TILE[0] // 2, top + TILE[1] + 31), facts, SOFT, ImageFont.load_default(14), anchor="ma")


if __name__ == "__main__":
    sys.exit(main())
