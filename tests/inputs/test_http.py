"""Transfers from a server on loopback with all its faults, and addresses that are refused before a packet."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path

import pytest
from http_server import Fault, HttpServer, Page

from imgpar.core.errors import (
    BadValueError,
    ImgparError,
    LimitError,
    LockedError,
    NoFileError,
    RefusedError,
    SourceError,
    may_pass,
)
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing, agent, robots
from imgpar.inputs.http import close_connections, fetch, fetch_url, open_url
from imgpar.inputs.http.client import WebClient
from imgpar.inputs.http.hosts import allowed_addresses, check_literal, why_refused

DATA = bytes(range(256)) * 1200
HALF = len(DATA) // 2
RANGE = {"Content-Range": f"bytes {HALF}-{len(DATA) - 1}/{len(DATA)}"}
LOCAL = FetchOptions(allow_private=True, retries=2)
DATED = time.time() - 86_400


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.0)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with HttpServer({"/a.jpg": Page(DATA, etag='"1"', modified=DATED)}) as server:
        yield server
    close_connections()


def got(server: HttpServer, path: Path, page: Page | None = None, **more: object) -> Fetched:
    """Fetch the page; the file is checked."""
    if page is not None:
        server.pages["/a.jpg"] = page
    options = more.pop("options", LOCAL)
    fetched = fetch_url(server.url("/a.jpg"), str(path / "a"), options, **more)  # type: ignore[arg-type]
    assert (path / "a").read_bytes() == DATA
    (path / "a").unlink()
    return fetched


def failure(server: HttpServer, path: Path, page: Page, options: FetchOptions = LOCAL) -> ImgparError:
    server.pages["/a.jpg"] = page
    with pytest.raises(ImgparError) as raised:
        fetch_url(server.url("/a.jpg"), str(path / "a"), options)
    assert list(path.iterdir()) == []
    return raised.value


# ----- good answers --------------------------------------------------------------------------------


def test_a_file_and_what_the_server_says_of_it(server: HttpServer, tmp_path: Path) -> None:
    found = got(server, tmp_path)
    assert found == Fetched(len(DATA), '"1"', mtime_ns=int(DATED) * 10**9)
    assert server.requests[0].headers["user-agent"].startswith("imgpar/")


def test_connections_are_used_again(server: HttpServer, tmp_path: Path) -> None:
    for _ in range(5):
        got(server, tmp_path)
    assert server.connections == 1


@pytest.mark.parametrize("page", [Page(DATA, packed=True), Page(DATA, chunked=True, block=5000), Page(DATA)])
def test_codings_of_a_body(server: HttpServer, tmp_path: Path, page: Page) -> None:
    found = got(server, tmp_path, page)
    assert found == Fetched(len(DATA))


def test_a_server_is_asked_for_changes(server: HttpServer, tmp_path: Path) -> None:
    found = fetch_url(server.url("/a.jpg"), str(tmp_path / "a"), LOCAL, '"1"')
    assert found == Fetched(0, '"1"', not_modified=True)
    assert list(tmp_path.iterdir()) == []
    date = formatdate(DATED, usegmt=True)
    server.pages["/a.jpg"] = Page(DATA, modified=DATED)
    assert fetch_url(server.url("/a.jpg"), str(tmp_path / "a"), LOCAL, date).not_modified
    assert got(server, tmp_path, Page(DATA, etag='"2"'), validator='"1"').validator == '"2"'
    assert [request.status for request in server.requests] == [304, 304, 200]


# ----- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("etag", ['"1"', ""])
@pytest.mark.parametrize("cut", [0, 1, 16, 60, 200, -HALF, -1])
def test_a_reset_at_any_place_is_bridged(server: HttpServer, tmp_path: Path, cut: int, etag: str) -> None:
    fault = Fault(cut=cut) if cut >= 0 else Fault(cut_body=len(DATA) + cut)
    got(server, tmp_path, Page(DATA, etag=etag, faults=(fault, fault if cut < 60 else None)))


def test_a_broken_transfer_goes_on_where_it_was(server: HttpServer, tmp_path: Path) -> None:
    got(server, tmp_path, Page(DATA, etag='"1"', faults=(Fault(cut_body=HALF, ends=True),)))
    assert server.requests[1].status == 206
    assert server.requests[1].headers["range"] == f"bytes={HALF}-"
    assert server.sent == len(DATA)


@pytest.mark.parametrize(
    "later",
    [
        Page(DATA, etag='"2"'),
        Page(DATA, etag='"2"', ranges=False),
        Page(
            DATA,
            status=206,
            headers={"Content-Range": f"bytes {HALF}-{len(DATA) - 1}/{len(DATA)}"},
            etag='"2"',
        ),
        Page(b"", status=416),
    ],
)
def test_parts_of_two_contents_are_never_put_together(
    server: HttpServer, tmp_path: Path, later: Page
) -> None:
    cut = Fault(cut_body=HALF, ends=True)
    good = Page(DATA, etag='"2"')
    got(server, tmp_path, Page(DATA[::-1], etag='"1"', faults=(cut,), later=(later, good)))


def test_a_content_of_another_date_is_fetched_anew(server: HttpServer, tmp_path: Path) -> None:
    """Only the condition of the request tells them apart."""
    cut = Fault(cut_body=HALF, ends=True)
    later = Page(DATA, modified=DATED + 60)
    got(server, tmp_path, Page(DATA[::-1], modified=DATED, faults=(cut,), later=(later,)))
    assert [request.status for request in server.requests] == [200, 200]


@pytest.mark.parametrize(("length", "words"), [(10, "less than it had"), (-10, "more than it had")])
def test_a_length_that_is_wrong(server: HttpServer, tmp_path: Path, length: int, words: str) -> None:
    error = failure(server, tmp_path, Page(DATA, always=Fault(length=length, ends=True)))
    assert words in str(error)
    assert "tried 3 times" in str(error)
    assert error.may_pass
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "kind", "requests"),
    [
        (404, NoFileError, 1),
        (410, NoFileError, 1),
        (401, LockedError, 1),
        (403, LockedError, 1),
        (418, RefusedError, 1),
        (429, SourceError, 3),
        (500, SourceError, 3),
        (503, SourceError, 3),
    ],
)
def test_statuses(server: HttpServer, tmp_path: Path, status: int, kind: type, requests: int) -> None:
    error = failure(server, tmp_path, Page(always=Fault(status)))
    assert type(error) is kind
    assert str(status) in str(error)
    assert error.may_pass == may_pass(kind.__name__) == (requests > 1)
    assert len(server.requests) == requests


class Waits(Ongoing):
    """Notes the seconds instead of waiting."""

    def __init__(self) -> None:
        self.waited: list[tuple[float, bool]] = []

    def wait(self, seconds: float, *, asked: bool = False) -> None:
        self.waited.append((seconds, asked))


def test_a_server_says_how_long_to_wait(server: HttpServer, tmp_path: Path) -> None:
    date = formatdate(time.time() + 100, usegmt=True)
    faults = (Fault(503, {"Retry-After": "7"}), Fault(429, {"Retry-After": date}))
    waits = Waits()
    got(server, tmp_path, Page(DATA, faults=faults), ongoing=waits)
    (first, asked), (second, _) = waits.waited
    assert (first, asked) == (7.0, True)
    assert 90 < second <= 100


def test_nobody_waits_for_an_hour(server: HttpServer, tmp_path: Path) -> None:
    error = failure(server, tmp_path, Page(always=Fault(429, {"Retry-After": "3600"})))
    assert error.may_pass
    assert len(server.requests) == 1


def test_waits_grow_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.random, "uniform", lambda _, most: most)
    assert [fetch.wait_seconds(attempt, 0.0) for attempt in (0, 1, 2, 9)] == [0.5, 1.0, 2.0, 30.0]
    assert fetch.wait_seconds(0, 8.0) == 8.5


def test_a_server_that_is_killed_and_comes_back(server: HttpServer, tmp_path: Path) -> None:
    class Restarts(Waits):
        def wait(self, seconds: float, *, asked: bool = False) -> None:
            super().wait(seconds, asked=asked)
            server.start()

    server.stop()
    waits = Restarts()
    got(server, tmp_path, ongoing=waits)
    assert len(waits.waited) == 1


def test_nobody_listens(server: HttpServer, tmp_path: Path) -> None:
    server.stop()
    error = failure(server, tmp_path, Page(DATA), replace(LOCAL, retries=0))
    assert str(error).startswith("No connection to 127.0.0.1: Connection refused.")


def test_a_silent_server(server: HttpServer, tmp_path: Path) -> None:
    options = replace(LOCAL, read_timeout=0.1, retries=1)
    error = failure(server, tmp_path, Page(DATA, held=True), options)
    assert str(error).startswith("The server did not answer for 0.1 s. It was tried 2 times.")


def test_a_slow_server_and_the_limit_of_the_whole(server: HttpServer, tmp_path: Path) -> None:
    options = replace(LOCAL, timeout=0.3)
    error = failure(server, tmp_path, Page(DATA, pace=0.02, block=1000), options)
    assert str(error) == "It was not complete after 0.3 s. Allow more with --fetch-timeout (fetch_timeout=)."


@pytest.mark.parametrize("page", [Page(DATA), Page(DATA, chunked=True), Page(bytes(1 << 20), packed=True)])
def test_a_limit_of_bytes(server: HttpServer, tmp_path: Path, page: Page) -> None:
    error = failure(server, tmp_path, page, replace(LOCAL, most_bytes=100_000))
    assert type(error) is LimitError
    assert "--max-download" in str(error)


# ----- redirects -----------------------------------------------------------------------------------


def test_redirects_are_followed_and_counted(server: HttpServer, tmp_path: Path) -> None:
    for at in range(12):
        server.pages[f"/{at}"] = Page(location=f"/{at + 1}")
    server.pages["/10"] = Page(DATA, etag='"1"')
    fetch_url(server.url("/0"), str(tmp_path / "a"), LOCAL)
    server.pages["/10"] = Page(location="/11")
    with pytest.raises(RefusedError, match="more than 10 times"):
        fetch_url(server.url("/0"), str(tmp_path / "b"), LOCAL)
    assert server.connections == 1


@pytest.mark.parametrize("location", ["/a.jpg", "/b.jpg"])
def test_circles_end(server: HttpServer, tmp_path: Path, location: str) -> None:
    server.pages["/b.jpg"] = Page(location="/a.jpg")
    error = failure(server, tmp_path, Page(location=location))
    assert "circle" in str(error)
    assert len(server.requests) <= 2


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "data:,x"])
def test_redirects_stay_on_the_web(server: HttpServer, tmp_path: Path, location: str) -> None:
    assert "not http(s)" in str(failure(server, tmp_path, Page(location=location)))


def test_user_and_password_stay_with_their_server(server: HttpServer, tmp_path: Path) -> None:
    with HttpServer({"/b.jpg": DATA}) as other:
        server.pages["/a.jpg"] = Page(location="/c.jpg")
        server.pages["/c.jpg"] = Page(location=other.url("/b.jpg"))
        url = server.url("/a.jpg").replace("//", "//me:w%3Ard@")
        fetch_url(url, str(tmp_path / "a"), LOCAL)
        sent = [request.headers.get("authorization") for request in (*server.requests, *other.requests)]
        assert sent == ["Basic bWU6dzpyZA==", "Basic bWU6dzpyZA==", None]


@pytest.fixture
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    cryptography = pytest.importorskip("cryptography")
    assert cryptography
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    coding = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(coding, *plain) + made.public_bytes(coding))
    return file


def test_https(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with HttpServer({"/a.jpg": DATA}, tls=tls) as server, HttpServer({"/b.jpg": DATA}) as plain:
        with pytest.raises(RefusedError, match="The certificate of the server is not valid: self"):
            fetch_url(server.url("/a.jpg"), str(tmp_path / "a"), LOCAL)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        client = WebClient(LOCAL)
        for name in ("a", "b", "c"):
            fetch_url(server.url("/a.jpg"), str(tmp_path / name), LOCAL, client=client)
            assert (tmp_path / name).read_bytes() == DATA
        assert len({request.connection for request in server.requests}) == 1
        server.pages["/r.jpg"] = Page(location=plain.url("/b.jpg"))
        fetch_url(server.url("/r.jpg"), str(tmp_path / "d"), LOCAL, client=client)
        with pytest.raises(RefusedError, match="without encryption"):
            fetch_url(server.url("/r.jpg?signature=1"), str(tmp_path / "e"), LOCAL, client=client)
        client.close()


# ----- addresses that are refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1",
        "192.168.1.1", "192.0.0.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fec0::1", "ff02::1", "2002:7f00:1::", "2002:a00:1::1", "2002:5db8:d70e::1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::5db8:d70e", "2001:db8::1", "100::1",
        "2001:0:5ef5:79fb:0:0:f5ff:fffe",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert why_refused(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14"]
)
def test_public_addresses(address: str) -> None:
    assert not why_refused(address)


def resolving(*addresses: str) -> object:
    def resolve(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


def test_no_packet_goes_to_a_name_with_a_private_address(server: HttpServer, tmp_path: Path) -> None:
    options = FetchOptions()
    client = WebClient(options, resolving("127.0.0.1"))  # type: ignore[arg-type]
    for host in ("photos.example", "localhost", "127.0.0.1", "2130706433", "0x7f.1"):
        url = f"http://{host}:{server.port}/a.jpg"
        with pytest.raises(RefusedError, match=r"loopback address.*--allow-private"):
            fetch_url(url, str(tmp_path / "a"), options, client=client)
    assert (server.connections, server.requests) == (0, [])


def test_no_packet_goes_to_where_a_redirect_leads(server: HttpServer, tmp_path: Path) -> None:
    """The first server counts as public here, as its name is resolved by the test."""
    answers = {"public.example": "127.0.0.1"}

    def resolve(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.get(host, host), port))]

    with HttpServer({"/b.jpg": DATA}) as inner, pytest.MonkeyPatch.context() as patch:
        server.pages["/a.jpg"] = Page(location=inner.url("/b.jpg").replace("127.0.0.1", "10.0.0.1"))
        real = why_refused
        patch.setattr(
            "imgpar.inputs.http.hosts.why_refused", lambda host: "" if host == "127.0.0.1" else real(host)
        )
        client = WebClient(FetchOptions(), resolve)  # type: ignore[arg-type]
        url = f"http://public.example:{server.port}/a.jpg"
        with pytest.raises(RefusedError, match=r"10\.0\.0\.1 has a private address"):
            fetch_url(url, str(tmp_path / "a"), FetchOptions(), client=client)
        assert len(server.requests) == 1
        assert inner.connections == 0


def test_only_public_addresses_of_a_name_are_used() -> None:
    found = allowed_addresses("a.example", 80, resolving("10.0.0.1", "93.184.215.14"), allow_private=False)  # type: ignore[arg-type]
    assert [one[4][0] for one in found] == ["93.184.215.14"]


def test_a_proxy_of_the_environment(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = "http://photos.example/a.jpg?size=2"
    server.pages[seen] = Page(DATA)
    monkeypatch.setenv("http_proxy", server.url(""))
    fetch_url(seen.replace("//", "//me:word@"), str(tmp_path / "a"), FetchOptions())
    assert server.requests[0].path == seen
    with pytest.raises(RefusedError, match="link-local"):
        fetch_url("http://169.254.169.254/latest", str(tmp_path / "b"), FetchOptions())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url", ["http://", "http:///a.jpg", "http://[::1/a", "http://a b/", "http://h:99999/"]
)
def test_what_is_no_address(url: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        fetch_url(url, str(tmp_path / "a"), LOCAL)


# ----- X-Robots-Tag --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "refused"),
    [
        ("noai", True),
        ("all, NoImageAI", True),
        ("noarchive", False),
        ("mybot: noai", True),
        ("imgpar: noindex", True),
        ("*: noai", True),
        ("otherbot: noai", False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", False),
    ],
)
def test_servers_that_do_not_allow_this_use(
    server: HttpServer, tmp_path: Path, tag: str, refused: bool
) -> None:
    page = Page(DATA, headers={"X-Robots-Tag": tag})
    got(server, tmp_path, page)
    options = replace(LOCAL, robots=robots("all"), user_agent="mybot")
    if refused:
        assert "X-Robots-Tag" in str(failure(server, tmp_path, page, options))
    else:
        got(server, tmp_path, page, options=options)
    assert server.requests[-1].headers["user-agent"].endswith(" mybot")


@pytest.mark.parametrize("value", ["", "a b", "no;ai", 3])
def test_bad_directives(value: object) -> None:
    with pytest.raises(BadValueError):
        robots(value)


@pytest.mark.parametrize("value", ["a b", "bot\r\nX: y", 3])
def test_bad_names_of_programs(value: object) -> None:
    with pytest.raises(BadValueError):
        agent(value)


# ----- an open file --------------------------------------------------------------------------------


def test_only_what_is_read_is_fetched(server: HttpServer) -> None:
    data = bytes(range(256)) * 40_000
    server.pages["/a.jpg"] = Page(data, etag='"1"')
    with open_url(server.url("/a.jpg"), LOCAL) as file:
        assert file.read(20) == data[:20]
        assert file.seek(-20, 2) == len(data) - 20
        assert file.read() == data[-20:]
        assert server.sent < len(data) / 50
        assert file.seek(5_000_000) == 5_000_000
        assert file.read(300) == data[5_000_000:5_000_300]
        file.seek(0)
        assert file.read() == data
        assert len(server.requests) < 20


@pytest.mark.parametrize("page", [Page(DATA, ranges=False), Page(DATA, packed=True, ranges=False), Page(b"")])
def test_servers_without_ranges(server: HttpServer, page: Page) -> None:
    server.pages["/a.jpg"] = page
    with open_url(server.url("/a.jpg"), LOCAL) as file:
        file.seek(len(page.body) // 2)
        assert file.read() == page.body[len(page.body) // 2 :]
    assert len(server.requests) == 1


@pytest.mark.parametrize("later", [Page(DATA[::-1], etag='"2"'), Page(DATA[:-1]), Page(DATA, ranges=False)])
def test_a_file_that_changes_while_it_is_read(server: HttpServer, later: Page) -> None:
    first = Page(DATA, etag='"1"', later=(later,))
    server.pages["/a.jpg"] = first
    with open_url(server.url("/a.jpg"), LOCAL) as file:
        file.seek(200_000)
        with pytest.raises(SourceError, match="It changed"):
            file.read(10)


@pytest.mark.parametrize("way", ["fetch", "open"])
def test_an_answer_that_does_not_end_is_ended(tmp_path: Path, way: str) -> None:
    """A server that sends one interim answer after the other is never silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

        # It ends when the exception that holds the connection is gone.
        threading.Thread(target=serve, daemon=True).start()
        url, options = (
            f"http://127.0.0.1:{listener.getsockname()[1]}/",
            replace(LOCAL, timeout=0.3, retries=0),
        )
        with pytest.raises(SourceError, match=r"not complete after 0\.3 s"):
            open_url(url, options) if way == "open" else fetch_url(url, str(tmp_path / "a"), options)


