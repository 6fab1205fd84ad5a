"""Menu entries of Windows: shortcuts in Send to and the Start menu, and verbs of folders and pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imgpar.desktop.entry import NAME, TITLE, MenuEntry, command

CLASSES = r"Software\Classes"
KINDS = ("Directory", r"SystemFileAssociations\image")
"""What has the verb in its context menu."""


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """A key of the current user, and its texts; the name of its default is empty."""

    path: str
    values: tuple[tuple[str, str], ...]


def windows_entries(roaming: Path) -> Iterator[MenuEntry]:
    """The shortcuts; `_shortcut` writes them."""
    shell = roaming / "Microsoft" / "Windows"
    yield MenuEntry(shell / "SendTo" / f"{NAME}.lnk", b"", "Send to")
    yield MenuEntry(shell / "Start Menu" / "Programs" / f"{NAME}.lnk", b"", "Start menu")


def registry_keys() -> list[RegistryKey]:
    """The verbs, for one selected item: Windows starts a program for each of several. Send to takes all."""
    line = f'{subprocess.list2cmdline(command())} "%1"'
    keys = []
    for kind in KINDS:
        verb = rf"{CLASSES}\{kind}\shell\{NAME}"
        keys.append(RegistryKey(verb, (("", TITLE), ("MultiSelectModel", "Single"))))
        keys.append(RegistryKey(rf"{verb}\command", (("", line),)))
    return keys


def write_keys() -> list[str]:
    """Write the verbs; returns their keys. Raises OSError."""
    keys = registry_keys()
    if sys.platform == "win32":
        import winreg

        for key in keys:
            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key.path) as opened:
                for name, text in key.values:
                    winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, text)
    return [key.path for key in keys]


def delete_keys() -> list[str]:
    """Delete the verbs; returns the deleted keys. Raises OSError."""
    gone: list[str] = []
    if sys.platform == "win32":
        import winreg

        for key in reversed(registry_keys()):  # a key with keys inside cannot be deleted
            with suppress(FileNotFoundError):
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key.path)
                gone.append(key.path)
    return gone


def write_shortcut(path: Path) -> None:
    """Write a shortcut with PowerShell. Paths are passed in the environment, which avoids quoting."""
    script = (
        "$link = (New-Object -ComObject WScript.Shell).CreateShortcut($env:IMGPAR_LINK);"
        "$link.TargetPath = $env:IMGPAR_PROGRAM;"
        "$link.Arguments = $env:IMGPAR_ARGUMENTS;"
        "$link.Save()"
    )
    program, *words = command()
    environment = {
        **os.environ,
        "IMGPAR_LINK": str(path),
        "IMGPAR_PROGRAM": program,
        "IMGPAR_ARGUMENTS": subprocess.list2cmdline(words),
    }
    line = ["powershell", "-NoProfile", "-NonInteractive", "-Command", script]
    try:
        subprocess.run(line, env=environment, check=True, capture_output=True, timeout=60)
    except subprocess.SubprocessError as error:
        raise OSError(f"PowerShell could not write {path}: {error}") from error
