"""Fetch all addresses of a list with the threads of a run, and do nothing with them.

python bench/download_alone.py LIST TRANSFERS
"""

from __future__ import annotations

import sys
import time

import imgpar
from imgpar.batch.ahead import Ahead
from imgpar.batch.run_options import RunOptions
from imgpar.core.job import Job
from imgpar.core.tempfiles import temporary
from imgpar.inputs.numbers import with_number
from imgpar.runtime.scheduler import NotYet

PAUSE = 0.001
"""Seconds between two looks at what has arrived."""


def main(path: str, transfers: int) -> int:
    """Fetch and remove every item; returns how many there were."""
    given = {"allow_private": True, "downloads": transfers, "per_host": transfers}
    options, listed, count = RunOptions.read(given), imgpar.InputList(path), 0
    listed.use(options.access)
    items = (item for batch in with_number(1, listed.batches("")) for item in batch.items)
    jobs = (Job(number, (item,)) for number, item in enumerate(items))
    with temporary() as folder:
        ahead = Ahead([listed], folder, options.fetching)
        for entry in ahead.entries(jobs):
            if isinstance(entry, NotYet):
                time.sleep(PAUSE)
            elif isinstance(entry, Job):
                ahead.settled(entry)
                count += 1
        ahead.close()
    return count


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
