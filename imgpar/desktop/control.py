"""The state machine of the window, independent of widgets: drops, run, stop, estimate, report, undo.

What is collected waits for `start`; what is dropped during a run comes after it.

   start, drop                     pause              Ended
idle ───────► running ─────────────────► pausing ────────► paused ──┐
 ▲  ▲           │  ▲ stop                                           │ go_on
 │  └─ Ended ───┘  └──► stopping ── Ended ──► idle                  │
 │              ▲                                                   │
 │              └───────────────────────────────────────────────────┘
 └─ undoing, reporting, estimating: in a thread of their own; drops wait
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import imgpar
from imgpar.desktop.board import Board
from imgpar.desktop.history import DropResult
from imgpar.desktop.paths import local, repaired
from imgpar.desktop.reporting import Reported, board_report, write_page
from imgpar.desktop.settings import Settings
from imgpar.desktop.standing import Standing
from imgpar.desktop.undo import Undone, undo_drop
from imgpar.desktop.work import Conversion, Ended, Estimated, Listed, Message, OutputFolder, estimate_drop


class Control(Standing):
    """Takes the actions of the user, and what the threads report."""

    def __init__(self) -> None:
        super().__init__()
        self._inbox: queue.SimpleQueue[Message | Undone | Reported | Estimated] = queue.SimpleQueue()
        self._work: Conversion | None = None
        self._writer: threading.Thread | None = None
        self._cancel = imgpar.CancelToken()
        """Of the report, or of the estimate."""
        self._meanwhile: tuple[str, ...] = ()
        """What was dropped, to wait for `start`, while something else than a run was under way."""

    # ----- user actions ---------------------------------------------------------------------------

    def collect(self, names: Sequence[str]) -> None:
        """Add to what waits for `start`; the list shows that only."""
        if self.state != "idle":
            self._meanwhile += tuple(names)
        elif names:
            paths = dict.fromkeys((*self.collected, *(local(repaired(name)) for name in names)))
            self._renew()
            self.collected = tuple(paths)
            self.board.wait(self.collected)

    def remove(self, path: str) -> None:
        """Take one input out of what waits."""
        if self.can_start and path in self.collected:
            left = tuple(other for other in self.collected if other != path)
            self.clear()
            self.collect(left)

    def clear(self) -> None:
        """Take everything out of what waits."""
        if self.can_start:
            self.collected = ()
            self._renew()

    def start(self, settings: Settings) -> bool:
        """Convert what waits; True if there was something."""
        if not self.can_start:
            return False
        names, self.collected = self.collected, ()
        return self.drop(names, settings)

    def drop(self, names: Sequence[str], settings: Settings) -> bool:
        """Convert these files, now or after the current run; True if the list starts anew."""
        names = tuple(names)
        if not names:
            return False
        anew = self.state == "idle"
        if anew:
            self._renew()
        self._later = settings
        self.drops.append(names)
        self.waiting.append(names)
        if anew:
            self._start(settings)
        return anew

    def pause(self) -> None:
        """Start no more jobs until `go_on`."""
        if self.can_pause and self._work:
            self.state = "pausing"
            self._work.stop()

    def go_on(self) -> None:
        """Start the paused run again, which skips finished files."""
        if self.state == "paused" and self._work:
            self.state = "running"
            self.board.run()
            self._work.start()

    def again(self, settings: Settings) -> None:
        """Repeat all drops with these settings; finished files are skipped."""
        if self.can_try_again:
            self.waiting = deque(self.drops)
            self._start(settings)

    def stop(self) -> None:
        """Finish jobs in flight and start no more; called again, stop at once."""
        self.waiting.clear()
        if self.state == "paused":
            self._rest()
            self.stopped = True
        elif self._work and self.state in ("running", "pausing"):
            self.state = "stopping"
            self._work.stop()
        elif self._work and self.state == "stopping":
            self._work.kill()
        elif self.state == "reporting":
            self._cancel.cancel()
        elif self.state == "estimating":
            self._cancel.kill()

    def kill(self) -> None:
        """Stop at once and wait for the end."""
        self.waiting.clear()
        if self._work:
            self._work.kill()
            self._work.join()
        self._cancel.kill()
        if self._writer:
            self._writer.join()

    def to_undo(self) -> DropResult | None:
        """What `undo` would take back."""
        outcomes = [row.outcome for row in self.board.rows if row.outcome]
        new = self.history.result_of(outcomes, tuple(self.folders), replaced=self.replaces, page=self.page)
        return new or self.history.last

    def undo(self) -> None:
        """Take back what the last drop has made, in a thread; called again, that of the drop before it."""
        if self.can_undo:
            self.settle()
            if past := self.history.last:
                self.state = "undoing"
                self._aside("imgpar-undo", lambda: undo_drop(past))

    def settle(self) -> None:
        """Move the results of the list into the history; nothing is left of them to be settled again."""
        outcomes = [row.outcome for row in self.board.rows if row.outcome]
        self.history.add(outcomes, tuple(self.folders), replaced=self.replaces, page=self.page)
        self.board, self.drops, self.folders, self.page = Board(), [], {}, None

    def ask_estimate(self, settings: Settings) -> None:
        """Ask what a run of what waits would take, in a thread."""
        if self.can_start:
            self.state, self.estimate = "estimating", None
            self._cancel = cancel = imgpar.CancelToken()
            names = self.collected
            self._aside("imgpar-estimate", lambda: estimate_drop(names, settings, cancel))

    def _aside(self, name: str, work: Callable[[], Undone | Estimated | Reported]) -> None:
        """Do this in a thread, whose result is a message."""
        self._writer = threading.Thread(target=lambda: self._inbox.put(work()), name=name, daemon=True)
        self._writer.start()

    def report(self) -> None:
        """Write the page of the report, in a thread."""
        if self.can_report:
            self.state, self.page, self.page_error = "reporting", None, None
            self._cancel = cancel = imgpar.CancelToken()
            report = board_report(
                self.board, out=self.folder, notes=tuple(self.notes), ignored=self.ignored, left=self.left,
                stopped=str(self.error or self.halt or ""), cancelled=self.stopped,
            )  # fmt: skip
            self._aside("imgpar-report", lambda: write_page(report, cancel))

    # ----- messages -------------------------------------------------------------------------------

    def look(self, seconds: float) -> int:
        """Process messages for at most so many seconds; returns their number."""
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                break
            self._take(message)
            count += 1
        return count

    def _take(self, message: Message | Undone | Reported | Estimated) -> None:
        if isinstance(message, Listed):
            if message.total is not None:
                self._total(message.total)
            self.board.wait(message.paths)
        elif isinstance(message, OutputFolder):
            self.folders.pop(message.folder, None)
            self.folders[message.folder] = None
        elif isinstance(message, Undone):
            self.state, self.undone, self.drops = "idle", message, list(self.waiting)
            self.history.drop_last()
            self._dropped_meanwhile()
        elif isinstance(message, Estimated):
            self.state, self.estimate = "idle", message
            self._dropped_meanwhile()
        elif isinstance(message, Reported):
            self.state, self.page, self.page_error = "idle", message.page, message.error
            self._dropped_meanwhile()
        elif isinstance(message, Ended):
            self._ended(message)
        elif message.kind == "frames":
            if self.gathers:
                self.board.gather(message.frames)
            else:
                self.board.advance(message.text, message.frames)
        elif message.kind == "reading":
            self.board.read = message.frames[0]
        elif message.kind == "note":
            self.notes.append(message.text)
        elif message.kind == "planned":
            self._total(message.total or 0)
        elif message.outcome is not None:
            self.board.add(message.outcome)
            if message.outcome.status == "ok":
                self.latest = message.outcome

    def _total(self, count: int) -> None:
        if self._work:
            self.board.totals[self._work] = count
            self.board.counting = False

    def _renew(self) -> None:
        """Begin a new list; what the last one has made is remembered."""
        self.settle()
        self.undone = self.latest = self.page_error = self.estimate = self.error = None
        self.halt, self.stopped = "", False

    def _dropped_meanwhile(self) -> None:
        """Start what was dropped while outputs were deleted, or a report or an estimate was made."""
        if self.waiting:
            self.undone = None
            self._start(self._later)
        elif self._meanwhile:
            names, self._meanwhile = self._meanwhile, ()
            self.collect(names)

    def _start(self, settings: Settings) -> None:
        """Start the first queued drop."""
        self._settings = settings
        self.error, self.halt, self.stopped, self.left, self.ignored = None, "", False, 0, 0
        self.notes = []
        self._next()

    def _next(self) -> None:
        self._work = Conversion(self.waiting.popleft(), self._settings, self._inbox)
        self.board.counting, self.board.read = True, 0
        self.state = "running"
        self.board.run()
        self._work.start()

    def _rest(self) -> None:
        self.state = "idle"
        self.board.rest()
        self.waiting.clear()

    def _ended(self, message: Ended) -> None:
        report, self.error = message.report, message.error
        self.board.rest()
        if report is not None:
            self.halt, self.left = report.stopped, report.left
            self.ignored += 0 if report.cancelled else report.ignored
        self.board.counting = False
        if self.state == "pausing" and report is not None and report.cancelled:
            self.state = "paused"
            return
        if self.state == "stopping" or (report is not None and report.cancelled):
            self.stopped = True
        through = report is not None and not report.cancelled and not report.stopped
        if through:
            self._same_files()
        if through and self.waiting:
            self._next()
        else:
            self._rest()

    def _same_files(self) -> None:
        """Mark files of this drop without a result: they are duplicates of other inputs."""
        for path in self._work.paths if self._work else ():
            row = self.board.find(path)
            if row and row.outcome is None:
                self.board.add(imgpar.Outcome(path, "skipped", reason="twice"))
