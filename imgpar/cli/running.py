"""What every command that starts a run shares: its options, its output, its end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgpar.batch.progress import Progress, discard, printable
from imgpar.cli.parsing import Once, Store
from imgpar.cli.passwords import add_password, read_password
from imgpar.cli.stopping import stopping
from imgpar.core import parsing
from imgpar.core.errors import NoInputError, UsageError
from imgpar.core.model import Event, RunOptions
from imgpar.outputs.sidefiles import check_report

if TYPE_CHECKING:
    from imgpar.batch.report import Report
    from imgpar.runtime.scheduler import CancelToken

EXISTS = ("skip", "overwrite", "rename", "error")
SCHEDULES = ("auto", "staged", "chain")

Run = Callable[[Callable[[Event], None], "CancelToken"], "Report"]
"""Starts a run that tells a listener and heeds a token."""


def add_jobs(add: Callable[..., Any]) -> None:
    """Add the flag for the number of workers, to a parser or one of its groups."""
    add(
        "-j",
        "--jobs",
        action=Store,
        parse=parsing.integer(1, 1000),
        metavar="N",
        help="worker processes (default: every core this process may use)",
    )


class _AppendPattern(argparse.Action):
    """Append a pattern to those that came before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        value: Any,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse for each use of the flag."""
        parsed = parsing.named(option_string or self.dest, parsing.patterns, value)
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), *parsed))


def add_patterns(add: Callable[..., Any]) -> None:
    """Add the flags that choose among the files of folders."""
    add(
        "--include",
        action=_AppendPattern,
        default=(),
        metavar="GLOB",
        help="take only files that match, such as '*.jpg' or '2024/**'; again for more",
    )
    add(
        "--exclude",
        action=_AppendPattern,
        default=(),
        metavar="GLOB",
        help="leave out files and folders that match, such as 'proofs/'; again for more",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `RunOptions` that do not depend on the kind of run."""
    group = parser.add_argument_group("the run")
    add = group.add_argument
    add_jobs(add)
    add(
        "--memory",
        action=Store,
        parse=parsing.byte_size,
        metavar="SIZE",
        help="shared memory for pictures in flight, such as 800M or 2G",
    )
    add(
        "--timeout",
        action=Store,
        parse=parsing.duration,
        metavar="TIME",
        help="give up on one input after 30s, 2m … (default: 15m, clips have no limit)",
    )
    add(
        "--schedule",
        action=Store,
        parse=parsing.choice(*SCHEDULES),
        default="auto",
        metavar="|".join(SCHEDULES),
        help="how work is handed out; the bytes are the same",
    )
    add(
        "--max-pixels",
        action=Store,
        parse=parsing.pixels,
        default=RunOptions().max_pixels,
        metavar="N",
        help="refuse larger pictures (default: 100MP)",
    )
    add(
        "--max-frames",
        action=Store,
        parse=parsing.integer(1, 1 << 31),
        default=RunOptions().max_frames,
        metavar="N",
        help="refuse animations with more frames, files with more pages (default: 10000)",
    )
    add(
        "--worker-memory",
        action=Store,
        parse=parsing.worker_memory,
        metavar="SIZE",
        help="private memory of a worker (default: 4G, Linux only); what needs more fails",
    )
    add(
        "--keep-originals",
        action=Store,
        parse=parsing.days,
        metavar="DAYS|none",
        help="in place: remove kept originals that are older, or keep none of this run "
        "(default: until undo --forget)",
    )
    add("--accept-damaged", action="store_true", help="keep what can be read of a damaged file")
    add_password(add)
    add(
        "--verify",
        action="store_true",
        help="decode every output again before it is written, and compare those that are there",
    )
    add("--keep-failures", action=Once, metavar="DIR", help="keep what is needed to see each failure again")
    add("--strict", action="store_true", help="losing anything (GPS, depth, frames …) is a failure")
    add("--journal", action=Once, metavar="FILE", help="where to note what is done (default: in OUT/.imgpar)")


