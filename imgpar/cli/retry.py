"""`imgpar retry`: run again what failed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from imgpar.cli import running
from imgpar.cli.parsing import Parser
from imgpar.errors import UsageError
from imgpar.settings import RETRY


def retry_parser() -> Parser:
    """The parser of `imgpar retry`."""
    parser = Parser("retry", "OUT [options]", "Run again what failed in OUT, with the recipe of that run.")
    running.add_run_options(parser)
    running.add_reporting(parser)
    return parser


def retry(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = retry_parser().parse(argv)
    if len(rest) != 1:
        raise UsageError("imgpar retry takes one folder, the OUT of an earlier run.")
    running.check_reporting(args)
    from imgpar import api

    settings = {name: value for name, value in vars(args).items() if name in RETRY.run}
    command = shlex.join(["imgpar", "retry", *argv])
    return running.carry_out(
        args,
        lambda listen, token: api.retry(rest[0], on_event=listen, cancel=token, command=command, **settings),
    )
