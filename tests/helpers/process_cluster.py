"""A cluster without Ray: each node is a process of its own on this machine, with a pipe."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from imgpar.api.run import Silent
from imgpar.batch.engine import Assignment, Engine
from imgpar.batch.report import Report
from imgpar.batch.run import Run
from imgpar.batch.run_options import RunOptions
from imgpar.core.job import Event
from imgpar.engines.cluster import ClusterEngine, LostNodeError
from imgpar.engines.local import LocalEngine
from imgpar.engines.messages import Orders
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken, Effort

_SERVE = """
import os, sys
from multiprocessing.connection import Connection
from imgpar.engines.node import Node

pipe = Connection(int(sys.argv[1]))
node = Node(*pipe.recv())
try:
    while True:
        name, values = pipe.recv()
        pipe.send(getattr(node, name)(*values))
except (EOFError, OSError):
    os._exit(0)
"""


class ProcessCluster:
    """Nodes with one core each; `kill` ends one of them as a power failure does."""

    def __init__(self, *names: str, cores: int = 1) -> None:
        self.alive = dict.fromkeys(names, cores)
        self.processes: dict[str, _Process] = {}
        """The last process on each node."""
        self.exchanged = 0

    def nodes(self) -> dict[str, tuple[str, int]]:
        return {name: (name, cores) for name, cores in self.alive.items()}

    def start(self, node: str, setup: bytes, number: int, cores: int) -> _Process:
        self.processes[node] = process = _Process(node, (setup, number, cores))
        return process

    def hello(self, process: _Process) -> _Call:
        return process.call("hello")

    def exchange(self, process: _Process, orders: Orders) -> _Call:
        self.exchanged += 1
        return process.call("exchange", orders)

    def ready(self, calls: Sequence[_Call], timeout: float) -> list[_Call]:
        there = wait([call.process.pipe for call in calls], timeout)
        return [call for call in calls if call.process.pipe in there]

    def result(self, call: _Call) -> Any:
        try:
            return call.process.pipe.recv()
        except (EOFError, OSError):
            raise LostNodeError("the process has ended") from None

    def end(self, process: _Process) -> None:
        process.end()

    def kill(self, node: str, *, gone: bool = True) -> None:
        """End the process of a node; it comes back unless it is gone."""
        if gone:
            del self.alive[node]
        self.processes[node].end()


class OnProcesses(LocalEngine):
    """The engine of such a cluster."""

    def __init__(
        self,
        cluster: ProcessCluster,
        paths: Sequence[str] = (),
        engine: Callable[[], Engine] = LocalEngine,
    ) -> None:
        self._cluster, self._paths, self._engine = cluster, paths, engine

    def do(self, work: Assignment) -> Effort:
        return ClusterEngine(self._cluster, engine=self._engine).do(work, self._paths)


def run_on(
    cluster: ProcessCluster,
    folder: Path | str,
    out: Path | str,
    recipe: Recipe,
    *,
    listen: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    paths: Sequence[str] = (),
    engine: Callable[[], Engine] = LocalEngine,
    **options: Any,
) -> Report:
    """A run on a cluster."""
    token, read = cancel or CancelToken(), RunOptions.read(options)
    there = OnProcesses(cluster, paths, engine)
    return Run([str(folder)], str(out), recipe, read, listen or Silent(), token, engine=there).execute()


class _Process:
    def __init__(self, node: str, values: tuple[Any, ...]) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        handle = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(handle)],
            pass_fds=[handle],
            start_new_session=True,
            env={**os.environ, "NODE": node, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        theirs.close()
        self._send(values)

    def call(self, name: str, *values: Any) -> _Call:
        self._send((name, values))
        return _Call(self)

    def _send(self, values: Any) -> None:
        with contextlib.suppress(OSError):  # its end is noticed when the answer is read
            self.pipe.send(values)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def __del__(self) -> None:
        pipe: Connection[Any, Any] = self.pipe
        pipe.close()


class _Call:
    def __init__(self, process: _Process) -> None:
        self.process = process
