"""`imgpar convert`: flags → recipe, inputs and options → one run."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from imgpar.cli import flags, running
from imgpar.cli.parsing import Once, Parser, Store
from imgpar.cli.passwords import without_password
from imgpar.core import parsing
from imgpar.core.errors import BadValueError, UsageError, bad_value
from imgpar.formats.registry import FORMATS, find_format
from imgpar.outputs.sidefiles import check_journal

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe

USAGE = "INPUT... -o OUT [options]"
DESCRIPTION = """\
Make converted copies of files and folders. Folders are mirrored below OUT, several of
them each in a folder of its own; names and metadata are kept.

  imgpar convert photos/ -o web/ --resize 1920 --to webp          longest side 1920 pixels
  imgpar convert photos/ -o square/ --resize 800x800 --fit cover  cut to exactly 800 × 800
  imgpar convert scans/ -o small/ --grey --quality 70 --to jpg    grey JPEGs
  imgpar convert photos/ -o out/ --watermark-text '© Me' -n       only show what would be done
  imgpar convert photos/ --in-place --resize 3000                 imgpar undo photos/ puts them back"""
EPILOG = "'imgpar ops' explains every operation, 'imgpar formats' every format. '--' ends the options."


def convert_parser() -> Parser:
    """The parser of `imgpar convert`."""
    parser = Parser("convert", USAGE, DESCRIPTION, EPILOG)
    parser.set_defaults(steps=None)
    _add_files(parser)
    flags.add_operations(parser)
    flags.add_settings(parser)
    group = parser.add_argument_group("recipes")
    add = group.add_argument
    add(
        "--recipe",
        action=Once,
        metavar="FILE|NAME",
        help="start from a file, or web, thumbnails …",
    )
    add("--save-recipe", action=Once, metavar="FILE", help="write the operations and settings to a file")
    running.add_run_options(parser)
    running.add_reporting(parser)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files (INPUT is a file, a folder, a pattern, or - for standard input)")
    add = group.add_argument
    add(
        "-o",
        "--out",
        action=Once,
        metavar="OUT",
        help="folder to write to; for one input also a file, or - for standard output",
    )
    add(
        "--to",
        action=Store,
        parse=parse_output_formats,
        metavar="FORMAT",
        help="format, such as webp or jpg; or webp,mp4",
    )
    add(
        "--on-exists",
        action=Store,
        parse=parsing.choice(*running.EXISTS),
        metavar="|".join(running.EXISTS),
        help="for files that are there (default: skip what imgpar did not make, replace what it made with "
        "other settings)",
    )
    add(
        "-y",
        dest="on_exists",
        action="store_const",
        const="overwrite",
        help="the same as --on-exists overwrite",
    )
    add(
        "--companions",
        action=Store,
        parse=parsing.choice("ignore", "copy"),
        default="ignore",
        metavar="ignore|copy",
        help="sidecars of pictures (XMP, AAE): leave them, or copy them along under the new names",
    )
    running.add_patterns(add)
    add("--in-place", action="store_true", help="replace the originals, and keep them in .imgpar/undo")
    add("-n", "--dry-run", action="store_true", help="only show what would be done")
    add("--explain", action="store_true", help="show the recipe and the sizes before and after, do nothing")
    add("--files-from", action=Once, metavar="FILE",
        help="read the inputs from a file, one a line; - is standard input")  # fmt: skip
    add("--null", action="store_true",
        help="the names there end with NUL, not with a new line (-0 for short)")  # fmt: skip


def convert_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, inputs = convert_parser().parse(argv)
    recipe = read_recipe(args)
    options = running.parsed_run_options(args)
    only_save = args.save_recipe and not (inputs or args.files_from or args.out or args.in_place)
    if not only_save:
        _check(args, inputs)
    if args.save_recipe:
        recipe.save(args.save_recipe)
    if only_save:
        return 0
    # A list is mirrored as a whole, anything else is streamed.
    every = read_names(args.files_from, null=args.null) if args.files_from else inputs
    from imgpar.api import run

    if args.dry_run or args.explain:
        from imgpar.cli.preview import preview

        return preview(args, every, recipe, options)
    command = shlex.join(["imgpar", "convert", *without_password(argv)])
    return running.carry_out(
        args,
        lambda listen, token: run.run(
            every, args.out, recipe, options, on_event=listen, cancel=token, command=command
        ),
        to_stdout=args.out == "-",
    )


def read_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe that --recipe names, with the flags after its own operations and over its settings."""
    from imgpar.batch.settings import check_relevance
    from imgpar.formats.options import EncodeOptions
    from imgpar.recipe.recipe import Recipe

    base = Recipe.load(args.recipe) if args.recipe else Recipe()
    recipe = flags.build_recipe(args.steps or (), base)
    recipe = replace(recipe, to=args.to, chosen=True) if args.to else recipe
    named = [
        name for name in EncodeOptions.options() if getattr(recipe.encode, name) != getattr(base.encode, name)
    ]
    check_relevance(named, recipe.to, flags.flag)
    return recipe


