"""The sources of a run have numbers from 1, by which an item names its own (`Item.source`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from imgpar.inputs.batches import PAUSE, Batch, Entries
from imgpar.inputs.sources import Source


def sources_of(inputs: Iterable[str | Source]) -> list[Source]:
    """The sources among the inputs, each once, in the order of their numbers (see `Item.source`)."""
    return list({given.root: given for given in inputs if not isinstance(given, str)}.values())


def with_number(number: int, batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches of source `number`, whose items say so."""
    for batch in batches:
        items = batch.items
        if batch.files or batch is PAUSE:
            yield batch
        elif isinstance(items, Entries):
            others = batch.others.of_source(number) if isinstance(batch.others, Entries) else ()
            yield replace(batch, items=items.of_source(number), others=others)
        else:
            yield replace(batch, items=tuple(item._replace(source=number) for item in items))
