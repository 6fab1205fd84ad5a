"""Measures whether the worker of a clip has idle time, because decoder and encoder are the bottleneck."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

WINDOW = 0.15
"""Length of a measurement in seconds."""
IDLE = 0.1
"""Fraction of it that the worker must have waited, to count as having idle time."""


class Pace:
    """Measures how long a thread waits; CPU time of the thread is not counted as waiting.

    >>> pace = Pace()
    >>> with pace.waiting():
    ...     pass
    >>> pace.has_idle_time
    True
    """

    def __init__(self) -> None:
        self.has_idle_time = True
        """Whether the worker waited in the last measurement; helpers are not needed then."""
        self._since, self._waited = time.perf_counter(), 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A block in which the thread may wait for decoder or encoder."""
        start, busy = time.perf_counter(), time.thread_time()
        yield
        now = time.perf_counter()
        self._waited += now - start - (time.thread_time() - busy)
        passed = now - self._since
        if passed > WINDOW:
            self.has_idle_time = self._waited > IDLE * passed
            self._since, self._waited = now, 0.0
