"""The drag-and-drop window. It uses only the public API of imgpar.

scripts/imgpar_drop.pyw          a script to drop files on
imgpar desktop                   the same from the command line
python -m imgpar.desktop a.jpg   the same with files

 window ──► work (a thread that calls imgpar.convert) ──► imgpar's own workers
    ▲          │ events in a queue
    └──────────┘ polled every few milliseconds, for a limited time
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

START = "--start"


def main(arguments: Sequence[str] | None = None, *, start: bool = False) -> int:
    """Open the window and convert files and folders; without a display, convert in the terminal.

    Args:
        arguments: paths and URLs; None means the arguments of the process, `--start` included.
        start: convert them at once instead of waiting for Start.

    Returns:
        The exit code: 0, or that of the conversion in the terminal.
    """
    from imgpar.desktop import terminal
    from imgpar.desktop.paths import local

    given = list(sys.argv[1:] if arguments is None else arguments)
    start = start or START in given
    names = [local(name) for name in given if name != START]
    try:
        import tkinter

        from imgpar.desktop.window import open_window
    except ImportError:
        return terminal.convert_in_terminal(names, "no_tkinter")
    try:
        return open_window(names, start=start)
    except tkinter.TclError as error:
        if "display" not in str(error):
            raise
        return terminal.convert_in_terminal(names, "no_display")
