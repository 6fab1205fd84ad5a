"""Pseudo-terminals, where there are any."""

from __future__ import annotations

import os
import shutil

import pytest


def open_terminal() -> tuple[int, int]:
    """Both ends of a new one; skips where the system has none to give."""
    try:
        return os.openpty()
    except (AttributeError, OSError) as error:
        pytest.skip(f"there are no pseudo-terminals here: {error}")


def needs(*programs: str) -> None:
    """Skip a test whose programs are not installed."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        pytest.skip(f"not installed here: {', '.join(missing)}")
