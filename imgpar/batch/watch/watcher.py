"""The loop of a watch: wait, look, run.

    wait     until the system reports a change, a file may be whole, it is time to poll, or a signal comes
    look     which folders changed, and which of their files are whole (`scope`)
    run      an ordinary run of these; the journal knows what is done (`turns`)
    follow   inputs that are done, outputs of inputs that are gone (`follow`)

What a turn could not do, because the disk was full or OUT was locked, belongs to the next one. Nothing is
kept that a restart would need: the first turn looks at everything.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

from imgpar.batch.checking import check_place
from imgpar.batch.confinement import check_confinement, is_confined
from imgpar.batch.log_lines import escaped, time_text
from imgpar.batch.report import Report
from imgpar.batch.watch.feed import ChangeFeed, FolderChanges
from imgpar.batch.watch.request import WatchRequest, check_watch
from imgpar.batch.watch.roots import WatchedFolders
from imgpar.batch.watch.scope import Scope
from imgpar.batch.watch.status import StatusFile, lock_path, lock_watch, status_path
from imgpar.batch.watch.turns import Turns, why_not_read
from imgpar.batch.workers import Workers, new_workers
from imgpar.core.addresses import is_address
from imgpar.core.errors import ImgparError, UsageError
from imgpar.core.install_hint import pip
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.roots import absolute
from imgpar.runtime.sandbox import Sandbox
from imgpar.runtime.scheduler import CancelToken

TICK = 1.0
"""Longest wait, in seconds: a token that another thread has cancelled is noticed after it."""
POLL = 30.0
"""Seconds between two listings where the system reports no changes."""
AGAIN = 600.0
"""Seconds between two listings where it does: a report may be lost."""
SOON, SHARE = 3.0, 20.0
"""Seconds after a change until everything is listed once more, at least so many times as long as a listing
takes: of many changes, and of those in a new folder, the system and the library drop some silently."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until a turn that could not go on is tried again, doubled each time."""
ENDED, ENDED_WITHIN = 3, 60.0
"""How often the reports of the system may end within so many seconds."""
IDLE = 60.0
"""Seconds without work after which the workers end and their memory is released."""
RELOAD, WAKE = "reload", "wake"
NEVER = float("inf")


