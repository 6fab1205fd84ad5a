"""What stands beside a figure: the limit of the codecs, and what a run does with its workers' time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from peers import HERE, PEERS, TREE, Work

CODECS = ("decode", "transform", "encode")


def limit_by_stage(work: Work) -> dict[str, float]:
    """Seconds of bare codec calls in each stage, with every core busy; one picture keeps one core busy.

    As many processes as workers share the files, at the same time: two cores seldom do twice the work of one.
    """
    files = sum(path.is_file() for path in work.folder.rglob("*"))
    parts = min(work.jobs, os.cpu_count() or 1, files)
    # As imgpar's workers have it: memory stays with the process from picture to picture.
    kept = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
    command = [sys.executable, str(HERE / "floor.py"), str(work.folder), str(work.size), str(work.quality)]
    command += [work.to, *(["--linear"] if work.linear else [])]
    processes = [
        subprocess.Popen(
            [*command, "--part", f"{part}/{parts}"], stdout=subprocess.PIPE, env=os.environ | TREE | kept
        )
        for part in range(parts)
    ]
    said = [json.loads(process.communicate()[0]) for process in processes]
    return {stage: sum(spent[stage] for spent in said) / parts for stage in CODECS}


def limit(work: Work) -> float:
    """Seconds of all stages."""
    return sum(limit_by_stage(work).values())


def shares(command: list[str], out: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds in each stage and without work, of all workers of one run of imgpar; `of` is all their time."""
    report = out.parent / "report.json"
    subprocess.run(
        [*command, "--report", str(report)], check=True, env=os.environ | environment, cwd=out.parent
    )
    shutil.rmtree(out)
    said = json.loads(report.read_text())
    report.unlink()
    whole = said["workers"] * said["working_seconds"]
    return {**said["stages"], "idle": max(0.0, whole - sum(said["stages"].values())), "of": whole}


def share_in_codecs(work: Work, folder: Path) -> float:
    """Of workers × time between the first and the last job."""
    peer = PEERS["imgpar"]
    out = folder.resolve() / "out"
    spent = shares(peer.command(work, out), out, peer.environment(work))
    return sum(spent.get(stage, 0.0) for stage in CODECS) / (spent["of"] or 1.0)
