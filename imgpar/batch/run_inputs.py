"""The inputs of a run, folder by folder, as its options take and order them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Protocol

from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.core.errors import UsageError
from imgpar.core.job import Item, Job, Outcome
from imgpar.formats.registry import FORMATS
from imgpar.inputs.batches import Batch, of_kind
from imgpar.inputs.companions import with_sidecars
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.lists import InputList
from imgpar.inputs.local import scan, scan_in_order
from imgpar.inputs.numbers import sources_of, with_number
from imgpar.inputs.others import with_others
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.roots import absolute
from imgpar.inputs.samples import with_columns
from imgpar.inputs.sources import Access, Source
from imgpar.outputs.destination import Out
from imgpar.outputs.shards.samples import RESERVED


class Among(Protocol):
    """What a run takes of its inputs, where another run follows: see `batch.watch`."""

    def enters(self, folder: str) -> bool:
        """Whether this folder or one below it has to be read."""

    def among(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """What is taken of all batches."""

    def rests(self, entry: Job | Outcome) -> bool:
        """Whether an entry of the plan is left to a later run."""


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
    _check_root(named, place, options)
    for listed in sources_in(named):
        if isinstance(listed, InputList):
            listed.look_for(formats)
    if isinstance(named, InputList):
        if not options.recursive:
            raise UsageError("A list names files, so --no-recursive leaves nothing out.", fix="Leave it out.")
        if options.archives:
            raise UsageError(
                "A list names pictures and clips, so there are no --archives to open.",
                fix="Leave it out, and name archives as inputs.",
            )
        batches = with_number(1, named.batches("", patterns))
    elif in_order:
        batches = scan_in_order(named, patterns)
    else:
        for given in named:
            if isinstance(given, FoundArchives) and place.stored:
                given.leave_out(place.path)
        out = None if place.stored else place.path
        enters = among.enters if among else None
        base = absolute(options.root) if options.root else ""
        batches = scan(named, out=out, patterns=patterns, enters=enters, base=base)
    if among:
        batches = among.among(batches)
    if kind:
        batches = of_kind(batches, kind)
    if selection is not None:
        batches = selection.batches(batches, together=in_order)
    if in_order:
        return batches
    if place.stored and place.stored.keeps_samples:
        batches = with_columns(batches, sources_in(named), RESERVED)
    elif options.companions != "ignore" and not place.in_place:
        batches = with_sidecars(batches, samples=options.companions == "samples")
    if options.others != "skip":
        audio = any(FORMATS[name].kind == "audio" for name in formats)
        place_of_others = "" if place.stored else place.path
        ours = own_files(options, place)
        batches = with_others(batches, patterns, apart=not audio, ours=ours, out=place_of_others)
    return batches


def _check_root(named: Sequence[str | Source] | InputList, place: Out, options: RunOptions) -> None:
    """Refuse a root where there is nothing to mirror. Raises UsageError."""
    if not options.root:
        return
    if place.in_place:
        raise UsageError("In place there is no OUT that mirrors a root.", fix="Leave the root out.")
    if place.name:
        raise UsageError(
            f"OUT is one file ({place.name}), which mirrors no root.", fix="Name a folder, or leave it out."
        )
    if any(isinstance(given, InputList) for given in sources_in(named)):
        raise UsageError("A list names its outputs itself, so there is no root.", fix="Leave the root out.")
    if not os.path.isdir(options.root):
        raise UsageError(f"The root {options.root} is not a folder.", fix="Name a folder above all inputs.")


def own_files(options: RunOptions, place: Out) -> frozenset[str]:
    """Files of the run that may lie in an input folder."""
    archive = {place.path} if place.stored else set[str]()  # it is not copied into itself
    if not options.journal:
        return frozenset(archive)
    path = os.path.abspath(options.journal)
    return frozenset({path + end for end in ("", "-wal", "-shm", "-journal", ".lock")} | archive)


def names_digest(items: Iterable[Item]) -> str:
    """A digest of the names of all items, in order: with another one, the file of all is another file."""
    digest = sha256()
    for item in items:
        digest.update(os.fsencode(item.path) + b"\0")
    return digest.hexdigest()