class Watcher:
    """One watch. `execute` ends when the token is cancelled; `tell` sends messages from other threads and
    signal handlers.

    Args:
        request: what is watched, and what is done.
        cancel: ends the watch after the tasks in progress, or at once.

    Raises:
        UsageError: the settings do not fit the inputs or OUT.
    """

    def __init__(self, request: WatchRequest, cancel: CancelToken) -> None:
        recipe, named = request.recipe(), with_sources(request.inputs, request.options.access)
        check_confinement(request.options, recipe)
        confined = is_confined(request.options, recipe, sources_of(named))
        request = replace(request, options=replace(request.options, sandbox=confined))
        self._request, self._cancel, self._log = request, cancel, request.log
        self._place = check_place(named, request.out, recipe, request.options)
        check_watch(self._place, request)
        self._roots = WatchedFolders(named)
        others = len(self._roots.folders) < len(named)
        self._polled = request.settings.poll is not None or others or self._roots.on_network
        self._turns = Turns(request, self._place, recipe, self._roots, cancel)
        self._inbox = queue.SimpleQueue[str]()  # the only queue whose put is safe in signal handlers
        self._feed: ChangeFeed | None = None
        self._changes = FolderChanges()
        self._due, self._everything_due, self._pause = NEVER, 0.0, FIRST_PAUSE
        self._ended = list[float]()
        self._look_seconds = 0.0
        """How long it takes to list everything."""

    @property
    def waiting(self) -> int:
        """Number of files that are not whole yet."""
        return self._turns.waiting

    @property
    def away(self) -> bool:
        """Whether an input folder is not there."""
        return bool(self._roots.away)

    def tell(self, message: str) -> None:
        """Send a message: RELOAD or WAKE."""
        self._inbox.put(message)

    def execute(self) -> Report:
        """Watch until the token is cancelled, or with `once` make one turn.

        Returns:
            The counts of all turns; `items` is empty.

        Raises:
            UsageError: the first run is refused.
            RunError: another watch works on OUT, or OUT cannot be written.
        """
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.callback(lock_watch(self._place).release)
            self._turns.put_back()
            workers = stack.enter_context(
                new_workers(self._turns.options, Sandbox() if self._request.options.sandbox else None)
            )
            stack.callback(self._close_feed)
            self._status = self._new_status()
            self._turns.on_event = lambda: self._tell_state("working", now=False)
            try:
                self._loop(workers)
            finally:
                self._tell_state("stopped")
        once = self._request.settings.once
        return self._turns.tally.report(
            out=self._place.path,
            seconds=time.monotonic() - started,
            cancelled=self._cancel.cancelled,
            stopped=self._turns.why if once else "",
            left=self._turns.left,
        )

    def _loop(self, workers: Workers) -> None:
        once, worked = self._request.settings.once, time.monotonic()
        self._log("info", f"Watching {self._names()}; outputs go to {escaped(self._place.path)}.")
        while not self._cancel.cancelled:
            self._look_at_folders()
            if not (self._feed or self._polled or once):
                self._open_feed()  # before the first look: nothing falls between
            self._gather()
            if time.monotonic() >= self._due:
                if self._turn(workers):
                    worked = time.monotonic()
                if once:
                    self._say_what_waits()
                    return
            elif time.monotonic() - worked > IDLE:
                workers.close()
                worked = NEVER
            self._wait()

    def _wait(self) -> None:
        """Wait for a message or for the next turn."""
        wake = min(self._due, self._everything_due)
        left = min(wake - time.monotonic(), TICK)
        with contextlib.suppress(queue.Empty):
            if self._inbox.get(timeout=max(left, 0.0)) == RELOAD:
                self._reload()

    def _gather(self) -> None:
        """Collect what has changed, and decide when it is looked at."""
        now = time.monotonic()
        if self._feed and self._feed.error:
            self._feed_ended(self._feed.error, now)
        if self._feed and (found := self._feed.take()):
            soon = max(SOON, SHARE * self._look_seconds)
            self._everything_due = min(self._everything_due, now + soon)
            self._changes.add(found)
            self._due = min(self._due, now + self._request.settings.settle / 2)  # more may come
        if self._everything_due <= now:
            self._changes.everything = True
            self._due = now

    def _feed_ended(self, why: str, now: float) -> None:
        """Begin the feed anew, as after a name that is not UTF-8; where that does not help, poll."""
        self._close_feed()
        self._everything_due = now
        self._ended = [at for at in self._ended if now - at < ENDED_WITHIN] + [now]
        if len(self._ended) > ENDED:
            self._log("warning", f"The system reports no changes ({why}), so folders are polled.")
            self._polled = True

    def _turn(self, workers: Workers) -> bool:
        """Look and run; returns whether there was anything to do."""
        changes, self._changes = self._changes, FolderChanges()
        if why := self._missing_out():
            self._changes.add(changes)
            self._turns.why, before = why, self._turns.last_error
            self._try_again(why, before)
            return False
        if self._roots.all_away and not self._request.settings.once:
            self._everything_due, self._due = time.monotonic() + self._interval, NEVER
            self._tell_state("paused")
            return False
        self._tell_state("working")
        changes.folders |= self._turns.unreadable.due()
        before, started = self._turns.last_error, time.monotonic()
        scope = self._turns.carry_out(changes, workers)
        if changes.everything and not scope.taking:
            self._look_seconds = time.monotonic() - started
        if why := self._turns.why:
            self._try_again(why, before)
            return True
        self._pause = FIRST_PAUSE
        self._plan_next(scope)
        return bool(scope.taking)

    def _missing_out(self) -> str:
        """Why OUT is not the folder of this watch; without its disk, a run would begin a new one."""
        if self._place.stored or os.path.exists(lock_path(self._place)):
            return ""
        return (
            f"{escaped(self._place.folder)} is not there, or another folder than before; is its disk missing?"
        )

    def _plan_next(self, scope: Scope) -> None:
        now = time.monotonic()
        self._due = self._turns.unreadable.next()
        if scope.pending:
            self._due = min(self._due, now + min(scope.pending.values()))
            self._changes.folders |= {name for name in scope.pending if name[:1] != "\0"}
            self._changes.everything |= any(name[:1] == "\0" for name in scope.pending)
        if scope.changes.everything:
            self._everything_due = now + self._interval
        self._tell_state("waiting")

    def _try_again(self, why: str, before: str) -> None:
        """Try a turn that could not go on again after a pause."""
        if why != before:
            self._log("error", f"{why} The watch goes on when that is over.")
        self._turns.last_error = why
        self._everything_due, self._due = time.monotonic() + self._pause, NEVER
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._tell_state("paused")

    @property
    def _interval(self) -> float:
        return (self._request.settings.poll or POLL) if self._polled else AGAIN

    def _look_at_folders(self) -> None:
        """Notice input folders that are gone or there again."""
        before = set(self._roots.away)
        back = self._roots.look()
        for folder, why in self._roots.away.items():
            if folder not in before:
                self._turns.last_error = why
                self._log("warning", f"{why}. Nothing is done there until it is back.")
        if not back:
            return
        for folder in back:
            self._log("info", f"{escaped(folder)} is there again.")
        self._turns.unreadable.clear()
        self._turns.forget_folders()
        self._close_feed()  # it watches the folder that was there before
        self._everything_due = 0.0

    def _reload(self) -> None:
        """Read the recipe again."""
        try:
            self._turns.read_recipe()
        except (ImgparError, OSError) as error:
            self._turns.last_error = why_not_read(error)
            self._log("error", self._turns.last_error)
            return
        self._log("info", "The recipe was read again.")
        self._everything_due = 0.0

    def _say_what_waits(self) -> None:
        """Say at the end of the only turn why there may be less done than expected."""
        if count := self._turns.waiting:
            files = "1 file is" if count == 1 else f"{count} files are"
            self._log("info", f"{files} not settled yet and left to the next call.")
        elif not (self._turns.tally.counts.total() or self._turns.why or self._roots.away):
            self._log("info", "There is nothing to do yet.")

    def _open_feed(self) -> None:
        folders = [folder for folder in self._roots.folders if folder not in self._roots.away]
        if not folders:
            return
        if find_spec("watchfiles") is None:
            raise UsageError(
                "Waiting for changes needs the package watchfiles.",
                fix=f"Install it: {pip('imgpar[watch]')}; or list the folders every few seconds: --poll 10.",
            )
        self._feed = ChangeFeed(
            folders,
            ignores=self._turns.ignores,
            wake=lambda: self.tell(WAKE),
            temporary=self._turns.settling.was_temporary,
        )

    def _close_feed(self) -> None:
        if self._feed:
            self._feed.close()
            self._feed = None

    # ----- the status file -------------------------------------------------------------------------

    def _new_status(self) -> StatusFile:
        facts = {
            "pid": os.getpid(), "host": socket.gethostname(), "since": time_text(time.time()),
            "inputs": self._names(absolute), "out": escaped(self._place.path), "recipe": self._request.label,
            "lock": lock_path(self._place),
            "leaving": self._roots.folders if self._request.settings.leave else [],
        }  # fmt: skip
        return StatusFile(self._request.settings.status_file or status_path(self._place), facts)

    def _tell_state(self, state: str, *, now: bool = True) -> None:
        turns, counts = self._turns, self._turns.tally.counts
        self._status.write(
            state, now=now, polled=self._polled, done=counts["ok"], failed=counts["failed"],
            skipped=counts["skipped"], pending=turns.waiting, turns=turns.count,
            moved_or_deleted=turns.left_place, away=sorted(map(escaped, self._roots.away)),
            last_error=turns.last_error, paused=turns.why,
        )  # fmt: skip

    def _names(self, shown: Callable[[str], str] = str) -> str:
        given = [
            path.root if not isinstance(path, str) else path if is_address(path) else shown(path)
            for path in self._request.inputs
        ]
        return ", ".join(map(escaped, given[:5])) + (" …" if len(given) > 5 else "")
