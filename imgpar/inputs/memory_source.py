"""Pictures and clips in memory as a source: names and their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imgpar.core.errors import UsageError
from imgpar.core.job import Item
from imgpar.formats.registry import sniff
from imgpar.inputs.batches import Batch, is_media
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, Source, in_folders


class MemorySource(Source):
    """Inputs by name; every worker gets a copy.

    >>> source = MemorySource({"a.png": b"...", "2024/b.jpg": b"..."})
    >>> [item.path for batch in source.batches("") for item in batch.items]
    ['memory://inputs/a.png', 'memory://inputs/2024/b.jpg']

    Args:
        files: bytes by name, which is a path with `/`; its suffix, else the content, tells the format.
        name: of the source; of several inputs, its outputs go to a folder of this name.

    Raises:
        UsageError: a value is not bytes.
    """

    def __init__(self, files: Mapping[str, bytes], name: str = "inputs") -> None:
        if not isinstance(files, Mapping) or not all(isinstance(data, bytes) for data in files.values()):
            raise UsageError("A MemorySource takes names with the bytes of each file.")
        self.root, self._files = f"memory://{name}", dict(files)

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`."""
        entries = (
            Entry(name, len(data), key=name, format="" if is_media(name) else _format(data))
            for name, data in self._files.items()
        )
        return in_folders(self.root, mirror, entries, patterns)

    def open(self, item: Item) -> bytes:
        """As `Source.open`."""
        return self._files[item.key]


def _format(data: bytes) -> str:
    found = sniff(data)
    return found.name if found else ""
