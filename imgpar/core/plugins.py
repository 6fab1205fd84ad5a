"""What other packages add, found by their entry points and loaded when it is named.

    [project.entry-points."imgpar.operations"]
    solarise = "imgpar_plugin:Solarise"

`KINDS` are the groups. Nothing is looked for until a name is met that imgpar itself does not
have, and of what is found only the module with that name is imported; those of formats are imported together,
as their suffixes and signatures stand in them. A package that cannot be used is an error of the call that
names what it adds, and of no other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from imgpar.core.addresses import scheme_of
from imgpar.core.errors import ImgparError, UsageError, raised_words

API = 1
"""The interface of this version. It is raised when plugins have to be changed, not when it is extended."""
KINDS = ("operations", "formats", "sources", "sinks")
"""The groups of entry points, without `imgpar.`."""


class Plugin(NamedTuple):
    """One entry point."""

    kind: str
    """One of `KINDS`."""
    name: str
    """Of the operation or format; the scheme of a source or sink."""
    package: str
    """Name for pip."""
    version: str
    target: str
    """`module:attribute`."""

    def load(self) -> Any:
        """Import what it names.

        Raises:
            UsageError: it cannot be imported, or was written for another version of the interface.
        """
        name, _, attribute = self.target.partition(":")
        try:
            module = import_module(name)
        except (Exception, SystemExit) as error:
            raise self.broken(f"its module {name} cannot be imported: {_words(error)}") from error
        api = getattr(module, "IMGPAR_API", None)
        if api is None:
            raise self.broken(f"{name} does not say for which interface it was written (IMGPAR_API = {API})")
        if type(api) is not int:
            raise self.broken(f"{name} has IMGPAR_API = {api!r}, which is not a whole number such as {API}")
        if api != API:
            raise self.broken(f"{name} was written for interface {api}, and this version has {API}")
        try:
            value: Any = module
            for part in attribute.split("."):
                value = getattr(value, part)
        except AttributeError:
            raise self.broken(f"{name} has no {attribute or 'attribute named'}") from None
        return value

    def broken(self, why: str) -> UsageError:
        """The error for what cannot be used; `why` is the part of a sentence."""
        return UsageError(
            f"{self.shown} is of the package {self.package} {self.version}, which cannot be used: {why}.",
            fix=f"Update the package, or remove it: pip uninstall {self.package}",
        )

    @property
    def shown(self) -> str:
        """What it is, as the begin of a sentence."""
        return f"The {self.kind.removesuffix('s')} {self.name}"


def plugins_of(kind: str) -> Mapping[str, tuple[Plugin, ...]]:
    """What the installed packages add, by name: usually one each.

    Args:
        kind: one of `KINDS`.
    """
    return _found(tuple(sys.path)).get(kind, {})


def find_plugin(kind: str, name: str) -> Plugin | None:
    """The entry point of this name; None where no package has it.

    Raises:
        UsageError: two packages have it.
    """
    found = plugins_of(kind).get(name, ())
    if len(found) > 1:
        names = " and ".join(sorted(plugin.package for plugin in found))
        raise UsageError(f"{found[0].shown} is added by two packages, {names}.", fix="Remove one of them.")
    return found[0] if found else None


def for_address(kind: str, address: str, members: Sequence[str], *more: object) -> Any:
    """The source or sink of another package for an address; None where none has its scheme.

    Args:
        kind: "sources" or "sinks".
        address: as the user wrote it, the first argument of the class.
        members: what an instance has to have.
        more: further arguments of the class.

    Raises:
        UsageError: the package that adds it cannot be used.
        ImgparError: what the class says about the address.
    """
    if (plugin := find_plugin(kind, scheme_of(address))) is None:
        return None
    made_by = plugin.load()
    try:
        made = made_by(address, *more)
    except ImgparError:
        raise
    except (Exception, SystemExit) as error:
        raise plugin.broken(f"{plugin.target} cannot be called with an address: {_words(error)}") from error
    if absent := [name for name in members if not hasattr(made, name)]:
        raise plugin.broken(f"what {plugin.target} makes has no {', '.join(absent)}")
    return made


def unmet(requirements: Iterable[str]) -> list[str]:
    """The requirements, `NAME` or `NAME>=VERSION`, that no installed package meets."""
    from importlib import metadata

    found = []
    for requirement in requirements:
        name, _, least = requirement.partition(">=")
        try:
            version = metadata.version(name.strip())
        except metadata.PackageNotFoundError:
            found.append(requirement)
            continue
        if _release(version) < _release(least):
            found.append(requirement)
    return found


def _release(version: str) -> tuple[int, ...]:
    """The numbers at the begin of a version, without zeros at its end."""
    numbers = list[int]()
    for part in version.strip().split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


@cache
def _found(path: Sequence[str]) -> dict[str, dict[str, tuple[Plugin, ...]]]:
    """All entry points of our groups by kind and name; `path` is what Python searches."""
    found: dict[str, dict[str, tuple[Plugin, ...]]] = {}
    if not _mentioned(path):
        return found
    from importlib import metadata

    every = metadata.entry_points()
    for kind in KINDS:
        names = found[kind] = dict[str, tuple[Plugin, ...]]()
        for entry in every.select(group=f"imgpar.{kind}"):
            if (dist := entry.dist) is not None:
                plugin = Plugin(kind, entry.name, dist.name, dist.version, entry.value)
                names[entry.name] = (*names.get(entry.name, ()), plugin)
    return found


def _mentioned(path: Sequence[str]) -> bool:
    """Whether an installed package may have entry points of our groups. Importing `importlib.metadata` takes
    ten times as long as this."""
    for folder in path:
        try:
            with os.scandir(folder or ".") as entries:
                infos = [one.path for one in entries if one.name.endswith((".dist-info", ".egg-info"))]
        except NotADirectoryError:  # an archive of modules
            return True
        except OSError:
            continue
        if any(map(_names_a_group, infos)):
            return True
    return False


def _names_a_group(folder: str) -> bool:
    try:
        with open(os.path.join(folder, "entry_points.txt"), "rb") as file:
            return b"[imgpar." in file.read()
    except OSError:
        return False


def _words(error: BaseException) -> str:
    """An exception as a part of a sentence."""
    return " ".join(raised_words(error).split())
