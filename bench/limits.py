"""What stands beside a figure: the limit of the codecs, and how much of the time a run is inside them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from peers import HERE, PEERS, Work


def limit(work: Work) -> float:
    """Seconds of bare codec calls with every core busy; one picture keeps one core busy."""
    command = [sys.executable, str(HERE / "floor.py"), str(work.folder), str(work.size), str(work.quality)]
    # As imgpar's workers have it: memory stays with the process from picture to picture.
    kept = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
    spent = subprocess.run([*command, work.to], capture_output=True, check=True, env=os.environ | kept).stdout
    return float(spent) / min(work.jobs, os.cpu_count() or 1, len(list(work.folder.rglob("*.*"))))


def share_in_codecs(work: Work, folder: Path) -> float:
    """Of workers × time between the first and the last job."""
    report = folder / "report.json"
    command = PEERS["imgpar"].command(work, folder / "out")
    subprocess.run([*command, "--report", str(report)], check=True)
    shutil.rmtree(folder / "out")
    said = json.loads(report.read_text())
    inside = sum(said["stages"].get(stage, 0.0) for stage in ("decode", "transform", "encode"))
    return inside / (said["workers"] * said["working_seconds"] or 1.0)
