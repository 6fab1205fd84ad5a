"""The archive that a killed run leaves: what the next run takes over, and what it does not touch."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_files import content, made_sink, publish
from archive_kills import run_until_done
from conftest import FolderMaker
from PIL import Image

import imgpar
from imgpar.core.digest import content_digest
from imgpar.core.fs import temporary_path
from imgpar.core.job import OutputFile
from imgpar.outputs.archive_sink import ArchiveSink
from imgpar.outputs.partial import DAYS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
FILES = {"a.jpg": b"first", "sub/b.jpg": os.urandom(700), "empty.jpg": b"", "d.jpg": b"d" * 512}


@pytest.fixture(params=["zip", "tar", "tar.gz"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"out.{request.param}"


@pytest.fixture
def left(root: Path) -> tuple[Path, list[OutputFile]]:
    """An unfinished archive without a process, and what was noted of it."""
    sink = made_sink(root)
    made = [publish(sink, name, data) for name, data in FILES.items()]
    killed(sink)
    return partial(root), made


def killed(sink: ArchiveSink) -> None:
    """End a sink as a kill does."""
    assert sink._partial
    sink._partial.file.close()
    sink._partial, sink._members = None, {}
    sink.close()


def partials(root: Path) -> list[Path]:
    return sorted(root.parent.glob(".imgpar-*.part"))


def partial(root: Path) -> Path:
    (found,) = partials(root)
    return found


def test_whole_members_are_taken_over(root: Path, left: tuple[Path, list[OutputFile]]) -> None:
    sink = made_sink(root)
    sink.resume(left[1])
    assert {name: sink.digest(str(root / name)) for name in FILES} == {
        name: content_digest(data) for name, data in FILES.items()
    }
    publish(sink, "new.jpg", b"new")
    sink.close()
    assert content(root) == {**FILES, "new.jpg": b"new"}
    assert partials(root) == []


def test_what_a_kill_at_the_end_has_left_is_removed(root: Path, left: tuple[Path, list[OutputFile]]) -> None:
    second = Path(temporary_path(str(root)))
    second.write_bytes(b"half of the archive")
    sink = made_sink(root)
    sink.resume(left[1])
    sink.close()
    assert content(root) == FILES
    assert not second.exists()


@pytest.mark.slow
def test_an_archive_that_was_cut_off_anywhere(root: Path, left: tuple[Path, list[OutputFile]]) -> None:
    path, made = left
    data = path.read_bytes()
    whole = set[int]()
    for size in (*range(0, len(data), 1 if root.suffix == ".zip" else 37), len(data)):
        path.write_bytes(data[:size])
        sink = made_sink(root)
        sink.resume(made)
        kept = list(sink._members)
        assert kept == list(FILES)[: len(kept)], size
        whole.add(len(kept))
        if kept:
            assert path.stat().st_size == sink._members[kept[-1]].end
            killed(sink)
        else:
            assert not path.exists()
            sink.close()
    assert whole == set(range(5))


def test_what_was_not_noted_is_made_again(root: Path, left: tuple[Path, list[OutputFile]]) -> None:
    made = [
        file._replace(digest=content_digest(b"another")) if "sub" in file.path else file for file in left[1]
    ]
    sink = made_sink(root)
    sink.resume(made[:3])
    assert list(sink._members) == ["a.jpg", "empty.jpg"]
    sink.close()
    assert content(root) == {"a.jpg": b"first", "empty.jpg": b""}
    assert FILES["sub/b.jpg"] not in root.read_bytes()


def test_without_notes_nothing_is_taken_over(root: Path, left: tuple[Path, list[OutputFile]]) -> None:
    sink = made_sink(root)
    sink.resume([])
    sink.close()
    assert partials(root) == []
    assert not root.exists()


def test_what_another_run_holds_is_left_alone(root: Path) -> None:
    first, second = made_sink(root), made_sink(root)
    made = publish(first, "a.jpg", b"first")
    second.resume([made])
    assert not second._members
    publish(second, "b.jpg", b"second")
    second.close()
    assert content(root) == {"b.jpg": b"second"}
    assert len(partials(root)) == 1
    first.resume([made])  # its own
    with pytest.raises(imgpar.OutputError, match="was changed during the run"):
        first.close()
    again = made_sink(root)
    again.resume([made])
    again.close()
    assert content(root) == {"a.jpg": b"first", "b.jpg": b"second"}


def test_of_several_the_largest_is_taken_over(root: Path) -> None:
    made = []
    for data in (b"small", b"large" * 2000):
        sink = made_sink(root)
        made.append(publish(sink, f"{len(data)}.jpg", data))
        killed(sink)
    assert len(partials(root)) == 2
    sink = made_sink(root)
    sink.resume(made)
    sink.close()
    assert content(root) == {"10000.jpg": b"large" * 2000}
    assert partials(root) == []


@pytest.mark.parametrize("kind", ["link", "hard link", "folder"])
def test_only_a_file_of_its_own_is_taken_over(
    root: Path, left: tuple[Path, list[OutputFile]], tmp_path: Path, kind: str
) -> None:
    path, other = left[0], tmp_path / "precious"
    shutil.move(path, other)
    before = other.read_bytes()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(other)
    else:
        os.link(other, path)
    sink = made_sink(root)
    sink.resume(left[1])
    publish(sink, "a.jpg", b"mine")
    sink.close()
    assert content(root) == {"a.jpg": b"mine"}
    assert other.read_bytes() == before


@pytest.mark.parametrize("root", ["zip", "tar"], indirect=True)  # of others it holds nothing that was kept
def test_what_was_kept_before_a_kill_is_read_again(root: Path) -> None:
    sink = made_sink(root)
    mine = publish(sink, "mine.jpg", b"mine")
    sink.close()
    old = root.read_bytes()
    made = publish(sink, "a.jpg", b"first")
    assert sink._partial
    path = Path(sink._partial.path)
    copies = list[Path]()

    def keep_copy(_: str = "") -> None:  # all is written, nothing renamed
        (marked,) = partials(root)
        copies.append(Path(shutil.copy(marked, root.with_name("copy"))))
        raise KeyboardInterrupt

    sink._check = keep_copy  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        sink.close()
    assert not path.exists()
    assert root.read_bytes() == old
    assert len(partials(root)) == 1
    root.unlink()
    sink = made_sink(root)
    publish(sink, "mine.jpg", b"changed since")
    sink.close()
    sink = made_sink(root)
    sink.resume([mine, made])
    sink.close()
    assert content(root) == {"a.jpg": b"first", "mine.jpg": b"changed since"}


def test_what_nobody_took_over_is_removed_after_a_month(tmp_path: Path) -> None:
    sink = made_sink(tmp_path / "gone.tar")
    publish(sink, "a.jpg", b"one")
    killed(sink)
    (path,) = partials(tmp_path / "gone.tar")
    for days, there in ((DAYS - 1, True), (DAYS + 1, False)):
        os.utime(path, (time.time() - days * 86400,) * 2)
        sink = made_sink(tmp_path / "out.tar")
        publish(sink, "a.jpg", b"one")
        sink.close()
        assert path.exists() is there


@pytest.fixture
def full() -> Iterator[None]:
    """A limit of the size of files, which stands for a full disk."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_member_that_finds_no_room_leaves_the_others(root: Path, full: None) -> None:
    sink = made_sink(root)
    made = [publish(sink, "a.jpg", b"one")]
    assert sink._partial
    large = root.with_name("large")
    large.write_bytes(bytes(19_990))
    with pytest.raises(OSError, match="too large"):
        sink.publish(str(root / "large.jpg"), str(large), OutputFile("", 19_990))
    assert Path(sink._partial.path).stat().st_size == sink._members["a.jpg"].end
    made.append(publish(sink, "b.jpg", b"two"))
    sink.close()
    assert content(root) == {"a.jpg": b"one", "b.jpg": b"two"}


