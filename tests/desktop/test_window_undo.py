"""Taking back what a drop has made, where the disk refuses."""

from __future__ import annotations

import imgpar
from imgpar.desktop.history import DropResult
from imgpar.desktop.undo import Undone, undo_drop


def test_an_original_that_the_disk_does_not_give_back_is_counted(monkeypatch):
    def refused(path: str) -> imgpar.Report:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(imgpar, "undo", refused)
    past = DropResult((imgpar.Outcome("/in/a.jpg", "ok"),), ("/in",), replaced=True)
    assert undo_drop(past) == Undone(0, 1, restored=True)
