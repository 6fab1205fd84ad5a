"""What each input becomes: the formats of its outputs, from what the user wants and what the input is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from imgpar.codecs.formats import FORMATS, find_format
from imgpar.errors import UsageError
from imgpar.model import Item
from imgpar.output import Out
from imgpar.sources.base import known_suffix, suffix_of
from imgpar.sources.companions import SIDECAR

STAND_INS = {"raw": "jpeg", "ts": "mp4", "flv": "mp4", "mxf": "mov", "dv": "mov",
             "mpeg": "mkv", "wmv": "mkv", "ogv": "mkv"}  # fmt: skip
"""What becomes of files in a format that imgpar reads but does not write: photos JPEG, other pictures PNG,
which holds everything, clips a container that takes their usual streams as they are."""


class Wish(NamedTuple):
    """What one input becomes."""

    targets: tuple[tuple[str, str], ...] = ()
    """(format name, suffix with its dot); an empty suffix keeps the name as it is."""
    note: str = ""
    error: str = ""
    pages: bool = False
    """Whether it may have several pages or frames."""


class Wishes:
    """The formats of outputs, from `to` or from the input's own format. Raises UsageError."""

    def __init__(self, out: Out, to: Sequence[str]) -> None:
        self._out = out
        self._to = tuple(
            dict.fromkeys(find_format(word) for word in ([suffix_of(out.name)] if out.name else to))
        )
        self._made: dict[tuple[str, str], Wish] = {}
        for target in self._to:
            if not target.writable:
                fix = "Choose one of " + ", ".join(
                    known.suffix for known in FORMATS.values() if known.writable and known.kind == target.kind
                )
                raise UsageError(f"imgpar does not write {target.title}.", fix=fix + ".")

    def of(self, item: Item) -> Wish:
        """Formats and suffixes of the outputs of this item."""
        return self.by_name(os.path.basename(item.path), item.format)

    def by_name(self, name: str, shown: str) -> Wish:
        """The same for the name of a file and what its first bytes show."""
        key = (suffix_of(name), shown)
        wish = self._made.get(key)
        if wish is None:
            wish = self._make(*key)
            source = known_suffix(key[0]) or FORMATS.get(key[1])
            many = source is None or (source.kind == "image" and source.frames)
            wish = self._made[key] = wish._replace(pages=many)
        return wish

    def _make(self, suffix: str, shown: str) -> Wish:
        if shown == SIDECAR:
            return Wish(((SIDECAR, ""),))
        by_name = known_suffix(suffix)
        source = by_name or FORMATS.get(shown)
        in_place = self._out.in_place
        kind = source.kind if source else "image"
        wanted = [target for target in self._to if target.kind == kind]
        if wanted:
            same = in_place and wanted == [source]
            return Wish(tuple((target.name, "" if same else "." + target.suffix) for target in wanted))
        if self._out.name:
            return Wish(
                error=f"It is no {self._to[0].kind}, so it cannot become {self._out.name}. Choose another."
            )
        if source is None:
            return Wish(error="Neither its name nor its content says what it is. Name a format with --to.")
        if source.writable:
            return Wish(((source.name, "" if by_name or in_place else "." + source.suffix),))
        if in_place:
            return Wish(error=f"imgpar does not write {source.title}. Name a format with --to.")
        stand_in = FORMATS[STAND_INS.get(source.name, "png")]
        note = f"written as {stand_in.title}, because imgpar does not write {source.title}"
        return Wish(((stand_in.name, "." + stand_in.suffix),), note)
