"""Declaration of a setting, from which its flag, keyword, recipe key, help, documentation and check
follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field
from typing import Any, ClassVar, NamedTuple

Matters = Callable[[Any, Any], bool]
"""Whether a setting can change what becomes of a file, by the formats of the input (None is any) and of the
output."""


class Option(NamedTuple):
    """One setting, as its declaration says."""

    parse: Callable[[object], Any]
    """Takes text (flag), a TOML value (recipe) or a Python value; raises BadValueError."""
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    example: str = ""
    calls: frozenset[str] = frozenset()
    """The public calls and commands that take it; see `batch.settings`."""
    group: str = ""
    """The heading of its flag in `--help`."""
    short: str = ""
    """A flag of one letter."""
    repeats: bool = False
    """Whether the flag may be given several times, each adding to the others."""
    of_workers: bool = False
    """Whether it is fixed when workers are started, so that a run in a session cannot choose it."""
    matters: Matters | None = None
    """None asks the format of the output (`Format.takes`)."""


def option(
    parse: Callable[[object], Any],
    help: str,  # noqa: A002
    *,
    default: Any = MISSING,
    calls: str = "",
    **facts: Any,
) -> Any:
    """A dataclass field that is a setting.

    Args:
        parse: reads and checks a value; raises BadValueError.
        help: one sentence without a full stop, for `--help` and the documentation.
        default: of the field; without it a value has to be given.
        calls: names of the calls that take it, separated by spaces.
        facts: the other fields of `Option`.
    """
    metadata = {"option": Option(parse, help, calls=frozenset(calls.split()), **facts)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


_OPTIONS: dict[type, dict[str, Option]] = {}
"""By class: they are asked for several times per picture."""


class Declared:
    """A dataclass whose fields are settings."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Name of a field → its declaration, in order; not to be changed."""
        known = _OPTIONS.get(cls)
        if known is None:
            known = _OPTIONS[cls] = {
                name: fact.metadata["option"]
                for name, fact in cls.__dataclass_fields__.items()
                if "option" in fact.metadata
            }
        return known
