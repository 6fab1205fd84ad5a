"""Operations and settings by name: from flags, keywords and tables of TOML, and back."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from imgpar.core import parsing
from imgpar.core.error_messages import bad_value, suggested
from imgpar.core.errors import BadValueError, UsageError
from imgpar.formats.metadata.fields import NewFields
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation, Option, find_operation, operation_names, operation_types


def make_operation(
    name: str, value: object = None, /, *, label: str = "", where: str = "", **given: object
) -> Operation:
    """Create an operation from its name, its primary value and further fields, as text or Python values.

    Used for flags, recipes and Python methods. Errors name the value `label` (the flag as written; default:
    the name) and append `where` (" in x.toml") to every name. True means the default of the primary field,
    None means "not given".

    >>> make_operation("blur", "2.5")
    Blur(sigma=2.5)
    """
    kind = find_operation(name)
    if kind is None:
        raise unknown_name("operation", name, name + where, operation_names())
    options = kind.options()
    primary = next(iter(options), "")
    label = (label or name) + where
    if not primary:
        if value is not None and not parsing.named(label, parsing.switch, value):
            raise bad_value(label, "true (or nothing)", value)
    elif value is not None and value is not True:
        if given.get(primary) is not None:
            raise UsageError(f"{label} is given twice, as its value and as {primary}.", fix="Leave one out.")
        given = {**given, primary: value}
    elif given.get(primary) is None and primary in _required(kind):
        raise BadValueError(f"{label} needs a value.", fix=f"An example is {options[primary].example!r}.")
    made = {}
    for key, raw in given.items():
        if key not in options:
            raise unknown_name("field", key, f"{key} of {label}", options)
        if raw is not None:
            made[key] = parsing.named(label if key == primary else key + where, options[key].parse, raw)
    return kind(**made)


def is_setting(name: str, value: object, field: Option) -> bool:
    """Whether a name that is both a field of the preceding operation and a setting means the setting: if only
    the setting accepts the value.

    >>> letters = operation_types()["watermark_text"].options()["colour"]
    >>> is_setting("colour", "red", letters), is_setting("colour", "srgb", letters)
    (False, True)
    """
    setting = EncodeOptions.options().get(name)
    if setting is None or value is None or _takes(field, value):
        return False
    return _takes(setting, value)


def _takes(option: Option, value: object) -> bool:
    try:
        option.parse(value)
    except BadValueError:
        return False
    return True


@parsing.accepts("str | Sequence[str]")
def parse_formats(value: object) -> tuple[str, ...]:
    """Format names from a list or comma-separated text, in lower case and without dots.

    >>> parse_formats("WebP, .mp4")
    ('webp', 'mp4')
    """
    names = value.split(",") if isinstance(value, str) else value
    if isinstance(names, Sequence) and all(isinstance(name, str) and name.strip(" .") for name in names):
        return tuple(dict.fromkeys(name.strip().removeprefix(".").lower() for name in names))
    raise bad_value(parsing.VALUE, "format names such as webp or webp,mp4", value)


def settings_from(
    given: Mapping[str, object],
    label: Callable[[str], str],
    others: Sequence[str] = (),
    declared: Mapping[str, Option] | None = None,
) -> dict[str, Any]:
    """The parsed values of `to` and of settings of the encoders, without those that are None ("not given").

    Args:
        given: values by key, as text or as Python values.
        label: names a key in errors.
        others: keys that are valid in the same table and are not read here.
        declared: the settings; None is those of the encoders.

    Raises:
        UsageError: a key is unknown.
        BadValueError: a value is invalid.
    """
    options = EncodeOptions.options() if declared is None else declared
    found = dict[str, Any]()
    for key, value in given.items():
        if value is None:
            continue
        if key != "to" and key not in options:
            raise unknown_name("key", key, label(key), ["to", *others, *options])
        found[key] = parsing.named(label(key), parse_formats if key == "to" else options[key].parse, value)
    check_together(found, label)
    return found


def check_together(given: Collection[str], label: Callable[[str], str] = str) -> None:
    """Refuse two settings that say the same in one place; raises UsageError."""
    if "metadata" in given and "strip" in given:
        raise UsageError(
            f"{label('metadata')} and {label('strip')} exclude each other.", fix="Leave one out."
        )


def tables_in(value: object, name: str, where: str) -> list[Mapping[str, Any]]:
    """The tables of an array of tables; raises BadValueError for anything else."""
    if not isinstance(value, list) or not all(isinstance(table, Mapping) for table in value):
        raise bad_value(f"{name} in {where}", f"[[{name}]] tables", value)
    return value


def operations_from(value: object, where: str, folder: str | os.PathLike[str] = "") -> tuple[Operation, ...]:
    """The operations of [[operations]] tables.

    Args:
        value: as parsed from TOML.
        where: names the tables in errors.
        folder: relative file names are resolved in it.

    Raises:
        UsageError: there is no such operation, or a value is invalid.
    """
    tables = tables_in(value, "operations", where)
    return tuple(
        operation_from(table, f"operation {n} of {where}", folder) for n, table in enumerate(tables, 1)
    )


def unknown_operations(value: object) -> list[str]:
    """What stands first in [[operations]] tables without the name of a known operation."""
    tables = value if isinstance(value, list) else []
    return [
        str(next(iter(table)))
        for table in tables
        if isinstance(table, Mapping) and table and not table.keys() & operation_types().keys()
    ]


def operation_from(table: Mapping[str, Any], where: str, folder: str | os.PathLike[str]) -> Operation:
    """The operation of one [[operations]] table."""
    kinds = operation_types()
    names = [key for key in table if key in kinds] or [key for key in table if find_operation(key)]
    if len(names) > 1:
        both = " and ".join(names)
        raise UsageError(
            f"There are two operations in {where}: {both}.", fix="Write an [[operations]] table for each."
        )
    if not names:
        known = operation_names()
        near = next(filter(None, (suggested(key, known) for key in table)), "")
        fix = f"Did you mean {near!r}?" if near else "Known are " + ", ".join(known) + "."
        raise UsageError(f"There is no operation's name in {where}.", fix=fix)
    name = names[0]
    options = operation_types()[name].options()
    primary = next(iter(options), "")
    fields = {key: value for key, value in table.items() if key != name}
    for key, option in options.items():
        written = name if key == primary else key
        if option.metavar == "FILE" and folder and isinstance(table.get(written), str) and table[written]:
            # Relative to the folder of the recipe, not to the current folder.
            fields[key] = os.path.join(folder, table[written])
    value = True if primary in fields else table[name]
    return make_operation(name, value, where=f" in {where}", **fields)


def table_of(operation: Operation) -> dict[str, Any]:
    """An operation as the TOML values of its table."""
    if not operation.portable:
        raise UsageError(
            "A recipe with a Python function cannot be written to a file.",
            fix=f"Leave out {operation.name}, or use the recipe in Python.",
        )
    if find_operation(operation.name) is not type(operation):
        raise UsageError(
            f"A recipe with {operation.name} cannot be written to a file: it is of no installed package.",
            fix="Declare an entry point for it, or use the recipe in Python.",
        )
    options = operation.options()
    primary = next(iter(options), "")
    fields = fields_of(operation, options)
    head = fields.pop(primary, plain(getattr(operation, primary))) if primary else True
    return {operation.name: head, **fields}


def fields_of(owner: Any, options: Mapping[str, Option]) -> dict[str, Any]:
    """The fields that differ from their defaults as TOML values, without None."""
    return {
        name: plain(value)
        for name, value, is_default in values_of(owner, options)
        if value is not None and not is_default
    }


def values_of(owner: Any, options: Mapping[str, Option]) -> Iterator[tuple[str, Any, bool]]:
    """Name and value of each field, and whether that is its default."""
    defaults = {field.name: field.default for field in dataclasses.fields(owner)}
    for name in options:
        value = getattr(owner, name)
        yield name, value, value == defaults[name]


def plain(value: Any) -> str | int | float | bool | dict[str, str]:
    """A field's value as a TOML type; other types are converted to text."""
    if isinstance(value, NewFields):
        return value.plain()
    if isinstance(value, tuple):  # the only tuples are colours
        return "#" + "".join(f"{part:02x}" for part in (value[:3] if value[3] == 255 else value))
    if isinstance(value, Fraction):  # not representable as a float: written as 30000/1001
        return float(value) if Fraction(float(value)) == value else str(value)
    return value if isinstance(value, (str, int, float)) else str(value)


def _required(kind: type[Operation]) -> set[str]:
    return {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}


def unknown_name(what: str, name: str, shown: str, known: Iterable[str]) -> UsageError:
    """The error for an unknown name, with the closest known one."""
    known = list(known)
    near = suggested(name, known)
    fix = f"Did you mean {near!r}?" if near else f"Known are {', '.join(known)}."
    if what == "key" and find_operation(name):
        fix = "Operations stand in [[operations]] tables of their own."
    return UsageError(f"There is no {what} {shown}.", fix=fix)
