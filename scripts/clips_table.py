"""Converts every clip of a folder on both paths and prints the properties of inputs and outputs as Markdown.

python scripts/clips_table.py FOLDER --work /tmp/clips -- --resize 50% > clips.md

Options after -- are passed to `imgpar convert`. Inputs and outputs are read with PyAV, independently of
imgpar's code: packets are counted, timestamps compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import av

WAYS = {"native": (), "staged": ("--schedule", "staged")}
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")


@dataclass(frozen=True)
class Facts:
    """The properties of one file."""

    times: tuple[float, ...]
    seconds: float
    turned: int
    size: str
    audio: str
    subtitles: int
    chapters: int
    colour: str


def facts(path: str) -> Facts | None:
    """Read the properties of a file; None if it cannot be opened."""
    try:
        with av.open(path) as container:
            return _facts(container)
    except av.error.FFmpegError:
        return None


def _facts(container: Any) -> Facts:
    films = [stream for stream in container.streams.video if not stream.disposition & COVER]
    film = max(films, key=lambda stream: stream.width * stream.height)
    frame = next(container.decode(film), None)
    container.seek(0)
    packets = [packet for packet in container.demux(film) if packet.size and not packet.is_discard]
    stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
    longest = packets[-1].duration or 0 if packets else 0
    times = tuple(float(stamp * film.time_base) for stamp in stamps) or (0.0,) * len(packets)
    return Facts(
        times,
        times[-1] - times[0] + float(longest * film.time_base) if times else 0.0,
        round(frame.rotation) % 360 if frame is not None else 0,
        f"{frame.width}×{frame.height}" if frame is not None else "–",
        " ".join(
            f"{s.codec_context.name} {s.codec_context.layout.nb_channels}" for s in container.streams.audio
        ),
        len(container.streams.subtitles),
        len(container.chapters()),
        "/".join(str(int(getattr(frame, name))) for name in COLOUR) if frame is not None else "–",
    )


COVER = av.stream.Disposition.attached_pic
COLOUR = ("color_range", "color_primaries", "color_trc", "colorspace")
"""Code points of ITU-T H.273; 2 is unspecified, range 1 is limited."""


def drift(before: tuple[float, ...], after: tuple[float, ...]) -> float:
    """Maximum timestamp difference in milliseconds, relative to the first frame."""
    if not before or len(before) != len(after):
        return math.nan
    return 1000 * max(abs(b - before[0] - a + after[0]) for b, a in zip(before, after, strict=True))


def row(name: str, way: str, source: str, item: dict[str, Any]) -> str:
    """One line of the table."""
    before = facts(source)
    made = item["outputs"][0]["path"] if item["outputs"] else ""
    after = facts(made) if made else None

    def pair(what: Any) -> str:
        old, new = (what(each) if each else "–" for each in (before, after))
        return f"{old} → {new}" if old != new or not made else f"{new}"

    why = [item.get("error", ""), *(f"lost: {each}" for each in item.get("lost", ())), *item.get("notes", ())]
    moved = drift(before.times, after.times) if before and after else math.nan
    cells = [
        name, way, pair(lambda f: len(f.times)), pair(lambda f: f"{f.seconds:.3f}"),
        "–" if math.isnan(moved) else f"{moved:.2f}", pair(lambda f: f.size), pair(lambda f: f"{f.turned}°"),
        pair(lambda f: f.audio or "none"), pair(lambda f: f.subtitles), pair(lambda f: f.chapters),
        pair(lambda f: f.colour), item["status"], "; ".join(filter(None, why)),
    ]  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def convert(folder: str, out: str, options: list[str]) -> dict[str, dict[str, Any]]:
    """Run over the folder; name of each clip → its entry in the report."""
    report = f"{out}.json"
    command = [
        sys.executable,
        "-m",
        "imgpar",
        "convert",
        folder,
        "-o",
        out,
        "--report",
        report,
        "-q",
        *options,
    ]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    with open(report, encoding="utf-8") as file:
        items = json.load(file)["items"]
    return {os.path.basename(item["source"]): item for item in items}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--work", required=True, help="output folder")
    words = [*sys.argv[1:], "--"]
    cut = words.index("--")
    args, options = parser.parse_args(words[:cut]), words[cut + 1 : -1]
    os.makedirs(args.work, exist_ok=True)
    heads = ["clip", "path", "frames", "seconds", "drift ms", "size", "turned", "sound", "subtitles",
             "chapters", "range/primaries/transfer/matrix", "outcome", "why, notes"]  # fmt: skip
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    runs = {
        way: convert(args.folder, os.path.join(args.work, way), [*more, *options])
        for way, more in WAYS.items()
    }
    for name in sorted(os.listdir(args.folder)):
        if name.endswith(SUFFIXES):
            for way in WAYS:
                print(row(name, way, os.path.join(args.folder, name), runs[way][name]), flush=True)


if __name__ == "__main__":
    main()
