"""Repeated runs of `storm.py` over one folder, and the checks of their results."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from storm_edits import Edits
from storm_kills import CONTAINER, STUCK_SECONDS, Killer
from storm_table import Table, contents, facts

GIVEN_UP = "every time it was tried"
"""The error of a job that was killed five times in a row while no other one was."""
OF_ALL = ("assemble", "concat")
"""Commands that make one file of all inputs."""
CLIPS = {".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi"}
SINGLE = 4
"""Number of files that each of two containers writes into one folder per round."""


class Lane:
    """Repeated runs over one folder.

    Args:
        work: folder of its report and log.
        source: the inputs.
        seed, most: seed and maximum number of its kills.
        shared: folder of temporary files.
        contained: whether its runs have their own pid namespace.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        work: Path,
        source: Path,
        *,
        seed: int,
        most: int,
        shared: Path,
        contained: bool = False,
    ) -> None:
        self.args, self.work, self.source = args, work, source
        self.random = random.Random(seed)
        self.table = Table()
        self.killer = Killer(args, self.table, seed + 1, most)
        self.edits = Edits(seed + 2)
        self.pauses = 0
        self.before = CONTAINER if contained else []
        work.mkdir(exist_ok=True)
        files = [path for path in self.source.rglob("*") if path.is_file()]
        self.names = sorted(path.relative_to(self.source) for path in files)
        self.environment = os.environ | {"TMPDIR": str(shared), "XDG_STATE_HOME": str(work / "state")}
        self.failing: set[str] = set()
        """Inputs that fail without any storm fail in it, too; they are not what is measured."""
        self.wanted = self._undisturbed(self.source, args.jobs)
        for threads in range(1, args.jobs + 1):
            if args.command in OF_ALL:
                self._add_wanted(self._undisturbed(self.source, threads))
            for name in self.names if args.command == "convert" else ():
                if name.suffix.lower() in CLIPS:
                    self._alone(name, threads)

    def _undisturbed(self, source: Path, jobs: int) -> dict[str, set[str]]:
        folder = self._fresh(self.work / "calm", source)
        code = self._start(self._places(folder, source), jobs).wait(1800)
        if code not in (0, 1):
            raise SystemExit(f"The undisturbed run ended with {code}: {self._log()}")
        self.failing |= {item["source"] for item in self._report()["items"] if item["status"] == "failed"}
        wanted = {name: {digest} for name, digest in contents(folder).items()}
        shutil.rmtree(folder)
        return wanted

    def _alone(self, name: Path, threads: int) -> None:
        """The reference output of a clip with the encoder threads of so many workers."""
        folder = self.work / "alone"
        (folder / name).parent.mkdir(parents=True)
        shutil.copy2(self.source / name, folder / name)
        self._add_wanted(self._undisturbed(folder, threads))
        shutil.rmtree(folder)

    def _add_wanted(self, found: dict[str, set[str]]) -> None:
        for made, digests in found.items():
            self.wanted.setdefault(made, set()).update(digests)

    def _fresh(self, folder: Path, source: Path) -> Path:
        """Create an empty OUT, or in place a copy of the originals."""
        shutil.rmtree(folder, ignore_errors=True)
        if self.args.in_place:
            shutil.copytree(source, folder, symlinks=True)
        return folder

    def _places(self, folder: Path, source: Path) -> list[str]:
        if self.args.in_place:
            return [str(folder), "--in-place"]
        out = folder / f"all.{self.args.to or 'mp4'}" if self.args.command in OF_ALL else folder
        return [str(source), "-o", str(out)]

    def _start(self, places: list[str], jobs: int) -> subprocess.Popen[bytes]:
        verb = self.args.command
        command = [*self.before, sys.executable, "-m", "imgpar", verb, "-j", str(jobs), "-q"]
        command += ["--memory", self.args.memory, "--report", str(self.work / "report.json"), *places]
        command += ["--schedule", self.args.schedule] if verb == "convert" else []
        command += ["--resize", self.args.resize] if verb != "concat" else []
        command += ["--to", self.args.to] if self.args.to and verb not in OF_ALL else []
        (self.work / "report.json").unlink(missing_ok=True)
        self.table.runs += 1
        with (self.work / "log").open("wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=self.environment
            )

    def _report(self) -> dict:
        return json.loads((self.work / "report.json").read_text())

    def _log(self) -> str:
        return (self.work / "log").read_text(errors="replace")[-1500:]

    # ----- a round --------------------------------------------------------------------------------

    def round(self, folder: Path, single: Path | None = None) -> None:
        """Convert all inputs into a folder, then some files individually into `single`, if given."""
        self._fresh(folder, self.source)
        self.edits.made.clear()
        code = self._until_it_ends(self._places(folder, self.source), folder)
        self._judge(code, folder)
        if single:
            for name in self.random.sample(self.names, min(SINGLE, len(self.names))):
                self._single(name, single)

    def _single(self, name: Path, folder: Path) -> None:
        """Convert one file individually."""
        places = [str(self.source / name), "-o", str(folder / name)]
        code = self._until_it_ends(places, None)
        report = self._report() if (self.work / "report.json").exists() else {"items": []}
        if any(GIVEN_UP in item.get("error", "") for item in report["items"]):
            self.table.given_up += 1
            code = self._start(places, self.args.jobs).wait(STUCK_SECONDS)
        if code:
            self.table.refused += 1
            self.table.say(f"{name}: exit {code}: {self._log()}")
        self._judge_file(str(name), contents(folder).get(str(name), ""))

    def _until_it_ends(self, places: list[str], folder: Path | None) -> int:
        """Repeat the run while its parent was killed; returns the last exit code."""
        deadly = self.random.random() < 0.5
        for attempt in range(8):
            process = self._start(places, self.args.jobs)
            again = self.killer.disturb(process, self.work / "log", deadly=deadly and attempt < 7)
            self.killer.look_for_orphans(process.pid)
            if not again:
                break
            if folder:
                self._look_for_torn(folder)
                self._pause(folder)
        return process.returncode

    def _pause(self, folder: Path) -> None:
        self.pauses += 1
        if self.args.edits and self.pauses % 3 == 0 and folder.exists():
            self.table.edits += self.edits.make(folder)

    # ----- what is left ---------------------------------------------------------------------------

    def _look_for_torn(self, folder: Path) -> None:
        """Check after the death of a parent that files with final names are complete."""
        before = contents(self.source) if self.args.in_place else {}
        for name, digest in contents(folder).items():
            whole = digest in self.wanted.get(name, ()) or digest == before.get(name)
            if not whole and not self._edited(name):
                self.table.torn += 1
                self.table.say(f"torn after a kill: {name}")

    def _judge(self, code: int, folder: Path) -> None:
        if not (self.work / "report.json").exists():
            self.table.refused += 1
            self.table.say(f"exit {code}: {self._log()}")
            return
        given_up = self._judge_lines(folder)
        if given_up and not self.args.in_place:  # a second run converts the missing files
            self._start(self._places(folder, self.source), self.args.jobs).wait(STUCK_SECONDS)
        self._judge_files(contents(folder), given_up if self.args.in_place else set())
        overwritten = self.edits.overwritten(folder)
        self.table.overwritten += len(overwritten)
        self.table.say(*(f"edit overwritten: {name}" for name in overwritten))
        if self.args.in_place:
            self._undo(folder)

    def _edited(self, name: str) -> bool:
        """Whether this output or its original was edited; edits are checked elsewhere."""
        stem = Path(name).with_suffix("")
        return any(Path(edited).with_suffix("") == stem for edited in self.edits.made)

    def _judge_lines(self, folder: Path) -> set[str]:
        """Check that every input has one result; returns those that were killed too often."""
        given_up = set()
        items = self._report()["items"]
        sources = Counter(item["source"] for item in items)
        inputs = {str((folder if self.args.in_place else self.source) / name) for name in self.names}
        self.table.jobs += len(self.names)
        if not self.args.in_place or not self.args.to:
            self.table.duplicated += sum(sources[name] != 1 for name in inputs)
        failing = {Path(name).name for name in self.failing}
        for item in items:
            if item["status"] == "failed" and GIVEN_UP in item["error"]:
                given_up.add(Path(item["source"]).name)
            elif item["status"] == "failed" and not self._excused(item["source"], folder, failing):
                self.table.lost += 1
                self.table.say(f"failed: {item['source']}: {item['error']}")
        self.table.given_up += len(given_up)
        return given_up

    def _excused(self, source: str, folder: Path, failing: set[str]) -> bool:
        root = folder if self.args.in_place else self.source
        return Path(source).name in failing or self._edited(os.path.relpath(source, root))

    def _judge_files(self, found: dict[str, str], given_up: set[str]) -> None:
        """Check that the folder equals that of an undisturbed run; originals of aborted jobs must be
        unchanged."""
        before = contents(self.source) if given_up else {}
        for name in self.wanted:
            if Path(name).name in given_up and found.get(name) == before.get(name):
                continue
            if not self._edited(name):
                self._judge_file(name, found.get(name, ""))
        extra = sorted(set(found) - set(self.wanted))
        self.table.duplicated += len(extra)
        self.table.say(*(f"too much: {name}" for name in extra))

    def _judge_file(self, name: str, digest: str) -> None:
        """Check that an output equals that of an undisturbed run."""
        if digest in self.wanted[name]:
            return
        others = [other for other, digests in self.wanted.items() if digest in digests]
        if not digest:
            self.table.lost += 1
            self.table.say(f"missing: {name}")
        elif others:
            self.table.swapped += 1
            self.table.say(f"swapped: {name} is {others[0]}")
        else:
            self.table.torn += 1
            self.table.say(f"not as in the undisturbed run: {name}")

    def _undo(self, folder: Path) -> None:
        """Check that undo restores every original: content, time and mode."""
        command = [sys.executable, "-m", "imgpar", "undo", str(folder)]
        subprocess.run(command, check=False, capture_output=True, env=self.environment)
        for name in self.names:
            old, new = self.source / name, folder / name
            if (not new.exists() or facts(old) != facts(new)) and not self._edited(str(name)):
                self.table.lost += 1
                self.table.say(f"not restored: {name}")
        extra = sorted(set(contents(folder)) - set(map(str, self.names)))
        self.table.say(*(f"left by undo: {name}" for name in extra))
        self.table.duplicated += len(extra)
