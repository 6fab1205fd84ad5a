"""Where a worker process starts. Light: the parent imports this module, and it must not import numpy."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from imgpar.runtime.arena import ArenaHandle


def worker_main(
    index: int, connection: Connection[Any, Any], arena: ArenaHandle, log: str, memory_limit: int
) -> None:
    """Run one worker until the parent says stop or is gone."""
    from imgpar.runtime.process import run_worker

    run_worker(index, connection, arena, log, memory_limit)
