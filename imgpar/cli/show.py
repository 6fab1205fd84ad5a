"""`imgpar formats` and `imgpar ops`: tables, or JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imgpar.cli.flags import flag
from imgpar.cli.parsing import Parser, align_columns
from imgpar.core import parsing
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import UsageError
from imgpar.core.install_hint import pip
from imgpar.core.plugins import plugins_of
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format, added, every_format
from imgpar.inputs import schemes
from imgpar.ops import Operation, Option, every_operation, origin_of
from imgpar.outputs import sinks


def formats_parser() -> Parser:
    """The parser of `imgpar formats`."""
    parser = Parser(
        "formats",
        "[--json]",
        "List the formats that can be read and written.\n\n"
        "  imgpar formats\n"
        "  imgpar formats --json | jq -r 'select(.write and .alpha) | .name'",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per format, one per line")
    return parser


def formats_command(argv: Sequence[str]) -> int:
    """Print every format with its capabilities."""
    args = _only_options(formats_parser(), argv)
    records = [_format_facts(record) for record in every_format()]
    if args.json:
        _print_json(records)
        return 0
    marks = [
        (
            record["name"],
            *("yes" if record[key] else "-" for key in ("read", "write", "alpha", "frames")),
            record["lossless"] if record["write"] else "-",
            " ".join(record["suffixes"][:6])
            + (" …" if len(record["suffixes"]) > 6 else "")
            + ("" if record["package"] == "imgpar" else f" [{record['package']}]"),
        )
        for record in records
        if record["read"] or record["write"]
    ]
    print(align_columns([("format", "read", "write", "alpha", "frames", "lossless", "suffixes"), *marks]))
    unknown = [record["name"] for record in records if not (record["read"] or record["write"])]
    missing = [f"{record['name']}: {pip(record['needs'])}" for record in records if not record["installed"]]
    if missing:
        print("\nThese require a package that is not installed:\n  " + "\n  ".join(missing))
    if unknown:
        print(f"\nRecognised but not supported: {', '.join(unknown)}.")
    print("\n" + align_columns(_places()))
    print_failed(added().failed.values())
    return 0


def _places() -> list[tuple[str, str]]:
    """Archives and addresses that are read, and those that are written to."""
    found = []
    for words, suffixes, known in (
        ("inputs come from", schemes.ARCHIVES, (*schemes.SINGLE, *schemes.SCHEMES, *plugins_of("sources"))),
        ("outputs go to", sinks.SINKS, (*sinks.SCHEMES, *plugins_of("sinks"))),
    ):
        names = [*(f".{suffix}" for suffix in suffixes), *(f"{scheme}://" for scheme in known)]
        found.append((words, ", ".join(["files and folders", *names])))
    return found


def _format_facts(record: Format) -> dict[str, Any]:
    return {
        "name": record.name,
        "title": record.title,
        "kind": record.kind,
        "suffixes": list(record.suffixes),
        "read": record.readable,
        "write": record.writable,
        "alpha": record.alpha,
        "frames": record.frames,
        "lossless": record.lossless,
        "needs": record.extra,
        "installed": record.installed,
        "package": record.package or "imgpar",
    }


def ops_parser() -> Parser:
    """The parser of `imgpar ops`."""
    parser = Parser(
        "ops",
        "[NAME...] [--json]",
        "Describe the operations and encoder settings of 'imgpar convert'.\n\n"
        "  imgpar ops                  all of them\n"
        "  imgpar ops resize crop      these",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per operation, one per line"
    )
    return parser


def ops_command(argv: Sequence[str]) -> int:
    """Print all operations, or the named ones, with all fields."""
    args, names = ops_parser().parse(argv)
    kinds, failed = every_operation()
    chosen = [name.lstrip("-").replace("-", "_") for name in names] or list(kinds)
    for name in chosen:
        if name not in kinds:
            raise bad_value("the operation", "one of " + ", ".join(kinds), name, kinds)
    if args.json:
        _print_json([operation_facts(kinds[name]) for name in chosen])
        return 0
    print("\n\n".join(_explained(kinds[name]) for name in chosen))
    if not names:
        rows = [(_usage(name, option), _help(option)) for name, option in EncodeOptions.options().items()]
        print("\nsettings of the output\n" + align_columns(rows, indent="  "))
        print_failed(failed)
    return 0


def print_failed(failed: Iterable[UsageError]) -> None:
    """Tell on standard error which parts of other packages cannot be used."""
    for error in failed:
        print(f"imgpar: {error}", file=sys.stderr)


def operation_facts(kind: type[Operation]) -> dict[str, Any]:
    """One operation as JSON: name, summary and fields."""
    return {
        "name": kind.name,
        "summary": kind.summary,
        "package": plugin.package if (plugin := origin_of(kind)) else "imgpar",
        "fields": [
            {"name": name, "help": option.help, "choices": list(option.choices), "example": option.example}
            for name, option in kind.options().items()
        ],
    }


def _explained(kind: type[Operation]) -> str:
    """One operation as a block: flag, summary, value and modifiers."""
    options = list(kind.options().items())
    plugin = origin_of(kind)
    summary = f"{kind.summary} [{plugin.package} {plugin.version}]" if plugin else kind.summary
    if not options:
        return f"{flag(kind.name)}    {summary}"
    option = options[0][1]
    example = f" (such as {option.example})" if option.example else ""
    lines = [f"{_usage(kind.name, option)}    {summary}", f"  {_help(option)}{example}"]
    if options[1:]:
        lines.append(
            align_columns([(_usage(name, other), _help(other)) for name, other in options[1:]], indent="  ")
        )
    return "\n".join(lines)


def operation_text(name: str) -> str:
    """The block about one operation; raises KeyError where it is not known."""
    return _explained(every_operation()[0][name])


def _usage(name: str, option: Option) -> str:
    """The flag with its value; long lists of choices are replaced by the metavar."""
    if option.parse is parsing.switch:
        return flag(name)
    few = 0 < len(option.choices) <= 4
    return f"{flag(name)} {'|'.join(option.choices) if few else option.metavar or name.upper()}"


def _help(option: Option) -> str:
    listed = len(option.choices) <= 4 or all(choice in option.help for choice in option.choices)
    return option.help if listed else f"{option.help}: {', '.join(option.choices)}"


def _only_options(parser: Parser, argv: Sequence[str]) -> Any:
    args, rest = parser.parse(argv)
    if rest:
        raise UsageError(f"{parser.prog} takes no {rest[0]!r}.", fix=f"See {parser.prog} --help.")
    return args


def _print_json(records: Sequence[Mapping[str, Any]]) -> None:
    for record in records:
        print(json.dumps(record))
