"""What a sink is told of a run, and what is known of its outputs after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FolderMaker

import imgpar
from imgpar.core.errors import CommitError
from imgpar.core.job import Job, Outcome, OutputFile

SHELF = """
import os, shutil, signal, sys
import imgpar
from imgpar.core.digest import content_digest
from imgpar.core.job import Facts

class Shelf:
    root, waits = "shelf://web", False
    def __init__(self, folder, most):
        self.folder, self.most, self.journal = folder, most, folder + ".db"
    def _file(self, path):
        return os.path.join(self.folder, path.removeprefix(self.root).replace("/", "+"))
    def find(self, path):
        file = self._file(path)
        return Facts(os.path.getsize(file), 0) if os.path.exists(file) else None
    def digest(self, path):
        with open(self._file(path), "rb") as file:
            return content_digest(file.read())
    def publish(self, path, file, made):
        shutil.copy(file, self._file(path))
        print(path, flush=True)
        self.most -= 1
        if not self.most:
            os.kill(os.getpid(), signal.SIGKILL)
    def close(self):
        pass

if __name__ == "__main__":
    _, pictures, folder, most, settings = sys.argv
    print(imgpar.convert(pictures, Shelf(folder, int(most)), jobs=1, **eval(settings)))
"""


class Told(imgpar.MemorySink):
    """A sink that keeps what it is told."""

    refuses = ""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, int]] = []

    def record(self, outcome: Outcome, job: Job | None) -> None:
        if self.refuses:
            raise CommitError(self.refuses)
        self.told.append((Path(outcome.source).name, outcome.status, len(self)))


def test_a_sink_is_told_every_item_after_its_outputs(photo_folder: FolderMaker) -> None:
    folder, sink = photo_folder("a.png", "b.png"), Told()
    (folder / "c.png").write_bytes(b"no picture")
    inputs = [folder, folder / "gone.png"]
    imgpar.convert(inputs, sink, to="jpg", jobs=1)
    assert sorted(sink.told)[:3] == [("a.png", "ok", 1), ("b.png", "ok", 2), ("c.png", "failed", 2)]
    assert [told[:2] for told in sink.told if told[0] == "gone.png"] == [("gone.png", "failed")]
    sink.told.clear()
    imgpar.convert(inputs, sink, to="jpg", jobs=1)
    assert sorted(told[0] for told in sink.told) == ["c.png", "gone.png"]


def test_what_a_sink_cannot_record_is_failed(photo_folder: FolderMaker) -> None:
    sink = Told()
    sink.refuses = "The table is full."
    report = imgpar.convert(photo_folder("a.png"), sink, jobs=1)
    assert [(item.status, item.error) for item in report.items] == [("failed", "The table is full.")]


def test_a_sink_is_offered_what_earlier_runs_made(photo_folder: FolderMaker) -> None:
    class Resuming(imgpar.MemorySink):
        offered: tuple[OutputFile, ...] = ()

        def resume(self, made: object) -> None:
            self.offered = tuple(made)  # type: ignore[arg-type]

    sink, folder = Resuming(), photo_folder("a.png")
    for _ in range(2):
        imgpar.convert(folder, sink, jobs=1)
    assert [file.path for file in sink.offered] == ["memory://outputs/a.png"]
    assert sink.offered[0].digest == sink.digest("memory://outputs/a.png")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("settings", "count", "twice"),
    [("{}", 4, []), ('{"pages": "split", "to": "png"}', 8, ["shelf://web/c-p1.png"])],
)
def test_what_was_published_before_a_kill_is_not_made_again(
    tmp_path: Path, photo_folder: FolderMaker, settings: str, count: int, twice: list[str]
) -> None:
    from PIL import Image

    folder = photo_folder("a.png", "b.png", "d.png")
    pages = [Image.new("RGB", (20, 20), (at, 0, 0)) for at in (0, 90, 200, 250)]
    pages[0].save(folder / "c.tiff", save_all=True, append_images=pages[1:])
    script, shelf = tmp_path / "shelf.py", tmp_path / "shelf"
    script.write_text(SHELF)
    shelf.mkdir()
    published, last = list[str](), ""
    for most in (1, 2, 99):
        command = [sys.executable, str(script), str(folder), str(shelf), str(most), settings]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        published += [line for line in lines if line.startswith("shelf")]
        last = lines[-1]
        assert done.returncode == (0 if most == 99 else -signal.SIGKILL), done.stderr
    assert last.startswith(f"<Report: {2 if twice else 1} ok")
    assert sorted({name for name in published if published.count(name) > 1}) == twice
    assert len(published) == count
