"""Writes what type checkers and editors read: the methods and keywords of the public calls.

They follow from the declarations: operations from `imgpar/ops`, settings from `RunOptions` and
`EncodeOptions`, the types from what is noted on each parser (`parsing.accepts`).

  python scripts/make_signatures.py           write imgpar/api/typed.py and imgpar/api/operations.py
  python scripts/make_signatures.py --check   write nothing; fail where they are stale
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from imgpar.batch.gather.options import Gathering  # noqa: E402
from imgpar.batch.run_options import RunOptions  # noqa: E402
from imgpar.batch.settings import (  # noqa: E402
    ARRAY,
    ARRAYS,
    ASSEMBLE,
    COMPARE,
    CONCAT,
    DRY_RUN,
    DUPLICATES,
    ENCODE,
    ENCODE_ALL,
    EXTRACT,
    OUTPUT,
    RETRY,
    RUN,
    SESSION_ARRAYS,
    SESSION_DESCRIBE,
    SESSION_RUN,
    SHEET,
    WATCH,
    Call,
)
from imgpar.batch.watch.options import WatchOptions  # noqa: E402
from imgpar.core import parsing  # noqa: E402
from imgpar.formats.extraction import Extraction  # noqa: E402
from imgpar.formats.options import EncodeOptions  # noqa: E402
from imgpar.ops import Operation, Option, operation_types  # noqa: E402
from imgpar.ops.overlay import parse_blend  # noqa: E402
from imgpar.outputs.templates import Naming  # noqa: E402
from imgpar.pixels.attention import parse_focus  # noqa: E402
from imgpar.pixels.geometry import parse_gravity  # noqa: E402
from imgpar.recipe.tables import parse_formats  # noqa: E402

WIDTH = 110
HEAD = "Written by scripts/make_signatures.py: change the declarations, not this file."
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


@dataclass(frozen=True)
class Settings:
    """One TypedDict."""

    name: str
    base: str
    doc: str
    call: Call
    without: frozenset[str] = frozenset()
    """Keys that the signature names itself, or that this call refuses."""


SETTINGS = (
    Settings(
        "EncodeSettings", "OperationSettings", "Settings of `Pipeline.encode`.", ENCODE, frozenset({"to"})
    ),
    Settings(
        "EncodeAllSettings", "OperationSettings", "Settings of `Pipeline.encode_all`.", ENCODE_ALL,
        frozenset({"to"}),
    ),
    Settings("OutputSettings", "OperationSettings", "Settings of `Pipeline.output`.", OUTPUT),
    Settings(
        "PlainRunSettings", "OperationSettings", "Settings that every run takes.", SESSION_RUN,
        frozenset({"dry_run"}),
    ),
    Settings("SessionRunSettings", "PlainRunSettings", "Settings of `Session.run`.", SESSION_RUN),
    Settings("DryRunSettings", "PlainRunSettings", "Settings of `dry_run`.", DRY_RUN),
    Settings("WatchSettings", "DryRunSettings", "Settings of `watch`.", WATCH),
    Settings("RunSettings", "DryRunSettings", "Settings of `convert` and `Pipeline.run`.", RUN),
    Settings("ExtractSettings", "OperationSettings", "Settings of `Pipeline.extract`.", EXTRACT),
    Settings("SessionArraysSettings", "TypedDict", "Settings of `Session.arrays`.", SESSION_ARRAYS),
    Settings("ArraySettings", "TypedDict", "Settings of `Pipeline.array`.", ARRAY),
    Settings("ArraysSettings", "SessionArraysSettings", "Settings of `Pipeline.arrays`.", ARRAYS),
    Settings(
        "SessionDescribeSettings", "TypedDict", "Settings of `Session.describe`.", SESSION_DESCRIBE,
    ),
    Settings("DuplicatesSettings", "SessionDescribeSettings", "Settings of `duplicates`.", DUPLICATES),
    Settings("AssembleSettings", "OperationSettings", "Settings of `Pipeline.assemble`.", ASSEMBLE),
    Settings("SheetSettings", "OperationSettings", "Settings of `Pipeline.sheet`.", SHEET),
    Settings("ConcatSettings", "TypedDict", "Settings of `concat`.", CONCAT),
    Settings("CompareSettings", "OperationSettings", "Settings of `compare`.", COMPARE),
    Settings("RetrySettings", "TypedDict", "Settings of `retry`.", RETRY),
)  # fmt: skip
TO = "Formats of the outputs, such as webp or webp,mp4; without it each input keeps its own"


def accepted(option: Option) -> str:
    """The type of an option, by its alias where it has one."""
    annotation = parsing.annotation_of(option.parse)
    named = {parsing.annotation_of(parse): name for name, (parse, _) in ALIASES.items()}
    return named.get(annotation, annotation)


def united(*annotations: str) -> str:
    """The union of types, each part once."""
    return " | ".join(dict.fromkeys(annotations))


def sentence(text: str) -> str:
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
        key: (united(*types), ". ".join(f"{told(names)}: {words}" for words, names in owners.items()))
        for key, (types, owners) in found.items()
    }


def told(owners: list[str]) -> str:
    """What a help text is about: these operations, or the words that stand for another thing."""
    return f"Of {' and '.join(owners)}" if owners[0] in operation_types() else owners[0]


def setting_keys(call: Call) -> Keys:
    """The settings that a call takes, in the order of their declarations."""
    declared: dict[str, Option] = {
        **Extraction.options(),
        **EncodeOptions.options(),
        **Naming.options(),
        **Gathering.options(),
        **RunOptions.options(),
        **WatchOptions.options(),
    }
    keys: Keys = {"to": (f"{parsing.annotation_of(parse_formats)} | None", TO)} if "to" in call.recipe else {}
    for key, option in declared.items():
        if key in call.run | call.recipe | call.gather | call.watch:
            words = option.help.removesuffix("; repeat it for more") + "; one or several" * option.repeats
            keys[key] = (f"{accepted(option)} | None", words)
    return keys


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
        yield from docstring(sentence(words), "    ")


def typed_module() -> str:
    """imgpar/api/typed.py."""
    lines = [
        '"""Types of the settings of public calls; None stands for "not given" everywhere.', "",
        HEAD, '"""', "",
        "from __future__ import annotations", "",
        "import os", "from collections.abc import Callable, Mapping, Sequence",
        "from fractions import Fraction",
        "from typing import Literal, TypeAlias, TypedDict", "",
        "from imgpar.core.job import Item", "",
    ]  # fmt: skip
    for name, (parse, doc) in ALIASES.items():
        lines += alias(name, parsing.annotation_of(parse))
        lines += docstring(doc, "")
    known = {"OperationSettings": operation_keys(), "TypedDict": {}}
    doc = "Operations as keywords, in their order, each before the fields that belong to it."
    lines += typed_dict("OperationSettings", "TypedDict", doc, known["OperationSettings"])
    for entry in SETTINGS:
        inherited = known[entry.base]
        keys = {key: fact for key, fact in setting_keys(entry.call).items() if key not in entry.without}
        own = {key: fact for key, fact in keys.items() if key not in inherited}
        assert inherited.keys() - known["OperationSettings"].keys() <= keys.keys(), entry.name
        known[entry.name] = inherited | own
        lines += typed_dict(entry.name, entry.base, entry.doc, own)
    return "\n".join(lines) + "\n"


