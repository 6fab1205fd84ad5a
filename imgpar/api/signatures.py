"""The signatures of operations as Python text: their methods, and their names as keywords.

They follow from the declarations, for imgpar itself (`scripts/make_signatures.py`) as for the operations of
other packages (`api/stubs`).
"""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from imgpar.core import parsing
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation, Option, operation_types
from imgpar.ops.overlay import parse_blend
from imgpar.pixels.attention import parse_focus
from imgpar.pixels.geometry import parse_gravity

WIDTH = 110

ALIASES = {
    "Blend": (parse_blend, "How colours of two pictures are mixed."),
    "Gravity": (parse_gravity, "A corner, a side or the middle."),
    "Focus": (
        parse_focus,
        "A corner, a side or the middle; or attention or entropy, which look at the picture.",
    ),
    "ColourValue": (
        parsing.colour,
        "A CSS name, #rgb, #rrggbb, #rrggbbaa, or red, green, blue and perhaps alpha, 0 to 255.",
    ),
}
"""Names for accepted types that are long and often used: whose they are, and what they mean."""

Keys = dict[str, tuple[str, str]]
"""Name of a key → its type and its help."""


def accepted(option: Option) -> str:
    """The type of an option, by its alias where it has one."""
    annotation: str = getattr(option.parse, "accepts", "object")
    named = {parsing.annotation_of(parse): name for name, (parse, _) in ALIASES.items()}
    return named.get(annotation, annotation)


def united(*annotations: str) -> str:
    """The union of types, each part once."""
    return " | ".join(dict.fromkeys(annotations))


def as_sentence(text: str) -> str:
    """A help text as a sentence of its own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def default_of(kind: type[Operation], name: str) -> Any:
    """The default of a field as it is written in a signature; MISSING where it has none."""
    found = next(fact.default for fact in dataclasses.fields(kind) if fact.name == name)
    plain = found is dataclasses.MISSING or found is None or isinstance(found, (bool, int, float, str, tuple))
    return found if plain else str(found)


def operation_keys() -> Keys:
    """The operations as keywords, and what belongs to one: what is also a setting has the types of both."""
    found: dict[str, tuple[list[str], dict[str, list[str]]]] = {}
    kinds = operation_types()
    for name, kind in kinds.items():
        first, *_ = [*kind.options(), ""]
        types = [accepted(kind.options()[first])] if first else []
        if not first or default_of(kind, first) is not dataclasses.MISSING:
            types.append("Literal[True]")
        found[name] = (types, {kind.summary: ["Operation"]})
    for name, kind in kinds.items():
        for key, option in kind.options().items():
            types, owners = found.setdefault(key, ([], {}))
            types.append(accepted(option))
            owners.setdefault(option.help, []).append(name)
    for key, option in EncodeOptions.options().items():
        if key in found:
            found[key][0].append(accepted(option))
            found[key][1][option.help] = ["Setting of the output"]
    for key, (types, _) in found.items():
        if key not in kinds:
            types.append("None")
    return {
        key: (united(*types), ". ".join(f"{owners_told(names)}: {words}" for words, names in owners.items()))
        for key, (types, owners) in found.items()
    }


def owners_told(owners: list[str]) -> str:
    """What a help text is about: these operations, or the words that stand for another thing."""
    return f"Of {' and '.join(owners)}" if owners[0] in operation_types() else owners[0]


def docstring(text: str, indent: str) -> Iterator[str]:
    """The lines of a docstring of one paragraph."""
    text = text.replace("\\", "\\\\")
    lines = textwrap.wrap(f'"""{text}"""', WIDTH, initial_indent=indent, subsequent_indent=indent)
    yield from lines


def typed_dict(name: str, base: str, doc: str, keys: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """The class with these keys."""
    yield from ("", "", f"class {name}({base}, total=False):")
    yield from docstring(doc, "    ")
    yield ""
    for key, (annotation, words) in keys.items():
        yield f"    {key}: {annotation}"
        yield from docstring(as_sentence(words), "    ")


def parameter(kind: type[Operation], name: str, option: Option) -> str:
    """One parameter of a method, with its default."""
    default = default_of(kind, name)
    annotation = accepted(option)
    if default is dataclasses.MISSING:
        return f"{name}: {annotation}"
    return f"{name}: {annotation}{' | None' if default is None else ''} = {as_text(default)}"


def as_text(value: Any) -> str:
    """A default as Python text, in double quotes."""
    if not isinstance(value, str):
        return repr(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entry(name: str, words: str) -> Iterator[str]:
    """One parameter in the Args of a docstring."""
    text = f"{name}: {words}".replace("\\", "\\\\") + ("" if words.endswith(".") else ".")
    yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 16)


def explained(kind: type[Operation]) -> Iterator[str]:
    """The docstring of a method."""
    indent = " " * 8
    text = (inspect.getdoc(kind) or "").partition(">>>")[0].strip()
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        opened = paragraph if number else f'"""{paragraph}'
        yield from textwrap.wrap(opened, WIDTH, initial_indent=indent, subsequent_indent=indent)
    yield ""
    yield f"{indent}>>> from imgpar import Pipeline"
    yield f"{indent}>>> Pipeline().{kind.name}({', '.join(examples(kind))})"
    yield f"{indent}Pipeline({kind.name})"
    if kind.options():
        yield from ("", f"{indent}Args:")
        for name, option in kind.options().items():
            yield from entry(name, option.help)
        yield from ("", f"{indent}Raises:", f"{indent}    BadValueError: a value is wrong.")
    yield f'{indent}"""'


def examples(kind: type[Operation]) -> Iterator[str]:
    """The arguments of an example: the main value, and the first option with an example; of some crops a
    gravity says nothing."""
    others = 0
    for number, (name, option) in enumerate(kind.options().items()):
        if not option.example or others or name == "gravity":
            continue
        text = option.example if accepted(option) == "float" else as_text(option.example)
        yield f"{name}={text}" if number else text
        others += bool(number)


def method(kind: type[Operation]) -> Iterator[str]:
    """The method of one operation."""
    options = kind.options()
    parameters = [parameter(kind, name, option) for name, option in options.items()]
    yield ""
    if len(parameters) > 1:
        parts = ["self", parameters[0], "*", *parameters[1:]]
        yield f"    def {kind.name}("
        yield from (f"        {part}," for part in parts)
        yield "    ) -> Self:"
    else:
        yield f"    def {kind.name}({', '.join(['self', *parameters])}) -> Self:"
    yield from explained(kind)
    if not options:
        yield f'        return self._operation("{kind.name}")'
        return
    given = [f"{name}={name}" if number else name for number, name in enumerate(options)]
    call = f'        return self._operation("{kind.name}", {", ".join(given)})'
    if len(call) <= WIDTH:
        yield call
        return
    yield "        return self._operation("
    yield f'            "{kind.name}",'
    yield from (f"            {part}," for part in given)
    yield "        )"
