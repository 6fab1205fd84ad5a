"""The parent process of a command imports no decoder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from site_hooks import IMPORTED, hooked
from video_clips import make_clip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are told apart by the fork server")

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs Python in the folder; returns what it has printed and which decoders it has imported."""
    names = tmp_path / "imported"
    environment = hooked(tmp_path, IMPORTED, IMPORTED_FILE=names)

    def call(*arguments: str, code: int = 0) -> str:
        names.write_text("")
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, timeout=100
        )
        assert done.returncode == code, done.stderr.decode()
        *found, end = names.read_text().splitlines()
        assert (found, end) == ([], "end")
        return done.stdout.decode()

    return call


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:], duration=200)
    frames[0].save(folder / "b.jpg")
    make_clip(folder / "c.mp4")
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return folder


COMMANDS = {
    "convert": (["convert", "in", "-o", "out", "--resize", "16", "-j", "1"], 1),
    "two formats": (["convert", "in", "-o", "out", "--to", "png,webm", "-j", "1"], 1),
    "animation to clip": (["convert", "in/a.gif", "-o", "a.mp4"], 0),
    "still picture to clip": (["convert", "in/b.jpg", "-o", "b.mp4"], 2),
    "dry run": (["convert", "in", "-o", "out", "-n"], 0),
    "dry run of an animation to a clip": (["convert", "in/a.gif", "-o", "a.mp4", "-n"], 0),
    "explain": (["convert", "in", "-o", "out", "--resize", "16", "--explain", "-j", "1"], 1),
    "names": (["convert", "in", "-o", "out", "--name", "{date:%Y}/{stem}-{width}-{hash:4}", "-j", "1"], 1),
    "names, dry": (["convert", "in", "-o", "out", "--name", "{camera|x}{n}-{height}", "-n", "-j", "1"], 1),
    "sizes": (["convert", "in", "-o", "out", "--sizes", "8,16,99", "--to", "webp,mp4", "-j", "1"], 1),
    "info": (["info", "in/a.gif", "in/b.jpg", "in/c.mp4", "in/bad.png", "-j", "1"], 1),
    "info of each file": (["info", "-r", "in", "--json"], 1),
    "clip of pictures": (["assemble", "in/a.gif", "in/b.jpg", "-o", "o.mp4", "--resize", "16", "-j", "1"], 0),
    "document": (["assemble", "in/a.gif", "in/b.jpg", "-o", "o.pdf", "-j", "1"], 0),
    "pictures of a clip": (["frames", "in/c.mp4", "-o", "out", "--every", "5", "-j", "1"], 0),
    "poster": (["frames", "in/c.mp4", "-o", "p.jpg", "--poster", "-j", "1"], 0),
    "motion photo": (["frames", "in/b.jpg", "-o", "out", "--motion", "-j", "1"], 0),
    "pictures of a clip, dry": (["frames", "in", "-o", "out", "-n"], 0),
    "clip of clips": (["concat", "in/c.mp4", "in/c.mp4", "-o", "o.mp4", "-j", "1"], 0),
    "clip of pictures, dry": (["assemble", "in", "-o", "o.mp4", "-n"], 0),
    "info of a folder": (["info", "in"], 0),
    "pages": (
        [
            "convert",
            "in",
            "-o",
            "out",
            "--to",
            "webp,mp4",
            "--manifest",
            "m.json",
            "--html",
            "p.html",
            "--report",
            "r.html",
            "-j",
            "1",
        ],
        1,
    ),
    "comparison": (["compare", "in/b.jpg", "--to", "webp", "-j", "1"], 0),
}
QUICK = {"convert", "dry run", "explain", "info", "poster"}


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS]
)
def test_a_command_imports_no_decoder(run: Run, name: str) -> None:
    arguments, code = COMMANDS[name]
    run("-m", "imgpar", *arguments, code=code)


@pytest.mark.usefixtures("media")
def test_commands_after_a_run_import_no_decoder(run: Run) -> None:
    run("-m", "imgpar", "convert", "in", "-o", "out", "-j", "1", code=1)
    run("-m", "imgpar", "verify", "out")
    run("-m", "imgpar", "retry", "out", "-j", "1", code=1)
    run("-m", "imgpar", "convert", "in/b.jpg", "--in-place", "--grey", "-j", "1")
    run("-m", "imgpar", "undo", "in")


@pytest.mark.usefixtures("media")
def test_a_consumer_of_arrays_imports_no_decoder(run: Run) -> None:
    script = (
        "import imgpar\n"
        "with imgpar.Session(jobs=1) as session:\n"
        "    for _, array in session.arrays(imgpar.Pipeline(), ['in/b.jpg']): print(array.shape)\n"
        "    for _, info in session.describe(['in']): print(info)\n"
        "print(imgpar.dry_run('in', 'out'))"
    )
    assert "(24, 32, 3)" in run("-c", script)


def test_the_window_imports_no_decoder(run: Run) -> None:
    pytest.importorskip("tkinter")
    run("-c", "import imgpar.desktop.window, imgpar.desktop.work, imgpar.desktop.filelist")
