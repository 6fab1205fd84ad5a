"""Checks of packages that extend imgpar, for `imgpar doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from imgpar.api.stubs import stale_stubs
from imgpar.cli.check import Check
from imgpar.core.errors import UsageError
from imgpar.core.plugins import KINDS, Plugin, find_plugin, plugins_of
from imgpar.formats.registry import FORMATS, added
from imgpar.inputs import schemes
from imgpar.ops import find_operation, operation_types, origin_of
from imgpar.outputs import sinks


def check_plugins() -> Iterator[Check]:
    """One check for each package that can be used, and one for each part that cannot."""
    usable: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS:
        for name, entries in plugins_of(kind).items():
            for entry in entries:
                problem = _problem(entry)
                if problem:
                    yield Check("warn", entry.package, problem.message, problem.fix)
                else:
                    what = f"{kind.removesuffix('s')} {name}"
                    usable.setdefault((entry.package, entry.version), []).append(what)
    for (package, version), parts in usable.items():
        yield Check("ok", package, f"{version} ({', '.join(parts)})")
    if place := stale_stubs():
        yield Check("warn", "stubs", f"{place} were written by another version", "imgpar stubs")


def _problem(plugin: Plugin) -> UsageError | None:
    """Why a part of a package cannot be used; None where it can."""
    if plugin.name in _names_of_imgpar(plugin.kind):
        return plugin.broken("imgpar has one of that name")
    try:
        if plugin.kind == "operations":
            find_operation(plugin.name)
        elif plugin.kind == "formats":
            return added().failed.get(plugin.name)
        elif find_plugin(plugin.kind, plugin.name):  # refuses one of two packages
            plugin.load()
    except UsageError as error:
        return error
    return None


def _names_of_imgpar(kind: str) -> set[str]:
    """Names that a part of this kind cannot have."""
    if kind == "operations":
        return {name for name, known in operation_types().items() if not origin_of(known)}
    if kind == "formats":
        return {*FORMATS}
    return {*schemes.SINGLE, *schemes.SCHEMES} if kind == "sources" else {*sinks.SCHEMES}
