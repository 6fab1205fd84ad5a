"""Hosts that take no connection are given up, so that a list with thousands of their items ends soon."""

from __future__ import annotations

from threading import Lock

from imgpar.core.errors import SourceError

GIVEN_UP = 5
"""Attempts in a row without a connection, after which a host that never had one is not asked any more."""


class Reachable:
    """Which hosts answer, as the transfers of one run see it; safe to use from several threads.

    >>> hosts = Reachable()
    >>> hosts.missed("a", 5)
    >>> hosts.check("a")
    Traceback (most recent call last):
    imgpar.core.errors.SourceError: a was given up: 5 attempts got no connection. Later, run imgpar retry OUT.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._met = set[str]()
        self._missed = dict[str, int]()
        """Attempts of the items that have failed, by host."""

    def check(self, host: str) -> None:
        """Raise SourceError where a host was given up."""
        missed = self._missed.get(host, 0)
        if missed >= GIVEN_UP:
            words = f"{host} was given up: {missed} attempts got no connection."
            raise SourceError(words, fix="Later, run imgpar retry OUT.")

    def met(self, host: str) -> None:
        """There is a connection to a host, which is never given up from now on."""
        if host not in self._met:
            with self._lock:
                self._met.add(host)
                self._missed.pop(host, None)

    def missed(self, host: str, attempts: int) -> None:
        """An item failed after so many attempts, because there was no connection."""
        with self._lock:
            if host not in self._met:
                self._missed[host] = self._missed.get(host, 0) + attempts
