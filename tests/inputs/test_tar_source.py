"""What only tar archives have: links, holes, devices, headers that end them, and times in fractions."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.core.job import Item
from imgpar.inputs.local import scan
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.opening import opened
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.tar_source import TarSource

both = pytest.mark.parametrize("suffix", ["tar", "tar.gz"])


def picture(seed: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed * 20, 90, 120)).save(data, "PNG")
    return data.getvalue()


def tarred(path: Path, fill: Callable[[tarfile.TarFile], object], format: int = tarfile.PAX_FORMAT) -> Path:  # noqa: A002
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as archive:
        fill(archive)
    data = made.getvalue()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def items(path: Path) -> list[Item]:
    named = with_sources([str(path)])
    return [item for batch in scan(named, out=None) for item in batch.items]


def content(path: Path, item: Item) -> bytes:
    with opened(item, sources_of(with_sources([str(path)]))) as file:
        assert not isinstance(file, (bytes, str))
        return file.read()


@both
def test_a_hard_link_is_another_name_of_the_file(tmp_path: Path, suffix: str) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        add(archive, "./a.png", picture(1))
        add(archive, "./b.png", type=tarfile.LNKTYPE, linkname="./a.png")
        add(archive, "./c.png", type=tarfile.LNKTYPE, linkname="gone.png")

    path = tarred(tmp_path / f"a.{suffix}", fill)
    found = {item.mirror: item for item in items(path)}
    assert content(path, found["b.png"]) == content(path, found["a.png"]) == picture(1)
    assert found["c.png"].error.startswith("It is a link")
    report = imgpar.convert(path, tmp_path / "out", to="jpg", jobs=1, memory="64M")
    assert (report.ok, report.failed) == (2, 1)
    assert (tmp_path / "out/b.jpg").read_bytes() == (tmp_path / "out/a.jpg").read_bytes()


@both
@pytest.mark.parametrize(
    ("kind", "words"),
    [(tarfile.SYMTYPE, "It is a link"), (tarfile.FIFOTYPE, "a pipe"), (tarfile.CHRTYPE, "It is a device")],
)
def test_links_and_devices_are_failed_inputs(tmp_path: Path, suffix: str, kind: bytes, words: str) -> None:
    path = tarred(tmp_path / f"a.{suffix}", lambda archive: add(archive, "a.png", type=kind, linkname="/etc"))
    (item,) = items(path)
    assert words in item.error


@both
def test_a_damaged_header_is_not_the_end(tmp_path: Path, suffix: str) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        for name in ("a.png", "b.png", "c.png"):
            add(archive, name, b"1")

    path = tarred(tmp_path / f"a.{suffix}", fill)
    data = bytearray(gzip.decompress(path.read_bytes()) if suffix == "tar.gz" else path.read_bytes())
    data[1024 : 1024 + 8] = b"\xff" * 8  # the name of the second member, which its checksum covers
    path.write_bytes(gzip.compress(data) if suffix == "tar.gz" else data)
    first, last = items(path)
    assert (first.mirror, first.error) == ("a.png", "")
    assert (last.path, last.kind) == (str(path), "DamagedError")
    assert "damaged after 1,024 bytes" in last.error


def test_the_last_member_of_a_cut_archive_is_named(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", lambda archive: add(archive, "a.png", bytes(5000)))
    path.write_bytes(path.read_bytes()[:2000])
    cut, archive = items(path)
    assert (cut.mirror, cut.kind) == ("a.png", "DamagedError")
    assert archive.path == str(path)


@both
def test_fractions_of_seconds_and_dates_before_1970(tmp_path: Path, suffix: str) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        add(archive, "a.png", b"1", pax_headers={"mtime": "1700000000.123456789"})
        add(archive, "b.png", b"1", pax_headers={"mtime": "-5.5"})

    assert [item.mtime_ns for item in items(tarred(tmp_path / f"a.{suffix}", fill))] == [
        1_700_000_000_123_456_789,
        0,
    ]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_of_every_format(tmp_path: Path, form: int) -> None:
    name = "/".join(["folder"] * 20) + "/é.png"
    path = tarred(tmp_path / "a.tar", lambda archive: add(archive, name, b"1"), form)
    assert [item.mirror for item in items(path)] == [name]


def test_a_name_that_is_not_unicode_survives(tmp_path: Path) -> None:
    path = tarred(
        tmp_path / "a.tar", lambda archive: add(archive, os.fsdecode(b"\xff.png"), b"1"), tarfile.GNU_FORMAT
    )
    assert [os.fsencode(item.mirror) for item in items(path)] == [b"\xff.png"]


@both
def test_an_archive_that_was_replaced_after_it_was_listed(tmp_path: Path, suffix: str) -> None:
    path = tarred(tmp_path / f"a.{suffix}", lambda archive: add(archive, "a.png", picture()))
    (item,) = items(path)
    tarred(path, lambda archive: add(archive, "a.png", picture(1) + b"1"))
    with pytest.raises(imgpar.SourceError, match="changed after its files were listed"):
        content(path, item)


def test_an_archive_with_a_new_time_is_compared_by_content(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", lambda archive: add(archive, "a.png", picture()))
    with imgpar.Session(jobs=1, memory=64 << 20) as session:
        imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
        os.utime(path, (1_700_000_000,) * 2)
        assert imgpar.convert(path, tmp_path / "out", to="jpg", session=session).reasons == {"unchanged": 1}
        tarred(path, lambda archive: add(archive, "a.png", picture(2)))  # as large, as old
        os.utime(path, (1_700_000_000, 1_700_000_001))
        assert imgpar.convert(path, tmp_path / "out", to="jpg", session=session).ok == 1


def test_members_are_read_where_they_lie(tmp_path: Path) -> None:
    data = {f"{number}.png": os.urandom(3000 + number) for number in range(5)}

    def fill(archive: tarfile.TarFile) -> None:
        for name, some in data.items():
            add(archive, name, some)

    path = tarred(tmp_path / "a.tar", fill)
    source = TarSource(str(path))
    for item in reversed(items(path)):
        with source.open(item) as file:
            assert file.read() == data[item.mirror]


def header(name: str, size: int, kind: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def hostile(path: Path, middle: bytes) -> Path:
    """An archive with a picture, and these bytes in place of its end."""
    tarred(path.with_suffix(".tar"), lambda archive: add(archive, "a.png", picture()))
    data = path.with_suffix(".tar").read_bytes()[:1024] + middle + bytes(1024)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@both
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path: Path, suffix: str, kind: bytes) -> None:
    found = items(hostile(tmp_path / f"a.{suffix}", header("x", 2 << 20, kind) + bytes(2 << 20)))
    assert [bool(item.error) for item in found] == [False, True]
    assert "one of its headers has 2,097,152 bytes" in found[1].error


@both
def test_headers_that_follow_each_other_without_end(tmp_path: Path, suffix: str) -> None:
    chain = (header("x", 4, tarfile.GNUTYPE_LONGNAME) + b"name".ljust(512, b"\0")) * 3000
    found = items(hostile(tmp_path / f"a.{suffix}", chain))
    assert [item.kind if item.error else "" for item in found] == ["", "DamagedError"]


@both
def test_a_map_of_holes_is_not_read(tmp_path: Path, suffix: str) -> None:
    fields = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    head = header("pax", len(fields), tarfile.XHDTYPE) + fields.ljust(512, b"\0")
    middle = head + header("b.png", 1 << 20, tarfile.REGTYPE) + bytes(1 << 20)  # a map without an end
    found = items(hostile(tmp_path / f"a.{suffix}", middle))
    assert [item.error for item in found] == ["", "It is stored with holes. Unpack the archive first."]


@both
def test_sizes_that_are_not_possible_end_the_archive(tmp_path: Path, suffix: str) -> None:
    for size in (-1024, -1, 1 << 40, 1 << 70):
        found = items(hostile(tmp_path / f"a.{suffix}", header("b.png", size, tarfile.REGTYPE) + bytes(512)))
        assert not found[0].error
        assert {item.kind for item in found[1:]} == {"DamagedError"}
