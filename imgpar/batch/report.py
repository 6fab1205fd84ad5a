"""The report of a run: counts, an outcome for every input, and a summary."""

from __future__ import annotations

import json
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imgpar.batch.log_lines import escaped
from imgpar.batch.others import others_sentence
from imgpar.batch.run_counts import pace
from imgpar.core.errors import OutputError, may_pass
from imgpar.core.job import Job, Outcome
from imgpar.core.slices import TIMED, MadeFiles
from imgpar.inputs.ignored import ignored_sentence
from imgpar.outputs.sidefiles import check_report_place, write_whole

SCHEMA = 1
"""Version of the JSON report; incremented if a key is removed or changes its meaning."""
SHOWN = 5
"""Maximum number of failures in the summary."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run. `items` may be read lazily from the disk, also after the run.

    >>> report = Tally().add(Outcome("/a.jpg", "ok")).report([Outcome("/a.jpg", "ok")], out="/web")
    >>> report.ok, report.failed, report.skipped, report.exit_code
    (1, 0, 0, 0)
    """

    items: Sequence[Outcome] = ()
    """An outcome for every input, in the order of the inputs."""
    ok: int = 0
    failed: int = 0
    skipped: int = 0
    planned: int = 0
    """Number of inputs that a dry run would convert; otherwise 0."""
    ignored: int = 0
    """Number of files that are not media; they are not touched."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """The same by kind: suffix (".txt"), "without suffix" or "hidden"."""
    left_out_folders: Mapping[str, int] = field(default_factory=dict)
    """Folders that were not searched (hidden, or system folders such as @eaDir), by name."""
    excluded: int = 0
    """Number of media files and folders left out by `include` and `exclude`."""
    filtered: int = 0
    """Number of media files left out by the conditions of `where`."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Files that are no pictures and clips, and what became of them with `others`: "copied", "linked",
    "unchanged", "kept", "failed"; a dry run: "planned". They are not among `items`."""
    seconds: float = 0.0
    bytes_in: int = 0
    """Total size of the converted inputs."""
    bytes_out: int = 0
    """Total size of the written files."""
    out: str = ""
    cancelled: bool = False
    stopped: str = ""
    """The error that stopped the run (disk full); empty if none."""
    left: int = 0
    """Number of planned inputs not converted because the run was stopped."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Skipped items by reason: "unchanged", "exists"."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """Number of items by lost content ("gps", "gain map")."""
    failures: tuple[Outcome, ...] = ()
    """The first failed items."""
    notes: tuple[str, ...] = ()
    """Notes that belong to no item."""
    workers: int = 0
    """Maximum number of worker processes."""
    working_seconds: float = 0.0
    """Seconds from the first job to the last, without startup and cleanup."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds in each stage, summed over all workers."""
    searched: int = 0
    """Number of outputs whose quality was searched for (`max_bytes`, `target`)."""
    tries: int = 0
    """Encodes of all of these together."""
    can_retry: bool = False
    """Whether `imgpar retry OUT` is possible and may succeed: see `core.errors.may_pass`."""
    retriable: int = 0
    """Number of failures that may succeed when repeated."""
    dry_run: bool = False
    """Whether this is the report of a dry run."""

    def __repr__(self) -> str:
        if self.dry_run:
            return f"<Report: {self.planned} planned, {self.skipped} skipped, {self.failed} failed, dry run>"
        return f"<Report: {self.ok} ok, {self.skipped} skipped, {self.failed} failed, out={self.out!r}>"

    @property
    def total(self) -> int:
        """All inputs."""
        return self.ok + self.failed + self.skipped + self.planned

    @property
    def exit_code(self) -> int:
        """0: success; 1: some inputs failed; 3: no input matched; 4: stopped by an error; 130: cancelled."""
        if self.stopped:
            return 4
        if self.cancelled:
            return 130
        if self.failed or self.others.get("failed"):
            return 1
        return 0 if self.total or self.others else 3

    def summary(self) -> str:
        """The summary as text; bytes of paths that are not UTF-8 are escaped."""
        return "\n".join(escaped(line) for line in self._summary())

    def profile(self) -> str:
        """Time per stage, and the stage that limited the run.

        >>> print(Report(workers=2, working_seconds=10.0, stages={"decode": 12.0, "encode": 6.0}).profile())
        decode        12.00 s   60%
        encode         6.00 s   30%
        idle           2.00 s   10%
        2 workers, 10.0 s: decode takes the most time.
        """
        available = self.workers * self.working_seconds
        rows = {**self.stages, "idle": max(0.0, available - sum(self.stages.values()))}
        lines = [f"{name:10} {spent:8.2f} s {spent / (available or 1):5.0%}" for name, spent in rows.items()]
        most = max(rows, key=lambda name: rows[name])
        why = (
            "the workers waited, for the plan or for memory"
            if most == "idle"
            else f"{most} takes the most time"
        )
        if self.searched:
            lines.append(self._tries())
        return "\n".join([*lines, f"{self.workers} workers, {self.working_seconds:.1f} s: {why}."])

    def summary_json(self) -> dict[str, Any]:
        """The counts, as written by `write_json`."""
        return {
            "schema": SCHEMA,
            "out": escaped(self.out),
            **{name: getattr(self, name) for name in _COUNTS},
            "left_out": {escaped(kind): count for kind, count in self.left_out.items()},
            "left_out_folders": {escaped(name): count for name, count in self.left_out_folders.items()},
            "others": dict(self.others),
            "reasons": dict(self.reasons),
            "lost": dict(self.lost),
            "stages": {stage: round(spent, 6) for stage, spent in self.stages.items()},
            "notes": [escaped(note) for note in self.notes],
            "exit_code": self.exit_code,
        }

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON, item by item; the file is replaced atomically.

        Raises:
            UsageError: the path is an existing file that is not a report.
            OutputError: the file cannot be written.
        """
        final = os.path.abspath(os.fspath(path))
        check_report_place(final)
        try:
            write_whole(final, self._text(), encoding="ascii")
        except OSError as error:
            raise OutputError(
                f"The report {final} cannot be written: {error.strerror}.", fix="Choose another place for it."
            ) from error

    def _text(self) -> Iterator[str]:
        head = json.dumps(self.summary_json(), indent=1)
        yield head[:-2] + ',\n "items": ['
        for number, outcome in enumerate(self.items):
            yield (",\n  " if number else "\n  ") + json.dumps(item_json(outcome))
        yield "\n ]\n}\n"

    def _summary(self) -> Iterator[str]:
        if self.dry_run:
            skipped = f"{self.skipped} skipped{self._why_skipped()}"
            yield f"Would work on {self.planned}; {skipped}, {self.failed} failed. Nothing was written."
            if aside := ignored_sentence(*self._left_out()):
                yield aside
            if others := others_sentence(self.others):
                yield others
            yield from self._failures()
            return
        speed = f", {pace(self.ok / self.seconds)}" if self.ok and self.seconds > 1 else ""
        yield (
            f"{'Stopped' if self.cancelled or self.stopped else 'Done'}: {self.ok} ok, {self.skipped} skipped"
            f"{self._why_skipped()}, {self.failed} failed in {self.seconds:.1f} s{speed}."
        )
        if self.stopped:
            yield self.stopped
        if self.left:
            verb, them = ("is", "it") if self.left == 1 else ("are", "them")
            planned = counted(self.left, "planned input")
            yield f"{planned} {verb} not done; the same command goes on with {them}."
        if self.bytes_out:  # 0 for verify and undo
            before, after = format_size(self.bytes_in), format_size(self.bytes_out)
            yield f"{before} became {after} in {self.out or 'place'}."
        if others := others_sentence(self.others):
            yield others
        if aside := ignored_sentence(*self._left_out()):
            yield aside
        yield from (_KEPT[reason] for reason in self.reasons if reason in _KEPT)
        if self.searched:
            yield self._tries()
        if self.lost:
            yield "Lost: " + ", ".join(f"{what} ({count})" for what, count in self.lost.items()) + "."
            if "pages" in self.lost:
                yield "--pages split (pages) writes a file for each page, -o FILE.pdf or .tif one for all."
        yield from self.notes
        yield from self._failures()
        if self.can_retry:
            yield self.retry_advice()

    def _tries(self) -> str:
        mean = self.tries / self.searched
        return f"{counted(self.searched, 'output')} encoded {mean:.1f} times on average to find the quality."

    def _left_out(self) -> tuple[Mapping[str, int], Mapping[str, int], int, int]:
        return self.left_out, self.left_out_folders, self.excluded, self.filtered

    def _failures(self) -> Iterator[str]:
        if not self.failures:
            return
        yield "Failed:"
        for outcome in self.failures:
            yield f"  {outcome.source}: {outcome.error}"
        if self.failed > len(self.failures):
            yield f"  … and {self.failed - len(self.failures)} more; --report FILE.json names all."

    def retry_advice(self) -> str:
        """The command to repeat failures that may succeed."""
        command = f"imgpar retry {shlex.quote(self.out)}"
        if self.retriable == self.failed:
            return f"Run these again: {command}"
        return f"{self.retriable} of them may go better a second time: {command}"

    def _why_skipped(self) -> str:
        parts = [
            counted(count, "link") if reason == "link" else f"{count} {_WORDS.get(reason, reason)}"
            for reason, count in self.reasons.items()
            if reason
        ]
        return f" ({', '.join(parts)})" if parts else ""


_WORDS = {
    "exists": "there already",
    "changed": "changed since",
    "settings": "made with other settings",
    "nothing": "without a clip",
    "smaller": "small enough already",
    "pages": "without the requested pages",
    "duplicate": "with the content of another input",
    "incomplete": "not used, because the file of all inputs was not made",
}
_WHY = {
    "exists": "there is a file of that name already",
    "changed": "its output was changed since",
    "settings": "its output was made with other settings",
    "link": "it is a link",
    "nothing": "there is no clip in it",
    "smaller": "its new file would not be smaller",
    "pages": "it has none of the requested pages",
    "duplicate": "another input has the same content",
    "incomplete": "the file of all inputs was not made",
}
_KEPT = {
    "exists": "Files that imgpar did not make were kept; --on-exists overwrite or rename changes that.",
    "changed": "Outputs that were changed since imgpar made them were kept; --on-exists overwrite or rename "
    "changes that.",
    "settings": "Outputs that were made with other settings were kept, as --on-exists says.",
}
"""Sentences on existing files that were kept, by reason."""

_COUNTS = (
    "ok",
    "failed",
    "skipped",
    "planned",
    "ignored",
    "excluded",
    "filtered",
    "seconds",
    "bytes_in",
    "bytes_out",
    "cancelled",
    "stopped",
    "left",
    "workers",
    "working_seconds",
    "searched",
    "tries",
)


class Tally:
    """Running counts of outcomes, of constant size."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.failures: list[Outcome] = []
        self.retriable = 0
        self.stages: dict[str, float] = {}
        self.bytes_in = 0
        self.bytes_out = 0
        self.searched = 0
        self.tries = 0
        self.made = ""
        """An output."""

    def add(self, outcome: Outcome) -> Tally:
        """Count one outcome."""
        self.counts[outcome.status] += 1
        for stage, spent in outcome.stages:
            self.stages[stage] = self.stages.get(stage, 0.0) + spent
        if outcome.status == "skipped":
            self.reasons[outcome.reason] += 1
            return self
        if outcome.status == "planned":
            return self
        self.lost.update(dict.fromkeys(outcome.lost, 1))
        if outcome.status == "failed":
            self.retriable += may_pass(outcome.kind)
            if len(self.failures) < SHOWN:
                self.failures.append(outcome)
            return self
        self.searched += len(outcome.tries)
        self.tries += sum(outcome.tries)
        self.made = outcome.outputs[0].path if outcome.outputs else self.made
        self.bytes_in += outcome.source_bytes
        self.bytes_out += sum(file.bytes for file in outcome.outputs)
        return self

    def add_slice(self, job: Job, made: MadeFiles) -> None:
        """Count what was made of items of a slice."""
        if not made.numbers:
            return
        self.counts["ok"] += len(made.numbers)
        for stage, seconds in zip(TIMED, made.seconds, strict=True):
            if spent := sum(seconds):
                self.stages[stage] = self.stages.get(stage, 0.0) + spent
        self.made = job.targets[made.numbers[-1]].path
        self.bytes_in += sum([job.items[number].size for number in made.numbers])
        self.bytes_out += sum(made.bytes)

    def add_unchanged(self, count: int) -> None:
        """Count unchanged items."""
        self.counts["skipped"] += count
        self.reasons["unchanged"] += count

    def report(self, items: Sequence[Outcome] = (), **facts: Any) -> Report:
        """The report with these items; `facts` are its other fields (out, seconds …)."""
        return Report(
            items=items,
            ok=self.counts["ok"],
            failed=self.counts["failed"],
            skipped=self.counts["skipped"],
            planned=self.counts["planned"],
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            reasons=dict(self.reasons),
            lost=dict(self.lost.most_common()),
            failures=tuple(self.failures),
            retriable=self.retriable,
            stages=dict(self.stages),
            searched=self.searched,
            tries=self.tries,
            **facts,
        )


