"""`imgpar frames`: extract pictures from clips."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgpar.batch.progress import Progress, printable
from imgpar.batch.settings import FRAMES, check_settings
from imgpar.cli import flags
from imgpar.cli.parsing import Once, Parser, Store
from imgpar.cli.stopping import stopping
from imgpar.core import parsing
from imgpar.core.errors import NoInputError, SourceError, UsageError, bad_value
from imgpar.core.filenames import candidate, settle, split_suffix
from imgpar.formats.registry import FORMATS, find_format, format_of_suffix
from imgpar.outputs.sidefiles import identities

if TYPE_CHECKING:
    from imgpar.batch.frames.reading import Choice
    from imgpar.core.job import Item
    from imgpar.formats.options import EncodeOptions
    from imgpar.recipe.recipe import Recipe
    from imgpar.video.clip import Clip

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

KINDS = ("every", "poster", "sheet", "sprites", "animation", "motion")


def frames_parser() -> Parser:
    """The parser of `imgpar frames`."""
    parser = Parser("frames", USAGE, DESCRIPTION)
    parser.set_defaults(steps=None)
    group = parser.add_argument_group("what is extracted")
    add = group.add_argument
    add("-o", "--out", action=Once, metavar="OUT", help="output folder, or a file if one picture is written")
    add(
        "--every",
        action=Store,
        parse=_every,
        metavar="N|Ts|key|scene",
        help="every Nth frame, one frame every T seconds, key frames, or the first frame of each scene "
        "(default: every frame)",
    )
    add(
        "--threshold",
        action=Store,
        parse=parsing.number(0, 100),
        metavar="PERCENT",
        help="threshold of scene detection, in percent as for ffmpeg's scdet filter (default: 10)",
    )
    add(
        "--poster",
        action="store_true",
        help="the sharpest of 15 frames, avoiding nearly black and white ones",
    )
    add("--sheet", action=Store, parse=_grid, metavar="CxR", help="a contact sheet of C columns and R rows")
    add(
        "--sprites",
        action=Store,
        parse=_seconds,
        metavar="Ts",
        help="thumbnails of one frame every T seconds in sheets of 10×10, and a WebVTT file for players",
    )
    add(
        "--animation",
        action="store_true",
        help="an animation (GIF, WebP, AVIF or PNG), 10 frames per second unless --fps is given",
    )
    add(
        "--motion",
        action="store_true",
        help="extract the clip of a motion photo as a separate file, byte for byte",
    )
    add("--to", action=Store, parse=_picture, metavar="FORMAT", help="format of the pictures (default: jpg)")
    flags.add_run_options(parser, "frames", run=group)
    add("-y", dest="replace", action="store_true", help="overwrite existing files")
    add("-q", "--quiet", action="store_true", help="print failures only")
    flags.add_operations(parser, FRAMES)
    flags.add_settings(parser, FRAMES)
    return parser


def frames_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: 1 if a clip could not be read."""
    args, inputs = frames_parser().parse(argv)
    if not inputs:
        raise UsageError("No clip was given.", fix="Name one: imgpar frames clip.mp4 -o stills --every 1s")
    kind = _kind(args)
    _check_use(args, kind)
    from imgpar.recipe.recipe import Recipe

    recipe = flags.build_recipe(args.steps or (), Recipe())
    check_settings("frames", recipe.encode, FRAMES)
    items = list(_items(inputs, motion=kind == "motion"))
    if not items:
        raise NoInputError("There are no clips in the input.", fix="imgpar frames takes clips and folders.")
    return _run(args, items, recipe, kind)


def _run(args: argparse.Namespace, items: Sequence[Item], recipe: Recipe, kind: str) -> int:
    """Extract pictures from every clip with a progress bar; return 1 if one failed, 130 if interrupted."""
    from imgpar.batch.frames.parallel import GivenUpError, take_all
    from imgpar.runtime.pool import available_cores
    from imgpar.runtime.scheduler import CancelToken

    token, stems, single = CancelToken(), _stems(items), len(items) == 1
    args.inputs = identities(item.path for item in items)
    cores = args.jobs or available_cores()

    def take(number: int, choice: Choice) -> str:
        choice = replace(choice, accept_damaged=args.accept_damaged)
        return _take(args, items[number], stems[number], recipe, kind, choice, single=single)

    with Progress(quiet=args.quiet) as progress, stopping(token):
        try:
            paths = [item.path for item in items]
            for path, words in take_all(paths, take, cores, tell=progress, cancel=token):
                if not args.quiet:
                    progress.write(printable(f"{path} → {words}"), sys.stdout)
        except GivenUpError as error:
            progress.write(f"imgpar: {error}", sys.stderr)
            return 130
        return int(progress.failed > 0)


def _kind(args: argparse.Namespace) -> str:
    if not args.out:
        raise UsageError("-o OUT is missing.", fix="Say where to write, such as -o stills.")
    kinds = [kind for kind in KINDS if getattr(args, kind)]
    if len(kinds) > 1:
        raise UsageError(f"--{kinds[0]} and --{kinds[1]} exclude each other.", fix="Leave out one.")
    if args.threshold is not None and not (args.every and args.every.scenes):
        raise UsageError("--threshold belongs to --every scene.", fix="Add --every scene, or leave it out.")
    return kinds[0] if kinds else "every"


