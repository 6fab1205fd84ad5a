"""Output formats of each input, from the requested formats and the input's own."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.job import OTHER, Item, Split
from imgpar.formats.option_values import several_pages
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, Format, every_format, find_format, list_hint
from imgpar.formats.relevance import silent
from imgpar.inputs.batches import known_suffix, look_inside, suffix_of
from imgpar.inputs.companions import SIDECAR
from imgpar.inputs.roots import absolute, read_inputs
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out

STAND_INS = {"raw": "jpeg", "ts": "mp4", "flv": "mp4", "mxf": "mov", "dv": "mov",
             "mpeg": "mkv", "wmv": "mkv", "ogv": "mkv"}  # fmt: skip
"""Output formats for inputs in a format that imgpar reads but does not write: photos become JPEG, other
pictures PNG, which supports everything, clips a container that takes their usual streams."""
TOGETHER = {"pdf": "-o FILE.pdf makes a PDF of all inputs"}
"""Formats that are written only where all inputs become one file, and how."""


class WishedFile(NamedTuple):
    """One output of one input."""

    format: str
    suffix: str
    """With its dot; empty keeps that of the input."""
    branch: int = 0
    """Which output of the recipe it is."""
    name: str = ""
    """Template of the name; empty keeps the stem."""
    either: bool = False
    """Whether only the smallest of these files of the output is written."""
    split: Split = ""
    """Whether every page or frame becomes a file."""
    flat: bool = False
    """Whether it lies directly in OUT."""
    size: int = 0
    """The width for which it is made, where there are several sizes; see `recipe.outputs.Branch`."""


class Wish(NamedTuple):
    """Outputs of one input."""

    targets: tuple[WishedFile, ...] = ()
    note: str = ""
    error: str = ""
    pages: bool = False
    """Whether it may have several pages or frames."""
    silent: tuple[str, ...] = ()
    """Settings that have no effect on it."""
    title: str = ""
    """Display name of its format."""
    moving: bool = False
    """Whether it becomes a clip, which only an animation can."""


class Wishes:
    """Output formats of inputs, from `to` or from the input's own format.

    An input gets the formats of its own kind, and a clip those of audio too. If there is none, an input that
    was named itself is converted to another kind (clip → animation, animation → clip); one in a folder keeps
    its format.

    Args:
        out: destination; the name of a file determines the only format.
        to: names of formats.
        options: settings, some of which may not apply to an input.
        alone: whether there is one input, for which these formats were named. Only then a clip becomes an
            animation in a format that is mainly for still pictures.
        still: inputs of `may_become_clips` that have a single frame, and become no clips.

    Raises:
        UsageError: a format cannot be written, or not in place.
    """

    def __init__(
        self,
        out: Out,
        to: Sequence[str],
        options: EncodeOptions | None = None,
        *,
        alone: bool = False,
        still: Collection[str] = (),
    ) -> None:
        self._out, self._options = out, options or EncodeOptions()
        self._alone, self._still = alone or bool(out.name), still
        self._to = tuple(
            dict.fromkeys(find_format(word) for word in ([suffix_of(out.name)] if out.name else to))
        )
        self._made: dict[tuple[str, str, bool], Wish] = {}
        for target in self._to:
            self._check(target)

    def _check(self, target: Format) -> None:
        if not target.writable:
            same = [known.suffix for known in every_format() if known.writable and known.kind == target.kind]
            fix = TOGETHER.get(target.name, f"Choose one of {', '.join(same)}")
            raise UsageError(f"imgpar does not write {target.title}.", fix=f"{fix}.")
        if target.kind == "audio" and self._out.in_place:
            raise UsageError(
                f"In place, {target.title} would take the place of the clips.", fix="Name a folder with -o."
            )

    def of(self, item: Item) -> Wish:
        """Formats and suffixes of the outputs of this item."""
        name = item.name
        wish = self.by_name(name, item.format, named=item.named)
        if wish.moving and item.path in self._still:
            wish = self.by_name(name, item.format)  # a still picture in a format that can hold animations
        return wish

    def by_name(self, name: str, shown: str, *, named: bool = False) -> Wish:
        """Formats and suffixes for a file name and the detected format.

        Args:
            name: of the file.
            shown: name of the format detected from its content.
            named: whether the user named the file itself, not a folder that contains it.
        """
        key = (suffix_of(name), shown, named)
        wish = self._made.get(key)
        if wish is None:
            wish = self._made[key] = self._made_for(*key)
        return wish

    def _made_for(self, suffix: str, shown: str, named: bool) -> Wish:
        source = known_suffix(suffix) or FORMATS.get(shown)
        wanted = self._wanted(source, named=named)
        wish = self._make(suffix, shown, wanted)
        many = source is None or (source.kind == "image" and source.frames)
        if source is None or wish.error or shown in (SIDECAR, OTHER):
            split: Split = "pages" if self._options.split and shown not in (SIDECAR, OTHER) else ""
            return wish._replace(
                pages=many, targets=tuple(file._replace(split=split) for file in wish.targets)
            )
        inapplicable = silent(self._options, source.name, [target.format for target in wish.targets])
        inapplicable += ("to",) if self._to and not wanted else ()
        moving = source.kind == "image" and any(target.kind == "video" for target in wanted)
        if many and self._splits(source, wish.targets):
            wish = wish._replace(targets=tuple(file._replace(split="pages") for file in wish.targets))
        return wish._replace(pages=many, silent=inapplicable, title=source.title, moving=moving)

    def _splits(self, source: Format, targets: Sequence[WishedFile]) -> bool:
        """Whether every page becomes a file: as requested, or because several pages were requested which one
        of the formats cannot hold."""
        if self._options.split or not several_pages(self._options.pages) or self._out.in_place:
            return self._options.split
        formats = [FORMATS[target.format] for target in targets]
        return not all(each.paged if source.paged else each.frames for each in formats)

    def _wanted(self, source: Format | None, *, named: bool) -> list[Format]:
        """The requested formats to which such an input is converted."""
        kind = source.kind if source else "image"
        own = [
            target for target in self._to if target.kind in ((kind, "audio") if kind == "video" else (kind,))
        ]
        if own or source is None or not (named or self._out.name):
            return own
        return [target for target in self._to if _crosses(source, target, alone=self._alone)]

    def _make(self, suffix: str, shown: str, wanted: Sequence[Format]) -> Wish:
        if shown in (SIDECAR, OTHER):
            return Wish((WishedFile(shown, ""),))
        by_name = known_suffix(suffix)
        source = by_name or FORMATS.get(shown)
        in_place = self._out.in_place
        if wanted:
            same = in_place and wanted == [source]
            suffixes = ["" if same else "." + target.suffix for target in wanted]
            either = bool(self._options.best_format) and len(wanted) > 1
            files = [
                WishedFile(target.name, suffix, either=either and target.kind == "image")
                for target, suffix in zip(wanted, suffixes, strict=True)
            ]
            return Wish(tuple(files))
        if self._out.name:
            return Wish(
                error=f"It cannot become {self._to[0].title} ({self._out.name}). Choose another name."
            )
        if source is None:
            fix = list_hint(f".{suffix}") or "Leave it out; 'imgpar formats' lists what is read."
            return Wish(error=f"Its format cannot be told from its name or content. {fix}")
        if source.writable:
            return Wish((WishedFile(source.name, "" if by_name or in_place else "." + source.suffix),))
        if in_place:
            return Wish(error=f"imgpar does not write {source.title}. Name a format with {setting('to')}.")
        stand_in = FORMATS[STAND_INS.get(source.name, "png")]
        why = TOGETHER.get(source.name, f"imgpar does not write {source.title}")
        note = f"written as {stand_in.title}: {why}"
        return Wish((WishedFile(stand_in.name, "." + stand_in.suffix),), note)


def _crosses(source: Format, target: Format, *, alone: bool) -> bool:
    """Whether an input that was named itself is converted to another kind."""
    if source.kind == "video":
        return target.animated and (alone or target.name == "gif")
    return source.animated and target.kind == "video"


def may_become_clips(inputs: Sequence[str | Source], out: Out, to: Sequence[str]) -> list[str]:
    """The named pictures that become clips if they are animations, which only their headers tell.

    Args:
        inputs: as given.
        out: destination.
        to: names of formats.

    Returns:
        Absolute paths.
    """
    kinds = {target.kind for target in _targets(out, to)}
    if "video" not in kinds or "image" in kinds:
        return []
    return [path for path in read_inputs(inputs, None).files if _may_move(path)]


def _may_move(path: str) -> bool:
    source = _source(path) if os.path.isfile(path) else None
    return source is not None and source.kind == "image" and source.animated


def _targets(out: Out, to: Sequence[str]) -> list[Format]:
    return [find_format(word) for word in ([suffix_of(out.name)] if out.name else to)]


def _source(path: str) -> Format | None:
    return known_suffix(suffix_of(os.path.basename(path))) or FORMATS.get(_look(path))


def check_kinds(
    inputs: Sequence[str | Source],
    out: Out,
    to: Sequence[str],
    *,
    chosen: bool = True,
    still: Collection[str] = (),
) -> None:
    """Refuse formats to which none of the named files can be converted; raises UsageError.

    Args:
        inputs: as given. Folders, other sources, patterns and missing files are not checked.
        out: destination.
        to: names of formats.
        chosen: whether the formats were given for this run. Those of a recipe apply where they fit.
        still: as for `Wishes`.
    """
    targets = _targets(out, to)
    chosen = chosen or bool(out.name)
    paths = [given for given in inputs if isinstance(given, str)]
    if not (targets and inputs and chosen and len(paths) == len(inputs) and all(map(os.path.isfile, paths))):
        return
    kinds = {target.kind for target in targets}
    for path in paths:
        source = _source(path)
        if source is None or source.kind in kinds or (source.kind == "video" and "audio" in kinds):
            return
        if any(_crosses(source, target, alone=len(inputs) == 1) for target in targets) and (
            source.kind == "video" or absolute(path) not in still
        ):
            return
    titles = " or ".join(dict.fromkeys(target.title for target in targets))
    if any(target.animated for target in targets):
        fix = "Convert one at a time, or choose gif."
        raise UsageError(f"Several clips cannot be converted to {titles}.", fix=fix)
    if "image" in kinds:
        fix = "imgpar frames extracts pictures from clips."
        raise UsageError(f"A clip cannot be converted to {titles}.", fix=fix)
    what = "a clip" if kinds == {"audio"} else "a clip or an animation"
    fix = "" if kinds == {"audio"} else "imgpar assemble makes a clip from pictures."
    raise UsageError(f"None of the inputs is {what}, so nothing can be converted to {titles}.", fix=fix)


def _look(path: str) -> str:
    try:
        return look_inside(path)
    except OSError:
        return ""
