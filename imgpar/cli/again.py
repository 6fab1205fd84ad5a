"""`imgpar retry` and `imgpar undo`: what the journal of a folder makes possible."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from imgpar.cli import running
from imgpar.cli.parsing import Parser
from imgpar.errors import UsageError
from imgpar.progress import printable


def retry_parser() -> Parser:
    """The parser of `imgpar retry`."""
    parser = Parser("retry", "OUT [options]", "Run again what failed in OUT, with the recipe of that run.")
    running.add_run_options(parser)
    running.add_reporting(parser)
    return parser


def retry(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = retry_parser().parse(argv)
    out = _one_folder("retry", rest)
    running.check_reporting(args)
    api: Any = _api("retry")
    options = running.run_options(args)
    command = shlex.join(["imgpar", "retry", *argv])
    return running.carry_out(
        args, lambda listen, token: api.retry(out, options, on_event=listen, cancel=token, command=command)
    )


def undo_parser() -> Parser:
    """The parser of `imgpar undo`."""
    parser = Parser("undo", "OUT [--forget]", "Put back the files that the last run in OUT replaced.")
    parser.add_argument("--forget", action="store_true", help="delete the kept originals instead")
    return parser


def undo(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = undo_parser().parse(argv)
    out = _one_folder("undo", rest)
    api: Any = _api("undo")
    report = api.undo(out, forget=args.forget)
    print(printable(report.summary()))
    code: int = report.exit_code
    return code


def _one_folder(command: str, rest: list[str]) -> str:
    if len(rest) != 1:
        raise UsageError(f"imgpar {command} takes one folder, the OUT of an earlier run.")
    return rest[0]


def _api(command: str) -> Any:
    from imgpar import api

    if not hasattr(api, command):
        raise UsageError(f"imgpar {command} is not part of this version.")
    return api
