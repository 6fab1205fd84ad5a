"""Outputs kept in memory, by name."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping

from imgpar.core.digest import content_digest
from imgpar.core.job import Facts, OutputFile
from imgpar.core.tempfiles import remove_folder, temporary_folder


class MemorySink(Mapping[str, bytes]):
    """Bytes of outputs by their path below OUT; a later run with the same object makes only what changed.

    >>> sink = MemorySink()
    >>> report = imgpar.convert("photos/", sink, resize="1920", to="webp")  # doctest: +SKIP
    >>> sink["2024/IMG_1.webp"]  # doctest: +SKIP
    b'RIFF...'
    """

    waits = lasts = False
    root = "memory://outputs"

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        folder = temporary_folder()
        self.journal = os.path.join(folder, "journal.db")
        """The journal lives as long as the outputs."""
        weakref.finalize(self, remove_folder, folder)

    def __getitem__(self, name: str) -> bytes:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`."""
        data = self._files.get(self._name(path))
        return None if data is None else Facts(len(data), 0)

    def digest(self, path: str) -> str:
        """As `Sink.digest`."""
        return content_digest(self._files[self._name(path)])

    def publish(self, path: str, file: str, _made: OutputFile, /) -> None:
        """As `Sink.publish`."""
        with open(file, "rb") as source:
            self._files[self._name(path)] = source.read()

    def close(self) -> None:
        """As `Sink.close`."""

    def _name(self, path: str) -> str:
        return path[len(self.root) + 1 :].replace(os.sep, "/")
