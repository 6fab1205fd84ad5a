"""`imgpar undo`: put back what --in-place replaced."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from imgpar.cli.parsing import Parser
from imgpar.core.errors import UsageError

DESCRIPTION = """\
Put back the originals that --in-place replaced in FOLDER, with their bytes, times and modes. They are kept
until --forget removes them. A file that was changed after the run is left alone, and so is its original.

  imgpar undo photos/                all that were replaced in and below photos/
  imgpar undo photos/2024            those of one folder in it
  imgpar undo photos/2024/IMG_1.jpg  one, by the name of the original
  imgpar undo photos/ --forget       keep what was made, remove the originals"""


def undo_parser() -> Parser:
    """The parser of `imgpar undo`."""
    parser = Parser("undo", "FOLDER [options]", DESCRIPTION)
    parser.add_argument(
        "--forget", action="store_true", help="remove the kept originals instead, to free their space"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    return parser


def undo_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = undo_parser().parse(argv)
    if len(rest) != 1:
        raise UsageError("imgpar undo takes one folder, the one that was converted --in-place.")
    from imgpar.api import functions
    from imgpar.batch.progress import printable
    from imgpar.batch.report import counted, format_size

    report = functions.undo(rest[0], forget=args.forget)
    for outcome in report.items:
        if outcome.error:
            print(f"imgpar: {printable(outcome.source)}: {printable(outcome.error)}", file=sys.stderr)
        for note in outcome.notes:
            print(f"imgpar: {printable(note)}", file=sys.stderr)
    for note in report.notes:
        print(f"imgpar: {printable(note)}", file=sys.stderr)
    if not args.quiet:
        were = "was" if report.ok == 1 else "were"
        done = f"forgotten ({format_size(report.bytes_in)})" if args.forget else "put back"
        nothing = f"There was nothing to {'forget' if args.forget else 'put back'}."
        print(f"{counted(report.ok, 'original')} {were} {done}." if report.total else nothing)
    return report.exit_code
