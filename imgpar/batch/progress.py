"""Progress of a run on a terminal: one bar in the parent, and log lines that never break it.

`Progress` is a consumer of `Event`. The bar is drawn on a terminal only; failures and notes are
lines on the same stream (stderr) whether there is a bar or not. A thread redraws the bar once a second,
so that a single long clip does not look like a run that hangs.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from imgpar.core.model import Event, Outcome

if TYPE_CHECKING:
    from types import TracebackType

REFRESH = 1.0
"""Seconds between two drawings when nothing happens."""

NARROW, WIDE, WIDEST = 45, 75, 100
"""Columns from which a bar and a rate fit, from which MB/s fit, and at which the bar grows no more."""

_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"


def printable(text: str) -> str:
    r"""The text with control characters, bidi marks and undecodable bytes as escapes, on one line.

    >>> print(printable("a\nb\udcff.jpg"))
    a\nb\xff.jpg
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":  # a byte that is no UTF-8, as os.fsdecode keeps it
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def is_terminal(stream: TextIO) -> bool:
    """Whether a bar can be drawn there: a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def wants_colour(stream: TextIO) -> bool:
    """Whether lines may be coloured: NO_COLOR and FORCE_COLOR decide, then whether it is a terminal.

    Off on Windows unless it is asked for: its older consoles print the codes.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.name != "nt"


@cache
def _bar_type() -> Any:
    """tqdm, imported only where there is a bar, without its monitor thread and its lock.

    That lock holds a semaphore for other processes; here one process draws.
    """
    from tqdm import tqdm

    members: dict[str, Any] = {"monitor_interval": 0}
    if os.name != "nt":
        members["status_printer"] = staticmethod(_printer)
    bar: Any = type("Bar", (tqdm,), members)
    bar.set_lock(threading.RLock())
    return bar


def _printer(stream: TextIO) -> Callable[[str], None]:
    """Draws one line over the last one, also after the window has become narrower.

    Most terminals then break the old line into several rows, which have to go too. xterm and screen cut it.
    """
    cuts = "XTERM_VERSION" in os.environ or "STY" in os.environ
    drawn = 0

    def draw(text: str) -> None:
        nonlocal drawn
        rows = 0 if cuts else max(0, drawn - 1) // max(1, _columns(stream))
        stream.write(f"\x1b[{rows}A\r\x1b[J{text}" if rows else f"\r\x1b[K{text}")
        stream.flush()
        drawn = len(text)

    return draw


