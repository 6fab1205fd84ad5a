"""What is watched and what is done, and what of it is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from imgpar.batch.report import Report
from imgpar.batch.run_inputs import Among
from imgpar.batch.run_options import RunOptions
from imgpar.batch.watch.log import WatchLog
from imgpar.batch.watch.options import WatchOptions
from imgpar.batch.watch.roots import is_within
from imgpar.batch.workers import Workers
from imgpar.core.errors import (
    UsageError,
    refuse_address,
    setting,
)
from imgpar.core.job import Listener
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.schemes import is_remote_archive
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.outputs.sinks import Sink
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


class Execute(Protocol):
    """Carries out one run."""

    def __call__(
        self,
        inputs: Iterable[str | Source],
        out: str | Sink | None,
        recipe: Recipe,
        options: RunOptions,
        *,
        on_event: Listener,
        cancel: CancelToken,
        workers: Workers,
        command: str,
        among: Among,
    ) -> Report:
        """The report of the run."""


@dataclass(frozen=True)
class WatchRequest:
    """What is watched, and what is done."""

    inputs: list[str | Source]
    """As given. A list is read again by each run."""
    out: str | Sink | None
    recipe: Callable[[], Recipe]
    """Called at the start, and when the recipe is to be read again."""
    options: RunOptions
    settings: WatchOptions
    execute: Execute
    listen: Listener
    log: WatchLog
    command: str = ""
    """The command line, for the journal."""
    label: str = ""
    """Name of the recipe, for the status."""

    def needs_all(self, recipe: Recipe) -> bool:
        """Whether what a run makes depends on all inputs, not only on those that are new."""
        options = self.options
        names = recipe.naming.renames or recipe.naming.sizes or any(one.name for one in recipe.branches())
        kinds = options.duplicates != "keep" or options.manifest or options.html or options.sort
        return bool(names or kinds)


class TurnToken(CancelToken):
    """The token of one run: an error that stops the run does not stop the watch."""

    def __init__(self, outer: CancelToken) -> None:
        self._outer, self._own = outer, False
        super().__init__()

    @property
    def cancelled(self) -> bool:
        """Whether the run or the watch was stopped."""
        return self._own or self._outer.cancelled

    @cancelled.setter
    def cancelled(self, value: bool) -> None:
        self._own = value

    @property
    def killed(self) -> bool:
        """Whether the watch was stopped at once."""
        return self._outer.killed

    @killed.setter
    def killed(self, value: bool) -> None:
        if value:
            self._outer.kill()


def safe_options(options: RunOptions, settings: WatchOptions) -> RunOptions:
    """The options of the runs: where inputs leave their place, outputs are decoded and compared before; where
    they are deleted, any loss is a failure."""
    if settings.delete_source:
        return replace(options, verify=True, strict=True)
    return replace(options, verify=True) if settings.move_done else options


def check_watch(place: Out, request: WatchRequest) -> None:
    """Refuse what cannot be watched, and what would lose data; raises UsageError."""
    settings = request.settings
    if place.name:
        raise UsageError(
            f"A watch makes many files, but OUT is one ({place.name}).", fix="Name a folder with -o."
        )
    if any(map(is_remote_archive, request.inputs)):
        words = "An archive at an address is not watched: each look at it would fetch all of it."
        raise UsageError(words, fix="Use imgpar convert, and run it again.")
    if request.options.dry_run:
        raise UsageError("A watch has no dry run.", fix="Use imgpar convert --dry-run on the same inputs.")
    for path in (settings.move_done, settings.log, settings.status_file):
        refuse_address(path or "")
    if settings.move_done and settings.delete_source:
        raise UsageError("--move-done and --delete-source exclude each other.", fix="Leave out one.")
    leaving = "--delete-source" if settings.delete_source else "--move-done" if settings.move_done else ""
    if settings.on_delete == "remove":
        _check_removal(place, leaving)
    if leaving:
        _check_leaving(place, request, leaving)


def _check_removal(place: Out, leaving: str) -> None:
    if leaving:
        raise UsageError(
            f"{leaving} and --on-delete remove exclude each other: every input would be gone, and so would "
            "every output.",
            fix="Leave out one.",
        )
    if place.in_place or place.stored:
        where = "In place the outputs are the inputs" if place.in_place else "OUT is no folder"
        raise UsageError(f"{where}, so there is no --on-delete remove.", fix="Leave it out.")


def _check_leaving(place: Out, request: WatchRequest, leaving: str) -> None:
    if place.in_place:
        raise UsageError(
            f"In place the inputs are the outputs, so there is no {leaving}.", fix="Leave it out."
        )
    if place.stored and not place.stored.lasts:
        raise UsageError(f"OUT is lost with this process, so there is no {leaving}.", fix="Leave it out.")
    if not all(isinstance(given, str) for given in with_sources(request.inputs, request.options.access)):
        raise UsageError(
            f"{leaving} is for files in folders.", fix="Leave it out, or name folders as inputs."
        )
    aim = os.path.realpath(request.settings.move_done) if request.settings.move_done else ""
    for given in request.inputs:
        if aim and isinstance(given, str) and is_within(os.path.realpath(given), aim):
            raise UsageError(
                f"The input {given} lies in the folder for what is done ({request.settings.move_done}).",
                fix=f"Name another folder with {setting('move_done')}.",
            )
    if request.options.duplicates != "keep":
        raise UsageError(
            f"{leaving} needs an output of its own for each input, so there is no --duplicates.",
            fix="Leave out one.",
        )
