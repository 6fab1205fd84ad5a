"""Properties of the system: language, dark mode, resolution, file manager."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

import platformdirs


def system_language() -> str:
    """The language of the system, "zh" or "en"."""
    return "zh" if _system_locale().lower().startswith("zh") else "en"


def _system_locale() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name]
    if sys.platform == "win32":
        import ctypes

        chinese = ctypes.windll.kernel32.GetUserDefaultUILanguage() & 0x3FF == 0x04
        return "zh" if chinese else ""
    if sys.platform == "darwin":
        return answer("defaults", "read", "-g", "AppleLocale")
    return ""


def answer(*command: str) -> str:
    """The output of a system command; empty if it is missing or slow."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=2, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def sharpen_on_windows() -> None:
    """Declare DPI awareness on Windows; to be called before a window is created."""
    if sys.platform == "win32":
        import ctypes

        with suppress(AttributeError, OSError):  # older than Windows 8.1
            ctypes.windll.shcore.SetProcessDpiAwareness(1)


def system_is_dark() -> bool:
    """Whether dark mode is enabled."""
    if sys.platform == "win32":
        import winreg

        place = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        with suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, place) as key:
            return bool(winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0)
        return False
    if sys.platform == "darwin":
        return "dark" in answer("defaults", "read", "-g", "AppleInterfaceStyle").lower()
    return linux_is_dark()


def linux_is_dark() -> bool:
    """Whether GTK_THEME, GNOME or KDE select dark mode, in this order."""
    if theme := os.environ.get("GTK_THEME"):
        return "dark" in theme.lower()
    schema = "org.gnome.desktop.interface"
    if "dark" in answer("gsettings", "get", schema, "color-scheme").lower():
        return True
    try:
        lines = (platformdirs.user_config_path() / "kdeglobals").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.startswith("ColorScheme=") and "dark" in line.lower() for line in lines)


def show(path: str) -> None:
    """Open a folder in the file manager, or a file in its program."""
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606
    else:
        opener = "open" if sys.platform == "darwin" else "xdg-open"
        with suppress(OSError):
            quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
            subprocess.Popen([opener, path], start_new_session=True, **quiet)
