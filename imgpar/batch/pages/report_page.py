"""The report of a run as one page for people (`--report FILE.html`): nothing is loaded from elsewhere, and
without JavaScript every row is there. Failures come first, then what lost something."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from imgpar.batch.pages import markup
from imgpar.batch.pages.asking import Answers, Look, may_be_seen
from imgpar.batch.pages.looks import Looks
from imgpar.batch.pages.paths import address, relative
from imgpar.batch.report import Report, counted, format_size, why_skipped
from imgpar.core.job import Outcome, OutputFile
from imgpar.core.version import __version__

MOST_ROWS = 10_000
"""Rows of each section. Browsers become slow with more; the JSON report lists every input."""
MOST_THUMBNAILS = 5_000
"""Rows with thumbnails: two of about 1.3 kB each, which are a third longer in Base64."""
MOST_FILES = 12
"""Outputs listed in a row."""
KINDS = {
    "failed": "Failed",
    "lost": "Converted, with losses",
    "ok": "Converted",
    "planned": "Would be converted",
    "skipped": "Skipped",
}
"""Sections in their order."""
ORDERS = {
    "input": "in order of the inputs",
    "name": "by name",
    "saved": "most bytes saved first",
    "size": "largest first",
    "time": "slowest first",
}


@dataclass(slots=True)
class _Section:
    """The outcomes of one kind, up to the limit, and how many there are."""

    rows: list[tuple[int, Outcome]] = field(default_factory=list)
    count: int = 0

    def add(self, number: int, outcome: Outcome) -> None:
        self.count += 1
        if len(self.rows) < MOST_ROWS:
            self.rows.append((number, outcome))


def report_page(report: Report, path: str, look: Look | None) -> Iterator[str]:
    """The page.

    Args:
        report: of the run.
        path: of the page, absolute; links are relative to its folder.
        look: asks workers for thumbnails; None leaves them out.
    """
    sections, single = {kind: _Section() for kind in KINDS}, True
    for number, outcome in enumerate(report.items):
        sections[_kind(outcome)].add(number, outcome)
        single = single and len(outcome.outputs) <= 1
    return markup.page(
        f"{'Dry run' if report.dry_run else 'Report'}: {_in_words(report)}",
        "report",
        _body(report, sections, os.path.dirname(path), look, single=single),
        style="report.css",
        script="report.js",
    )


def _kind(outcome: Outcome) -> str:
    return "lost" if outcome.status == "ok" and outcome.lost else outcome.status


def _in_words(report: Report) -> str:
    if report.dry_run:
        return f"{report.planned} planned, {report.skipped} skipped, {report.failed} failed"
    return f"{report.ok} ok, {report.skipped} skipped, {report.failed} failed"


def _body(
    report: Report, sections: dict[str, _Section], folder: str, look: Look | None, *, single: bool
) -> Iterator[str]:
    yield from _head(report, single=single)
    yield from _tools(sections)
    seen = [one for kind in ("lost", "ok") for one in sections[kind].rows][:MOST_THUMBNAILS] if look else []
    answers = Answers(look(path for _, outcome in seen for path in _pictured(outcome)) if look else iter(()))
    yield "<main>\n"
    left = len(seen)
    for kind, title in KINDS.items():
        section = sections[kind]
        if not section.count:
            continue
        yield f'<section data-kind="{kind}">\n<h2>{title} ({section.count:,})</h2>\n<ul class="rows">\n'
        for number, outcome in section.rows:
            looks: list[Looks | None] = []
            if kind in ("lost", "ok") and left:
                left -= 1
                looks = [answers.take(path) for path in _pictured(outcome)]
            yield _row(number, outcome, looks, folder)
        yield "</ul>\n"
        if more := section.count - len(section.rows):
            yield f'<p class="dim">… and {more:,} more; --report FILE.json lists every input.</p>\n'
        yield "</section>\n"
    yield "</main>\n<footer>"
    made = sections["lost"].count + sections["ok"].count
    if look and made > len(seen):
        yield f"The first {len(seen):,} of {made:,} converted files have thumbnails. "
    yield f"imgpar {__version__}</footer>\n"


def _head(report: Report, *, single: bool) -> Iterator[str]:
    what = "Dry run" if report.dry_run else "Stopped" if report.cancelled or report.stopped else "Report"
    yield f"<header>\n<h1>{what}</h1>\n"
    if report.out:
        yield f'<p class="dim">{markup.name(report.out)}</p>\n'
    if report.stopped:
        yield f'<p class="error">{markup.escape_text(report.stopped)}</p>\n'
    yield '<dl class="sums">\n'
    for label, value, mark in _sums(report, single=single):
        yield f'<div class="{mark}"><dt>{label}</dt><dd>{value}</dd></div>\n'
    yield "</dl>\n"
    remarks = [f"Lost: {what} in {counted(count, 'file')}." for what, count in report.lost.items()]
    remarks += [
        f"Skipped: {why_skipped(reason)} ({count:,})." for reason, count in report.reasons.items() if reason
    ]
    remarks += report.notes
    if report.left:
        remarks.append(f"{counted(report.left, 'planned input')} not done; the same command goes on.")
    if report.ignored:
        remarks.append(f"{counted(report.ignored, 'file')} of other kinds left alone.")
    if report.excluded:
        remarks.append(f"{report.excluded:,} excluded.")
    if report.can_retry:
        remarks.append(report.retry_advice())
    if remarks:
        yield (
            '<ul class="notes">\n'
            + "".join(f"<li>{markup.escape_text(one)}</li>\n" for one in remarks)
            + "</ul>\n"
        )
    yield "</header>\n"


def _sums(report: Report, *, single: bool) -> Iterator[tuple[str, str, str]]:
    """Label, value and class of the tiles. What is saved has a meaning if each input has one output."""
    yield "Inputs", f"{report.total:,}", ""
    if report.dry_run:
        yield "Planned", f"{report.planned:,}", ""
    else:
        yield "Converted", f"{report.ok:,}", ""
    yield "Skipped", f"{report.skipped:,}", ""
    yield "Failed", f"{report.failed:,}", "failed" if report.failed else ""
    if report.bytes_out:
        yield "Before", format_size(report.bytes_in), ""
        yield "After", format_size(report.bytes_out), ""
    if report.bytes_out and single:
        saved = report.bytes_in - report.bytes_out
        share = _percent(saved, report.bytes_in)
        yield (
            ("Saved" if saved >= 0 else "More"),
            f"{format_size(abs(saved))}{share}",
            "saved" if saved > 0 else "",
        )
    if not report.dry_run:
        yield "Time", _duration(report.seconds), ""


def _percent(part: int, whole: int) -> str:
    return f" · {abs(part) / whole:.0%}" if whole else ""


def _duration(seconds: float) -> str:
    """
    >>> _duration(3.21), _duration(75), _duration(7300)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _tools(sections: dict[str, _Section]) -> Iterator[str]:
    """Filters and order, shown by the script."""
    yield '<form class="tools" role="search" hidden>\n'
    yield '<button type="button" value="" aria-pressed="true">All</button>\n'
    for kind, title in KINDS.items():
        if sections[kind].count:
            yield f'<button type="button" value="{kind}" aria-pressed="false">{title}</button>\n'
    yield '<input type="search" placeholder="Name or message" aria-label="Name or message">\n'
    options = "".join(f'<option value="{key}">{words}</option>' for key, words in ORDERS.items())
    yield f'<select aria-label="Order">{options}</select>\n<output aria-live="polite"></output>\n</form>\n'


