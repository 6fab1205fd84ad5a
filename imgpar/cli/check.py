"""One line of the output of `imgpar doctor`."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Check(NamedTuple):
    """The result of one check. `off` is an optional package that is not installed."""

    status: Literal["ok", "warn", "fail", "off"]
    name: str
    text: str
    fix: str = ""
