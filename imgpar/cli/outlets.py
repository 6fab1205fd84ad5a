"""`--events`, `--metrics` and `--log-format`: what a run tells other programs while it works."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from imgpar.batch.log_lines import FORMATS_OF_LOG, Level, log_line
from imgpar.batch.progress import printable
from imgpar.cli.parsing import Once, Store
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.job import Listener
from imgpar.outputs.sidefiles import check_folder, check_place

STDOUT = "-"
_PREVIEWS = ("--dry-run", "--explain", "--check", "--estimate")
"""Flags with which nothing is run."""
_FORMAT = "--log-format"


def add_outlets(parser: argparse.ArgumentParser) -> None:
    """Add the flags to a command that runs something."""
    add = parser.add_argument_group("events and logs").add_argument
    add("--events", action=Once, metavar="FILE|-",
        help="write what happens as lines of JSON, for other programs: to a file, which is appended to, a "
        "named pipe, or - for standard output")  # fmt: skip
    add("--metrics", action=Once, metavar="FILE.prom",
        help="keep counters in a file, for the text file collector of Prometheus' node_exporter")  # fmt: skip
    add(_FORMAT, action=Store, parse=parsing.choice(*FORMATS_OF_LOG), default="text",
        metavar="|".join(FORMATS_OF_LOG),
        help="progress, notes, failures and the summary on standard error: text, or one JSON object per line "
        "(default: text)")  # fmt: skip


def check_outlets(args: argparse.Namespace, inputs: Sequence[str] = ()) -> None:
    """Reject flags that contradict each other, and files that would replace another; raises UsageError."""
    for flag, path in (("--events", args.events), ("--metrics", args.metrics)):
        if not path:
            continue
        for name in _PREVIEWS:
            if getattr(args, name[2:].replace("-", "_"), False):
                raise UsageError(f"{flag} is about a run, but {name} runs nothing.", fix="Leave it out.")
    if args.events == STDOUT:
        if args.json:
            raise UsageError("--events - and --json both write to standard output.", fix="Leave out one.")
        if getattr(args, "out", None) == STDOUT:
            raise UsageError(
                "-o - and --events - both write to standard output.", fix="Name a file for the events."
            )
    elif args.events:
        check_place("file of events", args.events, ".ndjson", _is_event, inputs)
    if args.metrics:
        check_place("file of metrics", args.metrics, ".prom", _is_metric, inputs)
        check_folder("file of metrics", args.metrics)


def _is_event(head: bytes) -> bool:
    from imgpar.batch.event_log import HEAD

    return head.startswith(HEAD)


def _is_metric(head: bytes) -> bool:
    return head.startswith(b"# HELP imgpar_")


@contextmanager
def outlets(
    args: argparse.Namespace, say: Callable[[str], None], *, changes_only: bool = False
) -> Iterator[list[Listener]]:
    """What listens to a run besides its progress, open while the block runs.

    Args:
        args: parsed flags.
        say: called with a sentence where the reader of the events goes away.
        changes_only: unchanged inputs are left out.
    """
    if (shared := getattr(args, "outlets", None)) is not None:
        yield shared
        return
    with ExitStack() as stack:
        listeners = list[Listener]()
        if args.events:
            from imgpar.batch.event_log import EventLog

            listeners.append(stack.enter_context(EventLog(args.events, say, changes_only=changes_only)))
        if args.metrics:
            from imgpar.batch.metrics import MetricsFile

            listeners.append(stack.enter_context(MetricsFile(args.metrics, changes_only=changes_only)))
        yield listeners


def has_free_stdout(args: argparse.Namespace) -> bool:
    """Whether a summary may be printed on standard output."""
    return bool(args.events != STDOUT)


def logs_json(args: argparse.Namespace) -> bool:
    """Whether standard error is for lines of JSON."""
    return getattr(args, "log_format", "text") == "json"


def wants_json(argv: Iterable[str]) -> bool:
    """The same for arguments that may be invalid.

    >>> wants_json(["a", "--log-format", "json"]), wants_json(["a", "--log-format=text"])
    (True, False)
    """
    words = [word for arg in argv for word in arg.partition("=")[::2] if word]
    return any(words[at : at + 2] == [_FORMAT, "json"] for at in range(len(words)))


def print_log(
    text: str, level: Level = "info", *, as_json: bool, plain: str = "", below: str = "", **fields: Any
) -> None:
    """Print a line on standard error.

    Args:
        text: the message.
        level: of the line.
        as_json: whether it is a JSON object.
        plain: printed in place of the message where it is not.
        below: a second line where it is not.
        fields: of that object.
    """
    lines = [log_line(level, text, **fields)] if as_json else [plain or text, *([below] if below else ())]
    print("\n".join(lines if as_json else map(printable, lines)), file=sys.stderr)
