"""`imgpar concat`: join clips."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.batch.settings import CONCAT
from imgpar.cli import flags, gathering
from imgpar.cli.parsing import Parser

USAGE = "CLIP CLIP... -o CLIP [-y] [options]"
DESCRIPTION = """\
Join clips in the order given.

  imgpar concat a.mp4 b.mp4 c.mp4 -o all.mp4                copied without encoding, if compatible
  imgpar concat phone.mov old.avi -o all.mp4 --quality 85   encoded at the size of the first

Clips with the same codec, size, pixel format, colours and audio are copied without encoding. Otherwise all
are encoded at the size of the first one, with black borders where the aspect ratio differs; the reason is
printed."""


def concat_parser() -> Parser:
    """The parser of `imgpar concat`."""
    parser = Parser("concat", USAGE, DESCRIPTION)
    parser.set_defaults(steps=None)
    gathering.add_files(parser, "concat")
    flags.add_settings(parser, CONCAT.recipe)
    return parser


def concat_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    return gathering.run_gathering(
        "concat", concat_parser(), argv, example="imgpar concat a.mp4 b.mp4 -o all.mp4"
    )
