"""Recipes: operations in order, target formats and encoder settings; reading and writing TOML.

to = "webp"              # or ["webp", "mp4"]
quality = 82             # every encoder setting is a key
[[operations]]
resize = "1920"          # the key with the operation's name holds its primary value; further fields follow
fit = "inside"
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, UsageError, bad_value, closest
from imgpar.core.job import Split
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation, Option, operation_types
from imgpar.outputs.sidefiles import check_place, write_whole

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class Recipe:
    """The processing of a run. Immutable: every change returns a new recipe.

    >>> recipe = Recipe().then(make_operation("resize", "1920")).merged({"to": "webp", "quality": 82})
    >>> print(recipe.to_toml())
    to = "webp"
    quality = 82
    <BLANKLINE>
    [[operations]]
    resize = "1920"
    <BLANKLINE>
    """

    operations: tuple[Operation, ...] = ()
    to: tuple[str, ...] = ()
    """Format names in lower case; empty keeps each input's own format."""
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    extract: Extraction = field(default_factory=Extraction)
    """What is extracted from clips; where nothing is, inputs are converted."""
    name: str = field(default="", compare=False)
    """For messages only: the built-in name, or the file's name without its suffix."""
    chosen: bool = field(default=False, compare=False)
    """Whether `to` was given explicitly for this run; the formats of a recipe file do not apply to clips."""

    @classmethod
    def load(cls, source: str | os.PathLike[str]) -> Recipe:
        """Load a TOML file or the built-in recipe of that name; raises UsageError."""
        from pathlib import Path

        path = Path(source)
        if not path.is_file() and str(source) in builtin_names():
            return cls.builtin(str(source))
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            if path.suffix or path.exists():
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise UsageError(f"The recipe {source} cannot be read: {reason}.") from error
            known = builtin_names()
            expected = f"a TOML file or one of {', '.join(known)}"
            raise bad_value("the recipe", expected, str(source), known) from None
        return cls._parsed(text, str(source), path.stem, path.parent)

    @classmethod
    def builtin(cls, name: str) -> Recipe:
        """Load one of `builtin_names()`; raises BadValueError for other names."""
        if name not in builtin_names():
            raise bad_value("the recipe", "one of " + ", ".join(builtin_names()), name, builtin_names())
        text = (_builtin() / f"{name}.toml").read_text("utf-8")
        return cls._parsed(text, name, name)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], where: str = "recipe.toml", *, folder: str | os.PathLike[str] = ""
    ) -> Recipe:
        """The recipe from parsed TOML. `where` names it in errors; relative file names are resolved in
        `folder`."""
        settings = {key: value for key, value in data.items() if key != "operations"}
        tables = data.get("operations", [])
        if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
            raise bad_value(f"operations in {where}", "[[operations]] tables", tables)
        made = tuple(
            _from_table(table, f"operation {n} of {where}", folder) for n, table in enumerate(tables, 1)
        )
        return replace(cls(made).merged(settings, label=lambda key: f"{key} in {where}"), chosen=False)

    @classmethod
    def _parsed(cls, text: str, where: str, name: str, folder: str | os.PathLike[str] = "") -> Recipe:
        import tomllib

        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"The recipe {where} is not valid TOML: {error}.") from error
        return replace(cls.from_dict(data, where, folder=folder), name=name)

    def then(self, operation: Operation) -> Recipe:
        """The recipe with an operation appended."""
        return replace(self, operations=(*self.operations, operation))

    def merged(self, settings: Mapping[str, object], *, label: Callable[[str], str] = str) -> Recipe:
        """The recipe with updated settings (`to`, `quality` …), given as text or as Python values.

        Other settings are kept; None means "not given". `label(key)` names a key in errors.
        Raises UsageError for an unknown key, BadValueError for an invalid value.
        """
        options, extracted = EncodeOptions.options(), Extraction.options()
        changes, extract, to = dict[str, Any](), dict[str, Any](), self.to
        for key, value in settings.items():
            if value is None:
                continue
            if key == "to":
                to = parsing.named(label(key), parse_formats, value)
            elif key in options:
                changes[key] = parsing.named(label(key), options[key].parse, value)
            elif key in extracted:
                extract[key] = parsing.named(label(key), extracted[key].parse, value)
            else:
                raise _unknown("key", key, label(key), ["to", "operations", *options, *extracted])
        chosen = self.chosen or settings.get("to") is not None
        return replace(
            self,
            to=to,
            encode=replace(self.encode, **changes),
            extract=replace(self.extract, **extract),
            chosen=chosen,
        )

    @property
    def split(self) -> Split:
        """The naming of outputs, where one input has several files in one format."""
        return self.extract.split or ("pages" if self.encode.split else "")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as TOML values without defaults. Raises UsageError for Python functions."""
        data: dict[str, Any] = {}
        if self.to:
            data["to"] = self.to[0] if len(self.to) == 1 else list(self.to)
        data |= _fields(self.extract, Extraction.options()) | _fields(self.encode, EncodeOptions.options())
        if self.operations:
            data["operations"] = [_to_table(operation) for operation in self.operations]
        return data

    def to_toml(self) -> str:
        """The recipe as TOML text; `Recipe.load` restores an equal recipe."""
        data = self.to_dict()
        tables = data.pop("operations", [])
        blocks = [_lines(data), *("[[operations]]\n" + _lines(table) for table in tables)]
        return "\n".join(block for block in blocks if block)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a TOML file atomically.

        Raises:
            UsageError: it contains functions, the path is a file that is not a recipe, or it is not writable.
        """
        text, place = self.to_toml(), os.fspath(path)
        check_recipe_place(place)
        try:
            write_whole(place, [text])
        except OSError as error:
            raise UsageError(f"The recipe cannot be written to {path}: {error.strerror}.") from error

    def key(self) -> str:
        """A digest of everything that determines the result: operations, their files and functions, settings.

        It is equal in every process and after a round trip through a file. Raises BadValueError if a file
        required by an operation cannot be read.
        """
        options = EncodeOptions.options()
        parts = [
            [kind.name, _fields(kind, kind.options(), everything=True), kind.identity()]
            for kind in self.operations
        ]
        settings = _fields(self.encode, options, everything=True)
        facts: list[object] = [self.to, settings, self.encode.identity(), parts]
        if self.extract.kind:
            facts.append(_fields(self.extract, Extraction.options()))
        text = json.dumps(facts, sort_keys=True)
        return sha256(text.encode()).hexdigest()


