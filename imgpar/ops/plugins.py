"""Operations of other packages: which names they may have, and whether they are what they have to be."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from imgpar.core.plugins import Plugin
from imgpar.ops.base import Operation

_NAMES: set[str] = set()
_FIELDS: set[str] = set()


def reserve_names(names: Iterable[str], *, fields: bool = False) -> None:
    """Take names from operations of other packages: those of settings and methods, which would have two
    meanings.

    Args:
        names: of settings or methods.
        fields: whether a field of an operation cannot be called so either.
    """
    names = set(names)
    _NAMES.update(names)
    if fields:
        _FIELDS.update(names)


def valid_operation(plugin: Plugin, found: Any, others: Iterable[str]) -> type[Operation]:
    """What a plugin has loaded, as an operation.

    Args:
        plugin: the entry point.
        found: what it names.
        others: names of the known operations.

    Raises:
        UsageError: it is no operation, or has a name that is taken.
    """
    if not (isinstance(found, type) and issubclass(found, Operation)):
        raise plugin.broken(f"{plugin.target} is no class that derives from imgpar.plugin.Operation")
    if problem := problem_of(plugin.name, found, others):
        raise plugin.broken(problem)
    return found


def problem_of(name: str, kind: type[Operation], others: Iterable[str]) -> str:
    """Why a class cannot be the operation of another package, as a part of a sentence; empty where it can.

    Args:
        name: of its entry point.
        kind: the class.
        others: names of the known operations.
    """
    own = vars(kind).get("name")
    if own != name:
        return f"its class {kind.__name__} has the name {own!r}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return "its name is not of small letters, digits and _"
    if name in _NAMES:
        return f"that is the name of a setting or method of imgpar, so {name} needs another name"
    if not (isinstance(getattr(kind, "summary", None), str) and kind.summary):
        return f"its class {kind.__name__} has no summary"
    made: Any = vars(kind).get("__dataclass_params__")
    if made is None or not made.frozen:
        return f"its class {kind.__name__} is no frozen dataclass"
    names = {field.name for field in dataclasses.fields(kind)}
    if plain := names - kind.options().keys():
        return f"its field {min(plain)} is not declared with option(...)"
    if taken := names & _FIELDS:
        return f"its field {min(taken)} has the name of a setting of imgpar, so it needs another name"
    if taken := names & {*others, name}:
        return f"its field {min(taken)} has the name of an operation, so it needs another name"
    if kind.apply is Operation.apply and kind.settled is Operation.settled:
        return f"its class {kind.__name__} has neither apply nor settled"
    return ""
