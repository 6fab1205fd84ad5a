"""Runs whose items come from servers: many hosts at once, limits, second runs, servers that die, stops."""

from __future__ import annotations

import io
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from http_server import Fault, HttpServer, Page
from PIL import Image
from web_source import LOCAL, WebSource

import imgpar
from imgpar.batch.hosts import Hosts, Turn
from imgpar.inputs.fetching import FetchOptions
from imgpar.inputs.http import fetch


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.0)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def picture(seed: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed * 6 % 256, 90, 120)).save(data, "PNG")
    return data.getvalue()


def pages(count: int, **fields: object) -> dict[str, Page]:
    return {f"/{at}.png": Page(picture(at), etag=f'"{at}"', **fields) for at in range(count)}  # type: ignore[arg-type]


def source(server: HttpServer, options: FetchOptions = LOCAL) -> WebSource:
    return WebSource([server.url(path) for path in server.pages], options)


@contextmanager
def answers_together(server: HttpServer, count: int) -> Iterator[None]:
    """Pages that are held are answered once `count` were asked for at a time; no latency decides it."""

    def answer() -> None:
        for _ in range(count):
            server.asked.acquire(timeout=60)
        server.release.set()

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_outputs_are_those_of_a_local_run(tmp_path: Path, session: imgpar.Session) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for at in range(20):
        (photos / f"{at}.png").write_bytes(picture(at))
    imgpar.convert(photos, tmp_path / "local", to="webp", session=session)
    with HttpServer(pages(20)) as server:
        report = imgpar.convert(source(server), tmp_path / "web", to="webp", session=session)
    assert [item.source for item in report.items] == [f"test://web/{at}.png" for at in range(20)]
    assert {item.source_bytes for item in report.items} == {len(picture(at)) for at in range(20)}
    assert files(tmp_path / "web") == files(tmp_path / "local")


def test_few_transfers_from_one_host(tmp_path: Path, session: imgpar.Session) -> None:
    for most in (8, 3):
        with HttpServer(pages(30, held=True)) as server, answers_together(server, most):
            out = tmp_path / str(most)
            assert imgpar.convert(source(server), out, to="jpg", per_host=most, session=session).ok == 30
        assert server.most_active == most
        assert server.connections <= most


def test_a_transfer_for_arrays_has_its_limit_of_time(session: imgpar.Session) -> None:
    told: list[imgpar.Event] = []
    with HttpServer({"/0.png": Page(picture(), held=True)}) as server:
        options = replace(LOCAL, timeout=0.3, read_timeout=20, retries=0)
        given = [source(server, options)]
        assert list(session.arrays(imgpar.Pipeline(), given, errors="skip", on_event=told.append)) == []
    (failed,) = [event.outcome for event in told if event.outcome]
    assert (
        failed.error == "It was not complete after 0.3 s. Allow more with --fetch-timeout (fetch_timeout=)."
    )


def test_a_slow_host_holds_up_nobody(tmp_path: Path, session: imgpar.Session) -> None:
    """The slow one answers when all pictures of the other are done, else never."""
    slow = {f"/slow{at}.png": Page(picture(at), held=True) for at in range(20)}
    with HttpServer(slow) as first, HttpServer(pages(20)) as second:
        done = Counter[bool]()

        def listen(event: imgpar.Event) -> None:
            if event.outcome:
                done["slow" in event.outcome.source] += 1
                if done[False] == 20:
                    first.release.set()

        both = WebSource([*source(first).urls, *source(second).urls])
        report = imgpar.convert(both, tmp_path, to="jpg", session=session, on_event=listen)
        assert report.ok == 40


@contextmanager
def never_answers() -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a server whose queue of connections is full, and what makes it refuse them."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}", server.close


