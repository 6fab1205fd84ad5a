"""What follows a turn: inputs that are done leave their place, outputs of inputs that are gone are removed.

An input leaves its place only when its outputs were decoded and compared before they were committed, are on
the disk as the journal says, and when the journal itself is on the disk and the input is what was converted.
Whether it is that is asked once more under a name that no other program knows (`leaving`): a file that took
its place a moment ago is put back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice

from imgpar.batch.journal.journal import Journal
from imgpar.batch.run_options import RunOptions
from imgpar.batch.setup import open_journal
from imgpar.batch.watch.leaving import Leaving, left_behind, move_away
from imgpar.batch.watch.options import WatchOptions
from imgpar.batch.watch.roots import has_entries
from imgpar.core.digest import matches_output, what_is_wrong
from imgpar.core.fs import sync_folder
from imgpar.core.job import Facts, Outcome, OutputFile
from imgpar.formats.registry import find_format, format_of_suffix
from imgpar.outputs.destination import Out
from imgpar.outputs.prior import PriorResult
from imgpar.recipe.outputs import Branch
from imgpar.recipe.recipe import Recipe

TOGETHER = 5000
"""Inputs that are looked up in the journal at a time."""

Say = Callable[[str, str], object]
"""Called with a level and a text."""


class Follow:
    """Moves, deletes and removes.

    Args:
        place: where the outputs are.
        options: of the runs, with the path of the journal.
        settings: of the watch.
        folders: the input folders.
        say: the log.
    """

    def __init__(
        self, place: Out, options: RunOptions, settings: WatchOptions, folders: Sequence[str], say: Say
    ) -> None:
        self._place, self._options, self._settings = place, options, settings
        self._folders, self._say = folders, say
        self._aim = os.path.abspath(settings.move_done) if settings.move_done else ""
        self._synced = set[str]()
        self.left = set[str]()
        """Folders of inputs that should have left, and could not."""

    # ----- inputs that are done --------------------------------------------------------------------

    def put_back(self) -> None:
        """Put back what a killed watch was about to move or delete."""
        for held in left_behind(self._folders) if self._settings.leave else ():
            held.put_back()
            self._say(
                "info", f"{held.path} was about to leave when the last watch ended, and is there again."
            )

    def done(self, outcomes: Iterable[Outcome], recipe: Recipe) -> int:
        """Move or delete the inputs of these outcomes of a recipe; returns how many."""
        if not self._settings.leave:
            return 0
        count, wanted, branches = 0, filter(_is_done, outcomes), recipe.branches()
        self.left.clear()
        while some := list(islice(wanted, TOGETHER)):
            with contextlib.ExitStack() as stack:
                journal = stack.enter_context(open_journal(self._place, self._options, stack))
                self._sync(journal.path)
                self._synced.clear()
                for outcome, records in _with_records(journal, some):
                    if _is_missing_one(records, dict(zip(journal.keys, branches, strict=False))):
                        self._say("warning", f"{outcome.source} stays: one of its outputs was not made.")
                    else:
                        count += self._leaves(outcome, records)
        return count

    def _leaves(self, outcome: Outcome, records: Sequence[PriorResult]) -> bool:
        """Move or delete one input; returns False where it stays."""
        path = outcome.source
        files = [file for record in records for file in record.outputs]
        if not files or any(record.state != "ok" for record in records):
            return False
        if not all(self._is_good(file, outcome) for file in files):
            self._say("warning", f"{path} stays: one of its outputs was changed or removed.")
            return False
        try:
            for file in () if self._place.stored else files:
                self._sync(file.path)
            final = os.path.join(self._aim, self._below(path)) if self._aim else ""
            if final:
                os.makedirs(os.path.dirname(final), exist_ok=True)
            now = Facts.of(os.lstat(path))
            if all(now.agree(record.facts) for record in records) and self._takes_away(path, now, final):
                return True
            # It is a link, or was changed meanwhile: then the next turn makes its outputs anew.
        except OSError as error:
            self._say("warning", f"{path} stays: {error.strerror or error}.")
        if not os.path.islink(path):
            self.left.add(os.path.dirname(path))
        return False

    def _takes_away(self, path: str, known: Facts, final: str) -> bool:
        with Leaving(path) as held:
            if not held.is_file(known):
                return False  # another file, or a program writes to it: put back
            if final:
                move_away(held.held, final)
            else:
                os.unlink(held.held)
        return True

    def _is_good(self, file: OutputFile, outcome: Outcome) -> bool:
        """Whether an output is what the journal says; what an earlier run made is read for that."""
        store = self._place.place
        if outcome.status == "ok":
            return matches_output(file.path, (file,), store)
        return not what_is_wrong(file.path, (file,), store)

    def _sync(self, path: str) -> None:
        """Write a file and its folder entry to the disk."""
        handle = os.open(path, os.O_RDONLY)
        try:
            with contextlib.suppress(PermissionError):  # of Windows, for files that are open for reading
                os.fsync(handle)
        finally:
            os.close(handle)
        folder = os.path.dirname(path)
        if folder not in self._synced:
            self._synced.add(folder)
            sync_folder(folder)

    def _below(self, path: str) -> str:
        """The path of an input in the folder for those that are done."""
        for root in self._folders:
            if path.startswith(os.path.join(root, "")):
                relative = os.path.relpath(path, root)
                return relative if len(self._folders) == 1 else os.path.join(os.path.basename(root), relative)
        return os.path.basename(path)

    # ----- inputs that are gone --------------------------------------------------------------------

    def gone(self, folders: Iterable[str], removed: set[str], away: Iterable[str]) -> int:
        """Remove the outputs of inputs that were deleted or renamed; returns how many.

        Args:
            folders: those that were read in this turn.
            removed: folders in which the system reported a removal.
            away: input folders that are not there, whose files count as being there.
        """
        if self._settings.on_delete != "remove":
            return 0
        count = 0
        with contextlib.ExitStack() as stack:
            journal = stack.enter_context(open_journal(self._place, self._options, stack))
            for root in self._folders:
                if root in away:
                    continue
                inside = os.path.join(root, "")
                known = {folder for folder in folders if folder == root or folder.startswith(inside)}
                known |= {folder for folder in journal.folders.below(root) if not os.path.isdir(folder)}
                for folder in sorted(known):
                    if has_entries(folder, removed, root):
                        count += self._gone_from(journal, folder)
        return count

    def _gone_from(self, journal: Journal, folder: str) -> int:
        count = 0
        for path, records in journal.done_in(folder).items():
            if not os.path.lexists(path):
                count += sum(self._remove(file) for record in records for file in record.outputs)
                journal.forget(path)
        return count

    def _remove(self, file: OutputFile) -> bool:
        if not matches_output(file.path, (file,)):
            if os.path.lexists(file.path):
                self._say(
                    "info", f"{file.path} was changed since it was made, so it stays; its input is gone."
                )
            return False
        os.unlink(file.path)
        folder = os.path.dirname(file.path)
        with contextlib.suppress(OSError):  # it is not empty
            while folder.startswith(os.path.join(self._place.folder, "")):
                os.rmdir(folder)
                folder = os.path.dirname(folder)
        return True


def _is_done(outcome: Outcome) -> bool:
    done = outcome.status == "ok" or (outcome.status == "skipped" and outcome.reason == "unchanged")
    return done and bool(outcome.outputs) and not any(file.path == outcome.source for file in outcome.outputs)


def _is_missing_one(records: Iterable[PriorResult], branches: Mapping[str, Branch]) -> bool:
    """Whether an output in one of the formats is missing, such as one whose name another file has."""
    for record in records:
        branch = branches.get(record.recipe)
        if branch is None or branch.encode.best_format:  # that makes one of them
            continue
        made = {format_of_suffix(file.path) for file in record.outputs}
        kinds = {one.kind for one in made if one and one.kind != "audio"}  # not every clip has sound
        if any(one.kind in kinds and one not in made for one in map(find_format, branch.to)):
            return True
    return False


def _with_records(
    journal: Journal, outcomes: Sequence[Outcome]
) -> Iterator[tuple[Outcome, tuple[PriorResult, ...]]]:
    """Each outcome with the records of the latest recipe."""
    ordered = sorted(outcomes, key=lambda outcome: os.path.dirname(outcome.source))
    for folder, some in groupby(ordered, key=lambda outcome: os.path.dirname(outcome.source)):
        group = list(some)
        records = journal.done_in(folder, {outcome.source for outcome in group})
        for outcome in group:
            found = records.get(outcome.source, ())
            yield outcome, tuple(record for record in found if record.recipe in journal.keys)
