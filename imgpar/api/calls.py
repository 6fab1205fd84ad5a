"""What users call: convert, retry, undo, describe. Everything below is wired together here and in `run`."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from imgpar.api.pipeline import Paths, Pipeline, checked, texts
from imgpar.batch import dryrun
from imgpar.batch.inplace.restore import undo as put_back
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.report import Report
from imgpar.batch.report_lines import read_facts
from imgpar.batch.run import Listener, Run
from imgpar.batch.session import Session
from imgpar.batch.settings import RETRY, SESSION_RETRY, run_options
from imgpar.batch.setup import without_journal
from imgpar.batch.verify_outputs import verify as compare
from imgpar.core import parsing
from imgpar.core.errors import ItemError, NoInputError, NothingFailedError, SourceError, UsageError
from imgpar.core.fs import no_room
from imgpar.core.model import (
    Event,
    Job,
    Limits,
    Outcome,
    RunOptions,
    Secret,
)
from imgpar.core.tempfiles import temporary
from imgpar.formats.registry import Format, format_of_suffix, peek, sniff
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.ignored import Aside
from imgpar.outputs.destination import Out, is_home
from imgpar.outputs.sidefiles import check_journal, is_same_file
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

__all__ = ["CancelToken", "convert", "describe", "dry_run", "retry", "run", "undo", "verify"]


def convert(inputs: Paths, out: str | os.PathLike[str] | None = None, **settings: Any) -> Report:
    """Convert files and folders: the command line as a function.

    Operations are keywords, applied in their order; what belongs to one comes after it.

    >>> import imgpar
    >>> report = imgpar.convert("photos/", "web/", resize="1920", to="webp", jobs=8)  # doctest: +SKIP

    Args:
        inputs: one or more files, folders (with everything below) or globs.
        out: folder for the results, or a file name where there is one input file; None only with
            `in_place=True`.
        settings: operations, recipe keys and run options as for `Pipeline.run`; `recipe` is a Recipe, or
            the path or name of one to start from.

    Raises:
        UsageError: a setting is wrong, or no input exists; nothing was written.
        RunError: the run could not begin (OUT locked or not writable).
    """
    return Pipeline(settings.pop("recipe", None)).run(inputs, out, **settings)


def run(
    inputs: Iterable[str],
    out: str | None,
    recipe: Recipe,
    options: RunOptions | None = None,
    *,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
    session: Session | None = None,
    command: str = "",
) -> Report:
    """What `Pipeline.run` and the command line come down to.

    Args:
        inputs: a list or tuple is mirrored as a whole; any other iterable is a list of names, streamed.
            ["-"] is one picture on standard input.
        out: folder or file; "-" is standard output, for one picture; None only in place.
        command: what the user typed, for the journal.
    """
    options, recipe = options or RunOptions(), checked(recipe)
    listen, cancel = on_event or _Silent(), cancel or CancelToken()
    _check(inputs, out, options)
    if options.dry_run:
        notes, aside = list[str](), Aside()
        found = dry_run(inputs, out, recipe, options, tell=notes.append, aside=aside)
        return dryrun.report_of(found, out or "", listen, cancel, notes, aside)
    with contextlib.ExitStack() as stack:
        folder = target = out
        piped = inputs == ["-"] or out == "-"
        if inputs == ["-"]:
            inputs = [spooled := _spooled(stack)]
            listen = _renamed(listen, spooled)
        if out == "-":
            folder = stack.enter_context(temporary())
            target = os.path.join(folder, "out")
        if piped:
            options = without_journal(options, stack)
        report = Run(inputs, target, recipe, options, listen, cancel, command=command).execute(session)
        if piped:
            report = replace(report, items=tuple(report.items), can_retry=False)
        if out == "-":
            _to_stdout(report)
    return report


def _check(inputs: Iterable[str], out: str | None, options: RunOptions) -> None:
    """Refuse what contradicts itself, or would replace what it should not; raises UsageError."""
    named = inputs if isinstance(inputs, (list, tuple)) else ()
    piped = list(named) == ["-"] or out == "-"
    if options.journal:
        if piped:
            raise UsageError("Of standard input and output no journal is kept.", fix="Leave the journal out.")
        check_journal(options.journal, named)
    kept = options.keep_failures
    if kept and os.path.lexists(kept) and not os.path.isdir(kept):
        raise UsageError(f"{kept} is a file; failures are kept in a folder.", fix="Name a folder.")
    _check_originals(options)
    if options.in_place and list(named) == ["-"]:
        raise UsageError("Standard input cannot be replaced.", fix="Name a place with -o OUT.")
    if out and len(named) == 1 and os.path.isfile(out) and is_same_file(out, named[0]):
        fix = "Choose another OUT, or use --in-place."
        raise UsageError(f"{out} is the input itself ({named[0]}).", fix=fix)


def _check_originals(options: RunOptions) -> None:
    if options.keep_originals is not None and not options.in_place:
        raise UsageError(
            "Only --in-place replaces originals, so there are none to keep.",
            fix="Leave out --keep-originals.",
        )


def dry_run(
    inputs: Iterable[str],
    out: str | None,
    recipe: Recipe,
    options: RunOptions | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
    aside: Aside | None = None,
) -> Iterator[Job | Outcome]:
    """What `run` would do: a Job for what it would make, an Outcome for what it would not. Writes nothing.
    `tell` hears what is to be said at the end, `aside` counts what is left out."""
    options, recipe = options or RunOptions(), checked(recipe)
    _check(inputs, out, options)
    if out == "-":
        import tempfile

        out = os.path.join(tempfile.gettempdir(), "imgpar-standard-output")
    with contextlib.ExitStack() as stack:
        if inputs == ["-"]:
            inputs = [_spooled(stack)]
        yield from dryrun.entries(inputs, out, recipe, options, tell, aside)


def ways(job: Job, recipe: Recipe, options: RunOptions) -> list[str]:
    """How outputs would be made where there are several ways, and why so; nothing where it would fail."""
    from imgpar.batch.picture import planar
    from imgpar.video.plan import make_plan
    from imgpar.video.prepare import prepared
    from imgpar.video.probe import probe
    from imgpar.video.segments import may_be_cut

    if job.kind != "stream":
        formats = [target.format for target in job.targets]
        return planar.told(job.item.path, recipe.operations, formats, recipe.encode)
    try:
        clip, found = prepared(probe(job.item.path), recipe.encode), []
        for target in job.targets:
            plan = make_plan(
                clip,
                target.format,
                recipe.operations,
                recipe.encode,
                same_container=_sniffed(job.item.path) == target.format,
                staged=options.schedule == "staged",
            )
            words = "; in parts, and an interrupted run goes on" if may_be_cut(plan, clip) else ""
            found.append(f"{target.format} by {plan.way}: {plan.why}{words}")
        return found
    except ItemError:
        return []


def _sniffed(path: str) -> str:
    with open(path, "rb") as file:
        found = sniff(peek(file.read))
    return found.name if found else ""


def retry(
    out: str | os.PathLike[str],
    inputs: Paths | None = None,
    *,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
    session: Session | None = None,
    command: str = "",
    **settings: Any,
) -> Report:
    """Run again what failed in the last run on `out`, with its recipe.

    Args:
        out: the folder that run wrote to, or worked on in place.
        inputs: what that run was given; None is what this machine remembers.
        on_event, cancel, session: as for `Pipeline.run`.
        command: what the user typed, for the journal.
        settings: `jobs`, `memory`, `timeout`, `on_exists`, `schedule`, `strict`, `companions`,
            `accept_damaged`, `password`, `verify`, `keep_failures`, `keep_originals`, `max_pixels`,
            `max_frames`, `worker_memory`, `journal`, `include`, `exclude` (those of that run, if not given).
            A session has its own `memory` and `worker_memory`.

    Raises:
        UsageError: `out` is not the output of a run, nothing failed there, or it is not known where the
            inputs lay.
    """
    (RETRY if session is None else SESSION_RETRY).check(settings)
    options = run_options(settings)
    out = parsing.path(out)
    path = journal_path(Out(os.path.abspath(out)), options.journal)
    if not os.path.exists(path):
        raise UsageError(f"{out} is not the output of a run.", fix="Name the folder that was given with -o.")
    with Journal.open(path, os.path.abspath(out), chosen=bool(options.journal)) as journal:
        last, failed = journal.last_run(), journal.count_failed()
    if last is None or not failed:
        raise NothingFailedError(f"Nothing failed in {out}, so there is nothing to run again.")
    facts = read_facts(last.uid) or {}
    recipe = _recipe_of(facts.get("recipe") if last.recipe is None else last.recipe, os.fspath(out))
    recipe = replace(recipe, chosen=bool(facts.get("chosen")))
    options = replace(
        options,
        include=options.include or tuple(facts.get("include") or ()),
        exclude=options.exclude or tuple(facts.get("exclude") or ()),
    )
    given = texts(inputs) if inputs is not None else _remembered(facts, os.fspath(out))
    listen, cancel = on_event or _Silent(), cancel or CancelToken()
    place: str | None = os.fspath(out)
    if is_home(os.path.abspath(out)) or facts.get("in_place"):
        place, options = None, replace(options, in_place=True)
        given = given or [os.fspath(out)]
    _check_originals(options)
    again = Run(
        given, place, recipe, options, listen, cancel, command=command, retry=True, moved=inputs is not None
    )
    return again.execute(session)


def _recipe_of(text: str | None, out: str) -> Recipe:
    import tomllib

    if text is None:
        raise UsageError(
            f"The recipe of the last run on {out} is not known: it has functions or files.",
            fix="Run the whole again: only what failed is done.",
        )
    return checked(Recipe.from_dict(tomllib.loads(text), "the recipe in the journal"))


def _remembered(facts: dict[str, Any], out: str) -> list[str]:
    """The inputs of a run as this machine remembers them."""
    inputs = facts.get("inputs")
    if inputs is None and not facts.get("in_place"):
        raise UsageError(
            f"This machine does not know where the inputs of {out} lay.",
            fix="Name them: imgpar retry OUT INPUT...",
        )
    return list(inputs or ())


def verify(out: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> Report:
    """Compare the outputs of all runs on a folder with the digests that were noted when they were written.

    Args:
        out: the folder that was given as OUT, or converted in place, or one in it.
        journal: the journal of the run, if it had one of its own.

    Returns:
        A report with an item for every output: its `source` is the output, and those that were changed,
        damaged or removed since are failed.

    Raises:
        UsageError: `out` is not the output of a run.
    """
    return compare(parsing.path(out), None if journal is None else parsing.path(journal))


def undo(out: str | os.PathLike[str], *, forget: bool = False) -> Report:
    """Put back the originals that `in_place` replaced in and below a folder: bytes, time and mode.

    They are kept until they are forgotten. A file that was changed after the run is left alone and counts as
    failed.

    Args:
        out: the folder that was converted in place, or one in it.
        forget: remove the kept originals instead, to free their space.

    Raises:
        UsageError: no run replaced anything there.
        OutputLockedError: a run is at work there.
    """
    return put_back(parsing.path(out), forget=parsing.named("forget", parsing.switch, forget))


def describe(path: str, password: Secret | None = None) -> dict[str, Any]:
    """What a file says about itself, from its header; for `imgpar info`.

    Raises:
        ItemError: it cannot be read, or is neither picture nor clip.
    """
    from imgpar import formats as codecs
    from imgpar.pixels.layouts import oriented
    from imgpar.video.describe import describe_clip

    try:
        with open(path, "rb") as file:
            found = sniff(data := peek(file.read)) or _named_clip(path)
            if found is not None and found.kind == "video":
                return describe_clip(path, found.name)
            data += file.read()
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    header = codecs.read_header(data, os.path.basename(path), Limits(max_pixels=1 << 62, password=password))
    upright = oriented(header.spec, header.orientation)
    metadata = header.metadata
    return {
        "path": os.path.abspath(path),
        "format": header.format,
        "bytes": len(data),
        "size": upright.size,
        "layout": upright.layout,
        "dtype": upright.dtype,
        "orientation": header.orientation,
        "frames": header.frames,
        "durations_ms": metadata.durations,
        "icc_bytes": len(metadata.icc),
        "exif_bytes": len(metadata.exif),
        "xmp_bytes": len(metadata.xmp),
        "gain_map_bytes": len(metadata.gain_map),
        "dpi": metadata.dpi,
        "lost_when_converted": header.lost,
        "notes": header.notes,
        **{key: value for key, value in header.detail.items() if isinstance(value, (str, int, float, bool))},
    }


def _named_clip(path: str) -> Format | None:
    found = format_of_suffix(path)
    return found if found is not None and found.kind == "video" else None


class _Silent:
    """Nobody listens."""

    in_bulk = True

    def __call__(self, _: object) -> None:
        pass


def _spooled(stack: contextlib.ExitStack) -> str:
    """Standard input as a file: workers read files, and the format decides the name."""
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


def _renamed(listen: Listener, spooled: str) -> Listener:
    """A listener that is told of `-`, as the user wrote it, where a temporary file stands for it."""

    def told(event: Event) -> None:
        outcome = event.outcome
        if outcome is not None and outcome.source == spooled:
            event = replace(event, outcome=outcome._replace(source="-"))
        listen(event)

    return told


def _to_stdout(report: Report) -> None:
    files = [file.path for outcome in report.items for file in outcome.outputs]
    if len(files) > 1:
        raise UsageError("-o - writes one picture, but there are more.", fix="Name a folder with -o.")
    for path in files:
        with open(path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
