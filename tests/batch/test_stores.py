"""Sources and sinks of a run: memory, those that wait for a network, and those of the user."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import FolderMaker
from PIL import Image
from video_clips import make_clip

import imgpar
import imgpar.core.job as imgpar_job
from imgpar import MemorySink, MemorySource
from imgpar.batch import hosts
from imgpar.core.digest import content_digest
from imgpar.core.job import Facts, Item, OutputFile
from imgpar.inputs.batches import Batch
from imgpar.inputs.fetching import FetchOptions
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, in_folders


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(seed: int = 0, kind: str = "PNG", size: tuple[int, int] = (24, 16)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (seed * 20, 90, 120)).save(data, kind)
    return data.getvalue()


# ----- memory --------------------------------------------------------------------------------------


def test_bytes_become_bytes(session: imgpar.Session) -> None:
    sink = MemorySink()
    source = MemorySource({"a.png": picture(), "2024/b.jpg": picture(1, "JPEG")})
    report = imgpar.convert(source, sink, resize="12", to="webp", session=session)
    assert (report.ok, report.out, sorted(sink)) == (2, "memory://outputs", ["2024/b.webp", "a.webp"])
    assert Image.open(io.BytesIO(sink["a.webp"])).size == (12, 8)
    assert [item.source for item in report.items] == ["memory://inputs/a.png", "memory://inputs/2024/b.jpg"]


def test_a_second_run_in_memory_makes_what_changed(session: imgpar.Session) -> None:
    sink, files = MemorySink(), {"a.png": picture(1), "b.png": picture(2)}
    statuses = []
    for _ in range(2):
        report = imgpar.convert(MemorySource(files), sink, to="jpg", session=session)
        statuses.append([item.status for item in report.items])
        files["b.png"] = picture(3)
    assert len(picture(2)) == len(picture(3))  # no size and no time tells: the content does
    report = imgpar.convert(MemorySource(files), sink, to="jpg", session=session)
    assert [*statuses, report.reasons] == [["ok", "ok"], ["skipped", "ok"], {"unchanged": 2}]


def test_the_current_folder_is_no_part_of_a_name(
    tmp_path: Path, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        source = MemorySource({"2024/a.png": picture(seed)})
        report = imgpar.convert(source, tmp_path / "out", to="jpg", session=session)
        assert [file.path for file in report.items[0].outputs] == [str(tmp_path / "out/2024/a.jpg")]


def test_a_name_without_suffix_is_known_by_its_content(session: imgpar.Session) -> None:
    sink = MemorySink()
    report = imgpar.convert(MemorySource({"upload": picture()}), sink, session=session)
    assert (report.ok, list(sink)) == (1, ["upload.png"])


def test_paths_and_sources_are_mixed(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder = photo_folder("a.png")
    sources = [MemorySource({"a.png": picture(at)}, name=f"set{at}") for at in range(2)]
    report = imgpar.convert([str(folder), *sources], tmp_path / "out", to="jpg", session=session)
    made = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.jpg"))
    assert (report.ok, made) == (3, ["photos/a.jpg", "set0/a.jpg", "set1/a.jpg"])


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    sources = [MemorySource({"a.png": picture()}), MemorySource({"a.png": picture()})]
    with pytest.raises(imgpar.UsageError, match="Two inputs are called memory://inputs"):
        imgpar.convert(sources, tmp_path / "out")


def test_damaged_bytes_are_one_failed_input(session: imgpar.Session) -> None:
    sink = MemorySink()
    report = imgpar.convert(
        MemorySource({"a.png": b"nothing", "b.png": picture(), "c.png": b""}), sink, session=session
    )
    assert (report.ok, report.failed, list(sink)) == (1, 2, ["b.png"])
    assert report.items[2].error == "It is empty (0 bytes)."


def test_a_clip_in_memory(tmp_path: Path, session: imgpar.Session) -> None:
    make_clip(tmp_path / "a.mp4")
    sink = MemorySink()
    source = MemorySource({"a.mp4": (tmp_path / "a.mp4").read_bytes()})
    report = imgpar.convert(source, sink, to="mkv", session=session)
    assert (report.ok, list(sink), sink["a.mkv"][:4]) == (1, ["a.mkv"], b"\x1aE\xdf\xa3")


def test_memory_in_stages(session: imgpar.Session) -> None:
    one, other = MemorySink(), MemorySink()
    source = MemorySource({"a.png": picture(size=(300, 200)), "b.jpg": picture(2, "JPEG")})
    for sink, schedule in ((one, "staged"), (other, "chain")):
        imgpar.convert(source, sink, to="png,jpg", schedule=schedule, session=session)
    assert dict(one) == dict(other)
    assert len(one) == 4


def test_an_original_in_memory_is_copied_as_it_is(session: imgpar.Session) -> None:
    for schedule in ("staged", "chain"):
        sink = MemorySink()
        data = picture(2, "JPEG")
        imgpar.convert(MemorySource({"b.jpg": data}), sink, schedule=schedule, session=session)
        assert sink["b.jpg"] == data


def test_memory_is_not_converted_in_place() -> None:
    with pytest.raises(imgpar.UsageError, match=r"memory://inputs cannot be converted in place"):
        imgpar.convert(MemorySource({"a.png": picture()}), in_place=True)


@pytest.mark.slow
def test_of_a_picture_that_kills_its_worker_nothing_is_published(session: imgpar.Session) -> None:
    from imgpar.testing import die

    sink = MemorySink()
    pipe = imgpar.Pipeline().apply(die)
    report = pipe.run(MemorySource({"a.png": picture(), "b.png": picture(1)}), sink, session=session)
    assert (report.failed, dict(sink)) == (2, {})
    assert {item.kind for item in report.items} == {"WorkerDiedError"}


def test_what_is_neither_a_path_nor_a_sink_is_refused(photo_folder: FolderMaker) -> None:
    with pytest.raises(imgpar.UsageError, match=r"out is a int, .* it has no root, waits, find"):
        imgpar.convert(photo_folder("a.png"), 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("s3://bucket/out.tar.gz", "none is stored at an address"),
        ("https://example.com/out", "written to addresses with https"),
        (Path("s3://bucket/out"), "with s3://"),
        ("GS:/bucket/out", "with gs://"),
    ],
)
def test_an_out_that_would_be_a_folder_by_mistake_is_refused(
    out: str | Path, words: str, photo_folder: FolderMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = photo_folder("a.jpg")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.convert(folder, out)
    with pytest.raises(imgpar.UsageError, match="with s3://"):
        imgpar.convert(Path("s3://bucket/a"), "out")


@pytest.mark.parametrize("read", [imgpar.describe, imgpar.frames])
def test_what_reads_a_file_refuses_an_address(read) -> None:
    with pytest.raises(imgpar.UsageError, match="is an address, not a file"):
        read("https://example.com/a.mp4?token=1")


def test_a_retry_after_memory_needs_the_inputs(session: imgpar.Session) -> None:
    sink = MemorySink()
    imgpar.convert(MemorySource({"a.png": b"nothing"}), sink, session=session)
    with pytest.raises(imgpar.UsageError, match="does not know where the inputs"):
        imgpar.retry(sink, session=session)
    report = imgpar.retry(sink, MemorySource({"a.png": picture()}), session=session)
    assert (report.ok, list(sink)) == (1, ["a.png"])


# ----- sources that wait ---------------------------------------------------------------------------


class Slow:
    """A source behind a network; it counts in files how often it was opened, and where."""

    root, waits = "slow://album", True

    def __init__(self, folder: Path, files: dict[str, bytes]) -> None:
        self.folder, self.files = folder, files

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        entries = (Entry(name, len(data), 10**18) for name, data in self.files.items())
        return in_folders(self.root, mirror, entries, patterns)

    def open(self, item: Item) -> bytes:
        (self.folder / f"{item.mirror}-{os.getpid()}-{threading.get_ident()}").touch()
        time.sleep(0.02)
        if item.mirror == "gone.png":
            raise FileNotFoundError(errno.ENOENT, "not on the server")
        if item.mirror == "bug.png":
            raise KeyError("bug")
        return self.files[item.mirror]


def test_a_source_that_waits_is_opened_in_threads_of_the_parent(
    tmp_path: Path, session: imgpar.Session
) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    source = Slow(calls, {f"{at}.png": picture(at) for at in range(12)})
    report = imgpar.convert(source, tmp_path / "out", to="jpg", session=session)
    opened = [path.name.split("-") for path in calls.iterdir()]
    assert report.ok == 12
    assert len(opened) == 12
    assert {pid for _, pid, _ in opened} == {str(os.getpid())}
    assert 1 < len({thread for _, _, thread in opened}) <= FetchOptions().per_host
    report = imgpar.convert(source, tmp_path / "out", to="jpg", session=session)
    assert report.reasons == {"unchanged": 12}
    assert len(list(calls.iterdir())) == 12


def test_what_cannot_be_fetched_fails_alone(tmp_path: Path, session: imgpar.Session) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    files = {"a.png": picture(), "gone.png": picture(), "bug.png": picture()}
    report = imgpar.convert(Slow(calls, files), tmp_path / "out", session=session)
    errors = {item.source: item.error for item in report.items if item.error}
    assert report.ok == 1
    assert errors["slow://album/gone.png"].startswith("It cannot be read: not on the server.")
    assert errors["slow://album/bug.png"] == "Slow.open raised KeyError: 'bug'. See its traceback."


def test_fetched_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, own = tmp_path / "calls", tmp_path / "own"
    calls.mkdir()
    own.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(own))
    monkeypatch.setattr(hosts, "MOST_FILES", 40)
    most = 0

    def listen(event: imgpar.Event) -> None:
        nonlocal most
        most = max(most, sum(path.suffix == ".png" for path in own.rglob("*")))

    source = Slow(calls, {f"{at:03}.png": picture(at % 10) for at in range(150)})
    report = imgpar.convert(source, tmp_path / "out", to="jpg", jobs=1, on_event=listen)
    assert report.ok == 150
    assert 0 < most <= 40 + FetchOptions().per_host
    assert not [path for path in own.rglob("*") if path.suffix == ".png"]


# ----- sinks of the user ---------------------------------------------------------------------------


class Shelf:
    """A sink behind a network: files of one folder under names without separators."""

    root, waits = "shelf://web", True

    def __init__(self, folder: Path) -> None:
        self.folder, self.threads, self.closed = folder, set[int](), 0
        self.refuses = ""
        self.journal = str(folder.with_name("shelf.db"))

    def _file(self, path: str) -> Path:
        return self.folder / path.removeprefix(self.root).replace("/", "+")

    def find(self, path: str) -> Facts | None:
        file = self._file(path)
        return Facts(file.stat().st_size, 0) if file.exists() else None

    def digest(self, path: str) -> str:
        return content_digest(self._file(path).read_bytes())

    def publish(self, path: str, file: str, made: OutputFile) -> None:
        self.threads.add(threading.get_ident())
        if self.refuses and self.refuses in path:
            raise OSError(errno.ENOSPC if self.refuses == "full" else errno.EIO, "refused")
        time.sleep(0.02)
        Path(file).replace(self._file(path))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "shelf").mkdir()
    return Shelf(tmp_path / "shelf")


def test_a_sink_of_the_user_gets_every_output(
    shelf: Shelf, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder = photo_folder(*(f"{at}.png" for at in range(8)), "sub/a.png")
    report = imgpar.convert(folder, shelf, to="jpg,webp", session=session)
    assert report.ok == 9
    assert len(list(shelf.folder.iterdir())) == 18
    assert (shelf.folder / "+sub+a.jpg").exists()
    assert threading.get_ident() not in shelf.threads
    assert shelf.closed
    assert imgpar.convert(folder, shelf, to="jpg,webp", session=session).reasons == {"unchanged": 9}
    assert imgpar.verify(shelf).ok == 18


def test_an_output_that_is_refused_is_a_failed_input(
    shelf: Shelf, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder = photo_folder("a.png", "b.png")
    shelf.refuses = "b.jpg"
    report = imgpar.convert(folder, shelf, to="jpg", session=session)
    (failed,) = report.failures
    assert (failed.source, failed.stage, failed.kind) == (str(folder / "b.png"), "commit", "CommitError")
    assert failed.error == "It cannot be stored in shelf://web: refused."
    shelf.refuses = ""
    assert imgpar.retry(shelf, session=session).ok == 1


def test_a_full_sink_stops_the_run(shelf: Shelf, photo_folder: FolderMaker, session: imgpar.Session) -> None:
    shelf.refuses = "full"
    report = imgpar.convert(photo_folder("full.png", "b.png"), shelf, to="jpg", session=session)
    assert (report.exit_code, report.stopped) == (
        4,
        "No space is left in shelf://web. Free some space and run again; finished outputs are kept.",
    )


def test_an_output_that_appears_meanwhile_is_kept(
    shelf: Shelf, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder = photo_folder("a.png", "b.png")

    def listen(event: imgpar.Event) -> None:
        if event.kind == "planned":
            for name in ("a", "b"):
                (shelf.folder / f"+{name}.jpg").write_bytes(b"mine")

    report = imgpar.convert(folder, shelf, to="jpg", on_event=listen, session=session)
    assert {path.read_bytes() for path in shelf.folder.iterdir()} == {b"mine"}
    errors = [item.error for item in report.failures]
    assert len(errors) == 2
    assert all("appeared after the run was planned; it was left alone" in error for error in errors)


def test_a_source_of_a_script_is_sent_by_value(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        """
import imgpar, sys
from imgpar.inputs.sources import Entry, in_folders

