"""Recipes: operations in order, target formats and encoder settings; reading and writing TOML.

to = "webp"              # or ["webp", "mp4"]
quality = 82             # every encoder setting is a key
[[operations]]
resize = "1920"          # the key with the operation's name holds its primary value; further fields follow
fit = "inside"
[[output]]               # several outputs: what stands above is shared, and each has settings and operations
name = "{stem}-thumb"    # of its own
quality = 70
[[output.operations]]
resize = "320"
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from imgpar.core import parsing
from imgpar.core.errors import UsageError, bad_value, refuse_address
from imgpar.core.install_hint import pip
from imgpar.core.job import Split
from imgpar.core.parsing import named
from imgpar.core.plugins import Plugin, unmet
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation, origin_of
from imgpar.outputs.name_function import FunctionName
from imgpar.outputs.sidefiles import check_place, write_whole
from imgpar.outputs.templates import Naming
from imgpar.recipe.outputs import Branch, Output, overriding, sized
from imgpar.recipe.tables import (
    fields_of,
    operations_from,
    settings_from,
    table_of,
    tables_in,
    unknown_operations,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_USUAL_NAMES = Naming()
_NO_SETTINGS = ("operations", "output", "requires")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(>=\d+(\.\d+)*\S*)?", re.ASCII)


@dataclass(frozen=True)
class Recipe:
    """The processing of a run. Immutable: every change returns a new recipe.

    >>> from imgpar.recipe.tables import make_operation
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
    naming: Naming = field(default_factory=Naming)
    """Names of the outputs, and their sizes where there are several."""
    name: str = field(default="", compare=False)
    """For messages only: the built-in name, or the file's name without its suffix."""
    outputs: tuple[Output, ...] = ()
    """Outputs with operations and settings of their own; empty is one output of the operations above."""
    chosen: bool = field(default=False, compare=False)
    """Whether `to` was given explicitly for this run; the formats of a recipe file do not apply to clips."""

    @classmethod
    def of(cls, given: Recipe | str | os.PathLike[str] | None) -> Recipe:
        """The recipe that a call was given: itself, the path of a file, the name of a built-in one, or none.

        Raises:
            UsageError: it does not exist or is invalid.
        """
        return cls.load(given) if isinstance(given, (str, os.PathLike)) else given or cls()

    @classmethod
    def load(cls, source: str | os.PathLike[str]) -> Recipe:
        """Load a TOML file or the built-in recipe of that name; raises UsageError."""
        from pathlib import Path

        name: str = named("the recipe", parsing.path, source)
        refuse_address(name, "a recipe")
        path = Path(name)
        if not path.is_file() and name in builtin_names():
            return cls.builtin(name)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            if path.suffix or path.exists():
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise UsageError(f"The recipe {name} cannot be read: {reason}.") from error
            known = builtin_names()
            expected = f"a TOML file or one of {', '.join(known)}"
            raise bad_value("the recipe", expected, name, known) from None
        return cls._parsed(text, name, path.stem, path.parent)

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
        _check_required(data, where)
        settings = {key: value for key, value in data.items() if key not in _NO_SETTINGS}
        operations = operations_from(data.get("operations", []), where, folder)
        outputs = tuple(
            Output.from_dict(table, f"output {n} of {where}", folder=folder)
            for n, table in enumerate(tables_in(data.get("output", []), "output", where), 1)
        )
        recipe = cls(operations, outputs=outputs)
        return replace(recipe.merged(settings, label=lambda key: f"{key} in {where}"), chosen=False)

    @classmethod
    def _parsed(cls, text: str, where: str, name: str, folder: str | os.PathLike[str] = "") -> Recipe:
        import tomllib

        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"The recipe {where} is not valid TOML: {error}.") from error
        except RecursionError:
            raise UsageError(f"The recipe {where} is nested too deeply.") from None
        return replace(cls.from_dict(data, where, folder=folder), name=name)

    def formats(self) -> tuple[str, ...]:
        """The formats of all outputs; empty where one of them keeps the format of the input."""
        formats = [branch.to for branch in self.branches()]
        return tuple(dict.fromkeys(name for to in formats for name in to)) if all(formats) else ()

    @property
    def every_operation(self) -> tuple[Operation, ...]:
        """The operations of all outputs."""
        return (*self.operations, *(one for output in self.outputs for one in output.operations))

    def then(self, operation: Operation) -> Recipe:
        """The recipe with an operation appended to those that all outputs share."""
        return replace(self, operations=(*self.operations, operation))

    def with_output(self, output: Output) -> Recipe:
        """The recipe with one more output; the first one takes the place of the output without [[output]]."""
        return replace(self, outputs=(*self.outputs, output))

    def check_single(self, call: str) -> None:
        """Refuse a recipe with [[output]] tables, sizes or names of outputs for a call that makes one result;
        raises UsageError."""
        if self.outputs:
            raise UsageError(
                f"{call} takes no recipe with [[output]] tables.",
                fix="Convert with it, or leave them out.",
            )
        for key in Naming.options():
            if getattr(self.naming, key) != getattr(_USUAL_NAMES, key):
                raise UsageError(f"{call} does not accept {key}.", fix="It is for convert and Pipeline.run.")

    def merged(self, settings: Mapping[str, object], *, label: Callable[[str], str] = str) -> Recipe:
        """The recipe with updated settings (`to`, `quality` …), given as text or as Python values.

        Other settings are kept; None means "not given". `label(key)` names a key in errors.
        Raises UsageError for an unknown key, BadValueError for an invalid value.
        """
        declared = {**EncodeOptions.options(), **Extraction.options(), **Naming.options()}
        changes = overriding(settings_from(settings, label, _NO_SETTINGS, declared))
        chosen = self.chosen or "to" in changes
        to = changes.pop("to", self.to)
        extract = {key: changes.pop(key) for key in Extraction.options() if key in changes}
        naming = {key: changes.pop(key) for key in Naming.options() if key in changes}
        return replace(
            self,
            to=to,
            encode=self.encode.changed(changes),
            extract=replace(self.extract, **extract),
            naming=replace(self.naming, **naming),
            chosen=chosen,
        )

    @property
    def split(self) -> Split:
        """The naming of outputs, where one input has several files in one format."""
        return self.extract.split or ("pages" if self.encode.may_split else "")

    @property
    def _names(self) -> list[str]:
        """The templates of all outputs."""
        return [self.naming.name, *(output.name for output in self.outputs)]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as TOML values without defaults. Raises UsageError for Python functions."""
        if any(isinstance(name, FunctionName) for name in self._names):
            raise UsageError("A name that a function gives has no text form.", fix="Use a template.")
        data: dict[str, Any] = {}
        if self.to:
            data["to"] = self.to[0] if len(self.to) == 1 else list(self.to)
        data |= fields_of(self.extract, Extraction.options())
        data |= fields_of(self.encode, EncodeOptions.options())
        data |= fields_of(
            self.naming, {key: each for key, each in Naming.options().items() if key != "sizes"}
        )
        if self.naming.sizes:
            data["sizes"] = list(self.naming.sizes)
        if self.operations:
            data["operations"] = [table_of(operation) for operation in self.operations]
        if self.outputs:
            data["output"] = [output.to_dict() for output in self.outputs]
        return data

    def to_toml(self) -> str:
        """The recipe as TOML text; `Recipe.load` restores an equal recipe."""
        required = [f"{plugin.package}>={plugin.version}" for plugin in self._plugins()]
        return "\n".join(_blocks(({"requires": required} if required else {}) | self.to_dict()))

    def _plugins(self) -> list[Plugin]:
        """The entry points of its operations, one per package."""
        found = filter(None, (origin_of(type(operation)) for operation in self.every_operation))
        return list({plugin.package: plugin for plugin in found}.values())

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
        keys = [branch.key() for branch in self.branches()]
        return keys[0] if len(keys) == 1 else sha256(" ".join(keys).encode()).hexdigest()

    def branches(self) -> tuple[Branch, ...]:
        """What makes each output: the shared operations and settings, and its own. One without [[output]].

        Physical sizes are in pixels here. Raises BadValueError where one is too large.
        """
        return self._branches

    @cached_property
    def _branches(self) -> tuple[Branch, ...]:
        naming = self.naming
        shared = Branch(
            self.operations, self.to, self.encode, naming.template(), self.extract, flat=naming.flat
        )
        if naming.sizes:
            found = tuple(sized(shared, naming.sizes))
        else:
            found = tuple(output.following(shared, naming) for output in self.outputs) or (shared,)
        return tuple(branch.in_pixels().numbered() for branch in found)


def _check_required(data: Mapping[str, Any], where: str) -> None:
    """Refuse a recipe whose operations are of packages that are not installed; raises UsageError."""
    given = data.get("requires", [])
    if not isinstance(given, list) or not all(
        isinstance(one, str) and _REQUIREMENT.fullmatch(one) for one in given
    ):
        raise bad_value(f"requires in {where}", 'packages such as ["imgpar-vignette>=1.0"]', given)
    if given and (absent := unmet(given)):
        names, several = " and ".join(absent), len(absent) > 1
        unknown = ", ".join(unknown_operations(data.get("operations", [])))
        first = f"The operation {unknown} of {where} is of" if unknown and not several else f"{where} needs"
        words = (
            f"{first} the package{'s' * several} {names}, which {'are' if several else 'is'} not installed."
        )
        raise UsageError(words, fix=f"Run: {pip(' '.join(absent))}")


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


def _blocks(data: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """A table as TOML: its values, then its arrays of tables."""
    head = f"[[{prefix.rstrip('.')}]]\n" if prefix else ""
    values = _lines({key: value for key, value in data.items() if key not in ("operations", "output")})
    if head or values:
        yield head + values
    for table in data.get("operations", ()):
        yield f"[[{prefix}operations]]\n{_lines(table)}"
    for table in data.get("output", ()):
        yield from _blocks(table, "output.")


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Any) -> str:
    """A value as TOML; JSON has the same syntax for strings, numbers and lists, except for DEL."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    try:
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"A recipe cannot hold {value!r}.", fix="Rename the file in UTF-8.") from None
    return text
