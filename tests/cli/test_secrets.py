"""No secret of an address is written or printed: everything that runs leave is searched, byte by byte."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from http_server import Fault, HttpServer, Page
from PIL import Image

import imgpar
from imgpar.cli import main
from imgpar.inputs.batches import Batch
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, in_folders

pytestmark = pytest.mark.skipif(os.name == "nt", reason="/proc, and names with apostrophes")

USER, WORD, TOKEN = "us3rS3CRET", "w0rdS3CRET", "t0kenS3CRET"
QUERY = f"?token={TOKEN}&more=S3CRET'y"
BASIC = base64.b64encode(f"{USER}:{WORD}".encode())
NEEDLES = (b"S3CRET", b"us3r", b"w0rd", b"t0ken", BASIC[:16])
CLOSED = "127.0.0.1:9"
"""Where nobody listens."""


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(stream, "jpeg")
    return stream.getvalue()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    data = picture()
    pages: Mapping[str, Page | bytes] = {
        "/good.jpg": Page(data, etag='"1"'),
        "/it's here.jpg": data,
        "/broken.jpg": data[:300],
        "/words.jpg": Page(b"<html>Not here.</html>", type="text/html"),
        "/moved.jpg": Page(location=f"/good.jpg{QUERY}"),
        "/away.jpg": Page(location=f"http://{USER}:{WORD}@{CLOSED}/x.jpg{QUERY}"),
        "/odd.jpg": Page(location=f"ftp://{USER}:{WORD}@host/{QUERY}"),
        "/wrong.jpg": Page(location=f"http://[{TOKEN}"),
        "/loop.jpg": Page(location=f"/loop.jpg{QUERY}"),
        "/reset.jpg": Page(data, always=Fault(cut=0)),
        "/short.jpg": Page(data, always=Fault(cut_body=50, ends=True)),
        "/error.jpg": Page(f"The token {TOKEN} is bad.".encode(), status=403),
    }
    with HttpServer(pages) as running:
        yield running


def addresses(server: HttpServer) -> list[str]:
    """Of good and bad pages, with secrets in user info and query."""
    base = server.url("").replace("://", f"://{USER}:{WORD}@")
    names = [name.replace(" ", "%20") for name in server.pages] + ["/gone.jpg"]
    return [
        *(f"{base}{name}{QUERY}" for name in names),
        f"http://{USER}:{WORD}@{CLOSED}/closed.jpg{QUERY}",
        f"http://{USER}:{WORD}@no.invalid/unknown.jpg{QUERY}",
        f"http://{USER}:w0rd/S3CRET@host/cut.jpg{QUERY}",
        f"http://{USER}:{WORD}@host:port/port.jpg{QUERY}",
        f"gopher://{USER}:{WORD}@host/scheme.jpg{QUERY}",
    ]


class Leaky:
    """A source of the user, whose library puts addresses into its exceptions."""

    root, waits = "leaky://box", False

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        return in_folders(self.root, mirror, [Entry("os.jpg", 1), Entry("fault.jpg", 1)], patterns)

    def open(self, item: imgpar.Item) -> bytes:
        words = f"GET http://{USER}:{WORD}@host/it's{QUERY}: url: /x.jpg{QUERY} " + "and so on " * 5000
        raise ConnectionError(words) if item.path.endswith("os.jpg") else RuntimeError(words)


class Scene:
    """A folder for all that runs write, their state and temporary files included, and what they printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tmp", "state"):
            (folder / name).mkdir()
        self.environment = {
            **os.environ,
            "TMPDIR": str(folder / "tmp"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self.said = b""

    def call(self, *arguments: object, code: int | None = None, **environment: str) -> bytes:
        """Run the program; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "imgpar", *map(str, arguments)],
            capture_output=True,
            timeout=100,
            cwd=self.folder,
            env=self.environment | environment,
        )
        printed = done.stdout + done.stderr
        self.said += b"\n" + printed
        assert b"Traceback" not in printed, printed.decode()
        assert code in (None, done.returncode), printed.decode()
        return printed

    def call_here(self, *arguments: str) -> None:
        """The same in this process, for what starts no workers."""
        printed = io.StringIO()
        with contextlib.chdir(self.folder), redirect_stdout(printed), redirect_stderr(printed):
            assert main(arguments) in (1, 2, 3, 4)
        self.said += b"\n" + printed.getvalue().encode()

    def found(self, *known: Path) -> list[str]:
        """Where secrets are, in names and in contents, except in these files."""
        shared = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
        places = [("printed", self.said), ("shared memory", " ".join(shared).encode())]
        for path in sorted(self.folder.rglob("*")):
            if path in known:
                continue
            places.append((f"name {path}", os.fsencode(path.relative_to(self.folder))))
            if path.is_file():
                places.append((str(path), path.read_bytes()))
        return [
            f"{place}: {data[max(0, at - 60) : at + 30]!r}"
            for place, data in places
            for needle in NEEDLES
            if (at := data.find(needle)) >= 0
        ]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


COMMON = ("-j", "2", "--memory", "64M", "--allow-private", "--retries", "1")


def test_nothing_that_a_run_leaves_has_a_secret(scene: Scene, server: HttpServer) -> None:
    listed = scene.folder / "urls.txt"
    listed.write_text("\n".join(addresses(server)) + "\n")
    flags = ("--files-from", listed, "-o", "out", "--to", "webp", *COMMON)
    kept = ("--keep-failures", "kept", "--manifest", "m.json", "--html", "p.html", "--save-recipe", "r.toml")
    told = ("--events", "events.ndjson", "--metrics", "m.prom", "-vv")
    scene.call("convert", *flags, *kept, *told, "--report", "report.json", code=1)
    report = json.loads((scene.folder / "report.json").read_text())
    assert report["ok"] == 3
    assert {item["source"].partition("?")[0] for item in report["items"]} >= {
        server.url(name.replace(" ", "%20").replace("'", "%27")) for name in server.pages
    }
    scene.call("convert", *flags, *told, "--report", "report.html", "--log-format", "json", code=1)
    scene.call("convert", *flags, "--json", "-n", code=1)
    scene.call("retry", "out", *COMMON)
    scene.call("verify", "out", "--json", code=0)
    assert scene.found(listed) == []


@pytest.mark.slow
def test_addresses_on_the_command_line_stay_there(scene: Scene, server: HttpServer) -> None:
    every = addresses(server)
    good, gone = every[0], every[len(server.pages)]
    scene.call("convert", good, gone, "-o", "out", *COMMON, "-v", code=1)
    scene.call("retry", "out", *COMMON)
    scene.call("convert", good, "-o", "one.webp", *COMMON, "--events", "-", code=0)
    scene.call("info", good, gone, "--allow-private")
    scene.call("sheet", good, gone, "-o", "s.jpg", *COMMON)
    for command in ("info", "duplicates", "compare", "frames", "sheet", "concat", "convert"):
        out = {"sheet": "s.jpg", "concat": "c.mp4", "compare": "c.html"}.get(command, "other")
        scene.call_here(command, every[-1], *(() if command in ("info", "duplicates") else ("-o", out)))
    assert scene.found() == []


@pytest.mark.parametrize("scheme", ["https", "gopher", "s3", "az", "sftp"])
def test_a_wrong_place_is_named_without_its_secrets(scene: Scene, scheme: str) -> None:
    (scene.folder / "a.jpg").write_bytes(picture())
    place = f"{scheme}://{USER}:{WORD}@{CLOSED}/x{QUERY}"
    for arguments in (
        ["convert", "a.jpg", "-o", place],
        ["convert", "a.jpg", "-o", "out", "--report", place],
        ["convert", "a.jpg", "-o", "out", "--journal", place],
        ["convert", "a.jpg", "-o", "out", "--recipe", place],
        ["convert", "a.jpg", "-o", "out", "--events", place],
        ["convert", "a.jpg", "-o", "out", "--metrics", place],
        ["convert", "a.jpg", "-o", "out", "--keep-failures", place],
        ["convert", "a.jpg", "-o", "out", "--watermark", place],
        ["convert", "--files-from", place, "-o", "out"],
        ["verify", place],
        ["undo", place],
        ["retry", place],
    ):
        scene.call_here(*arguments)
    assert scene.found() == []


@pytest.mark.slow
def test_stores_keep_what_the_environment_tells_them(scene: Scene, server: HttpServer) -> None:
    pytest.importorskip("obstore")
    (scene.folder / "a.jpg").write_bytes(picture())
    closed = f"http://{USER}:{WORD}@{CLOSED}"
    for endpoint in (closed, server.url("").replace("://", f"://{USER}:{WORD}@")):
        environment = {
            "AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": WORD, "AWS_SESSION_TOKEN": TOKEN,
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint, "RUST_BACKTRACE": "1",
        }  # fmt: skip
        scene.call("convert", "s3://bucket/photos/", "-o", "out", "-vv", "--report", "r.json", **environment)
        scene.call("convert", "a.jpg", "-o", "s3://bucket/out", "-vv", **environment)
    assert scene.found() == []


def test_no_process_shows_an_address_of_a_list(scene: Scene) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc")
    seen: list[bytes] = []
    own = os.urandom(8).hex()  # other tests run beside this one
    with HttpServer({"/a.jpg": Page(picture(), held=True)}) as held:
        listed = scene.folder / "urls.txt"
        listed.write_text(held.url("/a.jpg").replace("://", f"://{own}:{WORD}@") + f"?{own}\n")

        def look() -> None:
            held.asked.acquire()  # the run waits for the server, and its workers for the run
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    with_text = [entry / "cmdline", entry / "comm"]
                    seen.extend(path.read_bytes() for path in with_text if path.exists())
            held.release.set()

        looking = threading.Thread(target=look)
        looking.start()
        scene.call("convert", "--files-from", listed, "-o", "out", *COMMON, code=0)
        looking.join()
    assert any(str(listed).encode() in line for line in seen)
    assert [line for line in seen if own.encode() in line] == []


def test_python_raises_and_reports_without_secrets(
    scene: Scene, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", scene.environment["XDG_STATE_HOME"])
    told: list[Any] = []
    every = addresses(server)
    folder = scene.folder
    report = imgpar.convert(
        every[:-1], folder / "out", to="webp", jobs=2, allow_private=True, retries=1, on_event=told.append
    )
    assert report.ok == 3
    scene.said += repr((report, list(report.items), report.summary(), told)).encode()
    for call in (
        lambda: imgpar.convert(every[-1], folder / "out"),
        lambda: imgpar.convert(every[0], every[-1]),
        lambda: imgpar.describe(every),
        lambda: list(imgpar.dry_run(every, folder / "out")),
        lambda: imgpar.retry(every[-1]),
        lambda: imgpar.Recipe.load(every[0]),
    ):
        try:
            scene.said += repr(call()).encode()
        except imgpar.ImgparError:
            scene.said += traceback.format_exc(chain=True).replace(__file__, "").encode()
    assert scene.found() == []


def test_exceptions_of_libraries_are_told_without_secrets(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", scene.environment["XDG_STATE_HOME"])
    kept = str(scene.folder / "kept")
    with imgpar.EventLog(scene.folder / "events.ndjson") as log:
        report = imgpar.convert(Leaky(), scene.folder / "out", on_event=log, keep_failures=kept, jobs=1)
    imgpar.save_report(report, scene.folder / "r.json")
    imgpar.save_report(report, scene.folder / "r.html")
    assert [item.status for item in report.items] == ["failed", "failed"]
    assert any("http://host/it's" in item.traceback for item in report.items)
    scene.said += repr(list(report.items)).encode()
    assert scene.found() == []
