"""The tutorial and the how-to pages: their commands and programs run, in order, and print what they show."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import make_photo
from PIL import Image, ImageDraw
from video_clips import make_clip

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [DOCS / "tutorial.md", *sorted((DOCS / "howto").glob("*.md"))]
QUICK = {"tutorial", "watermark"}
NOT_RUN = {
    "tutorial": ["python3 -m venv"],  # it would install what is tested; .ci/run does that
    "server": ["*/10 * * * *", "sudo useradd"],  # cron and systemd
    "container": ["podman build", "podman run"],
    "notebook": ["pip install"],
}
"""What the blocks begin with that need something else than this machine: page → beginnings, in order."""
EXITS = {"head -c": 1}
"""Blocks that end with another exit code than 0, by their beginning."""
BLOCK = re.compile(
    r"^(?:`(?P<file>[\w./-]+)`\n\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
PHOTOS = [f"photos/{name}.jpg" for name in ("beach", "harbour", "day 2/fog")]
PHOTOS += ["DCIM/IMG_1.jpg", "inbox/a.jpg"]
PHOTOS += [f"pictures/{name}.jpg" for name in ("cats/1", "cats/2", "dogs/1", "dogs/2")]
DATA = ("toml", "ini", "python")
"""Kinds of blocks that may be the content of a file, which stands in front of them."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    text: str
    file: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("kind")) + 1
        yield Block(match["kind"], match["text"], match["file"] or "", line)


def photos(folder: Path) -> None:
    """Photos with a date, a camera and a position; two folders of them are classes of a data set."""
    exif = Image.Exif()
    exif[0x0110] = "Cam 1"
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 10:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 0.0), 3: "E", 4: (16.0, 22.0, 0.0)})
    names = [
        "photos/beach.jpg",
        "photos/harbour.jpg",
        "photos/day 2/fog.jpg",
        "DCIM/IMG_1.jpg",
        "inbox/a.jpg",
    ]
    names += [f"pictures/{name}.jpg" for name in ("cats/1", "cats/2", "dogs/1", "dogs/2")]
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_photo(1200, 900, seed=seed)).save(folder / name, exif=exif, quality=92)
    os.utime(folder / "inbox" / "a.jpg", (0, 0))  # it has settled


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the pages name."""
    folder = tmp_path_factory.mktemp("howto")
    photos(folder)
    make_clip(folder / "DCIM" / "IMG_2.mp4", size=(320, 240), frames=75, sound=True)
    make_clip(folder / "DCIM" / "IMG_3.mp4", size=(320, 240), frames=75, sound=True)
    logo = Image.new("RGBA", (240, 120))
    ImageDraw.Draw(logo).ellipse((20, 10, 220, 110), fill=(200, 30, 30, 255))
    logo.save(folder / "logo.png")
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, with `imgpar` and `pip` on the path as in an environment of one's own."""
    home = shutil.copytree(prepared, tmp_path / "home", copy_function=shutil.copy2)
    tools, packages = tmp_path / "bin", tmp_path / "packages"
    tools.mkdir()
    for name in ("imgpar", "pip"):
        script = tools / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n', encoding="utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tools / "python").symlink_to(sys.executable)
    settings = {
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(packages), str(ROOT)]),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "100",
        # Packages of the pages are built and installed without a network.
        "PIP_TARGET": str(packages), "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_QUIET": "2", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return home


def run(command: list[str], folder: Path, text: str | None = None) -> tuple[int, str]:
    """Exit code and all that was printed."""
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=folder, input=text, text=True, timeout=300, check=False, **both)
    return done.returncode, done.stdout


def expected_exit(block: Block) -> int:
    return next((code for start, code in EXITS.items() if block.text.startswith(start)), 0)


def masked(text: str) -> list[str]:
    """The lines of a text, without seconds, bytes and the paths of this machine."""
    text = re.sub(r", [\d.,]+ a (?:second|minute)", "", re.sub(r"/\S+/(?=[\w.]+)", "", text))
    return [re.sub(r"\d[\d.,]*(?= (?:s|[kM]?B)\b)", "N", line.rstrip()) for line in text.strip().splitlines()]


class Page:
    """Runs the blocks of a page."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._notebook = path.stem == "notebook"
        self._folder, self._cells, self._printed = folder, "", ""

    def take(self, block: Block) -> None:
        if block.file:
            target = self._folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.kind == "sh":
            self._check(block, *run(["bash", "-euo", "pipefail", "-c", block.text], self._folder))
        elif block.kind == "python" and self._notebook:
            self._cells += block.text
        elif block.kind == "python":
            (self._folder / "script.py").write_text(block.text, encoding="utf-8")
            self._check(block, *run([sys.executable, "script.py"], self._folder))
        elif block.kind == "text":
            assert masked(block.text) == masked(self._printed), f"line {block.line}"

    def finish(self) -> None:
        """The cells of a notebook, in a process that has no script."""
        code, printed = run([sys.executable, "-"], self._folder, self._cells)
        assert code == 0, printed

    def _check(self, block: Block, code: int, printed: str) -> None:
        assert code == expected_exit(block), f"line {block.line}:\n{block.text}{printed}"
        self._printed = printed


NAMES = [page.stem for page in PAGES]
CASES = [
    pytest.param(page, marks=() if page.stem in QUICK else pytest.mark.slow, id=page.stem) for page in PAGES
]


@pytest.mark.skipif(not shutil.which("bash"), reason="the pages are written for a shell")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", CASES)
def test_the_page_can_be_followed(page: Path, folder: Path) -> None:
    runner = Page(page, folder)
    for block in blocks(page):
        runner.take(block)
    runner.finish()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_is_not_run_is_named(page: Path) -> None:
    begun = [block.text for block in blocks(page) if block.kind == "console"]
    wanted = NOT_RUN.get(page.stem, [])
    assert [
        text.removeprefix("$ ")[: len(start)] for text, start in zip(begun, wanted, strict=True)
    ] == wanted


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_has_a_kind_that_is_known(page: Path) -> None:
    assert {block.kind for block in blocks(page)} <= {"sh", "console", "text", *DATA}
    assert [block.line for block in blocks(page) if block.kind in ("toml", "ini") and not block.file] == []
