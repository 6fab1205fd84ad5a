"""One table for any folder of pictures: imgpar, an older imgpar, sharp and the bare codec calls, in turn.

    python bench/table.py ~/Pictures/holiday
    python bench/table.py mine=~/Pictures/a,~/Pictures/b public=/tmp/public --before ~/imgpar-0.1 --rounds 5
    python bench/table.py ~/Pictures/holiday --rows jpeg-640,small-256 --peers sharp,pillow-pool

A set is a folder, or NAME=FOLDER,FOLDER. Each row takes its kind of pictures from the set, as many as have
about the wanted number of pixels, spread evenly; a few pictures are repeated. What a set has none of is left
out, and said.

Everything takes turns: one run of each that is not counted, in which memory is sampled, then the rounds,
then rounds with inputs that are not in the file cache. A ratio is the median of those within the rounds.
Raw numbers go to bench/runs/<date>-<cores>cores/set-<name>.json, and the table to README.md beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import picture_set
import quality
from limits import limit_by_stage, shares
from machine import machine
from measure import adopt_orphans, measure
from peers import HERE, PEERS, Peer, Work, installed
from picture_set import Picture
from readme import set_tables, write_readme

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """Which pictures of a set become what."""

    kind: str
    size: int
    to: str
    megapixels: float
    """About so many are converted."""
    quality: int = 85
    least: int = 1
    """Files; fewer pictures are repeated, so that a row does not show the start of the command alone."""
    linear: bool = False


ROWS = {
    "jpeg-1920": Row("photos", 1920, "jpg", 350, least=150),
    "jpeg-640": Row("photos", 640, "jpg", 350, least=150),
    "jpeg-256": Row("photos", 256, "jpg", 350, least=150),
    "small-256": Row("small", 256, "jpg", 120, least=600),
    "huge": Row("huge", 2560, "jpg", 1000),
    "mixed": Row("mixed", 640, "jpg", 150, least=250),
    "png-png": Row("png", 1280, "png", 120, least=40),
    "png-webp": Row("png", 1280, "webp", 120, quality=80, least=40),
    "webp-webp": Row("webp", 1280, "webp", 120, quality=80, least=40),
    "linear": Row("photos", 2048, "jpg", 100, linear=True, least=40),
}
COMPARED = 8
"""Pictures of a row whose likeness to an exact resize is measured."""


def contestants(row: Row, given: argparse.Namespace) -> dict[str, Peer]:
    """Who takes turns in a row; in linear light: vipsthumbnail, and the plain resize."""
    ours = PEERS["imgpar"]
    found = {"imgpar": ours}
    if given.before:
        found["before"] = older(given.before)
    if row.linear:
        found["plain"] = Peer(lambda work, out: ours.command(replace(work, linear=False), out), ours.version,
                              ours.environment)  # fmt: skip
    names = ["vipsthumbnail"] if row.linear else given.peers.split(",")
    return found | {name: PEERS[name] for name in names if name in given.installed}


def older(place: Path) -> Peer:
    """An older imgpar: a folder that holds the package, or the Python of an environment that has it."""
    ours = PEERS["imgpar"]
    if place.is_dir():
        return Peer(ours.command, ours.version, lambda _: {"PYTHONPATH": str(place.resolve())})
    return Peer(
        lambda work, out: [str(place.absolute()), *ours.command(work, out)[1:]],
        ours.version,
        lambda _: {"PYTHONPATH": ""},
    )


def run_row(row: Row, pictures: Sequence[Picture], given: argparse.Namespace, scratch: Path) -> Json:
    """Everything about one row; the medians first, then every number."""
    taken = picture_set.sample(pictures, row.megapixels * given.share)
    copies = max(1, round(row.least * given.share / len(taken)))
    inputs = picture_set.placed(taken, scratch / "inputs", copies)
    work = Work(inputs, row.size, row.quality, row.to, given.jobs, linear=row.linear)
    sides = contestants(row, given)

    def run(name: str, work: Work = work, *, memory: bool = False) -> Json:
        out = scratch / "out"
        try:
            command, environment = sides[name].command(work, out), sides[name].environment(work)
            return measure(command, out, memory=memory, environment=environment, folder=scratch)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    first = {name: run(name, memory=True) for name in sides}
    for name, done in first.items():
        if done["return_code"] or done["files"] != first["imgpar"]["files"]:
            print(f"{name} did not do the same: {done}", file=sys.stderr)
    warm, limits = taking_turns(given.rounds, sides, run, lambda: limit_by_stage(work))
    cold: list[dict[str, Json]] = []
    if picture_set.on_disk(inputs):
        cold, _ = taking_turns(given.cold, sides, run, before=lambda: picture_set.drop(inputs))
    ours = [name for name in ("imgpar", "before") if name in sides]
    stages = {
        name: shares(
            sides[name].command(work, scratch / "out"), scratch / "out", sides[name].environment(work)
        )
        for name in ours
    }
    few = picture_set.placed(picture_set.spread(taken, COMPARED), scratch / "few")
    likeness = {} if row.linear or given.no_psnr else {
        name: qualities(replace(work, folder=few), side, scratch) for name, side in sides.items()
    }  # fmt: skip
    return {
        "pictures": len(taken) * copies,
        "different": len(taken),
        "megapixels": round(copies * sum(picture.megapixels for picture in taken), 1),
        "settings": {"size": row.size, "quality": row.quality, "to": row.to, "linear": row.linear},
        "medians": medians(warm, cold, first),
        "limit": limit_medians(warm, limits),
        "stages": stages,
        "quality": likeness,
        "runs": {"first": first, "warm": warm, "limits": limits, "cold": cold},
    }


def taking_turns(
    rounds: int,
    sides: dict[str, Peer],
    run: Callable[[str], Json],
    limit: Callable[[], Json] | None = None,
    before: Callable[[], None] | None = None,
) -> tuple[list[dict[str, Json]], list[Json]]:
    """Results by name, round by round, and the limit in each."""
    results, limits = [], []
    for _ in range(rounds):
        done = {}
        for name in sides:
            if before:
                before()
            done[name] = run(name)
        results.append(done)
        limits += [limit()] if limit else []
    return results, limits


def qualities(work: Work, side: Peer, scratch: Path) -> Json:
    """PSNR of the outputs as they are, of JPEGs of the best quality, and of PNGs: those show the resize."""
    variants = {"as_written": work, "lossless": quality.lossless(work)}
    if work.to == "jpg":
        best = quality.best_jpeg(work)
        variants["best_jpeg"] = best if side.command == PEERS["imgpar"].command else replace(best, extra=())
    found = {}
    for name, variant in variants.items():
        out = scratch / "compared"
        measure(
            side.command(variant, out),
            out,
            memory=False,
            environment=side.environment(variant),
            folder=scratch,
        )
        found[name] = quality.likeness(work.folder, out, variant.to)
        shutil.rmtree(out, ignore_errors=True)
    return found


def medians(warm: list[dict[str, Json]], cold: list[dict[str, Json]], first: dict[str, Json]) -> Json:
    """By name; `imgpar_over_this` is the median of the ratios within the rounds."""
    return {
        name: {
            "seconds": middle(done[name]["seconds"] for done in warm),
            "cpu_seconds": middle(done[name]["cpu_seconds"] for done in warm),
            "imgpar_over_this": middle(done["imgpar"]["seconds"] / done[name]["seconds"] for done in warm),
            "imgpar_cpu_over_this": middle(
                done["imgpar"]["cpu_seconds"] / done[name]["cpu_seconds"] for done in warm
            ),
            "cold_seconds": middle(done[name]["seconds"] for done in cold),
            "cold_imgpar_over_this": middle(
                done["imgpar"]["seconds"] / done[name]["seconds"] for done in cold
            ),
            "peak_pss_mib": round(first[name]["peak_pss_bytes"] / 2**20),
            "bytes": first[name]["bytes"],
            "files": first[name]["files"],
        }
        for name in first
    }


def limit_medians(warm: list[dict[str, Json]], limits: list[Json]) -> Json:
    """Of the bare codec calls: seconds by stage and together, and imgpar's time over them."""
    return {
        "seconds": middle(sum(spent.values()) for spent in limits),
        "imgpar_over_this": middle(
            done["imgpar"]["seconds"] / sum(spent.values()) for done, spent in zip(warm, limits, strict=True)
        ),
        "stages": {stage: middle(spent[stage] for spent in limits) for stage in limits[0]},
    }