def _check(args: argparse.Namespace, inputs: list[str]) -> None:
    """Refuse calls that contradict themselves, before anything is written."""
    if not inputs and not args.files_from:
        raise UsageError("No input was given.", fix="Name files or folders: imgpar convert photos/ -o web/")
    if args.null and not args.files_from:
        raise UsageError("--null (-0) says how --files-from is read, but there is no --files-from.")
    if args.in_place and args.out:
        raise UsageError("--in-place replaces the originals, so there is no -o.", fix="Leave out one.")
    if not args.in_place and not args.out:
        raise UsageError("-o OUT is missing.", fix="Say where to write, such as -o web/, or --in-place.")
    if args.out == "-" and args.json:
        raise UsageError("-o - and --json both write to standard output.", fix="Leave out one.")
    if args.files_from and inputs:
        raise UsageError(
            "--files-from takes the place of INPUT.", fix=f"Leave out one, or put {inputs[0]!r} in the list."
        )
    if args.profile and (args.dry_run or args.explain):
        raise UsageError("--profile says how long a run took, but nothing is to be run.", fix="Leave it out.")
    _check_side_files(args, inputs)


def _check_side_files(args: argparse.Namespace, inputs: list[str]) -> None:
    """Refuse reports, recipes and journals that would replace something else."""
    from imgpar.recipe.recipe import check_recipe_place

    read = [*inputs, *filter(None, [args.files_from])]
    running.check_reporting(args, read)
    if args.journal:
        check_journal(args.journal, read)
    if args.save_recipe:
        check_recipe_place(args.save_recipe, read)
    names = [os.path.realpath(path) for path in (args.report, args.save_recipe, args.journal) if path]
    if len(set(names)) < len(names):
        words = "Two of --report, --save-recipe and --journal name the same file."
        raise UsageError(words, fix="Give each its own.")


def parse_output_formats(value: object) -> tuple[str, ...]:
    """Names of formats that can be written, separated by commas.

    >>> parse_output_formats("JPG,webp")
    ('jpeg', 'webp')
    """
    writable = [name for name, record in FORMATS.items() if record.writable]
    known = [word for name in writable for word in (name, FORMATS[name].suffix)]
    names: list[str] = []
    for word in str(value).split(","):
        try:
            record = find_format(word.strip())
        except BadValueError:
            expected = f"formats that can be written ({', '.join(writable)})"
            raise bad_value(parsing.VALUE, expected, word, known) from None
        if record.name not in writable:
            raise BadValueError(
                f"{record.title} cannot be written by this version ({parsing.VALUE} {word}).",
                fix=f"It writes {', '.join(writable)}.",
            )
        names.append(record.name)
    return tuple(dict.fromkeys(names))


def read_names(path: str, *, null: bool) -> Iterator[str]:
    """Names from a list, streamed; raises UsageError at once where it cannot be opened."""
    try:
        stream = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115 - closed by the generator
    except OSError as error:
        raise UsageError(f"The list of inputs {path!r} cannot be read: {error.strerror}.") from None
    return _names(stream, null)


def _names(stream: IO[bytes], null: bool) -> Iterator[str]:
    from imgpar.inputs.lists import read_list

    with stream:
        yield from read_list(stream, nul=null)
