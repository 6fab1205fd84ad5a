"""Files that belong together by name: a picture, the clip of a Live Photo, and sidecars.

IMG_1.HEIC + IMG_1.MOV          a Live Photo: the output of the clip is named after the picture
IMG_1.CR2 + IMG_1.xmp           a sidecar, as named by Adobe
IMG_1.CR2 + IMG_1.CR2.xmp       a sidecar, as named by darktable and digiKam
IMG_1.HEIC + IMG_1.AAE          edits made on an iPhone
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from imgpar.core.filenames import fold, split_suffix
from imgpar.core.job import Item
from imgpar.inputs.batches import (
    SIDECARS,
    Batch,
    Entries,
    file_facts,
    is_sidecar,
    known_suffix,
    suffix_of,
    why_unreadable,
)
from imgpar.inputs.ignored import ignored_kind

SAMPLES = ("json", "txt", "cls")
"""Suffixes of what WebDataset keeps beside a picture: fields, caption, class."""
SIDECAR = "sidecar"
"""Format name of a sidecar, which is copied unchanged."""
_CLIPS = ("mov", "mp4")
_STILLS = ("heic", "heif", "jpg", "jpeg")
"""Suffixes of the still pictures of Live Photos, the most likely first."""


def with_sidecars(batches: Iterable[Batch], *, samples: bool = False) -> Iterator[Batch]:
    """Append the sidecars beside the pictures of each batch to its items.

    Args:
        batches: of the inputs.
        samples: whether the texts of samples (`SAMPLES`) are among them.
    """
    suffixes = (*SIDECARS, *SAMPLES) if samples else SIDECARS
    for batch in batches:
        found = list(beside(batch, suffixes))
        if not found:
            yield batch
            continue
        taken = sum(is_sidecar(item.path) for item in found)
        paths = {item.path for item in found}
        yield replace(
            batch,
            items=[*batch.items, *found],
            ignored=max(0, batch.ignored - len(found)),
            sidecars=max(0, batch.sidecars - taken),
            others=[item for item in batch.others if item.path not in paths] if batch.others else (),
            kinds=Counter(batch.kinds) - Counter(ignored_kind(os.path.basename(item.path)) for item in found),
        )


def beside(batch: Batch, suffixes: Sequence[str]) -> Iterator[Item]:
    """The files beside the pictures of a batch that have their names and one of these suffixes."""
    return _listed_beside(batch, suffixes) if batch.others else _beside(batch.items, suffixes)


class Leader(NamedTuple):
    """A file after which another one is named."""

    path: str
    format: str
    """The detected format."""


def companions(items: Sequence[Item]) -> dict[str, Leader]:
    """The leaders of items that have one, by path; no file is accessed."""
    if isinstance(items, Entries):
        text = "/".join([*items.names, ""]).lower()  # one test for a million names
        if not any(f".{suffix}/" in text for suffix in _CLIPS):
            return {}
        folder = os.path.join(os.path.dirname(items[0].path), "")
        paths = [folder + name for name in items.names]
        formats = [items.formats.get(name, "") for name in items.names]
    else:
        paths, formats = [item.path for item in items], [item.format for item in items]
    kept = [place for place, kind in enumerate(formats) if kind != "other"]  # those have no companions
    paths, formats = [paths[place] for place in kept], [formats[place] for place in kept]
    asides = [place for place, kind in enumerate(formats) if kind == SIDECAR]
    found = leaders(paths, asides).items()
    return {paths[place]: Leader(paths[leader], formats[leader]) for place, leader in found}


def leaders(names: Sequence[str], sidecars: Iterable[int]) -> dict[int, int]:
    """Map the index of each path that is named after another one in its folder to the index of that one.

    Where several are possible, the order of their names decides, not the order of the input.

    >>> leaders(["a.heic", "a.mov", "a.jpg", "b.mov", "a.AAE"], [4])
    {1: 0, 4: 0}
    """
    stems: dict[str, dict[str, int]] = {}
    whole: dict[str, int] = {}
    asides = set(sidecars)
    for place in sorted(range(len(names)), key=names.__getitem__):
        if place not in asides:
            stem, suffix = split_suffix(name := names[place])
            stems.setdefault(fold(stem), {}).setdefault(suffix[1:].lower(), place)
            whole.setdefault(fold(name), place)
    found = {}
    for same in stems.values():
        clip = next((same[suffix] for suffix in _CLIPS if suffix in same), None)
        still = next((same[suffix] for suffix in _STILLS if suffix in same), None)
        if clip is not None and still is not None:
            found[clip] = still
    for place in sorted(asides):
        stem = fold(split_suffix(names[place])[0])
        same = {suffix: at for suffix, at in stems.get(stem, {}).items() if at not in found}
        if stem in whole:
            found[place] = whole[stem]
        elif same:
            found[place] = min(same.values(), key=lambda at: _rank(names[at], names[place]))
    return found


def _rank(name: str, sidecar: str) -> tuple[int, str]:
    """XMP belongs to raw files, AAE to iPhone pictures."""
    suffix = suffix_of(name).lower()
    record = known_suffix(suffix)
    first = (
        suffix in _STILLS if suffix_of(sidecar).lower() == "aae" else bool(record and record.name == "raw")
    )
    return (0 if first else 1, name)


def _listed_beside(batch: Batch, suffixes: Sequence[str]) -> Iterator[Item]:
    """Sidecars in a source that lists its files; those of a sample have its name up to the first dot."""
    names = [os.path.basename(item.path) for item in batch.items if not item.error]
    known = {suffix: {fold(base) for name in names for base in _bases(name, suffix)} for suffix in suffixes}
    for item in batch.others:
        stem, suffix = split_suffix(os.path.basename(item.path))
        if fold(stem) in known.get(suffix[1:].lower(), ()):
            yield item._replace(format=SIDECAR)


def _bases(name: str, suffix: str) -> tuple[str, ...]:
    """What stands before the suffix of a sidecar of this picture."""
    stem = split_suffix(name)[0]
    return (name, stem, name.partition(".")[0] or stem) if suffix in SAMPLES else (name, stem)


def _beside(items: Sequence[Item], suffixes: Sequence[str]) -> Iterator[Item]:
    seen: set[tuple[str, str]] = set()
    for item in items:
        folder, name = os.path.split(item.path)
        every = [(base, suffix) for suffix in suffixes for base in _bases(name, suffix)]
        candidates = [f"{base}.{word}" for base, s in every for word in (s, s.upper())]
        for candidate in () if item.error or item.source else candidates:
            made = _item(os.path.join(folder, candidate), item)
            key = (folder, fold(candidate))
            if made is not None and key not in seen:
                seen.add(key)
                yield made


def _item(path: str, owner: Item) -> Item | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Item(path, owner.mirror, 0, 0, error=why_unreadable(error))
    mirror = owner.mirror.rpartition("/")[0]
    below = f"{mirror}/{os.path.basename(path)}" if mirror else os.path.basename(path)
    size, mtime_ns, inode, ctime_ns = file_facts(status)
    return Item(path, below, size, mtime_ns, inode, "", SIDECAR, ctime_ns)
