"""Several clips at once, in threads: decoding, scaling and encoding release the GIL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from imgpar.batch.frames.reading import Choice
from imgpar.core.errors import ImgparError, RunError, UsageError
from imgpar.core.job import Event, Outcome
from imgpar.runtime.scheduler import CancelToken

PROGRESS_SECONDS = 0.5
"""Interval of progress events, in seconds."""


class GivenUpError(RunError):
    """The run was cancelled."""


Take = Callable[[int, Choice], str]
"""Extracts the frames of the clip with this index; returns a line that describes the result."""


def take_all(
    paths: Sequence[str], take: Take, cores: int, *, tell: Callable[[Event], None], cancel: CancelToken
) -> Iterator[tuple[str, str]]:
    """Extract frames from every clip; yields the path and the result of each successful one, as it finishes.

    Args:
        paths: of the clips.
        take: called in several threads at once.
        cores: number of threads for all clips together.
        tell: receives events of every clip and its progress, one call at a time.
        cancel: `cancelled` lets clips in progress finish, `killed` aborts them.

    Raises:
        UsageError: raised by `take`; it would fail for every clip.
        RunError: the same.
        GivenUpError: the run was cancelled.
    """
    state = _SharedState(paths, tell, cancel)
    tell(Event("start"))
    tell(Event("planned", total=len(paths)))
    at_once = min(cores, len(paths))
    with ThreadPoolExecutor(at_once, thread_name_prefix="imgpar-clip") as pool:
        threads = max(1, cores // at_once)
        futures = {pool.submit(state.process, number, take, threads): number for number in range(len(paths))}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                words = state.finished(futures[future], future, done)
                if words is not None:
                    yield paths[futures[future]], words
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if cancel.cancelled or cancel.killed:
        raise GivenUpError("Stopped.", fix="Run again for the clips that are missing.")


class _SharedState:
    """State shared by the threads."""

    def __init__(self, paths: Sequence[str], tell: Callable[[Event], None], cancel: CancelToken) -> None:
        self._paths, self._tell, self._cancel = paths, tell, cancel
        self._lock, self._last_event = threading.Lock(), time.monotonic()

    def process(self, number: int, take: Take, threads: int) -> str:
        """Process one clip, in a thread."""
        if self._cancel.cancelled:
            raise GivenUpError("It was not started.")

        def seen(done: int, total: int) -> None:
            if self._cancel.killed:
                raise GivenUpError("It was aborted.")
            with self._lock:
                if time.monotonic() - self._last_event > PROGRESS_SECONDS:
                    self._last_event = time.monotonic()
                    self._tell(Event("frames", text=self._paths[number], frames=(done, total)))

        return take(number, Choice(threads=threads, seen=seen))

    def finished(self, number: int, future: Future[str], done: int) -> str | None:
        """Send the event for the end of a clip; returns its result, or None where it failed."""
        words, error = None, ""
        try:
            words = future.result()
        except ImgparError as reason:
            if isinstance(reason, UsageError | RunError) and not isinstance(reason, GivenUpError):
                raise
            error = str(reason)
        outcome = Outcome(self._paths[number], "failed" if error else "ok", error=error)
        with self._lock:
            self._tell(Event("item", done=done, outcome=outcome))
        return words
