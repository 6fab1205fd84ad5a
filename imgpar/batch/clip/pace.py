"""Tells whether a clip's worker is what its clip waits for, or waits itself for decoder and encoder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

WINDOW = 0.15
"""Seconds that are looked at together."""
IDLE = 0.1
"""Part of them for which a worker must have waited, to be called relaxed."""


class Pace:
    """Measures how long one thread waits; what it computes meanwhile is no waiting.

    >>> pace = Pace()
    >>> with pace.waiting():
    ...     pass
    >>> pace.relaxed
    True
    """

    def __init__(self) -> None:
        self.relaxed = True
        """Whether it has time left: others need not help."""
        self._since, self._waited = time.perf_counter(), 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A block in which others may be waited for."""
        start, busy = time.perf_counter(), time.thread_time()
        yield
        now = time.perf_counter()
        self._waited += now - start - (time.thread_time() - busy)
        passed = now - self._since
        if passed > WINDOW:
            self.relaxed = self._waited > IDLE * passed
            self._since, self._waited = now, 0.0
