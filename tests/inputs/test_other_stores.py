"""Stores other than S3: SFTP, Azure, Google Cloud Storage, memory of fsspec."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import azure_server
import pytest
import s3_server
import sftp_server
from azure_server import AzureServer
from conftest import FolderMaker
from s3_server import S3Server
from sftp_server import SftpServer
from store_scene import files, use

import imgpar
from imgpar.core.job import OutputFile
from imgpar.inputs.stores import s3_login
from imgpar.inputs.stores.client import ChangedError, Upload, client_of
from imgpar.inputs.stores.source import StoreSource
from imgpar.outputs.store_sink import StoreSink

slow = functools.partial(pytest.param, marks=pytest.mark.slow)  # their servers take seconds to start
NAMES = ("a.jpg", "a10.jpg", "b.png", "2024/c é.jpg", "2024/may/d.jpg")


@pytest.fixture(scope="module")
def sftp_of_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """A server for the tests of this file."""
    if sftp_server.MISSING or find_spec("paramiko") is None:
        pytest.skip(sftp_server.MISSING or "paramiko is not installed")
    made = SftpServer(tmp_path_factory.mktemp("sshd"))
    yield made
    made.stop()


@pytest.fixture
def sftp(sftp_of_file: SftpServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpServer]:
    """The server, whose user is the one of the test."""
    monkeypatch.setenv("HOME", str(sftp_of_file.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    client_of.cache_clear()
    yield sftp_of_file
    client_of("sftp", f"127.0.0.1:{sftp_of_file.port}").close()
    client_of.cache_clear()


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a new container."""
    if azure_server.MISSING:
        pytest.skip(azure_server.MISSING)
    made = AzureServer(tmp_path)
    use(made.environment(), monkeypatch)
    yield f"az://{made.container('pictures')}"
    made.stop()


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a new bucket. Its server knows requests of S3, which are those of Google without its
    conditions: gcp-storage-emulator knows others."""
    if s3_server.MISSING:
        pytest.skip(s3_server.MISSING)
    made = S3Server()
    use({"GOOGLE_BASE_URL": made.url, "GOOGLE_BEARER_TOKEN": "hush"}, monkeypatch)
    yield f"gs://{made.bucket('pictures')}"
    made.stop()


@pytest.fixture
def memory() -> str:
    """The address of an empty folder in memory."""
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").store.clear()
    return "memory://shelf"


@pytest.fixture
def sftp_folder(sftp: SftpServer, tmp_path: Path) -> str:
    """The address of a folder that is not there yet."""
    return sftp.address(tmp_path / "served")


def counts(report: imgpar.Report) -> tuple[int, int, int]:
    """How many inputs were done, skipped and failed."""
    return report.ok, report.skipped, report.failed


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sftp_folder", slow("azure"), slow("google"), "memory"])
def test_there_and_back_is_as_in_folders(
    store: str, request: pytest.FixtureRequest, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    root: str = request.getfixturevalue(store)
    folder, out = photo_folder(*NAMES), f"{root}/web"
    imgpar.convert(folder, tmp_path / "here", to="png", jobs=1)
    assert counts(imgpar.convert(folder, out, to="png", jobs=1)) == (5, 0, 0)
    assert counts(imgpar.convert(folder, out, to="png", jobs=1)) == (0, 5, 0)
    assert counts(imgpar.verify(out)) == (5, 0, 0)
    assert counts(imgpar.convert(f"{out}/", tmp_path / "back", jobs=1)) == (5, 0, 0)
    assert files(tmp_path / "back") == files(tmp_path / "here")
    assert counts(imgpar.convert(f"{out}/", tmp_path / "back", jobs=1)) == (0, 5, 0)
    assert counts(imgpar.convert(folder, out, to="png", grey=True, jobs=1)) == (5, 0, 0)


@pytest.mark.parametrize("store", [slow("azure"), slow("google")])
def test_an_object_has_its_type_and_its_cache_control(
    store: str, request: pytest.FixtureRequest, photo_folder: FolderMaker
) -> None:
    root: str = request.getfixturevalue(store)
    settings = {"to": "webp", "cache_control": "max-age=60", "jobs": 1}
    assert imgpar.convert(photo_folder("a.png"), f"{root}/web", **settings).ok == 1
    there: Any = client_of(*root.split("://"))
    assert dict(there._store.get("web/a.webp").attributes) == {
        "Content-Type": "image/webp",
        "Cache-Control": "max-age=60",
    }


@pytest.mark.parametrize("store", ["sftp_folder", slow("azure"), "memory"])
def test_a_new_file_replaces_nothing(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    root: str = request.getfixturevalue(store)
    sink, path = StoreSink(f"{root}/x"), f"{root}/x/a.bin"
    (tmp_path / "mine").write_bytes(b"mine")
    made = OutputFile(path, 4)
    for _ in range(2):
        sink.publish(path, str(tmp_path / "mine"), made)  # nobody asked what is there
    assert sink.find(f"{root}/x/other.bin") is None
    sink.find(path)
    sink.publish(path, str(tmp_path / "mine"), made)
    (tmp_path / "late").write_bytes(b"late")
    with pytest.raises(FileExistsError):
        sink._client.put(sink._key(path), Upload(str(tmp_path / "late"), 4, "", new=True))
    sink.close()


def test_an_unknown_host_is_refused(sftp: SftpServer, photo_folder: FolderMaker, tmp_path: Path) -> None:
    folder = photo_folder("a.jpg")
    sftp.known.write_text("")
    try:
        (item,) = imgpar.convert(sftp.address(folder), tmp_path / "out", jobs=1).items
        assert "127.0.0.1 is no known host" in item.error
        with pytest.raises(imgpar.OutputError, match="no known host"):
            imgpar.convert(folder, sftp.address(tmp_path / "served"), jobs=1)
        other = (sftp.folder / "user_key.pub").read_text()
        sftp.known.write_text(f"[127.0.0.1]:{sftp.port} {other}")
        (item,) = imgpar.convert(sftp.address(folder), tmp_path / "out", jobs=1).items
        assert "The key of 127.0.0.1 is not the one that is known" in item.error
    finally:
        sftp.trust()


def test_without_a_key_nobody_is_let_in(sftp: SftpServer, photo_folder: FolderMaker, tmp_path: Path) -> None:
    config = sftp.config.read_text()
    sftp.config.write_text("")
    try:
        (item,) = imgpar.convert(sftp.address(photo_folder("a.jpg")), tmp_path / "out", jobs=1).items
        assert "127.0.0.1 accepts no key of this user" in item.error
    finally:
        sftp.config.write_text(config)


def test_a_name_of_the_configuration_is_a_host(sftp: SftpServer, photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.jpg")
    (batch,) = StoreSource(f"sftp://here{folder}").batches("")
    assert [item.path for item in batch.items] == [f"sftp://here{folder}/a.jpg"]


def test_a_server_that_comes_back_is_asked_again(sftp: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(os.urandom(3 << 20))
    client = client_of("sftp", f"127.0.0.1:{sftp.port}")
    key = str(tmp_path / "a.bin").lstrip("/")
    found = client.find(key)
    assert found is not None
    sftp.stop()
    back = threading.Timer(0.3, sftp.start)
    back.start()
    data = b"".join(client.blocks(key, found))
    back.join()
    assert data == (tmp_path / "a.bin").read_bytes()


def test_a_file_that_changed_since_it_was_listed_is_not_read(sftp: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"first")
    client = client_of("sftp", f"127.0.0.1:{sftp.port}")
    key = str(tmp_path / "a.bin").lstrip("/")
    found = client.find(key)
    assert found is not None
    os.utime(tmp_path / "a.bin", (1, 1))
    with pytest.raises(ChangedError):
        client.read(key, 0, 5, found)


def test_a_link_to_a_file_is_followed_and_one_to_a_folder_is_not(
    sftp: SftpServer, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("in/a.jpg", "other/b.jpg")
    (folder / "in" / "c.jpg").symlink_to(folder / "other" / "b.jpg")
    (folder / "in" / "d").symlink_to(folder / "other")
    (folder / "in" / "e.jpg").symlink_to(folder / "nothing")
    (batch,) = StoreSource(sftp.address(folder / "in")).batches("")
    assert [item.mirror for item in batch.items] == ["a.jpg", "c.jpg"]


def test_what_a_killed_run_left_goes_after_a_day(sftp: SftpServer, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    for name, age in {".imgpar-00.tmp": 2, ".imgpar-11.tmp": 0}.items():
        (folder / name).write_bytes(b"half")
        time = folder.stat().st_mtime - age * 24 * 3600
        os.utime(folder / name, (time, time))
    (tmp_path / "mine").write_bytes(b"mine")
    client_of("sftp", f"127.0.0.1:{sftp.port}").put(
        str(folder / "a.bin").lstrip("/"), Upload(str(tmp_path / "mine"), 4, "")
    )
    assert sorted(os.listdir(folder)) == [".imgpar-11.tmp", "a.bin"]


@pytest.mark.skipif(find_spec("obstore") is None, reason="obstore is not installed")
@pytest.mark.parametrize(
    ("name", "value", "address"),
    [
        ("GOOGLE_APPLICATION_CREDENTIALS", "{tmp}/none.json", "gs://bucket/"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "???", "az://container/"),
        ("AWS_ENDPOINT_URL", "::no::", "s3://bucket/"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999", "s3://bucket/"),
        ("AWS_CONFIG_FILE", "{tmp}/wrong", "s3://bucket/"),
    ],
)
def test_settings_that_cannot_be_used_are_one_sentence(
    name: str, value: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AZURE_STORAGE_ACCOUNT_NAME"):
        monkeypatch.setenv(variable, "tester")
    if name == "AWS_CONFIG_FILE":
        pytest.importorskip("botocore")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        (tmp_path / "wrong").write_text("no configuration")
    monkeypatch.setenv(name, value.format(tmp=tmp_path))
    for kept in (client_of, s3_login._session):
        kept.cache_clear()
    with pytest.raises(imgpar.UsageError, match=f"settings for {address[:2]}:// cannot be used: "):
        imgpar.convert(address, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
