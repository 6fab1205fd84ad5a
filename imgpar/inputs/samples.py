"""Samples of WebDataset as inputs of shards: what lies beside a picture becomes columns of its item.

00000.tar/000000012.jpg     an item, whose columns are
00000.tar/000000012.json    the fields in here
00000.tar/000000012.txt     caption
00000.tar/000000012.cls     cls
                            key: 000000012
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO

from imgpar.core.errors import ImgparError
from imgpar.core.filenames import fold, split_suffix
from imgpar.core.job import Item
from imgpar.inputs.batches import Batch
from imgpar.inputs.companions import SAMPLES, beside
from imgpar.inputs.ignored import ignored_kind
from imgpar.inputs.opening import opened
from imgpar.inputs.sequential import SequentialArchive, sequential_part
from imgpar.inputs.sources import Source

CAPTION, CLASS, KEY = "caption", "cls", "key"
"""Columns that are no fields of the JSON file."""
MOST_BYTES = 1 << 20
"""Of one text; a larger one is no caption, and is left out."""

Columns = tuple[tuple[str, str], ...]


def with_columns(
    batches: Iterable[Batch], sources: Sequence[Source], ours: Collection[str]
) -> Iterator[Batch]:
    """The batches, whose pictures have what lies beside them as columns.

    Args:
        batches: of the inputs.
        sources: of the run.
        ours: names of fields that are made anew for each output; of them only the `url` is kept, as
            `list_url`.
    """
    for batch in batches:
        found = list(beside(batch, SAMPLES))
        texts = _by_stem(found, sources)
        items = [_with_columns(item, batch, texts, ours) for item in batch.items]
        taken = {item.path for item in found}
        yield (
            replace(
                batch,
                items=items,
                ignored=max(0, batch.ignored - len(found)),
                kinds=Counter(batch.kinds) - Counter(ignored_kind(os.path.basename(path)) for path in taken),
                others=[item for item in batch.others if item.path not in taken] if batch.others else (),
            )
            if items
            else batch
        )


def columns_of(texts: Mapping[str, str], ours: Collection[str]) -> Columns:
    """The columns of a sample, by the texts beside its picture.

    >>> columns_of({"json": '{"a": 1, "b": [2], "width": 3}', "txt": "y"}, ["width", "caption"])
    (('a', '1'), ('b', '[2]'), ('caption', 'y'))

    Args:
        texts: by suffix.
        ours: as for `with_columns`.
    """
    try:
        fields = json.loads(texts.get("json", "{}"))
    except ValueError:
        fields = {}
    fields = fields if isinstance(fields, dict) else {}
    found = {name: _text(value) for name, value in fields.items() if value is not None}
    if "url" in found:
        found.setdefault("list_url", found["url"])
    for suffix, name in (("txt", CAPTION), ("cls", CLASS)):
        if suffix in texts:
            found[name] = texts[suffix]
    return tuple((name, text) for name, text in found.items() if name == CAPTION or name not in ours)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _with_columns(
    item: Item, batch: Batch, texts: Mapping[tuple[str, str], Mapping[str, str]], ours: Collection[str]
) -> Item:
    folder, name = os.path.split(item.path)
    stems = dict.fromkeys((name.partition(".")[0], split_suffix(name)[0], name))
    own = next((texts[folder, fold(stem)] for stem in stems if (folder, fold(stem)) in texts), {})
    found = dict(columns_of(own, ours))
    root = batch.root or batch.folder
    if root and item.path.startswith(root):
        above = folder[len(root) :].strip("/" + os.sep).replace(os.sep, "/")
        found[KEY] = f"{above}/{next(iter(stems))}".lstrip("/")
    return item._replace(columns=tuple((dict(item.columns) | found).items()))


def _by_stem(sidecars: Sequence[Item], sources: Sequence[Source]) -> dict[tuple[str, str], dict[str, str]]:
    """The texts of all samples of a batch, by folder and name, then by suffix."""
    found = dict[tuple[str, str], dict[str, str]]()
    for item, data in _contents(sidecars, sources):
        folder, name = os.path.split(item.path)
        stem, suffix = split_suffix(name)
        if len(data) <= MOST_BYTES:
            text = data.decode("utf-8", "replace").strip()
            found.setdefault((folder, fold(stem)), {})[suffix[1:].lower()] = text
    return found


def _contents(sidecars: Sequence[Item], sources: Sequence[Source]) -> Iterator[tuple[Item, bytes]]:
    """The bytes of small files; those in an archive that is read in order by unpacking it once."""
    packed = dict[str, tuple[SequentialArchive, dict[str, Item]]]()
    for item in sidecars:
        part = sequential_part(sources[item.source - 1], item) if item.source else None
        if part is not None:
            packed.setdefault(part[0].root, (part[0], {}))[1][part[1]] = item
        elif not item.error:
            try:
                yield item, _read(item, sources)
            except (ImgparError, OSError):
                continue  # the picture is converted without it
    for archive, wanted in packed.values():
        receiver = _Texts(wanted)
        with contextlib.suppress(ImgparError):  # its pictures say what is wrong
            archive.unpack(receiver)
        yield from receiver.found


def _read(item: Item, sources: Sequence[Source]) -> bytes:
    with opened(item, sources) as content:
        if isinstance(content, bytes):
            return content
        with open(content, "rb") if isinstance(content, str) else content as file:
            return file.read(MOST_BYTES + 1)


class _Texts:
    """Receives the small files of an archive that are wanted."""

    def __init__(self, wanted: dict[str, Item]) -> None:
        self._wanted, self._file = wanted, io.BytesIO()
        self.found: list[tuple[Item, bytes]] = []

    def take(self, key: str) -> IO[bytes] | None:
        """As `Receiver.take`."""
        if key not in self._wanted or self._wanted[key].size > MOST_BYTES:
            return None
        self._file = io.BytesIO()
        return self._file

    def done(self, key: str, error: ImgparError | None = None) -> bool:
        """As `Receiver.done`."""
        item = self._wanted.pop(key, None)
        if item is not None and error is None and item.size <= MOST_BYTES:
            self.found.append((item, self._file.getvalue()))
        return bool(self._wanted)
