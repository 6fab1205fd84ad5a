"""`imgpar compare`: formats and qualities of a picture side by side."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from imgpar.batch.progress import Progress, printable
from imgpar.cli import flags, running
from imgpar.cli.parsing import Once, Parser, Store, align_columns
from imgpar.core.errors import UsageError
from imgpar.formats.registry import writable_suffixes

if TYPE_CHECKING:
    from imgpar.api.compare import Comparison
    from imgpar.batch.pages.comparing import ComparedPicture
    from imgpar.recipe.recipe import Recipe

PAGE = "compare.html"
DESCRIPTION = """\
Encode pictures in several formats and qualities and write one page with a slider between them: size, encoding
time, SSIMULACRA 2, SSIM and PSNR of each. The page contains its pictures; of those with more than 2.5
megapixels it shows the centre at full size.

  imgpar compare a.jpg --quality 60,75,90 --to webp,avif       writes compare.html
  imgpar compare a.jpg b.png --to jpg,webp -o choice.html --resize 1200
  imgpar compare a.jpg --to avif --quality 50,60,70 --json     numbers only"""


def compare_parser() -> Parser:
    """The parser of `imgpar compare`."""
    from imgpar.api.compare import QUALITIES, formats_of, qualities_of

    parser = Parser("compare", "PICTURE... [--quality N,N...] [--to FORMAT,...] [options]", DESCRIPTION)
    parser.set_defaults(steps=None)
    group = parser.add_argument_group("what is compared")
    add = group.add_argument
    add("-o", "--out", action=Once, metavar="FILE.html", help=f"the page (default: {PAGE}; none with --json)")
    add("--to", action=Store, parse=formats_of, default=(), metavar="FORMAT",
        known=partial(writable_suffixes, "image"), several=True,
        help="formats, such as webp,avif (default: that of each picture)")  # fmt: skip
    add("--quality", action=Store, parse=qualities_of, default=QUALITIES, metavar="N,N",
        help="qualities on the scale of convert, 1 to 100 (default: 60,75,90)")  # fmt: skip
    flags.add_operations(parser, ())
    flags.add_run_options(parser, "compare")
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print the numbers as JSON, one line per picture")
    group.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    return parser


def compare_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, inputs = compare_parser().parse(argv)
    if not inputs:
        raise UsageError("No picture was given.", fix="Name one: imgpar compare a.jpg --to webp,avif")
    from imgpar.api.compare import run_comparison
    from imgpar.cli.folders import check_there
    from imgpar.cli.stopping import stopping
    from imgpar.runtime.scheduler import CancelToken

    check_there(inputs)
    recipe, options = _recipe(args), running.read_run_options(args)
    page = args.out or (None if args.json else PAGE)
    token = CancelToken()
    with Progress(quiet=args.quiet, verbose=0) as progress, stopping(token):
        result = run_comparison(
            inputs,
            page,
            recipe,
            options,
            formats=args.to,
            qualities=args.quality,
            listen=progress,
            cancel=token,
        )
    _show(args, result)
    if token.cancelled:
        return 130
    return result.exit_code


def _recipe(args: argparse.Namespace) -> Recipe:
    from imgpar.batch.settings import COMPARE, check_settings
    from imgpar.recipe.recipe import Recipe

    recipe = flags.build_recipe(args.steps or (), Recipe())
    check_settings("compare", recipe.encode, COMPARE.recipe)
    return recipe


def _show(args: argparse.Namespace, result: Comparison) -> None:
    for picture in result.pictures:
        if args.json:
            print(json.dumps(picture.as_dict()))
        elif not (args.quiet or picture.error):  # failures were printed while it ran
            print("\n".join(_lines(picture)), end="\n\n")
    if result.page and not (args.quiet or args.json):
        print(f"Wrote {printable(result.page)}.")


def _lines(picture: ComparedPicture) -> list[str]:
    from imgpar.batch.pages.compare_page import numbers_of
    from imgpar.batch.report import format_size

    head = f"{printable(picture.path)}: {picture.size[0]}×{picture.size[1]}, {format_size(picture.bytes)}"
    rows: list[tuple[str, ...]] = [("", "size", "of input", "encoding", "ssimulacra2", "ssim", "psnr")]
    for one in picture.variants:
        numbers = (printable(one.error), "", "", "", "", "") if one.error else numbers_of(one, picture.bytes)
        rows.append((one.label, *numbers))
    return [head, align_columns(rows, indent="  ")]
