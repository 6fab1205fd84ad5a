"""What the tests of stores share: variables for clients that are made anew, and the outputs in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgpar.inputs.stores.client import client_of


def use(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables for clients that are made from now on."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client_of.cache_clear()


def files(folder: Path) -> dict[str, bytes]:
    """Names and contents of all outputs in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    }
