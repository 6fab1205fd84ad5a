"""Menu entries of Linux: a .desktop entry, and actions of Nautilus, Caja, Nemo and Dolphin."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from imgpar.desktop.entry import NAME, TITLE, TITLE_ZH, MenuEntry, command

KINDS = (
    *(f"image/{kind}" for kind in ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp", "heic")),
    *("video/mp4", "video/quicktime", "inode/directory"),
)

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
 <rect x="4" y="4" width="44" height="44" rx="6" fill="#1f5fbf"/>
 <path d="M8 42 L20 24 L29 36 L35 29 L44 42 Z" fill="#ffffff"/>
 <circle cx="35" cy="16" r="5" fill="#ffd166"/>
 <rect x="34" y="34" width="26" height="26" rx="4" fill="#1d6b33" stroke="#ffffff" stroke-width="3"/>
 <path d="M47 40 V53 M41 48 L47 54 L53 48" fill="none" stroke="#ffffff" stroke-width="3"/>
</svg>
"""


def linux_entries(share: Path, *, everywhere: bool) -> Iterator[MenuEntry]:
    """The entries of the installed file managers, or of all."""
    icon = share / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"
    yield MenuEntry(icon, SVG.encode(), "icon")
    start = " ".join(map(quoted, command()))
    kinds = "".join(f"{kind};" for kind in KINDS)
    yield MenuEntry(
        share / "applications" / f"{NAME}.desktop",
        f"[Desktop Entry]\nType=Application\nVersion=1.0\nName=imgpar\nName[zh_CN]=imgpar\n"
        f"GenericName=Convert pictures\nGenericName[zh_CN]=转换图片\nExec={start} %F\nIcon=imgpar\n"
        f"Terminal=false\nCategories=Graphics;\nMimeType={kinds}\nStartupWMClass=Imgpar\n".encode(),
        "menu",
    )
    script = f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n'.encode()
    if everywhere or shutil.which("nautilus"):
        place = share / "nautilus" / "scripts" / TITLE
        yield MenuEntry(place, script, "action of Nautilus", executable=True)
    if everywhere or shutil.which("caja"):
        place = platformdirs.user_config_path() / "caja" / "scripts" / TITLE
        yield MenuEntry(place, script, "action of Caja", executable=True)
    if everywhere or shutil.which("nemo"):
        text = f"[Nemo Action]\nName={TITLE}\nName[zh_CN]={TITLE_ZH}\nExec={start} %F\nIcon-Name=imgpar\n"
        text += "Selection=notnone\nExtensions=any;\nQuote=double\n"
        place = share / "nemo" / "actions" / f"{NAME}.nemo_action"
        yield MenuEntry(place, text.encode(), "action of Nemo")
    if everywhere or shutil.which("dolphin"):
        text = f"[Desktop Entry]\nType=Service\nMimeType={kinds}\nActions=imgpar\n\n[Desktop Action imgpar]\n"
        text += f"Name={TITLE}\nName[zh_CN]={TITLE_ZH}\nIcon=imgpar\nExec={start} %F\n"
        place = share / "kio" / "servicemenus" / f"{NAME}.desktop"
        yield MenuEntry(place, text.encode(), "action of Dolphin", executable=True)


def quoted(word: str) -> str:
    """One argument of an Exec line, quoted as in the Desktop Entry Specification.

    >>> print(quoted("/opt/my python/bin"))
    "/opt/my python/bin"
    """
    word = word.replace("%", "%%")
    if not any(letter in word for letter in " \t\n\"'\\><~|&;$*?#()`"):
        return word
    inside = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return '"' + inside.replace("\\", "\\\\") + '"'
