"""The plan of a gather run: one job for all inputs, or "unchanged" for each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import Protocol, TypeGuard

from imgpar.batch.gather.options import Gathering, Kind
from imgpar.batch.plan_entries import current_result, failed_entry
from imgpar.core.digest import LOCAL, matches_output
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.filenames import numbered
from imgpar.core.job import FOLDER, Item, Job, Outcome, OutputFile, Target, outcome_of
from imgpar.formats.registry import FORMATS, Format, format_of_suffix
from imgpar.inputs.batches import Batch, known_suffix, suffix_of
from imgpar.inputs.roots import absolute
from imgpar.ops.marks import asset_digest
from imgpar.outputs.conflicts import KEPT, foreign, maker, owned_by, replacing, why_foreign
from imgpar.outputs.destination import Out
from imgpar.outputs.prior import PriorResult

_ASSEMBLED: dict[str, Kind] = {
    **dict.fromkeys(("gif", "webp", "avif", "png"), "animation"),
    **dict.fromkeys(("pdf", "tiff"), "document"),
    "ico": "icon",
}
"""What becomes of pictures in a picture format."""
FITTING = {
    "concat": ".mp4, .mov, .mkv or .webm",
    "sheet": ".jpg, .png, .webp, .avif, .tif or .pdf",
    "assemble": ".mp4, .mov, .mkv, .webm, .avi, .gif, .webp, .avif, .png, .pdf, .tif or .ico",
}
"""Suffixes of the files that a call makes."""
_TAKEN: dict[Kind, tuple[str, ...]] = {"joined": ("video",), "sheet": ("image", "video")}
"""Kinds of the files that are taken from folders; other kinds of output take pictures."""


class PastRecords(Protocol):
    """Records of earlier runs."""

    def done(self, batch: Batch, paths: Collection[str] | None = None) -> Mapping[str, Sequence[PriorResult]]:
        """Records of the items of a batch by path, newest first."""


def kind_of(call: str, target: Format) -> Kind:
    """What a call makes of its inputs in a format.

    >>> kind_of("assemble", FORMATS["mp4"]), kind_of("assemble", FORMATS["pdf"])
    ('clip', 'document')

    Raises:
        UsageError: the format cannot hold it.
    """
    clip = target.kind == "video" and target.writable
    if call == "concat" and clip and target.name != "avi":  # it has one frame rate
        return "joined"
    if call == "sheet" and target.kind == "image" and (target.writable or target.name == "pdf"):
        return "sheet"
    if call == "assemble" and clip:
        return "clip"
    if call == "assemble" and target.name in _ASSEMBLED:
        return _ASSEMBLED[target.name]
    raise UsageError(f"{call} does not write {target.title}.", fix=f"Use {FITTING[call]}.")


def is_document(out: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a conversion makes one document of all inputs: nothing else is written as PDF.

    >>> is_document("album.PDF"), is_document("pdf/")
    (True, False)
    """
    if not isinstance(out, (str, os.PathLike)):
        return False
    found = format_of_suffix(out)
    return found is not None and found.name == "pdf" and not os.path.isdir(out)


def read_target(call: str, out: str | os.PathLike[str] | None) -> tuple[Out, Format]:
    """The file that a call makes, and its format.

    Raises:
        UsageError: it is missing, or not named like a file that the call makes.
    """
    if not out:
        raise UsageError("There is no name for the output.", fix="Name the file with -o.")
    path = absolute(os.fspath(out))
    found = format_of_suffix(path)
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder.", fix="Name a file in it.")
    if found is None:
        raise UsageError(
            f"{os.path.basename(path)} does not name a format.",
            fix="End it with the suffix of a format, such as .webp or .pdf.",
        )
    kind_of(call, found)
    return Out(os.path.dirname(path), os.path.basename(path)), found


