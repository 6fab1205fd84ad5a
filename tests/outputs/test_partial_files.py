"""Temporary files beside outputs: held while they are written, else swept by the next writer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import refusing
from containers import contained
from video_clips import decoded, make_clip

import imgpar
from imgpar import testing
from imgpar.core import liveness
from imgpar.core.fs import Half, sweep_temporary_files, temporary_path
from imgpar.core.job import Target
from imgpar.outputs.commit import begin_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows keeps what is open by itself"),
]


def imgpar_run(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "imgpar", *map(str, arguments), "-q"], check=True)


def left(folder: Path) -> Path:
    """A file that nobody writes any more."""
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(temporary_path(str(folder / "a")))
    path.write_bytes(b"half of a file")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_sweep_removes_what_nobody_holds_and_nothing_else(tmp_path: Path) -> None:
    for name in (".imgpar", "a.tmp", "a.jpg", ".imgpar-notes"):
        (tmp_path / name).write_bytes(b"")
    left(tmp_path)
    half = Half(temporary_path(str(tmp_path / "a")))
    assert sweep_temporary_files(str(tmp_path)) == 1
    assert names(tmp_path) == sorted(
        [".imgpar", ".imgpar-notes", "a.jpg", "a.tmp", os.path.basename(half.path)]
    )
    half.drop()


def test_what_another_container_writes_is_not_swept(tmp_path: Path) -> None:
    half = f"Half(temporary_path({str(tmp_path / 'a')!r}))"
    code = f"from imgpar.core.fs import *; h = {half}; print(flush=True); input()"
    writer = contained(sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout
    writer.stdout.readline()
    assert sweep_temporary_files(str(tmp_path)) == 0
    writer.kill()
    writer.communicate()
    assert sweep_temporary_files(str(tmp_path)) == 1


def test_a_file_that_another_program_writes_is_held_until_it_is_dropped(tmp_path: Path) -> None:
    with begin_file(Target("mp4", str(tmp_path / "a.mp4"))) as half:
        subprocess.run(["sh", "-c", 'echo frames > "$1"', "sh", half.path], check=True)
        assert not liveness.is_free(half.path)
    assert names(tmp_path) == []


def test_two_files_for_one_name_do_not_meet(tmp_path: Path) -> None:
    """The same process number, the same target, nothing else to tell them apart."""
    target = Target("mp4", str(tmp_path / "a.mp4"))
    with begin_file(target) as one, begin_file(target) as other:
        assert one.path != other.path


# ----- every writer sweeps where it writes ----------------------------------------------------------


def one_file(tmp_path: Path, out: Path) -> None:
    imgpar_run("convert", testing.write_pictures(tmp_path / "in", ["a.png"]) / "a.png", "-o", out / "a.webp")


def a_folder(tmp_path: Path, out: Path) -> None:
    imgpar_run("convert", testing.write_pictures(tmp_path / "in", ["a.png"]), "-o", out)


def a_report(tmp_path: Path, out: Path) -> None:
    pictures = testing.write_pictures(tmp_path / "in", ["a.png"])
    imgpar_run("convert", pictures, "-o", tmp_path / "other", "--report", out / "a.json")


def stills(tmp_path: Path, out: Path) -> None:
    imgpar_run("frames", make_clip(tmp_path / "a.mp4", frames=4), "-o", out, "--every", "2")


def several_clips(tmp_path: Path, out: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=4)
    imgpar_run("concat", clip, clip, "-o", out / "b.mp4")


def a_clip_of_pictures(tmp_path: Path, out: Path) -> None:
    imgpar_run("assemble", testing.write_pictures(tmp_path / "in", ["a.png"]), "-o", out / "a.mp4")


WRITERS = [one_file, a_folder, a_report, stills, several_clips, a_clip_of_pictures]


@pytest.mark.parametrize("write", WRITERS)
def test_who_writes_into_a_folder_removes_what_the_dead_left_there(
    tmp_path: Path, write: Callable[[Path, Path], None]
) -> None:
    dead = left(tmp_path / "out")
    write(tmp_path, tmp_path / "out")
    assert not dead.exists()


@pytest.mark.parametrize("write", WRITERS)
def test_who_writes_into_a_folder_leaves_alone_what_others_write(
    tmp_path: Path, write: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "out").mkdir()
    with Half(temporary_path(str(tmp_path / "out/a"))) as half:
        write(tmp_path, tmp_path / "out")
        assert os.path.exists(half.path)


def test_a_file_that_is_done_already_is_no_reason_to_leave_its_half(tmp_path: Path) -> None:
    """Who is killed between the last name of a file and the removal of its first one leaves both."""
    picture, out = testing.write_pictures(tmp_path / "in", ["a.png"]) / "a.png", tmp_path / "out/a.webp"
    imgpar_run("convert", picture, "-o", out)
    dead, status = left(tmp_path / "out"), out.stat()
    imgpar_run("convert", picture, "-o", out)
    assert (dead.exists(), out.stat()) == (False, status)


def test_a_run_in_a_folder_below_leaves_alone_what_is_written_there(tmp_path: Path) -> None:
    """Its journal is another one, and the run in it was interrupted."""
    pictures = testing.write_pictures(tmp_path / "in", ["sub/a.png", "b.png"])
    stop = imgpar.CancelToken()
    imgpar.convert(pictures, tmp_path / "out", to="jpg", cancel=stop, on_event=lambda _: stop.cancel())
    (tmp_path / "out/sub").mkdir(exist_ok=True)
    with Half(temporary_path(str(tmp_path / "out/sub/c.jpg"))) as half:
        imgpar.convert(pictures, tmp_path / "out", to="jpg", jobs=1)
        assert os.path.exists(half.path)


def test_two_containers_write_their_own_clips(tmp_path: Path) -> None:
    """Both are process 1, run 1 and task 1, and their outputs lie in one folder."""
    sizes = {"a": (320, 240), "b": (160, 120)}
    runs = []
    for name, size in sizes.items():
        clip = make_clip(tmp_path / f"in/{name}.mp4", frames=200, size=size)
        command = [sys.executable, "-m", "imgpar", "convert", clip, "-o", tmp_path / f"out/{name}.mp4"]
        journal = tmp_path / f"{name}.db"
        runs.append(contained(*command, "--journal", journal, "--blur", "2", "-j", "1", "-q"))
    assert [run.wait() for run in runs] == [0, 0]
    found = {name: decoded(tmp_path / f"out/{name}.mp4")[1] for name in sizes}
    assert {name: (len(frames), frames[0].shape[1::-1]) for name, frames in found.items()} == {
        name: (200, size) for name, size in sizes.items()
    }


@pytest.mark.skipif(not refusing.supported(), reason="needs a kernel that can refuse calls")
def test_without_locks_files_are_written_and_nothing_is_swept(tmp_path: Path) -> None:
    dead, pictures = left(tmp_path / "out"), testing.write_pictures(tmp_path / "in", ["a.png"])
    command = [sys.executable, refusing.__file__, "ENOLCK", "flock", "--", sys.executable, "-m", "imgpar"]
    done = subprocess.run([*command, "convert", pictures, "-o", tmp_path / "out", "-q"], check=False)
    assert (done.returncode, names(tmp_path / "out")) == (0, [".imgpar", dead.name, "a.png"])
