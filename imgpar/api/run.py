"""One run of a recipe, shared by `Pipeline.run` and the command line."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from imgpar.api.settings import checked_recipe
from imgpar.batch import dryrun
from imgpar.batch.confinement import check_confinement
from imgpar.batch.estimate import compare_with_estimate, estimate_key
from imgpar.batch.gather.options import Gathering
from imgpar.batch.report import Report
from imgpar.batch.run import Run
from imgpar.batch.run_inputs import Among
from imgpar.batch.run_options import RunOptions
from imgpar.batch.setup import without_journal
from imgpar.batch.workers import Workers
from imgpar.core.addresses import is_address, last_part
from imgpar.core.error_messages import refuse_address, setting
from imgpar.core.errors import NoInputError, SourceError, UsageError
from imgpar.core.fs import no_room
from imgpar.core.job import Event, Job, Listener, Outcome, hears_starts, is_silent, listens_in_bulk
from imgpar.core.tempfiles import temporary
from imgpar.engines import engine_of
from imgpar.formats.registry import format_of_suffix, peek, sniff
from imgpar.inputs.ignored import Aside
from imgpar.inputs.lists import InputList
from imgpar.inputs.schemes import archive_suffix
from imgpar.inputs.sources import Source
from imgpar.outputs.sidefiles import check_journal, is_same_file
from imgpar.outputs.sinks import Sink
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


def run(
    inputs: Iterable[str | Source],
    out: str | Sink | None,
    recipe: Recipe,
    options: RunOptions | None = None,
    *,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
    workers: Workers | None = None,
    command: str = "",
    gather: Gathering | None = None,
    among: Among | None = None,
) -> Report:
    """Run a recipe; used by `Pipeline.run` and the command line.

    Args:
        inputs: paths and sources; a list or tuple is mirrored as a whole, any other iterable is read as a
            stream of paths. ["-"] is one picture on standard input.
        out: folder, file or sink; "-" is standard output: one picture, or a tar archive of several outputs;
            None only in place.
        command: the command line, for the journal.
        gather: what is made of all inputs together; None makes outputs of each.
        among: what this run takes of the inputs; None takes all.
    """
    options, recipe = options or RunOptions(), checked_recipe(recipe)
    listen, cancel = on_event or Silent(), cancel or CancelToken()
    _check(inputs, out, options, recipe)
    if options.dry_run:
        notes, aside = list[str](), Aside()
        found = planned_entries(inputs, out, recipe, options, tell=notes.append, aside=aside, gather=gather)
        return dryrun.report_of(found, "" if out is None else out, listen, cancel, notes, aside)
    with contextlib.ExitStack() as stack:
        target = out
        piped = inputs == ["-"] or out == "-"
        if inputs == ["-"]:
            inputs = [spooled := _spooled(stack)]
            listen = _Renamed(listen, spooled)
        if out == "-":
            target = _standard_output(inputs, stack)
        if piped:
            options = without_journal(options, stack)
        last = _HeldEnd(listen)
        one = Run(
            inputs,
            target,
            recipe,
            options,
            last,
            cancel,
            engine=engine_of(options),
            command=command,
            gather=gather,
            among=among,
        )
        report = one.execute(workers)
        report = _with_site(report, one.options, listen, cancel, workers)
        last.release()
        if isinstance(out, str) and gather is None and not (piped or among):
            compare_with_estimate(estimate_key(out, [branch.key() for branch in recipe.branches()]), report)
        if piped:
            report = replace(report, items=tuple(report.items), can_retry=False)
        if isinstance(target, str) and out == "-":
            _to_stdout(report, target, as_archive=_has_several(recipe))
    return report


def _check(
    inputs: Iterable[str | Source], out: str | Sink | None, options: RunOptions, recipe: Recipe
) -> None:
    """Reject contradictory options and outputs that would replace an input; raises UsageError."""
    named = [given for given in inputs if isinstance(given, str)] if isinstance(inputs, (list, tuple)) else []
    piped = named == ["-"] or out == "-"
    if options.journal:
        if piped:
            raise UsageError("Of standard input and output no journal is kept.", fix="Leave the journal out.")
        check_journal(options.journal, named)
    if piped and options.engine != "local":
        words = f"Standard input and output are of this process, so there is no {setting('engine', 'ray')}."
        raise UsageError(words, fix="Leave it out, or name files.")
    if options.manifest or options.html or options.base_url:
        from imgpar.batch.pages.writing import check_site

        check_site(options, named, out, piped=piped)
    kept = options.keep_failures
    refuse_address(kept or "", "a folder")
    if kept and os.path.lexists(kept) and not os.path.isdir(kept):
        raise UsageError(f"{kept} is a file; failures are kept in a folder.", fix="Name a folder.")
    check_originals(options)
    check_confinement(options, recipe)
    if options.root and recipe.naming.flat:
        raise UsageError("root and flat exclude each other.", fix="Leave one of them out.")
    listed = not isinstance(inputs, (list, tuple)) or all(isinstance(given, InputList) for given in inputs)
    if options.others != "skip" and listed:
        raise UsageError("A list names every file, so there is no --others.", fix="Name folders as inputs.")
    if recipe.extract.motion and options.accept_damaged:
        raise UsageError(
            "--motion copies the clip unchanged, so there is no --accept-damaged.", fix="Leave it out."
        )
    if out == "-" and recipe.naming.renames and _is_one_file(inputs) and not _has_several(recipe):
        raise UsageError("-o - writes one picture, which has no name.", fix="Name a folder with -o.")
    if out == "-" and options.shard:
        raise UsageError("Shards need a folder (--shard), not standard output.", fix="Name one with -o OUT.")
    if out == "-" and options.deterministic and _is_one_file(inputs):
        raise UsageError("-o - writes what one file becomes, always in one order.", fix="Leave it out.")
    if out == "-" and options.verify and not _is_one_file(inputs):
        fix = "Name an archive with -o, or leave it out."
        raise UsageError("-o - cannot be read again, so there is no --verify.", fix=fix)
    if options.in_place and named == ["-"]:
        raise UsageError("Standard input cannot be replaced.", fix="Name a place with -o OUT.")
    file = out if isinstance(out, str) and os.path.isfile(out) else ""
    if file and len(named) == 1 and is_same_file(file, named[0]):
        fix = f"Choose another OUT, or use {setting('in_place', True)}."
        raise UsageError(f"{out} is the input itself ({named[0]}).", fix=fix)


def _with_site(
    report: Report, options: RunOptions, listen: Listener, cancel: CancelToken, workers: Workers | None
) -> Report:
    """Write the manifest and the snippets that were asked for; most runs do not import what writes them."""
    if not (options.manifest or options.html):
        return report
    from imgpar.batch.pages.writing import write_site

    return write_site(report, options, lambda text: listen(Event("note", text=text)), cancel, workers)


def check_originals(options: RunOptions) -> None:
    """Reject `keep_originals` without `in_place`; raises UsageError."""
    if options.keep_originals is not None and not options.in_place:
        raise UsageError(
            "Only --in-place replaces originals, so there are none to keep.",
            fix=f"Leave out {setting('keep_originals')}.",
        )


def planned_entries(
    inputs: Iterable[str | Source],
    out: str | Sink | None,
    recipe: Recipe,
    options: RunOptions | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
    aside: Aside | None = None,
    gather: Gathering | None = None,
    stack: contextlib.ExitStack | None = None,
) -> Iterator[Job | Outcome]:
    """The plan of `run`: a Job for each input to convert, an Outcome for all others. Writes nothing.

    `tell` is called with notes for the end of the report; `aside` counts files left out; `stack` keeps a copy
    of standard input longer than the iteration.
    """
    options, recipe = options or RunOptions(), checked_recipe(recipe)
    _check(inputs, out, options, recipe)
    if out == "-":
        out = _planned_output(inputs)
    with contextlib.ExitStack() as own:
        if inputs == ["-"]:
            inputs = [_spooled(stack or own)]
        changed = False
        for entry in dryrun.planned_entries(inputs, out, recipe, options, tell, aside, gather):
            changed |= isinstance(entry, Job)
            yield entry
    for name in filter(None, (options.manifest, options.html)):
        sure = changed or not os.path.exists(name)
        tell(f"{name} would be written{'' if sure else ' where its content is not up to date'}.")


class Silent:
    """A listener that ignores all events."""

    in_bulk = silent = True

    def __call__(self, _: object) -> None:
        """Ignore an event."""


class _HeldEnd:
    """A listener that keeps the last event back: notes on the manifest come before it."""

    def __init__(self, listen: Listener) -> None:
        self._listen, self._end = listen, list[Event]()
        self.in_bulk = listens_in_bulk(listen)
        self.silent = is_silent(listen)
        self.starts = hears_starts(listen)

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        if event.kind == "end":
            self._end.append(event)
        else:
            self._listen(event)

    def release(self) -> None:
        """Pass the last event on."""
        for event in self._end:
            self._listen(event)


def _spooled(stack: contextlib.ExitStack) -> str:
    """Write standard input to a temporary file with the suffix of its format; returns the path."""
    folder = stack.enter_context(temporary())
    head = peek(sys.stdin.buffer.read)
    if not head:
        raise NoInputError("Nothing came on standard input.")
    found = sniff(head)
    path = os.path.join(folder, f"stdin.{found.suffix}" if found else "stdin")
    try:
        with open(path, "wb") as file:
            file.write(head)
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        raise no_room(error, folder) or SourceError(
            f"Standard input cannot be kept: {error.strerror or error}."
        ) from error
    return path


class _Renamed:
    """A listener that receives `-` in place of the temporary file with standard input."""

    def __init__(self, listen: Listener, spooled: str) -> None:
        self._listen, self._spooled = listen, spooled
        self.starts = hears_starts(listen)

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        outcome = event.outcome
        if outcome is not None and outcome.source == self._spooled:
            event = event._replace(outcome=outcome._replace(source="-"))
        elif event.text == self._spooled:
            event = event._replace(text="-")
        self._listen(event)


def _is_one_file(inputs: Iterable[str | Source]) -> bool:
    """Whether the input is one file, or standard input: then standard output may be one picture."""
    if not isinstance(inputs, (list, tuple)) or len(inputs) != 1 or not isinstance(inputs[0], str):
        return False
    given = inputs[0]
    if is_address(given):
        return format_of_suffix(last_part(given)) is not None
    return given == "-" or (os.path.isfile(given) and not archive_suffix(given))


def _has_several(recipe: Recipe) -> bool:
    """Whether a recipe makes several outputs of one input, as far as that is known before."""
    return bool(recipe.naming.sizes or recipe.split or len(recipe.branches()) > 1)


def _standard_output(inputs: Iterable[str | Source], stack: contextlib.ExitStack) -> str | Sink:
    """Where the outputs for standard output go: a temporary folder for those of one file, which may turn out
    to be one picture; else straight into an archive."""
    if _is_one_file(inputs):
        return os.path.join(stack.enter_context(temporary()), "out")
    from imgpar.outputs.tar_stream import TarStream

    return TarStream(sys.stdout.buffer)


def _planned_output(inputs: Iterable[str | Source]) -> str | Sink:
    """The same for a dry run, which writes nothing."""
    if _is_one_file(inputs):
        import tempfile

        return os.path.join(tempfile.gettempdir(), "imgpar-standard-output")
    from imgpar.outputs.tar_stream import TarStream

    return TarStream(io.BytesIO())


def _to_stdout(report: Report, folder: str, *, as_archive: bool) -> None:
    """Write the outputs of one input: a picture as it is, several files as a tar archive."""
    files = [file for outcome in report.items for file in outcome.outputs]
    if len(files) > 1 or (files and as_archive):
        from imgpar.outputs.tar_stream import write_tar

        write_tar(sys.stdout.buffer, folder, files)
        return
    for made in files:
        with open(made.path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
