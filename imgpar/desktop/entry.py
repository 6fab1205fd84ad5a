"""What all entries in the menus of a system share: their files, and the command that they run."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

NAME = "imgpar"
TITLE = "Convert with imgpar"
TITLE_ZH = "用 imgpar 转换"
MODULE = "imgpar.desktop"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One file of the system's menus."""

    path: Path
    content: bytes
    what: str
    executable: bool = False


def command() -> list[str]:
    """The words that open the window: of this Python, or of the program in which it is bundled."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [windowless() if sys.platform == "win32" else sys.executable, "-m", MODULE]


def windowless() -> str:
    """The Python executable without a console on Windows, if it exists."""
    own = Path(sys.executable)
    without = own.with_name(own.name.lower().replace("python", "pythonw", 1))
    return str(without if without.exists() else own)
