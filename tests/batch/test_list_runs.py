"""Runs of lists of addresses, against a server on loopback."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from http_server import HttpServer, Page
from PIL import Image
from s3_server import MISSING, S3Server
from video_clips import make_clip

import imgpar
from imgpar.batch.reserved import Reserved
from imgpar.cli import main
from imgpar.core.job import Item, Job
from imgpar.inputs.stores.client import client_of
from imgpar.runtime.records import JobState
from imgpar.runtime.task_queue import task_of

SECRET = "S3CRET"


def picture(shade: int) -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (16, 12), (shade, 40, 90)).save(found, "PNG")
    return found.getvalue()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    pages = {f"/{folder}/{n}.png": Page(picture(n), etag=f'"{n}"') for folder in "pq" for n in range(6)}
    with HttpServer(pages) as made:
        yield made


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


Convert = Callable[..., imgpar.Report]


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=1, memory=64 << 20) as session:
        yield session


@pytest.fixture
def convert(session: imgpar.Session) -> Convert:
    return partial(imgpar.convert, to="jpg", allow_private=True, session=session)


def made(out: Path) -> dict[str, bytes]:
    """The outputs, by path."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    }


def table(path: Path, *rows: str) -> imgpar.InputList:
    path.write_text("url,caption\n" + "".join(f"{row},caption {n}\n" for n, row in enumerate(rows)))
    return imgpar.InputList(path)


def test_outputs_are_those_of_a_folder(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    (tmp_path / "in").mkdir()
    for n in range(6):
        (tmp_path / "in" / f"{n}.png").write_bytes(picture(n))
    convert(tmp_path / "in", tmp_path / "local")
    report = convert([server.url(f"/p/{n}.png") for n in range(6)], tmp_path / "out")
    assert (report.ok, report.failed) == (6, 0)
    assert made(tmp_path / "out") == made(tmp_path / "local")


def test_columns_are_in_the_report_and_secrets_are_nowhere(
    server: HttpServer, tmp_path: Path, convert: Convert
) -> None:
    rows = [server.url(f"/p/{n}.png") + f"?token={SECRET}" for n in range(3)]
    report = convert(table(tmp_path / "u.csv", *rows, server.url(f"/none.png?{SECRET}")), tmp_path / "out")
    imgpar.save_report(report, tmp_path / "report.json")
    lines = json.loads((tmp_path / "report.json").read_text())["items"]
    assert lines[0]["columns"] == {"caption": "caption 0"}
    imgpar.save_report(report, tmp_path / "report.html")
    assert "caption: caption 2" in (tmp_path / "report.html").read_text()
    assert [item.columns for item in report.items][:1] == [(("caption", "caption 0"),)]
    assert report.failed == 1
    every = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "u.csv"]
    assert every
    assert not [path for path in every if SECRET.encode() in path.read_bytes()]
    assert SECRET not in str([*report.items, *lines]) + report.summary()


@pytest.mark.parametrize("keyed", [False, True])
def test_an_archive_is_no_row_and_is_not_fetched(
    server: HttpServer, tmp_path: Path, convert: Convert, keyed: bool
) -> None:
    (tmp_path / "trip.zip").write_bytes(b"PK\x03\x04")
    server.pages["/a.tar.gz"] = Page(b"\x1f\x8b")
    rows = [server.url("/a.tar.gz?token=1"), str(tmp_path / "trip.zip"), server.url("/p/1.png")]
    lines = "".join(f"{row},{n}\n" for n, row in enumerate(rows))
    (tmp_path / "u.csv").write_text(f"url,id\n{lines}")
    listed = imgpar.InputList(tmp_path / "u.csv", key_column="id" if keyed else None)
    report = convert(listed, tmp_path / "out")
    assert report.ok == 1
    assert [item.error for item in report.failures] == [
        "It is an archive, and a row of a list is one picture or clip. Name it as an input."
    ] * 2
    assert [request.path for request in server.requests] == ["/p/1.png"]