def middle(values: Any) -> float | None:
    """The median; None of nothing."""
    numbers = list(values)
    return round(statistics.median(numbers), 3) if numbers else None


def run_set(name: str, folders: Sequence[Path], given: argparse.Namespace) -> Json:
    """All rows of one set."""
    pictures = picture_set.found(folders)
    result: Json = {
        "set": {"name": name, **picture_set.summary(pictures)},
        "machine": machine() | {"peers": given.installed},
        "settings": {"rounds": given.rounds, "cold": given.cold, "jobs": given.jobs, "share": given.share},
        "before": commit(given.before) if given.before else "",
        "rows": {},
        "left_out": [],
    }
    result["load_at_start"] = round(os.getloadavg()[0], 2)
    for title in given.rows.split(","):
        start, row = time.perf_counter(), ROWS[title]
        if not (chosen := picture_set.chosen(pictures, row.kind)):
            result["left_out"].append(title)
            continue
        with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
            result["rows"][title] = run_row(row, chosen, given, Path(scratch))
        print(f"-- {name}, {title}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return result


def commit(place: Path) -> str:
    """Of the older tree, which may be no clone, or the version that its Python has."""
    if place.is_dir():
        command = ["git", "-C", str(place), "rev-parse", "HEAD"]
    else:
        command = [str(place), "-c", "import imgpar; print(imgpar.__version__)"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.stdout.strip() or "an older imgpar"


def one_set(text: str) -> tuple[str, list[Path]]:
    """NAME=FOLDER,FOLDER or FOLDER.

    >>> one_set("mine=a,b")
    ('mine', [PosixPath('a'), PosixPath('b')])
    """
    name, equals, folders = text.rpartition("=")
    paths = [Path(folder).expanduser() for folder in folders.split(",")]
    for path in paths:
        if not path.is_dir():
            raise argparse.ArgumentTypeError(f"{path} is no folder.")
    return name if equals else paths[0].resolve().name, paths


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("sets", nargs="+", type=one_set, metavar="FOLDER")
    parser.add_argument("--rows", default=",".join(ROWS), help="names with commas; default: all of them")
    parser.add_argument("--peers", default="sharp", help=f"names with commas: {', '.join(list(PEERS)[1:])}")
    parser.add_argument(
        "--before", type=Path, help="an older imgpar: the folder of its package's parent, or its Python"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", type=int, default=1, help="rounds with inputs out of the file cache")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the pixels of each row, such as 0.1 for a try"
    )
    parser.add_argument(
        "--no-psnr", action="store_true", help="leave out the comparison with an exact resize"
    )
    parser.add_argument("--scratch", type=Path, help="a folder on a disk; default: the temporary folder")
    parser.add_argument("--out", type=Path, help="folder for the results")
    given = parser.parse_args()
    if unknown := [row for row in given.rows.split(",") if row not in ROWS]:
        parser.error(f"{unknown[0]!r} is no row. Rows: {', '.join(ROWS)}.")
    if unknown := [peer for peer in given.peers.split(",") if peer and peer not in PEERS]:
        parser.error(f"{unknown[0]!r} is no peer. Peers: {', '.join(list(PEERS)[1:])}.")
    if given.rounds < 1:
        parser.error("--rounds is at least 1.")
    return given


def main() -> None:
    """Measures, prints the tables, writes the raw numbers."""
    given = arguments()
    adopt_orphans()
    wanted = ["imgpar", *filter(None, given.peers.split(",")), "vipsthumbnail"]
    given.installed = installed(list(dict.fromkeys(wanted)))
    out = given.out or HERE / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{machine()['cores']}cores"
    out.mkdir(parents=True, exist_ok=True)
    for name, folders in given.sets:
        result = run_set(name, folders, given)
        (out / f"set-{name}.json").write_text(json.dumps(result, indent=1) + "\n")
        print("\n".join(set_tables(result)), flush=True)
    write_readme(out)


if __name__ == "__main__":
    main()
