"""`imgpar assemble`: a clip out of pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgpar.batch.progress import Progress, printable
from imgpar.batch.settings import ASSEMBLE
from imgpar.cli import flags
from imgpar.cli.parsing import Once, Parser, Store
from imgpar.cli.running import add_jobs
from imgpar.cli.stopping import stopping
from imgpar.core import parsing
from imgpar.core.errors import UsageError

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe

USAGE = "FOLDER|PICTURE... -o CLIP [--fps N] [--mixed pad|crop|stretch|fail] [options]"
DESCRIPTION = """\
Make a clip of pictures, one frame each, in the natural order of their names (2 comes before 10).

  imgpar assemble frames/ -o clip.mp4                          25 frames a second
  imgpar assemble timelapse/ -o day.mp4 --fps 30 --resize 1920x1080 --fit cover
  imgpar assemble 'shot_*.png' -o shot.mov --codec prores

Pictures of another size than the first one are fitted into its size and padded with black. What is missing in
the numbering is named."""

MIXED = ("pad", "crop", "stretch", "fail")


def assemble_parser() -> Parser:
    """The parser of `imgpar assemble`."""
    parser = Parser("assemble", USAGE, DESCRIPTION)
    parser.set_defaults(steps=None)
    add = parser.add_argument_group("the clip").add_argument
    add("-o", "--out", action=Once, metavar="CLIP", help="the clip: .mp4, .mov, .mkv, .webm or .avi")
    add(
        "--mixed",
        action=Store,
        parse=parsing.choice(*MIXED),
        default="pad",
        metavar="|".join(MIXED),
        help="pictures of another size than the first: pad with black, crop, stretch or fail (default: pad)",
    )
    add_jobs(add)
    add(
        "--accept-damaged",
        action="store_true",
        help="keep what can be read; where a picture cannot be read, the one before it stays longer",
    )
    add("-y", dest="replace", action="store_true", help="write over what is there")
    add("-q", "--quiet", action="store_true", help="print failures only")
    flags.add_operations(parser, ASSEMBLE)
    flags.add_settings(parser, ASSEMBLE)
    return parser


def assemble_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: 1 if the clip was not made, 130 if it was interrupted."""
    args, inputs = assemble_parser().parse(argv)
    if not inputs:
        raise UsageError("No picture was given.", fix="Name a folder: imgpar assemble frames/ -o clip.mp4")
    if not args.out:
        raise UsageError("-o CLIP is missing.", fix="Say where to write, such as -o clip.mp4.")
    from imgpar.recipe.recipe import Recipe

    return _run(args, inputs, flags.build_recipe(args.steps or (), Recipe()))


def _run(args: argparse.Namespace, inputs: Sequence[str], recipe: Recipe) -> int:
    from imgpar.batch import assemble as room
    from imgpar.batch.workers import Workers
    from imgpar.runtime.scheduler import CancelToken

    token = CancelToken()
    with Progress(quiet=args.quiet) as progress, Workers(args.jobs) as workers, stopping(token):
        try:
            made = room.assemble_clip(
                inputs,
                args.out,
                recipe,
                fps=recipe.encode.fps or 25.0,
                mixed=args.mixed,
                replace=args.replace,
                accept_damaged=args.accept_damaged,
                workers=workers,
                on_event=progress,
                cancel=token,
            )
        except Exception:
            if token.cancelled or token.killed:
                print("imgpar: Stopped; no clip was written.", file=sys.stderr)
                return 130
            raise
    if not args.quiet:
        print(printable(f"{made.frames} frames → {made.file.path}"))
        for note in made.notes:
            print(printable(f"note: {note}"))
    return 0
