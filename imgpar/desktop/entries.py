"""Entries in the menus of the system: their files and contents.

    Linux    a .desktop entry, and actions of Nautilus, Caja, Nemo and Dolphin; elsewhere Open with
    Windows  an entry of Send to
    macOS    a Quick Action of Finder

Each starts the window with the Python in which imgpar is installed. They follow the documented formats;
those of Windows and macOS, and the actions of Nautilus, Caja, Nemo and Dolphin, have not been tested.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from platformdirs.windows import Windows

NAME = "imgpar"
TITLE = "Convert with imgpar"
TITLE_ZH = "用 imgpar 转换"
KINDS = (
    *(f"image/{kind}" for kind in ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp", "heic")),
    *("video/mp4", "video/quicktime", "inode/directory"),
)
MODULE = "imgpar.desktop"

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
 <rect x="4" y="4" width="44" height="44" rx="6" fill="#1f5fbf"/>
 <path d="M8 42 L20 24 L29 36 L35 29 L44 42 Z" fill="#ffffff"/>
 <circle cx="35" cy="16" r="5" fill="#ffd166"/>
 <rect x="34" y="34" width="26" height="26" rx="4" fill="#1d6b33" stroke="#ffffff" stroke-width="3"/>
 <path d="M47 40 V53 M41 48 L47 54 L53 48" fill="none" stroke="#ffffff" stroke-width="3"/>
</svg>
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the system's menus."""

    path: Path
    content: bytes
    what: str
    executable: bool = False


def install() -> list[Entry]:
    """Write the entries of this system, replacing those of earlier versions. Raises OSError."""
    made = list(menu_entries())
    for entry in made:
        entry.path.parent.mkdir(parents=True, exist_ok=True)
        if entry.path.suffix == ".lnk":
            _shortcut(entry.path)
        else:
            entry.path.write_bytes(entry.content)
        if entry.executable:
            entry.path.chmod(0o755)
    _index(made)
    return made


def remove_entries() -> list[Path]:
    """Delete the entries of this system; returns the deleted files. Raises OSError."""
    gone = []
    for entry in menu_entries(everywhere=True):
        if entry.path.exists():
            entry.path.unlink()
            gone.append(entry.path)
        contents = entry.path.parent
        if contents.parent.suffix == ".workflow" and contents.is_dir() and not any(contents.iterdir()):
            shutil.rmtree(contents.parent)
    _index(list(menu_entries(everywhere=True)))
    return gone


def _index(made: list[Entry]) -> None:
    """Update the index for "Open with"; an empty index is deleted."""
    folder = next((entry.path.parent for entry in made if entry.what == "menu"), None)
    program = shutil.which("update-desktop-database")
    if folder is None or not folder.is_dir() or not program:
        return
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([program, "-q", str(folder)], check=False, capture_output=True, timeout=60)
        index = folder / "mimeinfo.cache"
        if index.exists() and index.read_text("utf-8").strip() == "[MIME Cache]":
            index.unlink()


def menu_entries(platform: str = "", *, everywhere: bool = False) -> Iterator[Entry]:
    """The entries of a system; on Linux those of the installed file managers, or of all with `everywhere`."""
    platform = platform or sys.platform
    if platform == "win32":
        base = Windows(roaming=True).user_data_path
        place = base / "Microsoft" / "Windows" / "SendTo" / f"{NAME}.lnk"
        yield Entry(place, b"", "Send to")
    elif platform == "darwin":
        yield from _quick_action(Path.home() / "Library" / "Services" / f"{NAME}.workflow" / "Contents")
    else:
        yield from _linux(platformdirs.user_data_path(), everywhere=everywhere)


