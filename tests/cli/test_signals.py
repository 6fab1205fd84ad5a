"""Ctrl-C and SIGTERM on a terminal: finish what is in flight, stop at the second, go on with the next run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from terminals import needs, open_terminal
from video_clips import make_clip

import imgpar
from imgpar import testing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals and /proc"),
]

SECONDS = 60.0
COUNT = 120
"""So many that a test that is late still sees the middle of a run; two workers take 32 of them at once."""


class Terminal:
    """A run of imgpar in the foreground of a terminal of its own."""

    def __init__(self, *arguments: object, command: str = "convert") -> None:
        needs("setsid")
        self._master, slave = open_terminal()
        run = [sys.executable, "-m", "imgpar", command, *map(str, arguments)]
        # A new session whose terminal is this one: Ctrl-C goes to all its processes, as in a shell.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *run], stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.text = ""

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def read(self, until: Callable[[], bool]) -> None:
        """Take what is printed until something is true."""
        limit = time.monotonic() + SECONDS
        os.set_blocking(self._master, False)
        while not until():
            assert time.monotonic() < limit, self.text
            with contextlib.suppress(BlockingIOError, OSError):
                self.text += os.read(self._master, 1 << 16).decode(errors="replace")
            time.sleep(0.01)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        self.read(lambda: self.process.poll() is not None)
        with contextlib.suppress(BlockingIOError, OSError):
            self.text += os.read(self._master, 1 << 16).decode(errors="replace")
        os.close(self._master)
        return self.process.returncode


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Pictures that take a while."""
    return testing.write_pictures(
        tmp_path / "in", [f"{number}.png" for number in range(COUNT)], size=(700, 500)
    )


def started(tmp_path: Path, slow: Path) -> Terminal:
    terminal = Terminal(slow, "-o", tmp_path / "out", "--to", "webp", "--blur", "4", "-j", "2")
    terminal.read(lambda: len(outputs(tmp_path)) >= 2)
    return terminal


def outputs(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "out").glob("*.webp"))


def all_whole(tmp_path: Path) -> bool:
    for path in outputs(tmp_path):
        with Image.open(path) as image:
            image.load()
    return not list((tmp_path / "out").glob("*.tmp"))


def test_ctrl_c_finishes_what_is_in_flight(tmp_path, slow):
    terminal = started(tmp_path, slow)
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert "Finishing what is in flight; Ctrl-C again to stop now." in terminal.text
    assert f"Stopped: {len(outputs(tmp_path))} ok" in terminal.text
    assert all_whole(tmp_path)


def test_the_next_run_goes_on(tmp_path, slow):
    terminal = started(tmp_path, slow)
    terminal.press_ctrl_c()
    terminal.end()
    there = len(outputs(tmp_path))
    again = Terminal(slow, "-o", tmp_path / "out", "--to", "webp", "--blur", "4", "-j", "2")
    assert again.end() == 0
    assert f"{COUNT - there} ok, {there} skipped" in again.text


def test_a_second_ctrl_c_stops_at_once_and_leaves_nothing_half(tmp_path, slow):
    terminal = started(tmp_path, slow)
    terminal.press_ctrl_c()
    terminal.read(lambda: "Finishing" in terminal.text)
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert all_whole(tmp_path)


def test_sigterm_is_as_the_first_ctrl_c(tmp_path, slow):
    command = [sys.executable, "-m", "imgpar", "convert", slow, "-o", tmp_path / "out", "--to", "webp"]
    process = subprocess.Popen([*map(str, command), "--blur", "4"], stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + SECONDS
    while len(outputs(tmp_path)) < 2:
        assert time.monotonic() < limit
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Finishing what is in flight" in said
    assert all_whole(tmp_path)


def test_a_terminal_that_goes_away_does_not_hurt_the_files(tmp_path, slow):
    """The window is closed: what is in flight is finished, and the journal is written."""
    terminal = started(tmp_path, slow)
    os.close(terminal._master)
    assert terminal.process.wait(SECONDS) == 130
    assert all_whole(tmp_path)
    made = len(outputs(tmp_path))
    assert 0 < made < COUNT
    report = imgpar.convert(slow, tmp_path / "out", to="webp", blur=4, jobs=2)
    assert (report.ok, report.skipped) == (COUNT - made, made)


@pytest.mark.parametrize("end", ["2>&1 | head -1 >/dev/null", "2>&-", ">&-", "| true"])
def test_nobody_has_to_listen(tmp_path, end):
    """A closed or broken stdout or stderr does not stop a run."""
    needs("bash", "head")
    pictures = testing.write_pictures(tmp_path / "in", [f"{number}.png" for number in range(40)])
    command = f'"{sys.executable}" -m imgpar convert "{pictures}" -o "{tmp_path}/out" --to webp -v -j 1'
    done = subprocess.run(["bash", "-c", f"{command} {end}; exit ${{PIPESTATUS[0]}}"], check=False)
    assert (done.returncode, len(outputs(tmp_path))) == (0, 40)


def test_ctrl_c_gives_up_a_clip_of_pictures(tmp_path, slow):
    terminal = Terminal(slow, "-o", tmp_path / "out.mp4", "--blur", "20", "-j", "1", command="assemble")
    terminal.read(lambda: bool(list(tmp_path.glob(".*.tmp"))))
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert "Stopping; the file is not made." in terminal.text
    assert "Stopped: 0 ok" in terminal.text
    assert f"{COUNT} planned inputs are not done" in terminal.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_ctrl_c_gives_up_a_clip_of_clips(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        make_clip(tmp_path / "in" / name, size=(640, 480), frames=500)
    clips = [tmp_path / "in" / name for name in ("a.mp4", "b.mp4")]
    terminal = Terminal(*clips, "-o", tmp_path / "out.mp4", "--effort", "9", command="concat")
    terminal.read(lambda: bool(list(tmp_path.glob(".*.tmp"))))
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert "Stopping; the file is not made." in terminal.text
    assert "Stopped: 0 ok" in terminal.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_the_second_ctrl_c_gives_up_a_clip_of_which_pictures_are_taken(tmp_path):
    clip = make_clip(tmp_path / "in" / "a.mp4", frames=2000)
    terminal = Terminal(clip, "-o", tmp_path / "out", "--every", "1", "--to", "png", command="frames")
    terminal.read(lambda: bool(list((tmp_path / "out").glob("*.png"))))
    terminal.press_ctrl_c()
    terminal.read(lambda: "Ctrl-C again" in terminal.text)
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert len(list((tmp_path / "out").glob("*.png"))) < 2000
    assert not list((tmp_path / "out").glob(".*.tmp"))


def test_ctrl_c_while_modules_are_loaded_says_one_line(tmp_path):
    """The fork server of a run gets the signal of the terminal too, and prints no traceback."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    call = [
        sys.executable,
        "-m",
        "imgpar",
        "convert",
        str(tmp_path),
        "-o",
        str(tmp_path / "out"),
        "--to",
        "webp",
    ]
    for delay in (0.15, 0.25, 0.35, 0.45):
        run = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(delay)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGINT)
        assert "Traceback" not in run.communicate(timeout=SECONDS)[1]
