"""`imgpar retry`: repeat the failed inputs of a run."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.cli import flags, running
from imgpar.cli.parsing import Parser
from imgpar.cli.passwords import shown_command
from imgpar.core.errors import UsageError

DESCRIPTION = """\
Repeat the failed inputs of the last run into OUT, with the recipe of that run. The paths of the inputs are
stored on the machine that ran it; on another machine name the inputs.

  imgpar retry web/                         the failed inputs of the last run
  imgpar retry web/ photos/                 the inputs are in photos/ on this machine
  imgpar retry web/ --accept-damaged        keep the readable part of damaged files
  imgpar retry photos/                      a folder that was converted --in-place"""


NOTHING = "The failed files of that run are no longer in the input. Name its files or folders."


def retry_parser() -> Parser:
    """The parser of `imgpar retry`."""
    parser = Parser("retry", "OUT [INPUT...] [options]", DESCRIPTION)
    parser.set_defaults(nothing=NOTHING)
    flags.add_run_options(parser, "retry")
    running.add_reporting(parser)
    return parser


def retry_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = retry_parser().parse(argv)
    if not rest:
        raise UsageError("imgpar retry takes a folder, the OUT of an earlier run.")
    running.check_reporting(args)
    from imgpar.api import retry

    settings = running.given_options(args)
    command = shown_command("retry", argv)
    return running.carry_out(
        args,
        lambda listen, token: retry.retry(
            rest[0], rest[1:] or None, on_event=listen, cancel=token, command=command, **settings
        ),
    )
