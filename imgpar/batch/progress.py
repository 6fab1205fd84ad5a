"""Progress of a run on a terminal: a bar, and log lines printed above it.

`Progress` is a consumer of `Event`. The bar is drawn on a terminal only; failures and notes are
lines on the same stream (stderr) whether there is a bar or not. A thread redraws the bar once a second,
also while a single long clip is converted.
"""

from __future__ import annotations

import copy
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from imgpar.batch.log_lines import Level, log_line
from imgpar.batch.run_counts import RunCounts, progress_line
from imgpar.core.addresses import without_secrets
from imgpar.core.job import Event, Outcome

if TYPE_CHECKING:
    from types import TracebackType

REFRESH = 1.0
"""Interval of redrawing in seconds."""

STEADY_SECONDS = 30.0
"""Interval of lines of progress where there is no terminal."""

NARROW, WIDE, WIDEST = 45, 75, 100
"""Least columns for a bar and a rate, least columns for MB/s, and most columns of the bar."""

_LEVELS: dict[str, Level] = {"failed": "error", "note": "warning"}
"""Levels of lines that begin with these words; others are "info"."""
_RED, _YELLOW, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[0m"


def printable(text: str) -> str:
    r"""The text for a terminal: control characters, bidi marks and undecodable bytes as escapes, on one line,
    and addresses without secrets.

    >>> print(printable("a\nb\udcff.jpg"))
    a\nb\xff.jpg
    """
    text = without_secrets(text)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8, as returned by os.fsdecode
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def is_terminal(stream: TextIO) -> bool:
    """Whether a bar can be drawn: the stream is a terminal with cursor control."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def wants_colour(stream: TextIO) -> bool:
    """Whether lines are coloured: by NO_COLOR, then FORCE_COLOR, else on terminals.

    Off on Windows without FORCE_COLOR: older consoles print the escape codes.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.name != "nt"


@cache
def _bar_class() -> Any:
    """tqdm, imported only where there is a bar, without its monitor thread and its lock.

    That lock contains a semaphore for other processes, which is not needed here.
    """
    from tqdm import tqdm

    members: dict[str, Any] = {"monitor_interval": 0, "format_dict": property(_fields)}
    if os.name != "nt":
        members["status_printer"] = staticmethod(_printer)
    bar: Any = type("Bar", (tqdm,), members)
    bar.set_lock(threading.RLock())
    return bar


def _fields(bar: Any) -> dict[str, Any]:
    """The fields of the bar. Its rate is at most what it would be if the next item ended now.

    tqdm measures when items end: where clips follow photos, the time left would stay that of photos.
    """
    from tqdm import tqdm

    values: dict[str, Any] = tqdm.format_dict.fget(bar)
    if values["rate"]:
        waited = max(0.0, time.time() - bar.last_print_t)
        items = copy.copy(bar._ema_dn)(bar.n - bar.last_print_n + 1)
        values["rate"] = min(values["rate"], items / copy.copy(bar._ema_dt)(waited))
    return values


def _printer(stream: TextIO) -> Callable[[str], None]:
    """A function that draws a line over the previous one, also after the window has become narrower.

    Most terminals then wrap the old line into several rows, which are also erased. xterm and screen truncate.
    """
    truncates = "XTERM_VERSION" in os.environ or "STY" in os.environ
    drawn = 0

    def draw(text: str) -> None:
        nonlocal drawn
        rows = 0 if truncates else max(0, drawn - 1) // max(1, _columns(stream))
        stream.write(f"\x1b[{rows}A\r\x1b[J{text}" if rows else f"\r\x1b[K{text}")
        stream.flush()
        drawn = len(text)

    return draw


def discard(stream: TextIO) -> None:
    """Redirect a stream to the null device, including what Python flushes at exit."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)


class Progress:
    """Shows the progress of a run: pass it as `on_event`. As a context manager it always removes the bar.

    `quiet` prints failures only. `verbose` is 1 for a line per item, 2 for tracebacks as well. Without a
    terminal there is a line of progress `every` so many seconds. `as_json` prints each line as JSON.

    >>> import io
    >>> stream = io.StringIO()
    >>> with Progress(stream) as progress:
    ...     progress(Event("item", outcome=Outcome("a.jpg", "failed", error="It is empty.")))
    >>> stream.getvalue()
    'failed  a.jpg: It is empty.\\n'
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        verbose: int = 0,
        as_json: bool = False,
        every: float = STEADY_SECONDS,
    ) -> None:
        self.stream = stream or sys.stderr
        self.quiet, self.verbose, self.as_json = quiet, verbose, as_json
        self._every, self._counts = every, RunCounts()
        self.failed = 0
        self.bytes = 0
        self._colour = wants_colour(self.stream)
        self._bar: Any = None
        self._clip: tuple[str, tuple[int, int]] = ("", (0, 0))
        """Path of the clip with the latest progress; its frames done, and all its frames."""
        self._read = 0
        """Inputs whose properties are read, before any output is made."""
        self._started = 0.0
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    @property
    def in_bulk(self) -> bool:
        """Whether unchanged items may be reported in groups: no line is printed for each."""
        return self.quiet or not self.verbose

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Handle one event of the run. The run continues where the stream is closed."""
        try:
            self._handle(event)
        except OSError:
            self._bar = None
            discard(self.stream)

    def _handle(self, event: Event) -> None:
        self._counts(event)
        if event.kind == "start":
            self._open()
        elif event.kind == "note" and not self.quiet:
            self.say("note", event.text, _YELLOW)
        elif event.kind == "item" and event.outcome:
            self._clip = self._clip if self._clip[0] != event.outcome.source else ("", (0, 0))
            self._log_item(event.outcome)
        elif event.kind == "frames":
            self._clip = (event.text, event.frames)
        elif event.kind == "reading":
            self._read = event.frames[0]
        elif event.kind == "end":
            self.close()
        if self._bar is not None:
            self._advance(event)

    def say(self, word: str, text: str, colour: str = "", **fields: Any) -> None:
        """Print one log line above the bar; `fields` are printed as JSON only."""
        if self.as_json:
            self.write(log_line(_LEVELS.get(word, "info"), text, **fields), self.stream)
            return
        head = f"{colour}{word}{_RESET}" if colour and self._colour else word
        self.write(f"{head}{' ' * max(2, 8 - len(word))}{printable(text)}", self.stream)

    def write(self, line: str, stream: TextIO) -> None:
        """Print a line on any stream of the same terminal without breaking the bar."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        line = line.encode(encoding, "backslashreplace").decode(encoding)
        if self._bar is None:
            stream.write(line + "\n")
            stream.flush()
        else:
            _bar_class().write(line, file=stream)
            stream.flush()

    def close(self) -> None:
        """Remove the bar. Log lines are still printed afterwards."""
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _log_item(self, outcome: Outcome) -> None:
        self.bytes += outcome.source_bytes
        if outcome.status == "failed":
            self.failed += 1
            self.say("failed", f"{outcome.source}: {outcome.error}", _RED, **self._fields(outcome))
            if self.verbose > 1 and not self.as_json:
                for line in outcome.traceback.splitlines():
                    self.say("", line)
        elif self.verbose and not self.quiet:
            self.say(outcome.status, _described(outcome), **self._fields(outcome))

    def _fields(self, outcome: Outcome) -> dict[str, Any]:
        """What a line of JSON says of an item."""
        if not self.as_json:
            return {}
        from imgpar.batch.report import item_json

        record = item_json(outcome)
        if self.verbose < 2:
            record.pop("traceback", None)
        return record

    def _open(self) -> None:
        if self.quiet or self._ticker is not None:
            return
        self._stop.clear()
        if self.as_json or not is_terminal(self.stream):
            self._ticker = threading.Thread(target=self._say_steadily, name="imgpar-progress", daemon=True)
            self._ticker.start()
            return
        self._started = time.monotonic()
        self._bar = _bar_class()(
            file=self.stream, unit=" images", ncols=0, leave=False, miniters=1, smoothing=0.05, delay=1e-9
        )
        self._ticker = threading.Thread(target=self._tick, name="imgpar-progress", daemon=True)
        self._ticker.start()

    def _tick(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            while not self._stop.wait(REFRESH):
                self._set_format()
                self._bar.refresh()

    def _say_steadily(self) -> None:
        with suppress(OSError, ValueError):  # the stream is closed
            while not self._stop.wait(self._every):
                record = self._counts.record()
                self.say("", progress_line(record), **(record if self.as_json else {}))

    def _advance(self, event: Event) -> None:
        bar = self._bar
        if event.total is not None:
            bar.total = event.total
        self._set_format()
        bar.update(max(0, event.done - bar.n) if event.done else int(event.kind == "item"))

    def _set_format(self) -> None:
        """Choose the fields that fit the width; the most important come first, as terminals may truncate."""
        bar, planned = self._bar, self._bar.total is not None
        # Three columns are reserved for the ^C that terminals print.
        bar.ncols = width = max(10, min(_columns(self.stream) - 3, WIDEST))
        line = "{percentage:3.0f}% {n_fmt}/{total_fmt}" if planned else "{n_fmt} done, still counting"
        if self._read and not bar.n and not planned:
            line = f"reading the properties of the inputs: {self._read}"
        line += f" · {self.failed} failed" if self.failed else ""
        line += " · {remaining}" if planned else " · {elapsed}"
        if width >= NARROW:
            line = "{bar} " + line + " left" if planned else line
            line += " · {rate_noinv_fmt}"
        if width >= WIDE:
            rate = self.bytes / 1e6 / max(time.monotonic() - self._started, 1e-3)
            line += f" · {rate:.1f} MB/s"
        path, (done, total) = self._clip
        if width >= WIDE and total:
            # Braces have a meaning in the format of the bar.
            name = printable(os.path.basename(path))[:24].replace("{", "(").replace("}", ")")
            line += f" · {name} {min(100, 100 * done // total)} %"
        bar.bar_format = line


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 80


_LISTED = 4
"""Maximum outputs of one item in its line of the log."""


def _described(outcome: Outcome) -> str:
    """One item as a line of the log."""
    if outcome.status == "skipped":
        from imgpar.batch.report import why_skipped

        if outcome.reason in ("pages", "duplicate") and outcome.notes:  # it says how many, or of which input
            return f"{outcome.source}: {outcome.notes[-1].rstrip('.')}"
        return f"{outcome.source}: {why_skipped(outcome.reason)}"
    paths = [output.path for output in outcome.outputs]
    if len(paths) > _LISTED:
        paths = [*paths[: _LISTED - 1], f"… {paths[-1]}: {len(paths)} files"]
    text = f"{outcome.source} → {', '.join(paths)}"
    text += f" ({outcome.seconds:.2f} s)"
    if outcome.lost:
        text += f"; lost: {', '.join(outcome.lost)}"
    return "; ".join((text, *outcome.notes))
