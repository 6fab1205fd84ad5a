"""`imgpar desktop`: the drop window and its menu entries."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from imgpar.batch.progress import printable
from imgpar.cli.parsing import Parser
from imgpar.core.errors import OutputError

USAGE = "[FILE...] | install | remove"
DESCRIPTION = """\
Open a window that converts dropped files.

  imgpar desktop             open the window
  imgpar desktop photos/     open it with these inputs
  imgpar desktop install     add it to the menus of the file manager
  imgpar desktop remove      remove these menu entries"""


def desktop_parser() -> Parser:
    """The parser of `imgpar desktop`."""
    parser = Parser("desktop", USAGE, DESCRIPTION)
    parser.add_argument("--start", action="store_true", help="convert the inputs without waiting for Start")
    return parser


def desktop_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    found, rest = desktop_parser().parse(argv)
    if rest in (["install"], ["remove"]):
        try:
            return _install() if rest == ["install"] else _remove()
        except OSError as error:
            where = error.filename or "The menus"
            raise OutputError(
                f"{where} cannot be written: {error.strerror or error}.", fix="Check its permissions."
            ) from None
    from imgpar.desktop import main

    return main(rest, start=found.start)


def _install() -> int:
    from imgpar.desktop.entries import install

    for entry in install():
        print(f"{entry.what}: {printable(str(entry.path))}")
    if sys.platform in ("win32", "darwin"):
        print(
            "Written according to the system's documentation, but not tested there yet. Please report "
            "problems."
        )
    return 0


def _remove() -> int:
    from imgpar.desktop.entries import remove_entries

    gone = remove_entries()
    for path in gone:
        print(f"removed: {printable(str(path))}")
    if not gone:
        print("There was nothing to remove.")
    return 0
