"""`imgpar watch`: stay, and convert what is new; `--status` prints what a watch does."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from imgpar.batch.watch.options import WatchOptions
from imgpar.cli import flags, running
from imgpar.cli.convert import USUAL, add_conversion, check_lists, read_listed, read_recipe
from imgpar.cli.outlets import check_outlets, logs_json, outlets
from imgpar.cli.parsing import Parser, align_columns
from imgpar.cli.passwords import shown_command
from imgpar.core.errors import NoInputError, UsageError
from imgpar.core.job import Event, Listener, hears_starts, listens_in_bulk

if TYPE_CHECKING:
    from imgpar.batch.watch.log import WatchLog
    from imgpar.batch.watch.watcher import Watcher
    from imgpar.runtime.scheduler import CancelToken

USAGE = "INPUT... -o OUT [options]"
DESCRIPTION = """\
Convert what is in the input folders, then stay and convert what is new. A file is taken when it is whole: its
size and time rest, no program has it open for writing, and its name is not that of a download in progress.
Nothing is done twice, after a restart neither. All options of imgpar convert hold.

  imgpar watch inbox/ -o web/ --resize 1920 --to webp
  imgpar watch inbox/ -o web/ --recipe web --move-done done/    inputs leave when their outputs are verified
  imgpar watch inbox/ -o web/ --once                            what is there and whole, for cron
  imgpar watch --status                                         what all watches of this user do
  imgpar watch --status web/

