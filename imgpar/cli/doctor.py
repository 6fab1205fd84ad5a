"""`imgpar doctor`: check the installation and print a fix for each problem."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence

from imgpar.batch.progress import printable
from imgpar.cli.check import Check
from imgpar.cli.credentials import check_credentials
from imgpar.cli.machine import check_machine
from imgpar.cli.packages import check_packages, check_turbo
from imgpar.cli.parsing import Parser, align_columns
from imgpar.cli.plugin_checks import check_plugins
from imgpar.core.errors import UsageError
from imgpar.core.version import __version__


def doctor_parser() -> Parser:
    """The parser of `imgpar doctor`."""
    parser = Parser(
        "doctor",
        "[--json]",
        "Check the installation and print a fix for each problem.\n\n"
        "  imgpar doctor\n"
        "  imgpar doctor --json | jq -r 'select(.status != \"ok\") | .fix'",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    return parser


def doctor_command(argv: Sequence[str]) -> int:
    """Print every check; return 1 if any failed."""
    args, rest = doctor_parser().parse(argv)
    if rest:
        raise UsageError(f"imgpar doctor takes no {rest[0]!r}.")
    checks = list(examine())
    if args.json:
        for check in checks:
            print(json.dumps(check._asdict()))
    else:
        rows = [(c.status, c.name, c.text + (f"  →  {c.fix}" if c.fix else "")) for c in checks]
        print(align_columns([tuple(map(printable, row)) for row in rows]))
    return int(any(check.status == "fail" for check in checks))


def examine() -> Iterator[Check]:
    """All checks in output order."""
    yield check_python()
    yield from check_packages()
    yield check_turbo()
    yield from check_plugins()
    yield from check_credentials()
    yield from check_machine()


def check_python() -> Check:
    """The interpreter."""
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}, imgpar {__version__}"
    return Check("ok", "Python", text)