# ----- rows ---------------------------------------------------------------------------------------------


def _pictured(outcome: Outcome) -> list[str]:
    """The files of a row of which it has thumbnails: the input, and its first output that is a picture."""
    after = next((file.path for file in outcome.outputs if may_be_seen(file.path)), "")
    before = outcome.source if outcome.source != after and may_be_seen(outcome.source) else ""
    return [path for path in (before, after) if path]


def _row(number: int, outcome: Outcome, looks: Sequence[Looks | None], folder: str) -> str:
    after = sum(file.bytes for file in outcome.outputs)
    sizes = outcome.status == "ok" and after
    start = markup.tag(
        "li",
        class_=f"row {outcome.status}",
        data_n=number,
        data_before=outcome.source_bytes or None,
        data_after=after if sizes else None,
        data_time=f"{outcome.seconds:.3f}" if outcome.seconds else None,
    )
    thumbs = "<span>→</span>".join(_thumbnail(found) for found in looks if found and found.thumbnail)
    parts = [
        f'<span class="state">{outcome.status}</span>',
        f'<div class="thumbs">{thumbs}</div>',
        f'<div class="what">{"".join(_what(outcome, folder))}</div>',
        f'<div class="numbers">{_numbers(outcome, after if sizes else 0)}</div>',
    ]
    return start + "".join(parts) + "</li>\n"


