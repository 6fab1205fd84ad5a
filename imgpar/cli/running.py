"""Options, output and exit code shared by all commands that start a run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from imgpar.batch.progress import Progress, discard, printable
from imgpar.batch.run_options import RunOptions
from imgpar.cli.outlets import (
    add_outlets,
    check_outlets,
    has_free_stdout,
    logs_json,
    outlets,
    print_log,
)
from imgpar.cli.parsing import Once
from imgpar.cli.passwords import read_password
from imgpar.cli.stopping import FIRST, stopping
from imgpar.cli.topics import FailureTopics
from imgpar.core.errors import NoInputError, UsageError
from imgpar.core.job import Event, Listener, hears_starts, listens_in_bulk
from imgpar.outputs.sidefiles import check_report

if TYPE_CHECKING:
    from imgpar.batch.report import Report
    from imgpar.runtime.scheduler import CancelToken

Run = Callable[[Callable[[Event], None], "CancelToken"], "Report"]
"""Starts a run with an event listener and a cancel token."""


def add_reporting(parser: argparse.ArgumentParser) -> None:
    """Add the flags that control the output and the report of a run."""
    group = parser.add_argument_group("reporting")
    add = group.add_argument
    add(
        "--report",
        action=Once,
        metavar="FILE",
        help="write a report with one entry per input: FILE.json, or FILE.html for a page with thumbnails",
    )
    add("--json", action="store_true", help="print results on standard output as JSON, one object per line")
    add("--profile", action="store_true", help="print the time spent per stage")
    add("-q", "--quiet", action="store_true", help="print failures only")
    add("-v", "--verbose", action="count", default=0, help="print a line per input; -vv adds tracebacks")
    add_outlets(parser)


def read_run_options(args: argparse.Namespace) -> RunOptions:
    """The run options from the parsed flags."""
    return RunOptions(**given_options(args))


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """The same as keyword arguments, for the flags that the command has."""
    given = {name: value for name, value in vars(args).items() if name in RunOptions.options()}
    return given | ({"password": read_password(args)} if "password" in given else {})


_LIMITS = (
    "jobs", "memory", "worker_memory", "timeout", "max_pixels", "max_frames", "accept_damaged", "sandbox",
)  # fmt: skip
"""Options of a run that apply to the thumbnails of its report as well."""


class Results:
    """Event listener that updates the progress bar, prints JSON lines on stdout, and passes events on."""

    def __init__(
        self, args: argparse.Namespace, progress: Progress, listeners: Sequence[Listener] = ()
    ) -> None:
        self.progress, self._listeners = progress, listeners
        self.json = bool(args.json)
        self.explained = FailureTopics()
        self.starts = hears_starts(*listeners)

    @property
    def in_bulk(self) -> bool:
        """Whether no output per item is required, so that events may be batched."""
        return listens_in_bulk(*self._listeners) and self.progress.in_bulk and not self.json

    def __call__(self, event: Event) -> None:
        """Process one event of the run."""
        self.progress(event)
        for listen in self._listeners:
            listen(event)
        if event.outcome is None:
            return
        if event.outcome.status == "failed":
            self.explained.add(event.outcome.kind)
        if self.json:
            from imgpar.batch.report import item_json

            self.line(item_json(event.outcome))

    def line(self, record: dict[str, Any]) -> None:
        """Print one JSON object; a closed stdout disables the output, the run continues."""
        try:
            self.progress.write(json.dumps(record), sys.stdout)
        except OSError:
            self.json = False
            discard(sys.stdout)


def carry_out(args: argparse.Namespace, call: Run, *, to_stdout: bool = False, stopped: str = FIRST) -> int:
    """Run with progress bar, signal handling and results, and return the exit code.

    Args:
        args: parsed flags.
        call: starts the run.
        to_stdout: whether pictures are written to standard output.
        stopped: printed at the first Ctrl-C.
    """
    from imgpar.runtime.scheduler import CancelToken

    if to_stdout and sys.stdout.isatty():
        raise UsageError(
            "Standard output is a terminal, which shows no pictures.", fix="Add '> FILE' or a pipe."
        )
    token, as_json = CancelToken(), logs_json(args)
    with (
        Progress(quiet=args.quiet, verbose=args.verbose, as_json=as_json) as progress,
        stopping(token, stopped, as_json=as_json),
    ):
        with outlets(args, partial(progress.say, "note")) as listeners:
            results = Results(args, progress, listeners)
            report = call(results, token)
        if args.report:
            keep_report(args, report, token)
    try:
        _conclude(args, report, results, to_stdout=to_stdout)
        sys.stdout.flush()
    except OSError:  # stdout or the terminal is closed; the exit code is still returned
        discard(sys.stdout)
        discard(sys.stderr)
    return report.exit_code


def keep_report(args: argparse.Namespace, report: Report, cancel: CancelToken | None = None) -> None:
    """Write the report to the file that --report names."""
    from imgpar.batch.pages.writing import write_report

    limits = {name: getattr(args, name) for name in _LIMITS if getattr(args, name, None) is not None}
    write_report(report, args.report, RunOptions(**limits), cancel)


def _conclude(args: argparse.Namespace, report: Report, results: Results, *, to_stdout: bool) -> None:
    """Print the summary of the run."""
    as_json = logs_json(args)
    if results.json:
        results.line(report.summary_json())
    elif report.exit_code == NoInputError.exit_code:
        say_nothing(getattr(args, "nothing", "") or _nothing(report), as_json=as_json)
    elif report.stopped and (args.quiet or to_stdout):
        plain = f"imgpar: {report.stopped}"
        print_log(report.stopped, "error", as_json=as_json, plain=plain, exit_code=report.exit_code)
    elif not (args.quiet or args.json or to_stdout):
        if as_json:
            print_log(" ".join(summary(report)), as_json=True, **report.summary_json())
        else:
            out = sys.stdout if has_free_stdout(args) else sys.stderr
            print("\n".join(summary(report)), file=out)
    results.explained.show(quiet=args.quiet or args.json or as_json)
    if args.profile:
        from imgpar.cli.packages import faster

        for line in [*report.profile().splitlines(), *faster()]:
            print_log(line, as_json=as_json)


def say_nothing(text: str, *, as_json: bool) -> None:
    """Print that no input matched, with the page about inputs where the text names none."""
    page = "" if "See " in text else "imgpar help inputs"
    plain = f"imgpar: {text}{f' See: {page}' if page else ''}"
    fields = {"help": page} if page else {}
    print_log(text, "error", as_json=as_json, plain=plain, exit_code=NoInputError.exit_code, **fields)


def summary(report: Report) -> list[str]:
    """The summary of a run, without the lines that were printed while it ran."""
    lines = replace(report, failures=(), notes=()).summary().splitlines()
    return [printable(line) for line in lines]


def _nothing(report: Report) -> str:
    from imgpar.inputs.ignored import ignored_sentence

    aside = ignored_sentence(report.left_out, report.left_out_folders, report.excluded, report.filtered)
    words = "There are no pictures or clips in the input."
    if (report.excluded or report.filtered) and not report.ignored:
        words = "There is nothing to do."
    return " ".join(filter(None, [words, printable(aside), *report.notes, "See 'imgpar formats'."]))


def check_reporting(args: argparse.Namespace, inputs: Sequence[str] = ()) -> None:
    """Check before a run that its report can be written and does not overwrite another file."""
    if args.quiet and args.verbose:
        raise UsageError("-q and -v contradict each other.", fix="Leave out one.")
    check_outlets(args, inputs)
    if args.report:
        out = getattr(args, "out", None)
        check_report(args.report, inputs, out if out and out != "-" else "")