def check_recipe_place(path: str, inputs: Iterable[str] = ()) -> None:
    """Reject a path where a file other than a recipe exists; raises UsageError."""

    def is_recipe(_: bytes) -> bool:
        try:
            Recipe.load(path)
        except UsageError:
            return False
        return True

    check_place("recipe", path, ".toml", is_recipe, inputs)


def builtin_names() -> tuple[str, ...]:
    """Names of the built-in recipes."""
    names = (file.name for file in _builtin().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def _builtin() -> Traversable:
    from importlib import resources  # imported on demand: few runs load a recipe

    return resources.files("imgpar.recipe") / "builtin"


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
    kinds = operation_types()
    if name not in kinds:
        raise _unknown("operation", name, name + where, kinds)
    options = kinds[name].options()
    primary = next(iter(options), "")
    label = (label or name) + where
    if not primary:
        if value is not None and not parsing.named(label, parsing.switch, value):
            raise bad_value(label, "true (or nothing)", value)
    elif value is not None and value is not True:
        if given.get(primary) is not None:
            raise UsageError(f"{label} is given twice, as its value and as {primary}.", fix="Leave one out.")
        given = {**given, primary: value}
    elif given.get(primary) is None and primary in _required(kinds[name]):
        raise BadValueError(f"{label} needs a value.", fix=f"An example is {options[primary].example!r}.")
    made = {}
    for key, raw in given.items():
        if key not in options:
            raise _unknown("field", key, f"{key} of {label}", options)
        if raw is not None:
            made[key] = parsing.named(label if key == primary else key + where, options[key].parse, raw)
    return kinds[name](**made)


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


def _from_table(table: Mapping[str, Any], where: str, folder: str | os.PathLike[str]) -> Operation:
    """The operation of one [[operations]] table."""
    kinds = operation_types()
    names = [key for key in table if key in kinds]
    if len(names) > 1:
        both = " and ".join(names)
        raise UsageError(
            f"There are two operations in {where}: {both}.", fix="Write an [[operations]] table for each."
        )
    if not names:
        near = next(filter(None, (closest(key, kinds) for key in table)), "")
        fix = f"Did you mean {near!r}?" if near else "Known are " + ", ".join(kinds) + "."
        raise UsageError(f"There is no operation's name in {where}.", fix=fix)
    name = names[0]
    options = kinds[name].options()
    primary = next(iter(options), "")
    fields = {key: value for key, value in table.items() if key != name}
    for key, option in options.items():
        written = name if key == primary else key
        if option.metavar == "FILE" and folder and isinstance(table.get(written), str) and table[written]:
            # Relative to the folder of the recipe, not to the current folder.
            fields[key] = os.path.join(folder, table[written])
    value = True if primary in fields else table[name]
    return make_operation(name, value, where=f" in {where}", **fields)


def _to_table(operation: Operation) -> dict[str, Any]:
    """An operation as the TOML values of its table."""
    if operation.dynamic:
        raise UsageError(
            "A recipe with a Python function cannot be written to a file.",
            fix="Leave out apply, or use the recipe in Python.",
        )
    options = operation.options()
    primary = next(iter(options), "")
    fields = _fields(operation, options)
    head = fields.pop(primary, _plain(getattr(operation, primary))) if primary else True
    return {operation.name: head, **fields}


def _fields(owner: Any, options: Mapping[str, Option], *, everything: bool = False) -> dict[str, Any]:
    """The fields that differ from their defaults (or all fields) as TOML values, without None."""
    defaults = {f.name: f.default for f in dataclasses.fields(owner)}
    present = {name: getattr(owner, name) for name in options}
    return {
        name: _plain(value)
        for name, value in present.items()
        if value is not None and (everything or value != defaults[name])
    }


def _plain(value: Any) -> str | int | float | bool:
    """A field's value as a TOML type; other types are converted to text."""
    if isinstance(value, tuple):  # the only tuples are colours
        return "#" + "".join(f"{part:02x}" for part in (value[:3] if value[3] == 255 else value))
    if isinstance(value, Fraction):  # not representable as a float: written as 30000/1001
        return float(value) if Fraction(float(value)) == value else str(value)
    return value if isinstance(value, (str, int, float)) else str(value)


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Any) -> str:
    """A value as TOML; JSON has the same syntax for strings, numbers and lists, except for DEL."""
    try:
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"A recipe cannot hold {value!r}.", fix="Rename the file in UTF-8.") from None
    return text


def _required(kind: type[Operation]) -> set[str]:
    return {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}


def _unknown(what: str, name: str, shown: str, known: Iterable[str]) -> UsageError:
    """The error for an unknown name, with the closest known one."""
    known = list(known)
    near = closest(name, known)
    fix = f"Did you mean {near!r}?" if near else f"Known are {', '.join(known)}."
    if what == "key" and name in operation_types():
        fix = "Operations stand in [[operations]] tables of their own."
    return UsageError(f"There is no {what} {shown}.", fix=fix)
