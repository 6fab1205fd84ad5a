"""`imgpar convert`: flags become a recipe, inputs and options, and start one run."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgpar.batch.gather.planner import is_document
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import ASSEMBLE
from imgpar.cli import flags, gathering, running
from imgpar.cli.outlets import logs_json
from imgpar.cli.parsing import Once, Parser, Store, parse_named
from imgpar.cli.passwords import shown_command
from imgpar.core import parsing
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import BadValueError, UsageError
from imgpar.formats.registry import every_format, find_format, writable_suffixes
from imgpar.outputs.sidefiles import check_journal
from imgpar.outputs.target_formats import TOGETHER

if TYPE_CHECKING:
    from imgpar.batch.run_options import RunOptions
    from imgpar.inputs.lists import InputList
    from imgpar.inputs.sources import Source
    from imgpar.recipe.recipe import Recipe

USAGE = "INPUT... -o OUT [options]"
DESCRIPTION = """\
Write converted copies of pictures and clips. Folders are mirrored below OUT, several folders
each into a subfolder; names and metadata are kept.

  imgpar convert photos/ -o web/ --resize 1920 --to webp          longest side 1920 pixels
  imgpar convert photos/ -o square/ --resize 800x800 --fit cover  cropped to exactly 800 × 800
  imgpar convert scans/ -o small/ --grey --quality 70 --to jpg    greyscale JPEG
  imgpar convert photos/ -o out/ --watermark-text '© Me' -n       print what would be done
  imgpar convert photos/ --in-place --resize 3000                 undo with: imgpar undo photos/
  imgpar convert scans/ -o album.pdf                              as imgpar assemble: one page each
  imgpar convert DCIM/ -o out/ --resize 1280 --to webp,mp4        pictures to WebP, clips to MP4
  imgpar convert DCIM/ -o music/ --to m4a                         only the audio of each clip"""
EPILOG = """\
'imgpar ops' describes the operations, 'imgpar formats' lists the formats. '--' ends the options.
--watermark-text uses a built-in font, and system fonts for letters and emoji that it lacks; --font FILE
selects another one."""

USUAL = (
    "--out", "--to", "--resize", "--quality", "--sizes", "--name", "--strip", "--recipe", "--in-place",
    "--dry-run",
)  # fmt: skip
"""What `-h` shows."""


def convert_parser(named: Collection[str] | None = None) -> Parser:
    """The parser of `imgpar convert`; with `named` it knows operations of these names only."""
    parser = Parser("convert", USAGE, DESCRIPTION, EPILOG, usual=USUAL)
    add_conversion(parser, named)
    return parser


def add_conversion(parser: Parser, named: Collection[str] | None = None) -> None:
    """Add all flags of a conversion; with `named` operations of these names only."""
    parser.set_defaults(steps=None)
    group = _add_files(parser)
    flags.add_operations(parser, named=named)
    flags.add_settings(parser, named=named)
    add = parser.add_argument_group("recipes").add_argument
    add(
        "--recipe",
        action=Once,
        known=_recipe_names,
        metavar="FILE|NAME",
        help="start from a TOML file, or from a built-in recipe: web, thumbnails, archive, favicon or social",
    )
    add("--save-recipe", action=Once, metavar="FILE", help="save the operations and settings as a TOML file")
    flags.add_run_options(parser, "run", files=group)
    running.add_reporting(parser)


def _recipe_names() -> tuple[str, ...]:
    from imgpar.recipe.recipe import builtin_names

    return builtin_names()


def _add_files(parser: argparse.ArgumentParser) -> flags.Group:
    group = parser.add_argument_group("files (INPUT: a file, folder, archive, glob, address, or -)")
    add = group.add_argument
    add(
        "-o",
        "--out",
        action=Once,
        metavar="OUT",
        help="output folder; an archive (.zip, .tar, .tar.gz, .7z …); a .pdf of all pictures; for one input "
        "also a file; - for standard output: one picture, or a tar archive of several outputs",
    )
    add(
        "--to",
        action=Store,
        parse=parse_output_formats,
        known=writable_suffixes,
        several=True,
        metavar="FORMAT",
        help="output format, such as webp or jpg, or several: webp,mp4; m4a, mp3, wav and flac extract the "
        "audio "
        "of clips (default: keep the format)",
    )
    flags.add_naming(group)
    add(
        "--explain",
        action="store_true",
        help="print the recipe, the sizes before and after and the processing path; write nothing",
    )
    add(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if a run would write or change a file",
    )
    add(
        "--estimate",
        action="store_true",
        help="convert a sample into a temporary folder and print the time and the bytes that a run would "
        "take; write nothing to OUT",
    )
    add_lists(add)
    return group


def add_lists(add: Callable[..., object]) -> None:
    """Add the flags of lists of inputs; `add` is `add_argument` of a group."""
    add("--files-from", action=Once, metavar="FILE",
        help="read the inputs from a list, a path or address per line, or from a table (.csv, .tsv, .jsonl, "
        ".parquet); - is standard input")  # fmt: skip
    add("--null", action="store_true",
        help="names in --files-from are terminated by NUL instead of a newline (short: -0)")  # fmt: skip
    add("--url-column", action=Once, metavar="NAME",
        help="the column of --files-from with the address (default: url, image_url, src, path)")  # fmt: skip
    add("--key-column", action=Once, metavar="NAME",
        help="the column of --files-from with what each input is called (default: its address)")  # fmt: skip


def convert_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, inputs = parse_named(convert_parser, argv)
    command = shown_command("convert", argv)
    return convert_with(args, inputs, read_recipe(args), command)


def convert_with(args: argparse.Namespace, inputs: list[str], recipe: Recipe, command: str) -> int:
    """Carry out a conversion and return the exit code.

    Args:
        args: from `convert_parser`.
        inputs: as given.
        recipe: of the run.
        command: for the journal.
    """
    options = running.read_run_options(args)
    only_save = args.save_recipe and not (inputs or args.files_from or args.out or args.in_place)
    if not only_save:
        _check(args, inputs)
    if is_document(args.out):
        _check_document(args, recipe)
        return gathering.make_file("assemble", args, inputs, recipe, command)
    if args.save_recipe:
        recipe.save(args.save_recipe)
    if only_save:
        return 0
    # A sequence is mirrored as a whole, an iterator is streamed.
    every: list[str | Source] = [read_listed(args)] if args.files_from else [*inputs]
    from imgpar.api import run

    if args.check:
        from imgpar.cli.changes import check_run

        return check_run(args, inputs, recipe, options)
    if args.estimate:
        return _estimate(args, every, recipe, options)
    if args.dry_run or args.explain:
        from imgpar.cli.preview import preview

        return preview(args, every, recipe, options)
    return running.carry_out(
        args,
        lambda listen, token: run.run(
            every, args.out, recipe, options, on_event=listen, cancel=token, command=command
        ),
        to_stdout=args.out == "-",
    )


def _check_document(args: argparse.Namespace, recipe: Recipe) -> None:
    """Refuse flags that a PDF of all inputs does not have; raises UsageError."""
    plain = RunOptions()
    given = [
        name
        for name in RunOptions.options()
        if name not in ASSEMBLE.run and getattr(args, name, None) not in (None, getattr(plain, name))
    ]
    given += [name for name in ("files_from", "explain", "save_recipe", "check") if getattr(args, name)]
    given += [key for key in recipe.to_dict() if key not in {*ASSEMBLE.recipe, "operations", "output", "to"}]
    if given:
        raise UsageError(
            f"{flags.flag(given[0])} does not apply to {args.out}, one PDF of all inputs.",
            fix="Leave it out.",
        )


def _estimate(
    args: argparse.Namespace, every: list[str | Source], recipe: Recipe, options: RunOptions
) -> int:
    """Print what a run would take."""
    from imgpar.api.estimate import estimated
    from imgpar.cli.stopping import stopping
    from imgpar.runtime.scheduler import CancelToken

    token = CancelToken()
    with stopping(token, as_json=logs_json(args)):
        found = estimated(every, args.out, recipe, options, token)
    print(json.dumps(found.as_dict()) if args.json else found.summary())
    return 130 if token.cancelled else 0


def read_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe of --recipe, with the operations of the flags appended and its settings overridden by
    them."""
    from imgpar.api.settings import check_naming
    from imgpar.batch.settings import RUN, check_extraction, check_relevance
    from imgpar.formats.options import EncodeOptions
    from imgpar.recipe.recipe import Recipe

    base = Recipe.load(args.recipe) if args.recipe else Recipe()
    recipe = flags.build_recipe(args.steps or (), base)
    recipe = replace(recipe, to=args.to, chosen=True) if args.to else recipe
    check_extraction(recipe, RUN, flags.flag)
    check_naming(recipe)
    named = [
        name for name in EncodeOptions.options() if getattr(recipe.encode, name) != getattr(base.encode, name)
    ]
    check_relevance(named, recipe.formats(), flags.flag, recipe.every_operation)
    return recipe


