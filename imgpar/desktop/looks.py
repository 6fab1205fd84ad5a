"""Follows the appearance of the system while the window is open."""

from __future__ import annotations

import threading

from imgpar.desktop.system import system_is_dark

PAUSE = 3.0
"""Seconds between two questions to the system."""


class SystemLook:
    """Asks the system in a thread, because the answer of a program may take long.

    `dark` is the latest answer, or None before the first one.
    """

    def __init__(self) -> None:
        self.dark: bool | None = None
        self._end = threading.Event()
        threading.Thread(target=self._ask, name="imgpar-look", daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._end.set()

    def _ask(self) -> None:
        while not self._end.is_set():
            self.dark = system_is_dark()
            self._end.wait(PAUSE)