class GatherPlanner:
    """Plans the one job of a run.

    Args:
        out: the file.
        target: its format.
        gather: what is made.
        recipe: key of all settings that determine the output, with the names of the inputs.
        on_exists: policy for an existing file; None is the default.
        past: records of earlier runs; None where there is none.
        arrange: sorts all items.
    """

    def __init__(
        self,
        out: Out,
        target: Format,
        gather: Gathering,
        recipe: str,
        *,
        on_exists: str | None = None,
        past: PastRecords | None = None,
        arrange: Callable[[Sequence[Item]], Sequence[Item]] = list,
    ) -> None:
        self._out, self._format, self._gather = out, target, gather
        self._recipe, self._on_exists, self._past = recipe, on_exists, past
        self._arrange = arrange
        self._items: list[Item] = []
        self._known: dict[str, Sequence[PriorResult]] = {}
        self.replaced = 0
        """Number of outputs of other settings to be replaced."""

    def plan_together(self, batch: Batch) -> Iterator[Job | Outcome]:
        """Take the items of a batch; nothing is planned before the last one is known."""
        kinds = _TAKEN.get(self._gather.kind, ("image",))
        for item in batch.items:
            found = FORMATS.get(item.format) or known_suffix(suffix_of(item.path))
            if not batch.folder or (found and found.kind in kinds):  # named files are in no folder
                self._items.append(item)
        if self._past is not None:
            self._known.update(self._past.done(batch))
        return iter(())

    def finish(self) -> Iterator[Job | Outcome]:
        """The job of all items; or an outcome for each, where there is nothing to do."""
        if not self._items:
            return iter(())
        self._items = list(self._arrange(self._items))
        if made := self._unchanged():
            return self._skipped(self._items, (made,), "unchanged")
        target = self._target()
        if isinstance(target, Target):
            return iter([Job(0, tuple(self._items), (target,), kind="stream")])
        if isinstance(target, str):
            failed = failed_entry(self._items[0], 0, target, "plan", "CommitError")
            return chain([failed], self._skipped(self._items[1:], (), "incomplete", start=1))
        file, reason = target
        return self._skipped(self._items, (file,), reason)

    def remarks(self) -> Iterator[str]:
        """Notes at the end of a run."""
        return iter(())

    def _skipped(
        self, items: Sequence[Item], outputs: tuple[OutputFile, ...], reason: str, *, start: int = 0
    ) -> Iterator[Outcome]:
        for number, item in enumerate(items, start):
            yield outcome_of(item, "skipped", outputs, reason=reason, job=number)

    def _unchanged(self) -> OutputFile | None:
        """The output, if it was made of these items, and they and it are as they were."""
        made: OutputFile | None = None
        for item in self._items:
            record = current_result(self._known.get(item.path, ()), self._recipe)
            if record is None or not item.facts.agree(record.facts) or len(record.outputs) != 1:
                return None
            if made is not None and record.outputs[0][:2] != made[:2]:
                return None
            made = record.outputs[0]
        return made if made and matches_output(made.path, (made,)) else None

    def _target(self) -> Target | tuple[OutputFile, str] | str:
        """The target; or the existing file that is kept, with the reason; or an error message."""
        wanted = Target(self._format.name, self._out.path)
        if self._is_input(wanted.path):
            raise UsageError(
                f"{wanted.path} is one of the inputs.", fix="Choose another name for the output."
            )
        records = list(dict.fromkeys(record for item in self._items for record in self._records(item)))
        owned = owned_by(records)
        if self._on_exists == "rename":
            number = 0
            while os.path.lexists(path := numbered(wanted.path, number)) and not self._is_ours(path, records):
                number += 1
            wanted = wanted._replace(path=path)
        now = LOCAL.find(wanted.path)
        if now is None:
            return wanted
        there = [(wanted.path, now)]
        strange = foreign(there, owned)
        other = not strange and maker(*there[0], records) != self._recipe
        if now.size == FOLDER or os.path.isdir(wanted.path):
            return f"{wanted.path} is a folder. Move it away, or choose another name."
        if self._on_exists == "overwrite" or (not strange and not (other and self._on_exists)):
            self.replaced += other
            return replacing(wanted, there, {} if self._on_exists == "overwrite" else owned)
        reason = "settings" if other else why_foreign(wanted.path, owned)
        if self._on_exists == "error":
            return f"{wanted.path} {KEPT[reason]}. Move it away, or choose another {setting('on_exists')}."
        return OutputFile(wanted.path, max(now.size, 0), mtime_ns=now.mtime_ns), reason

    def _records(self, item: Item) -> list[PriorResult]:
        """The records of an item that name this output, also under a number."""
        return [
            record
            for record in self._known.get(item.path, ())
            if any(
                os.path.dirname(made.path) == self._out.folder for made in (*record.outputs, *record.claims)
            )
        ]

    def _is_ours(self, path: str, records: Sequence[PriorResult]) -> bool:
        now = LOCAL.find(path)
        there = [(path, now)] if now else []
        return not foreign(there, owned_by(records)) and all(
            maker(*one, records) == self._recipe for one in there
        )

    def _is_input(self, path: str) -> bool:
        try:
            return any(
                os.path.exists(item.path) and os.path.samefile(item.path, path) for item in self._items
            )
        except OSError:
            return False


def settings_key(gather: Gathering) -> str:
    """The settings that determine the output, as text; a font by its content."""
    texts = [f"{field.name}={getattr(gather, field.name)}" for field in fields(gather)]
    return ",".join([*texts, asset_digest("font", gather.font)] if gather.font else texts)