def test_a_dead_host_at_the_head_of_a_list_holds_up_nobody(tmp_path: Path, session: imgpar.Session) -> None:
    """It refuses connections when all pictures of the other are done; until then it never answers."""
    with never_answers() as (dead, refuse), HttpServer(pages(50)) as good:
        told = list[imgpar.Outcome]()

        def listen(event: imgpar.Event) -> None:
            if event.outcome:
                told.append(event.outcome)
                if len(told) == 50:
                    refuse()

        (tmp_path / "urls.txt").write_text(
            "\n".join([*(f"{dead}/dead{at}.png" for at in range(2100)), *source(good).urls])
        )
        settings = {"downloads": 9, "retries": 0, "allow_private": True, "session": session}
        given = imgpar.InputList(tmp_path / "urls.txt")
        imgpar.convert(given, tmp_path / "out", to="jpg", on_event=listen, **settings)
    assert [outcome.status for outcome in told] == ["ok"] * 50 + ["failed"] * 2100
    given_up = "was given up: 5 attempts got no connection. Later, run imgpar retry OUT."
    assert Counter(given_up in outcome.error for outcome in told[50:]) == {True: 2095, False: 5}


def test_a_second_run_asks_whether_items_have_changed(tmp_path: Path, session: imgpar.Session) -> None:
    with HttpServer(pages(6)) as server:
        server.pages["/dated.png"] = Page(picture(7), modified=1e9)
        server.pages["/plain.png"] = Page(picture(8))
        first = imgpar.convert(source(server), tmp_path, to="jpg", session=session)
        assert first.ok == 8
        server.pages["/3.png"] = Page(picture(30), etag='"new"')
        server.requests.clear()
        second = imgpar.convert(source(server), tmp_path, to="jpg", session=session)
        assert (second.ok, second.reasons) == (1, {"unchanged": 7})
        asked = {request.path: request.status for request in server.requests}
        assert asked.pop("/3.png") == asked.pop("/plain.png") == 200
        assert set(asked.values()) == {304}
        server.requests.clear()
        third = imgpar.convert(source(server), tmp_path, to="jpg", session=session)
        assert third.reasons == {"unchanged": 8}
        assert Counter(request.status for request in server.requests) == {304: 7, 200: 1}


def test_no_condition_where_the_content_is_needed(tmp_path: Path, session: imgpar.Session) -> None:
    with HttpServer(pages(3)) as server:
        imgpar.convert(source(server), tmp_path, to="jpg", session=session)
        (tmp_path / "1.jpg").unlink()
        server.requests.clear()
        report = imgpar.convert(source(server), tmp_path, to="jpg", session=session)
        assert (report.ok, report.reasons) == (1, {"unchanged": 2})
        assert sorted(request.status for request in server.requests) == [200, 304, 304]
        server.requests.clear()
        assert imgpar.convert(source(server), tmp_path, to="jpg", quality=30, session=session).ok == 3
        assert {request.status for request in server.requests} == {200}


def test_a_sink_and_a_server_that_is_asked(session: imgpar.Session) -> None:
    sink = imgpar.MemorySink()
    with HttpServer(pages(3)) as server:
        for reasons in ({}, {"unchanged": 3}):
            report = imgpar.convert(source(server), sink, to="jpg", session=session)
            assert report.reasons == reasons
    assert sorted(sink) == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_journal_without_validators_is_converted(tmp_path: Path, session: imgpar.Session) -> None:
    with HttpServer(pages(3)) as server:
        imgpar.convert(source(server), tmp_path, to="jpg", session=session)
        with closing(sqlite3.connect(tmp_path / ".imgpar/journal.db")) as database:
            database.execute("ALTER TABLE items DROP COLUMN validator")
            database.execute("PRAGMA user_version = 2")
            database.commit()
        for statuses in ({200: 3}, {304: 3}):
            server.requests.clear()
            report = imgpar.convert(source(server), tmp_path, to="jpg", session=session)
            assert report.reasons == {"unchanged": 3}
            assert Counter(request.status for request in server.requests) == statuses


def test_what_fails_is_named_and_tried_again_by_retry(tmp_path: Path, session: imgpar.Session) -> None:
    with HttpServer(pages(3)) as server:
        server.pages["/busy.png"] = Page(picture(9), faults=(Fault(503),) * 3)
        server.pages["/gone.png"] = Page(status=404)
        server.pages["/broken.png"] = Page(picture()[:40])
        failing = source(server, replace(LOCAL, retries=2))
        report = imgpar.convert(failing, tmp_path, to="jpg", session=session)
        errors = {Path(item.source).name: (item.kind, item.error) for item in report.items if item.error}
        assert report.ok == 3
        assert errors["gone.png"] == ("NoFileError", "The server has no such file (404).")
        assert errors["busy.png"][1].startswith("The server cannot answer now (503). It was tried 3 times.")
        assert errors["broken.png"][0] == "DamagedError"
        again = imgpar.retry(tmp_path, failing, session=session)
        assert {Path(item.source).name: item.status for item in again.items if item.status == "ok"} == {
            "busy.png": "ok"
        }


