"""The report of the window: a page with all results since the window was last idle, opened in a browser.

It lies beside the outputs: browsers in a sandbox read no temporary files, and it can be kept or sent. Undo
deletes it.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import imgpar
from imgpar.desktop.board import Board

PAGE = "imgpar-report.html"


@dataclass(frozen=True, slots=True)
class Reported:
    """The page, or why it was not written."""

    page: imgpar.OutputFile | None = None
    error: Exception | None = None


def write_page(report: imgpar.Report, cancel: imgpar.CancelToken) -> Reported:
    """Write the page into the output folder of a report.

    Args:
        report: of all results.
        cancel: leaves the remaining thumbnails out.
    """
    path = os.path.join(report.out, PAGE)
    try:
        os.makedirs(report.out, exist_ok=True)  # nothing may have been converted
        imgpar.save_report(report, path, cancel=cancel)
        status = os.lstat(path)
    except (imgpar.ImgparError, OSError) as error:
        return Reported(error=error)
    times = status.st_mtime_ns, status.st_ctime_ns
    return Reported(imgpar.OutputFile(path, status.st_size, mtime_ns=times[0], ctime_ns=times[1]))


def board_report(board: Board, **facts: Any) -> imgpar.Report:
    """The results of a board as a report; `facts` are fields of it that the board does not know.

    >>> board = Board()
    >>> board.add(imgpar.Outcome("/a.jpg", "ok", lost=("gps",)))
    >>> board_report(board, out="/web").lost
    {'gps': 1}
    """
    outcomes = [row.outcome for row in board.rows if row.outcome]
    lost = Counter(what for outcome in outcomes if outcome.status != "skipped" for what in set(outcome.lost))
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.status == "skipped")
    counts = board.counts
    return imgpar.Report(
        items=outcomes, ok=counts["ok"], failed=counts["failed"], skipped=counts["skipped"],
        lost=dict(lost), reasons=dict(reasons), seconds=board.seconds,
        bytes_in=board.bytes_in, bytes_out=board.bytes_out, **facts,
    )  # fmt: skip
