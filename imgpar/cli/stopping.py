"""Signal handling (Ctrl-C, SIGTERM, SIGHUP): the first signal finishes jobs in flight, the second stops at
once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

from imgpar.batch.log_lines import log_line
from imgpar.batch.progress import is_terminal


class Cancel(Protocol):
    """The cancel token of a run."""

    def cancel(self) -> None:
        """Finish jobs in flight, start no more."""

    def kill(self) -> None:
        """Stop at once."""


FIRST = "Finishing what is in flight; Ctrl-C again to stop now."
FIRST_OF_ONE = "Stopping; the file is not made."
"""Where all inputs become one file."""
SECOND = "Stopping now."


@contextmanager
def stopping(token: Cancel, first: str = FIRST, *, as_json: bool = False) -> Iterator[None]:
    """Translate signals into calls of the token while the block runs; `first` is printed at the first one,
    as text or as JSON.

    A signal that was ignored when imgpar started (nohup, a shell's background job) stays ignored.
    A third Ctrl-C raises KeyboardInterrupt, in case the run does not react.
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
            _print(first, as_json)
            return
        token.kill()
        _print(SECOND, as_json)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _print(text: str, as_json: bool) -> None:
    """Write without Python's buffers, which the signal may have interrupted; the progress bar is redrawn
    below."""
    if as_json:
        text = log_line("warning", text)
    erase = "\r\x1b[K" if is_terminal(sys.stderr) and not as_json else ""
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), f"{erase}{text}\n".encode())
