"""The window to drop files on. It is a client like yours: it imports nothing but imgpar's public names.

scripts/imgpar_drop.pyw          an icon to drop files on
imgpar desktop                   the same from the command line
python -m imgpar.desktop a.jpg   the same with files

 window ──► work (a thread that calls imgpar.convert) ──► imgpar's own workers
    ▲          │ events, through a queue
    └──────────┘ read every few milliseconds, a little at a time
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window, with files and folders to convert; in the terminal where there can be no window.

    Args:
        arguments: paths or `file:` addresses; None is what the program was started with.

    Returns:
        The exit code: 0, or that of `imgpar convert` where the terminal had to do.
    """
    from imgpar.desktop import terminal
    from imgpar.desktop.paths import local

    names = [local(name) for name in (sys.argv[1:] if arguments is None else arguments)]
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
