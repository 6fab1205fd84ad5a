"""Drop pictures and folders on this file, or open it: converted copies are written next to the originals.

The script only starts `imgpar.desktop`, which is part of imgpar and uses only its public API. `imgpar desktop
install` adds it to the menus of the file manager.
"""

import sys

try:
    import imgpar.desktop
except ImportError as error:
    # Without a terminal the message needs a window.
    SENTENCE = "imgpar is not installed for this Python. In a clone of its repository, run:\n\npip install '.[desktop]'"
    if sys.version_info < (3, 11):
        SENTENCE = str(error)
    try:
        from tkinter import messagebox

        messagebox.showerror("imgpar", f"{SENTENCE}\n\n{sys.executable}")
    except Exception:
        print(SENTENCE, file=sys.stderr)
    sys.exit(1)

if __name__ == "__main__":
    sys.exit(imgpar.desktop.main())
