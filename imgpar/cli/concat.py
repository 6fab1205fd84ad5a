"""`imgpar concat`: concatenate clips."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgpar.batch.progress import Progress, printable
from imgpar.batch.settings import CONCAT
from imgpar.cli import flags
from imgpar.cli.parsing import Once, Parser
from imgpar.cli.stopping import stopping
from imgpar.core.errors import RunError, UsageError

if TYPE_CHECKING:
    from imgpar.batch.concat import Joined
    from imgpar.formats.options import EncodeOptions

USAGE = "CLIP CLIP... -o CLIP [-y] [settings]"
DESCRIPTION = """\
Concatenate clips in the order given.

  imgpar concat a.mp4 b.mp4 c.mp4 -o all.mp4              stream copy if compatible
  imgpar concat phone.mov old.avi -o all.mp4 --quality 85   encoded at the size of the first

Clips with the same codec, size, pixel format, colours and audio are copied without encoding. Otherwise all
are encoded at the size of the first one, with black borders where the aspect ratio differs; the reason is
printed."""


def concat_parser() -> Parser:
    """The parser of `imgpar concat`."""
    parser = Parser("concat", USAGE, DESCRIPTION)
    parser.set_defaults(steps=None)
    add = parser.add_argument_group("the clip").add_argument
    add("-o", "--out", action=Once, metavar="CLIP", help="output file: .mp4, .mov, .mkv or .webm")
    add("-y", dest="replace", action="store_true", help="overwrite an existing file")
    add("-q", "--quiet", action="store_true", help="print failures only")
    flags.add_settings(parser, CONCAT)
    return parser


def concat_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, inputs = concat_parser().parse(argv)
    if not args.out:
        raise UsageError("-o CLIP is missing.", fix="Say where to write, such as -o all.mp4.")
    from imgpar.recipe.recipe import Recipe

    made = _join(args, inputs, flags.build_recipe(args.steps or (), Recipe()).encode)
    if made is None:
        print("imgpar: Stopped; no clip was written.", file=sys.stderr)
        return 130
    if not args.quiet:
        how = "copied" if made.copied else f"encoded anew: {made.why}"
        lost = f"; lost: {', '.join(made.lost)}" if made.lost else ""
        print(printable(f"{len(inputs)} clips → {made.file.path} ({made.frames} frames, {how}{lost})"))
    return 0


def _join(args: argparse.Namespace, inputs: Sequence[str], options: EncodeOptions) -> Joined | None:
    """Concatenate with a progress bar; None if interrupted."""
    from imgpar.batch.concat import join_clips
    from imgpar.core.job import Event
    from imgpar.runtime.pool import available_cores
    from imgpar.runtime.scheduler import CancelToken

    token = CancelToken()
    with Progress(quiet=args.quiet) as progress, stopping(token):
        progress(Event("start"))
        progress(Event("planned", total=1))

        def seen(done: int, total: int) -> None:
            progress(Event("frames", text=args.out, frames=(done, total)))
            if token.cancelled or token.killed:
                raise RunError("The clip was cancelled.")

        try:
            return join_clips(
                inputs, args.out, options, replace_it=args.replace, threads=available_cores(), seen=seen
            )
        except RunError:
            return None
