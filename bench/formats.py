"""AVIF, HEIC, JPEG XL, TIFF, GIF and WebP, read and written: imgpar and libvips in turn, at equal quality.

    python bench/formats.py ~/Pictures/holiday
    python bench/formats.py ~/Pictures/holiday --rows jpg-gif,gif-gif --before ~/imgpar-0.1 --rounds 5

The inputs of each format are made from photos of the folder by an encoder that neither side uses (ffmpeg;
HEIC by pillow-heif, as ffmpeg writes none). Rows are INPUT-OUTPUT: each row is scaled to --size at the
defaults of the encoders. Where an output is lossy, the setting of the peer is the lowest at which its mean
SSIM reaches that of imgpar, so bytes and times compare equal pictures. Raw numbers go to formats.json, the
table to formats.md.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import picture_set
from machine import machine
from measure import adopt_orphans, measure
from peers import HERE, PEERS, Peer, Work, installed
from PIL import Image, ImageOps
from table import older

Array = np.ndarray[Any, Any]
Json = dict[str, Any]

FORMATS = ("avif", "heic", "jxl", "tif", "gif", "webp")
ROWS = (
    *(f"{name}-jpg" for name in FORMATS),
    *(f"jpg-{name}" for name in FORMATS),
    "avif-avif",
    "tif-tif",
    "gif-gif",
    "webp-webp",
)
MADE_BY = {
    "jpg": "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p",
    "avif": "-c:v libaom-av1 -still-picture 1 -cpu-used 8 -crf 20 -pix_fmt yuv420p -threads 1",
    "jxl": "-c:v libjxl -distance 1 -effort 3",
    "tif": "-c:v tiff -compression_algo lzw -pix_fmt rgb24",
    "gif": "-filter_complex split[a][b];[a]palettegen[p];[b][p]paletteuse",
    "webp": "-c:v libwebp -quality 90",
}
"""Options of ffmpeg for the inputs."""
QUALITIES = {"jpg": 0, "tif": 0, "gif": 0}
"""Outputs for which both sides get the same setting."""
SETTING = {
    "jpg": "[Q={q}]",
    "avif": "[Q={q}]",
    "heic": "[Q={q}]",
    "jxl": "[Q={q}]",
    "webp": "[Q={q}]",
    "tif": "[compression=deflate,predictor=horizontal]",
    "gif": "",
}


def vips(work: Work, out: Path) -> list[str]:
    """As many processes as cores with one thread each; the quality is that of the encoder."""
    options = SETTING[work.to].format(q=work.quality)
    call = f"vipsthumbnail --size '{work.size}x{work.size}>' -o '{out}/%s.{work.to}{options}'"
    many = f"xargs -0 -P {work.jobs} -n 4 {call}"
    return ["sh", "-c", f"mkdir -p '{out}' && find '{work.folder}' -type f -print0 | {many}"]


def contestants(given: argparse.Namespace) -> dict[str, Peer]:
    """Everybody by name; imgpar first."""
    ours = PEERS["imgpar"]
    sides = {"imgpar": ours}
    if given.before:
        sides["before"] = older(given.before)
    if installed(["vipsthumbnail"]):
        plain = PEERS["vipsthumbnail"]
        sides["vips"] = Peer(vips, plain.version, plain.environment)
    return sides


def make_inputs(photos: Sequence[Path], kind: str, side: int, folder: Path) -> Path:
    """The photos, upright and at most `side` wide or high, in one format."""
    folder.mkdir(parents=True)
    for number, photo in enumerate(photos):
        target = folder / f"{number:04d}.{kind}"
        with Image.open(photo) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        upright.thumbnail((side, side), Image.Resampling.LANCZOS)
        upright = upright.crop((0, 0, upright.width & ~1, upright.height & ~1))
        if kind == "heic":
            import pillow_heif

            pillow_heif.from_pillow(upright).save(target, quality=80)
            continue
        raw = io.BytesIO()
        upright.save(raw, "PPM")
        command = ["ffmpeg", "-v", "error", "-y", "-f", "ppm_pipe", "-i", "-"]
        command += [*MADE_BY[kind].split(), "-frames:v", "1", str(target)]
        subprocess.run(command, input=raw.getvalue(), check=True)
    os.sync()
    return folder


def pixels(path: Path) -> Image.Image:
    """RGB of a file, by a decoder that is not imgpar's."""
    if path.suffix == ".heic":
        import pillow_heif

        return pillow_heif.open_heif(path).to_pillow().convert("RGB")
    if path.suffix == ".jxl":
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "image2pipe", "-c:v", "ppm", "-"]
        return Image.open(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout))
    with Image.open(path) as image:
        return image.convert("RGB")


@lru_cache(maxsize=64)
def exact(source: Path, size: tuple[int, int]) -> Array:
    """The input scaled by Pillow's Lanczos from all of its pixels."""
    return np.asarray(pixels(source).resize(size, Image.Resampling.LANCZOS))


