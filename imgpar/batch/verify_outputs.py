"""`imgpar verify OUT`: compares outputs with their digests in the journal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby, islice
from operator import attrgetter

from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.report import Report, Tally
from imgpar.batch.sharding import known_shards
from imgpar.core.digest import Store, what_is_wrong
from imgpar.core.job import Outcome, OutputFile
from imgpar.outputs.destination import Out, home, known_out, no_run
from imgpar.outputs.sinks import Sink

TOGETHER = 1000
"""Number of files read from the journal and compared at a time."""


def verify_outputs(out: str | Sink, journal: str | None = None) -> Report:
    """Compare every output in the journal of `out` with its digest.

    Modified, damaged and removed outputs are the failed items of the report; `source` of an item is the
    output.

    Raises:
        UsageError: `out` is not the output of a run.
    """
    started, place = time.monotonic(), known_out(known_shards(out))
    out = place.path
    path = journal_path(place, journal)
    base = out if journal or place.stored or os.path.exists(path) else home(out)
    path = journal_path(Out(base, stored=place.stored), journal)
    if not os.path.exists(path) and not os.path.isdir(out):
        path, base = journal_path(Out(os.path.dirname(out), os.path.basename(out))), ""  # of single files
    if not os.path.exists(path):
        raise no_run(out, place)
    tally, items, store = Tally(), list[Outcome](), place.place
    with Journal.open(path, base, chosen=bool(journal)) as known, ThreadPoolExecutor(os.cpu_count()) as pool:
        inside = os.path.join(out, "")
        files: Iterator[list[OutputFile]] = (
            some for some in _by_path(known) if some[0].path.startswith(inside)
        )
        if alone := [file for some in _by_path(known) if some[0].path == out for file in some]:
            files = iter([alone])  # of several inputs each names it
        elif not base and not journal:
            raise no_run(out, place)
        while some := list(islice(files, TOGETHER)):
            for outcome in pool.map(partial(_compare, store), some):
                tally.add(outcome)
                items.append(outcome)
    if place.stored:
        place.stored.close()
    return tally.report(items, out=out, seconds=time.monotonic() - started)


def _by_path(journal: Journal) -> Iterator[list[OutputFile]]:
    """For every output all its records, folder by folder."""
    for _, some in groupby(journal.made(), key=attrgetter("folder")):
        found: dict[str, list[OutputFile]] = {}
        for row in some:
            for file in row.outputs:
                found.setdefault(file.path, []).append(file)
        yield from found.values()


def _compare(store: Store, files: list[OutputFile]) -> Outcome:
    path = files[0].path
    if wrong := what_is_wrong(path, files, store):
        return Outcome(path, "failed", error=wrong, kind="CommitError", outputs=(files[-1],))
    return Outcome(path, "ok", source_bytes=files[-1].bytes, outputs=(files[-1],))
