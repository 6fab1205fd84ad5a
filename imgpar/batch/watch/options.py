"""Settings of `imgpar watch`, besides those of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imgpar.core import parsing
from imgpar.core.options import Declared, option

ON_DELETE = ("keep", "remove")
WATCH = "watching"
"""Group of flags."""


@dataclass(frozen=True, slots=True)
class WatchOptions(Declared):
    """How inputs are watched, and what happens to them when they are done. None means "not given"."""

    once: bool = option(
        parsing.switch,
        "process the files that are there and settled, then end with the exit code of a run; where there are "
        "none yet, that is success",
        default=False,
        group=WATCH,
        calls="watch",
    )
    settle: float = option(
        parsing.duration,
        "take a file when its size and its time have not changed for this long, and no program has it open "
        "for writing where the system tells (default: 2s)",
        default=2.0,
        metavar="TIME",
        example="10s",
        group=WATCH,
        calls="watch",
    )
    poll: float | None = option(
        parsing.duration,
        "list the inputs every TIME instead of waiting for the system to report changes (default: 30s for "
        "network folders, lists, patterns and addresses)",
        default=None,
        metavar="TIME",
        example="1m",
        group=WATCH,
        calls="watch",
    )
    on_delete: Literal["keep", "remove"] = option(
        parsing.choice(*ON_DELETE),
        "what becomes of the outputs of an input that was deleted or renamed: keep, or remove those that are "
        "unchanged since they were made (default: keep)",
        default="keep",
        choices=ON_DELETE,
        example="remove",
        group=WATCH,
        calls="watch",
    )
    move_done: str | None = option(
        parsing.path,
        "move each input into this folder when its outputs are verified",
        default=None,
        metavar="DIR",
        example="done",
        group=WATCH,
        calls="watch",
    )
    delete_source: bool = option(
        parsing.switch,
        "delete each input when its outputs are decoded, compared and on the disk; any loss is a failure, "
        "and keeps it",
        default=False,
        group=WATCH,
        calls="watch",
    )
    log: str | None = option(
        parsing.path,
        "write the log to this file as well",
        default=None,
        metavar="FILE",
        example="watch.log",
        group=WATCH,
        calls="watch",
    )
    log_size: int = option(
        parsing.file_size,
        "begin a new log file at this size, and number the old ones (default: 10M)",
        default=10_000_000,
        metavar="SIZE",
        example="50M",
        group=WATCH,
        calls="watch",
    )
    log_count: int = option(
        parsing.integer(1, 1000),
        "number of old log files that are kept (default: 5)",
        default=5,
        metavar="N",
        example="10",
        group=WATCH,
        calls="watch",
    )
    status_file: str | None = option(
        parsing.path,
        "write the state of the watch to this file (default: a file in the user's state folder)",
        default=None,
        metavar="FILE.json",
        example="watch.json",
        group=WATCH,
        calls="watch",
    )

    @property
    def leave(self) -> bool:
        """Whether inputs leave their place when they are done."""
        return bool(self.move_done or self.delete_source)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> WatchOptions:
        """Settings from unparsed values; None means "not given".

        >>> WatchOptions.read({"settle": "10s", "poll": None}).settle
        10.0

        Raises:
            BadValueError: a value is invalid.
        """
        known = cls.options()
        values = {name: value for name, value in given.items() if value is not None}
        return cls(**{name: parsing.named(name, known[name].parse, value) for name, value in values.items()})