def _linux(share: Path, *, everywhere: bool) -> Iterator[Entry]:
    icon = share / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"
    yield Entry(icon, SVG.encode(), "icon")
    start = f"{quoted(sys.executable)} -m {MODULE}"
    kinds = "".join(f"{kind};" for kind in KINDS)
    yield Entry(
        share / "applications" / f"{NAME}.desktop",
        f"[Desktop Entry]\nType=Application\nVersion=1.0\nName=imgpar\nName[zh_CN]=imgpar\n"
        f"GenericName=Convert pictures\nGenericName[zh_CN]=转换图片\nExec={start} %F\nIcon=imgpar\n"
        f"Terminal=false\nCategories=Graphics;\nMimeType={kinds}\nStartupWMClass=Imgpar\n".encode(),
        "menu",
    )
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {MODULE} "$@"\n'.encode()
    if everywhere or shutil.which("nautilus"):
        place = share / "nautilus" / "scripts" / TITLE
        yield Entry(place, script, "action of Nautilus", executable=True)
    if everywhere or shutil.which("caja"):
        place = platformdirs.user_config_path() / "caja" / "scripts" / TITLE
        yield Entry(place, script, "action of Caja", executable=True)
    if everywhere or shutil.which("nemo"):
        text = f"[Nemo Action]\nName={TITLE}\nName[zh_CN]={TITLE_ZH}\nExec={start} %F\nIcon-Name=imgpar\n"
        text += "Selection=notnone\nExtensions=any;\nQuote=double\n"
        place = share / "nemo" / "actions" / f"{NAME}.nemo_action"
        yield Entry(place, text.encode(), "action of Nemo")
    if everywhere or shutil.which("dolphin"):
        text = f"[Desktop Entry]\nType=Service\nMimeType={kinds}\nActions=imgpar\n\n[Desktop Action imgpar]\n"
        text += f"Name={TITLE}\nName[zh_CN]={TITLE_ZH}\nIcon=imgpar\nExec={start} %F\n"
        place = share / "kio" / "servicemenus" / f"{NAME}.desktop"
        yield Entry(place, text.encode(), "action of Dolphin", executable=True)


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


def _quick_action(folder: Path) -> Iterator[Entry]:
    """An Automator workflow that runs a shell script with the files."""
    service = {
        "NSMenuItem": {"default": TITLE},
        "NSMessage": "runWorkflowAsService",
        "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
        "NSSendFileTypes": ["public.image", "public.movie", "public.folder"],
    }
    yield Entry(folder / "Info.plist", plistlib.dumps({"NSServices": [service]}), "Quick Action")
    command = f'{shlex.quote(sys.executable)} -m {MODULE} "$@" >/dev/null 2>&1 &'
    kind = "com.apple.cocoa.path"
    action: dict[str, Any] = {
        "AMAccepts": {"Container": "List", "Optional": True, "Types": [kind]},
        "AMProvides": {"Container": "List", "Types": [kind]},
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": command,
            "CheckedForUserDefaultShell": True,
            "inputMethod": 1,
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": "com.apple.RunShellScript",
        "CFBundleVersion": "2.0.3",
        "Class Name": "RunShellScriptAction",
    }
    workflow = {
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": True}],
        "connectors": {},
        "workflowMetaData": {
            "serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject",
            "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
            "serviceApplicationBundleID": "com.apple.finder",
            "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
        },
    }
    yield Entry(folder / "document.wflow", plistlib.dumps(workflow), "workflow of the Quick Action")


def windowless() -> str:
    """The Python executable without a console on Windows, if it exists."""
    own = Path(sys.executable)
    without = own.with_name(own.name.lower().replace("python", "pythonw", 1))
    return str(without if without.exists() else own)


def _shortcut(path: Path) -> None:
    """Write a shortcut with PowerShell. Paths are passed in the environment, which avoids quoting."""
    script = (
        "$link = (New-Object -ComObject WScript.Shell).CreateShortcut($env:IMGPAR_LINK);"
        "$link.TargetPath = $env:IMGPAR_PYTHON;"
        f"$link.Arguments = '-m {MODULE}';"
        "$link.Save()"
    )
    environment = {**os.environ, "IMGPAR_LINK": str(path), "IMGPAR_PYTHON": windowless()}
    command = ["powershell", "-NoProfile", "-NonInteractive", "-Command", script]
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    except subprocess.SubprocessError as error:
        raise OSError(f"PowerShell could not write {path}: {error}") from error
