"""Processes that are asked of the fork server without waiting for it. Linux.

multiprocessing waits for the pid of each process before it asks for the next one: on a busy machine that is
two changes of process for each of 64 workers, and meanwhile the parent does nothing else. Here all are asked
for at once; the fork server starts one after the other, and the parent reads their pids when they come.
"""

from __future__ import annotations

import io
import os
import select
from multiprocessing import forkserver, popen_forkserver, reduction, spawn, util
from multiprocessing.context import ForkServerProcess, set_spawning_popen
from typing import Any

GONE = 255
"""Exit code of a process of which the fork server reports nothing, because it has died itself."""


class _Request(popen_forkserver.Popen):
    """A request to the fork server; `pid` is None until the answer has been read."""

    pid: int | None  # type: ignore[assignment]
    returncode: int | None
    sentinel: int
    server: int
    """Pid of the fork server."""

    def _launch(self, process_obj: Any) -> None:
        self.pid = None
        data = io.BytesIO()
        set_spawning_popen(self)
        try:
            reduction.dump(spawn.get_preparation_data(process_obj.name), data)
            reduction.dump(process_obj, data)
        finally:
            set_spawning_popen(None)
        self.sentinel, pipe = forkserver.connect_to_new_process(self._fds)  # type: ignore[attr-defined]
        self.server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        # The process ends when its parent has closed this: it must stay open while both live.
        alive = os.dup(pipe)
        self.finalizer = util.Finalize(self, _close, (alive, self.sentinel))
        with open(pipe, "wb") as file:
            file.write(data.getbuffer())

    def answered(self, seconds: float | None = 0.0) -> bool:
        """Whether the fork server has answered, or does so within that time; None waits until then.
        Afterwards `pid` is set, or else `returncode`: it died before it had started the process."""
        if self.pid is None and self.returncode is None:
            if not self._readable(seconds):
                return False
            try:
                self.pid = forkserver.read_signed(self.sentinel)
            except (OSError, EOFError):
                self.returncode = GONE
        return True

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        # multiprocessing polls all its children whenever it starts one, each time with a new selector. The
        # answer is not read here: the pool waits until there is something to read.
        if self.pid is None and self.returncode is None:
            return None
        if self.returncode is None and not self._readable(0.0 if flag == os.WNOHANG else None):
            return None
        return super().poll(flag)

    def wait(self, timeout: float | None = None) -> int | None:
        return super().wait(timeout) if self.answered(timeout) else None

    def give_up(self) -> None:
        """Let the process end, if there is one after all: for it, its parent is gone."""
        self.finalizer()

    def _readable(self, seconds: float | None) -> bool:
        ready = select.poll()
        ready.register(self.sentinel, select.POLLIN)
        return bool(ready.poll(None if seconds is None else seconds * 1000))


class RequestedProcess(ForkServerProcess):
    """A process of the fork server; `start` returns before it runs."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the name that multiprocessing calls
        return _Request(process_obj)


def _close(*handles: int) -> None:
    for handle in handles:
        os.close(handle)
