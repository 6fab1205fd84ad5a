"""`imgpar retry`: run again what failed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from imgpar.batch.settings import RETRY
from imgpar.cli import running
from imgpar.cli.parsing import Parser
from imgpar.cli.passwords import read_password, without_password
from imgpar.core.errors import UsageError

DESCRIPTION = """\
Run again what failed in OUT, with the recipe of that run. Where the inputs lay is known on the machine that
converted them; elsewhere name them again.

  imgpar retry web/                         what failed in the last run
  imgpar retry web/ photos/                 its inputs lie in photos/ here
  imgpar retry web/ --accept-damaged        keep what can be read of damaged files
  imgpar retry photos/                      a folder that was converted --in-place"""


NOTHING = (
    "What failed in that run is not in the input any more. Name the files or folders that were given to it."
)


def retry_parser() -> Parser:
    """The parser of `imgpar retry`."""
    parser = Parser("retry", "OUT [INPUT...] [options]", DESCRIPTION)
    parser.set_defaults(nothing=NOTHING)
    running.add_run_options(parser)
    running.add_patterns(parser.add_argument_group("files").add_argument)
    running.add_reporting(parser)
    return parser


def retry_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = retry_parser().parse(argv)
    if not rest:
        raise UsageError("imgpar retry takes a folder, the OUT of an earlier run.")
    running.check_reporting(args)
    from imgpar.api import retry

    settings = {name: value for name, value in vars(args).items() if name in RETRY.run}
    settings["password"] = read_password(args)
    command = shlex.join(["imgpar", "retry", *without_password(argv)])
    return running.carry_out(
        args,
        lambda listen, token: retry.retry(
            rest[0], rest[1:] or None, on_event=listen, cancel=token, command=command, **settings
        ),
    )
