"""Target sizes and qualities: encodes per file, and the distance from trying every quality.

    python bench/targets.py PHOTOS [--width 1600] [--max-bytes 200k] [--target ssimulacra2=75]

Photos are scaled to a width and encoded as JPEG by one worker. For each file the result is compared with the
best of all 95 qualities (bytes) or of all 100 (score), and with `jpegoptim --size`, if it is installed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import imgpar
from imgpar.core.parsing import file_size
from imgpar.formats.option_values import parse_target
from imgpar.pixels.metrics import Reference, sample

QUALITY = re.compile(r"quality (\d+):")


def decoded(data: bytes) -> np.ndarray:
    """The measured part of a JPEG."""
    import cv2

    return sample(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB))


def run(photos: Path, out: Path, **settings: object) -> imgpar.Report:
    """All photos with one worker."""
    return imgpar.convert(photos, out, to="jpg", strip="all", jobs=1, **settings)


def found_quality(outcome: imgpar.Outcome) -> int:
    """The quality that the search took."""
    match = next(filter(None, map(QUALITY.search, outcome.notes)))
    return int(match[1])


def every(png: bytes, highest: int) -> dict[int, bytes]:
    """The JPEG of each quality."""
    pipe = imgpar.Pipeline()
    return {quality: pipe.encode(png, to="jpg", quality=quality) for quality in range(1, highest + 1)}


def with_jpegoptim(data: bytes, most: int) -> int:
    """Bytes that jpegoptim reaches; it takes whole kibibytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jpg")
        path.write_bytes(data)
        command = ["jpegoptim", f"--size={most // 1024}k", "--strip-all", "-q", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--max-bytes", default="200k")
    parser.add_argument("--target", default="ssimulacra2=75")
    args = parser.parse_args()
    most, target = file_size(args.max_bytes), parse_target(args.target)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small")
        imgpar.convert(args.photos, small, to="png", strip="all", resize=args.width, jobs=2)
        sized = run(small, Path(folder, "sized"), max_bytes=most)
        aimed = run(small, Path(folder, "aimed"), target=args.target)
        steps, shares, best_shares, peers = [], [], [], []
        score_steps, excess, sizes = [], [], []
        for one, other in zip(sized.items, aimed.items, strict=True):
            png = Path(one.source).read_bytes()
            made = every(png, 100)
            if one.status == "ok":
                best = max((q for q in range(1, 96) if len(made[q]) <= most), default=1)
                steps.append(best - found_quality(one))
                shares.append(one.outputs[0].bytes / most)
                best_shares.append(len(made[best]) / most)
                if shutil.which("jpegoptim") and len(made[95]) > most:
                    peers.append((with_jpegoptim(made[95], most) / most, shares[-1]))
            if other.status == "ok":
                reference = Reference(target.measure, decoded(imgpar.Pipeline().encode(png, to="png")))
                took = found_quality(other)
                best = next(q for q in range(1, 101) if reference.score(decoded(made[q])) >= target.value)
                score_steps.append(took - best)
                excess.append(reference.score(decoded(made[took])) - target.value)
                sizes.append(len(made[took]) / len(made[best]))
    print(f"{len(steps)} files of at most {most:,} bytes: {sized.tries / sized.searched:.2f} encodes a file")
    mean = statistics.mean
    print(f"  {mean(shares):.1%} of the bytes used, with the best quality {mean(best_shares):.1%}")
    print(f"  quality {mean(steps):.2f} steps below the best (at most {max(steps)})")
    if peers:
        mine, theirs = (statistics.mean(pair[at] for pair in peers) for at in (1, 0))
        print(f"  of {len(peers)} above the size: imgpar {mine:.1%}, jpegoptim {theirs:.1%} of the bytes")
    print(f"{len(score_steps)} files with {args.target}: {aimed.tries / aimed.searched:.2f} encodes a file")
    print(f"  score {mean(excess):.2f} above the target (at most {max(excess):.2f})")
    print(f"  {mean(score_steps):.2f} steps above the lowest quality (at most {max(score_steps)}), "
          f"{mean(sizes) - 1:.1%} more bytes")  # fmt: skip


if __name__ == "__main__":
    main()