def _thumbnail(looks: Looks) -> str:
    width, height = looks.thumbnail_size
    source = markup.data_uri(looks.thumbnail, "image/webp")
    return markup.tag("img", src=source, width=width, height=height, alt="", loading="lazy", decoding="async")


def _what(outcome: Outcome, folder: str) -> Iterator[str]:
    place, name = os.path.split(outcome.source)
    yield f'<div class="title">{_link(outcome.source, name or outcome.source, folder)}</div>'
    if place:
        yield f'<div class="dim">{markup.name(place)}</div>'
    if outcome.error:
        yield f'<p class="error">{markup.escape_text(outcome.error)}</p>'
    if outcome.reason:
        yield f'<p class="remark">{markup.escape_text(why_skipped(outcome.reason))}</p>'
    if outcome.outputs and outcome.status != "failed":
        files = [_output(file, folder) for file in outcome.outputs[:MOST_FILES]]
        if more := len(outcome.outputs) - len(files):
            files.append(f"<li>… and {more:,} more</li>")
        yield f'<ul class="files">{"".join(files)}</ul>'
    yield from (f'<span class="lost">lost: {markup.escape_text(what)}</span>' for what in outcome.lost)
    yield from (f'<p class="remark">{markup.escape_text(note)}</p>' for note in outcome.notes)
    columns = (f"{name}: {value}" for name, value in outcome.columns if value)
    yield from (f'<p class="remark">{markup.escape_text(column)}</p>' for column in columns)
    yield from _details(outcome)


def _details(outcome: Outcome) -> Iterator[str]:
    lines = [f"{stage:9} {seconds:.3f} s" for stage, seconds in outcome.stages]
    if outcome.stage:
        lines.append(f"failed in stage {outcome.stage} ({outcome.kind})")
    if not (lines or outcome.traceback):
        return
    said = [markup.escape_text(line) for line in (*lines, *outcome.traceback.splitlines())]
    yield f"<details><summary>details</summary><pre>{chr(10).join(said)}</pre></details>"


def _output(file: OutputFile, folder: str) -> str:
    size = f" · {file.width}×{file.height}" if file.width else ""
    weight = f" · {format_size(file.bytes)}" if file.bytes else ""
    link = _link(file.path, os.path.basename(file.path), folder)
    return f'<li>→ {link}<span class="dim">{size}{weight}</span></li>'


def _link(path: str, shown: str, folder: str) -> str:
    """A link to a file; only its name where it has no address, such as in an archive."""
    if not os.path.isabs(path):
        return markup.name(shown)
    return markup.tag("a", href=address(relative(path, folder))) + markup.name(shown) + "</a>"


def _numbers(outcome: Outcome, after: int) -> str:
    before, lines = outcome.source_bytes, list[str]()
    if len(outcome.outputs) > 1 and after:
        files = f"{len(outcome.outputs):,} files, {format_size(after)}"
        lines = [f"<div>{format_size(before)}</div>", f"<div>→ {files}</div>"]
    elif after:
        lines = [f"<div>{format_size(before)} → {format_size(after)}</div>", _change(before, after)]
    elif before:
        lines = [f"<div>{format_size(before)}</div>"]
    if outcome.seconds:
        lines.append(f'<div class="dim">{outcome.seconds:.2f} s</div>')
    return "".join(lines)


def _change(before: int, after: int) -> str:
    if not before or before == after:
        return ""
    share = f"{abs(before - after) / before:.0%}"
    return f"<div><strong>−{share}</strong></div>" if after < before else f'<div class="more">+{share}</div>'
