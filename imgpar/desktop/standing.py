"""What is known of drops and runs: the state of the window, its results, and what can be done next."""

from __future__ import annotations

from collections import deque

import imgpar
from imgpar.desktop.board import Board
from imgpar.desktop.history import History
from imgpar.desktop.settings import Settings
from imgpar.desktop.undo import Undone
from imgpar.desktop.work import Estimated


class Standing:
    """The `state`, the `board`, and the results of the last run; a `Control` changes them."""

    def __init__(self) -> None:
        self.state = "idle"
        self.board = Board()
        self.collected: tuple[str, ...] = ()
        """What waits for `start`, as paths and addresses."""
        self.history = History()
        """What was done before the current list."""
        self.estimate: Estimated | None = None
        """Of what is collected."""
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
    def watches(self) -> bool:
        """Whether the run goes on until it is stopped."""
        return self._settings.watches

    @property
    def replaces(self) -> bool:
        """Whether the outputs of the last run took the places of the originals."""
        return self._settings.replaces

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
        return self.state == "running" and not self.gathers and not self.watches

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
        return self.state == "idle" and (self.board.counts["ok"] > 0 or self.history.last is not None)

    @property
    def can_start(self) -> bool:
        """Whether something waits for `start`."""
        return self.state == "idle" and bool(self.collected)
