"""`imgpar frames`: extract pictures from clips."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from imgpar.batch.settings import EXTRACT, check_extraction, check_relevance
from imgpar.cli import flags, running
from imgpar.cli.parsing import Once, Parser, Store
from imgpar.cli.passwords import shown_command
from imgpar.core.errors import UsageError
from imgpar.formats.extraction import picture_format
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import writable_suffixes
from imgpar.outputs.sidefiles import check_journal

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe

USAGE = """CLIP... -o OUT [--every N|Ts|key|scene | --poster | --sheet CxR | --sprites Ts |
                     --animation | --motion] [options]"""
DESCRIPTION = """\
Extract pictures from clips, or from all clips in a folder. OUT is a folder, or a file for a single picture.

  imgpar frames clip.mp4 -o stills --every 2s                  one JPEG every two seconds
  imgpar frames clip.mp4 -o stills --every scene               the first frame of each scene
  imgpar frames clip.mp4 -o poster.webp --poster               one sharp frame
  imgpar frames holiday/*.mp4 -o sheets --sheet 5x4            contact sheets with timestamps
  imgpar frames clip.mp4 -o player --sprites 5s                sprites and WebVTT for video players
  imgpar frames clip.mp4 -o cat.gif --animation --trim 3-6 --resize 480 --fps 12
  imgpar frames PXL_1.MP.jpg -o . --motion                     the clip in a motion photo"""
NOTHING = "There are no clips in the input. imgpar frames takes clips and folders."
NO_PHOTOS = "There are no pictures in the input. --motion takes motion photos and folders."

USUAL = (
    "--out",
    "--every",
    "--poster",
    "--sheet",
    "--sprites",
    "--animation",
    "--to",
    "--resize",
    "--dry-run",
)
"""What `-h` shows."""


def frames_parser() -> Parser:
    """The parser of `imgpar frames`."""
    parser = Parser("frames", USAGE, DESCRIPTION, usual=USUAL)
    parser.set_defaults(steps=None, explain=False)
    group = parser.add_argument_group("what is extracted")
    add = group.add_argument
    add("-o", "--out", action=Once, metavar="OUT", help="output folder, or a file if one picture is written")
    flags.add_extraction(group)
    add("--to", action=Store, parse=_picture, known=partial(writable_suffixes, "image"), metavar="FORMAT",
        help="format of the pictures (default: jpg)")  # fmt: skip
    add("--recipe", action=Once, metavar="FILE", help="start from a TOML file with these settings")
    flags.add_operations(parser, EXTRACT.recipe, extracting=True)
    flags.add_settings(parser, EXTRACT.recipe)
    flags.add_run_options(parser, "frames")
    running.add_reporting(parser)
    return parser


def frames_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, inputs = frames_parser().parse(argv)
    if not inputs:
        raise UsageError("No clip was given.", fix="Name one: imgpar frames clip.mp4 -o stills --every 1s")
    if not args.out:
        raise UsageError("-o OUT is missing.", fix="Say where to write, such as -o stills.")
    if args.profile and args.dry_run:
        raise UsageError("--profile measures a run, but --dry-run runs nothing.", fix="Leave it out.")
    recipe, options = read_recipe(args), running.read_run_options(args)
    args.nothing = NO_PHOTOS if recipe.extract.motion else NOTHING
    running.check_reporting(args, inputs)
    if args.journal:
        check_journal(args.journal, inputs)
    from imgpar.api import run

    if args.dry_run:
        from imgpar.cli.preview import preview

        return preview(args, inputs, recipe, options)
    command = shown_command("frames", argv)
    return running.carry_out(
        args,
        lambda listen, token: run.run(
            inputs, args.out, recipe, options, on_event=listen, cancel=token, command=command
        ),
        to_stdout=args.out == "-",
    )


def read_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe of --recipe with the flags: what is extracted, operations and settings of the encoder."""
    from imgpar.recipe.recipe import Recipe

    base = Recipe.load(args.recipe) if args.recipe else Recipe()
    recipe = flags.build_recipe(args.steps or (), base, extracting=True)
    recipe = replace(recipe, to=(args.to,), chosen=True) if args.to else recipe
    recipe = check_extraction(recipe, EXTRACT, flags.flag)
    named = [
        name for name in EncodeOptions.options() if getattr(recipe.encode, name) != getattr(base.encode, name)
    ]
    check_relevance(named, recipe.to, flags.flag, recipe.every_operation)
    return recipe


def _picture(value: object) -> str:
    return picture_format(value).name
