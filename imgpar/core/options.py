"""How a setting is declared: its flag, keyword, recipe key, help, documentation and check follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field
from typing import Any, NamedTuple


class Option(NamedTuple):
    """How one field is given from outside: its text form, its help, the values it knows."""

    parse: Callable[[object], Any]
    """Takes text (flag) or a TOML value (recipe) or a Python value; raises BadValueError."""
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    example: str = ""


def option(
    parse: Callable[[object], Any],
    help: str,  # noqa: A002
    *,
    default: Any = MISSING,
    metavar: str = "",
    choices: tuple[str, ...] = (),
    example: str = "",
) -> Any:
    """A dataclass field with the facts from which its flag, recipe key and docs are made."""
    facts = {"option": Option(parse, help, metavar, choices, example)}
    return field(metadata=facts) if default is MISSING else field(default=default, metadata=facts)
