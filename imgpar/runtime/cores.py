"""How many workers a session has by default."""

from __future__ import annotations

import os
import sys

from imgpar.core.cgroups import cpu_quota
from imgpar.runtime.arena import MAX_WORKERS

WINDOWS_HANDLES = 60
"""`connection.wait` takes at most 63 handles on Windows before Python 3.13."""


def available_cores() -> int:
    """Cores that this process may use: CPU affinity, and the quota of its cgroups."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if (quota := cpu_quota()) is not None:
        cores = min(cores, quota)
    return min(cores, WINDOWS_HANDLES if sys.platform == "win32" else MAX_WORKERS - 1)
