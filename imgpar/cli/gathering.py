"""What the commands have in common that make one file of all inputs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import FITTING
from imgpar.cli import flags, running
from imgpar.cli.parsing import Once, Parser
from imgpar.cli.passwords import shown_command
from imgpar.cli.stopping import FIRST_OF_ONE
from imgpar.core.errors import UsageError
from imgpar.outputs.sidefiles import check_journal

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe


def add_files(parser: Parser, call: str) -> None:
    """Add the flags of the file, of the run and of the report.

    Args:
        parser: of the command.
        call: name of the command.
    """
    media = {"concat": "clips", "sheet": "pictures or clips"}.get(call, "pictures")
    suffixes = FITTING[call]
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
    from imgpar.recipe.recipe import Recipe

    command = shown_command(call, argv)
    return make_file(call, args, inputs, flags.build_recipe(args.steps or (), Recipe()), command)


def make_file(
    call: str, args: argparse.Namespace, inputs: Sequence[str], recipe: Recipe, command: str
) -> int:
    """Make the file and return the exit code.

    Args:
        call: name of the command whose file is made.
        args: parsed flags.
        inputs: as given.
        recipe: operations and settings of the encoder.
        command: the command line, for the journal.
    """
    from imgpar.api.gather import read_gathering
    from imgpar.api.run import run

    options = running.read_run_options(args)
    running.check_reporting(args, inputs)
    if args.journal:
        check_journal(args.journal, inputs)
    own = {name: getattr(args, name) for name in Gathering.options() if hasattr(args, name)}
    made = read_gathering(call, inputs, args.out, recipe, own, flags.flag)
    if args.dry_run:
        from imgpar.cli.preview import preview

        return preview(args, inputs, recipe, options, made)
    return running.carry_out(
        args,
        lambda listen, token: run(
            inputs, args.out, recipe, options, on_event=listen, cancel=token, command=command, gather=made
        ),
        stopped=FIRST_OF_ONE,
    )
