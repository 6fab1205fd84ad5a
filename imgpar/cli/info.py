"""`imgpar info`: the properties of files, read by worker processes, and counts of folders."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from imgpar.batch.log_lines import escaped
from imgpar.batch.progress import printable
from imgpar.batch.run_options import RunOptions
from imgpar.cli import flags, running
from imgpar.cli.convert import add_lists, check_lists, read_listed
from imgpar.cli.parsing import Parser, align_columns
from imgpar.cli.topics import FailureTopics
from imgpar.core.addresses import is_address
from imgpar.core.errors import NoInputError, UsageError
from imgpar.core.job import Job, Outcome
from imgpar.inputs.lists import InputList
from imgpar.inputs.numbers import sources_of, with_number
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source

if TYPE_CHECKING:
    from imgpar.runtime.scheduler import CancelToken

_FOLDER = "folder"
"""`reason` of an outcome that stands for the counts of a folder."""


def info_parser() -> Parser:
    """The parser of `imgpar info`."""
    parser = Parser(
        "info",
        "FILE|FOLDER... [options]",
        "Print the properties of files from their headers, without decoding pixels. Of a folder, print "
        "counts; with --recursive the properties of each file in it.\n\n"
        "  imgpar info IMG_1.HEIC\n"
        "  imgpar info photos/                      formats, sizes and ignored files\n"
        "  imgpar info -r photos/ --json | jq -r 'select(.orientation > 1) | .path'",
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "-r", "--recursive", action="store_true", help="describe each file in folders and their subfolders"
    )
    add_lists(files.add_argument)
    flags.add_run_options(parser, "describe", files=files)
    parser.set_defaults(max_pixels=None)
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON object per file, one per line")
    group.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    return parser


def info_command(argv: Sequence[str]) -> int:
    """Describe every file; return 1 if one cannot be read."""
    args, paths = info_parser().parse(argv)
    names = _names(args, paths)
    patterns = Patterns(args.include, args.exclude)
    show = _Shown(args, patterns)
    # What is selected or sorted is a list of files.
    args.recursive = args.recursive or bool(args.where or args.sort or args.reverse)
    if not args.recursive and not args.files_from and all(map(os.path.isdir, paths)):
        for path in paths:
            show.folder(path)
        return show.exit_code
    # Archives that were named are read like folders; names of a list are taken as files.
    options = RunOptions(
        **{key: value for key, value in running.given_options(args).items() if value is not None}
    )
    access = options.access
    given = list[str | Source](with_sources(paths, access, in_order=True)) if names is paths else names
    sources = tuple(sources_of(given)) if isinstance(given, list) else (InputList((), access=access),)
    return _describe(args, options, show, given, patterns, sources)


def _names(args: argparse.Namespace, paths: list[str]) -> Iterable[str]:
    check_lists(args)
    if args.files_from:
        if paths:
            raise UsageError("--files-from and FILE exclude each other.", fix="Leave out one.")
        return (row.address for row in read_listed(args).rows() if row.address)
    if not paths:
        raise UsageError("No file was given.", fix="Name one: imgpar info photo.jpg")
    from imgpar.cli.folders import check_there

    check_there(paths)
    return paths


def _plan(
    given: Iterable[str | Source], patterns: Patterns, sources: Sequence[Source]
) -> Iterator[Job | Outcome]:
    """The files that were named, and the folders, which are counted."""
    from imgpar.batch.facts import described_plan, item_jobs

    for one in given:
        if isinstance(one, str) and is_address(one):
            for batch in with_number(1, InputList([one]).batches("", patterns)):
                yield from item_jobs(batch.items)
        elif isinstance(one, str) and os.path.isdir(one):
            yield Outcome(one, "skipped", reason=_FOLDER)
        else:
            yield from described_plan([one], patterns, sources)


def _describe(
    args: argparse.Namespace,
    options: RunOptions,
    show: _Shown,
    given: Iterable[str | Source],
    patterns: Patterns,
    sources: tuple[Source, ...],
) -> int:
    """Describe files, and print each as soon as those before it are printed."""
    from imgpar.batch.facts import describe_plan
    from imgpar.batch.selected_inputs import selected_plan
    from imgpar.batch.selection import Selection
    from imgpar.batch.workers import Workers
    from imgpar.cli.stopping import stopping
    from imgpar.runtime.scheduler import CancelToken

    token, limited = CancelToken(), args.max_pixels is not None
    with (
        stopping(token),
        Workers(options.jobs, options.memory, worker_memory=options.worker_memory) as workers,
    ):
        selection = Selection(options, lambda: workers, token, sources)
        plan = (
            selected_plan(given, patterns, sources, selection)
            if args.recursive
            else _plan(given, patterns, sources)
        )
        with closing(describe_plan(workers, plan, options, token, limited=limited, sources=sources)) as found:
            _print(found, show, token)
    if not args.quiet and not token.cancelled:
        for remark in selection.remarks():
            print(printable(remark), file=sys.stderr)
    return 130 if token.cancelled else show.exit_code


def _print(found: Iterable[Any], show: _Shown, token: CancelToken) -> None:
    try:
        for each in found:
            if not isinstance(each, Outcome):
                show.file(each.as_dict())
            elif each.reason == _FOLDER:
                show.folder(each.source)
            else:
                show.failure(each)
    except BaseException:
        token.kill()  # nothing is written that would have to be finished
        raise


class _Shown:
    """Prints what is found, and keeps the exit code."""

    def __init__(self, args: argparse.Namespace, patterns: Patterns) -> None:
        self._json, self._quiet, self._patterns = args.json, args.quiet, patterns
        self._count = self._failed = 0
        self._explained = FailureTopics()

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        if not self._count:
            print(
                "imgpar: There are no pictures or clips in the input. See 'imgpar formats'.", file=sys.stderr
            )
            return NoInputError.exit_code
        self._explained.show(quiet=self._quiet or self._json)
        return int(self._failed > 0)

    def file(self, facts: dict[str, Any]) -> None:
        """Print the properties of a file."""
        self._show(facts, facts_in_words)

    def folder(self, path: str) -> None:
        """Print the counts of a folder."""
        from imgpar.cli.folders import folder_facts, folder_words

        self._show(folder_facts(path, self._patterns), folder_words)

    def failure(self, outcome: Outcome) -> None:
        """Print why a file cannot be described."""
        self._count += 1
        self._failed += 1
        self._explained.add(outcome.kind)
        if self._json:
            facts = {"path": escaped(outcome.source), "status": "failed", "error": escaped(outcome.error)}
            print(json.dumps({**facts, "kind": outcome.kind}))
        else:
            print(f"failed  {printable(f'{outcome.source}: {outcome.error}')}", file=sys.stderr)

    def _show(self, facts: dict[str, Any], words: Any) -> None:
        self._count += 1
        if self._quiet:
            return
        if self._json:
            print(json.dumps(facts, default=str))
        else:
            print(("\n" if self._count > 1 else "") + _described(words(facts)))


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
    "lost_when_converted": "lost in any format",
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


def facts_in_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a picture with readable names; those of a clip have them already.

    >>> facts_in_words({"format": "png", "layout": "RGBA", "dtype": "uint16", "icc_bytes": 548, "frames": 1})
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