def test_a_picture_that_is_named_like_an_archive_is_one(tmp_path: Path, convert: Convert) -> None:
    (tmp_path / "a.zip").write_bytes(picture(1))
    assert convert(table(tmp_path / "u.csv", str(tmp_path / "a.zip")), tmp_path / "out").ok == 1


def test_a_second_run_converts_nothing(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    rows = [server.url(f"/p/{n}.png") for n in range(4)]
    convert(rows, tmp_path / "out")
    signed = [f"{row}?day=2" for row in rows]
    report = convert(table(tmp_path / "u.csv", *signed), tmp_path / "out")
    assert {item.reason for item in report.items} == {"unchanged"}


def test_a_changed_content_replaces_its_output(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    rows = [server.url(f"/p/{n}.png") for n in range(2)]
    convert(rows, tmp_path / "out")
    before = made(tmp_path / "out")
    server.pages["/p/1.png"] = Page(picture(200), etag='"new"')
    report = convert(rows, tmp_path / "out")
    after = made(tmp_path / "out")
    assert (report.ok, report.skipped) == (1, 1)
    assert before["0.jpg"] == after["0.jpg"]
    assert before["1.jpg"] != after["1.jpg"]
    assert before.keys() == after.keys()


def test_new_rows_never_move_outputs(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    convert([server.url("/p/1.png")], tmp_path / "out")
    report = convert([server.url("/q/1.png"), server.url("/p/1.png")], tmp_path / "out")
    host = f"127.0.0.1_{server.port}"
    assert set(made(tmp_path / "out")) == {"1.jpg", f"{host}/q/1.jpg"}
    assert (report.ok, report.skipped) == (1, 1)


def test_an_output_of_another_list_keeps_its_name(
    server: HttpServer, tmp_path: Path, convert: Convert
) -> None:
    convert([server.url("/p/1.png")], tmp_path / "out")
    convert([server.url("/q/1.png")], tmp_path / "out")
    assert len(made(tmp_path / "out")) == 2


def test_an_output_of_a_file_keeps_its_name(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(picture(99))
    convert(tmp_path / "in", tmp_path / "out")
    mine = made(tmp_path / "out")["1.jpg"]
    convert([server.url("/p/1.png")], tmp_path / "out")
    assert made(tmp_path / "out")["1.jpg"] == mine
    assert len(made(tmp_path / "out")) == 2
    report = convert(tmp_path / "in", tmp_path / "out")
    assert report.skipped == 1


def test_a_file_added_later_leaves_the_outputs_of_a_list(
    server: HttpServer, tmp_path: Path, convert: Convert
) -> None:
    convert([server.url("/p/1.png")], tmp_path / "out")
    mine = made(tmp_path / "out")["1.jpg"]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(picture(99))
    report = convert(tmp_path / "in", tmp_path / "out")
    assert report.ok == 1
    assert made(tmp_path / "out")["1.jpg"] == mine
    assert len(made(tmp_path / "out")) == 2


def test_files_and_addresses_of_one_name_are_kept_apart(
    server: HttpServer, tmp_path: Path, convert: Convert
) -> None:
    (tmp_path / "1.png").write_bytes(picture(99))
    report = convert([server.url("/p/1.png"), tmp_path / "1.png"], tmp_path / "out")
    assert report.ok == 2
    assert set(made(tmp_path / "out")) == {"1.jpg", f"127.0.0.1_{server.port}/p/1.jpg"}


def test_names_are_unique_across_parts(
    server: HttpServer, tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgpar.inputs.addresses.TOGETHER", 2)
    rows = [server.url(f"/{folder}/{n}.png") for folder in "pq" for n in range(6)]
    report = convert(rows, tmp_path / "out")
    assert report.ok == 12
    assert len(made(tmp_path / "out")) == 12
    again = convert([*rows, server.url("/p/0.png?x=1")], tmp_path / "out")
    assert again.skipped >= 11


def test_retry_reads_the_list_again(
    server: HttpServer, tmp_path: Path, convert: Convert, session: imgpar.Session
) -> None:
    rows = [server.url("/p/1.png"), server.url("/late.png") + f"?{SECRET}"]
    convert(table(tmp_path / "u.csv", *rows), tmp_path / "out")
    server.pages["/late.png"] = Page(picture(3))
    report = imgpar.retry(tmp_path / "out", allow_private=True, session=session)
    assert [item.source.rpartition("/")[2] for item in report.items] == ["late.png"]
    assert report.ok == 1


def test_retry_of_addresses_with_secrets_says_so(
    server: HttpServer, tmp_path: Path, convert: Convert
) -> None:
    convert([server.url("/none.png") + f"?{SECRET}"], tmp_path / "out")
    with pytest.raises(imgpar.UsageError, match="not stored"):
        imgpar.retry(tmp_path / "out", allow_private=True)


def test_one_address_may_become_one_file(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    convert(server.url("/p/1.png"), tmp_path / "name.jpg")
    assert (tmp_path / "name.jpg").is_file()


def test_a_generator_of_addresses_is_a_list(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    report = convert((server.url(f"/p/{n}.png") for n in range(3)), tmp_path / "out")
    assert report.ok == 3


def test_keys_are_names_and_sources(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    (tmp_path / "u.csv").write_text(f"id,url\n007,{server.url('/p/1.png')}\n008,{server.url('/p/1.png')}\n")
    report = convert(imgpar.InputList(tmp_path / "u.csv", key_column="id"), tmp_path / "out")
    assert sorted(made(tmp_path / "out")) == ["007.jpg", "008.jpg"]
    assert [item.source for item in report.items] == ["list://007", "list://008"]


def test_files_have_keys_beside_addresses(
    server: HttpServer, tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.png").write_bytes(picture(7))
    rows = (
        f"web,{server.url('/p/1.png')}",
        "here,x.png",
        "gone,none.png",
        "folder,.",
        "bad,https://[x/a.jpg",
    )
    (tmp_path / "u.csv").write_text("id,path\n" + "\n".join(rows) + "\n")

    def run() -> imgpar.Report:
        return convert(imgpar.InputList(tmp_path / "u.csv", key_column="id"), tmp_path / "out")

    report = run()
    assert sorted(made(tmp_path / "out")) == ["here.jpg", "web.jpg"]
    assert {item.source for item in report.failures} == {"list://gone", "list://folder", "list://u.csv:6"}
    assert run().reasons == {"unchanged": 2}
    (tmp_path / "x.png").write_bytes(picture(70))
    assert run().ok == 1


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_objects_are_rows(tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Server()
    try:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        client_of.cache_clear()
        store.bucket("box")
        store.ask("PUT", "/box/p/1.png", picture(1))
        rows = ["s3://box/p/1.png", "s3://box/none.png"]
        report = convert(rows, tmp_path / "out")
        assert made(tmp_path / "out").keys() == {"1.jpg"}
        assert [(item.source, item.kind) for item in report.failures] == [(rows[1], "NoFileError")]
        assert convert(rows, tmp_path / "out").reasons == {"unchanged": 1}
        store.ask("PUT", "/box/none.png", picture(2))
        report = imgpar.retry(tmp_path / "out")
        assert [(item.source, item.status) for item in report.items] == [(rows[1], "ok")]
    finally:
        client_of.cache_clear()
        store.stop()


def test_retry_of_addresses_by_the_command(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    late = server.url("/late.png")
    assert convert([server.url("/p/1.png"), late, "https://[x/a.jpg"], tmp_path / "out").failed == 2
    server.pages["/late.png"] = Page(picture(3))
    assert main(["retry", str(tmp_path / "out"), "--allow-private", "-j", "1", "-q"]) == 1
    assert made(tmp_path / "out").keys() == {"1.jpg", "late.jpg"}


def test_without_a_suffix_the_first_bytes_decide_the_format(server: HttpServer, tmp_path: Path) -> None:
    large = io.BytesIO()
    Image.effect_noise((600, 400), 90).save(large, "PNG")
    server.pages["/image"] = Page(large.getvalue() + bytes(1 << 20))
    rows = [server.url("/image"), server.url("/none"), server.url("/p/1.png")]
    plan = imgpar.dry_run(rows, tmp_path / "out", allow_private=True)
    assert [item.status for item in plan.items] == ["planned", "failed", "planned"]
    assert [Path(out.path).name for item in plan.items for out in item.outputs] == ["image.png", "1.png"]
    assert server.sent < 300_000


def test_a_list_of_addresses_keeps_each_format(server: HttpServer, tmp_path: Path, capsys) -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48)).save(jpeg, "JPEG")
    server.pages |= {"/a.jpg": Page(jpeg.getvalue()), "/image": Page(jpeg.getvalue(), type="image/jpeg")}
    listed = tmp_path / "urls.csv"
    listed.write_text("\n".join(["url", *map(server.url, ("/a.jpg", "/p/1.png", "/image?id=1"))]))
    command = ["convert", "--files-from", str(listed), "-o", str(tmp_path / "out"), "--allow-private"]
    assert main([*command, "--resize", "8", "-j", "1", "-q"]) == 0
    found = {}
    for path in filter(Path.is_file, (tmp_path / "out").iterdir()):
        with Image.open(path) as shown:
            found[path.name] = shown.format, shown.size
    size = (8, 6)
    assert found == {"a.jpg": ("JPEG", size), "1.png": ("PNG", size), "image.jpg": ("JPEG", size)}


@pytest.mark.parametrize(("to", "named"), [("mkv", False), ("webp", True)])
def test_a_clip_without_a_suffix_becomes_what_clips_can_become(
    server: HttpServer, tmp_path: Path, convert: Convert, to: str, named: bool
) -> None:
    server.pages["/clip"] = Page(make_clip(tmp_path / "clip.mp4", frames=3).read_bytes())
    inputs = [server.url("/clip")]
    report = convert(inputs if named else iter(inputs), tmp_path / "out", to=to)
    assert (report.ok, [path.name for path in (tmp_path / "out").glob("clip.*")]) == (1, [f"clip.{to}"])


def test_a_list_that_was_named_as_an_input_is_told_from_a_picture(tmp_path: Path, convert: Convert) -> None:
    (tmp_path / "urls.csv").write_text("url\nhttps://example.com/a.jpg\n")
    for to in ((), "webp"):
        (failed,) = convert(tmp_path / "urls.csv", tmp_path / "out", to=to).items
        assert failed.error.endswith("Name a list of inputs with --files-from (imgpar.InputList).")


def test_a_list_may_lie_at_an_address(server: HttpServer, tmp_path: Path, convert: Convert) -> None:
    server.pages["/u.csv"] = Page(f"url,n\n{server.url('/p/1.png')},1\n".encode())
    report = convert(imgpar.InputList(server.url("/u.csv") + f"?{SECRET}"), tmp_path / "out")
    assert [item.columns for item in report.items] == [(("n", "1"),)]
    with pytest.raises(imgpar.UsageError, match="404") as caught:
        convert(imgpar.InputList(server.url("/none.csv") + f"?{SECRET}"), tmp_path / "out")
    assert SECRET not in str(caught.value)


def test_workers_get_no_columns_and_no_address_of_what_is_here() -> None:
    item = Item(
        "https://h/a.jpg", "a.jpg", 1, 1, key="https://h/a.jpg?t=S", columns=(("a", "b"),), listed=True
    )
    for fetched, key in (("", item.key), ("/tmp/7", "")):
        sent = task_of(JobState(Job(0, (item._replace(fetched=fetched),)), 1), "chain").job.item
        assert (sent.columns, sent.key) == ((), key)


def test_reserved_names_are_compared_as_a_file_system_may_do() -> None:
    reserved = Reserved()
    reserved.add(["/o/Caf\u00e9.jpg"])
    assert reserved.met(["/o/cafe\u0301.JPG", "/o/b.jpg"]) == ["/o/cafe\u0301.JPG"]
    reserved.close()
