"""What the figures of a run depend on: processor, system, versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from measure import LINUX
from peers import HERE

PACKAGES = [
    "pillow", "numpy", "opencv-python-headless", "opencv-python", "simplejpeg", "cykooz.resizer", "kornia_rs",
    "deflate", "pylibjxl", "imagecodecs", "av",
]  # fmt: skip


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    model = platform.processor()
    if LINUX:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (text.partition(":")[2].strip() for text in lines if text.startswith("model name")), model
        )
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    git = ["git", "-C", str(HERE), "rev-parse", "HEAD"]
    return {
        "system": platform.platform(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "commit": subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip(),
        "packages": versions,
    }
