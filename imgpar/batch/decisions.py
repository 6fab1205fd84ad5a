"""What becomes of one input that is not done: targets, existing files in their place, or an outcome."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Protocol

from imgpar.batch.done import DoneOutputs
from imgpar.batch.incremental import intact, skipped
from imgpar.batch.plan_entries import Known, failed_entry, job_kind
from imgpar.core.error_messages import setting
from imgpar.core.filenames import fold, is_part, numbered
from imgpar.core.job import (
    FOLDER,
    Item,
    Job,
    JobKind,
    Outcome,
    OutputFile,
    SameItem,
    Split,
    Target,
    outcome_of,
)
from imgpar.formats.registry import find_format
from imgpar.outputs.conflicts import KEPT, Owned, foreign, is_link_to, maker, owned_by, replacing, why_foreign
from imgpar.outputs.destination import Out
from imgpar.outputs.name_function import NoNameError
from imgpar.outputs.naming import Names
from imgpar.outputs.prior import PLANNED, PriorResult
from imgpar.outputs.target_formats import Wish

_SAME_NAME = "Two of its outputs would have the same name. Give them different names in the recipe."


class OriginalsStore(Protocol):
    """The kept originals of a run in place."""

    def of(self, path: str) -> tuple[str, tuple[OutputFile, ...]]:
        """The path for the original of an input, and the outputs that replaced its originals already kept."""


class Decisions:
    """Decides about the inputs of one run.

    Args:
        out: output location.
        keys: of the outputs of the recipe.
        split: naming of the files, where pages or frames may become separate ones.
        done: compares with the records of earlier runs.
        on_exists: policy for existing files; None is the default.
        originals: the kept originals of a run in place; None for a dry run.
        extracts: whether pictures are extracted from clips.
    """

    def __init__(
        self,
        out: Out,
        keys: Sequence[str],
        split: Split,
        done: DoneOutputs,
        *,
        on_exists: str | None,
        originals: OriginalsStore | None,
        extracts: bool,
    ) -> None:
        self._out, self._keys, self._split, self._done = out, tuple(keys), split, done
        self._on_exists, self._originals, self._extracts = on_exists, originals, extracts
        self.replaced = 0
        """Number of outputs of other settings to be replaced."""
        self.silent: dict[str, Counter[str]] = {}
        """Settings without effect on some inputs, with the number of these inputs by format."""
        self.beside = 0
        """Number of existing files that were kept while other outputs of their inputs are written."""
        self._first_beside = self._not_made = ""

    def remarks(self) -> Iterator[str]:
        """Notes for the end of a run: on settings without effect, and on files that were kept."""
        for name, formats in self.silent.items():
            inputs = "1 input" if formats.total() == 1 else f"{formats.total()} inputs"
            titles = ", ".join(f"{count} {title}" for title, count in formats.most_common(5))
            they = "it keeps its format" if formats.total() == 1 else "they keep their formats"
            treated = f"{'it was' if formats.total() == 1 else 'they were'} treated as if it were not there"
            flag = f"--{name.replace('_', '-')}"
            meant = " --dpi writes a density into the metadata." if name == "density" else ""
            yield f"{flag} does not apply to {inputs} ({titles}): {they if name == 'to' else treated}.{meant}"
        if self._not_made:
            yield f"{self._not_made}; --on-exists overwrite replaces it."
        if self.beside:
            others = f", and so were {self.beside - 1} more" if self.beside > 1 else ""
            yield f"{self._first_beside}{others}; --on-exists overwrite replaces them."

    def decide(
        self,
        item: Item,
        wish: Wish,
        number: int,
        names: Names,
        known: Known,
        mine: Mapping[str, Sequence[tuple[PriorResult, OutputFile]]],
    ) -> Job | Outcome:
        """The job for an item, or its outcome if it is skipped or fails.

        Args:
            item: the input.
            wish: its outputs.
            number: id of the job.
            names: of all outputs.
            known: records of the inputs.
            mine: in place, records by output path.
        """
        if wish.error:
            return failed_entry(item, number, wish.error, "plan", "EncodeError")
        for name in wish.silent:
            self.silent.setdefault(name, Counter())[wish.title] += 1
        records = known.get(item.path, ())
        owned = owned_by(records)
        try:
            paths = self._paths(item, wish, names, known)
        except NoNameError as error:
            return failed_entry(item, number, str(error), "plan", "UsageError")
        targets: list[Target] = []
        kept: list[tuple[OutputFile, str]] = []
        notes = list[str]()
        done = self._done.branches(item, records, names.folders(item)) if len(self._keys) > 1 else {}
        for file, path in zip(wish.targets, paths, strict=True):
            if file.branch in done:
                continue
            wanted = Target(file.format, path, split=file.split, branch=file.branch, either=file.either)
            target = self._target(wanted, item, owned, names, records)
            if isinstance(target, str):
                return failed_entry(item, number, target, "plan", "CommitError")
            if isinstance(target, Target):
                targets.append(self._with_earlier(target, records))
            else:
                kept.append(target)
                so = f", so it is not tried as {find_format(file.format).title}" if file.either else ""
                notes.append(f"{target[0].path} {KEPT[target[1]]} and was left alone{so}")
        if not (targets or kept):
            return skipped(item, number, [made for record in done.values() for made in record.outputs])
        if not targets:
            return self._left_alone(item, number, kept)
        self.beside += len(kept)
        self._first_beside = self._first_beside or "".join(notes[:1])
        notes += [wish.note] if wish.note else []
        job = Job(number, (item,), tuple(targets), notes=tuple(notes), kind=self._job_kind(item))
        return self._completed(job, names, records, mine)

    def _paths(self, item: Item, wish: Wish, names: Names, known: Known) -> Sequence[str]:
        """The paths of the outputs of an item, free ones if that is the policy. Raises NoNameError."""
        paths = names.paths(item)
        if len(paths) > 1 and len(set(map(fold, paths))) < len(paths):
            raise NoNameError(_SAME_NAME)
        if self._on_exists != "rename":
            return paths
        split = self._split if wish.pages else ""

        def is_free(one: Item, path: str) -> bool:
            there = names.there(path, split=split)
            return not foreign(there, owned_by(known.get(one.path, ())))

        names.step_aside(item, is_free)
        return names.paths(item)

    def _left_alone(self, item: Item, number: int, kept: Sequence[tuple[OutputFile, str]]) -> Outcome:
        """The outcome of an item whose outputs are all existing files that are kept, each with a reason."""
        files, reason = tuple(file for file, _ in kept), kept[0][1]
        if self._out.name:
            self._not_made = f"{files[0].path} {KEPT[reason]}, so it was not written"
        return outcome_of(item, "skipped", files, reason=reason, job=number)

    def _job_kind(self, item: Item) -> JobKind:
        return "stream" if self._extracts else job_kind(item)

    def _with_earlier(self, target: Target, records: Sequence[PriorResult]) -> Target:
        """A split target with the files that were made of this input before, perhaps with other settings."""
        if not (target.split and target.parts):
            return target
        earlier = [
            made
            for record in records
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
        if self._out.in_place:
            # The original is removed after the last output, or replaced by an output of the same name.
            last = next((at for at, target in enumerate(targets) if target.path == item.path), -1)
            targets[last] = self._retiring(targets[last], item)
            digest = next((made.digest for _, made in mine.get(item.path, ()) if made.bytes == item.size), "")
            return job._replace(targets=tuple(targets), digest=digest)
        if not records and (owner := names.owner(item)):
            return self._newcomer(job, *owner)
        digest = self._done.digest(item, records, targets)
        found = self._done.current(records, targets)
        told = bool(digest or item.size or item.mtime_ns)
        changed = told and any(record and not item.facts.agree(record.facts) for record in found)
        there = tuple(file for record in found if record for file in record.outputs) if digest else ()
        first = next((record for record in found if record), None)
        if there and first and not (item.validator or item.size):
            # The server is asked whether it is still that content.
            item = item._replace(size=first.size, mtime_ns=first.mtime_ns, validator=first.validator)
            job = job._replace(items=(item,))
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
        done = self._keys == (record.recipe,) and record.state == "ok" and record.digest
        if alike and done and intact(record.outputs, None, self._out.place):
            return job._replace(digest=record.digest, same=SameItem(record.row, record.outputs))
        note = "another input of an earlier run has its name, so it was given this one"
        return job._replace(notes=(*job.notes, note))

    def _target(
        self, wanted: Target, item: Item, owned: Owned, names: Names, records: Sequence[PriorResult]
    ) -> Target | tuple[OutputFile, str] | str:
        """The target to write; or the existing file that is kept, with the reason; or an error message."""
        path = wanted.path
        there = names.there(path, split=wanted.split)
        if self._out.in_place and path == item.path:
            return replacing(wanted, there, {})
        may_replace = self._on_exists == "overwrite" or path in owned
        if may_replace and any(is_link_to(item, *one) for one in there):  # it was edited with the input
            return replacing(wanted, there, {})
        reason, strange = "", foreign(there, owned)
        if not strange and not self._out.in_place:
            key = self._keys[wanted.branch]
            others = [(at, now) for at, now in there if maker(at, now, records) != key]
            if others:
                self.replaced += 1
            if self._on_exists:  # --on-exists also applies to outputs of other settings
                reason, strange = "settings", others
        replaced = strange if self._on_exists == "overwrite" else () if strange else there
        for at, now in replaced:
            if names.is_input(at, now):
                fix = (
                    "Convert the two apart."
                    if self._out.in_place
                    else f"Choose another OUT, or use {setting('in_place', True)}."
                )
                return f"{at} is an input itself. {fix}"
        if not strange:
            return replacing(wanted, there, {} if self._on_exists == "overwrite" else owned)
        at, now = strange[0]
        reason = reason or why_foreign(at, owned)
        if self._on_exists == "rename":
            return self._renamed(wanted, owned, names, records)
        if self._on_exists == "error":
            return f"{at} {KEPT[reason]}. Move it away, or choose another {setting('on_exists')}."
        if self._on_exists == "overwrite":
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
            key = self._keys[wanted.branch]
            ours = not foreign(there, owned) and all(maker(*one, records) == key for one in there)
            if ours and names.claim(path):
                return replacing(wanted._replace(path=path), there, owned)
        raise AssertionError
