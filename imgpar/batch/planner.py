"""The plan of a run: a job for each input to convert, an outcome for the others.

    batch ─► unchanged items ─► unique output names ─► conflicts with existing files ─► Job or Outcome

The planner writes nothing; it reads only the status of outputs (their content if records are not reliable).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Protocol

from imgpar.batch.done import DoneOutputs
from imgpar.batch.incremental import (
    Recorded,
    Row,
    Unchanged,
    find_unchanged,
    intact,
    merged,
    skipped,
    stretches,
)
from imgpar.batch.plan_entries import (
    Known,
    failed_entry,
    is_recognised,
    job_kind,
    link_entry,
    outputs_on_disk,
    results_by_output,
)
from imgpar.core.errors import UsageError
from imgpar.core.filenames import fold, is_part, numbered
from imgpar.core.job import FOLDER, Item, Job, JobKind, Outcome, OutputFile, SameItem, Split, Target
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.inputs.batches import Batch, Entries
from imgpar.outputs.conflicts import (
    KEPT,
    Owned,
    foreign,
    maker,
    owned_by,
    replacing,
    why_foreign,
)
from imgpar.outputs.destination import Out
from imgpar.outputs.extracted import INDEX, ExtractedWishes
from imgpar.outputs.naming import PLANNED, Names, PriorResult
from imgpar.outputs.target_formats import WishedFile
from imgpar.outputs.wishes import AllWishes, WishedOutput

_SAME_NAME = "Two of its outputs would have the same name. Give them different names in the recipe."


class PastRuns(Protocol):
    """Records of earlier runs."""

    def done(self, batch: Batch, paths: Collection[str] | None = None) -> Known:
        """Records of all items of a batch, or of `paths`."""

    def recorded(self, batch: Batch, key: str, siblings: Sequence[str] = ()) -> Recorded:
        """Files of a batch whose newest record has this recipe and is complete. `siblings` are the keys of
        the outputs of one recipe: their records do not replace each other."""

    def taken(self, batch: Batch) -> Sequence[tuple[str, PriorResult]]:
        """Names and records of inputs of other folders with the output folder of the batch."""


class OriginalsStore(Protocol):
    """The kept originals of a run in place."""

    def of(self, path: str) -> tuple[str, tuple[OutputFile, ...]]:
        """The path for the original of an input, and the outputs that replaced its originals already kept."""


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
    ) -> None:
        self._outputs = outputs or (WishedOutput(recipe, tuple(to), options or EncodeOptions()),)
        self._splits: tuple[Split, ...] = tuple(
            split or ("pages" if output.options.split else "") for output in self._outputs
        )
        if any(self._splits) and out.in_place:
            raise UsageError(
                "--pages split makes several files of one, so it cannot be in place.", fix="Name a folder."
            )
        self.out = out
        self.keys = tuple(output.key for output in self._outputs)
        self.on_exists = on_exists
        self.split: Split = next(filter(None, self._splits), "")
        self.extract = extract
        self.verify = verify
        self.careful = careful or bool(out.name)
        self._done = DoneOutputs(self.keys, careful=self.careful, place=out.place)
        self.count = 0
        """Number of planned items."""
        self.replaced = 0
        """Number of outputs of other settings to be replaced."""
        self._past, self._originals = past, originals
        self.silent: dict[str, Counter[str]] = {}
        """Settings without effect on some inputs, with the number of these inputs by format."""
        self._wishes: AllWishes | ExtractedWishes = (
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
        recorded, rows = self._compare(batch)
        known = self._ask(batch, rows)
        found = self._find_unchanged(batch, rows, known) if known else list[Row | PriorResult | None](rows)
        claims = (made.path for record in found if record for made in outputs_on_disk(record, recorded))
        taken = self._taken(batch) if None in found else ()
        names = Names(self.out, batch, self._wishes, known, found, claims, taken=taken, split=self.split)
        mine = results_by_output(known, self.keys[0]) if self.out.in_place and known else {}
        for kind, places in stretches(found):
            if kind is tuple and not self.verify:
                same = [row for row in rows[places.start : places.stop] if row]
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
                else:
                    yield self._decide(item, number, names, known, mine)

    def finish(self) -> Iterator[Job | Outcome]:
        """What is planned after the last batch: nothing."""
        return iter(())

    def remarks(self) -> Iterator[str]:
        """Notes at the end of a run on settings without effect on some inputs."""
        for name, formats in self.silent.items():
            inputs = "1 input" if formats.total() == 1 else f"{formats.total()} inputs"
            titles = ", ".join(f"{count} {title}" for title, count in formats.most_common(5))
            they = "it keeps its format" if formats.total() == 1 else "they keep their formats"
            treated = f"{'it was' if formats.total() == 1 else 'they were'} treated as if it were not there"
            flag = f"--{name.replace('_', '-')}"
            yield f"{flag} does not apply to {inputs} ({titles}): {they if name == 'to' else treated}."

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
                return known, find_unchanged(batch.items, known, self.out.below(batch.mirror), self.out.place)
        return known, [None] * len(batch.items)

    def _branches_of(self, item: Item) -> Collection[int]:
        """Indices of the outputs of the recipe that such an input has."""
        return {target.branch for target in self._wishes.of(item).targets} if self._several else (0,)

    def _branches_by_name(self, name: bytes) -> Collection[int]:
        return {target.branch for target in self._wishes.by_name(os.fsdecode(name), "").targets}

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

    def _taken(self, batch: Batch) -> Sequence[tuple[str, PriorResult]]:
        """Names and records of inputs of other folders with the output folder of the batch."""
        if self._past is None or self.out.in_place or self.out.name:
            return ()
        return self._past.taken(batch)

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
        folders = {folder, *(os.path.join(folder, root, "") for root in roots)}
        return [
            row
            or (
                self._done.unchanged(item, records, self._branches_of(item), folders)
                if (records := known.get(item.path))
                else None
            )
            for item, row in zip(batch.items, rows, strict=True)
        ]

    def _decide(
        self,
        item: Item,
        number: int,
        names: Names,
        known: Known,
        mine: Mapping[str, Sequence[tuple[PriorResult, OutputFile]]],
    ) -> Job | Outcome:
        """The job for an item, or its outcome if it is skipped or fails."""
        wish = self._wishes.of(item)
        if wish.error:
            return failed_entry(item, number, wish.error, "plan", "EncodeError")
        for name in wish.silent:
            self.silent.setdefault(name, Counter())[wish.title] += 1
        records = known.get(item.path, ())
        owned = owned_by(records)
        paths = names.paths(item)
        if len(paths) > 1 and len(set(map(fold, paths))) < len(paths):
            return failed_entry(item, number, _SAME_NAME, "plan", "UsageError")
        if self.on_exists == "rename":
            split = self.split if wish.pages else ""

            def is_free(one: Item, path: str) -> bool:
                there = names.there(path, split=split)
                return not foreign(there, owned_by(known.get(one.path, ())))

            names.step_aside(item, is_free)
            paths = names.paths(item)
        targets: list[Target] = []
        kept: list[tuple[OutputFile, str]] = []
        done = self._done.branches(item, records, names.folders(item)) if self._several else {}
        for file, path in zip(wish.targets, paths, strict=True):
            if file.branch in done:
                continue
            split = self._splits[file.branch] if wish.pages and file.format != INDEX else ""
            either = len(wish.targets) > 1 and self._has_best_format(file)
            wanted = Target(file.format, path, split=split, branch=file.branch, either=either)
            target = self._target(wanted, item, owned, names, records)
            if isinstance(target, str):
                return failed_entry(item, number, target, "plan", "CommitError")
            if isinstance(target, Target):
                targets.append(self._with_earlier(target, records))
            else:
                kept.append(target)
        if not (targets or kept):
            return skipped(item, number, [made for record in done.values() for made in record.outputs])
        if not targets:
            files, reasons = tuple(file for file, _ in kept), [reason for _, reason in kept]
            return Outcome(item.path, "skipped", files, reason=reasons[0], source_bytes=item.size, job=number)
        notes = [f"{file.path} {KEPT[reason]} and was left alone" for file, reason in kept]
        notes += [wish.note] if wish.note else []
        job = Job(number, (item,), tuple(targets), notes=tuple(notes), kind=self._job_kind(item))
        return self._completed(job, names, records, mine)

    def _has_best_format(self, file: WishedFile) -> bool:
        """Whether a file is written only if it is smaller than the others of its output."""
        best = bool(self._outputs[file.branch].options.best_format)
        return best and FORMATS[file.format].kind == "image" if file.format in FORMATS else False

    def _job_kind(self, item: Item) -> JobKind:
        return "stream" if self.extract else job_kind(item)

    def _with_earlier(self, target: Target, records: Sequence[PriorResult]) -> Target:
        """A split target with the files that the same settings made of an earlier state of the input."""
        if not (target.split and target.parts):
            return target
        earlier = [
            made
            for record in records
            if record.recipe == self.keys[target.branch]
            for made in (*record.outputs, *record.claims)
            if made.bytes != PLANNED and is_part(made.path, target.path, target.split)
        ]
        return target._replace(earlier=tuple(earlier))

    def _completed(
        self,
        job: Job,
        names: Names,
        records: Sequence[PriorResult],
        mine: Mapping[str, Sequence[tuple[PriorResult, OutputFile]]],
    ) -> Job:
        """The job with the digests that detect an unchanged input."""
        item, targets = job.item, list(job.targets)
        if self.out.in_place:
            # The original is removed after the last output, or replaced by an output of the same name.
            last = next((at for at, target in enumerate(targets) if target.path == item.path), -1)
            targets[last] = self._retiring(targets[last], item)
            digest = next((made.digest for _, made in mine.get(item.path, ()) if made.bytes == item.size), "")
            return job._replace(targets=tuple(targets), digest=digest)
        if not records and (owner := names.owner(item)):
            return self._newcomer(job, *owner)
        digest = self._done.digest(item, records, targets)
        found = self._done.current(records, targets)
        changed = any(record and not item.facts.agree(record.facts) for record in found)
        there = tuple(file for record in found if record for file in record.outputs) if digest else ()
        return job._replace(digest=digest, changed=changed, there=there)

    def _retiring(self, target: Target, item: Item) -> Target:
        """The target that replaces the original; in a dry run its backup path is a placeholder."""
        if self._originals is None:
            return target._replace(retires=item.path, backup=item.path)
        backup, covered = self._originals.of(item.path)
        return target._replace(retires=item.path, backup=backup, covered=covered)

    def _newcomer(self, job: Job, name: str, record: PriorResult) -> Job:
        """The job of an input without records whose output belongs to another input, perhaps its old path."""
        item = job.item
        alike = name == os.path.basename(item.path) and record.size == item.size
        done = self.keys == (record.recipe,) and record.state == "ok" and record.digest
        if alike and done and intact(record.outputs, None, self.out.place):
            return job._replace(digest=record.digest, same=SameItem(record.row, record.outputs))
        note = "another input of an earlier run has its name, so it was given this one"
        return job._replace(notes=(*job.notes, note))

    def _target(
        self, wanted: Target, item: Item, owned: Owned, names: Names, records: Sequence[PriorResult]
    ) -> Target | tuple[OutputFile, str] | str:
        """The target to write; or the existing file that is kept, with the reason; or an error message."""
        path = wanted.path
        there = names.there(path, split=wanted.split)
        if self.out.in_place and path == item.path:
            return replacing(wanted, there, {})
        reason, strange = "", foreign(there, owned)
        if not strange and not self.out.in_place:
            key = self.keys[wanted.branch]
            others = [(at, now) for at, now in there if maker(at, now, records) != key]
            if others:
                self.replaced += 1
            if self.on_exists:  # --on-exists also applies to outputs of other settings
                reason, strange = "settings", others
        replaced = strange if self.on_exists == "overwrite" else () if strange else there
        for at, now in replaced:
            if names.is_input(at, now):
                fix = (
                    "Convert the two apart."
                    if self.out.in_place
                    else "Choose another OUT, or use --in-place."
                )
                return f"{at} is an input itself. {fix}"
        if not strange:
            return replacing(wanted, there, {} if self.on_exists == "overwrite" else owned)
        at, now = strange[0]
        reason = reason or why_foreign(at, owned)
        if self.on_exists == "rename":
            return self._renamed(wanted, owned, names, records)
        if self.on_exists == "error":
            return f"{at} {KEPT[reason]}. Move it away, or choose another --on-exists."
        if self.on_exists == "overwrite":
            for at, now in strange:
                if now.size == FOLDER:
                    return f"{at} is a folder. Move it away, or choose another OUT."
            return replacing(wanted, there, {})
        return OutputFile(at, max(now.size, 0), mtime_ns=now.mtime_ns), reason

    def _renamed(self, wanted: Target, owned: Owned, names: Names, records: Sequence[PriorResult]) -> Target:
        """The first `name-1`, `name-2` … that is free or belongs to this input."""
        for number in count(1):
            path = numbered(wanted.path, number)
            there = names.there(path, split=wanted.split)
            key = self.keys[wanted.branch]
            ours = not foreign(there, owned) and all(maker(*one, records) == key for one in there)
            if ours and names.claim(path):
                return replacing(wanted._replace(path=path), there, owned)
        raise AssertionError
