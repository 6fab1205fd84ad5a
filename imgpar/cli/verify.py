"""`imgpar verify`: check outputs against their recorded digests."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgpar.cli.parsing import Once, Parser
from imgpar.core.errors import UsageError

if TYPE_CHECKING:
    from imgpar.batch.report import Report

DESCRIPTION = """\
Compare the outputs in OUT with the digests recorded when they were written. Changed, damaged and missing
outputs are listed, and the exit code is 1. Nothing is written.

  imgpar verify web/
  imgpar verify album.pdf
  imgpar verify web/ --json | jq -r 'select(.status == "failed") | .source'"""


def verify_parser() -> Parser:
    """The parser of `imgpar verify`."""
    parser = Parser("verify", "OUT [options]", DESCRIPTION)
    parser.add_argument(
        "--journal", action=Once, metavar="FILE", help="the journal of the run, if it was run with --journal"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per output, one per line")
    parser.add_argument("-q", "--quiet", action="store_true", help="print mismatches only")
    return parser


def verify_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    args, rest = verify_parser().parse(argv)
    if len(rest) != 1:
        raise UsageError("imgpar verify takes one folder or file, the OUT of an earlier run.")
    from imgpar.api import functions
    from imgpar.batch.progress import printable
    from imgpar.batch.report import item_json

    report = functions.verify(rest[0], journal=args.journal)
    for outcome in report.items:
        if args.json:
            print(json.dumps(item_json(outcome)))
        elif outcome.error:
            print(f"{printable(outcome.source)}: {printable(outcome.error)}")
    if not (args.quiet or args.json):
        print(_sum(report), file=sys.stderr)
    return report.exit_code


def _sum(report: Report) -> str:
    if not report.total:
        return "No outputs are recorded there. If the run had a --journal, name it."
    files = "output is as imgpar made it" if report.ok == 1 else "outputs are as imgpar made them"
    return f"{report.ok} {files}{f', {report.failed} not' if report.failed else ''}."
