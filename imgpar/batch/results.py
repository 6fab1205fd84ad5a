"""The files that a task has written: one output that fails does not lose the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from imgpar.core.errors import HelperKilledError, KeptError
from imgpar.core.job import OutputFile, Target
from imgpar.outputs.commit import take_back
from imgpar.runtime.context import TaskStopped
from imgpar.runtime.failures import failure_of
from imgpar.runtime.protocol import Failed
from imgpar.runtime.stage_times import StageClock


class Written(NamedTuple):
    """Committed files, with losses and notes."""

    files: tuple[OutputFile, ...]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failed | None = None
    """The first output that failed, where others were written."""
    tries: tuple[int, ...] = ()
    """Encodes of each search for a size or a quality."""


class TargetResults:
    """Collects the files of a task.

    Args:
        serial: of the task.
        together: whether all outputs are written or none: in place and with `strict`.
    """

    def __init__(self, serial: int, *, together: bool) -> None:
        self.together = together
        self._serial = serial
        self._made: list[tuple[Target, OutputFile]] = []
        self._lost: list[str] = []
        self._notes: list[str] = []
        self._tries: list[int] = []
        self._errors: list[Exception] = []
        self._failure: Failed | None = None

    @contextmanager
    def attempt(self, targets: Sequence[Target], clock: StageClock) -> Iterator[None]:
        """A block that makes these targets. Where outputs are independent, its failure is kept for `written`
        and execution continues after the block; else the files written so far are removed, and it is raised.

        Args:
            targets: named in the failure.
            clock: it knows the stage that failed.
        """
        try:
            yield
        except (TaskStopped, HelperKilledError):
            raise
        except Exception as error:
            if self.together:
                take_back(self._made)
                raise
            self._errors.append(error)
            names = ", ".join(os.path.basename(target.path) for target in targets)
            if isinstance(error, KeptError):
                self._notes.append(str(error))
            elif self._failure is None:
                failure = failure_of(error, self._serial, clock.stage, ())
                self._failure = failure._replace(message=f"{names}: {failure.message}")
            else:
                self._notes.append(f"{names}: {error}")

    def add(
        self,
        made: Iterable[tuple[Target, OutputFile]],
        lost: Iterable[str] = (),
        notes: Iterable[str] = (),
        tries: int = 0,
    ) -> None:
        """Add committed files, each with its target; losses; notes; and the encodes of a search."""
        self._made += made
        self._lost += lost
        self._notes += notes
        self._tries += [tries] if tries else []

    def written(self) -> Written:
        """The result. Raises the first failure where nothing was written, and KeptError where every target is
        a file that may not be replaced."""
        if not self._made:
            kept = all(isinstance(error, KeptError) for error in self._errors)
            if kept and len(self._errors) > 1:
                raise KeptError(" ".join(self._notes))
            raise next(error for error in self._errors if kept or not isinstance(error, KeptError))
        files = tuple(file for _, file in self._made)
        return Written(files, tuple(self._lost), tuple(self._notes), self._failure, tuple(self._tries))