def test_a_body_without_length_that_is_ended_is_not_whole(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + DATA)
                while connection.recv(1 << 16):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        url, options = (
            f"http://127.0.0.1:{listener.getsockname()[1]}/",
            replace(LOCAL, timeout=0.3, retries=0),
        )
        with pytest.raises(SourceError, match=r"not complete after 0\.3 s"):
            fetch_url(url, str(tmp_path / "a"), options)
        thread.join()


def test_a_head_that_is_cut_off_is_no_empty_file(server: HttpServer, tmp_path: Path) -> None:
    page = Page(DATA, faults=(Fault(cut=30, ends=True),) * 2)
    assert got(server, tmp_path, page).bytes == len(DATA)


@pytest.mark.parametrize(
    ("sent", "words"), [("0-99999999/100000000", "another part"), ("0-65535/100000000", "more than it had")]
)
def test_a_part_is_no_longer_than_was_asked_for(server: HttpServer, sent: str, words: str) -> None:
    """A body without end is not collected in memory."""
    headers = {"Content-Range": f"bytes {sent}"}
    endless = Page(bytes(20 << 20), status=206, headers=headers, chunked=True)
    server.pages["/a.jpg"] = endless
    with pytest.raises(SourceError, match=words):
        open_url(server.url("/a.jpg"), replace(LOCAL, retries=0))


