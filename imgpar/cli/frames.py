"""`imgpar frames`: pictures out of clips."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgpar import values
from imgpar.cli import flags
from imgpar.cli.parsing import Parser, Store
from imgpar.codecs.formats import FORMATS, find_format
from imgpar.errors import ImgparError, UsageError, bad_value
from imgpar.progress import printable

if TYPE_CHECKING:
    from imgpar.recipe import Recipe

USAGE = "CLIP... -o OUT [--every N|Ts|key | --poster | --sheet CxR | --animation] [options]"
DESCRIPTION = """\
Take pictures out of clips. OUT is a folder; for one picture it may be a file.

  imgpar frames clip.mp4 -o stills --every 2s                  a JPEG every two seconds
  imgpar frames clip.mp4 -o poster.webp --poster               one sharp frame
  imgpar frames holiday/*.mp4 -o sheets --sheet 5x4            contact sheets with times
  imgpar frames clip.mp4 -o cat.gif --animation --trim 3-6 --resize 480 --fps 12"""


def frames_parser() -> Parser:
    """The parser of `imgpar frames`."""
    parser = Parser("frames", USAGE, DESCRIPTION)
    parser.set_defaults(steps=None)
    group = parser.add_argument_group("what is taken")
    add = group.add_argument
    add("-o", "--out", metavar="OUT", help="folder, or a file where one picture is made")
    add(
        "--every",
        action=Store,
        parse=_every,
        metavar="N|Ts|key",
        help="every Nth frame, one every T seconds, or key frames",
    )
    add("--poster", action="store_true", help="one sharp frame")
    add("--sheet", action=Store, parse=_grid, metavar="CxR", help="a contact sheet of columns × rows")
    add("--animation", action="store_true", help="an animation (GIF, WebP, AVIF or PNG), 10 frames a second")
    add("--to", action=Store, parse=_picture, metavar="FORMAT", help="format of the pictures (default: jpg)")
    add("-y", dest="replace", action="store_true", help="write over what is there")
    add("-q", "--quiet", action="store_true", help="print failures only")
    flags.add_operations(parser)
    flags.add_settings(parser)
    return parser


def frames(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: 1 if a clip could not be read."""
    args, clips = frames_parser().parse(argv)
    if not clips:
        raise UsageError("No clip was given.", fix="Name one: imgpar frames clip.mp4 -o stills --every 1s")
    if not args.out:
        raise UsageError("-o OUT is missing.", fix="Say where to write, such as -o stills.")
    kinds = [kind for kind in ("every", "poster", "sheet", "animation") if getattr(args, kind)]
    if len(kinds) > 1:
        raise UsageError(f"--{kinds[0]} and --{kinds[1]} exclude each other.", fix="Leave out one.")
    from imgpar.recipe import Recipe

    recipe = flags.build(args.steps or (), Recipe())
    code = 0
    for clip in clips:
        try:
            written = _take(args, clip, recipe, kinds[0] if kinds else "every", single=len(clips) == 1)
        except UsageError:
            raise
        except ImgparError as error:
            print(f"imgpar: {printable(clip)}: {printable(str(error))}", file=sys.stderr)
            code = 1
            continue
        if not args.quiet:
            print(printable(f"{clip} → {written}"))
    return code


def _take(args: argparse.Namespace, clip: str, recipe: Recipe, kind: str, *, single: bool) -> str:
    """Write the pictures of one clip; returns what was written, in words."""
    from imgpar import extract
    from imgpar.pipeline import Pipeline

    pipeline, options, span = Pipeline(recipe), recipe.encode, recipe.encode.trim
    suffix = args.to or ("gif" if kind == "animation" else "jpg")
    stem = os.path.splitext(os.path.basename(clip))[0]
    if kind == "every":
        every = args.every or extract.Every()
        picked = extract.pick(clip, every, pipeline, span)
        made = extract.write_pictures(picked, args.out, stem, suffix, options, replace=args.replace)
        return f"{sum(1 for _ in made)} pictures in {args.out}"
    named = single and "." in os.path.basename(args.out) and not os.path.isdir(args.out)
    path = args.out if named else os.path.join(args.out, f"{stem}.{suffix}")
    durations: list[int] = []
    if kind == "poster":
        arrays = [extract.poster(clip, pipeline, span).array]
    elif kind == "sheet":
        columns, rows = args.sheet
        arrays = [extract.sheet(clip, columns, rows, span=span)]
    else:
        arrays, durations = extract.animation(clip, options.fps or 10, pipeline, span)
    return extract.write_picture(arrays, path, options, replace=args.replace, durations=durations).path


def _every(value: object) -> object:
    from imgpar.extract import parse_every

    return parse_every(value)


def _grid(value: object) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})x(\d{1,2})", str(value))
    if match is None or not int(match[1]) or not int(match[2]):
        raise bad_value(values.VALUE, "columns and rows such as 5x4", value)
    return int(match[1]), int(match[2])


def _picture(value: object) -> str:
    record = find_format(str(value))
    if not record.writable:
        known = [record.suffix for record in FORMATS.values() if record.writable]
        raise bad_value(values.VALUE, "one of " + ", ".join(known), value, known)
    return record.suffix
