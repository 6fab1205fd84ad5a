"""The state machine of the window, independent of widgets: queued drops, run, pause, stop, report and undo.

       drop                     pause              Ended
idle ───────► running ─────────────────► pausing ────────► paused ──┐
 ▲  ▲           │  ▲ stop                                           │ go_on
 │  └─ Ended ───┘  └──► stopping ── Ended ──► idle                  │
 │              ▲                                                   │
 │              └───────────────────────────────────────────────────┘
 └─ undoing, reporting: in a thread of their own; drops wait
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence

import imgpar
from imgpar.desktop.board import Board
from imgpar.desktop.reporting import Reported, board_report, write_page
from imgpar.desktop.settings import Settings
from imgpar.desktop.undo import Undone, delete_outputs
from imgpar.desktop.work import Conversion, Ended, Listed, Message, OutputFolder


class Control:
    """The state of the window: `state`, the `board`, and the results of the last run."""

    def __init__(self) -> None:
        self.state = "idle"
        self.board = Board()
        self.waiting: deque[tuple[str, ...]] = deque()
        self.drops: list[tuple[str, ...]] = []
        """All drops since the window was idle."""
        self.folders: dict[str, None] = {}
        """Output folders; that of the last drop is last."""
        self.error: Exception | None = None
        self.stopped = False
        self.halt = ""
        """Why the last run was aborted."""
        self.notes: list[str] = []
        """Notes of the last run that do not belong to a file."""
        self.left = 0
        self.ignored = 0
        self.undone: Undone | None = None
        self.latest: imgpar.Outcome | None = None
        """The newest result with a preview; reset by the window."""
        self.page: imgpar.OutputFile | None = None
        """The page of the report, once it was written."""
        self.page_error: Exception | None = None
        self._inbox: queue.SimpleQueue[Message | Undone | Reported] = queue.SimpleQueue()
        self._work: Conversion | None = None
        self._writer: threading.Thread | None = None
        self._cancel = imgpar.CancelToken()
        """Of the report."""
        self._settings = self._later = Settings()
        """Of the run, and of what was dropped while something else than a run was under way."""

    @property
    def folder(self) -> str:
        """The output folder of the last drop."""
        return next(reversed(self.folders), "")

    @property
    def busy(self) -> bool:
        """Whether a thread is running."""
        return self.state not in ("idle", "paused")

    @property
    def gathers(self) -> bool:
        """Whether one file of all inputs is made: such a run is one job, and cannot be continued."""
        return bool(self._settings.make)

    @property
    def making(self) -> str:
        """What the last run made: see `settings.MAKES`."""
        return self._settings.make

    @property
    def file(self) -> str:
        """The file of all inputs that was made last; empty if there is none."""
        latest = self.board.rows[self.board.newest].outcome if self.board.newest >= 0 else None
        return latest.outputs[0].path if latest and latest.outputs and self.gathers else ""

    @property
    def can_pause(self) -> bool:
        """Whether the run can be paused."""
        return self.state == "running" and not self.gathers

    @property
    def can_try_again(self) -> bool:
        """Whether a repetition of the run may have a different result."""
        left = self.error is not None or self.halt or self.stopped or self.board.counts["failed"]
        return self.state == "idle" and bool(self.drops) and bool(left)

    @property
    def can_report(self) -> bool:
        """Whether there are results for a report."""
        return self.state == "idle" and self.board.done > 0

    @property
    def can_undo(self) -> bool:
        """Whether there are new files to delete."""
        return self.state == "idle" and self.board.counts["ok"] > 0

    # ----- user actions ---------------------------------------------------------------------------

    def drop(self, names: Sequence[str], settings: Settings) -> bool:
        """Convert these files, now or after the current run; True if the list starts anew."""
        names = tuple(names)
        if not names:
            return False
        anew = self.state == "idle"
        if anew:
            self.board, self.drops, self.undone, self.latest = Board(), [], None, None
            self.folders, self.page, self.page_error = {}, None, None
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

    def kill(self) -> None:
        """Stop at once and wait for the end."""
        self.waiting.clear()
        if self._work:
            self._work.kill()
            self._work.join()
        self._cancel.kill()
        if self._writer:
            self._writer.join()

    def undo(self) -> None:
        """Delete the new files, in a thread."""
        if self.can_undo:
            self.state = "undoing"
            outcomes = [row.outcome for row in self.board.rows if row.outcome]
            arguments = (outcomes, tuple(self.folders), self.page)
            threading.Thread(target=lambda: self._inbox.put(delete_outputs(*arguments)), daemon=True).start()

    def report(self) -> None:
        """Write the page of the report, in a thread."""
        if self.can_report:
            self.state, self.page, self.page_error = "reporting", None, None
            self._cancel = cancel = imgpar.CancelToken()
            report = board_report(
                self.board, out=self.folder, notes=tuple(self.notes), ignored=self.ignored, left=self.left,
                stopped=str(self.error or self.halt or ""), cancelled=self.stopped,
            )  # fmt: skip
            self._writer = threading.Thread(
                target=lambda: self._inbox.put(write_page(report, cancel)), name="imgpar-report", daemon=True
            )
            self._writer.start()

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

    def _take(self, message: Message | Undone | Reported) -> None:
        if isinstance(message, Listed):
            if message.total is not None:
                self._total(message.total)
            self.board.wait(message.paths)
        elif isinstance(message, OutputFolder):
            self.folders.pop(message.folder, None)
            self.folders[message.folder] = None
        elif isinstance(message, Undone):
            self.state, self.undone, self.board, self.page = "idle", message, Board(), None
            self.drops, self.folders = list(self.waiting), {}
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

    def _dropped_meanwhile(self) -> None:
        """Start what was dropped while outputs were deleted, or a report was written."""
        if self.waiting:
            self.undone = None
            self._start(self._later)

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