def _check_use(args: argparse.Namespace, kind: str) -> None:
    """Reject flags that do not apply to this kind of picture."""
    labels = [step.label for step in args.steps or ()]
    if kind == "motion":
        given = "--to" if args.to else "--accept-damaged" if args.accept_damaged else next(iter(labels), "")
        if given:
            fix = "Leave it out; `imgpar convert` changes clips."
            raise UsageError(f"--motion copies the clip unchanged, so there is no {given}.", fix=fix)
    if kind != "animation" and "--fps" in labels:
        raise UsageError("--fps belongs to --animation.", fix="Choose pictures with --every, such as 2s.")
    suffix = format_of_suffix(args.out)
    named = kind in ("poster", "sheet", "animation") and suffix is not None and not os.path.isdir(args.out)
    if named and args.to and find_format(args.to) != suffix:
        raise UsageError(f"{args.out} and --to {args.to} contradict each other.", fix="Leave --to out.")


def _items(inputs: Sequence[str], *, motion: bool) -> Iterator[Item]:
    """The named files, and the clips (or motion photos) in the named folders."""
    from imgpar.inputs.local import scan

    for batch in scan(inputs, out=None):
        for item in batch.items:
            found = FORMATS.get(item.format) or format_of_suffix(item.path)
            wanted = found is not None and found.kind == ("image" if motion else "video")
            if not batch.folder or wanted:  # named files are in no folder
                yield item


def _stems(items: Sequence[Item]) -> list[str]:
    """Names below OUT without suffix: the stem of the clip, or more of its path if two would be equal."""
    places = [split_suffix(os.path.basename(item.path)) for item in items]

    def wanted(member: int, level: int) -> list[str]:
        folder = os.path.dirname(items[member].mirror)
        return [os.path.join(folder, candidate(items[member].path, places[member][0], "", level))]

    levels = settle(len(items), wanted)
    return [wanted(member, levels.get(member, 0))[0] for member in range(len(items))]


def _take(
    args: argparse.Namespace,
    item: Item,
    stem: str,
    recipe: Recipe,
    kind: str,
    choice: Choice,
    *,
    single: bool,
) -> str:
    """Write the pictures of one clip; returns a description of what was written."""
    from imgpar.batch.frames import motion_photo as motion

    if item.error:
        raise SourceError(item.error)
    if kind == "motion":
        made = motion.extract_clip(
            item.path, os.path.join(args.out, stem), replace=args.replace, inputs=args.inputs
        )
        return made.path if made else "no motion photo"
    with motion.clip_path(item.path) as path:
        return _pictures(args, _seen(path, recipe.encode), stem, recipe, kind, choice, single=single)


def _seen(path: str, options: EncodeOptions) -> Clip:
    """The clip prepared for 8-bit pictures: HDR is tone mapped to SDR, fields are deinterlaced if
    requested."""
    from imgpar.video.prepare import has_filter, prepared
    from imgpar.video.probe import probe

    usual = "hable" if has_filter("zscale") and has_filter("tonemap") else ""
    return prepared(probe(path), replace(options, tonemap=options.tonemap or usual))


def _pictures(
    args: argparse.Namespace,
    clip: Clip,
    stem: str,
    recipe: Recipe,
    kind: str,
    choice: Choice,
    *,
    single: bool,
) -> str:
    """Write the pictures of one readable clip."""
    from imgpar.batch.frames import animation, files, sheets, stills

    options, span = recipe.encode, recipe.encode.trim
    existing: dict[str, Any] = {"replace": args.replace, "inputs": args.inputs}
    suffix = args.to or ("gif" if kind == "animation" else "jpg")
    whole = clip.picture.alpha and kind in ("every", "poster", "animation")
    named = single and "." in os.path.basename(args.out) and not os.path.isdir(args.out)
    holds = find_format(args.out.rpartition(".")[2] if named and kind != "every" else suffix).alpha
    if whole and holds:
        choice = replace(choice, layout="RGBA")
    flat = ", transparency lost" if clip.picture.alpha and not (whole and holds) else ""
    if kind == "every":
        every = args.every or stills.Every()
        picked = stills.pick(clip, every, recipe, span, threshold=args.threshold, choice=choice)
        made = files.write_frames(picked, args.out, stem, suffix, options, **existing)
        return f"{sum(1 for _ in made)} pictures in {args.out}{flat}"
    if kind == "sprites":
        found = sheets.sprites(clip, args.sprites, recipe, span, choice)
        return files.write_sprites(found, args.out, stem, suffix, options, **existing) + flat
    path = args.out if named else os.path.join(args.out, f"{stem}.{suffix}")
    durations: list[int] = []
    if kind == "poster":
        arrays = [stills.poster(clip, recipe, span, choice).array]
    elif kind == "sheet":
        arrays = [sheets.sheet(clip, args.sheet, recipe, span, choice)]
    else:
        arrays, durations = animation.animation(clip, options.fps or 10, recipe, span, choice)
    return files.write_picture(arrays, path, options, durations=durations, **existing).path + flat


def _every(value: object) -> object:
    from imgpar.batch.frames.stills import parse_every

    return parse_every(value)


def _seconds(value: object) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s?", str(value))
    if match is None or float(match[1]) < 0.04:
        raise bad_value(parsing.VALUE, "seconds such as 5s", value)
    return float(match[1])


def _grid(value: object) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})x(\d{1,2})", str(value))
    if match is None or not int(match[1]) or not int(match[2]):
        raise bad_value(parsing.VALUE, "columns and rows such as 5x4", value)
    return int(match[1]), int(match[2])


def _picture(value: object) -> str:
    record = find_format(str(value))
    known = [each.suffix for each in FORMATS.values() if each.writable and each.kind == "image"]
    if record.suffix not in known:
        raise bad_value(parsing.VALUE, "one of " + ", ".join(known), value, known)
    return record.suffix
