"""The command that installs a package into the environment of imgpar."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from importlib.util import find_spec


def pip(what: str, command: str = "install") -> str:
    """The command for this interpreter, to be pasted into a shell.

    >>> pip("rawpy>=0.23").endswith('-m pip install "rawpy>=0.23"')
    True
    """
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    quoted = re.sub(r"(\S*[<>\[]\S*)", r'"\1"', what)
    if getattr(sys, "frozen", False):
        return f"pip {command} imgpar {quoted} (packages cannot be added to this program)"
    tool = _tool(quoted) if command == "install" and not what.startswith("-") else ""
    if tool:
        return tool
    if find_spec("pip") is None:
        if _made_by_uv():
            return f"uv pip {command.removesuffix(' -y')} --python {python} {quoted}"
        return f"{python} -m ensurepip, then {python} -m pip {command} {quoted}"
    forced = " --break-system-packages" if _managed_by_the_system() else ""
    return f"{python} -m pip {command}{forced} {quoted}"


def _tool(what: str) -> str:
    """The command of the installer that created an environment for imgpar only."""
    if os.path.exists(os.path.join(sys.prefix, "pipx_metadata.json")):
        return f"pipx inject {os.path.basename(sys.prefix)} {what}"
    if os.path.exists(os.path.join(sys.prefix, "uv-receipt.toml")):
        return f"uv tool install imgpar --with {what}"
    return ""


def _made_by_uv() -> bool:
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            return any(line.partition("=")[0].strip() == "uv" for line in file)
    except OSError:
        return False


def _managed_by_the_system() -> bool:
    """Whether this is the Python of the operating system, which refuses packages (PEP 668)."""
    here = sysconfig.get_path("stdlib")
    return sys.prefix == sys.base_prefix and os.path.exists(os.path.join(here, "EXTERNALLY-MANAGED"))