@pytest.mark.parametrize("etag", [f'"{"x" * 2000}"', '"a\tb"'])
def test_an_etag_that_cannot_be_sent_back_is_none(server: HttpServer, tmp_path: Path, etag: str) -> None:
    assert got(server, tmp_path, Page(DATA, etag=etag)).validator == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "127.1.", "[::1]"])
def test_a_proxy_is_not_asked_for_a_private_address(host: str) -> None:
    with pytest.raises(RefusedError, match="loopback"):
        check_literal(host, allow_private=False)


def test_blocks_are_asked_for_again(server: HttpServer) -> None:
    server.pages["/a.jpg"] = Page(
        DATA, etag='"1"', faults=(Fault(cut=0), None, Fault(503), Fault(cut_body=9))
    )
    with open_url(server.url("/a.jpg"), LOCAL) as file:
        assert file.read() == DATA


# ----- hosts that are given up ----------------------------------------------------------------------


def attempts_at(place: tuple[str, int], read: Callable[[str, WebClient], object], count: int) -> list[str]:
    """What `count` items of a host say, and how often its name was resolved before it."""
    asked, said = 0, list[str]()

    def resolve(*_: object, **__: object) -> list[object]:
        nonlocal asked
        asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)]

    options = FetchOptions(allow_private=True, retries=1, connect_timeout=5)
    client = WebClient(options, resolve)  # type: ignore[arg-type]
    for _ in range(count):
        try:
            read(f"http://host:{place[1]}/a.jpg", client)
        except SourceError as error:
            said.append(str(error))
    return [str(asked), *said]