def item_json(outcome: Outcome) -> dict[str, Any]:
    """One item of the JSON report, with absolute paths and without empty fields.

    A path that is not UTF-8 has bytes escaped as `\\xNN`; `source_hex` or `path_hex` has the exact bytes.
    """
    line: dict[str, Any] = {
        **_path("source", outcome.source),
        "status": outcome.status,
        "outputs": [
            {
                **_path("path", file.path),
                "bytes": file.bytes,
                **({"width": file.width, "height": file.height} if file.width else {}),
            }
            for file in outcome.outputs
        ],
        "seconds": round(outcome.seconds, 6),
        "bytes": outcome.source_bytes,
    }
    for name in ("error", "kind", "stage", "reason", "traceback"):
        if value := getattr(outcome, name):
            line[name] = escaped(value)
    if outcome.tries:
        line["tries"] = list(outcome.tries)
    for name in ("lost", "notes"):
        if values := getattr(outcome, name):
            line[name] = [escaped(value) for value in values]
    if outcome.columns:
        line["columns"] = dict(outcome.columns)
    if outcome.stages:
        line["stages"] = {stage: round(seconds, 6) for stage, seconds in outcome.stages}
    return line


def why_skipped(reason: str) -> str:
    """The reason for skipping an input, as text.

    >>> why_skipped("changed")
    'its output was changed since'
    """
    return _WHY.get(reason, reason)


def counted(count: int, thing: str) -> str:
    """A number with its noun in singular or plural.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{count} {thing if count == 1 else thing + 's'}"


def format_size(count: int) -> str:
    """A size in bytes as text, in decimal units.

    >>> format_size(1_234_567)
    '1.2 MB'
    """
    number, unit = float(count), "bytes"
    for bigger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, bigger
    return f"{number:.1f} {unit}" if unit != "bytes" else f"{count} bytes"


def _path(key: str, path: str) -> dict[str, str]:
    shown = escaped(path)
    return {key: shown} if shown == path else {key: shown, f"{key}_hex": os.fsencode(path).hex()}
