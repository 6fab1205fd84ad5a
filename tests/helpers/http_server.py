"""An HTTP server on loopback whose faults are chosen by the test.

    with HttpServer({"/a.jpg": Page(data)}) as server:
        get(server.url("/a.jpg"))
        server.requests[-1].status, server.sent

It runs in a thread of its own. As a program it serves a folder, for measurements:

    python tests/helpers/http_server.py FOLDER --latency 0.05
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import unquote

_WORDS = {200: "OK", 206: "Partial Content", 304: "Not Modified", 404: "Not Found"}
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer; the fields of `Page` of the same names are those of a good one."""

    status: int = 0
    """Instead of that of the page; its body is not sent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent as well."""
    cut: int | None = None
    """Reset the connection after so many bytes of the answer; 0 is before its head."""
    cut_body: int | None = None
    """Likewise, after so many bytes of the body."""
    ends: bool = False
    """With `cut` and `cut_body`: end the connection in the usual way."""
    length: int = 0
    """Added to the Content-Length."""


@dataclass(frozen=True)
class Page:
    """What one path answers."""

    body: bytes = b""
    status: int = 200
    type: str = ""
    etag: str = ""
    modified: float = 0.0
    """Time of the Last-Modified; 0 for none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    location: str = ""
    """Redirect to here, with `status` or 302."""
    latency: float = 0.0
    """Seconds before the answer; also until `HttpServer.release` is set, where `held`."""
    held: bool = False
    pace: float = 0.0
    """Seconds between blocks of `block` bytes."""
    block: int = _BLOCK
    ranges: bool = True
    """Whether Range is honoured."""
    packed: bool = False
    """Content-Encoding: gzip."""
    chunked: bool = False
    """No Content-Length."""
    faults: tuple[Fault | None, ...] = ()
    """Of the first answers, in order; None is a good one."""
    always: Fault | None = None
    """Of all other answers."""
    later: tuple[Page, ...] = ()
    """Pages of the second, third … request."""


@dataclass(frozen=True)
class Request:
    """A request that was answered, or was about to be."""

    method: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    status: int
    connection: int
    """Number of its connection."""


class HttpServer:
    """The server; a context manager.

    Args:
        pages: by decoded path; a function is asked for each path and returns None for 404.
        latency: seconds before each answer.
        host: loopback address that it listens on.
        tls: speak https with this.
    """

    def __init__(
        self,
        pages: Mapping[str, Page | bytes] | Callable[[str], Page | None] | None = None,
        *,
        latency: float = 0.0,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self.pages = dict(pages) if isinstance(pages, Mapping) else {}
        self._find = pages if callable(pages) else None
        self.latency, self.host, self.port = latency, host, 0
        self.requests: list[Request] = []
        self.sent = 0
        """Bytes of bodies, as they were given to the system."""
        self.connections = self.open = self.most_open = self.active = self.most_active = 0
        """Connections so far, now, at most; requests in progress now, at most."""
        self.release = threading.Event()
        self.asked = threading.Semaphore(0)
        """Released by each request, before its answer."""
        self._counts: dict[str, int] = {}
        self._thread: threading.Thread | None = None

    def __enter__(self) -> HttpServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.stop()

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' * bool(self._tls)}://{host}:{self.port}{path}"

    def start(self) -> None:
        """Listen; after `stop` on the same port again."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self._thread.start()
        ready.wait()
        if not self.port:
            raise OSError("The server could not listen.")

    def stop(self) -> None:
        """Stop at once, as if it were killed: connections are reset."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._thread = None

    def count(self, path: str) -> int:
        """Requests for a path, with query."""
        return sum(request.path == path for request in self.requests)

    async def _main(self, ready: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        try:
            server = await asyncio.start_server(self._serve, self.host, self.port, backlog=512, ssl=self._tls)
            self.port = server.sockets[0].getsockname()[1]
        finally:
            ready.set()
        await self._over.wait()
        server.close()
        for writer in self._writers:
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        number = self.connections
        self._writers.add(writer)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._answer(reader, writer, number):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._writers.discard(writer)
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """Answer one request; returns whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:])
        }
        page, fault = self._page(path)
        status, extra, body = _reply(page, headers) if not fault.status else (fault.status, {}, b"")
        self.requests.append(Request(method, path, headers, status, number))
        self.asked.release()
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            if latency := max(self.latency, page.latency):
                await asyncio.sleep(latency)
            if page.held:
                await asyncio.to_thread(self.release.wait)
            sent = {"Date": formatdate(usegmt=True), **extra, **page.headers, **fault.headers}
            if status != 304:
                if page.chunked:
                    sent["Transfer-Encoding"] = "chunked"
                else:
                    sent["Content-Length"] = str(len(body) + fault.length)
            lines = [f"HTTP/1.1 {status} {_WORDS.get(status, 'Other')}"]
            lines += [f"{name}: {value}" for name, value in sent.items()]
            start = "\r\n".join([*lines, "", ""]).encode("latin-1")
            if method == "HEAD":
                body = b""
            return await self._send(writer, start, body, page, fault)
        finally:
            self.active -= 1

    async def _send(
        self, writer: asyncio.StreamWriter, start: bytes, body: bytes, page: Page, fault: Fault
    ) -> bool:
        whole = start
        if page.chunked:
            parts = [body[at : at + page.block] for at in range(0, len(body), page.block)]
            whole += b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        else:
            whole += body
        cut = len(start) + fault.cut_body if fault.cut_body is not None else fault.cut
        rest = memoryview(whole)[: len(whole) if cut is None else cut]
        first = True
        while rest:
            block = rest[: page.block] if page.pace else rest
            if page.pace and not first:
                await asyncio.sleep(page.pace)
            first = False
            self.sent += len(block)
            writer.write(block)
            await writer.drain()
            rest = rest[len(block) :]
        self.sent -= min(len(start), len(whole) if cut is None else cut)
        if cut is not None and not fault.ends:
            _reset(writer)
        return cut is None and fault.length <= 0

    def _page(self, path: str) -> tuple[Page, Fault]:
        name = unquote(path.partition("?")[0])
        found = self._find(name) if self._find else self.pages.get(path, self.pages.get(name))
        page = Page(found) if isinstance(found, bytes) else found
        if page is None:
            return Page(status=404), Fault(404)
        count = self._counts.get(name, 0)
        self._counts[name] = count + 1
        if page.later:
            page = (page, *page.later)[min(count, len(page.later))]
        fault = page.faults[count] if count < len(page.faults) else page.always
        return page, fault or Fault()


