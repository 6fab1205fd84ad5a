"""Preparation of a run: workers, lock, journal, planner, and the facts for workers and `retry`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Protocol

from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import GatherPlanner, settings_key
from imgpar.batch.inplace.run_folders import Homes, KeptOriginals
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.planner import Planner
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.selection import Selection
from imgpar.batch.sharding import sharded
from imgpar.batch.twins import check_duplicates
from imgpar.batch.workers import Workers
from imgpar.core.addresses import clean_address, is_address
from imgpar.core.errors import OutputError, UsageError
from imgpar.core.fs import no_room
from imgpar.core.job import Item, Job, Outcome, SeenWants
from imgpar.core.locks import OutLock
from imgpar.core.tempfiles import temporary
from imgpar.formats.registry import FORMATS, format_of_suffix
from imgpar.inputs.batches import Batch, of_kind
from imgpar.inputs.companions import with_sidecars
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.lists import InputList
from imgpar.inputs.local import scan, scan_in_order
from imgpar.inputs.others import with_others
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import absolute
from imgpar.inputs.samples import with_columns
from imgpar.inputs.sources import Access, Source, sources_of, with_number, with_sources
from imgpar.outputs.destination import Out, read_out
from imgpar.outputs.extracted import ExtractedWishes
from imgpar.outputs.shards.samples import RESERVED
from imgpar.outputs.sinks import Sink
from imgpar.outputs.target_formats import check_kinds, may_become_clips
from imgpar.outputs.wishes import WishedOutput
from imgpar.recipe.recipe import Recipe


class Among(Protocol):
    """What a run takes of its inputs, where another run follows: see `batch.watch`."""

    def enters(self, folder: str) -> bool:
        """Whether this folder or one below it has to be read."""

    def among(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """What is taken of all batches."""

    def rests(self, entry: Job | Outcome) -> bool:
        """Whether an entry of the plan is left to a later run."""


def input_batches(
    named: Sequence[str | Source] | InputList,
    place: Out,
    options: RunOptions,
    patterns: Patterns,
    *,
    kind: str = "",
    in_order: bool = False,
    formats: Collection[str] = (),
    selection: Selection | None = None,
    among: Among | None = None,
) -> Iterator[Batch]:
    """The inputs of a run, folder by folder.

    Args:
        named: files, folders, patterns and sources, or a list of inputs.
        place: where the outputs go; a folder of outputs among the inputs is left out.
        options: whether sidecars go along.
        patterns: which files are taken.
        kind: "image" or "video", if only these are taken from folders.
        in_order: the order of `named` matters, and an input may be named twice.
        formats: of the outputs.
        selection: which of these files are taken, and their order.
        among: what this run takes of all; None takes all.
    """
    for listed in sources_in(named):
        if isinstance(listed, InputList):
            listed.look_for(formats)
    if isinstance(named, InputList):
        if not options.recursive:
            raise UsageError("A list names files, so --no-recursive leaves nothing out.", fix="Leave it out.")
        if options.archives:
            raise UsageError("A list names files, so there are no --archives to open.", fix="Leave it out.")
        batches = with_number(1, named.batches("", patterns))
    elif in_order:
        batches = scan_in_order(named, patterns)
    else:
        for given in named:
            if isinstance(given, FoundArchives) and place.stored:
                given.leave_out(place.path)
        out = None if place.stored else place.path
        batches = scan(named, out=out, patterns=patterns, enters=among.enters if among else None)
    if among:
        batches = among.among(batches)
    if kind:
        batches = of_kind(batches, kind)
    if selection is not None:
        batches = selection.batches(batches, together=in_order)
    if in_order:
        return batches
    if place.stored and getattr(place.stored.sink, "keeps_samples", False):
        batches = with_columns(batches, sources_in(named), RESERVED)
    elif options.companions != "ignore" and not place.in_place:
        batches = with_sidecars(batches, samples=options.companions == "samples")
    if options.others != "skip":
        audio = any(FORMATS[name].kind == "audio" for name in formats)
        place_of_others = "" if place.stored else place.path
        ours = own_files(options, place)
        batches = with_others(batches, patterns, apart=not audio, ours=ours, out=place_of_others)
    return batches


def read_given(
    inputs: Iterable[str | Source], access: Access, *, in_order: bool = False
) -> Sequence[str | Source] | InputList:
    """The inputs of a run with sources for addresses and archives; a list of inputs for a stream.

    Args:
        inputs: a list or tuple is mirrored as a whole, anything else is read as a list.
        access: what the options of the run say to sources.
        in_order: whether the order of the inputs matters.

    Raises:
        UsageError: two sources have one name, or there is none for an address.
    """
    if isinstance(inputs, (list, tuple)):
        named = with_sources(inputs, access, in_order=in_order)
        first = named[0] if len(named) == 1 else None
        return first if isinstance(first, InputList) and first is inputs[0] else named
    return InputList((str(given) for given in inputs), access=access)


def sources_in(named: Sequence[str | Source] | InputList) -> tuple[Source, ...]:
    """The sources of a run, in the order of their numbers."""
    return (named,) if isinstance(named, InputList) else tuple(sources_of(named))


def has_lists(sources: Iterable[Source]) -> bool:
    """Whether some items come from a list, with outputs anywhere below OUT."""
    return any(isinstance(source, InputList) for source in sources)


def new_workers(options: RunOptions) -> Workers:
    """The workers of one run; none is started yet."""
    return Workers(options.jobs, options.memory, worker_memory=options.worker_memory)


def check_others(options: RunOptions, place: Out) -> None:
    """Reject `others` where there is no folder for them; raises UsageError."""
    if options.others != "skip" and (place.in_place or place.name):
        why = "In place other files stay where they are" if place.in_place else "OUT is one file"
        raise UsageError(f"{why}, so there is no --others.", fix="Leave it out.")


def own_files(options: RunOptions, place: Out) -> frozenset[str]:
    """Files of the run that may lie in an input folder."""
    archive = {place.path} if place.stored else set[str]()  # it is not copied into itself
    if not options.journal:
        return frozenset(archive)
    path = os.path.abspath(options.journal)
    return frozenset({path + end for end in ("", "-wal", "-shm", "-journal", ".lock")} | archive)


class LazyWorkers:
    """The workers of a run: those of its session, or new ones, made when they are needed first.

    Args:
        options: of the run.
        stack: closes new workers.
        given: those of a session; None where there is none.
    """

    def __init__(
        self, options: RunOptions, stack: contextlib.ExitStack, given: Workers | None = None
    ) -> None:
        self._options, self._stack, self._workers = options, stack, given

    def __call__(self) -> Workers:
        """The workers."""
        if self._workers is None:
            self._workers = self._stack.enter_context(new_workers(self._options))
        return self._workers


def lock_out(place: Out) -> OutLock:
    """Lock the output folder against other runs. Raises OutputLockedError, OutputError."""
    try:
        return OutLock(place.folder)
    except OSError as error:
        if full := no_room(error, place.folder):
            raise full from error
        raise OutputError(
            f"{place.folder} cannot be written: {error.strerror or error}.", fix="Choose another OUT."
        ) from error


def open_journal(place: Out, options: RunOptions, stack: contextlib.ExitStack) -> Journal:
    """Open the journal: locked where OUT is a folder or a sink, shared by all runs where it is a file.

    Args:
        place: the output.
        options: of the run, with the path of the journal.
        stack: closes a temporary journal.

    Raises:
        OutputError: the journal cannot be opened.
    """
    path, chosen = journal_path(place, options.journal), bool(options.journal)
    base, lock = "" if place.name else place.folder, not place.name
    try:
        return Journal.open(path, base, lock=lock, chosen=chosen, in_place=place.in_place)
    except OutputError:
        if options.journal or not (place.name or place.stored):
            raise
        # A missing or read-only home folder does not prevent the conversion.
        return Journal.open(without_journal(options, stack).journal or "", base, lock=lock)


def check_inputs(
    named: Sequence[str | Source], place: Out, recipe: Recipe, options: RunOptions
) -> frozenset[str]:
    """Refuse formats to which none of the named files can be converted.

    Returns:
        The named pictures with a single frame, in formats of animations, where that decides what they become.

    Raises:
        UsageError: nothing can be converted.
    """
    if recipe.extract.kind:
        ExtractedWishes(place, recipe.to, recipe.extract)
        return frozenset()
    moving = dict.fromkeys(
        path for branch in recipe.branches() for path in may_become_clips(named, place, branch.to)
    )
    still = frozenset[str]()
    if moving:
        from imgpar.batch.facts import still_pictures

        still = still_pictures(list(moving), options)
    check_kinds(named, place, recipe.formats(), chosen=recipe.chosen, still=still)
    return still


def planner(
    place: Out,
    recipe: Recipe,
    options: RunOptions,
    journal: Journal | None,
    *,
    homes: Homes | None = None,
    originals: KeptOriginals | None = None,
    alone: bool = False,
    still: Collection[str] = (),
    listed: bool = False,
) -> Planner:
    """Make the planner of a run.

    Args:
        place: the output.
        recipe: of the run.
        options: of the run.
        journal: with earlier results; None where there is none.
        homes: in place, the journals of all folders.
        originals: in place, where originals are kept.
        alone: whether the run has a single input.
        still: named pictures with a single frame, from `check_inputs`.
        listed: whether some inputs come from a list of addresses.
    """
    outputs = [
        WishedOutput(key, branch.to, branch.encode, branch.name, branch.flat, branch.size)
        for key, branch in zip(run_keys(place, recipe), recipe.branches(), strict=True)
    ]
    return Planner(
        place,
        outputs=outputs,
        on_exists=options.on_exists,
        past=homes or journal,
        originals=originals,
        split=recipe.extract.split,
        extract=recipe.extract if recipe.extract.kind else None,
        verify=options.verify,
        careful=bool(options.journal),
        alone=alone and recipe.chosen,
        still=still,
        copied=options.others == "copy",
        listed=listed,
    )


def check_place(
    named: Sequence[str | Source], out: str | Sink | None, recipe: Recipe, options: RunOptions
) -> Out:
    """Interpret OUT for a recipe.

    Args:
        named: the inputs as given; empty where they come from a list.
        out: as given; None only in place.
        recipe: of the run.
        options: of the run.

    Raises:
        UsageError: OUT cannot be interpreted, or does not fit the outputs of the recipe.
        OutputError: a file is in its place.
    """
    branches = recipe.branches()
    several = len(branches) > 1
    out = sharded(out, options)
    place = read_out(out, named, to=() if several else recipe.formats(), in_place=options.in_place)
    check_others(options, place)
    check_duplicates(options, place)
    if options.deterministic:
        _fix_order(place)
    if place.in_place and (several or recipe.naming.renames or branches[0].name):
        what = "[[output]] tables" if recipe.outputs else "sizes" if recipe.naming.sizes else "a name"
        raise UsageError(
            f"In place an input has one output with its own name, but the recipe has {what}.",
            fix="Name a folder with -o.",
        )
    if any(branch.encode.best_format for branch in branches) and (place.in_place or place.name):
        where = "In place" if place.in_place else f"In {place.name}"
        raise UsageError(
            f"{where} the format is fixed, but best_format chooses it for each picture.",
            fix="Name a folder with -o.",
        )
    if place.name and recipe.naming.renames and not several:
        raise UsageError(
            f"OUT is one file ({place.name}), so there is no template for its name.",
            fix="Name a folder with -o, or leave the template out.",
        )
    if several and place.name:
        raise UsageError(
            f"OUT is named like one file ({place.name}), but the recipe makes {len(branches)} of each input.",
            fix="Name a folder with -o.",
        )
    return place


def _fix_order(place: Out) -> None:
    """Make the archive the same for the same outputs; raises UsageError where OUT is none."""
    if not (place.stored and place.stored.make_deterministic()):
        raise UsageError(
            "OUT is not an archive, so there is no order of its members for deterministic.",
            fix="Leave it out, or name an archive such as out.tar.",
        )


def gathered_place(out: str | Sink | None) -> Out:
    """The file that is made of all inputs; raises UsageError where it is none."""
    if not isinstance(out, str) or format_of_suffix(out) is None:
        raise UsageError("The output needs the name of a file.", fix="Name it with its suffix.")
    path = absolute(out)
    return Out(os.path.dirname(path), os.path.basename(path))


def gather_planner(
    place: Out,
    gather: Gathering,
    key: str,
    options: RunOptions,
    journal: Journal | None,
    arrange: Callable[[Sequence[Item]], Sequence[Item]],
) -> GatherPlanner:
    """Make the planner of a run that makes one file of all inputs.

    Args:
        place: the file.
        gather: what is made.
        key: of the run.
        options: of the run.
        journal: with earlier results; None where there is none.
        arrange: sorts all items.
    """
    target = format_of_suffix(place.name)
    assert target is not None
    return GatherPlanner(
        place, target, gather, key, on_exists=options.on_exists, past=journal, arrange=arrange
    )


def names_digest(items: Iterable[Item]) -> str:
    """A digest of the names of all items, in order: with another one, the file of all is another file."""
    digest = sha256()
    for item in items:
        digest.update(os.fsencode(item.path) + b"\0")
    return digest.hexdigest()


def run_keys(place: Out, recipe: Recipe, gather: Gathering | None = None, members: str = "") -> list[str]:
    """A key for each output of the recipe, of the settings that it depends on; for an output file, its path
    as well; for one made of all inputs, their names too."""
    keys = [branch.key() for branch in recipe.branches()]
    if place.name:
        keys = [f"{key}:{place.path}" for key in keys]
    return [f"{key}:{settings_key(gather)}:{members}" for key in keys] if gather else keys


def run_spec(
    name: str,
    recipe: Recipe,
    options: RunOptions,
    workers: Workers,
    *,
    written: str,
    base: str,
    parts: str,
    sources: tuple[Source, ...] = (),
    gather: Gathering | None = None,
    sees: SeenWants | None = None,
) -> RunSpec:
    """Make the facts of a run that are sent to workers.

    Args:
        name: of the run, for temporary files.
        recipe: of the run.
        options: of the run.
        workers: for the memory limit.
        written: folder of the write-ahead log; empty for none.
        base: folder that its paths are relative to; empty where they are absolute.
        parts: folder for parts of long clips; empty for none.
        sources: of items that are no files.
        gather: what is made of all items together.
        sees: what the sink asks about the content of each input.

    Raises:
        OutputError: `written` or `parts` is a symbolic link.
    """
    for folder in (written, parts):
        if os.path.islink(folder):
            raise OutputError(f"{folder} is a link; nothing was written to it.", fix="Remove it.")
    first, *others = output_specs(recipe)
    return RunSpec(
        name,
        first.operations,
        first.encode,
        first.encode.reading(workers.limits(options)),
        extract=recipe.extract,
        strict=options.strict,
        verify=options.verify,
        staged=options.schedule == "staged",
        written=written,
        base=base,
        parts=parts,
        sources=sources,
        branches=(first, *others) if others else (),
        gather=gather,
        sees=sees,
        link_others=options.others == "link",
    )


def run_facts(
    command: str,
    inputs: Iterable[str | Source] | None,
    listed: InputList | None,
    place: Out,
    recipe: str | None,
    options: RunOptions,
    *,
    chosen: bool,
) -> dict[str, object]:
    """Make the facts of a run that are stored for `retry`.

    Args:
        command: name of the command.
        inputs: as given; None where they came from a list.
        listed: that list.
        place: the output.
        recipe: as TOML; None where it cannot be serialized.
        options: of the run.
        chosen: whether the output format was chosen by the user.
    """
    places = _places_of(inputs or ())
    return {
        "command": command,
        "inputs": None if inputs is None else places,
        "list": listed.facts if listed else None,
        "secrets": any(isinstance(given, str) and _has_secrets(given) for given in inputs or ()),
        "folder": os.getcwd(),
        "out": place.path,
        "in_place": place.in_place,
        "recipe": recipe,
        "chosen": chosen,
        "include": options.include,
        "exclude": options.exclude,
        "where": [condition.text for condition in options.where],
        "sort": ",".join(map(str, options.sort)),
        "reverse": options.reverse,
        "others": options.others,
        "recursive": options.recursive,
        "archives": options.archives,
    }


def _places_of(given: Iterable[str | Source]) -> list[str] | None:
    """The inputs as they may be stored; None where that is not enough to read them again: sources, and
    addresses with secrets."""
    places = list[str]()
    for one in given:
        if not isinstance(one, str) or _has_secrets(one):
            return None
        places.append(one if is_address(one) else os.path.abspath(one))
    return places


def _has_secrets(given: str) -> bool:
    return is_address(given) and clean_address(given) != given


def recipe_without_places(recipe: Recipe, text: str | None) -> str | None:
    """`text`, the recipe for the journal; None where operations contain absolute paths."""
    named = any(
        isinstance(getattr(operation, name), str) and os.path.isabs(getattr(operation, name))
        for branch in recipe.branches()
        for operation in branch.operations
        for name in operation.options()
    )
    return None if named else text


def without_journal(options: RunOptions, stack: contextlib.ExitStack) -> RunOptions:
    """The options with a temporary journal, which is removed when `stack` is closed."""
    folder = stack.enter_context(temporary())
    return replace(options, journal=os.path.join(folder, "journal.db"))
