"""`imgpar desktop`: the window, and its entries in the menus of the system."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from imgpar.batch.progress import printable
from imgpar.cli.parsing import Parser
from imgpar.core.errors import OutputError

USAGE = "[FILE...] | install | remove"
DESCRIPTION = """\
Open the window to drop files on.

  imgpar desktop             open the window
  imgpar desktop photos/     open it and convert these
  imgpar desktop install     put it into the menus of your file manager
  imgpar desktop remove      take it out again"""


def desktop_parser() -> Parser:
    """The parser of `imgpar desktop`."""
    return Parser("desktop", USAGE, DESCRIPTION)


def desktop_command(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    _, rest = desktop_parser().parse(argv)
    if rest in (["install"], ["remove"]):
        try:
            return _install() if rest == ["install"] else _remove()
        except OSError as error:
            where = error.filename or "The menus"
            raise OutputError(
                f"{where} cannot be written: {error.strerror or error}.", fix="Check its permissions."
            ) from None
    from imgpar.desktop import main

    return main(rest)


def _install() -> int:
    from imgpar.desktop.entries import install

    for entry in install():
        print(f"{entry.what}: {printable(str(entry.path))}")
    if sys.platform in ("win32", "darwin"):
        print("Written as the system documents it, but not tried there yet. Tell us if it does not work.")
    return 0


def _remove() -> int:
    from imgpar.desktop.entries import remove_entries

    gone = remove_entries()
    for path in gone:
        print(f"removed: {printable(str(path))}")
    if not gone:
        print("There was nothing to remove.")
    return 0
