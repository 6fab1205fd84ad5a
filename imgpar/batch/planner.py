"""The plan of a run: a job for each input to convert, an outcome for the others.

    batch ─► unchanged items ─► unique output names ─► conflicts with existing files ─► Job or Outcome

The planner writes nothing; it reads only the status of outputs (their content if records are not reliable).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from types import NoneType
from typing import Protocol

from imgpar.batch.decisions import Decisions, OriginalsStore
from imgpar.batch.done import DoneOutputs
from imgpar.batch.incremental import (
    Recorded,
    Row,
    Unchanged,
    find_unchanged,
    merged,
    skipped,
    stretches,
    width_in,
)
from imgpar.batch.plan_entries import (
    Known,
    failed_entry,
    is_recognised,
    link_entry,
    outputs_on_disk,
    results_by_output,
)
from imgpar.batch.reserved import Reserved
from imgpar.batch.slices import slices_of
from imgpar.batch.whole_plan import (
    Examined,
    Joined,
    NamesNeed,
    PropertySource,
    first_page,
    outputs_of,
    properties_in,
    read_needed,
)
from imgpar.core.errors import UsageError
from imgpar.core.job import Item, Job, Outcome, Split
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.inputs.batches import Batch, Entries
from imgpar.outputs.destination import Out
from imgpar.outputs.extracted import ExtractedWishes
from imgpar.outputs.naming import Names
from imgpar.outputs.paths import Known as KnownOfInputs
from imgpar.outputs.paths import TemplatePaths
from imgpar.outputs.prior import PriorResult
from imgpar.outputs.templates import OWN_SIZE
from imgpar.outputs.wishes import AllWishes, SizedWishes, WishedOutput, sizes_made


class PastRuns(Protocol):
    """Records of earlier runs."""

    def done(self, batch: Batch, paths: Collection[str] | None = None) -> Known:
        """Records of all items of a batch, or of `paths`."""

    def recorded(self, batch: Batch, key: str, siblings: Sequence[str] = ()) -> Recorded:
        """Files of a batch whose newest record has this recipe and is complete. `siblings` are the keys of
        the outputs of one recipe: their records do not replace each other."""

    def taken(self, batch: Batch) -> Sequence[tuple[str, PriorResult]]:
        """Names and records of inputs of other folders with the output folder of the batch."""

    def owners(self, batch: Batch) -> Callable[[Sequence[str]], Sequence[tuple[str, PriorResult]]] | None:
        """A function that returns names and records of the inputs that have some of these outputs: of those
        of lists, and for a part of a list of all others, too. None where there are none."""

    def elsewhere(self, batches: Sequence[Batch]) -> Sequence[tuple[str, PriorResult]]:
        """Names and records of inputs of all folders other than those of these batches."""


class Planner:
    """Plans one run, batch by batch; job ids count the items in the order of the inputs.

    Args:
        out: output location.
        recipe: key of all settings that determine the outputs, including `to`.
        to: names of the output formats.
        outputs: the outputs of the recipe, each with its own key, formats and settings; empty for one output
            with `recipe`, `to` and `options`.
        on_exists: policy for existing files; None is the default.
        past: records of earlier runs. `recorded` compares most of a folder at once; `done` returns the
            records of the other items (in place, of all files in the folders of the batch).
        originals: the kept originals of a run in place; None for a dry run.
        split: naming of the files, where every page or frame becomes one.
        extract: what is extracted from clips; None converts the inputs.
        verify: compare the outputs of unchanged items with their digests.
        careful: the records may belong to another OUT, so outputs are compared by more than their size.
        options: settings of the encoders, some of which may not apply to an input.
        alone: one input was given.
        still: named pictures with a single frame, in formats of animations.
        copied: files that are no pictures and clips have to be copies, not the links of earlier runs.
        listed: some inputs come in parts of a list (`Batch.part`), with names from anywhere.
        sliced: small pictures may be planned together, as slices.

    Raises:
        UsageError: a format cannot be written, or pages are split in place.
    """

    def __init__(
        self,
        out: Out,
        recipe: str = "",
        *,
        to: Sequence[str] = (),
        outputs: Sequence[WishedOutput] = (),
        on_exists: str | None = None,
        past: PastRuns | None = None,
        originals: OriginalsStore | None = None,
        split: Split = "",
        extract: Extraction | None = None,
        verify: bool = False,
        careful: bool = False,
        options: EncodeOptions | None = None,
        alone: bool = False,
        still: Collection[str] = (),
        copied: bool = False,
        listed: bool = False,
        sliced: bool = False,
    ) -> None:
        self._sliced = sliced and not (out.in_place or out.name or listed or extract)
        self._reserved = Reserved() if listed else None
        self._renames = on_exists == "rename"
        self._outputs = outputs or (WishedOutput(recipe, tuple(to), options or EncodeOptions()),)
        if any(output.options.split for output in self._outputs) and out.in_place:
            raise UsageError(
                "--pages split makes several files of one, so it cannot be in place.", fix="Name a folder."
            )
        self.out = out
        self.keys = tuple(output.key for output in self._outputs)
        paged = any(output.options.may_split for output in self._outputs)
        self.split: Split = split or ("pages" if paged else "")
        self.verify = verify
        self.careful = careful or bool(out.name)
        self._done = DoneOutputs(self.keys, careful=self.careful, place=out.place, copied=copied)
        self.decisions = Decisions(
            out,
            self.keys,
            self.split,
            self._done,
            on_exists=on_exists,
            originals=originals,
            extracts=extract is not None,
        )
        self.count = 0
        """Number of planned items."""
        self._past = past
        self.need = NamesNeed() if extract else NamesNeed.of(self._outputs)
        """What names depend on. Where `need.whole` is set, `prepare` is called first."""
        self._own_size = next((at for at, out in enumerate(self._outputs) if out.size == OWN_SIZE), None)
        self._first_page = first_page(self._outputs[0].options.pages)
        self._examined = deque[Examined]()
        self._unread: Callable[[str], object] = lambda _: None
        self._names: Names | None = None
        self._templates: TemplatePaths | None = None
        self._wishes: AllWishes | ExtractedWishes | SizedWishes = (
            ExtractedWishes(out, self._outputs[0].to, extract)
            if extract
            else AllWishes(out, self._outputs, alone=alone, still=still)
        )

    def plan(self, batch: Batch) -> Iterator[Job | Outcome]:
        """A Job for every item to convert, an Outcome for the others, in order."""
        for entry in self.plan_together(batch):
            if isinstance(entry, Unchanged):
                yield from entry
            else:
                yield entry

    def plan_together(self, batch: Batch) -> Iterator[Job | Outcome | Unchanged]:
        """The same, with runs of unchanged items as one entry each."""
        if self._names is None:
            examined = self._examine(batch)
            names = self._apart([examined]) if batch.part else self._named([examined])
        else:
            examined, names = self._examined.popleft(), self._names
        _, recorded, known, found = examined
        mine = results_by_output(known, self.keys[0]) if self.out.in_place and known else {}
        for kind, places in stretches(found):
            if kind is NoneType and self._sliced and isinstance(batch.items, Entries) and not known:
                yield from self._new(batch.items, places, names)
                continue
            if kind is tuple and not self.verify:
                same = [
                    row
                    for row in found[places.start : places.stop]
                    if not isinstance(row, PriorResult | None)
                ]
                yield Unchanged(batch.items, places.start, self.count, same, recorded)
                self.count += len(places)
                continue
            for index in places:
                item, record = batch.items[index], found[index]
                number, self.count = self.count, self.count + 1
                if record is not None and self.verify:
                    yield Job(number, (item,), check=tuple(outputs_on_disk(record, recorded)))
                elif record is not None:
                    yield skipped(item, number, outputs_on_disk(record, recorded))
                elif item.error:
                    yield failed_entry(item, number, item.error, "read", item.kind)
                elif self.out.in_place and os.path.islink(item.path):
                    yield link_entry(item, number)
                elif isinstance(unread := self._unread(item.path), Outcome):
                    yield unread._replace(job=number, source_bytes=item.size)
                else:
                    entry = self.decisions.decide(item, self._wishes.of(item), number, names, known, mine)
                    if self._reserved and isinstance(entry, Job) and (self._renames or not batch.part):
                        self._reserved.add(target.path for target in entry.targets)
                    yield entry

    def _new(self, entries: Entries, places: range, names: Names) -> Iterator[Job | Outcome]:
        """The plan for inputs of a folder that no earlier run has seen."""
        for index, job in slices_of(entries, places, names, self.count):
            if job is not None:
                self.count += len(job.items)
                yield job
                continue
            item, number, self.count = entries[index], self.count, self.count + 1
            if item.error:
                yield failed_entry(item, number, item.error, "read", item.kind)
            else:
                yield self.decisions.decide(item, self._wishes.of(item), number, names, {}, {})

    def prepare(self, batches: Iterable[Batch], reader: PropertySource) -> list[Batch]:
        """Fix all names of a run, before its first batch is planned.

        Args:
            batches: all of the run; they have to be planned in this order.
            reader: asks workers for the properties of inputs.

        Returns:
            The batches; none where the reader was cancelled.
        """
        parts = [self._examine(batch) for batch in batches]
        sizes: Callable[[Item], Sequence[tuple[int, int]]] = lambda _: ()  # noqa: E731
        properties = properties_in(reader)
        if self.need.wants is not None and isinstance(self._wishes, AllWishes):
            read_needed(parts, self._wishes, reader, self.need.wants)
            if reader.stopped:
                return []
            self._unread = reader.of
            if self.need.wants.made:
                self._wishes = sized = SizedWishes(self._wishes, lambda path: properties(path).made)
                sizes = sized.sizes
        edits = [output.options.edits for output in self._outputs]
        known = KnownOfInputs(properties, sizes, self._first_page, edits)
        self._templates = TemplatePaths(self.out, known)
        self._names = self._named(parts)
        self._examined.extend(parts)
        return [part.batch for part in parts]

    def _examine(self, batch: Batch) -> Examined:
        """What the journal says of the items of a batch."""
        recorded, rows = self._compare(batch)
        known = self._ask(batch, rows)
        found = self._find_unchanged(batch, rows, known) if known else list[Row | PriorResult | None](rows)
        return Examined(batch, recorded, known, found)

    def _apart(self, parts: Sequence[Examined]) -> Names:
        """The same for a part of a list: none of the names of other batches."""
        assert self._reserved is not None
        taken = list[str]()
        while True:
            names = self._named(parts, taken)
            new = [
                item
                for part in parts
                for item, done in zip(part.batch.items, part.found, strict=True)
                if done is None and not item.error
            ]
            every = [path for item in new for path in names.tried(item)]
            met = self._reserved.met(every)
            if not set(met) - set(taken):
                self._reserved.add(every)
                return names
            taken += met

    def _named(self, parts: Sequence[Examined], reserved: Sequence[str] = ()) -> Names:
        """The names of all outputs of these batches, without those that are reserved."""
        batch, known = parts[0].batch, parts[0].known
        found: Sequence[Row | PriorResult | None] = parts[0].found
        if self._templates:
            folders = tuple(self._folder_names(part.batch) for part in parts)
            batch = Batch(
                "", "", Joined([part.batch.items for part in parts]), folders=tuple(chain(*folders))
            )
            known = {path: records for part in parts for path, records in part.known.items()}
            found = list(chain.from_iterable(part.found for part in parts))
        claims = (
            made.path
            for part in parts
            for record in part.found
            if record
            for made in outputs_on_disk(record, part.recorded)
        )
        taken = self._taken([part.batch for part in parts]) if None in found else ()
        plain = not (self._templates or self.out.in_place or self.out.name)
        owners = self._past.owners(batch) if self._past and plain else None
        return Names(
            self.out,
            batch,
            self._wishes,
            known,
            found,
            chain(claims, reserved),
            taken=taken,
            owners=owners,
            split=self.split,
            templates=self._templates,
            made=outputs_of(parts),
            anywhere=self.need.scattered,
        )

    def _folder_names(self, batch: Batch) -> list[str]:
        """Paths below OUT of folders in the output folder of a batch."""
        above = f"{batch.mirror}/" if batch.mirror else ""
        return [] if self.need.scattered else [above + name for name in batch.folders]

    @property
    def replaced(self) -> int:
        """Number of outputs of other settings to be replaced."""
        return self.decisions.replaced

    @replaced.setter
    def replaced(self, number: int) -> None:
        self.decisions.replaced = number

    def finish(self) -> Iterator[Job | Outcome]:
        """What is planned after the last batch: nothing."""
        return iter(())

    def remarks(self) -> Iterator[str]:
        """Notes at the end of a run: on dates in names, settings without effect, files that were kept."""
        if self._templates and (dated := len(self._templates.dated)):
            inputs = (
                "1 input does not say when it was"
                if dated == 1
                else f"{dated} inputs do not say when they were"
            )
            yield f"{inputs} taken, so {{date}} is the time of the file; {{date|text}} writes a text instead."
        yield from self.decisions.remarks()

    def _compare(self, batch: Batch) -> tuple[Recorded, list[Row | None]]:
        """For each item its row in the journal, if the comparison of file status is sufficient."""
        known = Recorded({})
        if (
            self._past is not None
            and isinstance(batch.items, Entries)
            and not (self.out.in_place or self.careful)
        ):
            found = [self._past.recorded(batch, key, self.keys) for key in self.keys]
            known = merged(found, self._branches_by_name)
            if known.rows:
                anywhere = self.need.scattered
                folder = self.out.below("" if anywhere else batch.mirror)
                rows = find_unchanged(batch.items, known, folder, self.out.place, anywhere=anywhere)
                return known, rows
        return known, [None] * len(batch.items)

    def _branches_of(self, item: Item, records: Sequence[PriorResult]) -> Collection[int]:
        """Indices of the outputs of the recipe that an input has."""
        if not self._several:
            return (0,)
        if self._own_size is None:
            return {target.branch for target in self._wishes.of(item).targets}
        own = self._done.branches(item, records).get(self._own_size)
        return sizes_made(self._outputs, own.outputs[0].width if own else 0)

    def _branches_by_name(self, name: bytes, rows: Sequence[Row | None]) -> Collection[int]:
        if self._own_size is None:
            return {target.branch for target in self._wishes.by_name(os.fsdecode(name), "").targets}
        own = rows[self._own_size]
        return sizes_made(self._outputs, width_in(own) if own else 0)

    @property
    def _several(self) -> bool:
        return len(self.keys) > 1

    def _ask(self, batch: Batch, rows: Sequence[Row | None]) -> Known:
        """The records of the items without a row."""
        left = rows.count(None)
        if self._past is None or not left:
            return {}
        if left == len(rows):
            return self._past.done(batch)
        return self._past.done(
            batch, {item.path for item, row in zip(batch.items, rows, strict=True) if not row}
        )

    def _taken(self, batches: Sequence[Batch]) -> Sequence[tuple[str, PriorResult]]:
        """Names and records of inputs of other folders with the output folders of these batches."""
        if self._past is None or self.out.in_place or self.out.name or batches[0].part:
            return ()
        if self.need.scattered:
            return self._past.elsewhere(batches)
        return [found for batch in batches for found in self._past.taken(batch)]

    def _find_unchanged(
        self, batch: Batch, rows: Sequence[Row | None], known: Known
    ) -> list[Row | PriorResult | None]:
        """For each unchanged item its record."""
        if self.out.in_place:
            mine = results_by_output(known, self.keys[0])
            return [is_recognised(item, mine.get(item.path, ())) for item in batch.items]
        folder = self.out.below(batch.mirror)
        roots = (
            {os.path.basename(batch.root or batch.folder)}
            if batch.folder
            else {os.path.basename(os.path.dirname(item.path)) for item in batch.items}
        )
        anywhere = self.need.scattered or batch.part
        folders = None if anywhere else {folder, *(os.path.join(folder, root, "") for root in roots)}
        return [
            row
            or (
                self._done.unchanged(item, records, self._branches_of(item, records), folders)
                if (records := known.get(item.path))
                else None
            )
            for item, row in zip(batch.items, rows, strict=True)
        ]
