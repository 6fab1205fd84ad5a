"""Threads inside one task: a picture that is alone is processed on all cores.

Results are the same bytes with any number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar

Part = TypeVar("Part")

MOST = 8
"""Threads of one task: with more of them memory is the limit, and each has buffers of its own."""

_cores = ContextVar("cores", default=1)


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Let `each` use that many threads, in this thread only."""
    before = _cores.set(max(1, min(count, MOST)))
    try:
        yield
    finally:
        _cores.reset(before)


def available() -> int:
    """Number of threads that `each` uses: 1 outside `on_cores`, and in those threads."""
    return _cores.get()


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Run `work` in a thread during the block, where the task has a core for it; else not at all.

    Args:
        work: only saves time: its exceptions are dropped.
    """

    def run() -> None:
        with suppress(Exception):
            work()

    helpers = _started(run, min(1, available() - 1))
    try:
        yield
    finally:
        for helper in helpers:
            helper.join()


def each(work: Callable[[Part], object], parts: Iterable[Part]) -> None:
    """Call `work` for every part, on the threads of `on_cores`. The first exception is raised at the end.

    Args:
        work: releases the GIL most of the time.
        parts: none of which writes what another one touches.
    """
    waiting = list(parts)[::-1]
    failures: list[BaseException] = []

    def run() -> None:
        while waiting and not failures:
            try:
                part = waiting.pop()
            except IndexError:  # another thread has taken the last one
                return
            try:
                work(part)
            except BaseException as failure:
                failures.append(failure)

    helpers = _started(run, min(available(), len(waiting)) - 1)
    run()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]


def _started(run: Callable[[], None], count: int) -> list[threading.Thread]:
    """Threads that run it: fewer where the system gives no more, as the caller does what is left."""
    threads: list[threading.Thread] = []
    for _ in range(count):
        thread = threading.Thread(target=run, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            break
        threads.append(thread)
    return threads
