"""A window of another program, from which files are dragged: `drag_source.py X Y FILE...`

tkdnd offers file lists to other programs in a form that Tk spoils on X11 (it takes the text for a list of
numbers), so the list is handed to Tk as numbers here.
"""

from __future__ import annotations

import sys
import tkinter
from pathlib import Path

from tkinterdnd2 import TkinterDnD

SEND = r"""
proc ::tkdnd::xdnd::_SendData {type offset bytes args} {
    variable _dodragdrop_data
    binary scan [join [lindex $_dodragdrop_data 0] "\r\n"] cu* numbers
    lrange $numbers $offset [expr {$offset + $bytes - 1}]
}
"""


def main(x: str, y: str, *names: str) -> None:
    """Show a square at X, Y and say when it can be dragged from."""
    root = tkinter.Tk()
    TkinterDnD._require(root)
    root.tk.eval(SEND)
    root.overrideredirect(True)
    root.geometry(f"80x80+{x}+{y}")
    square = tkinter.Label(root, text="drag me", background="orange")
    square.pack(fill="both", expand=True)
    addresses = tuple(Path(name).as_uri() for name in names)
    square.drag_source_register(1, "DND_Files")
    square.dnd_bind("<<DragInitCmd>>", lambda _: ("copy", "DND_Files", addresses))
    root.update()
    print("ready", flush=True)
    root.mainloop()


if __name__ == "__main__":
    main(*sys.argv[1:])
