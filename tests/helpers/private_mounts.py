"""Shell scripts with mounts of their own, for disks that are small, broken or not ours."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

IMGPAR = f"{sys.executable} -m imgpar convert"


def private(script: str, *arguments: object, needs: str = "true") -> subprocess.CompletedProcess[str]:
    """Run a shell script with mounts of its own; skips where the system does not let us, or where the
    command `needs` fails."""
    command = ["unshare", "--mount", "sh", "-c"]
    allowed = sys.platform == "linux" and shutil.which("unshare")
    probe = "mount -t tmpfs tmpfs /mnt"
    if not allowed or subprocess.run([*command, probe], check=False, capture_output=True).returncode:
        pytest.skip("mount namespaces need privileges")
    if subprocess.run([*command, needs], check=False, capture_output=True).returncode:
        pytest.skip(f"this system cannot do: {needs}")
    run = [*command, script, "sh", *map(str, arguments)]
    return subprocess.run(run, check=False, capture_output=True, text=True)