@pytest.mark.parametrize("kind", ["fetch", "open"])
def test_a_host_without_connections_is_given_up(kind: str, server: HttpServer, tmp_path: Path) -> None:
    def read(url: str, client: WebClient) -> object:
        if kind == "open":
            return open_url(url, client.options, client)
        return fetch_url(url, str(tmp_path / "a"), client.options, client=client)

    server.stop()
    attempts, *said = attempts_at(("127.0.0.1", server.port), read, 6)
    assert attempts == "6"  # of three items
    tried = "Connection refused. It was tried 2 times. Try again later."
    given_up = "was given up: 6 attempts got no connection. Later, run imgpar retry OUT."
    assert [text.partition(": ")[2] for text in said[:3]] == [tried] * 3
    assert said[3:] == [f"host:{server.port} {given_up}"] * 3


def test_a_host_that_had_a_connection_is_never_given_up(server: HttpServer, tmp_path: Path) -> None:
    def read(url: str, client: WebClient) -> None:
        fetch_url(url, str(tmp_path / "a"), client.options, client=client)
        (tmp_path / "a").unlink()
        client.close()
        server.stop()

    said = attempts_at(("127.0.0.1", server.port), read, 7)[1:]
    assert len(said) == 6
    assert not [text for text in said if "given up" in text]


