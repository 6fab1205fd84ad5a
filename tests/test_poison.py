"""Files that hang, crash or eat memory are named with stage, cause and traceback; others are left alone."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.cli import main

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits private memory")
posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(4)])


def only(behave, seed: int):
    """A function that misbehaves on one picture."""

    def function(array):
        return behave(array) if np.array_equal(array, testing.pattern(96, 64, seed)) else array

    return function


def run(behave, pictures: Path, out: Path, **settings):
    with imgpar.Session(jobs=2) as session:
        report = session.run(Pipeline().apply(only(behave, 2)), pictures, out, to="png", **settings)
    (failure,) = [item for item in report.items if item.status == "failed"]
    assert (report.ok, Path(failure.source).name) == (3, "2.png")
    return failure


@linux
def test_a_picture_that_eats_memory_is_named_with_the_limit(pictures, tmp_path):
    failure = run(testing.eat_memory, pictures, tmp_path / "out")
    assert "more memory than a worker may use" in failure.error
    assert "MiB" in failure.error
    assert failure.stage == "transform"


@linux
def test_the_memory_of_a_worker_can_be_chosen(pictures, tmp_path):
    report = (
        Pipeline()
        .apply(only(testing.eat_memory, 2))
        .run(pictures, tmp_path / "out", to="png", jobs=1, worker_memory="1G")
    )
    assert "(1,024 MiB). Give it more with --worker-memory" in report.failures[0].error


def confuse(array):
    """Say something that no worker says, through the worker's own channel."""
    import gc

    from imgpar.runtime.channel import WorkerEnd
    from imgpar.runtime.protocol import Done

    next(found for found in gc.get_objects() if isinstance(found, WorkerEnd)).send(Done(10**9, ()))
    time.sleep(60)
    return array


@posix
def test_a_worker_that_talks_nonsense_is_killed_and_its_file_charged(pictures, tmp_path):
    failure = run(confuse, pictures, tmp_path / "out")
    assert "named a task that was not assigned to it" in failure.error
    assert failure.stage == "transform"


@posix
def test_a_hang_says_where(pictures, tmp_path):
    failure = run(testing.hang, pictures, tmp_path / "out", timeout=0.5)
    assert "longer than 0.5 s in stage transform" in failure.error
    assert "testing.py" in failure.traceback
    assert "in hang" in failure.traceback


@posix
def test_a_hang_that_holds_pythons_lock_says_where(pictures, tmp_path):
    assert "in hold" in run(testing.hold_gil, pictures, tmp_path / "out", timeout=0.5).traceback


@posix
def test_a_crash_says_where(pictures, tmp_path):
    failure = run(testing.crash, pictures, tmp_path / "out")
    assert "SIGSEGV in stage transform" in failure.error
    assert "in crash" in failure.traceback


def test_a_failure_can_be_seen_again(tmp_path, capsys):
    pictures = testing.write_pictures(tmp_path / "in", ["good.png", "bad.png"])
    whole = (pictures / "bad.png").read_bytes()
    (pictures / "bad.png").write_bytes(whole[:300])
    kept, out = tmp_path / "kept", tmp_path / "out"
    command = ["convert", str(pictures), "-o", str(out), "--resize", "48", "--keep-failures", str(kept)]
    assert main([*command, "-j", "1"]) == 1
    (bundle,) = kept.iterdir()
    assert (bundle / "input-bad.png").read_bytes() == whole[:300]
    facts = json.loads((bundle / "failure.json").read_text())
    assert facts["stage"] == "decode"
    assert "truncated" in facts["error"]
    assert "pillow" in facts["packages"]
    again = ["convert", str(bundle / "input-bad.png"), "--recipe", str(bundle / "recipe.toml")]
    assert main([*again, "-o", str(tmp_path / "again/"), "-j", "1"]) == 1
    assert "truncated" in capsys.readouterr().err


def test_a_folder_for_failures_that_cannot_be_made_is_a_note(pictures, tmp_path):
    (pictures / "2.png").write_bytes(b"no picture")
    (tmp_path / "file").write_bytes(b"")
    report = imgpar.convert(
        pictures, tmp_path / "out", to="jpg", jobs=1, keep_failures=str(tmp_path / "file" / "kept")
    )
    assert (report.ok, report.failed) == (3, 1)
    assert "cannot be kept" in "".join(report.notes)


@pytest.mark.slow
def test_an_animation_with_too_many_frames_is_refused(tmp_path):
    frames = [Image.new("L", (1, 1), number % 256) for number in range(10_001)]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in/long.gif", save_all=True, append_images=frames[1:], duration=20)
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", to="webp", jobs=1)
    assert "frames" in report.failures[0].error
    assert "10,000" in report.failures[0].error
