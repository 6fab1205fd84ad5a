"""The runs of a watch: what they did, what failed, what stopped them."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable

from imgpar.batch.log_lines import escaped
from imgpar.batch.report import Report, Tally
from imgpar.batch.report_lines import ReportLines, forget_run
from imgpar.batch.watch.feed import FolderChanges
from imgpar.batch.watch.follow import Follow
from imgpar.batch.watch.request import TurnToken, WatchRequest, safe_options
from imgpar.batch.watch.roots import WatchedFolders, is_within, patterns_can_match
from imgpar.batch.watch.scope import Scope, Unreadable
from imgpar.batch.watch.settle import Settling
from imgpar.batch.workers import Workers
from imgpar.core.errors import ImgparError, NoInputError, RunError, UsageError, is_from_outside
from imgpar.core.fs import no_room
from imgpar.core.job import Event, Listener, Outcome, hears_starts, listens_in_bulk
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

COLLECT = 50
"""Turns between two collections of garbage: the command line makes them rare, which suits short runs."""
SAID = 1000
"""Number of notes that are remembered, so that each is logged once."""


class Turns:
    """Carries out the runs of a watch.

    Args:
        request: what is watched.
        place: where the outputs go.
        recipe: of the runs.
        roots: the input folders.
        cancel: of the watch.
    """

    def __init__(
        self,
        request: WatchRequest,
        place: Out,
        recipe: Recipe,
        roots: WatchedFolders,
        cancel: CancelToken,
    ) -> None:
        self._request, self._place, self._roots, self._cancel = request, place, roots, cancel
        self.recipe = recipe
        self.options = safe_options(request.options, request.settings)
        self.settling, self.unreadable = Settling(request.settings.settle), Unreadable()
        self._taken = dict[str, bytes]()
        self._follow = Follow(place, self.options, request.settings, roots.folders, request.log)
        self._said = set[str]()
        self._last_run = ""
        self.tally, self.count, self.left_place = Tally(), 0, 0
        self.waiting = self.left = 0
        self.why = ""
        """What stopped the last turn; empty where nothing did."""
        self.last_error = ""
        self.on_event: Callable[[], object] = lambda: None
        """Called with each event of a run."""

    def carry_out(self, changes: FolderChanges, workers: Workers) -> Scope:
        """Look at what changed and run what is new; `why` says what stopped it."""
        for folder in changes.folders & self.unreadable.folders():
            self._taken.pop(folder, None)
        scope = Scope(
            changes,
            self.settling,
            self._taken,
            self.unreadable,
            away=self._roots.away,
            ignores=self.ignores,
            local=self._roots.is_local,
            whole=self._request.needs_all(self.recipe),
        )
        self.count += 1
        started = time.monotonic()
        try:
            self.why = self._run(scope, workers)
        except NoInputError as error:
            self.why = self._why_no_input(error)
        except RunError as error:
            self.why = str(error)
        except UsageError as error:
            if self.count == 1:
                raise
            self.why = str(error)
        except OSError as error:
            self.why = str(no_room(error, self._place.folder) or f"{error.strerror or error}.")
        self.waiting = scope.waiting
        if self.why:
            self.forget_folders()
        else:
            self._remember(scope)
            self.unreadable.forget_due(started)
        if self.count % COLLECT == 0:
            gc.collect()
        return scope

    def put_back(self) -> None:
        """Put back the inputs that a killed watch was about to move or delete."""
        self._follow.put_back()

    def forget_folders(self) -> None:
        """Look at the files of all folders at the next turn, as at the start."""
        self._taken.clear()

    def read_recipe(self) -> None:
        """Read the recipe again. Raises UsageError, OSError."""
        self.recipe = self._request.recipe()
        self.forget_folders()

    def ignores(self, path: str) -> bool:
        """Whether a path is none of the inputs: an output, or what this program keeps."""
        move_done = self._request.settings.move_done
        ours = [os.path.abspath(move_done)] if move_done else []
        if not (self._place.stored or self._place.in_place):
            ours.append(self._place.path)
        roots = [root for root in self._roots.folders if is_within(path, root)]
        if any(is_within(path, one) and not any(is_within(root, one) for root in roots) for one in ours):
            return True
        below = path[len(max(roots, key=len)) :] if roots else ""
        return any(part.startswith(".") for part in below.split(os.sep)[:-1])

    def _run(self, scope: Scope, workers: Workers) -> str:
        """One run; returns what stopped it."""
        report = self._request.execute(
            self._request.inputs,
            self._request.out,
            self.recipe,
            self.options,
            on_event=_Ears(self._hear, self._request.listen),
            cancel=TurnToken(self._cancel),
            workers=workers,
            command=self._request.command,
            among=scope,
        )
        self.left = report.left
        if self._request.settings.once:  # the only run: its report is that of the watch
            self.tally.add_unchanged(report.reasons.get("unchanged", 0))
        if report.ok or report.failed:
            line = f"{report.ok} ok, {report.failed} failed in {report.seconds:.1f} s."
            self._request.log("info", line, ok=report.ok, failed=report.failed)
        if not report.stopped:
            self.left_place += self._follow.done(report.items, self.recipe)
            if scope.taking and not report.cancelled:
                self._remove(scope.taking, scope.changes.removed)
        self._forget_files(report)
        return report.stopped

    def _why_no_input(self, error: NoInputError) -> str:
        """Why a pattern without a match stops the turn; empty where files may come that match."""
        if patterns_can_match(self._request.inputs):
            return ""
        if self.count == 1:
            raise error
        return str(error)

    def _remove(self, folders: Iterable[str], removed: set[str]) -> None:
        if count := self._follow.gone(folders, removed, self._roots.away):
            what = (
                "1 output of a deleted input was" if count == 1 else f"{count} outputs of deleted inputs were"
            )
            self._request.log("info", text := f"{what} removed.")
            self._request.listen(Event("note", text=text))

    def _remember(self, scope: Scope) -> None:
        """Keep the digests of the folders that were taken, unless something is left to do in them."""
        done = {folder: digest for folder, digest in scope.taking.items() if folder not in self._follow.left}
        self._taken.update(done)
        if scope.changes.everything:
            for folder in self._taken.keys() - scope.taking.keys():
                if not os.path.isdir(folder):
                    del self._taken[folder]

    def _forget_files(self, report: Report) -> None:
        """Remove the files of the run before: its lines, and its facts for `retry`."""
        if isinstance(report.items, ReportLines):
            if self._last_run:
                forget_run(self._last_run)
            self._last_run = report.items.uid

    # ----- events ----------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        if event.outcome is not None:
            self._count(event.outcome)
        elif event.kind == "note" and event.text not in self._said:
            if len(self._said) >= SAID:
                self._said.clear()
            self._said.add(event.text)
            self._request.log("info", escaped(event.text))
        self.on_event()

    def _count(self, outcome: Outcome) -> None:
        if outcome.status == "skipped" and outcome.reason == "unchanged":
            return
        if outcome.status != "failed":
            self.unreadable.forget(outcome.source)
            self.tally.add(outcome)
            return
        outside = is_from_outside(outcome.kind) and outcome.kind != "DiskFullError"
        if outside and not self.unreadable.add(outcome.source, _facts_of(outcome.source)):
            return  # it failed like this before
        self.tally.add(outcome)
        self.last_error = f"{escaped(outcome.source)}: {escaped(outcome.error)}"
        self._request.log("error", self.last_error, source=escaped(outcome.source), kind=outcome.kind)


class _Ears:
    """Passes the events of a run on, except those of a run that finds nothing."""

    def __init__(self, hear: Callable[[Event], None], listen: Listener) -> None:
        self._hear, self._listen = hear, listen
        self._held: list[Event] | None = []
        self.in_bulk = listens_in_bulk(listen)
        self.starts = hears_starts(listen)

    def __call__(self, event: Event) -> None:
        self._hear(event)
        if self._held is not None:
            if event.kind in ("start", "planned", "reading", "end"):
                self._held.append(event)
                return
            for held in self._held:
                self._listen(held)
            self._held = None
        self._listen(event)


def _facts_of(path: str) -> tuple[int, int]:
    """Size and time of a file, as the plan will see them; 0 where they cannot be read."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def why_not_read(error: ImgparError | OSError) -> str:
    """What is said where the recipe could not be read again."""
    return f"The recipe stays as it was: {error}"
