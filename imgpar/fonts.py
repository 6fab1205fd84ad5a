"""Fonts of the system: those that stand for a generic family, and those that have a letter.

fontconfig is asked where it is there (Linux, and elsewhere where somebody installed it); on other systems the
fonts that come with them are known by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

GENERIC = {
    "sans_serif": ("sans-serif", ("Segoe UI", "Arial", "Helvetica", "DejaVu Sans", "Liberation Sans")),
    "serif": ("serif", ("Times New Roman", "Times", "DejaVu Serif", "Noto Serif", "Liberation Serif")),
    "monospace": ("monospace", ("Consolas", "Menlo", "Courier New", "DejaVu Sans Mono", "Liberation Mono")),
    "cursive": ("cursive", ("Comic Sans MS", "Apple Chancery")),
    "fantasy": ("fantasy", ("Impact", "Papyrus")),
}  # fmt: skip
"""Generic families: what fontconfig calls them, and families that stand for them, the best first."""
_FOLDERS = {
    "win32": (r"%WINDIR%\Fonts", r"%LOCALAPPDATA%\Microsoft\Windows\Fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
}
_UNIX = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_SECONDS = 20


@cache
def families() -> dict[str, str]:
    """The family that stands for each generic one; empty where no font is installed.

    >>> set(families()) <= set(GENERIC)
    True
    """
    found = {name: _matched(generic) for name, (generic, _) in GENERIC.items()}
    if not any(found.values()):
        known = _installed_families()
        found = {name: next(filter(known.__contains__, usual), "") for name, (_, usual) in GENERIC.items()}
    usual = found["sans_serif"] or next(filter(None, found.values()), "")
    return {name: family or usual for name, family in found.items() if family or usual}


def lacking(letters: Iterable[str]) -> str:
    """Those letters that no installed font has; nothing where that cannot be told.

    >>> lacking("A")
    ''
    """
    return "".join(letter for letter in letters if not letter.isspace() and with_letter(letter) == [])


@lru_cache(maxsize=4096)
def with_letter(letter: str) -> list[str] | None:
    """Files of fonts that have a letter; None where nobody can be asked."""
    if not _fontconfig():
        return None
    code = f"{ord(letter[0]):x}"
    lines = _told("fc-list", "-f", "%{file}\n", f":charset={code}")
    return sorted({line for line in lines if line.lower().endswith(_SUFFIXES)}, key=_plainness)


def files() -> list[str]:
    """All font files in the folders of this system, plain ones first."""
    return sorted(_files(), key=_plainness)


def _files() -> Iterator[str]:
    for folder in _FOLDERS.get(sys.platform, _UNIX):
        for place, _, names in os.walk(os.path.expanduser(os.path.expandvars(folder))):
            yield from (os.path.join(place, name) for name in names if name.lower().endswith(_SUFFIXES))


def _plainness(path: str) -> tuple[bool, bool, int, str]:
    """Colour and plain styles come first among fonts that have a letter."""
    name = os.path.basename(path).lower()
    styled = any(word in name for word in ("bold", "italic", "oblique", "light", "thin", "black", "cond"))
    return ("emoji" not in name, styled, len(name), path)


@cache
def _fontconfig() -> bool:
    return shutil.which("fc-list") is not None and shutil.which("fc-match") is not None


def _matched(generic: str) -> str:
    """The family that fontconfig takes for a generic one."""
    if not _fontconfig() or not _told("fc-list", "-f", "%{file}\n"):
        return ""
    return next(iter(_told("fc-match", "-f", "%{family[0]}\n", generic)), "")


@cache
def _installed_families() -> frozenset[str]:
    from PIL import ImageFont

    found = set[str]()
    for path in files():
        try:
            found.add(ImageFont.truetype(path, 12).getname()[0] or "")
        except (OSError, AttributeError):
            continue
    return frozenset(found)


def _told(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line]
