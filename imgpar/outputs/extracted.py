"""Formats of what is extracted from clips."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.job import Item
from imgpar.formats.extraction import Extraction, picture_format
from imgpar.formats.registry import Format
from imgpar.inputs.batches import suffix_of
from imgpar.outputs.destination import Out
from imgpar.outputs.target_formats import Wish, WishedFile

INDEX = "vtt"
"""Format name of the WebVTT index of sprites, which is no format of pictures or clips."""


class ExtractedWishes:
    """Output formats of an extraction, which are the same for every input.

    Args:
        out: destination; the suffix of a file decides the format.
        to: name of one picture format, or empty.
        extract: what is extracted.

    Raises:
        UsageError: the format cannot hold it, or several files would go into one.
    """

    several = renaming = False

    def __init__(self, out: Out, to: Sequence[str], extract: Extraction) -> None:
        if extract.sprites and out.name:
            raise UsageError(f"Sprites are several files, but OUT is one ({out.name}).", fix="Name a folder.")
        if extract.split and out.name:
            raise UsageError(
                f"Frames are several files, but OUT is one ({out.name}).",
                fix="Name a folder, or choose one picture: poster or sheet.",
            )
        if extract.motion:
            self._wish = Wish((WishedFile("mp4", ".mp4"),), title="MP4")
            return
        target = self._format(out, to, extract)
        targets = [WishedFile(target.name, f".{target.suffix}", split=extract.split)]
        if extract.sprites:
            targets.append(WishedFile(INDEX, f".{INDEX}"))
        self._wish = Wish(tuple(targets), pages=bool(extract.split), title=target.title)

    def _format(self, out: Out, to: Sequence[str], extract: Extraction) -> Format:
        if len(to) > 1:
            raise UsageError(f"Frames become pictures of one format, not {', '.join(to)}.", fix="Name one.")
        usual = "gif" if extract.animation else "jpg"
        word = suffix_of(out.name) if out.name else next(iter(to), usual)
        target: Format = parsing.named("the format", picture_format, word)
        if extract.animation and not target.animated:
            raise UsageError(f"{target.title} holds no animation.", fix="Choose gif, webp, avif or png.")
        return target

    def of(self, item: Item) -> Wish:  # noqa: ARG002
        """Formats and suffixes of the outputs of an item."""
        return self._wish

    def by_name(self, name: str, shown: str, *, named: bool = False) -> Wish:  # noqa: ARG002
        """The same for the name of a file and its detected format."""
        return self._wish
