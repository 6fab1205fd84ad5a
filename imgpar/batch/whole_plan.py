"""Plans whose names depend on all inputs, or on what is in them: the run is examined before it is planned.

    batches ─► unchanged items ─► properties of the others (workers) ─► names of all ─► entries, by folder

Everything is fixed before the first output is written: a dry run shows the exact names, and none depends on
which worker was faster.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol, overload

from imgpar.batch.incremental import Recorded, Row
from imgpar.batch.plan_entries import Known, outputs_on_disk
from imgpar.core.errors import UsageError
from imgpar.core.job import Item, Job, Outcome, Target
from imgpar.core.properties import HEADER_ONLY, Properties, Wants
from imgpar.inputs.batches import Batch
from imgpar.inputs.companions import SIDECAR
from imgpar.outputs.paths import UNKNOWN
from imgpar.outputs.prior import PriorResult
from imgpar.outputs.templates import HEADER_FIELDS, name_template
from imgpar.outputs.wishes import AllWishes, WishedOutput


class PropertySource(Protocol):
    """Reads properties of inputs; see `batch.properties.PropertyReader`."""

    def ask(self, jobs: Iterable[Job], wants: Wants = HEADER_ONLY) -> None:
        """Read the properties of the items of these jobs."""

    @property
    def stopped(self) -> bool:
        """Whether it was cancelled, so that answers are missing."""

    def of(self, path: str) -> Properties | Outcome | None:
        """The properties of an item, or the outcome of one that cannot be read."""


class Examined(NamedTuple):
    """A batch with what the journal says of its items."""

    batch: Batch
    recorded: Recorded
    known: Known
    found: Sequence[Row | PriorResult | None]
    """For each unchanged item its record."""


class NamesNeed(NamedTuple):
    """What the names of a run depend on."""

    whole: bool = False
    """Whether they are planned for all folders at once."""
    scattered: bool = False
    """Whether outputs may lie in other folders than their inputs, below OUT."""
    wants: Wants | None = None
    """The properties of inputs that names need; None where they need none."""

    @classmethod
    def of(cls, outputs: Sequence[WishedOutput]) -> NamesNeed:
        """What the names of these outputs depend on.

        >>> NamesNeed.of([WishedOutput(name="{stem}-small")])
        NamesNeed(whole=False, scattered=False, wants=None)
        >>> NamesNeed.of([WishedOutput(flat=True)]).scattered
        True
        """
        templates = [name_template(output.name) for output in outputs if output.name]
        fields = frozenset[str]().union(*(template.fields for template in templates))
        sized = any(output.size for output in outputs)
        scattered = any(output.flat for output in outputs) or any(template.folders for template in templates)
        made = sized or bool(fields & {"width", "height"})
        wants = Wants(digest="hash" in fields, made=made) if made or fields & HEADER_FIELDS else None
        if "page" in fields and any(output.options.split for output in outputs):
            raise UsageError(
                "With --pages split the files are called NAME-p1, NAME-p2 …, so there is no {page}.",
                fix="Leave it out.",
            )
        whole = scattered or wants is not None or bool(fields & {"n", "dir", "page"})
        return cls(whole, scattered, wants)


class Joined(Sequence[Item]):
    """The items of several batches, one after the other; they are not copied."""

    def __init__(self, parts: Sequence[Sequence[Item]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Item]:
        for part in self._parts:
            yield from part

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        part = bisect_right(self._ends, index)
        return self._parts[part][index - (self._ends[part - 1] if part else 0)]


def read_needed(parts: Sequence[Examined], wishes: AllWishes, reader: PropertySource, wants: Wants) -> None:
    """Ask for the properties of all items that get names."""

    def jobs() -> Iterator[Job]:
        for part in parts:
            for item, record in zip(part.batch.items, part.found, strict=True):
                if record is not None or item.error or item.format == SIDECAR:
                    continue
                wish = wishes.of(item)
                if wish.targets and not wish.error:
                    targets = tuple(Target(file.format, "", branch=file.branch) for file in wish.targets)
                    yield Job(0, (item,), targets)

    reader.ask(jobs(), wants)


def for_names(found: Properties) -> Properties:
    """The properties on which names depend; equal texts are one object."""
    return Properties(
        taken=found.taken, camera=sys.intern(found.camera), digest=found.digest, made=found.made
    )


def properties_in(reader: PropertySource) -> Callable[[str], Properties]:
    """A look-up of properties by the path of the item; of one that cannot be read, nothing is known."""

    def of(path: str) -> Properties:
        found = reader.of(path)
        return found if isinstance(found, Properties) else UNKNOWN

    return of


def outputs_of(parts: Sequence[Examined]) -> Callable[[str], Sequence[str]]:
    """A look-up of the paths of the outputs of unchanged items; it is built when it is first asked."""
    paths = dict[str, Sequence[str]]()

    def of(path: str) -> Sequence[str]:
        if not paths:
            paths[""] = ()
            for part in parts:
                for item, record in zip(part.batch.items, part.found, strict=True):
                    if record is not None:
                        files = outputs_on_disk(record, part.recorded)
                        paths[item.path] = [file.path for file in files]
        return paths.get(path, ())

    return of


def first_page(pages: str) -> int:
    """The first page that a setting of pages selects.

    >>> first_page("3-5"), first_page("all")
    (3, 1)
    """
    found = re.match(r"\d+", pages)
    return int(found[0]) if found else 1
