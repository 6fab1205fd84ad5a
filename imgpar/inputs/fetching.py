"""How items of a network are fetched.

FetchOptions   limits, the same for all items of a run
Ongoing        one transfer, as its thread sees it: when it should end, and how it waits
Fetched        what was written, and what the server said of it
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from imgpar.core.errors import (
    LimitError,
    SourceError,
    bad_value,
    setting,
)
from imgpar.core.parsing import VALUE, accepts

AI_TAGS = ("noai", "noimageai", "noindex", "noimageindex")
"""Directives of X-Robots-Tag by which a server says that a picture is not to be collected."""


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """Limits of transfers.

    >>> FetchOptions(retries=0).per_host
    8
    """

    allow_private: bool = False
    """Whether http(s) items may come from private, loopback and link-local addresses."""
    downloads: int = 32
    """Transfers at a time."""
    per_host: int = 8
    """Of these from one host."""
    retries: int = 4
    """Further attempts after a failure that may pass."""
    timeout: float = 600.0
    """Seconds for one item with all attempts."""
    most_bytes: int = 4 << 30
    """Bytes of one item."""
    robots: tuple[str, ...] = ()
    """Directives of X-Robots-Tag that are honoured, such as `noai`."""
    user_agent: str = ""
    """Name for the User-Agent, and for directives that are meant for one agent."""
    connect_timeout: float = 10.0
    """Seconds for a connection."""
    read_timeout: float = 30.0
    """Seconds without any data."""


DEFAULTS = FetchOptions()


class Fetched(NamedTuple):
    """What became of a transfer."""

    bytes: int = 0
    """Of the file that was written."""
    validator: str = ""
    """What the server said of this state of the content, for the next request; see `Item.validator`."""
    not_modified: bool = False
    """Whether the content is still that of the given validator; then nothing was written."""
    mtime_ns: int = 0
    """Time of modification in nanoseconds; 0 is unknown."""
    type: str = ""
    """Media type that the server named."""


class StoppedError(SourceError):
    """The run ended before the transfer did."""


def transfer_too_large(options: FetchOptions) -> LimitError:
    """The error of an item with more bytes than the limit."""
    words = f"It has more than {options.most_bytes / 1e6:,.0f} MB."
    return LimitError(words, fix=f"Allow more with {setting('max_download')}.")


def too_slow(options: FetchOptions) -> SourceError:
    """The error of an item that took too long."""
    words = f"It was not complete after {options.timeout:g} s."
    return SourceError(words, fix=f"Allow more with {setting('fetch_timeout')}.")


class Ongoing:
    """One transfer in progress; this one ends in time, and nobody stops it before.

    Those of `batch.ahead` end with the run, and let others go on while they wait.
    """

    @property
    def stopped(self) -> bool:
        """Whether the run has ended."""
        return False

    def wait(self, seconds: float, *, asked: bool = False) -> None:  # noqa: ARG002
        """Wait before the next attempt.

        Args:
            asked: whether the server asked for it, so that others should not ask it now either.

        Raises:
            StoppedError: the run has ended.
        """
        time.sleep(seconds)

    def reached(self) -> None:
        """There is a connection to the server."""

    def missed(self) -> None:
        """An attempt got no connection to the server."""

    def expects(self, size: int) -> float:  # noqa: ARG002
        """Wait until there is room for a file of a size in bytes; returns the seconds that took."""
        return 0.0

    @contextlib.contextmanager
    def ends_by(self, end: Callable[[], object], seconds: float) -> Iterator[None]:
        """For the duration of a block `end` is called by another thread when the transfer should stop, or
        when `seconds` are over."""
        timer = threading.Timer(max(0.0, seconds), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def by_ranges(file: object) -> bool:
    """Whether an open file is on a server, and only what is read of it is fetched."""
    return bool(getattr(getattr(file, "raw", None), "by_ranges", False))


def check_free_room(path: str, size: int) -> None:
    """Check that a new file of a size in bytes fits where it is to lie.

    Raises:
        SourceError: it does not.
    """
    free = shutil.disk_usage(os.path.dirname(path)).free
    if size > free:
        words = f"A copy of it needs {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free."
        raise SourceError(words, fix="Set TMPDIR to a folder that has room.")


@accepts("str | Sequence[str]")
def robots(value: object) -> tuple[str, ...]:
    """Directives of X-Robots-Tag; `all` are those against collections of pictures.

    >>> robots("noai, NoImageAI"), robots("all") == AI_TAGS
    (('noai', 'noimageai'), True)
    """
    words = value.split(",") if isinstance(value, str) else value
    if isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words):
        found = [word.strip().lower() for word in words]
        if (found or not isinstance(value, str)) and all(
            re.fullmatch("[a-z][a-z-]*", word) for word in found
        ):
            return AI_TAGS if "all" in found else tuple(found)
    raise bad_value(VALUE, "directives such as noai,noimageai, or all", value)


@accepts("str")
def agent(value: object) -> str:
    """The name of a program in a User-Agent.

    >>> agent("mybot/1.0")
    'mybot/1.0'
    """
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._/-]{0,100}", value):
        return value
    raise bad_value(VALUE, "a name of letters, digits, '.', '/', '_' and '-'", value)