def _reply(page: Page, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a good answer."""
    headers = {"Content-Type": page.type} if page.type else {}
    if page.location:
        return (page.status if page.status != 200 else 302), {**headers, "Location": page.location}, b""
    if page.status != 200:
        return page.status, headers, page.body
    if page.etag:
        headers["ETag"] = page.etag
    if page.modified:
        headers["Last-Modified"] = formatdate(page.modified, usegmt=True)
    if page.ranges:
        headers["Accept-Ranges"] = "bytes"
    if _is_known(page, asked):
        return 304, headers, b""
    if page.packed and "gzip" in asked.get("accept-encoding", ""):
        return 200, {**headers, "Content-Encoding": "gzip"}, gzip.compress(page.body, mtime=0)
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.get("range", ""))
    if not found or not page.ranges or not _fits(page, asked.get("if-range", "")):
        return 200, headers, page.body
    first, last = found.groups()
    size = len(page.body)
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= size:
        return 416, {**headers, "Content-Range": f"bytes */{size}"}, b""
    return 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}, page.body[start:stop]


def _is_known(page: Page, asked: Mapping[str, str]) -> bool:
    if "if-none-match" in asked:
        return bool(page.etag) and page.etag in asked["if-none-match"]
    since = asked.get("if-modified-since", "")
    return bool(since and page.modified) and parsedate_to_datetime(since).timestamp() >= int(page.modified)


def _fits(page: Page, condition: str) -> bool:
    if not condition or (condition == page.etag and not page.etag.startswith("W/")):
        return True
    return bool(page.modified) and condition == formatdate(page.modified, usegmt=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main(given: Iterable[str] | None = None) -> None:
    """Serve a folder until standard input ends; prints the address."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args(None if given is None else list(given))

    def page(path: str) -> Page | None:
        file = os.path.join(args.folder, path.lstrip("/"))
        if not os.path.isfile(file):
            return None
        with open(file, "rb") as opened:
            data = opened.read()
        return Page(data, modified=os.path.getmtime(file), etag=f'"{len(data):x}"')

    server = HttpServer(page, latency=args.latency)
    server.port = args.port
    with server:
        print(server.url(""), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while os.read(0, 1 << 10):
                pass
        print(f"{len(server.requests)} requests, {server.connections} connections, {server.sent} bytes")


if __name__ == "__main__":
    main()
