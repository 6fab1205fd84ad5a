"""In place, files below one folder may have been converted from another one: from above it, or from inside.

    a/.imgpar        knows what runs on a made
    a/b/.imgpar      knows what runs on a/b made: a run on a asks it about what lies in a/b, and the other way

Without this a run on `a` would take what a run on `a/b` made for new pictures, and convert it again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping

from imgpar.errors import OutputError, OutputLockedError
from imgpar.files import no_room
from imgpar.journal import Journal, journal_path
from imgpar.output import Out, is_home
from imgpar.sources.base import Batch
from imgpar.targets import Done
from imgpar.undo import prepare


class Homes:
    """The journal of a run in place, together with those of all folders above and below that know more.

    Args:
        base: the folder of the run.
        journal: of the run itself, where there is one.
        open_other: opens the journal of another such folder; None when it cannot be read.
    """

    def __init__(
        self, base: str, journal: Journal | None, open_other: Callable[[str], Journal | None]
    ) -> None:
        self._base, self._journal = base, journal
        self._open_other = open_other
        self._others: dict[str, Journal | None] = {}

    def done(self, batch: Batch, paths: Collection[str] | None = None) -> Mapping[str, tuple[Done, ...]]:
        """What any of them knows about the files in the folders of a batch; see `Journal.done`."""
        found = dict(self._journal.done(batch, paths)) if self._journal else {}
        folders = [batch.folder] if batch.folder else {os.path.dirname(item.path) for item in batch.items}
        for folder in folders:
            for home in self._homes_of(folder):
                journal = self._other(home)
                for path, records in journal.done_in(folder, paths).items() if journal else ():
                    found[path] = (*found.get(path, ()), *records)
        return found

    def _homes_of(self, folder: str) -> list[str]:
        """All other folders from here upwards in which a run began."""
        homes, at, above = [], folder, os.path.dirname(folder)
        while True:
            if at != self._base and is_home(at):
                homes.append(at)
            if at == above:
                return homes
            at, above = above, os.path.dirname(above)

    def _other(self, home: str) -> Journal | None:
        if home not in self._others:
            self._others[home] = self._open_other(home)
        return self._others[home]


def put_right(journal: Journal, folder: str, note: Callable[[str], None]) -> None:
    """Make a folder ready for a run in place, and undo the half that a run that died may have left."""
    try:
        count = prepare(journal, folder)
    except OSError as error:
        raise no_room(error, folder) or OutputError(
            f"The originals in {folder} cannot be kept: {error.strerror or error}.",
            fix="Change the permissions of its folder .imgpar.",
        ) from error
    if count:
        note(f"{count} originals were put back: the run before this one ended too early.")


def open_home(stack: contextlib.ExitStack, note: Callable[[str], None], folder: str) -> Journal | None:
    """The journal of another folder, until `stack` is closed; nobody else may work there meanwhile.

    Raises:
        OutputLockedError: somebody does.
    """
    path = journal_path(Out(folder, in_place=True))
    if not os.path.exists(path):
        return None
    try:
        journal = stack.enter_context(Journal.open(path, folder))
    except OutputLockedError:
        raise
    except OutputError as error:
        note(str(error))
        return None
    put_right(journal, folder, note)
    return journal
