"""What the commands have in common that make one file of all inputs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from imgpar.batch.gather.options import Gathering
from imgpar.cli import flags, running
from imgpar.cli.parsing import Once, Parser
from imgpar.cli.passwords import without_password
from imgpar.core.errors import UsageError
from imgpar.outputs.sidefiles import check_journal


def add_files(parser: Parser, call: str, suffixes: str) -> None:
    """Add the flags of the file, of the run and of the report.

    Args:
        parser: of the command.
        call: name of the command.
        suffixes: of the files that it makes, for the help.
    """
    media = "clips" if call == "concat" else "pictures"
    parser.set_defaults(nothing=f"There are no {media} in the input.")
    group = parser.add_argument_group("files")
    group.add_argument("-o", "--out", action=Once, metavar="FILE", help=f"output file: {suffixes}")
    flags.add_gather_options(parser, call)
    flags.add_run_options(parser, call, files=group)
    running.add_reporting(parser)


def run_gathering(call: str, parser: Parser, argv: Sequence[str], *, example: str) -> int:
    """Run the command and return its exit code.

    Args:
        call: name of the command.
        parser: of the command.
        argv: its arguments.
        example: for messages.
    """
    args, inputs = parser.parse(argv)
    if not inputs:
        raise UsageError("No input was given.", fix=f"Name one: {example}")
    if not args.out:
        raise UsageError("-o FILE is missing.", fix=f"Name the output: {example}")
    from imgpar.api.gather import read_gathering
    from imgpar.api.run import run
    from imgpar.recipe.recipe import Recipe

    recipe = flags.build_recipe(args.steps or (), Recipe())
    options = running.read_run_options(args)
    running.check_reporting(args, inputs)
    if args.journal:
        check_journal(args.journal, inputs)
    own = {name: getattr(args, name) for name in Gathering.options() if hasattr(args, name)}
    made = read_gathering(call, inputs, args.out, recipe, own)
    if args.dry_run:
        from imgpar.cli.preview import preview

        return preview(args, inputs, recipe, options, made)
    command = shlex.join(["imgpar", call, *without_password(argv)])
    return running.carry_out(
        args,
        lambda listen, token: run(
            inputs, args.out, recipe, options, on_event=listen, cancel=token, command=command, gather=made
        ),
    )
