"""A tar archive on standard output: `-o -` where there are several outputs.

Members are written as they are finished, and nothing can be taken back: what is there is known, not kept.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable
from typing import IO

from imgpar.core.errors import ClosedOutputError, ImgparError
from imgpar.core.job import Facts, OutputFile
from imgpar.outputs.archive_sink import FixedTimes
from imgpar.outputs.tar_sink import RECORD, add_file


class TarStream(FixedTimes):
    """A sink that writes to a stream.

    Args:
        file: open for writing; it is not closed.
    """

    root, waits = "-", False

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._end = file, 0
        self._broken = self._closed = False
        self._members: dict[str, Facts] = {}

    @property
    def ordered(self) -> bool:
        """As `Sink.ordered`: the order of the plan is the one order that a stream can have."""
        return self.deterministic

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`."""
        return self._members.get(path)

    def digest(self, path: str) -> str:
        """As `Sink.digest`: what was written cannot be read."""
        raise FileNotFoundError(path)

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        """As `Sink.publish`. Raises ClosedOutputError where nothing more can be written."""
        name = path[len(self.root) + 1 :].replace(os.sep, "/")
        when = self._time(made.mtime_ns)
        with open(file, "rb") as source:
            self._write(name, source, made.bytes, when)
        self._members[path] = Facts(made.bytes, when)

    def close(self) -> None:
        """As `Sink.close`: writes the end of the archive, once."""
        if not (self._closed or self._broken):
            self._closed = True
            end = self._end + 2 * tarfile.BLOCKSIZE
            try:
                self._file.write(bytes(end + -end % RECORD - self._end))
                self._file.flush()
            except OSError:
                self._broken = True  # whoever read it has gone, and all outputs were written

    def _write(self, name: str, content: IO[bytes], size: int, mtime_ns: int) -> None:
        if self._broken:
            raise ClosedOutputError("Standard output was closed before all outputs were written.")
        try:
            self._end = add_file(self._file, self._end, name, content, size, mtime_ns).end
            self._file.flush()
        except (OSError, ImgparError) as error:
            self._broken = True
            why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
            words = f"Standard output was closed before all outputs were written{why}."
            raise ClosedOutputError(words) from error


def write_tar(file: IO[bytes], folder: str, outputs: Iterable[OutputFile]) -> None:
    """Write files that lie in `folder` as one archive. Raises ClosedOutputError."""
    stream = TarStream(file)
    for made in outputs:
        stream.publish(stream.root + made.path[len(folder) :], made.path, made)
    stream.close()