class Script:
    root, waits = "script://album", False
    def batches(self, mirror, patterns=None):
        return in_folders(self.root, mirror, [Entry("a.ppm")], patterns)
    def open(self, item):
        return b"P6 2 1 255 " + bytes(6)

sink = imgpar.MemorySink()
print(imgpar.convert(Script(), sink, to="png", jobs=1), sink["a.png"][1:4].decode())
"""
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout == "<Report: 1 ok, 0 skipped, 0 failed, out='memory://outputs'> PNG\n", done.stderr


class Names:
    """A function with a state, which notes the name of each input that it is given."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def reset(self, item: imgpar_job.ItemFacts) -> None:
        self.log.write_text(item.path)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        return array


def test_functions_are_told_the_name_of_a_clip_not_of_its_copy(
    tmp_path: Path, session: imgpar.Session
) -> None:
    make_clip(tmp_path / "a.mp4")
    source = MemorySource({"a.mp4": (tmp_path / "a.mp4").read_bytes()})
    report = imgpar.Pipeline().apply(Names(tmp_path / "log")).run(source, tmp_path / "out", session=session)
    assert (report.ok, (tmp_path / "log").read_text()) == (1, "memory://inputs/a.mp4")


def test_a_sink_with_a_fault_fails_the_item_and_not_the_run(photo_folder: FolderMaker) -> None:
    class Faulty(imgpar.MemorySink):
        def publish(self, path: str, file: str, made: imgpar.OutputFile, /) -> None:
            if path.endswith("a.png"):
                raise ValueError("no room on the shelf")
            super().publish(path, file, made)

    report = imgpar.convert(photo_folder("a.png", "b.png"), Faulty(), jobs=1)
    assert [outcome.status for outcome in report.items] == ["failed", "ok"]
    assert "no room on the shelf" in report.items[0].error
