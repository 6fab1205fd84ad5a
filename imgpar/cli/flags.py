"""The flags of operations and settings, made from their fields, and the recipe that they spell.

An operation's flag starts that operation; the flags of its other fields belong to the last operation
before them that has such a field. A name that is a setting too is the setting where no such operation
came before it, or where only the setting takes the value: `--colour red` after `--watermark-text` is
that of the letters, `--colour srgb` a profile.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from imgpar.batch.settings import RECIPE_KEYS
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Option, operation_types

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe


class FlagUse(NamedTuple):
    """One flag as it was written."""

    name: str
    label: str
    value: Any


class Collect(argparse.Action):
    """Append the flag to `steps`, because the order counts."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        value: Any,
        option_string: str | None = None,
    ) -> None:
        """Called by argparse for each use of the flag."""
        step = FlagUse(self.dest, option_string or self.dest, True if self.nargs == 0 else value)
        namespace.steps = [*(namespace.steps or ()), step]


@dataclass
class _Draft:
    """An operation while its modifiers are still being read."""

    step: FlagUse
    fields: dict[str, Any] = field(default_factory=dict)


def flag(name: str) -> str:
    """The flag of an operation or a field.

    >>> flag("watermark_text")
    '--watermark-text'
    """
    return "--" + name.replace("_", "-")


def modifiers() -> dict[str, list[str]]:
    """Field name → the operations that have it, for all fields that are not the value of a flag itself."""
    owners: dict[str, list[str]] = {}
    for name, kind in operation_types().items():
        for field_name in list(kind.options())[1:]:
            owners.setdefault(field_name, []).append(name)
    return owners


def add_operations(parser: argparse.ArgumentParser, taken: Collection[str] = RECIPE_KEYS) -> None:
    """Add a flag for every operation and every field, under one heading; not for fields with the name of a
    setting, when that is `taken`, as `add_settings` adds it."""
    group = parser.add_argument_group("operations, in the order given")
    for name, kind in operation_types().items():
        options = kind.options()
        primary = next(iter(options.values()), None)
        text = kind.summary.rstrip(".")
        if len(options) > 1:
            text += f" (then: {', '.join(flag(other) for other in list(options)[1:])})"
        _add(group, name, primary, text)
    settings = EncodeOptions.options()
    for name, owners in modifiers().items():
        if name not in settings or name not in taken:
            _add(group, name, operation_types()[owners[0]].options()[name], argparse.SUPPRESS)


def add_settings(parser: argparse.ArgumentParser, taken: Collection[str] = RECIPE_KEYS) -> None:
    """Add a flag for every setting of the encoders, or for those that a command takes."""
    group = parser.add_argument_group("settings of the output")
    owners = modifiers()
    for name, option in EncodeOptions.options().items():
        if name not in taken:
            continue
        text = option.help
        if name in owners:
            text += f"; after {', '.join(map(flag, owners[name]))} it is that operation's, if it fits there"
        _add(group, name, option, text)


def _add(group: argparse._ArgumentGroup, name: str, option: Option | None, text: str) -> None:
    if option is None or option.parse is parsing.switch:
        group.add_argument(
            flag(name), dest=name, action=Collect, nargs=0, default=argparse.SUPPRESS, help=text
        )
        return
    metavar = option.metavar or "|".join(option.choices) or name.upper()
    text = text.replace("%", "%%")
    group.add_argument(
        flag(name), dest=name, action=Collect, metavar=metavar, default=argparse.SUPPRESS, help=text
    )


def build_recipe(steps: Iterable[FlagUse], base: Recipe) -> Recipe:
    """`base` with the operations and settings of the flags after its own.

    Raises UsageError for a modifier without its operation, BadValueError for a wrong value.
    """
    from imgpar.recipe.recipe import make_operation

    drafts: list[_Draft] = []
    settings: dict[str, Any] = {}
    for step in steps:
        _place(step, drafts, settings)
    for draft in drafts:
        operation = make_operation(draft.step.name, draft.step.value, label=draft.step.label, **draft.fields)
        base = base.then(operation)
    return replace(base, encode=replace(base.encode, **settings)) if settings else base


def _place(step: FlagUse, drafts: list[_Draft], settings: dict[str, Any]) -> None:
    """Decide whether the flag is an operation, a modifier or a setting."""
    from imgpar.recipe.recipe import is_setting

    kinds = operation_types()
    if step.name in kinds:
        drafts.append(_Draft(step))
        return
    owners = modifiers().get(step.name, [])
    owner = next((draft for draft in reversed(drafts) if draft.step.name in owners), None)
    option = kinds[owner.step.name].options()[step.name] if owner else None
    if owner and option and not is_setting(step.name, step.value, option):
        owner.fields[step.name] = parsing.named(step.label, option.parse, step.value)
    elif step.name in EncodeOptions.options():
        option = EncodeOptions.options()[step.name]
        settings[step.name] = parsing.named(step.label, option.parse, step.value)
    else:
        names = " or ".join(map(flag, owners))
        raise UsageError(
            f"{step.label} changes an operation before it, but no {names} comes before it.",
            fix=f"Write {names} first.",
        )
