"""Which files and programs a process touches, from its system calls."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def traced(arguments: list[str], folder: Path) -> str:
    """Every system call with a path or an address that a process and its children make, run in a folder.

    Skips the test where calls cannot be traced.
    """
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    log = folder.parent / "calls"
    command = ["strace", "-f", "-s", "4096", "-e", "trace=%file,connect", "-o", str(log), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not log.exists() or "PTRACE" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr[:200]}")
    assert done.returncode == 0, done.stderr
    return log.read_text(errors="replace")
