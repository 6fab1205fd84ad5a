"""Archives at addresses: fetched from a server on loopback, and then like local ones."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_server import Fault, HttpServer, Page
from packing import packed_folder
from PIL import Image

import imgpar
from imgpar.batch import copies
from imgpar.cli import main
from imgpar.inputs.http import close_connections, fetch
from imgpar.inputs.local import scan
from imgpar.inputs.resolving import with_sources
from imgpar.runtime import scheduler
from imgpar.runtime.scheduler import CancelToken

DATED = 1_600_000_000.0
kinds = pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HttpServer]:
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.0)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with HttpServer({}) as server:
        yield server
    close_connections()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("remote") / "trip"
    (root / "2024").mkdir(parents=True)
    for number, name in enumerate(("a.png", "2024/b.png", "2024/ü é.png")):
        Image.new("RGB", (24, 16), (number * 40, 90, 120)).save(root / name)
        os.utime(root / name, (DATED + number * 2,) * 2)
    (root / "2024" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


def archive(folder: Path, tmp_path: Path, kind: str) -> bytes:
    path = tmp_path / f"trip.{kind}"
    packed_folder(folder, path)
    return path.read_bytes()


def tree(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and ".imgpar" not in file.parts)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def convert(inputs: str | list[str], out: Path, session: imgpar.Session, **options: object) -> imgpar.Report:
    more = {"to": "webp", "allow_private": True} | options
    return imgpar.convert(inputs, out, session=session, **more)  # type: ignore[arg-type]


@pytest.mark.skipif(os.name == "nt", reason="its names have no ?")
def test_signs_of_addresses_in_names_of_members(
    tmp_path: Path, server: HttpServer, session: imgpar.Session
) -> None:
    (tmp_path / "odd" / "x?y").mkdir(parents=True)
    for name in ("x?y/a?b#c.png", "100%.png", "d%3Fe.png"):
        Image.new("RGB", (24, 16)).save(tmp_path / "odd" / name)
    server.pages["/odd.zip"] = Page(archive(tmp_path / "odd", tmp_path, "zip"))
    report = convert(server.url("/odd.zip"), tmp_path / "out", session)
    assert sorted(tree(tmp_path / "out")) == ["100%.webp", "d%3Fe.webp", "x?y/a?b#c.webp"]
    assert server.url("/odd.zip/x%3Fy/a%3Fb%23c.png") in {item.source for item in report.items}


@kinds
def test_it_is_read_like_a_local_one(
    tmp_path: Path, folder: Path, server: HttpServer, kind: str, session: imgpar.Session
) -> None:
    data = archive(folder, tmp_path, kind)
    server.pages[f"/p/trip.{kind}"] = Page(data, etag='"1"', modified=DATED, faults=(Fault(cut_body=90),))
    local = convert(str(tmp_path / f"trip.{kind}"), tmp_path / "one", session)
    address = server.url(f"/p/trip.{kind}")
    report = convert(f"{address}?token=hidden", tmp_path / "two", session)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert len(tree(tmp_path / "two")) == 3
    assert (report.ok, report.failed) == (local.ok, local.failed) == (3, 1)
    assert {line.source for line in report.failures} == {f"{address}/2024/broken.png"}
    again = convert(f"{address}?token=hidden", tmp_path / "two", session)
    assert (again.skipped, again.failed) == (3, 1)
    server.pages[f"/p/trip.{kind}"] = Page(data, etag='"2"', modified=DATED + 60)
    assert convert(address, tmp_path / "two", session).skipped == 3  # the same members in another archive
    assert not list((tmp_path / "tmp").rglob("*trip*"))
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hidden" not in stored


def test_several_go_to_folders_of_their_names(
    tmp_path: Path, folder: Path, server: HttpServer, session: imgpar.Session
) -> None:
    data = archive(folder, tmp_path, "tar")
    server.pages |= {f"/s/0{number} x.tar": Page(data, etag='"1"') for number in range(3)}
    server.pages["/03.zip"] = Page(status=404)
    inputs = [server.url("/s/{00..02}%20x.tar"), server.url("/03.zip"), server.url("/s/00%20x.tar")]
    report = convert(inputs, tmp_path / "out", session)
    assert report.ok == 9
    assert {name.split("/")[0] for name in tree(tmp_path / "out")} == {"00 x", "01 x", "02 x"}
    failed = {line.source: line.error for line in report.failures}
    assert "404" in failed[server.url("/03.zip")]
    assert len(server.requests) == 4  # one of them was named twice


def test_a_few_are_fetched_ahead_and_those_that_are_done_are_removed(
    tmp_path: Path, folder: Path, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = archive(folder, tmp_path, "tar")
    server.pages |= {f"/{number}.tar": Page(data, etag='"1"') for number in range(6)}
    monkeypatch.setattr(copies, "ROOM", 0)
    monkeypatch.setattr(scheduler, "LOOKAHEAD", 1)
    most = 0

    def look(_: imgpar.Event) -> None:
        nonlocal most
        most = max(most, len(list((tmp_path / "tmp").rglob("*.tar"))))

    with imgpar.Session(jobs=1, memory=64 << 20) as session:
        report = convert(server.url("/{0..5}.tar"), tmp_path / "out", session, on_event=look)
    assert report.ok == 18
    assert 1 <= most < 6


def test_ctrl_c_ends_a_transfer(tmp_path: Path, server: HttpServer, session: imgpar.Session) -> None:
    server.pages["/a.zip"] = Page(b"x" * 5000, held=True)
    server.pages["/b.zip"] = Page(b"x" * 5000, held=True)
    cancel = CancelToken()
    found: list[object] = []

    def run() -> None:
        from imgpar.batch.run import Run
        from imgpar.batch.run_options import RunOptions
        from imgpar.engines.local import LocalEngine
        from imgpar.recipe.recipe import Recipe

        options = RunOptions(allow_private=True)
        inputs = [server.url("/a.zip"), server.url("/b.zip")]
        recipe, engine = Recipe(to=("webp",)), LocalEngine()
        made = Run(inputs, str(tmp_path / "out"), recipe, options, lambda _: None, cancel, engine=engine)
        found.append(made.execute())

    thread = threading.Thread(target=run)
    thread.start()
    assert server.asked.acquire(timeout=60)
    assert server.asked.acquire(timeout=60)
    cancel.cancel()
    thread.join(60)
    (report,) = found
    assert isinstance(report, imgpar.Report)
    assert report.exit_code == 130
    assert not list((tmp_path / "tmp").rglob("*.*"))
    assert not (tmp_path / "out").exists()


def test_arrays_info_and_dry_run(
    tmp_path: Path, folder: Path, server: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pages["/trip.tar.gz"] = Page(archive(folder, tmp_path, "tar.gz"))
    address = server.url("/trip.tar.gz")
    with imgpar.Session(jobs=1, memory=64 << 20) as session:
        loaded = [
            array.shape
            for _, array in session.arrays(
                imgpar.Pipeline(), address, errors="skip", allow_private=True, on_event=lambda _: None
            )
        ]
    assert loaded == [(16, 24, 3)] * 3
    assert main(["info", address, "--allow-private", "--json"]) == 1
    assert capsys.readouterr().out.count('"size": [24, 16]') == 3
    assert main(["convert", address, "-o", str(tmp_path / "out"), "--allow-private", "--dry-run"]) == 0
    assert "Would work on 4" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_store_has_archives_too(tmp_path: Path, folder: Path, session: imgpar.Session) -> None:
    fsspec = pytest.importorskip("fsspec")
    data = archive(folder, tmp_path, "zip")
    fsspec.filesystem("memory").pipe("/bucket/a 1.zip", data)
    report = convert("memory://bucket/a 1.zip", tmp_path / "out", session)
    assert report.ok == 3
    assert convert("memory://bucket/a 1.zip", tmp_path / "out", session).skipped == 3
    with pytest.raises(imgpar.UsageError, match="pattern for archives"):
        convert("memory://bucket/*.zip", tmp_path / "out", session)


def test_members_keep_names_that_look_like_secrets(
    tmp_path: Path, server: HttpServer, session: imgpar.Session
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a#1.png", "a#2.png"):
        Image.new("RGB", (24, 16)).save(tmp_path / "in" / name)
    server.pages["/in.zip"] = Page(archive(tmp_path / "in", tmp_path, "zip"), etag='"1"')
    report = convert(server.url("/in.zip"), tmp_path / "out", session)
    assert [line.source.rpartition("/")[2] for line in report.items] == ["a%231.png", "a%232.png"]
    assert convert(server.url("/in.zip"), tmp_path / "out", session).skipped == 2


def test_what_is_refused(tmp_path: Path, server: HttpServer, session: imgpar.Session) -> None:
    server.pages["/a.zip"] = Page(b"x" * 5000)
    refused = convert(server.url("/a.zip"), tmp_path / "out", session, allow_private=False)
    assert refused.failures[0].error.startswith("127.0.0.1 has a loopback address")
    large = convert(server.url("/a.zip"), tmp_path / "out", session, max_download="1k")
    assert "--max-download" in large.failures[0].error
    with pytest.raises(imgpar.UsageError, match="Two archives are called"):
        with_sources([server.url("/a.zip?id=1"), server.url("/a.zip?id=2")])
    with pytest.raises(imgpar.UsageError, match="is not watched"):
        imgpar.watch(server.url("/a.zip"), tmp_path / "out", to="webp")


def test_who_stops_reading_ends_the_transfer(server: HttpServer) -> None:
    server.pages["/a.zip"] = Page(b"x" * 5000, held=True)
    named = with_sources([server.url("/a.zip")])
    batches = scan(named, out=None)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert threading.active_count() < 20


@kinds
def test_a_failed_member_is_kept(tmp_path: Path, folder: Path, kind: str, session: imgpar.Session) -> None:
    archive(folder, tmp_path, kind)
    kept = tmp_path / "kept"
    imgpar.convert(
        tmp_path / f"trip.{kind}", tmp_path / "out", to="webp", keep_failures=kept, session=session
    )
    (copy,) = kept.glob("*/input-broken.png")
    assert copy.read_bytes() == (folder / "2024" / "broken.png").read_bytes()
