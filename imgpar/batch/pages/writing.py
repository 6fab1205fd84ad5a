"""Writes what a run leaves for people and sites: its report, its manifest, its page of snippets. Each is
written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from imgpar.batch.confinement import sandbox_to_look
from imgpar.batch.pages.asking import looker, may_be_seen
from imgpar.batch.pages.manifest import manifest_text, read_known
from imgpar.batch.pages.paths import Links
from imgpar.batch.pages.report_page import report_page
from imgpar.batch.pages.site import Known, SiteItem, SpooledItems, site_items
from imgpar.batch.pages.snippets import snippet_page
from imgpar.batch.report import Report
from imgpar.batch.run_options import RunOptions
from imgpar.batch.workers import Workers, new_workers
from imgpar.core.errors import OutputError, UsageError
from imgpar.core.fs import no_room
from imgpar.core.job import Outcome
from imgpar.core.tempfiles import temporary
from imgpar.outputs.sidefiles import check_manifest, check_page, is_page, write_whole
from imgpar.outputs.sinks import Sink, sink_of
from imgpar.runtime.scheduler import CancelToken


def write_report(
    report: Report,
    path: str,
    options: RunOptions,
    cancel: CancelToken | None = None,
    session: Workers | None = None,
) -> None:
    """Write the report of a run: a page where the name ends in .html, else JSON.

    Args:
        report: of the run.
        path: checked with `outputs.sidefiles.check_report`.
        options: of the run.
        cancel: leaves the remaining thumbnails out.
        session: its workers, which make the thumbnails; None starts new ones.

    Raises:
        OutputError: it cannot be written.
    """
    final = os.path.abspath(path)
    _make_folder(final)
    if not is_page(path):
        report.write_json(path)
        return
    with ExitStack() as stack:
        look = None
        if report.ok and not (report.cancelled or report.stopped):
            workers = _workers_for(report.items, options, session, stack)
            look = looker(workers, options, cancel or CancelToken(), "thumbnail")
        _write("report", final, report_page(report, final, look))


def check_site(
    options: RunOptions, inputs: Sequence[str], out: str | Sink | None, *, piped: bool = False
) -> None:
    """Check before a run that its manifest and its snippets can be written.

    Args:
        options: of the run.
        inputs: files that it reads.
        out: of the run.
        piped: whether it reads standard input or writes standard output.

    Raises:
        UsageError: they cannot, or they would replace another file.
    """
    given = [name for name in ("manifest", "html") if getattr(options, name)]
    if not given:
        if options.base_url:
            raise UsageError(
                "--base-url says where the addresses of --manifest and --html begin, but neither was given.",
                fix="Leave it out.",
            )
        return
    stored = not isinstance(out, (str, type(None))) or (out and sink_of(out) is not None)
    if piped or stored:
        what = "standard input and output are" if piped else "OUT is an archive or another store, which is"
        raise UsageError(
            f"--{given[0]} lists files in a folder, but {what} none.", fix="Name a folder with -o."
        )
    folder = out if isinstance(out, str) else ""
    if options.manifest:
        check_manifest(options.manifest, inputs, folder)
    if options.html:
        if not is_page(options.html):
            raise UsageError(f"--html {options.html} is no name of a page.", fix="Let it end in .html.")
        check_page("snippets", options.html, inputs, folder)
    names = [os.path.realpath(name) for name in (options.manifest, options.html, options.journal) if name]
    if len(set(names)) < len(names):
        raise UsageError("--manifest, --html and --journal need a file each.", fix="Name different files.")


def write_site(
    report: Report,
    options: RunOptions,
    tell: Callable[[str], None],
    cancel: CancelToken,
    session: Workers | None = None,
) -> Report:
    """Write the manifest and the snippets of a run.

    Args:
        report: of the run.
        options: of the run.
        tell: receives notes.
        cancel: of the caller.
        session: its workers, which look at the outputs; None starts new ones.

    Returns:
        The report with the notes.

    Raises:
        OutputError: they cannot be written.
    """
    names = [name for name in (options.manifest, options.html) if name]
    if not (names and report.total):
        return report
    note = ""
    if report.cancelled or report.stopped:
        note = f"{' and '.join(names)} was not written, because the run was stopped."
    else:
        with ExitStack() as stack:
            workers = _workers_for(report.items, options, session, stack)
            note = _write_site(report, options, workers, cancel, stack.enter_context(temporary()))
    if not note:
        return report
    tell(note)
    return replace(report, notes=(*report.notes, note))


def _write_site(
    report: Report, options: RunOptions, workers: Workers, cancel: CancelToken, private: str
) -> str:
    """Write both; returns a note, or nothing."""
    out = report.out if os.path.isdir(report.out) else os.path.dirname(report.out)
    manifest = os.path.abspath(options.manifest) if options.manifest else ""
    known: Known = read_known(manifest, out) if manifest else {}
    spool, unseen = SpooledItems(os.path.join(private, "items")), list[str]()
    items = site_items(report.items, looker(workers, options, cancel, "looks"), known)
    spool.fill(_noted(items, unseen))
    if cancel.cancelled or cancel.killed:
        return "The manifest and the snippets were not written, because the run was stopped."
    for what, path, text in _texts(spool, options, out):
        _make_folder(path)
        _write(what, path, text)
    if not unseen:
        return ""
    more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
    return f"{unseen[0]}{more} could not be decoded, so the manifest has no colour and no hashes of it."


def _texts(
    items: Iterable[SiteItem], options: RunOptions, out: str
) -> Iterator[tuple[str, str, Iterable[str]]]:
    """Kind, path and text of each file that was asked for."""
    base = options.base_url or ""
    if options.manifest:
        yield "manifest", os.path.abspath(options.manifest), manifest_text(items, out, base)
    if options.html:
        page = os.path.abspath(options.html)
        yield "page", page, snippet_page(items, Links(os.path.dirname(page), out, base))


def stale_site(
    outcomes: Iterable[Outcome],
    options: RunOptions,
    out: str,
    final: Callable[[Outcome, str], str],
    cancel: CancelToken,
) -> Iterator[str]:
    """Paths of the manifest and the snippets, where they are missing or not as a run would write them.

    Args:
        outcomes: of all inputs; iterated twice, at the same time.
        options: of the run.
        out: folder of the outputs.
        final: for an outcome and the path of one of its outputs, the path where a run would write it.
        cancel: ends it early; nothing is yielded then.
    """
    if not (options.manifest or options.html):
        return
    with ExitStack() as stack:
        look = looker(_workers_for(outcomes, options, None, stack), options, cancel, "looks")
        known = read_known(os.path.abspath(options.manifest), out) if options.manifest else {}
        spool = SpooledItems(os.path.join(stack.enter_context(temporary()), "items"))
        spool.fill(
            item._replace(files=tuple(file._replace(path=final(outcome, file.path)) for file in item.files))
            for outcome, item in zip(outcomes, site_items(outcomes, look, known), strict=True)
        )
        if not cancel.cancelled:
            yield from (
                path for what, path, text in _texts(spool, options, out) if not _is_text(path, text, what)
            )


def _is_text(path: str, text: Iterable[str], what: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == "".join(text).encode(_encoding(what))
    except FileNotFoundError:
        return False


def _encoding(what: str) -> str:
    return "ascii" if what == "manifest" else "utf-8"


def _noted(items: Iterable[SiteItem], unseen: list[str]) -> Iterator[SiteItem]:
    """The items; outputs whose pixels are unknown are added to a list."""
    for item in items:
        pictures = (file for file in item.files if file.format and file.format.kind == "image")
        unseen += [file.path for file in pictures if not file.looks.colour and may_be_seen(file.path)]
        yield item


def _workers_for(
    outcomes: Iterable[Outcome], options: RunOptions, session: Workers | None, stack: ExitStack
) -> Workers:
    """What looks at inputs and outputs, restricted to their folders where the run was."""
    sandbox = sandbox_to_look(outcomes, options)
    if session is None:
        return stack.enter_context(new_workers(options, sandbox))
    if sandbox is None:
        return session
    own = stack.enter_context(session.alike())
    own.confine(sandbox)
    return own


def _make_folder(path: str) -> None:
    """Make the folder of a file that lies in OUT, which a run without outputs has not made."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError:
        return  # the write says why


def _write(what: str, path: str, text: Iterable[str]) -> None:
    try:
        write_whole(path, text, encoding=_encoding(what))
    except OSError as error:
        raise no_room(error, path) or OutputError(
            f"The {what} {path} cannot be written: {error.strerror}.", fix="Choose another place for it."
        ) from error
