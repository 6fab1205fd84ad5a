"""Outputs of a recipe: each has the shared operations and settings, and then its own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import combinations
from typing import Any, NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.filenames import fold
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.outputs.templates import OWN_SIZE, Naming, name_template, parse_name
from imgpar.pixels.papers import DEFAULT_DPI
from imgpar.recipe.keys import fields_in_key
from imgpar.recipe.tables import fields_of, make_operation, operations_from, plain, settings_from, table_of


class Branch(NamedTuple):
    """Everything that makes one output: the shared operations and settings, and then its own."""

    operations: tuple[Operation, ...] = ()
    """Those that outputs share, then its own."""
    to: tuple[str, ...] = ()
    """Format names in lower case; empty keeps each input's own format."""
    encode: EncodeOptions = EncodeOptions()
    name: str = ""
    """Template of the file name; empty is the name of the input."""
    extract: Extraction = Extraction()
    """What is extracted from clips."""
    flat: bool = False
    """Whether outputs lie directly in OUT."""
    size: int = 0
    """The width for which it is made, as one of several sizes; `OWN_SIZE` is that of the input, 0 is none."""

    def in_pixels(self) -> Branch:
        """The branch with physical sizes in pixels, and their density as that of the output.

        Raises BadValueError where a size is too large.
        """
        if not any(operation.physical for operation in self.operations):
            return self
        dpi = self.encode.dpi or DEFAULT_DPI
        operations = tuple(operation.at_density(dpi) for operation in self.operations)
        return self._replace(operations=operations, encode=replace(self.encode, dpi=dpi, scaled=True))

    def numbered(self) -> Branch:
        """The branch whose operations know their number in it."""
        operations = tuple(kind.numbered(step) for step, kind in enumerate(self.operations, 1))
        return self._replace(operations=operations)

    def key(self) -> str:
        """A digest of everything that determines this output. It is the key of a recipe without [[output]]
        that makes the same output, so adding [[output]] tables to a recipe leaves existing files unchanged.
        New settings do not change the keys of existing outputs: see `fields_in_key`.

        Raises BadValueError if a file required by an operation cannot be read.
        """
        parts = [
            [kind.name, fields_in_key(kind, kind.options(), kind.name), kind.identity()]
            for kind in self.operations
        ]
        settings = fields_in_key(self.encode, EncodeOptions.options(), "settings")
        facts: list[object] = [self.to, settings, self.encode.identity(), parts]
        if self.extract.kind:
            facts.append(fields_of(self.extract, Extraction.options()))
        if self.name:
            facts.append(self.name)
        if self.flat:
            facts.append("flat")
        text = json.dumps(facts, sort_keys=True)
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Output:
    """One [[output]] table of a recipe.

    >>> Output.from_dict({"to": "webp", "name": "{stem}-small", "quality": 70}, "output 1").settings
    (('quality', 70),)
    """

    operations: tuple[Operation, ...] = ()
    """They follow the operations that all outputs share."""
    to: tuple[str, ...] = ()
    """Format names in lower case; empty takes those of the recipe."""
    settings: tuple[tuple[str, Any], ...] = ()
    """Settings of the encoder that are given for this output, in the order of their declaration. They take
    precedence over those of the recipe."""
    name: str = ""
    """Template of the file name, such as "{stem}-thumb"; empty is the name of the input."""

    @classmethod
    def made(
        cls,
        operations: Sequence[Operation],
        given: Mapping[str, object],
        name: object = None,
        where: str = "",
    ) -> Output:
        """An output from values as text or as Python values; None is "not given".

        Args:
            operations: its own.
            given: `to` and settings of the encoder.
            name: template of the file name.
            where: names the output in errors.

        Raises:
            UsageError: a key is unknown, or a value invalid.
        """

        def label(key: str) -> str:
            return f"{key} of {where}" if where else key

        template = "" if name is None else parsing.named(label("name"), parse_name, name)
        found = settings_from(given, label, ("name", "operations"))
        settings = tuple((key, found[key]) for key in EncodeOptions.options() if key in found)
        return cls(tuple(operations), found.get("to", ()), settings, template)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str, *, folder: str | os.PathLike[str] = "") -> Output:
        """The output of one parsed [[output]] table; `where` names it in errors."""
        given = {key: value for key, value in data.items() if key not in ("name", "operations")}
        operations = operations_from(data.get("operations", []), where, folder)
        return cls.made(operations, given, data.get("name"), where)

    def to_dict(self) -> dict[str, Any]:
        """The table as TOML values. Raises UsageError for Python functions."""
        data: dict[str, Any] = {"name": self.name} if self.name else {}
        if self.to:
            data["to"] = self.to[0] if len(self.to) == 1 else list(self.to)
        data |= {key: plain(value) for key, value in self.settings}
        if self.operations:
            data["operations"] = [table_of(operation) for operation in self.operations]
        return data

    def following(self, shared: Branch, naming: Naming) -> Branch:
        """The whole branch: what is shared, and then what belongs to this output."""
        return shared._replace(
            operations=shared.operations + self.operations,
            to=self.to or shared.to,
            encode=shared.encode.changed(overriding(dict(self.settings))),
            name=naming.template(self.name),
        )


_INSTEAD = {"target": ("quality", "max_bytes"), "quality": ("target",), "max_bytes": ("target",)}
"""A setting that is given later takes the place of these."""


def overriding(given: dict[str, Any]) -> dict[str, Any]:
    """Settings that are given over those of a recipe, with None for the earlier ones whose place they take.

    >>> overriding({"target": "ssim=0.98"})
    {'target': 'ssim=0.98', 'quality': None, 'max_bytes': None}
    """
    others = (other for name, instead in _INSTEAD.items() if name in given for other in instead)
    return {**given, **{other: None for other in others if other not in given}}


def sized(shared: Branch, sizes: Sequence[int]) -> tuple[Branch, ...]:
    """A branch for each width, and one for the inputs that are smaller."""
    branches = [
        shared._replace(operations=(*shared.operations, make_operation("resize", f"{width}x")), size=width)
        for width in sizes
    ]
    return (*branches, shared._replace(size=OWN_SIZE))


def check_names(branches: Sequence[Branch]) -> None:
    """Refuse outputs of which two would have the same name.

    Args:
        branches: with the canonical names of their formats.

    Raises:
        UsageError: two have the same template, and a format in common or the format of the input. Templates
            with the size of the output are not compared: the sizes may differ.
    """
    for (one, first), (other, second) in combinations(enumerate(branches, 1), 2):
        alike = fold(first.name) == fold(second.name)
        if alike and name_template(first.name).fields & {"width", "height"}:
            continue
        if alike and (not (first.to and second.to) or set(first.to) & set(second.to)):
            raise UsageError(
                f"Outputs {one} and {other} of the recipe would have the same name.",
                fix='Give one of them another, such as name = "{stem}-small".',
            )
