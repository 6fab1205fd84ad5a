"""`imgpar info`: the properties of files from worker processes, with the limits of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from site_hooks import FAULTY, hooked

import imgpar
from imgpar import testing
from imgpar.cli import main

posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """d.png, sub/c.jpg, sub/bad.png and a text."""
    testing.write_pictures(tmp_path / "in", ["d.png", "sub/c.jpg"])
    (tmp_path / "in/sub/bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (tmp_path / "in/notes.txt").write_text("no picture")
    return tmp_path / "in"


def described(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> list[dict[str, Any]]:
    """What `imgpar info --json` prints."""
    assert main(["info", "--json", "-j", "2", *map(str, arguments)]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [os.path.basename(facts["path"]) for facts in found]


# ----- inputs and order -----------------------------------------------------------------------------


@pytest.mark.usefixtures("no_leaks")
def test_files_come_in_the_order_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = [f"{number * 7 % 20}.png" for number in range(20)]
    testing.write_pictures(tmp_path, order)
    (tmp_path / "0.png").write_bytes(b"no picture")
    found = described(capsys, *(tmp_path / name for name in order), code=1)
    assert names(found) == order
    assert (found[0]["status"], found[0]["kind"]) == ("failed", "UnknownFormatError")


def test_files_and_folders_keep_their_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = described(capsys, folder / "sub/c.jpg", folder, folder / "d.png")
    assert names(found) == ["c.jpg", "in", "d.png"]
    assert found[1]["files"] == 3


def test_recursive_describes_each_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(names(described(capsys, "-r", folder, code=1))) == ["bad.png", "c.jpg", "d.png"]


def test_patterns_choose_among_the_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert names(described(capsys, "-r", folder, "--include", "*.jpg")) == ["c.jpg"]
    (facts,) = described(capsys, folder, "--exclude", "*.png")
    assert (facts["files"], facts["excluded"]) == (1, 2)


def test_files_of_a_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "list").write_text(f"{folder}/sub/c.jpg\n{folder}/d.png\n")
    assert names(described(capsys, "--files-from", folder / "list")) == ["c.jpg", "d.png"]


def test_a_folder_without_media_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert described(capsys, "-r", tmp_path, code=3) == []


def test_quiet_prints_failures_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "-q", "-r", str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_a_large_picture_is_described_unless_there_is_a_limit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "large.pbm"
    path.write_bytes(b"P4 20000 20000\n" + bytes(20000 * 2500))
    (facts,) = described(capsys, path)
    assert facts["size"] == [20000, 20000]
    described(capsys, path, "--max-pixels", "1MP", code=1)


# ----- files that mean harm -------------------------------------------------------------------------


def faulty(tmp_path: Path, kind: bytes) -> Path:
    """A folder of three pictures; the decoder of b.png misbehaves."""
    folder = testing.write_pictures(tmp_path / "in", ["a.png", "b.png", "c.png"])
    with open(folder / "b.png", "ab") as file:
        file.write(kind)
    return folder


@pytest.mark.slow
@posix
@pytest.mark.parametrize(("kind", "words"), [(b"CRASH", "SIGSEGV"), (b"HANG", "--timeout")])
@pytest.mark.parametrize("command", ["info -r {}", "convert {} -o out --explain"])
def test_a_file_that_harms_its_decoder_is_one_failed_line(
    tmp_path: Path, kind: bytes, words: str, command: str
) -> None:
    folder = faulty(tmp_path, kind)
    arguments = [*command.format(folder).split(), "-j", "1", "--timeout", "2", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "imgpar", *arguments],
        env=hooked(tmp_path, FAULTY), cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    records = [json.loads(line) for line in done.stdout.splitlines()]
    good = [r for r in records if r.get("status", "planned" if "path" in r else "") == "planned"]
    failed = [record["error"] for record in records if record.get("status") == "failed"]
    assert (done.returncode, len(good), len(failed)) == (1, 2, 1), done.stderr
    assert words in failed[0]


@posix
def test_ctrl_c_twice_ends_a_command_whose_decoder_hangs(tmp_path: Path) -> None:
    folder = faulty(tmp_path, b"HANG")
    process = subprocess.Popen(
        [sys.executable, "-m", "imgpar", "info", *(str(folder / f"{name}.png") for name in "abc"), "-j", "1"],
        env=hooked(tmp_path, FAULTY), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    watch = threading.Timer(100, process.kill)
    watch.start()
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().split()[0] == b"path"  # of the first file, so the second is begun
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith(b"Finishing")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    watch.cancel()
    assert (process.returncode, said.split(b"\n")[0]) == (130, b"Stopping now.")


# ----- from Python ----------------------------------------------------------------------------------


def test_a_session_says_what_describe_says(folder: Path) -> None:
    with imgpar.Session(jobs=2) as session:
        found = dict(session.describe(folder))
    assert isinstance(found.pop(str(folder / "sub/bad.png")), imgpar.DamagedError)
    assert found == {path: imgpar.describe(path) for path in found}
    assert len(found) == 2


def test_a_missing_file_is_an_error_in_its_place(folder: Path) -> None:
    missing = str(folder / "missing.png")
    with imgpar.Session(jobs=1) as session:
        (path, error), (_, info) = session.describe([missing, folder / "d.png"])
    assert path == missing
    assert isinstance(error, imgpar.SourceError)
    assert isinstance(info, imgpar.PictureInfo)


@pytest.mark.usefixtures("no_leaks")
def test_a_consumer_may_stop_early(folder: Path) -> None:
    with imgpar.Session(jobs=1) as session:
        found = session.describe([folder / "d.png"] * 100)
        next(iter(found))
        found.close()  # type: ignore[attr-defined]
        assert len(list(session.describe([folder / "d.png"]))) == 1


def test_a_cancelled_description_ends(folder: Path) -> None:
    token = imgpar.CancelToken()
    token.cancel()
    with imgpar.Session(jobs=1) as session, pytest.raises(imgpar.CancelledError):
        list(session.describe([folder / "d.png"] * 100, cancel=token))


def test_an_archive_is_read_like_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.write(folder / "d.png", "sub/d.png")
    (found,) = described(capsys, folder / "x.zip")
    assert found["path"] == str(folder / "x.zip" / "sub" / "d.png")