SIGTERM and Ctrl-C end it after the files in progress, SIGHUP reads the recipe again."""

_NOT_HERE = {
    "dry_run": "--dry-run", "check": "--check", "explain": "--explain", "estimate": "--estimate",
    "profile": "--profile", "report": "--report", "save_recipe": "--save-recipe",
}  # fmt: skip
"""Flags of single runs."""


def watch_parser() -> Parser:
    """The parser of `imgpar watch`."""
    usual = (
        "--once",
        "--settle",
        "--poll",
        "--move-done",
        "--delete-source",
        "--log",
        "--status",
        *USUAL[:-2],
    )
    parser = Parser("watch", USAGE, DESCRIPTION, usual=usual)
    flags.add_watch_options(parser)
    parser.add_argument_group("the state").add_argument(
        "--status",
        action="store_true",
        help="print what the watch on OUT does, or all watches of this user, and exit: 0 where it works, 1 "
        "where it is paused, 3 where none is running",
    )
    add_conversion(parser)
    return parser


def watch_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, inputs = watch_parser().parse(argv)
    if args.status:
        return _print_status(args, inputs)
    _check(args, inputs)
    from imgpar.api.watch import make_watcher, open_log
    from imgpar.runtime.scheduler import CancelToken

    given = {name: getattr(args, name) for name in WatchOptions.options()}
    settings, token = WatchOptions.read(given), CancelToken()
    log = open_log(settings, as_json=logs_json(args), quiet=args.quiet)
    with ExitStack() as stack:
        stack.callback(log.close)
        say = partial(log, "warning")
        listeners = stack.enter_context(outlets(args, say, changes_only=True))
        watcher = make_watcher(
            [read_listed(args)] if args.files_from else [*inputs],
            args.out,
            lambda: read_recipe(args),
            running.read_run_options(args),
            settings,
            log,
            listen=_Results(log, listeners, args),
            cancel=token,
            command=shown_command("watch", argv),
            label=args.recipe or "",
        )
        with _signals(token, watcher, log) as received:
            report = watcher.execute()
    if token.cancelled:
        return 130 if signal.SIGINT in received else 0
    nothing_yet = report.exit_code == NoInputError.exit_code and (watcher.waiting or not watcher.away)
    return 0 if nothing_yet else report.exit_code


class _Results:
    """Prints results of items, as JSON lines on standard output and with -v in the log; passes events on."""

    def __init__(self, log: WatchLog, listeners: Sequence[Listener], args: argparse.Namespace) -> None:
        self._log, self._listeners, self._verbose = log, listeners, bool(args.verbose)
        self._json, self._unchanged = bool(args.json), bool(args.json and args.once)
        self.in_bulk = listens_in_bulk(*listeners) and not self._unchanged
        self.starts = hears_starts(*listeners)

    def __call__(self, event: Event) -> None:
        for listen in self._listeners:
            listen(event)
        outcome = event.outcome
        if outcome is None or (outcome.reason == "unchanged" and not self._unchanged):
            return
        from imgpar.batch.log_lines import escaped
        from imgpar.batch.report import item_json

        if self._verbose and outcome.status != "failed":  # failures are logged in any case
            made = ", ".join(escaped(file.path) for file in outcome.outputs)
            self._log(
                "info", f"{escaped(outcome.source)}: {outcome.status} {outcome.reason or made}".rstrip()
            )
        if self._json:
            try:
                print(json.dumps(item_json(outcome)), flush=True)
            except OSError:
                self._json = False


@contextmanager
def _signals(token: CancelToken, watcher: Watcher, log: WatchLog) -> Iterator[list[int]]:
    """Translate signals while the block runs; yields those that ended the watch."""
    from imgpar.batch.watch.watcher import RELOAD, WAKE

    received = list[int]()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        received.append(number)
        (token.kill if len(received) > 1 else token.cancel)()
        watcher.tell(WAKE)

    def reload(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        watcher.tell(RELOAD)

    handlers: dict[int, Any] = {signal.SIGINT: end, signal.SIGTERM: end}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = reload
    if hasattr(signal, "SIGBREAK"):
        handlers[signal.SIGBREAK] = end
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield received
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
        if received:
            log("info", f"Ended by {signal.Signals(received[0]).name}.")


def _check(args: argparse.Namespace, inputs: Sequence[str]) -> None:
    """Reject contradictory arguments before anything is written."""
    for name, flag in _NOT_HERE.items():
        if getattr(args, name):
            fix = (
                "The log and the status file say what it does." if name == "report" else "Use imgpar convert."
            )
            raise UsageError(f"imgpar watch does not accept {flag}, which is for a single run.", fix=fix)
    if args.out == "-" or inputs == ["-"] or args.files_from == "-":
        raise UsageError(
            "A watch reads no standard input and writes no standard output.", fix="Name a folder."
        )
    if not inputs and not args.files_from:
        raise UsageError("No input was given.", fix="Name folders: imgpar watch inbox/ -o web/")
    if args.files_from and inputs:
        raise UsageError("--files-from and INPUT exclude each other.", fix="Leave out one.")
    check_lists(args)
    if args.in_place and args.out:
        raise UsageError("--in-place replaces the originals, so there is no -o.", fix="Leave out one.")
    if not args.in_place and not args.out:
        raise UsageError("-o OUT is missing.", fix="Say where to write, such as -o web/, or --in-place.")
    if args.quiet and args.verbose:
        raise UsageError("-q and -v contradict each other.", fix="Leave out one.")
    check_outlets(args, inputs)


def _print_status(args: argparse.Namespace, places: Sequence[str]) -> int:
    """Print the state of watches, and return the exit code."""
    from imgpar.batch.watch.status import every_status, read_watch, status_path
    from imgpar.outputs.destination import known_out

    if args.status_file:
        found = [read_watch(args.status_file)]
    elif places or args.out:
        outs = [*places, *([args.out] if args.out else [])]
        found = [read_watch(status_path(known_out(out))) for out in outs]
    else:
        found = list(every_status())
    known = [record for record in found if record]
    if args.json:
        print("\n".join(map(json.dumps, known)))
    elif known:
        print("\n\n".join(map(_shown, known)))
    running_now = [record for record in known if record["running"]]
    if not running_now or len(known) < len(found):
        if not known:
            print("imgpar: No watch is known here.", file=sys.stderr)
        return 3
    return 1 if any(record["state"] == "paused" or record.get("away") for record in running_now) else 0


SHOWN = 5
"""Paths in a line."""
_COUNTS = (("done", "ok"), ("failed", "failed"), ("skipped", "skipped"))


def _shown(record: dict[str, Any]) -> str:
    """The state of one watch as text."""
    state = record["state"] if record["running"] else "not running"
    rows = [
        ("out", record.get("out", "")),
        (
            "state",
            f"{state} (process {record.get('pid')} on {record.get('host')}, since {record.get('since')})",
        ),
        ("inputs", record.get("inputs", "")),
        ("recipe", record.get("recipe") or "from the flags"),
        (
            "done",
            ", ".join(f"{record.get(name, 0)} {word}" for name, word in _COUNTS),
        ),
        ("pending", f"{record.get('pending', 0)} not settled yet"),
        ("away", ", ".join(record.get("away", ()))),
        ("held", _held(record["held"])),
        ("paused", record.get("paused", "")),
        ("last error", record.get("last_error", "")),
        ("memory", f"{record.get('memory', 0) / 1e6:.0f} MB"),
        ("updated", record.get("updated", "")),
    ]
    return align_columns([row for row in rows if row[1]])


def _held(paths: Sequence[str]) -> str:
    """Inputs that a watch was about to move or delete when it was killed."""
    from imgpar.batch.log_lines import escaped

    if not paths:
        return ""
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(map(escaped, paths[:SHOWN]))}{more}; put back when the watch is started again"
