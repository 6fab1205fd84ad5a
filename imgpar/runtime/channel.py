"""A private pipe between the parent and one worker; each side has its own end.

1. One writer and one reader at each end: no locks, so a process that dies cannot leave one locked.
2. The parent closes its copy of the worker's end: when the worker dies, the parent reads the rest of its
   messages and then gets EOF. EOF is the only proof that a worker is dead.
3. Messages of the parent are pickled, including the user's functions. Messages of a worker are plain data
   (`serialization`): a worker decodes untrusted files, and its bytes must not be able to run code in the
   parent.
4. The parent reads what is available and never waits for the rest of a message. It reads a bounded amount per
   worker, so that no worker can block the others.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgpar.runtime.protocol import Garbled, ToParent, ToWorker

MAX_TEXT = 4000
"""Maximum characters of a traceback or a note in a message; longer ones are cut in the middle."""
MAX_MESSAGE = 16 << 20
"""Maximum bytes of one message of a worker: most are below 1 KiB, the list of 10,000 pages is 2 MiB."""
READ_BYTES = 1 << 16
READ_MESSAGES = 64
"""Maximum messages read from one worker before the others are read."""
SEND_SECONDS = 60.0
"""Seconds a worker may leave data unread in a full pipe."""

_LENGTH = struct.Struct("!i")
_LONG = struct.Struct("!iQ")
"""Length prefixes of `Connection`; the second is for messages of 2 GiB and more."""


class WorkerEnd:
    """The worker's end of a `Connection`."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        from imgpar.runtime.serialization import pack_message

        self._connection, self._pack = connection, pack_message
        self._pid = os.getpid()
        # `Connection.poll` builds a selector at every call.
        self._poll: Any = select.poll() if hasattr(select, "poll") else None
        if self._poll:
            self._poll.register(connection, select.POLLIN)

    def send(self, message: ToParent) -> None:
        """Send a message.

        Raises:
            OSError: the parent is gone.
            ValueError: the message is longer than `MAX_MESSAGE`.
        """
        if os.getpid() != self._pid:
            os._exit(0)  # a child that code of others has forked, such as an operation of another package
        data = self._pack(message)
        if len(data) > MAX_MESSAGE:
            raise ValueError(f"{type(message).__name__} of {len(data)} bytes")
        self._connection.send_bytes(data)

    def receive(self) -> Any:
        """The next message; blocks.

        Raises:
            EOFError, OSError: the parent is gone.
        """
        return pickle.loads(self._connection.recv_bytes())  # noqa: S301 - from our own parent

    def waiting(self, seconds: float = 0.0) -> bool:
        """Whether `receive` would return or raise at once, or within so many seconds."""
        return bool(self._poll.poll(seconds * 1000)) if self._poll else self._connection.poll(seconds)


class ParentEnd:
    """The parent's end of a `Connection`."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self.connection = connection
        # A pipe of Windows delivers whole messages; elsewhere a message may arrive in pieces.
        self._stream = os.name != "nt"
        self._rest = bytearray()
        """The start of a message that is not complete yet."""
        self._broken = False
        """Set after an invalid length: what follows is not parsed."""
        if self._stream:
            os.set_blocking(connection.fileno(), False)

    def send(self, message: ToWorker) -> None:
        """Send a message.

        Raises:
            OSError: the worker is gone.
            TimeoutError: the worker does not read (a subclass of OSError).
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        if not self._stream:
            self.connection.send_bytes(data)
            return
        size = len(data)
        self._write((_LENGTH.pack(size) if size < 1 << 31 else _LONG.pack(-1, size)) + data)

    def _write(self, data: bytes) -> None:
        handle, left = self.connection.fileno(), memoryview(data)
        deadline = 0.0
        while left:
            try:
                left = left[os.write(handle, left) :]
            except BlockingIOError:
                deadline = deadline or time.monotonic() + SEND_SECONDS
                room = select.poll()
                room.register(handle, select.POLLOUT)
                if not room.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise TimeoutError("the worker does not read") from None

    def receive(self) -> list[ToParent | Garbled]:
        """Messages that are available, in order; does not wait.

        Raises:
            EOFError, OSError: the worker is gone and everything has been read.
        """
        from imgpar.runtime.serialization import unpack_message

        whole = self._cut(self._read()) if self._stream else self._pipe()
        return [unpack_message(data) if isinstance(data, bytes) else data for data in whole]

    def _read(self) -> bytes:
        try:
            data = os.read(self.connection.fileno(), READ_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            raise EOFError
        return data

    def _cut(self, data: bytes) -> Iterator[bytes | Garbled]:
        """Complete messages in what has arrived so far."""
        if self._broken:
            return
        rest, at = self._rest, 0
        rest += data
        while len(rest) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(rest, at)
            if not 0 <= length <= MAX_MESSAGE:
                self._broken = True
                rest.clear()
                yield _oversized()
                return
            end = at + _LENGTH.size + length
            if end > len(rest):
                break
            yield bytes(rest[at + _LENGTH.size : end])
            at = end
        del rest[:at]

    def _pipe(self) -> list[bytes | Garbled]:
        found = list[bytes | Garbled]()
        try:
            while len(found) < READ_MESSAGES and self.connection.poll():
                found.append(self.connection.recv_bytes(MAX_MESSAGE))
        except (EOFError, OSError):
            if not found:
                raise
        return found

    def ended(self, seconds: float) -> bool:
        """Whether the channel ends within that time; what the worker still sends is dropped."""
        deadline = time.monotonic() + seconds
        self._broken = True
        try:
            while wait([self.connection], max(0.0, deadline - time.monotonic())):
                self.receive()
                if time.monotonic() > deadline:
                    break
        except (EOFError, OSError):
            return True
        return False

    def close(self) -> None:
        """Close this end."""
        self.connection.close()


def _oversized() -> Garbled:
    from imgpar.runtime.protocol import Garbled

    return Garbled(f"sent a message that is longer than {MAX_MESSAGE >> 20} MiB")


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Cut a long text in the middle.

    >>> shorten("abcdefghij", 7)
    'ab … ij'
    """
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return f"{text[:half]} … {text[-half:]}"
