"""One line of what `imgpar doctor` answers."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Check(NamedTuple):
    """What was looked at and found. `off` is a package that is optional and not there: nothing is wrong."""

    status: Literal["ok", "warn", "fail", "off"]
    name: str
    text: str
    fix: str = ""
