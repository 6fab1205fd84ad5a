"""Drop pictures and folders on this file, or open it: converted copies appear next to the originals.

The script is only the icon. The window is `imgpar.desktop`, which comes with imgpar and uses nothing but
imgpar's public API; `imgpar desktop install` puts it into the menus of your file manager.
"""

import sys

try:
    import imgpar.desktop
except ImportError:
    # Without a terminal, a window is the only place to say so.
    SENTENCE = "imgpar is not installed for this Python. In a terminal, run:\n\npip install 'imgpar[desktop]'"
    try:
        from tkinter import messagebox

        messagebox.showerror("imgpar", f"{SENTENCE}\n\n{sys.executable}")
    except Exception:
        print(SENTENCE, file=sys.stderr)
    sys.exit(1)

if __name__ == "__main__":
    sys.exit(imgpar.desktop.main())
