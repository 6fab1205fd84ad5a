"""The status file of a watch: what it does, for people, `imgpar watch --status` and monitoring."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from imgpar.batch.log_lines import time_text
from imgpar.batch.report_lines import state_folder
from imgpar.batch.watch.leaving import left_behind
from imgpar.core.addresses import without_secrets
from imgpar.core.errors import OutputError, OutputLockedError
from imgpar.core.filenames import short_hash
from imgpar.core.fs import OURS, make_private, no_room
from imgpar.core.locks import Lock
from imgpar.outputs.destination import Out
from imgpar.outputs.sidefiles import write_whole

SCHEMA = 1
"""Version of the file; incremented if a key is removed or changes its meaning."""
INTERVAL = 2.0
"""Seconds between two versions of the file while a run is in progress."""


def status_folder() -> str:
    """The folder of the status files of this user."""
    return os.path.join(state_folder(), "watch")


def status_path(place: Out) -> str:
    """The status file of the watch on a destination."""
    return os.path.join(status_folder(), f"{short_hash(place.path, 32)}.json")


def lock_path(place: Out) -> str:
    """The file that a watch on a destination keeps locked."""
    if place.stored:
        return f"{status_path(place).removesuffix('.json')}.lock"
    return os.path.join(place.folder, OURS, "watch.lock")


def lock_watch(place: Out) -> Lock:
    """Lock a destination against a second watch; runs are not excluded.

    Raises:
        OutputLockedError: another watch works on it.
        OutputError, DiskFullError: it cannot be written.
    """
    path = lock_path(place)
    try:
        make_private(os.path.dirname(path))
        return Lock(path, place.path)
    except OutputLockedError as error:
        words = error.message.replace("Another run is writing to", "Another watch works on")
        raise OutputLockedError(words, fix="See imgpar watch --status, and end it first.") from None
    except OSError as error:
        raise no_room(error, place.folder) or OutputError(
            f"{place.folder} cannot be written: {error.strerror or error}.", fix="Choose another OUT."
        ) from error


def is_locked(path: str) -> bool:
    """Whether a process keeps a lock file locked."""
    try:
        Lock(path, path, shared=True).release()
    except OutputLockedError:
        return True
    except OSError:
        return False
    return False


class StatusFile:
    """Writes the state, atomically and at most every two seconds unless something important changed."""

    def __init__(self, path: str, facts: Mapping[str, Any]) -> None:
        self.path, self._facts = path, dict(facts)
        self._written = 0.0

    def write(self, state: str, *, now: bool = True, **facts: Any) -> None:
        """Write the state. A disk that is full, or a folder that is gone, is not an error here.

        Args:
            state: one word.
            now: write even if the last version is recent.
            facts: what changes.
        """
        moment = time.monotonic()
        if not now and moment - self._written < INTERVAL:
            return
        self._written = moment
        record = {
            "schema": SCHEMA, "state": state, "updated": time_text(time.time()), **self._facts, **facts,
            "memory": resident_memory(),
        }  # fmt: skip
        text = without_secrets(json.dumps(record, indent=1))
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(os.path.abspath(self.path)), mode=0o700, exist_ok=True)
            write_whole(self.path, [text, "\n"], encoding="ascii")


def read_watch(path: str) -> dict[str, Any] | None:
    """The content of a status file; None if there is none.

    Two keys are added: `running`, whether its process is alive, and, where it is not, `held`: the paths of
    inputs that it was about to move or delete.
    """
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or "state" not in record:
        return None
    running = is_locked(str(record.get("lock", "")))
    held = [] if running else [left.held for left in left_behind(record.get("leaving", ()))]
    return record | {"running": running, "held": held}


def every_status() -> Iterator[dict[str, Any]]:
    """All status files of this user."""
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(status_folder())):
            if name.endswith(".json") and (record := read_watch(os.path.join(status_folder(), name))):
                yield record


def resident_memory() -> int:
    """Bytes of memory in use by this process; 0 where that is unknown."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0
