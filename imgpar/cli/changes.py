"""`--check`: print what a run would change; the exit code says whether it is anything."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING

from imgpar.batch.changes import changes_of_run
from imgpar.batch.progress import Progress, printable
from imgpar.batch.report import counted
from imgpar.batch.run_options import RunOptions
from imgpar.cli.outlets import logs_json, print_log
from imgpar.cli.stopping import stopping
from imgpar.engines.local import LocalEngine

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe

_WORDS = {"missing": "would write   ", "different": "would change  "}
"""Of the lines; the progress has printed what fails."""


def check_run(args: argparse.Namespace, inputs: list[str], recipe: Recipe, options: RunOptions) -> int:
    """Print a line per change and a summary; returns 0 if there is none, otherwise 1; 130 after Ctrl-C."""
    from imgpar.runtime.scheduler import CancelToken

    token, counts, kept = CancelToken(), Counter[str](), 0
    with (
        Progress(quiet=args.quiet, as_json=logs_json(args)) as progress,
        stopping(token, as_json=logs_json(args)),
    ):
        for change in changes_of_run(inputs, args.out, recipe, options, progress, token, LocalEngine()):
            counts[change.kind] += 1
            kept += change.kept
            if args.json:
                print(json.dumps(change._asdict()))
            elif not args.quiet and change.kind in _WORDS:
                print(printable(f"{_WORDS[change.kind]}{change.path}"))
    if token.cancelled:
        return 130
    total = counts.total()
    if args.json:
        print(json.dumps({"summary": dict(counts)}))
    elif total:
        print_log(
            f"A run would change {counted(total, 'file')}. Nothing was written.", as_json=logs_json(args)
        )
        if kept:
            they, those = ("it is", "it") if kept == 1 else ("they are", "them")
            print_log(
                f"{counted(kept, 'file')} of these: no journal says that {they} of imgpar, so a run keeps "
                f"{those}; with --overwrite (-y) it replaces {those}.",
                as_json=logs_json(args),
            )
    elif not args.quiet:
        print("A run would change nothing.")
    return int(total > 0)
