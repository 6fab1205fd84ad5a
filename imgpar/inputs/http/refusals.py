"""What goes wrong between imgpar and a server, each in one sentence."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    IncompleteRead,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from imgpar.core.errors import (
    LockedError,
    NoConnectionError,
    NoFileError,
    RefusedError,
    SourceError,
    TryAgainError,
)

_LATER = frozenset((408, 421, 425, 429, 500, 502, 503, 504, 507, 509, *range(520, 530)))
"""Statuses of servers that are busy or broken for a while."""


def failure_of_status(status: int, retry_after: str) -> SourceError | LockedError:
    """The failure that a status stands for.

    >>> print(failure_of_status(404, ""))
    The server has no such file (404).
    >>> failure_of_status(503, "7").after
    7.0
    """
    if status in (404, 410):
        return NoFileError(f"The server has no such file ({status}).")
    if status in (401, 402, 403, 407, 451):
        return LockedError(f"The server refuses access ({status}).", fix="Name an address that may be read.")
    if status in _LATER:
        words = "The server asks to send less" if status == 429 else "The server cannot answer now"
        error = TryAgainError(f"{words} ({status}).", fix="Try again later.")
        error.after = retry_after_seconds(retry_after)
        return error
    return RefusedError(f"The server answers with status {status}.", fix="Check the address.")


def retry_after_seconds(retry_after: str) -> float:
    """The seconds that a Retry-After asks for, given as a number or as a date; 0 for none.

    >>> retry_after_seconds("120"), retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT")
    (120.0, 0.0)
    """
    if re.fullmatch(r"\s*\d{1,9}\s*", retry_after):
        return float(retry_after)
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    return 0.0


def check_robots(headers: Iterable[str], honoured: Iterable[str], agent: str) -> None:
    """Check the values of X-Robots-Tag against the directives that are honoured.

    A value may begin with the name of an agent: `somebot: noai`. It then counts if that is ours.

    Raises:
        RefusedError: one of them applies.
    """
    for value in headers:
        name, colon, rest = value.partition(":")
        if colon and not re.search(r"[,\s]", name.strip()) and name.strip().lower() != "unavailable_after":
            if name.strip().lower() not in ("*", agent.lower(), "imgpar"):
                continue
            value = rest
        for directive in (part.strip().lower() for part in value.split(",")):
            if directive in honoured:
                raise RefusedError(f"Its server does not allow this use (X-Robots-Tag: {directive}).")


@contextlib.contextmanager
def in_plain_words(host: str, seconds: float) -> Iterator[None]:
    """Translate what libraries raise about a connection; a text never has the address.

    Raises:
        TryAgainError: it may pass.
        RefusedError: it will not.
    """
    try:
        yield
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        raise _translated(error, host, seconds) from None


def _translated(error: Exception, host: str, seconds: float) -> SourceError:
    if isinstance(error, ProxyError):
        return TryAgainError("The proxy of the environment cannot be reached.", fix="Check HTTPS_PROXY.")
    if isinstance(error, (LocationValueError, UnicodeError)) or type(error) is ValueError:
        return RefusedError("It is no valid address.", fix="Check it.")
    if isinstance(error, (NameResolutionError, socket.gaierror)):
        return _unknown_host(host, error)
    if isinstance(error, NewConnectionError):  # a timeout, too, for urllib3
        return NoConnectionError(f"No connection to {host}: {_reason(error)}.", fix="Try again later.")
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError, TimeoutError)):
        kind = NoConnectionError if isinstance(error, ConnectTimeoutError) else TryAgainError
        return kind(f"The server did not answer for {seconds:g} s.", fix="Try again later.")
    if isinstance(error, (SSLError, ssl.SSLError)):
        return _insecure(error)
    if isinstance(error, IncompleteRead) or isinstance(error.__cause__, IncompleteRead):
        return TryAgainError("The server sent less than it had announced.", fix="Try again later.")
    if isinstance(error, DecodeError):
        return TryAgainError("What the server sent cannot be decompressed.", fix="Try again later.")
    if isinstance(error, ProtocolError) and "IncompleteRead" in str(error):
        return TryAgainError("The server sent less than it had announced.", fix="Try again later.")
    return TryAgainError(f"The connection to {host} broke: {_reason(error)}.", fix="Try again later.")


def _unknown_host(host: str, error: Exception) -> SourceError:
    cause = error if isinstance(error, socket.gaierror) else error.__cause__
    words = f"The name {host} cannot be resolved."
    if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN:
        return NoConnectionError(words, fix="Check the network.")
    return SourceError(words, fix="Check the address.")


def _insecure(error: Exception) -> SourceError:
    text = str(error)
    found = re.search(r"certificate verify failed: ([^(\]]+)", text)
    if found or "doesn't match" in text:
        why = found[1].strip() if found else "it is made for another name"
        return RefusedError(f"The certificate of the server is not valid: {why}.")
    return TryAgainError("The encrypted connection to the server failed.", fix="Try again later.")


def _reason(error: BaseException) -> str:
    """The words of the system behind an exception of a library."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not isinstance(seen, HTTPError):
            return str(seen.strerror)
        inner = next((one for one in seen.args if isinstance(one, BaseException)), None)
        seen = inner or seen.__cause__
    return "the server ended it" if "closed" in str(error) or "Remote" in str(error) else "no valid answer"