def test_a_server_that_dies_and_comes_back_in_a_run(
    tmp_path: Path, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.01)  # without waits all attempts are over before it is back
    with HttpServer(pages(60), latency=0.005) as server:
        done = 0

        def listen(event: imgpar.Event) -> None:
            nonlocal done
            if event.outcome:
                done += 1
                if done in (5, 20):
                    server.stop()
                    server.start()

        options = replace(LOCAL, retries=20)
        report = imgpar.convert(source(server, options), tmp_path, to="jpg", session=session, on_event=listen)
        assert (report.ok, report.failed) == (60, 0)


@pytest.mark.parametrize("accept", [False, True])
def test_one_file_of_items_of_which_one_is_missing(
    tmp_path: Path, session: imgpar.Session, accept: bool
) -> None:
    with HttpServer(pages(4)) as server:
        server.pages["/2.png"] = Page(status=404)
        report = imgpar.Pipeline().assemble(
            source(server), tmp_path / "all.pdf", accept_damaged=accept, session=session
        )
        rest = "ok" if accept else "skipped"
        assert [item.status for item in report.items] == [rest, rest, "failed", rest]
        assert "404" in next(item.error for item in report.items if item.error)


@pytest.mark.usefixtures("no_leaks")
def test_a_stop_ends_transfers(tmp_path: Path) -> None:
    with HttpServer(pages(40, held=True)) as server:
        token = imgpar.CancelToken()

        def stop() -> None:
            server.asked.acquire()
            token.cancel()

        thread = threading.Thread(target=stop)
        thread.start()
        report = imgpar.convert(source(server), tmp_path, to="jpg", jobs=1, cancel=token)
        thread.join()
        assert report.cancelled
        assert report.ok == report.failed == 0


