"""Timing of the window: polling interval and time budget, and settings that keep it responsive."""

from __future__ import annotations

import gc
import sys

TICK = 25
"""Polling interval in milliseconds."""
BUDGET = 0.008
"""Time budget of one poll in seconds."""
REFRESH = 0.1
"""Minimum interval in seconds between updates of texts and numbers, except after user actions."""
SWITCH = 0.0005
"""Thread switch interval in seconds. Every Tk call releases the GIL, and with the default of 5 ms, drawing
twenty rows would take a tenth of a second during a run."""


def tune() -> None:
    """Configure the interpreter for short interruptions of the interface."""
    sys.setswitchinterval(SWITCH)
    # A full collection traverses all results: 70 ms for 30,000 files, and no cycles are created here.
    gc.set_threshold(*gc.get_threshold()[:2], 1000)
    import numpy  # noqa: F401  Importing holds the GIL; the previews would import it during a run.