def ssim(one: Array, other: Array) -> float:
    """Mean SSIM of two planes with values up to 255, window of 11 and sigma of 1.5."""

    def blurred(plane: Array) -> Array:
        return cv2.GaussianBlur(plane, (11, 11), 1.5)

    first, second = blurred(one), blurred(other)
    both, one_square, other_square = first * second, first**2, second**2
    apart = blurred(one * other) - both
    spread = blurred(one * one) - one_square + blurred(other * other) - other_square
    low, high = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = (2 * both + low) * (2 * apart + high) / ((one_square + other_square + low) * (spread + high))
    return float(found.mean())


def likeness(inputs: Path, out: Path, suffix: str) -> Json:
    """Means over the pictures: PSNR of luma and of RGB in dB, SSIM of luma."""
    found: dict[str, list[float]] = {"luma_db": [], "rgb_db": [], "ssim": []}
    for source in sorted(inputs.iterdir()):
        made = pixels(next(iter(out.rglob(f"{source.stem}.{suffix}*"))))
        wanted, got = (np.asarray(each, np.float32) for each in (exact(source, made.size), made))
        luma = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (wanted, got)]
        found["rgb_db"].append(decibels(wanted, got))
        found["luma_db"].append(decibels(*luma))
        found["ssim"].append(ssim(*luma))
    return {name: round(statistics.mean(values), 4) for name, values in found.items()}


