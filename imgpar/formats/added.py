"""The formats of other packages: their records, which are imported together as soon as a suffix, a name or a
content is unknown. Their readers and writers are imported when a file is read or written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from imgpar.core.errors import UsageError
from imgpar.core.plugins import find_plugin, plugins_of
from imgpar.core.spec import ITEM_BYTES
from imgpar.formats.record import HEAD, Format

_LAYOUTS = {"L", "LA", "RGB", "RGBX", "RGBA"}
"""Those of encoders that know no others."""


class Added(NamedTuple):
    """What the installed packages add."""

    by_word: Mapping[str, Format]
    """By name and by suffix."""
    magics: tuple[tuple[int, bytes, Format], ...]
    failed: Mapping[str, UsageError]
    """Why the other ones cannot be used, by the names of their entry points."""

    @property
    def formats(self) -> tuple[Format, ...]:
        """Each record once."""
        return tuple(dict.fromkeys(self.by_word.values()))


def added_formats(taken: Collection[str]) -> Added:
    """Import the records of all packages; `taken` are names and suffixes of other formats."""
    by_word: dict[str, Format] = {}
    failed: dict[str, UsageError] = {}
    for name in plugins_of("formats"):
        try:
            found = _loaded(name, {*taken, *by_word})
        except UsageError as error:
            failed[name] = error
            continue
        by_word |= dict.fromkeys((found.name, *found.suffixes), found)
    magics = tuple((*magic, found) for found in dict.fromkeys(by_word.values()) for magic in found.magic)
    return Added(by_word, magics, failed)


def _loaded(name: str, taken: Collection[str]) -> Format:
    plugin = find_plugin("formats", name)
    assert plugin
    found = plugin.load()
    if not isinstance(found, Format):
        raise plugin.broken(f"{plugin.target} is no imgpar.plugin.Format")
    if problem := _problem(name, found, taken):
        raise plugin.broken(problem)
    return found._replace(package=plugin.package)


def _problem(name: str, found: Format, taken: Collection[str]) -> str:
    """Why a record is not valid, as a part of a sentence; empty where it is."""
    from imgpar.formats.options import EncodeOptions  # runs without such a format need no settings here

    if found.name != name:
        return f"its record has the name {found.name!r}"
    if found.kind != "image" or found.twin or found.pillow:
        return "its record has a kind, twin or pillow, which are for formats of imgpar"
    words = (found.suffixes, found.readers, found.writers)
    if not all(isinstance(word, tuple) and all(isinstance(one, str) for one in word) for word in words):
        return "suffixes, readers and writers have to be tuples of texts"
    if not found.suffixes or any(not word or word.strip(". ") != word.lower() for word in found.suffixes):
        return "its suffixes have to be of small letters, without dots"
    if clash := {found.name, *found.suffixes} & {*taken}:
        return f"{min(clash)} is the name or suffix of another format"
    if not (found.readers or found.writers):
        return "its record has neither readers nor writers"
    if not all(map(_is_magic, found.magic)):
        return f"its magic has to be of pairs: an offset, and bytes in the first {HEAD} of a file"
    if unknown := {*found.takes} - EncodeOptions.options().keys():
        return f"{min(unknown)} among takes is no setting"
    if (
        not {*found.layouts} <= _LAYOUTS
        or (found.writers and not found.layouts)
        or not {*found.dtypes} <= {*ITEM_BYTES}
    ):
        return "its layouts or dtypes are not those of imgpar"
    return ""


def _is_magic(pair: Any) -> bool:
    if not (isinstance(pair, tuple) and len(pair) == 2):
        return False
    at, magic = pair
    return isinstance(at, int) and isinstance(magic, bytes) and bool(magic) and 0 <= at <= HEAD - len(magic)
