"""Operations: every module of this package that defines an `Operation` is one, found by its file name; those
of other packages are found by their entry points (`core/plugins`).

This room may import numpy, OpenCV and Pillow, and read the files of watermarks and fonts. Modules: `base`
(the interface), one per operation, `plugins`, and `overlay` and `function_digest` as helpers.
"""

from __future__ import annotations

import importlib
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
    known = operation_types().get(name)
    if known is not None or (plugin := find_plugin("operations", name)) is None:
        return known
    global _known
    found = valid_operation(plugin, plugin.load(), operation_types())
    _added[name] = plugin, found
    _known = dict(sorted({**operation_types(), name: found}.items()))  # others may be reading the former one
    return found


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


@cache
def _built_in() -> dict[str, type[Operation]]:
    import pkgutil  # not needed in workers

    found: dict[str, type[Operation]] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Operation)
                and value.__module__ == module.__name__
                and "name" in vars(value)
                and value.portable
            ):
                found[value.name] = value
    return dict(sorted(found.items()))