def _check(args: argparse.Namespace, inputs: list[str]) -> None:
    """Reject contradictory arguments before anything is written."""
    if not inputs and not args.files_from:
        raise UsageError("No input was given.", fix="Name files or folders: imgpar convert photos/ -o web/")
    check_lists(args)
    if args.in_place and args.out:
        raise UsageError("--in-place replaces the originals, so there is no -o.", fix="Leave out one.")
    if not args.in_place and not args.out:
        raise UsageError("-o OUT is missing.", fix="Say where to write, such as -o web/, or --in-place.")
    if args.out == "-" and args.json:
        raise UsageError("-o - and --json both write to standard output.", fix="Leave out one.")
    if args.files_from and inputs:
        raise UsageError(
            "--files-from and INPUT exclude each other.",
            fix=f"Leave out one, or put {inputs[0]!r} in the list.",
        )
    if args.files_from and args.archives:
        raise UsageError(
            "A list names pictures and clips, so there are no --archives to open.",
            fix="Leave it out, and name archives as inputs.",
        )
    if args.files_from and not args.recursive:
        raise UsageError("A list names files, so --no-recursive leaves nothing out.", fix="Leave it out.")
    if args.check:
        _refuse_with_check(args)
    others = {"--dry-run": args.dry_run, "--explain": args.explain, "--report": args.report}
    others |= {"--profile": args.profile, "--check": args.check}
    if args.estimate and (other := next((name for name, value in others.items() if value), "")):
        raise UsageError(f"--estimate and {other} exclude each other.", fix="Leave out one.")
    if args.profile and (args.dry_run or args.explain):
        raise UsageError(
            "--profile measures a run, but --dry-run and --explain do not run anything.", fix="Leave it out."
        )
    _check_side_files(args, inputs)


