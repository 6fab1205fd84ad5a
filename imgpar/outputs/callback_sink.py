"""Outputs handed to a function of the caller, one by one."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from imgpar.core.digest import content_digest
from imgpar.core.errors import CommitError, ImgparError, raised_words
from imgpar.core.job import Facts, Job, Outcome, OutputFile, key_in
from imgpar.core.tempfiles import remove_folder, temporary_folder
from imgpar.formats.registry import format_of_suffix


@dataclass(frozen=True, slots=True, repr=False)
class OutputData:
    """One output of a run, for a function in place of OUT.

    >>> made = OutputData("2024/a.webp", "/photos/2024/a.jpg", "webp", (1920, 1080), b"RIFF")
    >>> made.name, made.format, len(made.data)
    ('2024/a.webp', 'webp', 4)
    """

    name: str
    """Path below OUT, with `/`; no other output of the run has it."""
    source: str
    """Path of the input, as `Outcome.source`."""
    format: str
    """Name of the format, such as "webp"; empty for a file that is copied and is no picture or clip."""
    size: tuple[int, int]
    """Width and height in pixels; 0 is unknown."""
    data: bytes
    """Content of the file; it belongs to the receiver."""

    def __repr__(self) -> str:
        width, height = self.size
        return f"<OutputData: {self.name!r}, {width}×{height}, {len(self.data):,} bytes>"

    @property
    def key(self) -> str:
        """What the caller calls the input, as `Outcome.key`."""
        return key_in(self.source)


OnOutput = Callable[[OutputData], object]


class CallbackSink:
    """Calls a function with the outputs of each item, when all of them are made.

    Nothing is kept, so every run makes every output.

    Args:
        function: called in this process, in the thread of the run, by one item at a time and in no order. An
            exception in it fails the item.
    """

    waits = lasts = False
    root = "callback://outputs"

    def __init__(self, function: OnOutput) -> None:
        self._function = function
        self._made: dict[str, bytes] = {}
        """Outputs of the item that is being published."""
        folder = temporary_folder()
        self.journal = os.path.join(folder, "journal.db")
        weakref.finalize(self, remove_folder, folder)

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`."""
        data = self._made.get(path)
        return None if data is None else Facts(len(data), 0)

    def digest(self, path: str) -> str:
        """As `Sink.digest`."""
        return content_digest(self._made[path])

    def publish(self, path: str, file: str, _made: OutputFile, /) -> None:
        """As `Sink.publish`."""
        with open(file, "rb") as source:
            self._made[path] = source.read()

    def record(self, outcome: Outcome, _job: Job | None) -> None:
        """As `Sink.record`: hand over what was published of an item."""
        for made in outcome.outputs:
            if (data := self._made.pop(made.path, None)) is not None:
                self._hand_over(outcome.source, made, data)

    def close(self) -> None:
        """As `Sink.close`."""
        self._made.clear()

    def _hand_over(self, source: str, made: OutputFile, data: bytes) -> None:
        name = made.path[len(self.root) + 1 :].replace(os.sep, "/")
        found = format_of_suffix(name)
        size = made.width, made.height
        output = OutputData(name, source, found.name if found else "", size, data)
        try:
            self._function(output)
        except (ImgparError, OSError):
            raise
        except Exception as error:
            raise CommitError(f"The function that takes the outputs raised {raised_words(error)}.") from error
