"""`imgpar watch`: signals, the recipe that is read again, the state that is printed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from watching import arrive, old

from imgpar.cli import main

pytest.importorskip("watchfiles")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@contextmanager
def watch(*argv: object) -> Iterator[subprocess.Popen[str]]:
    """A watch in a process of its own, whose results are read line by line."""
    command = [
        sys.executable,
        "-m",
        "imgpar",
        "watch",
        *map(str, argv),
        "--json",
        "--settle",
        "0.2s",
        "-j",
        "1",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def item(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr.read() if process.stderr else ""
    record = json.loads(line)
    return os.path.basename(record["source"]), record.get("reason") or record["status"]


@pytest.fixture
def inbox(photo_folder) -> Path:
    folder = photo_folder("a.jpg", under="in")
    old(folder / "a.jpg")
    return folder


def test_signals_reload_the_recipe_and_end_it(inbox: Path, photo_folder, tmp_path: Path):
    spare = photo_folder("1.jpg", under="spare")
    recipe, out = tmp_path / "r.toml", tmp_path / "out"
    recipe.write_text('to = "png"\n')
    with watch(inbox, "-o", out, "--recipe", recipe) as process:
        assert item(process) == ("a.jpg", "ok")
        recipe.write_text('to = "webp"\n')
        process.send_signal(signal.SIGHUP)
        assert item(process) == ("a.jpg", "ok")
        recipe.write_text("to = broken")
        process.send_signal(signal.SIGHUP)
        arrive(spare / "1.jpg", inbox / "b.jpg")
        assert item(process) == ("b.jpg", "ok")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert "The recipe stays as it was" in process.stderr.read()
    assert {path.name for path in out.iterdir()} == {".imgpar", "a.png", "a.webp", "b.webp"}


def test_ctrl_c_ends_it_with_130(inbox: Path, tmp_path: Path):
    with watch(inbox, "-o", tmp_path / "out", "--to", "png") as process:
        assert item(process) == ("a.jpg", "ok")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


@pytest.mark.slow
def test_a_killed_watch_goes_on_where_it_was(inbox: Path, photo_folder, tmp_path: Path):
    spare = photo_folder(*[f"{n}.jpg" for n in range(12)], under="spare")
    done: list[str] = []
    for round_ in range(6):
        with watch(inbox, "-o", tmp_path / "out", "--to", "png") as process:
            for number in (2 * round_, 2 * round_ + 1):
                arrive(spare / f"{number}.jpg", inbox / f"{number}.jpg")
            while (found := item(process))[1] != "ok":
                pass
            done.append(found[0])
            process.kill()  # with another one in progress, perhaps
    with watch(inbox, "-o", tmp_path / "out", "--to", "png", "--once") as process:
        output, _ = process.communicate(timeout=60)
    found = [json.loads(line) for line in output.splitlines()]
    assert len(list((tmp_path / "out").glob("*.png"))) == 13
    assert len(done) == len(set(done))
    assert not [one for one in found if one["status"] == "ok" and os.path.basename(one["source"]) in done]


def test_the_state_is_printed(inbox: Path, tmp_path: Path, capsys):
    out = tmp_path / "out"
    assert main(["watch", str(inbox), "-o", str(out), "--to", "png", "--once", "-j", "1"]) == 0
    capsys.readouterr()
    assert main(["watch", "--status", str(out)]) == 3
    said = capsys.readouterr().out
    assert "not running" in said
    assert "1 ok, 0 failed" in said
    assert main(["watch", "--status", str(tmp_path / "other")]) == 3
    with watch(inbox, "-o", out, "--to", "png") as process:
        arrive(inbox / "a.jpg", inbox / "b.jpg")
        assert item(process) == ("b.jpg", "ok")
        assert main(["watch", "--status", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["running"]


@pytest.mark.parametrize("inputs", ["in", "in/*.jpg", "in/**/*.jpg"])
def test_a_folder_without_pictures_is_nothing_to_do(inputs: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/notes.txt").touch()
    assert main(["watch", inputs, "-o", "out", "--once"]) == 0
    assert "There is nothing to do yet." in capsys.readouterr().err


@pytest.mark.parametrize(("inputs", "code"), [("away", 2), ("away/*.jpg", 3)])
def test_a_folder_that_is_not_there_is_an_error(inputs: str, code: int, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["watch", inputs, "-o", "out", "--once"]) == code
    assert "nothing to do" not in capsys.readouterr().err


def test_one_of_two_folders_that_is_not_there_is_no_success(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    assert main(["watch", "in", "away", "-o", "out", "--once"]) == 3
    assert "away is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["in", "-o", "out", "--dry-run"], "does not accept --dry-run"),
        (["in", "-o", "out", "--report", "r.json"], "does not accept --report"),
        (["in", "-o", "-"], "no standard input"),
        (["-o", "out"], "No input was given"),
        (["in"], "-o OUT is missing"),
        (["in", "-o", "out", "--in-place"], "there is no -o"),
        (["in", "-o", "out", "--log", "nowhere/x.log"], "cannot be written"),
    ],
)
def test_wrong_arguments_are_one_sentence(argv, words, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["watch", *argv]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.replace("\nSee: ", " ").count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_list_is_read_again(inbox: Path, photo_folder, tmp_path: Path):
    spare = photo_folder("1.jpg", under="spare")
    old(spare / "1.jpg")
    names = tmp_path / "list.txt"
    names.write_text(f"{inbox / 'a.jpg'}\n")
    with watch("--files-from", names, "-o", tmp_path / "out", "--to", "png", "--poll", "0.2s") as process:
        assert item(process) == ("a.jpg", "ok")
        shutil.copy(names, f"{names}.new")
        Path(f"{names}.new").write_text(names.read_text() + f"{spare / '1.jpg'}\n")
        os.replace(f"{names}.new", names)
        assert item(process) == ("1.jpg", "ok")
