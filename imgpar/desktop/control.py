"""What the window does, without a widget: drops wait, run, pause, stop, and are taken back.

       drop                     pause              Ended
idle ───────► running ─────────────────► pausing ────────► paused ──┐
 ▲  ▲           │  ▲ stop                                           │ go_on
 │  └─ Ended ───┘  └──► stopping ── Ended ──► idle                  │
 │              ▲                                                   │
 └─ undoing     └───────────────────────────────────────────────────┘
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence

import imgpar
from imgpar.desktop.board import Board
from imgpar.desktop.settings import Settings
from imgpar.desktop.undo import Undone, delete_outputs
from imgpar.desktop.work import Ended, Listed, Message, OutputFolder, Conversion


class Control:
    """The state of the window: `state`, the `board`, and what the last run said."""

    def __init__(self) -> None:
        self.state = "idle"
        self.board = Board()
        self.waiting: deque[tuple[str, ...]] = deque()
        self.drops: list[tuple[str, ...]] = []
        """Everything that was dropped since the window was idle."""
        self.folders: dict[str, None] = {}
        """Where results are, the last drop's last."""
        self.error: Exception | None = None
        self.stopped = False
        self.halt = ""
        """Why the last run could not go on."""
        self.notes: list[str] = []
        """What the last run had to say that belongs to no file."""
        self.left = 0
        self.ignored = 0
        self.undone: Undone | None = None
        self.latest: imgpar.Outcome | None = None
        """The newest result that can be shown as a picture; the window takes it."""
        self._inbox: queue.SimpleQueue[Message | Undone] = queue.SimpleQueue()
        self._work: Conversion | None = None
        self._settings = Settings()

    @property
    def folder(self) -> str:
        """Where the results of the last drop are."""
        return next(reversed(self.folders), "")

    @property
    def busy(self) -> bool:
        """Whether a thread is at work."""
        return self.state not in ("idle", "paused")

    @property
    def can_try_again(self) -> bool:
        """Whether the same once more could change something."""
        left = self.error is not None or self.halt or self.stopped or self.board.counts["failed"]
        return self.state == "idle" and bool(self.drops) and bool(left)

    @property
    def can_undo(self) -> bool:
        """Whether there are new files."""
        return self.state == "idle" and self.board.counts["ok"] > 0

    # ----- what the user does ---------------------------------------------------------------------

    def drop(self, names: Sequence[str], settings: Settings) -> bool:
        """Convert these, now or when what is at work is through; True when the list starts anew."""
        names = tuple(names)
        if not names:
            return False
        anew = self.state == "idle"
        if anew:
            self.board, self.drops, self.undone, self.latest = Board(), [], None, None
            self.folders = {}
        self.drops.append(names)
        self.waiting.append(names)
        if anew:
            self._start(settings)
        return anew

    def pause(self) -> None:
        """Begin nothing more until `go_on`."""
        if self.state == "running" and self._work:
            self.state = "pausing"
            self._work.stop()

    def go_on(self) -> None:
        """The paused run once more, which skips what is done."""
        if self.state == "paused" and self._work:
            self.state = "running"
            self.board.run()
            self._work.start()

    def again(self, settings: Settings) -> None:
        """Everything that was dropped once more, with these settings; what is done is skipped."""
        if self.can_try_again:
            self.waiting = deque(self.drops)
            self._start(settings)

    def stop(self) -> None:
        """Finish what is in flight and begin nothing more; asked again, stop at once."""
        self.waiting.clear()
        if self.state == "paused":
            self._rest()
            self.stopped = True
        elif self._work and self.state in ("running", "pausing"):
            self.state = "stopping"
            self._work.stop()
        elif self._work and self.state == "stopping":
            self._work.kill()

    def kill(self) -> None:
        """Stop at once and wait for it."""
        self.waiting.clear()
        if self._work:
            self._work.kill()
            self._work.join()

    def undo(self) -> None:
        """Delete the new files, in a thread."""
        if self.can_undo:
            self.state = "undoing"
            outcomes = [row.outcome for row in self.board.rows if row.outcome]
            arguments = (outcomes, tuple(self.folders))
            threading.Thread(target=lambda: self._inbox.put(delete_outputs(*arguments)), daemon=True).start()

    # ----- what happens ---------------------------------------------------------------------------

    def look(self, seconds: float) -> int:
        """Read what has happened, for so long at most; returns how many messages that were."""
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                break
            self._take(message)
            count += 1
        return count

    def _take(self, message: Message | Undone) -> None:
        if isinstance(message, Listed):
            if message.total is not None:
                self._total(message.total)
            self.board.wait(message.paths)
        elif isinstance(message, OutputFolder):
            self.folders.pop(message.folder, None)
            self.folders[message.folder] = None
        elif isinstance(message, Undone):
            self.state, self.undone, self.board, self.drops = "idle", message, Board(), []
        elif isinstance(message, Ended):
            self._ended(message)
        elif message.kind == "frames":
            self.board.advance(message.text, message.frames)
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

    def _start(self, settings: Settings) -> None:
        """Begin with the first drop that waits."""
        self._settings = settings
        self.error, self.halt, self.stopped, self.left, self.ignored = None, "", False, 0, 0
        self.notes = []
        self._next()

    def _next(self) -> None:
        self._work = Conversion(self.waiting.popleft(), self._settings, self._inbox)
        self.board.counting = True
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
        """Files of this drop that got no result of their own are others under a second name."""
        for path in self._work.paths if self._work else ():
            row = self.board.find(path)
            if row and row.outcome is None:
                self.board.add(imgpar.Outcome(path, "skipped", reason="twice"))
