"""tar, compressed tar and 7z as OUT: what is in them, what they keep, and in which order."""

from __future__ import annotations

import gzip
import os
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from archive_files import WHEN, content, made_sink, publish
from conftest import FolderMaker

import imgpar
from imgpar.core.digest import content_digest
from imgpar.core.errors import OutputError, UsageError
from imgpar.outputs.archive_sink import ArchiveSink

KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "7z")
NEEDS = {"tar.zst": "backports.zstd", "7z": "py7zr"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    return str(request.param)


@pytest.fixture
def sink(tmp_path: Path, kind: str) -> Iterator[ArchiveSink]:
    sink = made_sink(tmp_path / f"out.{kind}")
    yield sink
    sink.close()


@pytest.fixture
def tar_sink(tmp_path: Path) -> Iterator[ArchiveSink]:
    sink = made_sink(tmp_path / "out.tar")
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


# ----- every kind ----------------------------------------------------------------------------------


def test_an_archive_appears_whole_when_the_run_ends(sink: ArchiveSink, tmp_path: Path) -> None:
    publish(sink, "sub/a.jpg", b"one")
    assert not os.path.exists(sink.root)
    sink.close()
    assert content(sink.root) == {"sub/a.jpg": b"one"}
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [os.path.basename(sink.root)]


def test_what_is_there_is_kept_and_known(sink: ArchiveSink) -> None:
    publish(sink, "a.jpg", b"one")
    publish(sink, "empty", b"")
    publish(sink, "ü.jpg", b"umlaut")
    sink.close()
    publish(sink, "b.jpg", b"two")
    assert sink.digest(os.path.join(sink.root, "a.jpg")) == content_digest(b"one")
    found = sink.find(os.path.join(sink.root, "ü.jpg"))
    assert found
    assert (found.size, found.mtime_ns // 10**9) == (6, WHEN // 10**9)
    assert sink.find(os.path.join(sink.root, "c.jpg")) is None
    with pytest.raises(FileNotFoundError):
        sink.digest(os.path.join(sink.root, "c.jpg"))
    sink.close()
    assert content(sink.root) == {"b.jpg": b"two", "a.jpg": b"one", "empty": b"", "ü.jpg": b"umlaut"}


def test_what_is_replaced_is_there_once(sink: ArchiveSink) -> None:
    for data in (b"first", b"second"):  # in one run, as after a kill
        publish(sink, "a.jpg", data)
    publish(sink, "b.jpg", b"two")
    sink.close()
    assert content(sink.root) == {"a.jpg": b"second", "b.jpg": b"two"}
    plain = sink.root.endswith(("zip", "tar"))
    assert not plain or b"first" not in Path(sink.root).read_bytes()
    publish(sink, "a.jpg", b"third")
    sink.close()
    assert content(sink.root) == {"a.jpg": b"third", "b.jpg": b"two"}
    assert not plain or b"second" not in Path(sink.root).read_bytes()


def test_large_files_are_stored_in_blocks(sink: ArchiveSink) -> None:
    data = b"".join(bytes([block]) * (1 << 20) for block in range(3)) + b"tail"  # quick to compress
    publish(sink, "large.jpg", data)
    sink.close()
    assert content(sink.root) == {"large.jpg": data}


@pytest.mark.parametrize("replaced", [False, True])
def test_equal_outputs_make_equal_archives(tmp_path: Path, kind: str, replaced: bool) -> None:
    archives = []
    for number, order in enumerate((("a", "b", "c"), ("c", "a", "b"))):
        sink = made_sink(tmp_path / f"{number}.{kind}")
        sink.deterministic = True
        if number and replaced:
            publish(sink, "b", b"other", WHEN + 5)
            sink.close()
        for name in order:
            publish(sink, name, name.encode() * 9, WHEN + number * 10**10)
            if number and name == "a":
                sink.close()
        sink.close()
        archives.append(Path(sink.root).read_bytes())
    assert archives[0] == archives[1]


def test_a_damaged_archive_is_left_alone(sink: ArchiveSink, kind: str) -> None:
    Path(sink.root).write_bytes(b"no archive" * 99)
    with pytest.raises(OutputError, match="cannot be read as a"):
        publish(sink, "a.jpg", b"one")
    sink.close()
    assert Path(sink.root).read_bytes() == b"no archive" * 99


def test_an_archive_that_was_cut_off_is_left_alone(sink: ArchiveSink) -> None:
    publish(sink, "a.jpg", os.urandom(99_000))
    sink.close()
    cut = Path(sink.root).read_bytes()[:50_000]
    Path(sink.root).write_bytes(cut)
    with pytest.raises(OutputError, match="cannot be read as a"):
        publish(sink, "b.jpg", b"two")
    sink.close()
    assert Path(sink.root).read_bytes() == cut


def test_the_outputs_are_those_of_a_folder(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session, kind: str
) -> None:
    folder, out = photo_folder("a.jpg", "b.png", "a.png", "sub/c.jpg"), tmp_path / f"out.{kind}"
    folders = imgpar.convert(folder, tmp_path / "out", resize="40", to="webp", session=session)
    report = imgpar.convert(folder, out, resize="40", to="webp", session=session)
    names = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.webp")]
    assert report.ok == folders.ok == 4
    assert content(out) == {name.as_posix(): (tmp_path / "out" / name).read_bytes() for name in names}
    again = imgpar.convert(folder, out, resize="40", to="webp", session=session)
    assert again.reasons == {"unchanged": 4}
    assert imgpar.verify(out).ok == 4


def test_outputs_are_compared_by_several_threads(sink: ArchiveSink) -> None:
    files = {f"{at}.jpg": bytes([at]) * (200_000 + at) for at in range(20)}
    for name, data in files.items():
        publish(sink, name, data)
    sink.close()
    with ThreadPoolExecutor(8) as pool:
        paths = [os.path.join(sink.root, name) for name in files]
        assert list(pool.map(sink.digest, paths)) == [content_digest(data) for data in files.values()]


# ----- tar -----------------------------------------------------------------------------------------


def test_times_are_exact(tar_sink: ArchiveSink) -> None:
    publish(tar_sink, "a.jpg", b"one")
    publish(tar_sink, "old.jpg", b"two", -(10**18))
    tar_sink.close()
    found = tar_sink.find(os.path.join(tar_sink.root, "a.jpg"))
    assert found
    assert found.mtime_ns == WHEN
    with tarfile.open(tar_sink.root) as tar:
        assert tar.getmember("a.jpg").pax_headers["mtime"] == "1700000000.123456789"
        assert tar.getmember("old.jpg").mtime == -(10**9)


def test_names_of_any_length_and_bytes(tar_sink: ArchiveSink) -> None:
    names = [f"{'d' * 200}/{'e' * 200}/a.jpg", "caf\udce9.jpg", "-rf.jpg"]
    for name in names:
        publish(tar_sink, name, b"one")
    tar_sink.close()
    assert sorted(content(tar_sink.root)) == sorted(names)


def test_what_tar_has_packed_is_kept(tar_sink: ArchiveSink, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    (packed / "sub").mkdir(parents=True)
    (packed / "a.jpg").write_bytes(b"mine")
    (packed / "sub/run.sh").write_bytes(b"#!/bin/sh")
    (packed / "sub/run.sh").chmod(0o755)
    (packed / "link").symlink_to("a.jpg")
    with tarfile.open(tar_sink.root, "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(packed, ".")
    found = tar_sink.find(os.path.join(tar_sink.root, "a.jpg"))  # stored as ./a.jpg
    assert found
    assert found.size == 4
    publish(tar_sink, "b.jpg", b"two")
    tar_sink.close()
    with tarfile.open(tar_sink.root) as tar:
        by_name = {info.name.removeprefix("./"): info for info in tar}
        assert by_name["link"].linkname == "a.jpg"
        assert by_name["sub/run.sh"].mode == 0o755
        assert set(by_name) >= {"a.jpg", "b.jpg", "sub", "sub/run.sh", "link"}
    assert content(tar_sink.root)["b.jpg"] == b"two"


def test_a_header_that_is_damaged_leaves_the_archive_alone(tar_sink: ArchiveSink) -> None:
    for name in ("a", "b", "c"):
        publish(tar_sink, name, name.encode())
    tar_sink.close()
    data = bytearray(Path(tar_sink.root).read_bytes())
    at = data.index(b"b" + bytes(99))
    data[at + 148 : at + 156] = b"00000000"  # its checksum
    Path(tar_sink.root).write_bytes(data)
    with pytest.raises(OutputError, match="cannot be read as a tar archive"):
        publish(tar_sink, "d", b"d")


def header(size: int, kind: bytes) -> bytes:
    info = tarfile.TarInfo("x")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def fields(count: int, kind: bytes) -> bytes:
    """An extended header with so many fields."""
    data = b"".join(b"10 %05x=\n" % number for number in range(count))
    return header(len(data), kind) + data + bytes(-len(data) % 512)


NAME = header(4, tarfile.GNUTYPE_LONGNAME) + b"name".ljust(512, b"\0")
MEMBER = header(0, tarfile.REGTYPE)
HOSTILE = {
    "one of its headers has 2,097,152 bytes": header(2 << 20, tarfile.XHDTYPE) + bytes(2 << 20) + MEMBER,
    "has 2,097,153 bytes": header((2 << 20) + 1, tarfile.GNUTYPE_LONGNAME) + bytes((2 << 20) + 512) + MEMBER,
    "recursion": NAME * 3000 + MEMBER,
    "one of its members has 5,000 fields": fields(5000, tarfile.XGLTYPE) + MEMBER,
    "a size is negative": header(-1024, tarfile.REGTYPE) + bytes(512),
}
"""What an archive ends in, by what is said of it."""


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
@pytest.mark.parametrize("words", HOSTILE)
def test_headers_that_would_fill_the_memory_leave_the_archive_alone(
    tmp_path: Path, suffix: str, words: str
) -> None:
    sink, data = made_sink(tmp_path / f"out.{suffix}"), MEMBER + HOSTILE[words] + bytes(1024)
    Path(sink.root).write_bytes(data if suffix == "tar" else gzip.compress(data, 1))
    before = Path(sink.root).read_bytes()
    with pytest.raises(OutputError, match=rf"cannot be read as a {suffix} archive.*{words}"):
        publish(sink, "a.jpg", b"one")
    sink.close()
    assert Path(sink.root).read_bytes() == before


def test_an_empty_file_is_an_archive_without_members(tar_sink: ArchiveSink) -> None:
    Path(tar_sink.root).touch()
    publish(tar_sink, "a.jpg", b"one")
    tar_sink.close()
    assert content(tar_sink.root) == {"a.jpg": b"one"}


def test_the_program_tar_reads_it(tar_sink: ArchiveSink) -> None:
    publish(tar_sink, "sub/a.jpg", b"one")
    tar_sink.close()
    listed = subprocess.run(["tar", "-tvf", tar_sink.root], capture_output=True, text=True)
    assert listed.returncode == 0
    assert listed.stderr == ""
    assert "sub/a.jpg" in listed.stdout


# ----- ZIP, 7z and options -------------------------------------------------------------------------


def test_a_zip_has_its_times_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = made_sink(tmp_path / "out.zip")
    publish(sink, "a.jpg", b"one", 1_700_000_001 * 10**9)
    sink.close()
    if not hasattr(time, "tzset"):
        return
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        found = sink.find(str(tmp_path / "out.zip/a.jpg"))
        sink.close()
        assert found
        assert found.mtime_ns == 1_700_000_001 * 10**9
    monkeypatch.undo()
    time.tzset()


def test_links_in_a_7z_are_not_lost(tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "link").symlink_to("a")
    with py7zr.SevenZipFile(tmp_path / "out.7z", "w") as archive:
        archive.write(tmp_path / "a", "a")
        archive.write(tmp_path / "link", "link")
    before = (tmp_path / "out.7z").read_bytes()
    sink = made_sink(tmp_path / "out.7z")
    with pytest.raises(OutputError, match="holds links"):
        publish(sink, "b", b"two")
    sink.close()
    assert (tmp_path / "out.7z").read_bytes() == before


def test_deterministic_is_for_archives(tmp_path: Path, photo_folder: FolderMaker) -> None:
    with pytest.raises(UsageError, match="OUT is not an archive"):
        imgpar.convert(photo_folder("a.png"), tmp_path / "out", deterministic=True)
    assert not (tmp_path / "out").exists()


def test_an_archive_is_not_copied_into_itself(photo_folder: FolderMaker, session: imgpar.Session) -> None:
    folder = photo_folder("a.png")
    (folder / "notes.txt").write_bytes(b"notes")
    for _ in range(2):
        imgpar.convert(folder, folder / "out.tar", others="copy", session=session)
        assert sorted(content(folder / "out.tar")) == ["a.png", "notes.txt"]


def test_sizes_of_64_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    sink = made_sink(tmp_path / "out.zip")
    made = [publish(sink, "a.bin", b"a" * 200), publish(sink, "b.bin", b"b")]
    assert sink._partial
    sink._partial.file.close()
    sink._partial, sink._members = None, {}
    sink.close()
    sink.resume(made)
    assert list(sink._members) == ["a.bin", "b.bin"]
    sink.close()
    assert content(tmp_path / "out.zip") == {"a.bin": b"a" * 200, "b.bin": b"b"}


def test_the_time_of_members_is_chosen_by_the_environment(
    tmp_path: Path, photo_folder: FolderMaker, monkeypatch: pytest.MonkeyPatch, session: imgpar.Session
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    imgpar.convert(photo_folder("a.png"), tmp_path / "out.tar", deterministic=True, session=session)
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert [(info.mtime, info.mode, info.uid) for info in tar] == [(10**9, 0o644, 0)]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        imgpar.convert(photo_folder("a.png"), tmp_path / "b.tar", deterministic=True, session=session)
