"""A private pipe between the parent and one worker.

1. One writer and one reader at each end: nothing is locked, so nothing can be left locked by the dead.
2. The parent closes its copy of the child's end: when the worker dies, the parent reads to the end of what
   it had sent and then gets EOF. That is the proof of death.
3. Messages stay below 16 KiB, which the system writes in one piece; texts are cut to fit.
"""

from __future__ import annotations

import pickle
import select
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgpar.runtime.messages import ToParent, ToWorker

MAX_TEXT = 4000
"""Characters of a traceback or a note that travel; the rest is cut in the middle."""


class Channel:
    """Sends and receives messages over a `Connection`."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self.connection = connection
        # `Connection.poll` makes a selector at every call.
        self._poll: Any = select.poll() if hasattr(select, "poll") else None
        if self._poll:
            self._poll.register(connection, select.POLLIN)

    def send(self, message: ToWorker | ToParent) -> None:
        """Raises OSError (BrokenPipeError) when the other side is gone."""
        self.connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def receive(self) -> Any:
        """The next message; blocks. Raises EOFError or OSError when the other side is gone."""
        return pickle.loads(self.connection.recv_bytes())  # noqa: S301 - from our own process

    def waiting(self) -> bool:
        """Whether `receive` would return (or raise) at once."""
        return bool(self._poll.poll(0)) if self._poll else self.connection.poll()

    def close(self) -> None:
        """Close this end."""
        self.connection.close()


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Cut a long text in the middle.

    >>> shorten("abcdefghij", 7)
    'ab … ij'
    """
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
