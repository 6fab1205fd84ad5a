"""What only 7z archives have: blocks of several members, and encrypted directories."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.cli import main

py7zr = pytest.importorskip("py7zr", reason="py7zr is missing")


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(seed: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed * 20, 90, 120)).save(data, "PNG")
    return data.getvalue()


def made(path: Path, files: dict[str, bytes], **how: object) -> Path:
    hidden = how.pop("hidden", False)
    with py7zr.SevenZipFile(path, "w", **how) as archive:
        archive.set_encrypted_header(hidden)
        for name, data in files.items():
            archive.writestr(data, name)
    return path


@pytest.mark.parametrize("hidden", [False, True])
def test_an_encrypted_archive_needs_its_password(
    tmp_path: Path, hidden: bool, session: imgpar.Session
) -> None:
    files = {f"{number}.png": picture(number) for number in range(3)}
    path = made(tmp_path / "a.7z", files, password="sesame", hidden=hidden)
    report = imgpar.convert(path, tmp_path / "none", session=session)
    assert (report.ok, {item.kind for item in report.failures}) == (0, {"LockedError"})
    assert report.failed == (1 if hidden else 3)
    report = imgpar.convert(path, tmp_path / "wrong", password="other", session=session)
    assert (report.ok, {item.kind for item in report.failures[:1]}) == (0, {"LockedError"})
    assert "the password is wrong" in report.failures[0].error
    report = imgpar.convert(path, tmp_path / "out", password="sesame", session=session)
    assert (report.ok, report.failed) == (3, 0)
    assert (tmp_path / "out/2.png").read_bytes() == picture(2)


def test_the_password_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path / "a.7z", {"a.png": picture()}, password="sesame", hidden=True)
    assert main(["info", str(path)]) == 1
    assert "sesame" not in capsys.readouterr().err
    monkeypatch.setenv("IMGPAR_PASSWORD", "sesame")
    assert main(["info", str(path)]) == 0
    assert "24 × 16" in capsys.readouterr().out


def test_damage_costs_its_block_only(tmp_path: Path, session: imgpar.Session) -> None:
    first, second = tmp_path / "a.7z", tmp_path / "out"
    made(first, {"a.png": picture(1), "b.png": picture(2) + os.urandom(20_000)}, filters=[{"id": 0x21}])
    with py7zr.SevenZipFile(first, "a") as archive:  # appended members have a block of their own
        archive.writestr(picture(3), "c.png")
    data = bytearray(first.read_bytes())
    data[32 + 400] ^= 255
    first.write_bytes(data)
    report = imgpar.convert(first, second, to="jpg", session=session)
    done = {os.path.basename(item.source): item.status for item in report.items}
    assert done["c.png"] == "ok"
    assert done["b.png"] == "failed"
    assert report.failures[0].kind == "DamagedError"


def test_links_and_empty_files(tmp_path: Path, session: imgpar.Session) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(picture())
    (tmp_path / "in/empty.png").touch()
    (tmp_path / "in/link.png").symlink_to("a.png")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writeall(tmp_path / "in", "")
    report = imgpar.convert(tmp_path / "a.7z", tmp_path / "out", session=session)
    said = {os.path.basename(item.source): item.error for item in report.failures}
    assert report.ok == 1
    assert said == {
        "empty.png": "It is empty (0 bytes).",
        "link.png": "It is a link, and links in archives are not followed.",
    }


def test_a_name_that_leads_outside_fails_alone(tmp_path: Path, session: imgpar.Session) -> None:
    path = made(tmp_path / "a.7z", {"good.png": picture(), "zzevil.png": picture(1)})
    data = path.read_bytes()  # the names are compressed with the header: write it plainly
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.set_encoded_header_mode(False)
        archive.writestr(picture(), "good.png")
        archive.writestr(picture(1), "zzevil.png")
    data = path.read_bytes()
    start = data.index("zzevil.png".encode("utf-16-le"))
    renamed = data[:start] + "../vil.png".encode("utf-16-le") + data[start + 20 :]
    path.write_bytes(_with_checksums(renamed))
    report = imgpar.convert(path, tmp_path / "out", to="jpg", session=session)
    assert (report.ok, report.failed) == (1, 1)
    assert report.failures[0].error.startswith("Its name leads outside")


def _with_checksums(data: bytes) -> bytes:
    """The archive with the checksums of its header made anew."""
    import struct
    import zlib

    offset, size = struct.unpack_from("<QQ", data, 12)
    header = struct.pack("<QQL", offset, size, zlib.crc32(data[32 + offset : 32 + offset + size]))
    return data[:8] + struct.pack("<L", zlib.crc32(header)) + header + data[32:]


def test_without_its_package_it_is_one_failed_input(
    tmp_path: Path, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "a.7z", {"a.png": picture()})
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    (item,) = imgpar.convert(path, tmp_path / "out", session=session).items
    assert item.kind == "MissingExtraError"
    assert "imgpar[archives]" in item.error