def test_an_archive_that_finds_no_room_at_the_end_is_continued(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = tmp_path / "out.tar"
    sink = made_sink(root)
    publish(sink, "kept.jpg", bytes(15_000))
    sink.close()
    before = root.read_bytes()
    request.getfixturevalue("full")
    made = publish(sink, "a.jpg", bytes(15_000))
    with pytest.raises(OSError, match="too large"):
        sink.close()
    assert root.read_bytes() == before
    assert len(partials(root)) == 1
    sink.resume([made])
    assert list(sink._members) == ["a.jpg"]
    killed(sink)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_killed_runs_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, photo_folder: FolderMaker, kind: str
) -> None:
    folder = photo_folder()
    for at in range(60):
        Image.effect_noise((80, 60), 60).convert("RGB").save(folder / f"{at:03}.jpg")
    out = tmp_path / f"out.{kind}"
    found = run_until_done(tmp_path, folder, out, kills=4, seed=len(kind))
    assert found["report"]["failed"] == 0
    assert len(found["published"]) == 60
    assert set(found["published"].values()) == {1}
    imgpar.convert(folder, tmp_path / "folder", to="webp", resize="64")
    files = (tmp_path / "folder").glob("*.webp")
    assert content(out) == {path.name: path.read_bytes() for path in files}
    assert partials(out) == []
