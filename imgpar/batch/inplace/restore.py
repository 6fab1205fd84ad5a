"""`imgpar undo`: restore or delete the originals in and below a folder."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from operator import attrgetter

from imgpar.batch.inplace.originals import Originals
from imgpar.batch.inplace.register import KeptOriginal
from imgpar.batch.inplace.run_folders import put_right
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.report import Report, Tally
from imgpar.batch.setup import lock_out
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.job import Outcome
from imgpar.outputs.destination import Out, home, is_home


def restore_originals(folder: str, *, forget: bool = False) -> Report:
    """Restore the originals in and below `folder`, or delete them (`forget`).

    Raises:
        UsageError: no run replaced files there.
        OutputLockedError: a run is active there.
    """
    started, folder = time.monotonic(), os.path.realpath(folder)
    tally, items, notes = Tally(), list[Outcome](), list[str]()
    homes = list(_homes(folder))
    if not homes and not os.path.exists(folder):
        raise UsageError(f"{folder} does not exist.", fix="Check the spelling and the folder you are in.")
    if not homes:
        raise UsageError(
            f"No run replaced anything in {folder}.",
            fix=f"Name the folder that was converted {setting('in_place', True)}.",
        )
    for base in homes:
        with contextlib.ExitStack() as stack:
            for outcome in _undo_in(base, folder, stack, notes, forget=forget):
                tally.add(outcome)
                items.append(outcome)
    seconds = time.monotonic() - started
    return tally.report(items, out=folder, seconds=seconds, notes=tuple(notes))


def _homes(folder: str) -> Iterator[str]:
    """All folders with registers that may have originals of files in or below `folder`."""
    base = home(folder)
    if is_home(base):
        yield base
    for where, folders, _ in os.walk(folder):
        if where != base and is_home(where):
            yield where
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _undo_in(
    base: str, folder: str, stack: contextlib.ExitStack, notes: list[str], *, forget: bool
) -> Iterator[Outcome]:
    """Restore or delete the originals in the register of one folder."""
    stack.callback(lock_out(Out(base, in_place=True)).release)
    path, journal = journal_path(Out(base, in_place=True)), None
    if os.path.exists(path):
        journal = stack.enter_context(Journal.open(path, base, in_place=True))
        put_right(journal, base, notes.append)
    originals = stack.enter_context(Originals(base))
    if journal is None:
        notes += originals.recover().notes
    inside = originals.inside(folder) if folder.startswith(os.path.join(base, "")) else ""
    found = list(originals.below(inside).values())
    if forget:
        yield from (originals.forget(one) for kept in found for one in kept)
    else:
        # Newest first: an output of a newer original may have the path of an older one.
        found.sort(key=lambda kept: kept[0].id, reverse=True)
        put_back = [_put_back(originals, journal, kept) for kept in found]
        yield from sorted(put_back, key=attrgetter("source"))
    originals.remove_empty()


def _put_back(originals: Originals, journal: Journal | None, kept: list[KeptOriginal]) -> Outcome:
    standing = {file.path for original in kept for file in originals.standing(original)}
    outcome = originals.undo(kept)
    if outcome.status == "ok" and journal is not None:
        for path in {outcome.source, *standing}:
            journal.undone(path)
    return outcome
