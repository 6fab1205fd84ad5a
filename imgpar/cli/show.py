"""`imgpar info`, `imgpar formats` and `imgpar ops`: tables, or JSON for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from imgpar.batch.progress import printable
from imgpar.batch.run_options import RunOptions
from imgpar.cli.flags import flag
from imgpar.cli.parsing import Parser, align_columns
from imgpar.cli.passwords import add_password, read_password
from imgpar.core import parsing
from imgpar.core.errors import ImgparError, UsageError, bad_value
from imgpar.core.install_hint import pip
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.ops import Operation, Option, operation_types


def info_parser() -> Parser:
    """The parser of `imgpar info`."""
    parser = Parser(
        "info",
        "FILE|FOLDER... [--json]",
        "Print the properties of a file from its header, without decoding pixels. For a folder, print "
        "counts.\n\n"
        "  imgpar info IMG_1.HEIC\n"
        "  imgpar info photos/                      formats, sizes and ignored files\n"
        "  imgpar info photos/*.jpg --json | jq -r 'select(.orientation > 1) | .path'",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per file, one per line")
    add_password(parser.add_argument, RunOptions.options()["password"].help)
    return parser


def info_command(argv: Sequence[str]) -> int:
    """Describe every file; return 1 if one cannot be read."""
    args, paths = info_parser().parse(argv)
    if not paths:
        raise UsageError("No file was given.", fix="Name one: imgpar info photo.jpg")
    from imgpar.api.describe import describe
    from imgpar.cli.folders import check_there, folder_facts, folder_words

    check_there(paths)
    code, password = 0, read_password(args)
    for number, path in enumerate(paths):
        folder = os.path.isdir(path)
        try:
            facts = folder_facts(path) if folder else describe(path, password=password).as_dict()
        except ImgparError as error:
            print(f"failed  {printable(f'{path}: {error}')}", file=sys.stderr)
            code = 1
            continue
        if args.json:
            print(json.dumps(facts, default=str))
        else:
            print(("\n" if number else "") + _described(folder_words(facts) if folder else in_words(facts)))
    return code


_LAYOUTS = {
    "L": "grey",
    "LA": "grey with transparency",
    "RGB": "colour",
    "RGBX": "colour",
    "RGBA": "colour with transparency",
    "CMYK": "CMYK",
}
_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}
_WORDS = {
    "bytes": "file",
    "durations_ms": "milliseconds",
    "icc_bytes": "colour profile",
    "exif_bytes": "EXIF",
    "xmp_bytes": "XMP",
    "gain_map_bytes": "gain map",
    "dpi": "dots per inch",
    "lost_when_converted": "lost when converted",
    "subsampling": "chroma",
    "quality": "estimated quality",
}
_HIDDEN = {
    "layout",
    "dtype",
    "bits",
    "mode",
    "reader",
    "scale",
    "components",
    "essential",
    "complete",
    "first",
    "few_colours",
    "packing",
}
"""Properties that are printed only with --json."""


def in_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a picture with readable names; those of a clip have them already.

    >>> in_words({"format": "png", "layout": "RGBA", "dtype": "uint16", "icc_bytes": 548, "frames": 1})
    {'format': 'png', 'pixels': 'colour with transparency, 16 bits', 'colour profile': '548 bytes'}
    """
    if "layout" not in facts:
        return dict(facts)
    bits, depth = facts.get("bits"), _DEPTHS.get(facts["dtype"], facts["dtype"])
    if isinstance(bits, int) and facts["dtype"] != "float32":
        depth = f"{bits} bit" if bits == 1 else f"{bits} bits"
    shown: dict[str, Any] = {}
    for name, value in facts.items():
        if name == "layout":
            shown["pixels"] = f"{_LAYOUTS.get(value, value)}, {depth}"
        elif name in _HIDDEN or (name in ("frames", "orientation") and value == 1) or not value:
            continue
        elif name == "dpi":
            shown[_WORDS[name]] = tuple(round(density) for density in value)
        else:
            shown[_WORDS.get(name, name)] = f"{value:,} bytes" if name.endswith("bytes") else value
    return shown


def _described(facts: Mapping[str, Any]) -> str:
    """Properties as aligned lines; empty ones are omitted, nested tables are indented.

    >>> print(_described({"format": "jpeg", "size": (4, 3), "profile": "", "exif": {"Model": "X"}}))
    format  jpeg
    size    4 × 3
    exif    Model  X
    """
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if value in (None, "", (), [], {}):
            continue
        if isinstance(value, Mapping):
            inner = align_columns([(str(key), _shown(entry)) for key, entry in value.items()]).splitlines()
            rows += [(name if i == 0 else "", line) for i, line in enumerate(inner)]
        else:
            rows.append((name, " × ".join(map(str, value)) if name == "size" else _shown(value)))
    return align_columns([(printable(name), text) for name, text in rows])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return printable(str(value))


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
    records = [_format_facts(name) for name in FORMATS]
    if args.json:
        _print_json(records)
        return 0
    marks = [
        (
            record["name"],
            *("yes" if record[key] else "-" for key in ("read", "write", "alpha", "frames")),
            record["lossless"] if record["write"] else "-",
            " ".join(record["suffixes"][:6]) + (" …" if len(record["suffixes"]) > 6 else ""),
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
    return 0


def _format_facts(name: str) -> dict[str, Any]:
    record = FORMATS[name]
    return {
        "name": name,
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
    kinds = operation_types()
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
    return 0


def operation_facts(kind: type[Operation]) -> dict[str, Any]:
    """One operation as JSON: name, summary and fields."""
    return {
        "name": kind.name,
        "summary": kind.summary,
        "fields": [
            {"name": name, "help": option.help, "choices": list(option.choices), "example": option.example}
            for name, option in kind.options().items()
        ],
    }


def _explained(kind: type[Operation]) -> str:
    """One operation as a block: flag, summary, value and modifiers."""
    options = list(kind.options().items())
    if not options:
        return f"{flag(kind.name)}    {kind.summary}"
    option = options[0][1]
    example = f" (such as {option.example})" if option.example else ""
    lines = [f"{_usage(kind.name, option)}    {kind.summary}", f"  {_help(option)}{example}"]
    if options[1:]:
        lines.append(
            align_columns([(_usage(name, other), _help(other)) for name, other in options[1:]], indent="  ")
        )
    return "\n".join(lines)


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
