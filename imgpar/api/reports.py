"""`imgpar.save_report`: write a report after its run."""

from __future__ import annotations

import os

from imgpar.batch.pages.writing import write_report
from imgpar.batch.report import Report
from imgpar.batch.run_options import RunOptions
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.error_messages import bad_value
from imgpar.outputs.sidefiles import check_report
from imgpar.runtime.scheduler import CancelToken


def save_report(
    report: Report,
    path: str | os.PathLike[str],
    *,
    session: Workers | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Write a report after its run, as `report=` of the run would have done.

    >>> import imgpar
    >>> report = imgpar.convert("photos/", "web/", to="webp")  # doctest: +SKIP
    >>> imgpar.save_report(report, "report.html")  # doctest: +SKIP

    Args:
        report: of a run, or one made with `Report(items=outcomes, ok=…)`.
        path: of the file: a page where it ends in .html, JSON where it ends in .json or has no suffix. An
            existing file is replaced only if it is a report of the same kind. Its folder exists.
        session: workers that make the thumbnails of the page; without it, workers are started for them.
        cancel: leaves the remaining thumbnails out.

    Raises:
        UsageError: `path` has another suffix, or is a file that is no report.
        OutputError: it cannot be written.
    """
    if not isinstance(report, Report):
        raise bad_value("report", "a Report", report)
    final = parsing.named("path", parsing.path, path)
    check_report(final)
    write_report(report, final, RunOptions(), cancel, session)