def test_a_header_costs_no_picture(session: imgpar.Session) -> None:
    data = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (3000, 3000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(data, "JPEG", quality=98)
    with HttpServer({"/a.jpg": Page(data.getvalue(), etag='"1"')}) as server:
        [(path, info)] = session.describe(source(server))
        assert path == "test://web/a.jpg"
        assert isinstance(info, imgpar.PictureInfo)
        assert (info.size, info.bytes) == ((3000, 3000), len(data.getvalue()))
        assert server.sent < len(data.getvalue()) / 50


def test_conditions_and_names_from_headers(tmp_path: Path, session: imgpar.Session) -> None:
    with HttpServer(pages(3)) as server:
        settings = {"to": "jpg", "name": "{stem}-{width}.{ext}", "where": "width>=24"}
        report = imgpar.convert(source(server), tmp_path, session=session, **settings)
        assert sorted(files(tmp_path)) == ["0-24.jpg", "1-24.jpg", "2-24.jpg"]
        assert report.ok == 3


def test_headers_are_read_ahead(session: imgpar.Session) -> None:
    with HttpServer(pages(40, held=True)) as server, answers_together(server, 5):
        found = list(session.describe(source(server), per_host=5))
        assert [path for path, _ in found] == [f"test://web/{at}.png" for at in range(40)]
        assert all(isinstance(info, imgpar.PictureInfo) for _, info in found)
        assert server.most_active == 5


def test_arrays_are_fetched_ahead_and_come_in_order(session: imgpar.Session) -> None:
    """What fails is told by an event and not yielded, as it is of local files."""
    failed = list[str]()

    def listen(event: imgpar.Event) -> None:
        if event.outcome and event.outcome.status == "failed":
            failed.append(f"{event.outcome.source}: {event.outcome.error}")

    with HttpServer(pages(30, held=True)) as server, answers_together(server, 8):
        server.pages["/3.png"] = Page(status=404, held=True)
        found = list(session.arrays(imgpar.Pipeline(), source(server), errors="skip", on_event=listen))
        assert [item.path for item, _ in found] == [f"test://web/{at}.png" for at in range(30) if at != 3]
        assert failed == ["test://web/3.png: The server has no such file (404)."]
        assert server.most_active == 8


def test_arrays_of_a_silent_server_end_in_time(session: imgpar.Session) -> None:
    errors = list[str]()

    def listen(event: imgpar.Event) -> None:
        errors.extend([event.outcome.error] if event.outcome else [])

    with HttpServer(pages(2, held=True)) as server:
        silent = source(server, replace(LOCAL, timeout=0.5, retries=0))
        assert not list(session.arrays(imgpar.Pipeline(), silent, errors="skip", on_event=listen))
    assert [error.partition(".")[0] for error in errors] == ["It was not complete after 0"] * 2


# ----- the threads ---------------------------------------------------------------------------------


def test_files_wait_for_room() -> None:
    """Two files of 2 MiB do not lie there together where 3 MiB may; one of 5 may alone."""
    most, lock, there, done = 0, threading.Lock(), 0, threading.Semaphore(0)
    hosts = Hosts(FetchOptions(), 3 << 20)

    def work(turn: Turn, size: int) -> None:
        nonlocal most, there
        turn.expects(size)
        with lock:
            there += size
            most = max(most, there)
        turn.keep(size)
        with lock:
            there -= size
        hosts.removed(size)
        done.release()

    sizes = (2 << 20, 2 << 20, 5 << 20, 2 << 20)
    for size in sizes:
        hosts.add("a", lambda turn, size=size: work(turn, size))  # type: ignore[misc]
    for _ in sizes:
        assert done.acquire(timeout=30)
    hosts.close()
    assert most == 5 << 20


def test_a_host_that_asks_for_a_pause_gets_it() -> None:
    began, done = list[str](), threading.Semaphore(0)
    hosts = Hosts(FetchOptions(per_host=1), 1 << 30)

    def busy(turn: Turn) -> None:
        began.append("busy")
        turn.wait(0.2, asked=True)
        began.append("busy again")
        done.release()

    def work(turn: Turn, name: str) -> None:
        began.append(name)
        done.release()

    hosts.add("a", busy)
    hosts.add("a", lambda turn: work(turn, "a"))
    hosts.add("b", lambda turn: work(turn, "b"))
    for _ in range(3):
        assert done.acquire(timeout=30)
    hosts.close()
    assert began.index("b") < began.index("busy again")
    assert "a" in began[-2:]


# ----- the process ---------------------------------------------------------------------------------

SCRIPT = """
import sys
from web_source import LOCAL, WebSource
import imgpar

if __name__ == "__main__":
    report = imgpar.convert(WebSource(sys.argv[2:], LOCAL), sys.argv[1], to="jpg", jobs=2)
    print(report.ok, report.failed, report.skipped)
"""


def run_of(server: HttpServer, folder: Path, script: Path) -> subprocess.Popen[str]:
    script.write_text(SCRIPT)
    urls = [server.url(path) for path in server.pages]
    root = Path(__file__).parents[2]
    path = os.pathsep.join((str(root), str(root / "tests/helpers")))
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(script.parent)}
    command = [sys.executable, str(script), str(folder), *urls]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    out, script = tmp_path / "out", tmp_path / "run.py"
    with HttpServer(pages(60), latency=0.02) as server:
        for kill in (1, 20, 55):
            while server.asked.acquire(blocking=False):
                pass
            run = run_of(server, out, script)
            for _ in range(kill):
                assert server.asked.acquire(timeout=60)
            run.send_signal(signal.SIGKILL)
            run.communicate()
        assert run_of(server, out, script).communicate()[0].split()[1] == "0"
        server.requests.clear()
        assert run_of(server, out, script).communicate()[0].split() == ["0", "0", "60"]
        assert {request.status for request in server.requests} == {304}
    made = files(out)
    assert sorted(made) == sorted(f"{at}.jpg" for at in range(60))
    assert all(Image.open(io.BytesIO(data)).size == (24, 16) for data in made.values())


@pytest.mark.slow
def test_ctrl_c_while_servers_are_silent(tmp_path: Path) -> None:
    out, script = tmp_path / "out", tmp_path / "run.py"
    with HttpServer(pages(20, held=True)) as server:
        run = run_of(server, out, script)
        assert server.asked.acquire(timeout=60)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=15)
        assert run.returncode
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] in ([], ["out"])
