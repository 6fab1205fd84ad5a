"""The pace of the window: how often it looks, how long that may take, and what else could keep it waiting."""

from __future__ import annotations

import gc
import sys

TICK = 25
"""Milliseconds between two looks at what has happened."""
BUDGET = 0.008
"""Seconds that one look may take."""
REFRESH = 0.1
"""Seconds between two times that words and numbers change, unless something is pressed."""
SWITCH = 0.0005
"""Seconds after which Python lets the other thread go on. Every call of Tk gives the interpreter away, and
with the usual 5 ms twenty rows would take a tenth of a second while the run is busy."""


def tune() -> None:
    """Have Python never keep the interface waiting for long."""
    sys.setswitchinterval(SWITCH)
    # A full collection looks at every result there is: 70 ms for 30,000 files, and nothing here makes cycles.
    gc.set_threshold(*gc.get_threshold()[:2], 1000)
    import numpy  # noqa: F401  Loading a library holds the interpreter; the previews would do it during a run.
