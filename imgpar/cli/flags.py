"""Flags of operations, encoder settings and run options, generated from their declarations, and the recipe
built from them.

The flag of an operation adds that operation; the flags of its other fields apply to the last preceding
operation that has such a field. A name that is also an encoder setting means the setting if no such operation
precedes it, or if only the setting accepts the value: `--colour red` after `--watermark-text` is the colour
of the letters, `--colour srgb` a profile.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from imgpar.batch.gather.options import Gathering
from imgpar.batch.run_options import CLUSTER, FILES, NETWORK, RUN, SHARDS, RunOptions
from imgpar.batch.settings import RECIPE_KEYS, load_operations
from imgpar.batch.watch.options import WatchOptions
from imgpar.cli.parsing import Append, FlagAction, Once, Parser, Store
from imgpar.cli.passwords import add_password
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.ops import (
    Operation,
    Option,
    every_operation,
    known_operations,
    operation_types,
    origin_of,
)
from imgpar.outputs.templates import Naming

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe


Group = argparse._ArgumentGroup
TITLES = {
    FILES: "files",
    SHARDS: "shards for machine learning",
    RUN: "the run",
    NETWORK: "the network",
    CLUSTER: "the cluster",
}
"""Headings of `--help`."""


class FlagUse(NamedTuple):
    """One use of a flag on the command line."""

    name: str
    label: str
    value: Any


class Collect(FlagAction):
    """Append the flag to `steps`, which keeps the order."""

    def use(self, namespace: argparse.Namespace, label: str, value: Any) -> None:
        step = FlagUse(self.dest, label, True if self.nargs == 0 else value)
        namespace.steps = [*(namespace.steps or ()), step]


@dataclass
class _Draft:
    """An operation whose modifiers are still being parsed."""

    step: FlagUse
    fields: dict[str, Any] = field(default_factory=dict)


def flag(name: str) -> str:
    """The flag of an operation or a field.

    >>> flag("watermark_text")
    '--watermark-text'
    """
    return "--" + name.replace("_", "-")


def modifiers(kinds: Mapping[str, type[Operation]] | None = None) -> dict[str, list[str]]:
    """Field name → the operations that have it, without the primary fields.

    Args:
        kinds: the operations; None is all.
    """
    owners: dict[str, list[str]] = {}
    for name, kind in (operation_types() if kinds is None else kinds).items():
        for field_name in list(kind.options())[1:]:
            owners.setdefault(field_name, []).append(name)
    return owners


def add_operations(
    parser: Parser,
    taken: Collection[str] = RECIPE_KEYS,
    besides: Collection[str] = (),
    *,
    extracting: bool = False,
    named: Collection[str] | None = None,
) -> None:
    """Add a flag for every operation and every field to one group, except fields that share the name of a
    setting in `taken`, which `add_settings` adds, with `extracting` `add_extraction`, and of another flag of
    the command (`besides`). With `named` only operations of these names are added."""
    group = parser.add_argument_group("operations, in the order given")
    settings = EncodeOptions.options() | (Extraction.options() if extracting else {})
    elsewhere = {*besides, *(settings.keys() & taken)}

    def add(kinds: Mapping[str, type[Operation]], added: Collection[str] = ()) -> None:
        for name, kind in kinds.items():
            if name not in added:
                _add(group, name, next(iter(kind.options().values()), None), _summary(kind))
        for name, owners in modifiers(kinds).items():
            if name not in elsewhere and name not in added:
                _add(group, name, kinds[owners[0]].options()[name], argparse.SUPPRESS)

    def add_unknown(names: Sequence[str]) -> None:
        before = {*operation_types(), *modifiers()}
        if names:
            load_operations(names)
        else:
            every_operation()
        add(operation_types(), before)

    if named is not None:
        add(known_operations(named))
        return
    add(operation_types())
    parser.add_unknown = add_unknown


def _summary(kind: type[Operation]) -> str:
    """The help of an operation."""
    text = kind.summary.rstrip(".")
    if others := list(kind.options())[1:]:
        text += f" (modifiers: {', '.join(map(flag, others))})"
    plugin = origin_of(kind)
    return f"{text} [{plugin.package}]" if plugin else text


def add_settings(
    parser: argparse.ArgumentParser,
    taken: Collection[str] = RECIPE_KEYS,
    named: Collection[str] | None = None,
) -> None:
    """Add a flag for every encoder setting in `taken`; with `named` only these operations are asked for
    fields of the same names, for the help."""
    group = parser.add_argument_group("settings of the output")
    owners = modifiers(None if named is None else known_operations(named))
    for name, option in EncodeOptions.options().items():
        if name not in taken:
            continue
        text = option.help
        if name in owners:
            text += f"; after {', '.join(map(flag, owners[name]))} it modifies that operation, if valid there"
        _add(group, name, option, text)


def add_naming(group: Group) -> None:
    """Add a flag for everything that decides which files are made and how they are named."""
    for name, option in Naming.options().items():
        _add(group, name, option, option.help)


def add_extraction(group: Group) -> None:
    """Add a flag for everything that can be extracted from clips."""
    for name, option in Extraction.options().items():
        _add(group, name, option, option.help)


def add_run_options(parser: argparse.ArgumentParser, call: str, **groups: Group) -> None:
    """Add the flags of all run options that a command accepts.

    Args:
        parser: the parser of the command.
        call: the name of the command in the declarations.
        groups: existing groups by their declared heading (FILES, RUN); missing ones are created.
    """
    for name, option in RunOptions.options().items():
        if call in option.calls:
            if option.group not in groups:
                groups[option.group] = parser.add_argument_group(TITLES[option.group])
            default = RunOptions.__dataclass_fields__[name].default
            _add_plain_option(groups[option.group].add_argument, name, option, default)


def add_watch_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a watch."""
    group = parser.add_argument_group("watching")
    for name, option in WatchOptions.options().items():
        _add_plain_option(group.add_argument, name, option, WatchOptions.__dataclass_fields__[name].default)


