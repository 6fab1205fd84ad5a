"""Declaration of a setting, from which its flag, keyword, recipe key, help, documentation and check
follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field
from typing import Any, NamedTuple


class Option(NamedTuple):
    """How one field is given from outside: parser, help and choices."""

    parse: Callable[[object], Any]
    """Takes text (flag), a TOML value (recipe) or a Python value; raises BadValueError."""
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
    """A dataclass field with the data from which its flag, recipe key and documentation are made.

    Args:
        parse: takes text, a TOML value or a Python value; raises BadValueError.
        help: one sentence.
        default: of the field; none makes it required.
        metavar: name of the value in the help.
        choices: valid values, if they are fixed.
        example: a value for the documentation.
    """
    facts = {"option": Option(parse, help, metavar, choices, example)}
    return field(metadata=facts) if default is MISSING else field(default=default, metadata=facts)
