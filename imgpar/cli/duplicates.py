"""`imgpar duplicates`: files with equal content, and pictures that look alike."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgpar.batch.progress import printable
from imgpar.cli import flags, running
from imgpar.cli.outlets import logs_json
from imgpar.cli.parsing import Parser, Store, align_columns
from imgpar.cli.topics import FailureTopics
from imgpar.core import parsing
from imgpar.core.errors import NoInputError, UsageError

if TYPE_CHECKING:
    from imgpar.batch.duplicates import Duplicates

USAGE = "FILE|FOLDER... [--distance N | --exact] [--keep best|largest|oldest|newest|first] [options]"
DESCRIPTION = """\
List files with equal content, and pictures that look alike: copies in another size, format or quality. Of
each group the one to keep is suggested. Nothing is changed.

  imgpar duplicates photos/                     equal and similar
  imgpar duplicates photos/ --exact             equal content only, which is faster
  imgpar duplicates photos/ --keep oldest       suggest the one that was taken first
  imgpar duplicates photos/ --json | jq -r 'select(.files) | .files[] | select(.keep | not) | .path'

'imgpar convert --duplicates skip|link' converts files of equal content once."""


def duplicates_parser() -> Parser:
    """The parser of `imgpar duplicates`."""
    parser = Parser("duplicates", USAGE, DESCRIPTION)
    group = parser.add_argument_group("comparison")
    add = group.add_argument
    add(
        "--distance",
        action=Store,
        parse=parsing.integer(0, 12),
        metavar="N",
        help="bits of 64 in which the perceptual hashes of similar pictures may differ, 0 to 12 (default: 6)",
    )
    add("--exact", action="store_true", help="equal content only")
    words = ("best", "largest", "oldest", "newest", "first")
    add(
        "--keep",
        action=Store,
        parse=parsing.choice(*words),
        metavar="|".join(words),
        default="best",
        help="the file that is suggested: most pixels and best quality, most bytes, taken first or last, "
        "first in the order of the inputs (default: best)",
    )
    flags.add_run_options(parser, "describe", files=parser.add_argument_group("files"))
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON object per group, then the counts")
    group.add_argument("-q", "--quiet", action="store_true", help="print groups and failures only")
    return parser


def duplicates_command(argv: Sequence[str]) -> int:
    """Print the groups; return 1 if a file cannot be read."""
    args, inputs = duplicates_parser().parse(argv)
    if not inputs:
        raise UsageError("No input was given.", fix="Name one: imgpar duplicates photos/")
    if args.exact and args.distance is not None:
        raise UsageError("--exact compares contents, so there is no --distance.", fix="Leave out one.")
    from imgpar.api.duplicates import find
    from imgpar.batch.duplicates import DISTANCE
    from imgpar.cli.stopping import stopping
    from imgpar.runtime.scheduler import CancelToken

    token = CancelToken()
    distance = None if args.exact else DISTANCE if args.distance is None else args.distance
    with stopping(token):
        found = find(inputs, running.read_run_options(args), token, distance=distance, keep=args.keep)
    _print(args, found)
    if found.cancelled:
        return 130
    if not found.files:
        running.say_nothing("There are no pictures or clips in the input.", as_json=logs_json(args))
        return NoInputError.exit_code
    return int(bool(found.failures))


def _print(args: argparse.Namespace, found: Duplicates) -> None:
    from imgpar.batch.duplicates import in_lines
    from imgpar.batch.log_lines import escaped

    for group in found.groups:
        if args.json:
            print(json.dumps(group.as_dict()))
        else:
            rows = [tuple(map(printable, row)) for row in in_lines(group)]
            print(align_columns(rows))
    explained = FailureTopics()
    for outcome in found.failures:
        explained.add(outcome.kind)
        print(f"failed  {printable(f'{outcome.source}: {outcome.error}')}", file=sys.stderr)
    if args.json:
        failed = [{"path": escaped(one.source), "error": escaped(one.error)} for one in found.failures]
        counts = {"files": found.files, "groups": len(found.groups), "spare_bytes": found.spare}
        print(
            json.dumps(
                {"summary": {**counts, "links": found.links, "filtered": found.filtered, "failed": failed}}
            )
        )
    elif not args.quiet and found.files:
        explained.show()
        print(found.summary() + (f" {found.filtered} left out by where." if found.filtered else ""))
