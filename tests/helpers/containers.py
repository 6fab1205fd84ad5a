"""Programs as in a container: with process numbers of their own, in which this process is unknown."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any

import pytest

CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def contained(*command: object, **settings: Any) -> subprocess.Popen[str]:
    """Start a command as number 1 of a pid namespace; folders and shared memory are those of everybody."""
    allowed = sys.platform == "linux" and shutil.which("unshare")
    if not allowed or subprocess.run([*CONTAINER, "true"], check=False, capture_output=True).returncode:
        pytest.skip("pid namespaces need privileges")
    return subprocess.Popen([*CONTAINER, *map(str, command)], text=True, **settings)
