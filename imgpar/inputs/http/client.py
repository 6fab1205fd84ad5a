"""One request to a server: its connection, redirects, and what the status means.

urllib3 keeps the connections. A small picture costs 0.7 ms of the processor with it; with `http.client` and
pycurl 0.6, with aiohttp 1.2, with httpx 1.7.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import make_headers
from urllib3.util.wait import wait_for_read

from imgpar.core.errors import NoConnectionError, RefusedError, TryAgainError
from imgpar.core.version import __version__
from imgpar.inputs.fetching import FetchOptions, Ongoing, StoppedError, too_slow
from imgpar.inputs.http.hosts import Resolve, allowed_addresses, check_literal, is_loopback
from imgpar.inputs.http.reachable import Reachable
from imgpar.inputs.http.refusals import check_robots, failure_of_status, in_plain_words

MOST_REDIRECTS = 10
WORTH = 1 << 16
"""Bytes of a body that are read in order to keep the connection."""
HOSTS = 256
"""Hosts whose connections are kept."""
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_GOOD = frozenset((200, 206, 304, 416))

_of_thread = threading.local()
"""`answer`: the one that this thread asks for, so that connections can say that they are used for it."""


class Answer:
    """A server's answer, whose body is read in pieces.

    Args:
        url: of the first request.
        deadline: by `time.monotonic`, for all of the body.
        connected: called when there is a connection to the host of `url`.
    """

    def __init__(
        self, url: str, deadline: float, connected: Callable[[str], object] = lambda _: None
    ) -> None:
        self.url, self.deadline = url, deadline
        """Where it comes from, after redirects."""
        self.response: Any = None
        self.ended = False
        """Whether the transfer was ended by another thread."""
        self._connection: Any = None
        self._connected = connected

    @property
    def place(self) -> str:
        """The name of the server with its port, if one is given."""
        return urlsplit(self.url).netloc.rpartition("@")[2].lower()

    @property
    def host(self) -> str:
        """The name of the server."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:  # the request says so
            return ""

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.response.status)

    def header(self, name: str) -> str:
        """One header; empty where it is missing."""
        return self.response.headers.get(name) or ""

    def use(self, connection: Any) -> None:
        """Remember the connection of this answer."""
        self._connection = connection
        connection.surplus = False
        self.go_on()
        if connection.sock is not None:  # of an earlier request
            self.connected()

    def connected(self) -> None:
        """There is a connection to the host."""
        self._connected(self.place)

    def go_on(self) -> None:
        """Raise TryAgainError where the transfer was ended before there was a connection to end."""
        if self.ended:
            raise TryAgainError("The transfer was ended.")

    def blocks(self, size: int = 1 << 18) -> Iterator[bytes]:
        """The body, with its Content-Encoding decoded, as it arrives.

        Raises:
            TryAgainError: the connection broke, or the body is not as long as its Content-Length says.
        """
        empty = True
        while block := self.response.read1(size):
            empty = False
            yield block
            self.ended = self.ended or time.monotonic() > self.deadline
            if self.ended:
                break
        if self.ended:  # without a length, the end of the connection looks like that of the body
            raise TryAgainError("The transfer was ended.")
        if (
            empty
            and self.status == 200
            and not (self.header("Content-Length") or self.header("Transfer-Encoding"))
        ):
            raise TryAgainError("The connection ended before the content.", fix="Try again later.")
        if self._connection.surplus:
            raise TryAgainError("The server sent more than it had announced.", fix="Try again later.")

    def end(self) -> None:
        """End the transfer from another thread."""
        self.ended = True
        sock = getattr(self._connection, "used", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Keep the connection if all of the body was read; close it otherwise."""
        if self.response is None:
            return
        left = self.response.length_remaining
        if left is None or left > WORTH or self.ended:
            self.response.close()
        else:
            self.response.drain_conn()
        self.response.release_conn()


class WebClient:
    """Requests of one run, which share connections; safe to use from several threads.

    Args:
        options: limits.
        resolve: name resolution.
    """

    def __init__(self, options: FetchOptions, resolve: Resolve = socket.getaddrinfo) -> None:
        self.options, self._resolve = options, resolve
        self._pools = urllib3.PoolManager(HOSTS, maxsize=options.downloads)
        self._pools.pool_classes_by_scheme = _pool_classes(options.allow_private, resolve)
        self._proxies: dict[str, urllib3.ProxyManager] = {}
        self._timeout = urllib3.Timeout(connect=options.connect_timeout, read=options.read_timeout)
        self.reachable = Reachable()
        self._agent = f"imgpar/{__version__} {options.user_agent}".strip()

    @contextlib.contextmanager
    def get(
        self, url: str, headers: Mapping[str, str], ongoing: Ongoing, deadline: float
    ) -> Iterator[Answer]:
        """The answer to a GET after redirects (200, 206, 304 or 416), for the duration of a block.

        Args:
            deadline: by `time.monotonic`.

        Raises:
            TryAgainError: a failure that may pass, also of a read in the block.
            SourceError: any other.
        """

        def connected(host: str) -> None:
            self.reachable.met(host)
            ongoing.reached()

        answer = Answer(url, deadline, connected)
        seconds = min(self.options.read_timeout, self.options.connect_timeout)
        try:
            with (
                ongoing.ends_by(answer.end, deadline - time.monotonic()),
                in_plain_words(answer.host, seconds),
            ):
                try:
                    self._follow(answer, headers)
                    yield answer
                finally:
                    answer.finish()
        except TryAgainError as error:
            if ongoing.stopped:
                raise StoppedError("The run was stopped.") from None
            if isinstance(error, NoConnectionError):
                error.host = answer.place
                ongoing.missed()
            if answer.ended:
                self.failed(error, 1)
                raise too_slow(self.options) from None
            raise

    def failed(self, error: TryAgainError, attempts: int) -> None:
        """An item was tried so many times, and this is the last error."""
        if isinstance(error, NoConnectionError):
            self.reachable.missed(error.host, attempts)

    def close(self) -> None:
        """Close the connections that are not in use."""
        for pools in (self._pools, *self._proxies.values()):
            pools.clear()

    def _follow(self, answer: Answer, headers: Mapping[str, str]) -> None:
        """Ask, and follow redirects."""
        parts = urlsplit(answer.url)
        origin, secret = _origin(answer.url), bool(parts.query or "@" in parts.netloc)
        own = _credentials(answer.url)
        seen = {answer.url}
        for _ in range(MOST_REDIRECTS + 1):
            sent = {"User-Agent": self._agent, "Accept": "*/*", "Accept-Encoding": "identity", **headers}
            if own and _origin(answer.url) == origin:
                sent["Authorization"] = own
            self._ask(answer, sent)
            if answer.status not in _REDIRECTS or not answer.header("Location"):
                return self._check(answer)
            following = _redirected(answer.url, answer.header("Location"), secret=secret)
            answer.finish()
            if following in seen:
                raise RefusedError("The server redirects in a circle.", fix="Check the address.")
            seen.add(following)
            answer.url = following
        raise RefusedError(
            f"The server redirects more than {MOST_REDIRECTS} times.", fix="Check the address."
        )

    def _ask(self, answer: Answer, headers: Mapping[str, str]) -> None:
        parts = urlsplit(answer.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RefusedError("It is no valid address.", fix="Check it.")
        if answer.ended:
            raise TryAgainError("The transfer was ended.")
        self.reachable.check(answer.place)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        _of_thread.answer = answer
        try:
            answer.response = self._way_to(parts.scheme, parts.hostname).urlopen(
                "GET",
                bare,
                headers=dict(headers),
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        finally:
            _of_thread.answer = None

    def _way_to(self, scheme: str, host: str) -> urllib3.PoolManager:
        """Direct connections, or those to the proxy that the environment names for a host."""
        proxies = getproxies()
        proxy = proxies.get(scheme) or proxies.get("all")
        if not proxy or is_loopback(host) or proxy_bypass(host):
            return self._pools
        check_literal(host, allow_private=self.options.allow_private)
        if proxy not in self._proxies:
            url = proxy if "://" in proxy else f"http://{proxy}"
            user = urlsplit(url)
            words = (
                make_headers(proxy_basic_auth=_pair(user.username, user.password)) if user.username else None
            )
            self._proxies[proxy] = urllib3.ProxyManager(url, HOSTS, proxy_headers=words)
            self._proxies[proxy].pool_classes_by_scheme = _pool_classes(True, socket.getaddrinfo)
        return self._proxies[proxy]

    def _check(self, answer: Answer) -> None:
        if answer.status not in _GOOD:
            raise failure_of_status(answer.status, answer.header("Retry-After"))
        if self.options.robots:
            tags = answer.response.headers.getlist("X-Robots-Tag")
            check_robots(tags, self.options.robots, self.options.user_agent)


@functools.lru_cache(maxsize=8)
def web_client(options: FetchOptions) -> WebClient:
    """The client of this process with these limits."""
    return WebClient(options)


def close_connections() -> None:
    """Close the connections of this process that are not in use."""
    web_client.cache_clear()


def _redirected(url: str, location: str, *, secret: bool) -> str:
    """Where a redirect leads.

    Args:
        secret: whether the address that was given may hold a secret.
    """
    following = urljoin(url, location)
    scheme = urlsplit(following).scheme
    if scheme not in ("http", "https"):
        raise RefusedError(
            "The server redirects to an address that is not http(s).", fix="Check the address."
        )
    if secret and scheme == "http" and urlsplit(url).scheme == "https":
        raise RefusedError("The server redirects a signed address to a connection without encryption.")
    return following


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _credentials(url: str) -> str:
    """The Authorization for the user info of an address; empty for none."""
    parts = urlsplit(url)
    if parts.username is None:
        return ""
    return str(make_headers(basic_auth=_pair(parts.username, parts.password))["authorization"])


def _pair(user: str | None, word: str | None) -> str:
    return f"{unquote(user or '')}:{unquote(word or '')}"


# ----- connections ------------------------------------------------------------------------------------


def _pool_classes(allow_private: bool, resolve: Resolve) -> dict[str, Any]:
    """Pools of connections that go to allowed addresses only, and tell of surplus bytes."""

    class Ours:
        """What is different from the connections of urllib3."""

        surplus = False
        used: Any = None
        """The socket, also while only a body without length is read from it."""

        def connect(self: Any) -> None:
            super().connect()  # type: ignore[misc]
            self.used = self.sock
            if answer := getattr(_of_thread, "answer", None):
                answer.go_on()

        def _new_conn(self: Any) -> socket.socket:
            sock = _connected(self, allow_private, resolve)
            if answer := getattr(_of_thread, "answer", None):
                answer.connected()
            return sock

        def request(self: Any, *args: Any, **kwargs: Any) -> None:
            if answer := getattr(_of_thread, "answer", None):
                answer.use(self)
            super().request(*args, **kwargs)  # type: ignore[misc]

    class Plain(Ours, HTTPConnection):
        pass

    class Secure(Ours, HTTPSConnection):
        pass

    class Watching:
        """A pool that looks at what is left on a connection when an answer was read."""

        def _put_conn(self: Any, conn: Any) -> None:
            if conn is not None and conn.sock is not None and _has_surplus(conn.sock):
                conn.close()
                conn.surplus = True
            super()._put_conn(conn)  # type: ignore[misc]

    class PlainPool(Watching, HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(Watching, HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(connection: Any, allow_private: bool, resolve: Resolve) -> socket.socket:
    """A new socket to the host of a connection; nothing is sent to an address that is refused."""
    host, port = connection._dns_host, connection.port
    failure: OSError | None = None
    try:
        found = allowed_addresses(host, port, resolve, allow_private=allow_private)
    except (socket.gaierror, UnicodeError) as error:
        raise NameResolutionError(host, connection, error) from error  # type: ignore[arg-type]
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(connection.timeout)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, "timed out") from failure
    raise NewConnectionError(connection, "no connection") from failure


def _has_surplus(sock: Any) -> bool:
    """Whether bytes have arrived that belong to no answer."""
    if hasattr(sock, "pending"):  # encrypted
        return bool(sock.pending())
    with contextlib.suppress(OSError):
        return wait_for_read(sock, 0.0) and bool(sock.recv(1, socket.MSG_PEEK))
    return False
