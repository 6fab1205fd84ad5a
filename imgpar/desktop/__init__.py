"""The window to drop files on. It is a client like yours: it imports nothing but imgpar's public names.

scripts/imgpar_drop.pyw          an icon to drop files on
imgpar desktop                   the same from the command line
python -m imgpar.desktop a.jpg   the same with files

 window ──► work (a thread that calls imgpar.convert) ──► imgpar's own workers
    ▲          │ events, through a queue
    └──────────┘ read every few milliseconds, a little at a time
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window, with files and folders to convert; in the terminal where there can be no window.

    Args:
        arguments: paths or `file:` addresses; None is what the program was started with.

    Returns:
        The exit code: 0, or that of `imgpar convert` where the terminal had to do.
    """
    names = [local(name) for name in (sys.argv[1:] if arguments is None else arguments)]
    from imgpar.desktop import terminal

    try:
        import tkinter

        from imgpar.desktop.window import open_window
    except ImportError:
        return terminal.convert_in_terminal(names, "no_tkinter")
    try:
        return open_window(names)
    except tkinter.TclError as error:
        if "display" not in str(error):
            raise
        return terminal.convert_in_terminal(names, "no_display")


def local(name: str) -> str:
    """The absolute path that a file manager or a shell means.

    >>> local("file:///photos/caf%C3%A9.jpg") == os.path.abspath("/photos/café.jpg")
    True
    """
    if name.startswith("file:"):
        path = os.fsdecode(_bytes(urlsplit(name).path))
        name = path[1:] if os.name == "nt" else path
    return os.path.abspath(name)


def repaired(name: str) -> str:
    r"""The name of a file that is there: Tcl reads bytes that are no UTF-8 as if they were Latin-1.

    >>> repaired("/no such/\xff.jpg") == "/no such/\xff.jpg"
    True
    """
    if os.name == "nt" or name.isascii() or os.path.lexists(name):
        return name
    parts = (bytes([ord(c)]) if "\x80" <= c <= "\xff" else c.encode("utf-8", "surrogateescape") for c in name)
    other = os.fsdecode(b"".join(parts))
    return other if os.path.lexists(other) else name


def _bytes(quoted: str) -> bytes:
    """Percent escapes are bytes of a name, which need not be UTF-8."""
    return unquote(quoted, "utf-8", "surrogateescape").encode("utf-8", "surrogateescape")