def add_gather_options(parser: argparse.ArgumentParser, call: str) -> None:
    """Add the flags of what is made of all inputs together."""
    group = parser.add_argument_group("the file")
    for name, option in Gathering.options().items():
        if call in option.calls:
            metavar = option.metavar or "|".join(option.choices)
            group.add_argument(
                flag(name), dest=name, action=Store, parse=option.parse, metavar=metavar, help=option.help,
                known=option.choices,
            )  # fmt: skip


def _add_plain_option(add: Callable[..., Any], name: str, option: Option, default: Any) -> None:
    names = [option.short, flag(name)] if option.short else [flag(name)]
    text = option.help.replace("%", "%%")
    if name == "password":
        add_password(add, text)
    elif option.parse is parsing.switch and default is True:
        add(f"--no-{flag(name)[2:]}", dest=name, action="store_false", default=True, help=f"do not {text}")
    elif option.parse is parsing.switch:
        add(*names, dest=name, action="store_true", default=default, help=text)
        if default is None:
            refused = f"--no-{flag(name)[2:]}"
            add(refused, dest=name, action="store_false", default=None, help=f"never {flag(name)}")
    else:
        action = Append if option.repeats else Once if option.parse is parsing.path else Store
        parse = {} if action is Once else {"parse": option.parse}
        metavar = option.metavar or "|".join(option.choices)
        more = {"known": option.choices, **parse}
        add(*names, dest=name, action=action, default=default, metavar=metavar, help=text, **more)
    if name == "on_exists":
        add("-y", dest=name, action="store_const", const="overwrite", help="short for --on-exists overwrite")


def _add(group: Group, name: str, option: Option | None, text: str) -> None:
    about = option.help if option else ""
    if option is None or option.parse is parsing.switch:
        group.add_argument(
            flag(name), dest=name, action=Collect, nargs=0, default=argparse.SUPPRESS, help=text, about=about
        )
        return
    metavar = option.metavar or "|".join(option.choices) or name.upper()
    text = text.replace("%", "%%")
    group.add_argument(
        flag(name), dest=name, action=Collect, metavar=metavar, default=argparse.SUPPRESS, help=text,
        known=partial(_values_of, name, option), about=about,
    )  # fmt: skip


def _values_of(name: str, option: Option) -> tuple[str, ...]:
    """The values of a flag; one that several operations share takes those of all."""
    shared = [operation_types()[owner].options()[name].choices for owner in modifiers().get(name, ())]
    return tuple(dict.fromkeys([*option.choices, *(choice for choices in shared for choice in choices)]))


def build_recipe(steps: Iterable[FlagUse], base: Recipe, *, extracting: bool = False) -> Recipe:
    """`base` with the operations of the flags appended and their settings applied.

    With `extracting`, flags may also say what is extracted from clips.

    Raises UsageError for a modifier without its operation, BadValueError for an invalid value.
    """
    from imgpar.recipe.tables import check_together, make_operation

    steps = tuple(steps)
    kinds = known_operations(step.name for step in steps)
    drafts: list[_Draft] = []
    settings: dict[str, Any] = {}
    extract: dict[str, Any] = {}
    naming: dict[str, Any] = {}
    for step in steps:
        if (option := Naming.options().get(step.name)) is not None:
            naming[step.name] = parsing.named(step.label, option.parse, step.value)
        elif not _placed(step, kinds, drafts, settings, extract if extracting else None):
            names = " or ".join(map(flag, modifiers().get(step.name, [])))
            raise UsageError(
                f"{step.label} modifies a preceding operation, but no {names} precedes it.",
                fix=f"Put {names} before it.",
            )
    for draft in drafts:
        operation = make_operation(draft.step.name, draft.step.value, label=draft.step.label, **draft.fields)
        base = base.then(operation)
    if not (settings or extract or naming):
        return base
    check_together(settings, flag)
    encode, extracted = base.encode.changed(settings), replace(base.extract, **extract)
    return replace(base, encode=encode, extract=extracted, naming=replace(base.naming, **naming))


def _placed(
    step: FlagUse,
    kinds: Mapping[str, type[Operation]],
    drafts: list[_Draft],
    settings: dict[str, Any],
    extract: dict[str, Any] | None,
) -> bool:
    """Classify the flag as an operation, a modifier or a setting; False where it is none of them.

    Args:
        step: the flag.
        kinds: the operations among all flags that are given.
        drafts: the operations so far; appended to, or the last one with such a field is modified.
        settings: settings of the encoders, added to.
        extract: what is extracted from clips, added to; None where nothing can be.
    """
    from imgpar.recipe.tables import is_setting

    if step.name in kinds:
        drafts.append(_Draft(step))
        return True
    owners = modifiers(kinds).get(step.name, [])
    owner = next((draft for draft in reversed(drafts) if draft.step.name in owners), None)
    option = kinds[owner.step.name].options()[step.name] if owner else None
    extraction = Extraction.options().get(step.name) if extract is not None else None
    if owner and option and not is_setting(step.name, step.value, option):
        owner.fields[step.name] = parsing.named(step.label, option.parse, step.value)
    elif extraction is not None and extract is not None:
        extract[step.name] = parsing.named(step.label, extraction.parse, step.value)
    elif step.name in EncodeOptions.options():
        option = EncodeOptions.options()[step.name]
        value = parsing.named(step.label, option.parse, step.value)
        settings[step.name] = (
            settings[step.name] | value if option.repeats and step.name in settings else value
        )
    else:
        return False
    return True