# ----- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        Page(status=404),
        Page(always=Fault(403)),
        Page(always=Fault(cut=0)),
        Page(always=Fault(503)),
        Page(location="/c?token=S3CRET"),
        Page(location="file:///S3CRET"),
        Page(DATA, always=Fault(length=9, ends=True)),
    ],
)
def test_no_failure_names_a_secret(server: HttpServer, tmp_path: Path, page: Page) -> None:
    server.pages["/a.jpg"] = server.pages["/c"] = page
    url = server.url("/a.jpg?token=S3CRET").replace("//", "//me:S3CRET@")
    with pytest.raises(ImgparError) as raised:
        fetch_url(url, str(tmp_path / "a"), LOCAL)
    error: BaseException | None = raised.value
    while error is not None:
        assert "S3CRET" not in f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_transfers_end_at_once(server: HttpServer, tmp_path: Path) -> None:
    """What `end` does from another thread."""
    server.pages["/a.jpg"] = Page(DATA, held=True)
    ends: list[object] = []

    class Ended(Waits):
        stopped = False  # type: ignore[assignment]

        def ends_by(self, end: object, seconds: float) -> object:  # type: ignore[override]
            ends.append(end)
            return super().ends_by(end, seconds)  # type: ignore[arg-type]

    def stop() -> None:
        server.asked.acquire()
        Ended.stopped = True  # type: ignore[assignment]
        ends[0]()  # type: ignore[operator]

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(SourceError, match="The run was stopped"):
        fetch_url(server.url("/a.jpg"), str(tmp_path / "a"), LOCAL, ongoing=Ended())
    thread.join()