def discard(stream: TextIO) -> None:
    """Send what is written to a stream nowhere from now on, also what Python flushes at its end."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)


class Progress:
    """Draws a run: pass it as `on_event`. Use it as a context manager, so that the bar goes in every case.

    `quiet` leaves failures only. `verbose` is 1 for a line per item, 2 for tracebacks as well.

    >>> import io
    >>> stream = io.StringIO()
    >>> with Progress(stream) as progress:
    ...     progress(Event("item", outcome=Outcome("a.jpg", "failed", error="It is empty.")))
    >>> stream.getvalue()
    'failed  a.jpg: It is empty.\\n'
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False, verbose: int = 0) -> None:
        self.stream = stream or sys.stderr
        self.quiet, self.verbose = quiet, verbose
        self.failed = 0
        self.bytes = 0
        self._colour = wants_colour(self.stream)
        self._bar: Any = None
        self._clip: tuple[str, tuple[int, int]] = ("", (0, 0))
        """The clip that came further last, its frames that are done and those that it has."""
        self._began = 0.0
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    @property
    def in_bulk(self) -> bool:
        """Whether items that are as they were may come all at once: no line is printed for each."""
        return self.quiet or not self.verbose

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Take one event of the run. When nobody reads any more, the run goes on unheard."""
        try:
            self._take(event)
        except OSError:
            self._bar = None
            discard(self.stream)

    def _take(self, event: Event) -> None:
        if event.kind == "start":
            self._open()
        elif event.kind == "note" and not self.quiet:
            self.say("note", event.text, _YELLOW)
        elif event.kind == "item" and event.outcome:
            self._clip = self._clip if self._clip[0] != event.outcome.source else ("", (0, 0))
            self._item(event.outcome)
        elif event.kind == "frames":
            self._clip = (event.text, event.frames)
        elif event.kind == "end":
            self.close()
        if self._bar is not None:
            self._advance(event)

    def say(self, word: str, text: str, colour: str = "") -> None:
        """Print one log line above the bar."""
        head = f"{colour}{word}{_PLAIN}" if colour and self._colour else word
        self.write(f"{head}{' ' * max(2, 8 - len(word))}{printable(text)}", self.stream)

    def write(self, line: str, stream: TextIO) -> None:
        """Print a line on any stream of the same terminal without breaking the bar."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        line = line.encode(encoding, "backslashreplace").decode(encoding)
        if self._bar is None:
            stream.write(line + "\n")
            stream.flush()
        else:
            _bar_type().write(line, file=stream)
            stream.flush()

    def close(self) -> None:
        """Take the bar away. Log lines stay possible."""
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _item(self, outcome: Outcome) -> None:
        self.bytes += outcome.source_bytes
        if outcome.status == "failed":
            self.failed += 1
            self.say("failed", f"{outcome.source}: {outcome.error}", _RED)
            if self.verbose > 1:
                for line in outcome.traceback.splitlines():
                    self.say("", line)
        elif self.verbose and not self.quiet:
            self.say(outcome.status, _described(outcome))

    def _open(self) -> None:
        if self.quiet or self._bar is not None or not is_terminal(self.stream):
            return
        self._began = time.monotonic()
        self._bar = _bar_type()(
            file=self.stream, unit=" images", ncols=0, leave=False, miniters=1, smoothing=0.05, delay=1e-9
        )
        self._stop.clear()
        self._ticker = threading.Thread(target=self._tick, name="imgpar-progress", daemon=True)
        self._ticker.start()

    def _tick(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            while not self._stop.wait(REFRESH):
                self._shape()
                self._bar.refresh()

    def _advance(self, event: Event) -> None:
        bar = self._bar
        if event.total is not None:
            bar.total = event.total
        self._shape()
        bar.update(max(0, event.done - bar.n) if event.done else int(event.kind == "item"))

    def _shape(self) -> None:
        """Choose what fits into the width; what matters most comes first, as the end may be cut off."""
        bar, planned = self._bar, self._bar.total is not None
        # Room for the ^C that terminals print; a very long bar says no more than a short one.
        bar.ncols = width = max(10, min(_columns(self.stream) - 3, WIDEST))
        line = "{percentage:3.0f}% {n_fmt}/{total_fmt}" if planned else "{n_fmt} done, still counting"
        line += f" · {self.failed} failed" if self.failed else ""
        line += " · {remaining}" if planned else " · {elapsed}"
        if width >= NARROW:
            line = "{bar} " + line + " left" if planned else line
            line += " · {rate_noinv_fmt}"
        if width >= WIDE:
            rate = self.bytes / 1e6 / max(time.monotonic() - self._began, 1e-3)
            line += f" · {rate:.1f} MB/s"
        path, (done, total) = self._clip
        if width >= WIDE and total:
            # Percent signs and braces of a name are the bar's own signs.
            name = printable(os.path.basename(path))[:24].replace("{", "(").replace("}", ")")
            line += f" · {name} {min(100, 100 * done // total)} %"
        bar.bar_format = line


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 80


def _described(outcome: Outcome) -> str:
    """One item as a line of the log."""
    if outcome.status == "skipped":
        from imgpar.batch.report import why_skipped

        return f"{outcome.source}: {why_skipped(outcome.reason)}"
    text = f"{outcome.source} → {', '.join(output.path for output in outcome.outputs)}"
    text += f" ({outcome.seconds:.2f} s)"
    if outcome.lost:
        text += f"; lost: {', '.join(outcome.lost)}"
    return "; ".join((text, *outcome.notes))
