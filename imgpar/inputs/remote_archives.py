"""Archives at addresses: each is fetched as a whole, and then read like one on the disk.

batches of an archive ─► its copy: a thread fetches it, and the next one ─► members of the copy

The next ones are fetched while the members of the first ones are converted. A copy is removed when its
members are done, and all are at the end of the run.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from hashlib import sha256

from imgpar.core.addresses import scheme_of, without_secrets
from imgpar.core.errors import ImgparError, SourceError
from imgpar.core.fs import remove_file
from imgpar.core.tempfiles import remove_folder, temporary_folder
from imgpar.inputs.addresses import called, fetch_listed, places_of
from imgpar.inputs.batches import PAUSE, Batch
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing, StoppedError

TOGETHER = 2
"""Archives that are fetched at a time."""
WAIT = 0.01
"""Seconds between two looks at a transfer."""
_SECOND = 10**9


class Copies:
    """The copies of the archives of one run, in a temporary folder of this process.

    Args:
        options: limits of transfers.
    """

    def __init__(self, options: FetchOptions) -> None:
        self.options = options
        self.folder = temporary_folder()
        self._copies = list[ArchiveCopy]()
        self._removed = weakref.finalize(self, remove_folder, self.folder)  # also when Python ends

    def add(self, address: str, name: str) -> ArchiveCopy:
        """The copy of an archive, which is not fetched yet; see `ArchiveCopy`."""
        copy = ArchiveCopy(self, address, name, len(self._copies))
        self._copies.append(copy)
        return copy

    def begin(self, number: int) -> None:
        """Fetch this one, and the next ones."""
        for copy in self._copies[number : number + TOGETHER]:
            copy.begin()

    def stop(self) -> None:
        """End all transfers."""
        for copy in self._copies:
            copy.stop()

    def close(self) -> None:
        """End all transfers, and remove the folder."""
        self.stop()
        self._removed()


class ArchiveCopy:
    """The copy of one archive.

    Args:
        copies: those of the run.
        address: with user info and query, if it has any.
        name: what the archive is called.
        number: of this one.
    """

    def __init__(self, copies: Copies, address: str, name: str, number: int) -> None:
        self.address, self.name = address, name
        self.real = f"{scheme_of(address)}://{places_of(name).long}"
        """What its folder in OUT is called after."""
        self.path = os.path.join(copies.folder, f"{number}-{places_of(name).short}")
        """Of the file, which has the suffix of the archive."""
        self.nbytes = 0
        """Of the copy, while it is there."""
        self.copies, self._number = copies, number
        self._ongoing: _Transfer | None = None
        self._error: ImgparError | None = None

    def made(self) -> Iterator[Batch]:
        """Fetch the archive, if it is not there; yields `PAUSE` while that takes.

        Raises:
            ImgparError: it cannot be fetched.
        """
        self.copies.begin(self._number)
        ongoing = self._ongoing
        try:
            while ongoing and not ongoing.done.wait(WAIT):
                ongoing.end_overdue()
                yield PAUSE
        except BaseException:  # whoever asks has ended
            self.copies.stop()
            raise
        if self._error:
            raise self._error

    def begin(self) -> None:
        """Fetch the archive in a thread, if it is not there."""
        if self._ongoing is None:
            self._ongoing, self._error = _Transfer(), None
            threading.Thread(
                target=self._fetch, args=(self._ongoing,), name="imgpar-archive", daemon=True
            ).start()

    def stop(self) -> None:
        """End the transfer; it can begin again."""
        if self._ongoing and not self._ongoing.done.is_set():
            self._ongoing.stop()
            self._ongoing = None

    def remove(self) -> None:
        """The members are not needed any more."""
        self.nbytes = 0
        self._ongoing = None
        remove_file(self.path)

    def _fetch(self, ongoing: _Transfer) -> None:
        options = self.copies.options
        try:
            found = fetch_listed(self.address, self.path, options, "", ongoing)
            os.utime(self.path, ns=(time_of(found),) * 2)
            self.nbytes = found.bytes
        except Exception as error:  # also of a library: the run goes on with the other inputs
            words = str(error) if isinstance(error, ImgparError) else f"{type(error).__name__}: {error}"
            kind = type(error) if isinstance(error, ImgparError) else SourceError
            self._error = kind(without_secrets(words))
        finally:
            ongoing.done.set()


class _Transfer(Ongoing):
    """The transfer of one archive."""

    def __init__(self) -> None:
        self.done, self._stopped = threading.Event(), threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._deadline = float("inf")

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def wait(self, seconds: float, *, asked: bool = False) -> None:  # noqa: ARG002
        if self._stopped.wait(seconds):
            raise StoppedError("The run ended.")

    @contextlib.contextmanager
    def ends_by(self, end: Callable[[], object], seconds: float) -> Iterator[None]:
        self._end, self._deadline = end, time.monotonic() + seconds
        try:
            if self.stopped:
                raise StoppedError("The run ended.")
            yield
        finally:
            self._end, self._deadline = lambda: None, float("inf")

    def stop(self) -> None:
        """End it, from another thread."""
        self._stopped.set()
        self._end()

    def end_overdue(self) -> None:
        """End it if it takes too long."""
        if time.monotonic() > self._deadline:
            self._end()


def archive_name(address: str) -> str:
    """What an archive is called: its address without secrets.

    >>> archive_name("https://me:word@Host/a%20b.zip?token=x"), archive_name("s3://bucket/shards/00000.tar")
    ('https://host/a%20b.zip', 's3://bucket/shards/00000.tar')
    """
    if _is_web(address):
        return called(address)
    from imgpar.inputs.stores.places import place_of

    return place_of(address, pattern=False).root


def time_of(found: Fetched) -> int:
    """The time that a copy gets, in nanoseconds, by which a changed archive is told: that of the archive,
    with a fraction that stands for what the server said of its content.

    >>> time_of(Fetched(7, "", mtime_ns=5 * 10**9)), time_of(Fetched(7, "v2", mtime_ns=5 * 10**9)) // 10**9
    (5000000000, 5)
    """
    if not (found.validator or found.mtime_ns):
        return time.time_ns()
    digest = sha256(found.validator.encode()).digest()[:8] if found.validator else b""
    return found.mtime_ns // _SECOND * _SECOND + int.from_bytes(digest, "big") % _SECOND


def _is_web(address: str) -> bool:
    return scheme_of(address) in ("http", "https")
