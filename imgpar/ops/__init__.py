"""Operations: every module of this package that defines an `Operation` of its own name is one; those of other
packages are found by their entry points (`core/plugins`). Neither are imported before one is named, or all
are asked for: those of imgpar take 30 ms.

This room may import numpy, OpenCV and Pillow, and read the files of watermarks and fonts. Modules: `base`
(the interface), one per operation, `plugins`, and `overlay` and `function_digest` as helpers.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from imgpar.core.errors import UsageError
from imgpar.core.options import Option, option
from imgpar.core.plugins import Plugin, find_plugin, plugins_of
from imgpar.ops.base import Operation
from imgpar.ops.plugins import valid_operation

__all__ = [
    "Operation",
    "Option",
    "every_operation",
    "find_operation",
    "is_registered",
    "known_operations",
    "operation_names",
    "operation_types",
    "option",
    "origin_of",
]

_added: dict[str, tuple[Plugin, type[Operation]]] = {}
"""Those of other packages that were named in this process."""
_known: dict[str, type[Operation]] = {}
"""All, since there is one of another package."""


def operation_types() -> dict[str, type[Operation]]:
    """Name → class of every operation in recipes, in alphabetical order: those of imgpar, and those of other
    packages that were named before.

    >>> "resize" in operation_types()
    True
    """
    return _known or _built_in()


def find_operation(name: str) -> type[Operation] | None:
    """The operation of this name; that of another package is loaded. None where there is none.

    Raises:
        UsageError: the package that adds it cannot be used.
    """
    known = _known_operation(name)
    if known is not None or (plugin := find_plugin("operations", name)) is None:
        return known
    global _known
    found = valid_operation(plugin, plugin.load(), operation_types())
    _added[name] = plugin, found
    _known = dict(sorted({**operation_types(), name: found}.items()))  # others may be reading the former one
    return found


def known_operations(names: Iterable[str]) -> dict[str, type[Operation]]:
    """Those of `operation_types` that have one of these names; only their modules are imported.

    >>> sorted(known_operations(["resize", "fit", "quality"]))
    ['resize']
    """
    found = ((name, _known_operation(name)) for name in names)
    return {name: kind for name, kind in found if kind is not None}


def is_registered(kind: type[Operation]) -> bool:
    """Whether a class is one of `operation_types`, and none that was defined elsewhere."""
    return _known_operation(getattr(kind, "name", "")) is kind


def every_operation() -> tuple[dict[str, type[Operation]], tuple[UsageError, ...]]:
    """All operations, those of other packages as well, and why some of these cannot be used."""
    failed = list[UsageError]()
    for name, entries in plugins_of("operations").items():
        if name in _built_in():
            failed += [entry.broken("imgpar has an operation of that name") for entry in entries]
            continue
        try:
            find_operation(name)
        except UsageError as error:
            failed.append(error)
    return operation_types(), tuple(failed)


def operation_names() -> list[str]:
    """The names of all operations, for suggestions; nothing is loaded."""
    return sorted({*operation_types(), *plugins_of("operations")})


def origin_of(kind: type[Operation]) -> Plugin | None:
    """The entry point of an operation of another package."""
    plugin, found = _added.get(getattr(kind, "name", ""), (None, None))
    return plugin if found is kind else None


def _known_operation(name: str) -> type[Operation] | None:
    return _known.get(name) if _known else _in_module(name)


@cache
def _built_in() -> dict[str, type[Operation]]:
    import pkgutil  # not needed in workers

    names = (info.name for info in pkgutil.iter_modules(__path__))
    return {kind.name: kind for name in sorted(names) if (kind := _in_module(name)) is not None}


@cache
def _in_module(name: str) -> type[Operation] | None:
    """The operation that the module of its name defines; None where there is none, as in `base`."""
    if not name.isidentifier() or name.startswith("_"):
        return None
    path = f"{__name__}.{name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name == path:
            return None
        raise
    found = (value for value in vars(module).values() if isinstance(value, type))
    return next(
        (
            kind
            for kind in found
            if issubclass(kind, Operation)
            and vars(kind).get("name") == name
            and kind.__module__ == path
            and kind.portable
        ),
        None,
    )
