"""`imgpar stubs`: types of the operations that other packages add."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from imgpar.cli.parsing import Once, Parser
from imgpar.core.errors import UsageError


def stubs_parser() -> Parser:
    """The parser of `imgpar stubs`."""
    parser = Parser(
        "stubs",
        "[-o FOLDER]",
        "Write type stubs, with which type checkers and editors know the operations that installed packages "
        "add.\n\n"
        "  imgpar stubs               among the installed packages: for mypy and pyright\n"
        "  imgpar stubs -o typings    in a project: for pyright and editors",
    )
    parser.add_argument(
        "-o", "--out", action=Once, metavar="FOLDER", help="the folder in which imgpar-stubs is written"
    )
    return parser


def stubs_command(argv: Sequence[str]) -> int:
    """Write the stubs and print where."""
    args, rest = stubs_parser().parse(argv)
    if rest:
        raise UsageError(f"imgpar stubs takes no {rest[0]!r}.", fix="Name a folder with -o.")
    from imgpar.api.stubs import added_operations, write_stubs

    found, failed = added_operations()
    for error in failed:
        print(f"imgpar: {error}", file=sys.stderr)
    place = write_stubs(args.out or "")
    print(f"{place}: {', '.join(found) or 'no package adds operations'}")
    return 0
