"""Which runs have a sandbox, and what their workers may touch: see `runtime.sandbox`."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass

from imgpar.batch.gather.options import Gathering
from imgpar.batch.journal.journal import Journal
from imgpar.batch.run_options import RunOptions
from imgpar.batch.workers import has_processes
from imgpar.core.addresses import is_address
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.filenames import split_suffix
from imgpar.core.fs import OURS
from imgpar.core.job import Outcome
from imgpar.inputs.archives import Archive
from imgpar.inputs.batches import SIDECARS
from imgpar.inputs.companions import SAMPLES
from imgpar.inputs.few_folders import FewFolders
from imgpar.inputs.lists import InputList
from imgpar.inputs.roots import absolute
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.sandbox import Sandbox, why_unsupported

MOST_FILES = 64
"""Number of named files above which their folders are allowed."""


def check_confinement(options: RunOptions, recipe: Recipe) -> None:
    """Refuse a sandbox where there can be none.

    Args:
        options: of the run.
        recipe: of the run.

    Raises:
        UsageError: this system has no Landlock, or something of the run is done elsewhere.
    """
    if not options.sandbox:
        return
    leave = "Leave it out."
    if options.engine != "local":
        raise UsageError(
            f"The workers of a cluster have no {setting('sandbox', True)}; with {setting('engine', 'ray')} "
            "they belong to the cluster.",
            fix=leave,
        )
    if options.others == "link":
        raise UsageError(
            f"A sandbox forbids links to the inputs, so there is no {setting('others', 'link')}.",
            fix=f"Use {setting('others', 'copy')}, or leave the sandbox out.",
        )
    if _uses_hardware(recipe):
        raise UsageError(
            f"A sandbox keeps the devices for {setting('hardware', True)} from ffmpeg.",
            fix="Leave out one of the two.",
        )
    if has_processes(options.jobs) and (why := why_unsupported()):
        raise UsageError(f"{why}.", fix=f"{leave} imgpar doctor says what works here.")


def is_confined(options: RunOptions, recipe: Recipe, sources: Iterable[Source]) -> bool:
    """Whether the workers of a run are restricted: as its options say, or else where the inputs come from a
    network and nothing but imgpar works on them. Not in folders unless asked for: files there may be links to
    any place, which are followed.

    Args:
        options: of the run.
        recipe: of the run.
        sources: of the run; those that have been read know whether they wait for a network.
    """
    if options.sandbox is not None:
        return options.sandbox
    sources = list(sources)
    if not any(source.waits for source in sources):
        return False
    if _uses_hardware(recipe) or not _may_be_confined(options):
        return False
    return all(map(_is_ours, (*sources, *recipe.every_operation)))


def _uses_hardware(recipe: Recipe) -> bool:
    return any(branch.encode.hardware for branch in recipe.branches())


def _may_be_confined(options: RunOptions) -> bool:
    """Whether workers can be restricted, and nothing that was asked for is lost by it."""
    links = options.others == "link"
    return options.engine == "local" and not links and has_processes(options.jobs) and not why_unsupported()


def _is_ours(part: object) -> bool:
    """Whether nothing but code of imgpar is called by a part of a run."""
    kind = part.own_class if isinstance(part, Source) else type(part)
    functions = (
        any(callable(getattr(part, field.name)) for field in fields(part)) if is_dataclass(part) else False
    )
    return kind.__module__.startswith("imgpar.") and not functions


def sandbox_of(
    named: Sequence[str | Source],
    sources: Iterable[Source],
    recipe: Recipe,
    place: Out,
    journal: Journal | None = None,
    *,
    gather: Gathering | None = None,
) -> Sandbox:
    """What the workers of a run may touch.

    Args:
        named: the inputs, with archives as sources.
        sources: of the run.
        recipe: of the run; files that it names are read.
        place: where the outputs go.
        journal: of the run, once it is open.
        gather: what is made of all inputs; files that it names are read.
    """
    reads = [*_places_of(named), *files_of(recipe, gather)]
    for source in sources:
        reads += _places_of_source(source)
    writes = list[str]()
    if place.in_place:
        writes += [path if os.path.isdir(path) else os.path.dirname(path) for path in _places_of(named)]
        writes.append(os.path.join(place.folder, OURS))
    elif not place.stored:
        writes.append(place.folder)
    if journal is not None:
        writes += [journal.written, f"{journal.path}.parts"]
    return Sandbox(tuple(dict.fromkeys(reads)), tuple(dict.fromkeys(writes)))


def make_folders(place: Out, journal: Journal, stack: contextlib.ExitStack) -> None:
    """Make the folder of the outputs, and those beside the journal in which workers keep notes and parts of
    clips: what does not exist when a worker starts cannot be allowed.

    Args:
        place: of the run.
        journal: of the run.
        stack: removes those that are empty when it is closed.
    """
    made = _missing(place.folder) if not place.stored else []
    for folder in made:
        with contextlib.suppress(OSError):  # the run says why, when it needs it
            os.mkdir(folder)
    for folder in filter(None, (journal.written, f"{journal.path}.parts")):
        if not os.path.lexists(folder):
            with contextlib.suppress(OSError):
                os.mkdir(folder, 0o700)
            made.append(folder)
    for folder in made:  # the last one first
        stack.callback(_remove_empty, folder)


def _missing(folder: str) -> list[str]:
    """The folders above and including this one that do not exist, from the top."""
    found = list[str]()
    while not os.path.lexists(folder):
        found.insert(0, folder)
        folder = os.path.dirname(folder)
    return found


def _remove_empty(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def sandbox_to_read(
    paths: Iterable[str], recipe: Recipe | None = None, sources: Iterable[Source] = ()
) -> Sandbox:
    """What workers may touch that only look at inputs."""
    reads = _places_of(list(paths))
    for source in sources:
        reads += _places_of_source(source)
    return Sandbox((*reads, *(files_of(recipe) if recipe else ())))


def sandbox_to_look(outcomes: Iterable[Outcome], options: RunOptions) -> Sandbox | None:
    """What workers may touch that look at inputs and outputs after a run; None is everything.

    Args:
        outcomes: of the run.
        options: of the run. Where they leave the choice, inputs from addresses decide.
    """
    if options.sandbox is False or (options.sandbox is None and not _may_be_confined(options)):
        return None
    folders, asked = FewFolders(), bool(options.sandbox)
    for outcome in outcomes:
        asked = asked or is_address(outcome.source)
        for path in (outcome.source, *(file.path for file in outcome.outputs)):
            if os.path.isabs(path):
                folders.add(os.path.dirname(path))
    return Sandbox(tuple(folders)) if asked else None


def files_of(recipe: Recipe, gather: Gathering | None = None) -> list[str]:
    """The files that a recipe names: watermarks, fonts, tables of colours and the like."""
    parts = [part for branch in recipe.branches() for part in (*branch.operations, branch.encode)]
    texts = itertools.chain.from_iterable(map(_texts, (*parts, gather)))
    return list(dict.fromkeys(os.path.abspath(text) for text in texts if os.path.isfile(text)))


def _texts(value: object) -> Iterator[str]:
    """All texts in a value of a recipe."""
    if isinstance(value, str):
        if value and "\0" not in value:
            yield value
    elif isinstance(value, (tuple, list, frozenset)):
        for one in value:
            yield from _texts(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _places_of(named: Sequence[str | Source]) -> list[str]:
    """Folders and files that were named, with what lies beside such a file and has its stem: sidecars."""
    folders, files = list[str](), dict[str, list[str]]()
    for given in named:
        if not isinstance(given, str) or is_address(given):
            continue
        path = absolute(given)
        if os.path.isdir(path):
            folders.append(path)
        elif glob.has_magic(path) and not os.path.lexists(path):
            folders.append(_before_pattern(path))
        else:
            files.setdefault(os.path.dirname(path), []).append(path)
    if sum(map(len, files.values())) > MOST_FILES:
        return [*folders, *FewFolders(files)]
    for path in itertools.chain.from_iterable(files.values()):
        folders += [path, *_sidecars(path)]
    return folders


def _before_pattern(path: str) -> str:
    while glob.has_magic(path):
        path = os.path.dirname(path)
    return path


def _sidecars(path: str) -> Iterator[str]:
    """The sidecars of a file that exist."""
    for suffix in (*SIDECARS, *SAMPLES):
        for name in dict.fromkeys((path, split_suffix(path)[0])):
            yield from filter(os.path.isfile, (f"{name}.{suffix}", f"{name}.{suffix.upper()}"))


def _places_of_source(source: Source) -> list[str]:
    if isinstance(source, InputList):
        return list(source.folders)
    if isinstance(source, Archive):
        return [source.path]
    return [source.root] if os.path.isabs(source.root) and os.path.lexists(source.root) else []
