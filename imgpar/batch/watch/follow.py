"""What follows a turn: inputs that are done leave their place, outputs of inputs that are gone are removed.

An input leaves its place only when its outputs were decoded and compared before they were committed, are on
the disk as the journal says, and when the journal itself is on the disk and the input is what was converted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice

from imgpar.batch.journal.journal import Journal
from imgpar.batch.run_options import RunOptions
from imgpar.batch.setup import open_journal
from imgpar.batch.watch.options import WatchOptions
from imgpar.batch.watch.roots import has_entries
from imgpar.core.digest import file_digest, matches_output
from imgpar.core.filenames import numbered
from imgpar.core.fs import Half, move_new, remove_file, sync_folder, temporary_path
from imgpar.core.job import Facts, Outcome, OutputFile
from imgpar.outputs.destination import Out
from imgpar.outputs.prior import PriorResult

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

    def done(self, outcomes: Iterable[Outcome]) -> int:
        """Move or delete the inputs of these outcomes; returns how many."""
        if not (self._aim or self._settings.delete_source):
            return 0
        count, wanted = 0, filter(_is_done, outcomes)
        self.left.clear()
        while some := list(islice(wanted, TOGETHER)):
            with contextlib.ExitStack() as stack:
                journal = stack.enter_context(open_journal(self._place, self._options, stack))
                self._sync(journal.path)
                self._synced.clear()
                count += sum(
                    self._leaves(outcome, records) for outcome, records in _with_records(journal, some)
                )
        return count

    def _leaves(self, outcome: Outcome, records: Sequence[PriorResult]) -> bool:
        """Move or delete one input; returns False where it stays."""
        path = outcome.source
        files = [file for record in records for file in record.outputs]
        if not files or any(record.state != "ok" for record in records):
            return False
        store = self._place.place
        if not all(matches_output(file.path, (file,), store) for file in files):
            self._say("warning", f"{path} stays: one of its outputs was changed or removed.")
            return False
        try:
            for file in () if self._place.stored else files:
                self._sync(file.path)
            now = Facts.of(os.lstat(path))
            if not all(now.agree(record.facts) for record in records):
                return False  # it was changed meanwhile: the next turn makes its outputs anew
            if self._aim:
                self._move(path)
            else:
                os.unlink(path)
        except OSError as error:
            self._say("warning", f"{path} stays: {error.strerror or error}.")
            self.left.add(os.path.dirname(path))
            return False
        return True

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

    def _move(self, path: str) -> None:
        final = os.path.join(self._aim, self._below(path))
        os.makedirs(os.path.dirname(final), exist_ok=True)
        for number in range(1, 1_000_000):
            try:
                move_new(path, final)
                remove_file(path)  # it is still there where the same content was
                return
            except FileExistsError:
                final = numbered(os.path.join(self._aim, self._below(path)), number)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy_over(path, final)
                return

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


def _copy_over(path: str, final: str) -> None:
    """Move a file to another disk: copied, compared, and then removed. Raises OSError."""
    with Half(temporary_path(final), 0o666) as half:
        with open(path, "rb") as source, open(half.handle, "wb", closefd=False) as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(path, half.path)
        if file_digest(half.path) != file_digest(path):
            raise OSError(errno.EIO, "its copy differs")
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final)
        half.name(final)
    sync_folder(os.path.dirname(final))
    os.unlink(path)
