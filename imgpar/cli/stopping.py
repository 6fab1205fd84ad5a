"""Ctrl-C, SIGTERM, a closed terminal: the first finishes what is in flight, the second stops now."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

from imgpar.batch.progress import is_terminal


class Cancel(Protocol):
    """What a run listens to."""

    def cancel(self) -> None:
        """Finish what is in flight, start nothing more."""

    def kill(self) -> None:
        """Stop now."""


FIRST = "Finishing what is in flight; Ctrl-C again to stop now."
SECOND = "Stopping now."


@contextmanager
def stopping(token: Cancel) -> Iterator[None]:
    """Turn signals into calls of the token while the block runs.

    A signal that was ignored when imgpar started (nohup, a shell's background job) stays ignored.
    A third Ctrl-C is Python's own, in case the run does not listen any more.
    """
    asked = 0
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal asked
        asked += 1
        if asked == 1:
            token.cancel()
            _tell(FIRST)
            return
        token.kill()
        _tell(SECOND)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _tell(text: str) -> None:
    """Write past Python's buffers, which the signal may have interrupted; the bar is drawn again below."""
    erase = "\r\x1b[K" if is_terminal(sys.stderr) else ""
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), f"{erase}{text}\n".encode())