def decibels(wanted: Array, got: Array) -> float:
    """PSNR; 99 for equal arrays."""
    error = float(np.mean((wanted - got) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def run_row(title: str, inputs: Path, given: argparse.Namespace, scratch: Path) -> Json:
    """One row: likeness of each side, then the rounds."""
    to = title.partition("-")[2]
    sides = contestants(given)
    asked = Work(inputs, given.size, given.quality, to, given.jobs)
    works = {name: replace(asked, quality=own_setting(to, given.quality)) if name == "vips" else asked
             for name in sides}  # fmt: skip

    def run(name: str, work: Work, *, look: bool = False) -> Json:
        out = scratch / "out"
        try:
            command = sides[name].command(work, out)
            done = measure(
                command, out, memory=False, environment=sides[name].environment(work), folder=scratch
            )
            if done["files"] != len(list(work.folder.iterdir())):
                raise RuntimeError(f"{name} made {done['files']} files: {done.get('stderr', '')[:300]}")
            return done | ({"likeness": likeness(inputs, out, to)} if look else {})
        finally:
            shutil.rmtree(out, ignore_errors=True)

    first: Json = {}
    for name in list(sides):
        try:
            first[name] = run(name, works[name], look=True)
            if name == "vips" and to not in QUALITIES:
                wanted = first["imgpar"]["likeness"]["ssim"]
                works[name], first[name] = same_quality(works[name], wanted, partial(run, "vips", look=True))
        except RuntimeError as error:
            print(f"{title}: {error}", file=sys.stderr)
            del sides[name]
    several = copied(inputs, scratch / "several", given.copies)
    rounds = [
        {name: run(name, replace(works[name], folder=several)) for name in sides} for _ in range(given.rounds)
    ]
    return {
        "settings": {name: works[name].quality for name in sides},
        "sides": {name: summary(name, first, rounds) for name in sides},
        "rounds": rounds,
    }


def copied(inputs: Path, folder: Path, copies: int) -> Path:
    """Each file several times, so that starting the programs counts for little."""
    folder.mkdir()
    for path in inputs.iterdir():
        for number in range(copies):
            shutil.copyfile(path, folder / f"{path.stem}-{number}{path.suffix}")
    return folder


def own_setting(to: str, quality: int) -> int:
    """Where the search begins: the setting of the encoder that imgpar would choose."""
    sys.path.insert(0, str(HERE.parent))
    from imgpar.formats.quality import encoder_setting

    return encoder_setting({"jpg": "jpeg"}.get(to, to), quality)


def same_quality(work: Work, wanted: float, run: Any) -> tuple[Work, Json]:
    """The lowest setting that reaches an SSIM, and its result."""
    low, high, best = 1, 100, None
    at = work.quality
    while low <= high:
        tried = replace(work, quality=at)
        done = run(tried)
        if done["likeness"]["ssim"] >= wanted:
            best, high = (tried, done), at - 1
        else:
            low = at + 1
        # Close to the first guess, as it is seldom far away.
        at = (
            min(max(low, at - 3), high) if best and best[0].quality == at else min(low + 3, (low + high) // 2)
        )
    return best or (tried, done)


def summary(name: str, first: Json, rounds: Sequence[Json]) -> Json:
    """Medians; ratios are imgpar's over those of this side, within the rounds."""
    return {
        "seconds": round(statistics.median(each[name]["seconds"] for each in rounds), 2),
        "cpu_seconds": round(statistics.median(each[name]["cpu_seconds"] for each in rounds), 2),
        **{
            f"imgpar_{key}_over_this": round(
                statistics.median(each["imgpar"][key] / each[name][key] for each in rounds), 2
            )
            for key in ("seconds", "cpu_seconds")
        },
        "bytes": first[name]["bytes"],
        **first[name]["likeness"],
    }


def markdown(result: Json) -> list[str]:
    """The table, with who wins in each column."""
    head = (
        f"{result['pictures']} photos of {result['megapixels']} MP together, to {result['size']} pixels, "
        f"quality {result['quality']}, {result['jobs']} jobs. Ratios below 1: imgpar needs less."
    )
    columns = ["row", "side", "setting", "wall s", "CPU s", "imgpar / it: wall", "CPU"]
    columns += ["bytes", "luma dB", "RGB dB", "SSIM"]
    lines = [head, "", f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    for title, row in result["rows"].items():
        for name, side in row["sides"].items():
            lines.append(f"| {' | '.join(cells(title, name, row['settings'][name], side))} |")
        if len(row["sides"]) > 1:
            lines.append(f"| | {verdict(row['sides'])} |")
    return lines


def cells(title: str, name: str, setting: int, side: Json) -> list[str]:
    """One line of the table."""
    ratios = [f"{side[f'imgpar_{key}_over_this']:.2f}" for key in ("seconds", "cpu_seconds")]
    return [
        title,
        name,
        str(setting),
        f"{side['seconds']:.2f}",
        f"{side['cpu_seconds']:.2f}",
        *(["", ""] if name == "imgpar" else ratios),
        f"{side['bytes']:,}",
        f"{side['luma_db']:.2f}",
        f"{side['rgb_db']:.2f}",
        f"{side['ssim']:.4f}",
    ]


def verdict(sides: Json) -> str:
    """Who wins: a difference below 3 % is none, below 0.3 dB neither."""
    ours = sides["imgpar"]
    theirs = sides.get("vips")
    if theirs is None:
        return "no peer can do this row"
    found = []
    for title, ratio in (
        ("wall", theirs["imgpar_seconds_over_this"]),
        ("CPU", theirs["imgpar_cpu_seconds_over_this"]),
        ("bytes", ours["bytes"] / theirs["bytes"]),
        ("dB", 1 + (theirs["rgb_db"] - ours["rgb_db"]) / 10),
    ):
        winner = "imgpar" if ratio < 0.97 else "vips" if ratio > 1.03 else "even"
        found.append(f"{title}: {winner}")
    return ", ".join(found)


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", default=",".join(ROWS), help="names with commas; default: all of them")
    parser.add_argument("--before", type=Path, help="an older imgpar: its folder, or its Python")
    parser.add_argument("--pictures", type=int, default=8, help="photos that are taken, at even distances")
    parser.add_argument("--copies", type=int, default=16, help="of each input in the rounds")
    parser.add_argument("--side", type=int, default=2600, help="longest edge of the inputs")
    parser.add_argument("--size", type=int, default=1280, help="longest edge of the outputs")
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=Path(), help="folder for formats.json and formats.md")
    given = parser.parse_args()
    if unknown := [row for row in given.rows.split(",") if row not in ROWS]:
        parser.error(f"{unknown[0]!r} is no row. Rows: {', '.join(ROWS)}.")
    return given


def main() -> None:
    """Makes the inputs, measures, writes."""
    given = arguments()
    adopt_orphans()
    found = picture_set.chosen(picture_set.found([given.folder]), "photos")
    chosen = picture_set.spread(found, given.pictures)
    result: Json = {
        "machine": machine(), "pictures": len(chosen), "size": given.size, "quality": given.quality,
        "jobs": given.jobs, "versions": installed(["imgpar", "vipsthumbnail"]), "rows": {},
    }  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        made: dict[str, Path] = {}
        for number, title in enumerate(given.rows.split(",")):
            kind = title.partition("-")[0]
            if kind not in made:
                photos = [picture.path for picture in chosen]
                made[kind] = make_inputs(photos, kind, given.side, Path(place) / kind)
                sizes = [pixels(path).size for path in made[kind].iterdir()]
                result["megapixels"] = round(sum(width * height for width, height in sizes) / 1e6, 1)
            row = Path(place) / f"row-{number}"
            row.mkdir()
            result["rows"][title] = run_row(title, made[kind], given, row)
            exact.cache_clear()
            shutil.rmtree(row)
            # After each row: encoders are slow, and a part of the table is of use.
            (given.out / "formats.json").write_text(json.dumps(result, indent=1) + "\n")
            (given.out / "formats.md").write_text("\n".join(markdown(result)) + "\n")
            print(f"-- {title}", file=sys.stderr, flush=True)
    print("\n".join(markdown(result)))


if __name__ == "__main__":
    main()
