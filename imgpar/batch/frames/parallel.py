"""Several clips at once, each in a thread: decoding, scaling and encoding need no lock of Python's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from imgpar.batch.frames.reading import Choice
from imgpar.core.errors import ImgparError, RunError, UsageError
from imgpar.core.model import Event, Outcome
from imgpar.runtime.scheduler import CancelToken

TELL_SECONDS = 0.5
"""How often one hears how far a clip is."""


class GivenUpError(RunError):
    """It was cancelled."""


Take = Callable[[int, Choice], str]
"""Makes the pictures of the clip with this number; returns what was made, in words."""


def take_all(
    paths: Sequence[str], take: Take, cores: int, *, tell: Callable[[Event], None], cancel: CancelToken
) -> Iterator[tuple[str, str]]:
    """Take pictures out of every clip; gives the path of each that went well, as soon as it is done, and what
    was made of it.

    Args:
        paths: of the clips.
        take: called in several threads at once.
        cores: threads for all of them together.
        tell: hears of every clip and how far it is, one call at a time.
        cancel: the first time what was begun is finished, the second time it is given up.

    Raises:
        UsageError, RunError: of `take`, since other clips would not fare better.
        GivenUpError: it was cancelled.
    """
    hall = _Hall(paths, tell, cancel)
    tell(Event("start"))
    tell(Event("planned", total=len(paths)))
    at_once = min(cores, len(paths))
    with ThreadPoolExecutor(at_once, thread_name_prefix="imgpar-clip") as pool:
        threads = max(1, cores // at_once)
        futures = {pool.submit(hall.one, number, take, threads): number for number in range(len(paths))}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                words = hall.ended(futures[future], future, done)
                if words is not None:
                    yield paths[futures[future]], words
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if cancel.cancelled or cancel.killed:
        raise GivenUpError("Stopped.", fix="Run again for the clips that are missing.")


class _Hall:
    """What the threads share."""

    def __init__(self, paths: Sequence[str], tell: Callable[[Event], None], cancel: CancelToken) -> None:
        self._paths, self._tell, self._cancel = paths, tell, cancel
        self._lock, self._told = threading.Lock(), time.monotonic()

    def one(self, number: int, take: Take, threads: int) -> str:
        """One clip, in a thread."""
        if self._cancel.cancelled:
            raise GivenUpError("It was not begun.")

        def seen(done: int, total: int) -> None:
            if self._cancel.killed:
                raise GivenUpError("It was given up.")
            with self._lock:
                if time.monotonic() - self._told > TELL_SECONDS:
                    self._told = time.monotonic()
                    self._tell(Event("frames", text=self._paths[number], frames=(done, total)))

        return take(number, Choice(threads=threads, seen=seen))

    def ended(self, number: int, future: Future[str], done: int) -> str | None:
        """Tell how a clip ended; returns the words of its thread where it went well."""
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
