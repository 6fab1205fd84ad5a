"""`imgpar sheet`: a contact sheet of pictures and clips."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.batch.settings import SHEET
from imgpar.cli import flags, gathering
from imgpar.cli.parsing import Parser

USAGE = "FOLDER|FILE... -o SHEET [--columns N] [--tile WxH] [--labels TEMPLATE] [options]"
DESCRIPTION = """\
Draw all pictures into one, in natural order of their names (2 before 10); of a clip one frame. A PDF has
pages of paper, a TIFF those that --rows asks for.

  imgpar sheet photos/ -o sheet.jpg                            about square
  imgpar sheet photos/ -o sheet.jpg --columns 5 --tile 240x180 --labels '{stem}'
  imgpar sheet photos/ -o sheet.pdf --columns 4 --rows 6 --labels '{n}: {name}\\n{date}' --title 'Holiday'
  imgpar sheet photos/ -o sheet.png --background '#202020' --gap 12 --margin 24

If a file cannot be read, no sheet is made; --accept-damaged leaves it out."""

USUAL = (
    "--out",
    "--columns",
    "--rows",
    "--tile",
    "--labels",
    "--title",
    "--quality",
    "--on-exists",
    "--dry-run",
    "--jobs",
)
"""What `-h` shows."""


def sheet_parser() -> Parser:
    """The parser of `imgpar sheet`."""
    parser = Parser("sheet", USAGE, DESCRIPTION, usual=USUAL)
    parser.set_defaults(steps=None)
    gathering.add_files(parser, "sheet")
    flags.add_operations(parser, SHEET.recipe, SHEET.gather)
    flags.add_settings(parser, SHEET.recipe)
    return parser


def sheet_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    return gathering.run_gathering("sheet", sheet_parser(), argv, example="imgpar sheet photos/ -o sheet.jpg")
