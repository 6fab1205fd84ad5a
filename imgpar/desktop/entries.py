"""Entries in the menus of the system: written, and removed.

    Linux    a .desktop entry, and actions of Nautilus, Caja, Nemo and Dolphin; elsewhere Open with
    Windows  entries of Send to and of the Start menu, verbs of folders and of single pictures
    macOS    a program for the Dock and Open with, and a Quick Action of Finder

Each starts the window with the Python in which imgpar is installed, or with the program that bundles it.
They follow the documented formats; those of Windows and macOS, and the actions of Nautilus, Caja,
Nemo and Dolphin, have not been tested.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import platformdirs
from platformdirs.windows import Windows

from imgpar.desktop.entries_linux import linux_entries
from imgpar.desktop.entries_macos import macos_entries
from imgpar.desktop.entries_windows import delete_keys, windows_entries, write_keys, write_shortcut
from imgpar.desktop.entry import MenuEntry

BUNDLES = (".app", ".workflow")


def install() -> list[MenuEntry]:
    """Write the entries of this system, replacing those of earlier versions. Raises OSError."""
    made = list(menu_entries())
    for entry in made:
        entry.path.parent.mkdir(parents=True, exist_ok=True)
        if entry.path.suffix == ".lnk":
            write_shortcut(entry.path)
        else:
            entry.path.write_bytes(entry.content)
        if entry.executable:
            entry.path.chmod(0o755)
    write_keys()
    _index(made)
    return made


def remove_entries() -> list[Path]:
    """Delete the entries of this system; returns the deleted files. Raises OSError."""
    gone = []
    for entry in menu_entries(everywhere=True):
        if entry.path.exists():
            entry.path.unlink()
            gone.append(entry.path)
        _empty_bundle(entry.path)
    delete_keys()
    _index(list(menu_entries(everywhere=True)))
    return gone


def _empty_bundle(path: Path) -> None:
    """Delete the folders of a bundle in which there is no file left."""
    for folder in path.parents:
        inside = folder.suffix in BUNDLES or folder.parent.suffix in BUNDLES or folder.name == "MacOS"
        if not inside or not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()


def _index(made: list[MenuEntry]) -> None:
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


def menu_entries(platform: str = "", *, everywhere: bool = False) -> Iterator[MenuEntry]:
    """The entries of a system; on Linux those of the installed file managers, or of all with `everywhere`."""
    platform = platform or sys.platform
    if platform == "win32":
        yield from windows_entries(Windows(roaming=True).user_data_path)
    elif platform == "darwin":
        yield from macos_entries(Path.home())
    else:
        yield from linux_entries(platformdirs.user_data_path(), everywhere=everywhere)