def alias(name: str, annotation: str) -> list[str]:
    """The definition of an alias, as ruff lays it out."""
    whole = f"{name}: TypeAlias = {annotation}"
    if len(whole) <= WIDTH:
        return [whole]
    opening, _, rest = annotation.partition("[")
    return [
        f"{name}: TypeAlias = {opening}[",
        *(f"    {part}," for part in rest.removesuffix("]").split(", ")),
        "]",
    ]


def parameter(kind: type[Operation], name: str, option: Option) -> str:
    """One parameter of a method, with its default."""
    default = default_of(kind, name)
    annotation = accepted(option)
    if default is dataclasses.MISSING:
        return f"{name}: {annotation}"
    return f"{name}: {annotation}{' | None' if default is None else ''} = {written(default)}"


def written(value: Any) -> str:
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
        text = option.example if accepted(option) == "float" else written(option.example)
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


def operations_module() -> str:
    """imgpar/api/operations.py."""
    methods = [line for kind in operation_types().values() for line in method(kind)]
    text = "\n".join(methods)
    names = [name for name in ALIASES if name in text]
    lines = [
        '"""The operations as methods.', "", HEAD, '"""', "",
        "from __future__ import annotations", "",
        *(["import os"] if "os." in text else []),
        f"from typing import {', '.join(['Literal'] * ('Literal[' in text) + ['Self'])}", "",
        *([f"from imgpar.api.typed import {', '.join(sorted(names))}", ""] if names else []),
        "", "class OperationMethods:",
        '    """One method for each operation: its first parameter is the main value of the operation. Each',
        '    returns a new pipeline with the operation at its end."""',
        "",
        "    def _operation(self, name: str, value: object = None, /, **given: object) -> Self:",
        "        raise NotImplementedError",
    ]  # fmt: skip
    return "\n".join([*lines, text]) + "\n"


def files() -> dict[Path, str]:
    """Path → content of what is generated."""
    return {
        ROOT / "imgpar" / "api" / "typed.py": typed_module(),
        ROOT / "imgpar" / "api" / "operations.py": operations_module(),
    }


def stale() -> list[str]:
    """The generated files that are not as the declarations say."""
    return [
        path.relative_to(ROOT).as_posix()
        for path, text in files().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]


def main(arguments: Iterable[str]) -> int:
    """Write the files, or check them."""
    found = stale()
    if "--check" in arguments:
        for name in found:
            print(f"{name} is stale: run python scripts/make_signatures.py", file=sys.stderr)
        return int(bool(found))
    for path, text in files().items():
        path.write_text(text, encoding="utf-8", newline="\n")
    print("\n".join(f"written: {name}" for name in found) or "nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
