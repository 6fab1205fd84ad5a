"""Entry point of a worker process. Light: the parent imports this module, which must not import numpy."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from imgpar.runtime.arena import ArenaHandle
from imgpar.runtime.sandbox import Sandbox


def worker_main(
    index: int,
    connection: Connection[Any, Any],
    arena: ArenaHandle,
    log: str,
    memory_limit: int,
    sandbox: Sandbox | None = None,
    in_group: bool = False,
) -> None:
    """Run one worker until the parent sends `Stop` or is gone.

    Args:
        index: number of the worker, and of its cell of the board.
        connection: the worker's end of its pipe; owned by the worker.
        arena: handle of the shared memory, mapped once.
        log: path of the file that receives stdout and stderr.
        memory_limit: bytes of private memory; 0 is no limit.
        sandbox: what it may touch; None is everything.
        in_group: whether it leads a process group of its own.
    """
    from imgpar.runtime.process import run_worker

    run_worker(index, connection, arena, log, memory_limit, sandbox, in_group)