def add_reporting(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what is printed and written about a run."""
    group = parser.add_argument_group("what is said")
    add = group.add_argument
    add("--report", action=Once, metavar="FILE.json", help="write what happened to every input")
    add("--json", action="store_true", help="results on standard output, one JSON object per line")
    add("--profile", action="store_true", help="say where the time went")
    add("-q", "--quiet", action="store_true", help="print failures only")
    add("-v", "--verbose", action="count", default=0, help="a line per input; -vv adds tracebacks")


def parsed_run_options(args: argparse.Namespace) -> RunOptions:
    """The options of the run from all parsed flags that are named like one of its fields."""
    names = RunOptions.__dataclass_fields__.keys() - {"password"}
    given = {name: value for name, value in vars(args).items() if name in names}
    return RunOptions(password=read_password(args), **given)


class Results:
    """Listens to a run beside the bar: JSON lines on stdout."""

    def __init__(self, args: argparse.Namespace, progress: Progress) -> None:
        self.progress = progress
        self.json = bool(args.json)

    @property
    def in_bulk(self) -> bool:
        """Whether nobody wants a line for each item."""
        return self.progress.in_bulk and not self.json

    def __call__(self, event: Event) -> None:
        """Take one event of the run."""
        self.progress(event)
        if event.outcome is None:
            return
        if self.json:
            from imgpar.batch.report import item_json

            self.line(item_json(event.outcome))

    def line(self, record: dict[str, Any]) -> None:
        """One JSON object; when nobody reads any more the run goes on without."""
        try:
            self.progress.write(json.dumps(record), sys.stdout)
        except OSError:
            self.json = False
            discard(sys.stdout)


def carry_out(args: argparse.Namespace, call: Run, *, to_stdout: bool = False) -> int:
    """Run with progress, Ctrl-C and results; `to_stdout` when a picture goes there. Return the exit code."""
    from imgpar.runtime.scheduler import CancelToken

    token = CancelToken()
    with Progress(quiet=args.quiet, verbose=args.verbose) as progress:
        results = Results(args, progress)
        with stopping(token):
            report = call(results, token)
    if args.report:
        report.write_json(args.report)
    try:
        _conclude(args, report, results, to_stdout=to_stdout)
        sys.stdout.flush()
    except OSError:  # nobody reads, or the terminal is gone; the exit code still says what happened
        discard(sys.stdout)
        discard(sys.stderr)
    return report.exit_code


def _conclude(args: argparse.Namespace, report: Report, results: Results, *, to_stdout: bool) -> None:
    """Say how the run ended."""
    if results.json:
        results.line(report.summary_json())
    elif report.exit_code == NoInputError.exit_code:
        nothing = getattr(args, "nothing", "") or _nothing(report)
        print(f"imgpar: {nothing}", file=sys.stderr)
    elif report.stopped and args.quiet:
        print(f"imgpar: {printable(report.stopped)}", file=sys.stderr)
    elif not args.quiet and not args.json and not to_stdout:
        print("\n".join(summary(report)))
    if args.profile:
        from imgpar.cli.packages import faster

        results.progress.write("\n".join([report.profile(), *faster()]), sys.stderr)


def summary(report: Report) -> list[str]:
    """The end of a run in a few lines, without what has been said line by line while it ran."""
    lines = replace(report, failures=(), notes=()).summary().splitlines()
    return [printable(line) for line in lines]


def _nothing(report: Report) -> str:
    from imgpar.inputs.ignored import ignored_sentence

    aside = ignored_sentence(report.left_out, report.left_out_folders, report.excluded)
    words = "There are no pictures or clips in the input."
    if report.excluded and not report.ignored:
        words = "There is nothing to do."
    return " ".join(filter(None, [words, printable(aside), *report.notes, "See 'imgpar formats'."]))


def check_reporting(args: argparse.Namespace, inputs: Sequence[str] = ()) -> None:
    """Find out before a long run that its report cannot be written after it, or replaces something."""
    if args.quiet and args.verbose:
        raise UsageError("-q and -v contradict each other.", fix="Leave out one.")
    if args.report:
        check_report(args.report, inputs)