def _refuse_with_check(args: argparse.Namespace) -> None:
    other = {
        "--dry-run": args.dry_run, "--explain": args.explain, "--profile": args.profile,
        "--report": args.report, "--files-from": args.files_from, "-o -": args.out == "-",
    }  # fmt: skip
    if given := next((name for name, value in other.items() if value), ""):
        raise UsageError(f"--check and {given} exclude each other.", fix="Leave out one.")


def _check_side_files(args: argparse.Namespace, inputs: list[str]) -> None:
    """Reject paths of reports, recipes and journals that would overwrite other files."""
    from imgpar.recipe.recipe import check_recipe_place

    read = [*inputs, *filter(None, [args.files_from])]
    running.check_reporting(args, read)
    if args.journal:
        check_journal(args.journal, read)
    if args.save_recipe:
        check_recipe_place(args.save_recipe, read)
    given = (args.report, args.save_recipe, args.journal, args.manifest, args.html)
    names = [os.path.realpath(path) for path in given if path]
    if len(set(names)) < len(names):
        words = "Two of --report, --save-recipe, --journal, --manifest and --html name the same file."
        raise UsageError(words, fix="Name a different file for each.")


def parse_output_formats(value: object) -> tuple[str, ...]:
    """Writable formats from a comma-separated list.

    >>> parse_output_formats("JPG,webp")
    ('jpeg', 'webp')
    """
    written = [record for record in every_format() if record.writable]
    writable = [record.name for record in written]
    known = [word for record in written for word in (record.name, record.suffix)]
    names: list[str] = []
    for word in str(value).split(","):
        try:
            record = find_format(word.strip())
        except BadValueError:
            expected = f"formats that can be written ({', '.join(writable)})"
            raise bad_value(parsing.VALUE, expected, word, known) from None
        if record.name not in writable:
            fix = TOGETHER.get(record.name, f"It writes {', '.join(writable)}")
            raise BadValueError(
                f"{record.title} cannot be written by this version ({parsing.VALUE} {word}).", fix=f"{fix}."
            )
        names.append(record.name)
    return tuple(dict.fromkeys(names))


def check_lists(args: argparse.Namespace) -> None:
    """Refuse flags of lists without a list; raises UsageError."""
    if args.files_from:
        return
    if args.null:
        raise UsageError("--null (-0) requires --files-from.")
    if given := next((flag for flag in ("url_column", "key_column") if getattr(args, flag)), ""):
        raise UsageError(f"{flags.flag(given)} requires --files-from.", fix="Name a table, such as urls.csv.")


def read_listed(args: argparse.Namespace) -> InputList:
    """The list of --files-from, which is streamed; raises UsageError immediately if it cannot be opened."""
    from imgpar.inputs.lists import InputList

    columns = {"url_column": args.url_column, "key_column": args.key_column}
    return InputList(args.files_from, null=args.null, **columns)
