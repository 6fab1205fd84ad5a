"""`imgpar assemble`: one clip, animation, document or icon of pictures."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.batch.settings import ASSEMBLE
from imgpar.cli import flags, gathering
from imgpar.cli.parsing import Parser

USAGE = "FOLDER|PICTURE... -o FILE [--fps N] [--mixed pad|crop|stretch|fail] [options]"
DESCRIPTION = """\
Make one file of pictures, in natural order of their names (2 before 10): a clip or an animation
with a frame for each, a PDF or TIFF with a page for each, or an icon with a size for each.

  imgpar assemble frames/ -o clip.mp4                          25 frames per second
  imgpar assemble timelapse/ -o day.mp4 --fps 30 --resize 1920x1080 --fit cover
  imgpar assemble 'shot_*.png' -o shot.mov --codec prores
  imgpar assemble frames/ -o cat.gif --fps 12 --resize 480     10 frames per second without --fps
  imgpar assemble scans/ -o album.pdf --page-size A4           JPEGs and line art without loss
  imgpar assemble scans/ -o scans.tif                          one page each, with its depth and profile
  imgpar assemble 16.png 32.png 48.png -o favicon.ico          one size each

Pictures of a clip or an animation whose size differs from the first one are fitted into its size and padded
with black. Of PDFs and TIFFs all pages are taken, of animations the first frame, unless --pages says more.
Gaps in the numbering are reported. If a picture cannot be read, no file is made; --accept-damaged leaves it
out."""

USUAL = (
    "--out",
    "--fps",
    "--mixed",
    "--resize",
    "--quality",
    "--codec",
    "--on-exists",
    "--dry-run",
    "--jobs",
)
"""What `-h` shows."""


def assemble_parser() -> Parser:
    """The parser of `imgpar assemble`."""
    parser = Parser("assemble", USAGE, DESCRIPTION, usual=USUAL)
    parser.set_defaults(steps=None)
    gathering.add_files(parser, "assemble")
    flags.add_operations(parser, ASSEMBLE.recipe, ASSEMBLE.gather)
    flags.add_settings(parser, ASSEMBLE.recipe)
    return parser


def assemble_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    return gathering.run_gathering(
        "assemble", assemble_parser(), argv, example="imgpar assemble frames/ -o clip.mp4"
    )
