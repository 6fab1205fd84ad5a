"""What a run costs beside its pictures: the process that lists, names, records and reports.

    python bench/driver.py [--items 10000000] [--size 3000000] [--listed] [--scratch DIR]

Pictures that are not there, in folders of ten thousand, are converted by an engine that does nothing
(`imgpar.testing.InstantEngine`): all else is as in a run on a cluster. With files below 256 kB (`--size`)
the plan has slices. With `--listed` the pictures come in any order, as from a store, and are sorted on disk.
What is printed: items per second, CPU time for each, bytes on disk per million, memory after each tenth.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import imgpar
from imgpar.batch.run import Run
from imgpar.batch.run_options import RunOptions
from imgpar.core.job import Event, Item
from imgpar.inputs.batches import Batch, Entries
from imgpar.inputs.listing import Entry, in_folders
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Source
from imgpar.runtime.scheduler import CancelToken
from imgpar.testing import InstantEngine

FOLDER = 10_000


class Numbers(Source):
    """A source of so many pictures of one size, none of which is there."""

    root = "numbers://pictures"

    def __init__(self, items: int, size: int, *, listed: bool) -> None:
        self._items, self._size, self._listed = items, size, listed

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:  # noqa: ARG002
        """A batch for each folder."""
        if self._listed:
            yield from in_folders(self.root, mirror, map(self._entry, range(self._items)))
            return
        for start in range(0, self._items, FOLDER):
            numbers = range(start, min(start + FOLDER, self._items))
            rows = [(f"{number:09}.jpg", self._size, number + 1, number + 1, 0) for number in numbers]
            name = f"{start // FOLDER:06}"
            place = f"{mirror}/{name}" if mirror else name
            entries = Entries.of(f"{self.root}/{name}", place, rows, {}).of_source(1)
            yield Batch(f"{self.root}/{name}", place, entries)

    def _entry(self, number: int) -> Entry:
        return Entry(f"{number % (self._items // FOLDER + 1):06}/{number:09}.jpg", self._size, number + 1)

    def open(self, item: Item) -> bytes:
        """Nobody opens any."""
        raise OSError(item.path)


class Progress:
    """Prints the memory of this process after each tenth of the items."""

    in_bulk = silent = True

    def __init__(self, items: int) -> None:
        self._items, self._told = items, 0
        self.memory = list[int]()

    def __call__(self, event: Event) -> None:
        """Look at the number of items that are done."""
        if event.kind != "end" and event.done * 10 // self._items > self._told:
            self._told = event.done * 10 // self._items
            self.look()

    def look(self) -> None:
        """Note the memory in MiB."""
        text = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        self.memory.append(int(text) * os.sysconf("SC_PAGE_SIZE") >> 20)


def main() -> None:
    """Measure, and print one line of JSON."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--items", type=int, default=10_000_000)
    parser.add_argument("--size", type=int, default=3_000_000, help="bytes of each file")
    parser.add_argument("--listed", action="store_true", help="as the listing of a store")
    parser.add_argument("--scratch", help="where the output folder is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        source = Numbers(options.items, options.size, listed=options.listed)
        progress = Progress(options.items)
        recipe = imgpar.Pipeline().resize("1920").recipe
        out = f"{folder}/out"
        run = Run([source], out, recipe, RunOptions(), progress, CancelToken(), engine=InstantEngine())
        begun, spent = time.monotonic(), time.process_time()
        report = run.execute()
        seconds, cpu = time.monotonic() - begun, time.process_time() - spent
        progress.look()
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        millions = options.items / 1e6
        print(
            json.dumps(
                {
                    "items": options.items,
                    "ok": report.ok,
                    "bytes_of_each": options.size,
                    "listed": options.listed,
                    "items_per_second": round(options.items / seconds),
                    "cpu_microseconds_per_item": round(1e6 * cpu / options.items, 1),
                    "disk_bytes_per_million": round(sum(path.stat().st_size for path in files) / millions),
                    "memory_mib": progress.memory,
                    "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
                }
            )
        )


if __name__ == "__main__":
    main()
