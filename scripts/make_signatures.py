"""Writes what type checkers and editors read: the methods and keywords of the public calls.

They follow from the declarations: operations from `imgpar/ops`, settings from `RunOptions` and
`EncodeOptions`, the types from what is noted on each parser (`parsing.accepts`).

  python scripts/make_signatures.py           write imgpar/api/typed.py and imgpar/api/operations.py
  python scripts/make_signatures.py --check   write nothing; fail where they are stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from imgpar.api.signatures import (  # noqa: E402
    ALIASES,
    WIDTH,
    Keys,
    accepted,
    docstring,
    method,
    operation_keys,
    typed_dict,
)
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
from imgpar.ops import Option, operation_types  # noqa: E402
from imgpar.outputs.templates import Naming  # noqa: E402
from imgpar.recipe.tables import parse_formats  # noqa: E402

HEAD = "Written by scripts/make_signatures.py: change the declarations, not this file."


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
