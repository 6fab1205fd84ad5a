"""`-o -`: one picture, or a tar stream of several outputs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from conftest import FolderMaker
from PIL import Image

import imgpar
from imgpar.core.errors import ClosedOutputError
from imgpar.core.job import OutputFile
from imgpar.outputs.tar_stream import TarStream


def convert(*args: object, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "imgpar", "convert", *map(str, args), "-j", "1"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stderr.decode()
    return done


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        assert len(data) % tarfile.RECORDSIZE == 0
        return {info.name: file.read() for info in tar if (file := tar.extractfile(info))}


def test_a_folder_becomes_a_stream_with_the_files_of_a_folder(
    tmp_path: Path, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("a.jpg", "sub/b.png")
    (folder / "c.png").write_bytes(b"no picture")
    imgpar.convert(folder, tmp_path / "out", to="webp", jobs=1)
    done = convert(folder, "-o", "-", "--to", "webp", code=1)
    made = {
        path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.webp")
    }
    assert members(done.stdout) == {name: path.read_bytes() for name, path in made.items()}
    assert b"c.png" in done.stderr


def test_what_tar_unpacks_is_what_a_run_writes(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder, out = photo_folder("a.jpg", "b.png"), tmp_path / "unpacked"
    out.mkdir()
    command = [sys.executable, "-m", "imgpar", "convert", folder, "-o", "-", "--to", "jpg", "-j", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        subprocess.run(["tar", "-x", "-C", out], stdin=process.stdout, check=True)
    assert process.returncode == 0
    imgpar.convert(folder, tmp_path / "out", to="jpg", jobs=1)
    for name in ("a.jpg", "b.jpg"):
        assert (out / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
        assert (out / name).stat().st_mtime_ns == (tmp_path / "out" / name).stat().st_mtime_ns


def test_one_file_is_one_picture_unless_it_has_several_outputs(photo_folder: FolderMaker) -> None:
    photo = photo_folder("a.jpg", size=(300, 200)) / "a.jpg"
    assert Image.open(io.BytesIO(convert(photo, "-o", "-", "--to", "png").stdout)).format == "PNG"
    assert sorted(members(convert(photo, "-o", "-", "--to", "png,webp").stdout)) == ["a.png", "a.webp"]
    done = convert(photo, "-o", "-", "--sizes", "50,100", "--to", "jpg")
    assert sorted(members(done.stdout)) == ["a-100.jpg", "a-50.jpg"]
    done = convert(photo, "-o", "-", "--name", "{stem}-{width}.{ext}", code=2)
    assert b"writes one picture, which has no name" in done.stderr


def test_pages_are_a_stream_also_if_there_is_one(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.tiff")
    done = convert(tmp_path / "a.tiff", "-o", "-", "--pages", "split", "--to", "png")
    assert list(members(done.stdout)) == ["a.png"]


def test_a_reader_that_goes_stops_the_run(photo_folder: FolderMaker) -> None:
    folder = photo_folder(*(f"{at:02}.bmp" for at in range(20)), size=(400, 300))
    command = [sys.executable, "-m", "imgpar", "convert", folder, "-o", "-", "-j", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert len(process.stdout.read(600)) == 600
        process.stdout.close()
        words = process.stderr.read().decode()
    assert process.returncode == 4
    assert "Standard output was closed before all outputs were written" in words
    assert "Traceback" not in words
    assert "Exception" not in words


def test_standard_output_has_one_use(photo_folder: FolderMaker) -> None:
    folder = photo_folder("a.png")
    assert convert(folder, "-o", "-", "--json", code=2).stdout == b""
    assert convert(folder, "-o", "-", "-n").stdout.count(b"-/a.png") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_terminal_is_refused(photo_folder: FolderMaker) -> None:
    reader, writer = os.openpty()
    command = [sys.executable, "-m", "imgpar", "convert", photo_folder("a.png"), "-o", "-"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    os.close(reader)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"Standard output is a terminal" in done.stderr


@pytest.mark.slow
def test_equal_outputs_make_equal_streams(photo_folder: FolderMaker) -> None:
    pytest.importorskip("imgpar.batch.plan_order")
    folder = photo_folder("a.png", "b.png", "c.jpg")
    found = set()
    for _ in range(2):
        os.utime(folder / "a.png")
        found.add(hashlib.sha256(convert(folder, "-o", "-", "--deterministic").stdout).digest())
    assert len(found) == 1
    assert b"always in one order" in convert(folder / "a.png", "-o", "-", "--deterministic", code=2).stderr


class Closed(io.RawIOBase):
    """A pipe whose reader goes after some bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.got = most, 0

    def write(self, data: object) -> int:
        self.got += len(memoryview(data))  # type: ignore[arg-type]
        if self.got > self.most:
            raise BrokenPipeError(32, "Broken pipe")
        return len(memoryview(data))  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [0, 512, 3000])
def test_after_the_reader_has_gone_nothing_is_written(tmp_path: Path, most: int) -> None:
    (tmp_path / "a").write_bytes(bytes(900))
    pipe = Closed(most)
    stream = TarStream(pipe)  # type: ignore[arg-type]
    with contextlib.suppress(ClosedOutputError):
        for name in ("a", "b", "c"):
            stream.publish(f"-/{name}", str(tmp_path / "a"), OutputFile("", 900))
    got = pipe.got
    assert got > most
    with pytest.raises(ClosedOutputError):
        stream.publish("-/d", str(tmp_path / "a"), OutputFile("", 900))
    stream.close()
    assert pipe.got == got
