"""Counters and file checks of `storm.py`. Linux only."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imgpar.core.liveness import is_free

ORPHAN_SECONDS = 2.0
"""So long may a process outlive its run."""


@dataclass
class Table:
    """The counters of kills and findings."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    runs: int = 0
    jobs: int = 0
    lost: int = 0
    """Inputs without their output, or whose outcome was not ok."""
    duplicated: int = 0
    """Inputs with more or fewer than one line in a report."""
    torn: int = 0
    """Outputs that differ from those of the undisturbed run, at the end or after any kill of the parent."""
    swapped: int = 0
    """Outputs that are those of another input."""
    edits: int = 0
    overwritten: int = 0
    """Edits of the user that are neither in their place nor kept as an original."""
    given_up: int = 0
    """Jobs that were killed five times in a row while no other one was; a second run does them."""
    refused: int = 0
    """Runs that did not begin or did not end as they should: stale locks, false alarms, hangs."""
    processes: int = 0
    segments: int = 0
    temporary: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there are no findings."""
        found = (self.lost, self.duplicated, self.torn, self.refused, self.processes, self.segments)
        return not any((*found, self.temporary, self.swapped, self.overwritten))

    def say(self, *lines: str) -> None:
        """Record a finding."""
        self.words.extend(lines)

    def add(self, other: Table) -> None:
        """Add the counters of another table."""
        for name, value in vars(other).items():
            getattr(self, name).extend(value) if name == "words" else setattr(
                self, name, getattr(self, name) + value
            )

    def count_leftovers(self, folder: Path, temporary: Path, shm: Path = Path("/dev/shm")) -> None:
        """Count and remove leftovers after the last run of a round."""
        left = [*folder.rglob("*.tmp"), *temporary.iterdir()]
        self.temporary += len(left)
        self.say(*(f"left behind: {path}" for path in left))
        shutil.rmtree(temporary)
        temporary.mkdir()
        for path in shm.glob("imgpar-*"):
            if is_free(str(path)):  # locked files belong to another run
                self.segments += 1
                inside = (
                    sorted(entry.name for entry in path.iterdir()) if path.is_dir() else path.stat().st_size
                )
                self.say(f"left behind: {path}, {inside}, {time.time() - path.stat().st_mtime:.1f} s old")
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def lines(self) -> list[str]:
        """The table as text."""
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        rows = {
            "kills": f"{self.kills.total():,} ({kills})",
            "rounds, runs, jobs": f"{self.rounds:,}, {self.runs:,}, {self.jobs:,}",
            "lost": self.lost,
            "overwritten edits": f"{self.overwritten} of {self.edits}",
            "swapped": self.swapped,
            "duplicated": self.duplicated,
            "torn": self.torn,
            "refused, stuck": self.refused,
            "given up, killed 5 times": self.given_up,
            f"processes after {ORPHAN_SECONDS:g} s": self.processes,
            "segments after the next start": self.segments,
            "temporary files": self.temporary,
        }
        return [f"{name:30} {value}" for name, value in rows.items()] + self.words[:20]


def contents(folder: Path) -> dict[str, str]:
    """Digests of all files with final names."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _visible(folder)
    }


def _visible(folder: Path) -> Iterator[Path]:
    """Files below a folder, without those of imgpar."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if ".imgpar" not in inside.parts and not path.name.endswith(".tmp") and path.is_file():
            yield path


def facts(path: Path) -> tuple[bytes, int, int]:
    """The properties that undo must restore."""
    status = path.stat()
    return path.read_bytes(), status.st_mtime_ns, status.st_mode
