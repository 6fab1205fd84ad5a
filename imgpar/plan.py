"""Items and a recipe in, jobs and skips out: names, collisions, what is done already.

    batch ─► what is unchanged? ─► names that never meet ─► what is in the way? ─► Job or Outcome

Nothing is written here; the disk is only asked whether a target exists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from imgpar.codecs.formats import FORMATS, Format, find_format
from imgpar.errors import UsageError
from imgpar.model import Item, Job, Outcome, OutputFile, Target
from imgpar.names import LAST_LEVEL, candidate, fold, settle, split_suffix
from imgpar.output import Out
from imgpar.sources.base import OURS, UNDO, Batch, known_suffix, suffix_of

STAND_INS = {"heic": "jpeg", "raw": "jpeg"}
"""What becomes of pictures in a format that imgpar reads but does not write: photos JPEG, all others PNG,
which holds everything."""

Made = tuple[str, int | None, int, int, int]
"""An output in the journal: absolute path, bytes (None: planned, perhaps written), width, height, mtime_ns."""


class Done(NamedTuple):
    """What the journal knows about one input and one recipe."""

    recipe: str
    state: str
    """"ok", "planned" (a run died before it could say), "failed", "skipped"."""
    size: int
    mtime_ns: int
    inode: int
    digest: str
    outputs: list[Made]


class Wish(NamedTuple):
    """What one input becomes, by its kind."""

    targets: tuple[tuple[str, str], ...] = ()
    """(format name, suffix with its dot); an empty suffix keeps the name as it is."""
    note: str = ""
    error: str = ""


Known = Mapping[str, Sequence[Done]]


class Planner:
    """Plans one run, batch by batch; ids count the items in the order of the inputs.

    `recipe` is a short key of everything that decides what an output looks like, `to` included. `done(batch)`
    gives the journal's records by absolute source path, the newest first; in place, those of all files of
    the batch's folder. `run` names the folder for the originals that are replaced in place.

    Raises UsageError when a format cannot be written.
    """

    def __init__(
        self,
        out: Out,
        recipe: str = "",
        *,
        to: Sequence[str] = (),
        on_exists: str = "skip",
        done: Callable[[Batch], Known] | None = None,
        run: str = "",
    ) -> None:
        self.out = out
        self.recipe = recipe
        self.on_exists = on_exists
        self.run = run
        self.count = 0
        """Items so far."""
        self._done = done
        asked = [find_format(word) for word in to]
        if out.name:
            asked = [find_format(suffix_of(out.name))]
        self._to = tuple(dict.fromkeys(asked))
        for format in self._to:
            if format.kind == "image" and not format.writable:
                fix = "Choose one of " + ", ".join(f.suffix for f in FORMATS.values() if f.writable) + "."
                raise UsageError(f"imgpar does not write {format.title}.", fix=fix)
        self._wish = lru_cache(maxsize=1024)(self._make_wish)

    def plan(self, batch: Batch) -> Iterator[Job | Outcome]:
        """A Job for every item that has something to do, an Outcome for the others, in order."""
        known: Known = self._done(batch) if self._done else {}
        unchanged = self._find_unchanged(batch, known)
        names = _Names(self, batch, known, unchanged)
        for index, item in enumerate(batch.items):
            number, self.count = self.count, self.count + 1
            record = unchanged[index]
            if record is not None:
                yield Outcome(
                    item.path,
                    "skipped",
                    tuple([OutputFile(made[0], made[1] or 0, *made[2:]) for made in record.outputs]),
                    reason="unchanged",
                    source_bytes=item.size,
                    job=number,
                )
            elif item.error:
                yield _failed(item, number, item.error, "read")
            else:
                yield self._decide(item, number, known.get(item.path, ()), names, index)

    def wish(self, item: Item) -> Wish:
        """Formats and suffixes of the outputs of this item."""
        suffix = suffix_of(item.mirror.rpartition("/")[2])
        return self._wish(suffix, item.format)

    def folder(self, batch: Batch, item: Item) -> str:
        """Where the outputs of this item go, with a separator at the end."""
        if self.out.in_place:
            return os.path.join(os.path.dirname(item.path), "")
        return os.path.join(self.out.folder, *batch.mirror.split("/"), "")

    def _make_wish(self, suffix: str, shown: str) -> Wish:
        by_name = known_suffix(suffix)
        format = by_name or FORMATS.get(shown)
        kind = format.kind if format else "image"
        wanted = [target for target in self._to if target.kind == kind]
        if wanted:
            kept = self.out.in_place and wanted == [format]
            return Wish(tuple((target.name, "" if kept else "." + target.suffix) for target in wanted))
        if self.out.name:
            return Wish(error=f"A {kind} cannot become {self._to[0].title}. Choose another suffix for OUT.")
        if format is None:
            return Wish(error="Neither its name nor its content says what it is. Name a format with --to.")
        if format.kind == "video" or format.writable:
            return Wish(((format.name, "" if by_name or self.out.in_place else "." + format.suffix),))
        stand_in = FORMATS[STAND_INS.get(format.name, "png")]
        if self.out.in_place:
            return Wish(error=f"imgpar does not write {format.title}. Name a format with --to.")
        note = f"written as {stand_in.title}, as imgpar does not write {format.title}"
        return Wish(((stand_in.name, "." + stand_in.suffix),), note)
