"""The parent is killed at any line of its bookkeeping: a plain second run, or `retry`, ends where an
undisturbed run ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import imgpar
from imgpar import testing
from imgpar.api import functions, retry

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")]

PARTS = ("run.py", "pulled_plan.py", "before_writing.py", "settling.py", "rows.py")
FILES = (*PARTS, "journal.py", "database.py", "history.py", "undo.py", "scheduler.py")
RUN = f"""
import sys
import imgpar.batch.run
from imgpar.cli import main
from imgpar.testing import strike_at
strike_at(int(sys.argv[1]), {FILES!r}, group=True)
sys.exit(main(["convert", *sys.argv[2:], "--resize", "50%", "-j", "1", "-q"]))
"""
STEPS = (60, 180, 400, 900, 1700)
"""The bookkeeping of these few pictures is about 2,000 lines."""


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="64M") as session:
        yield session


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if ".imgpar" not in path.relative_to(folder).parts
    }


def struck(step: int, *arguments: object) -> bool:
    """Run the command line until it is killed; says whether it was."""
    command = [sys.executable, "-c", RUN, str(step), *map(str, arguments)]
    done = subprocess.run(command, start_new_session=True, check=False, capture_output=True)
    return done.returncode == -signal.SIGKILL


def test_a_second_run_and_retry_end_where_an_undisturbed_run_ends(tmp_path, session):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png", "b.jpg", "sub/c.png", "bad.png"])
    good = (pictures / "bad.png").read_bytes()
    settings = {"resize": "50%", "session": session}
    imgpar.convert(pictures, tmp_path / "whole", **settings)
    whole = contents(tmp_path / "whole")
    hits = 0
    for step in STEPS:
        out = tmp_path / str(step)
        (pictures / "bad.png").write_bytes(good[:100])
        hits += struck(step, pictures, "-o", out)
        report = imgpar.convert(pictures, out, **settings)
        assert (report.total, report.failed) == (4, 1), (step, report.summary())
        (pictures / "bad.png").write_bytes(good)
        assert retry.retry(str(out), session=session).ok == 1
        assert contents(out) == whole, step
        again = imgpar.convert(pictures, out, **settings)
        assert (again.ok, again.failed, dict(again.reasons)) == (0, 0, {"unchanged": 4}), step
    assert hits >= len(STEPS) - 2


def test_in_place_a_second_run_ends_where_an_undisturbed_run_ends(tmp_path, session):
    originals = testing.write_pictures(tmp_path / "originals", ["a.png", "b.jpg", "sub/c.png"])
    shutil.copytree(originals, tmp_path / "whole")
    settings = {"resize": "50%", "session": session, "in_place": True}
    imgpar.convert(tmp_path / "whole", None, **settings)
    before, whole = contents(originals), contents(tmp_path / "whole")
    hits = 0
    for step in STEPS:
        folder = tmp_path / str(step)
        shutil.copytree(originals, folder)
        hits += struck(step, folder, "--in-place")
        for name, data in contents(folder).items():
            if not name.endswith(".tmp"):
                assert data in (before[name], whole[name]), step
        assert imgpar.convert(folder, None, **settings).failed == 0
        assert contents(folder) == whole, step
        assert functions.undo(folder).failed == 0
        assert contents(folder) == before, step
    assert hits >= len(STEPS) - 2


def test_what_a_job_wrote_before_it_failed_is_still_its_own(tmp_path, session):
    """GIF holds this size, WebP does not; the next run replaces the GIF instead of taking it for foreign."""
    folder = testing.write_pictures(tmp_path / "in", ["a.png"], size=(17000, 2))
    settings = {"session": session, "to": ["gif", "webp"]}
    assert imgpar.convert(folder, tmp_path / "out", **settings).failed == 1
    before = (tmp_path / "out/a.gif").read_bytes()
    report = imgpar.convert(folder, tmp_path / "out", **settings, resize="100x2", fit="fill")
    assert (report.ok, report.items[0].notes) == (1, ())
    assert (tmp_path / "out/a.gif").read_bytes() != before
