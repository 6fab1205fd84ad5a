"""The bar and the log lines of a run, on a real pseudo terminal and off one."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading

import pytest
from terminals import open_terminal

from imgpar.batch.progress import Progress, _bar_class, printable, wants_colour
from imgpar.core.job import Event, Outcome, OutputFile

OK = Outcome("a.jpg", "ok", (OutputFile("/out/a.webp", 100),), seconds=0.25, source_bytes=2_000_000)
BAD = Outcome("b.jpg", "failed", error="It is empty.", stage="decode", traceback="Traceback\n  boom")
SKIPPED = Outcome("c.jpg", "skipped", reason="unchanged")


def feed(progress: Progress, *outcomes: Outcome) -> None:
    with progress:
        progress(Event("start", text="/out"))
        progress(Event("planned", total=len(outcomes)))
        for done, outcome in enumerate(outcomes, 1):
            progress(Event("item", done=done, total=len(outcomes), outcome=outcome))
        progress(Event("end"))


def lines(*outcomes: Outcome, **options: int) -> list[str]:
    stream = io.StringIO()
    feed(Progress(stream, **options), *outcomes)
    return stream.getvalue().splitlines()


def test_without_a_terminal_only_failures_are_lines():
    assert lines(OK, BAD, SKIPPED) == ["failed  b.jpg: It is empty."]


def test_quiet_keeps_failures():
    assert lines(OK, BAD, quiet=True) == ["failed  b.jpg: It is empty."]


def test_verbose_says_every_item():
    said = lines(OK, BAD, SKIPPED, verbose=1)
    assert said == [
        "ok      a.jpg → /out/a.webp (0.25 s)",
        "failed  b.jpg: It is empty.",
        "skipped c.jpg: unchanged".replace("skipped ", "skipped  "),
    ]


def test_very_verbose_adds_the_traceback():
    assert any("boom" in line for line in lines(BAD, verbose=2))
    assert not any("boom" in line for line in lines(BAD, verbose=1))


def test_verbose_names_what_was_lost():
    lossy = Outcome("a.jpg", "ok", OK.outputs, lost=("gps",), notes=("profile is broken",))
    assert lines(lossy, verbose=1)[0].endswith("; lost: gps; profile is broken")


def test_notes_are_lines():
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress(Event("note", text="/dev/shm is small"))
    assert stream.getvalue().split() == ["note", "/dev/shm", "is", "small"]


def test_quiet_drops_notes():
    stream = io.StringIO()
    with Progress(stream, quiet=True) as progress:
        progress(Event("note", text="/dev/shm is small"))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain ü 日本.jpg", "plain ü 日本.jpg"),
        ("two\nlines.jpg", r"two\nlines.jpg"),
        ("\x1b[31mred.jpg", r"\x1b[31mred.jpg"),
        (os.fsdecode(b"\xff.jpg") if os.name == "posix" else "\udcff.jpg", r"\xff.jpg"),
        ("evil\u202egpj.exe", r"evil\u202egpj.exe"),
    ],
)
def test_names_cannot_break_the_terminal(name, shown):
    assert printable(name) == shown


def test_a_stream_that_cannot_encode_a_name_gets_escapes():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Progress(stream).say("note", "日本")
    stream.flush()
    assert raw.getvalue().split() == [b"note", rb"\u65e5\u672c"]


def test_no_color_wins_over_force_color(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(io.StringIO())


SCRIPT = """
import sys
from imgpar.core.job import Event, Outcome
from imgpar.batch.progress import Progress
with Progress(sys.stderr, quiet="-q" in sys.argv) as progress:
    progress(Event("start"))
    for n in range(1, 4):
        status, error = ("failed", "Broken.") if n == 2 else ("ok", "")
        outcome = Outcome(f"{n}.jpg", status, error=error, source_bytes=10**6)
        progress(Event("item", done=n, total=None if n < 2 else 3, outcome=outcome))
        if progress._bar is not None:
            progress._bar.refresh()
    progress(Event("end"))
print("multiprocessing.synchronize" in sys.modules)
"""


def on_a_terminal(columns: int, *arguments: str, **environment: str) -> tuple[str, str]:
    """What the script writes to a terminal of this width, and its standard output."""
    fcntl = pytest.importorskip("fcntl")
    import struct
    import termios

    parent, child = open_terminal()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"} | environment
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stderr=child, stdout=subprocess.PIPE, env=env
    )
    os.close(child)
    seen = b""
    try:
        while block := os.read(parent, 65536):
            seen += block
    except OSError:  # Linux says EIO where others say end of file
        pass
    os.close(parent)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return seen.decode(), out.decode()


def drawn(seen: str) -> list[str]:
    """The states of the bar, one after the other, without the log lines."""
    seen = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen)
    return [part.strip() for part in re.split(r"[\r\n]", seen) if part.strip() and "Broken" not in part]


def test_a_wide_terminal_shows_rate_bytes_failures_and_time_left():
    last = drawn(on_a_terminal(100)[0])[-1]
    assert re.search(r"100% 3/3 · 1 failed · [\d:?]+ left · +[\d.?]+ images/s · [\d.]+ MB/s", last), last


def test_an_open_plan_has_no_percentage():
    first = [state for state in drawn(on_a_terminal(100)[0]) if "1 done" in state]
    assert first
    assert "still counting" in first[-1]
    assert "%" not in first[-1]


def test_no_state_is_wider_than_a_narrow_terminal():
    states = drawn(on_a_terminal(30)[0])
    assert any("3/3" in state for state in states)
    assert max(map(len, states)) <= 30


def test_a_failure_is_a_whole_line_above_the_bar():
    seen = on_a_terminal(100, NO_COLOR="1")[0]
    assert re.search(r"\r(\x1b\[K)?\r?failed  2\.jpg: Broken\.\r?\n", seen)


def test_the_word_failed_is_red_on_a_terminal_unless_no_color():
    assert "\x1b[31mfailed\x1b[0m" in on_a_terminal(100)[0]
    assert "\x1b[31m" not in on_a_terminal(100, NO_COLOR="1")[0]


def test_quiet_draws_no_bar():
    assert drawn(on_a_terminal(100, "-q")[0]) == []


def test_a_dumb_terminal_gets_no_bar():
    assert drawn(on_a_terminal(100, TERM="dumb")[0]) == []


def test_the_bar_needs_no_semaphore():
    """tqdm's own lock would start multiprocessing's resource tracker before the run does."""
    assert on_a_terminal(100)[1].strip() == "False"


def test_no_thread_stays_behind():
    before = threading.active_count()
    feed(Progress(io.StringIO()), OK)
    assert threading.active_count() == before


def test_the_time_left_grows_while_nothing_ends():
    bar = _bar_class()(file=io.StringIO(), total=8, smoothing=0.05, mininterval=0, miniters=1)
    bar.last_print_t -= 0.5
    bar.update(1)
    before = bar.format_dict["rate"]
    bar.last_print_t -= 20
    assert bar.format_dict["rate"] < before / 5
    bar.close()
