"""Archives as OUT: the part that all kinds share.

    out.tar                    replaced when the run ends, if anything was published
    .imgpar-HASH-RANDOM.part   the new archive, beside it (`partial`): each output is a whole member of it as
                               soon as it is published
    end of the run             the members of the old archive that were not replaced follow, then one rename

What has to be written anew at the end (compressed, in a fixed order, with members that were replaced) takes
its members from the partial archive and goes into a second temporary file.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import IO, NamedTuple, Protocol

from imgpar.core.digest import LOCAL, stream_digest
from imgpar.core.errors import OutputError, UsageError
from imgpar.core.fs import Half, sweep_temporary_files, sync_folder, temporary_path
from imgpar.core.job import Facts, OutputFile
from imgpar.outputs.partial import Partial, WholeWrites

BLOCK = 1 << 20
EPOCH = 315_532_800
"""1980-01-01, the first time that every kind of archive can hold, in seconds since 1970."""


class WholeMember(NamedTuple):
    """A whole file in an unfinished archive."""

    start: int
    """Where its header begins."""
    data: int
    """Where its content begins."""
    size: int
    end: int
    """Where the next header begins."""
    mtime_ns: int
    crc: int = 0
    """CRC-32, where the kind of archive has it."""


class Before(Protocol):
    """What OUT held before the run, by name; of equal names the last one counts."""

    def names(self) -> Iterable[str]:
        """Of all members, in their order."""

    def find(self, name: str) -> Facts | None:
        """What is known of a member; None where there is none."""

    def digest(self, name: str) -> str:
        """`imgpar.core.digest.content_digest` of a member. Raises OSError."""

    def close(self) -> None:
        """Close the archive."""


class Writer(Protocol):
    """Writes the end of an archive, or all of it."""

    def placed(self, name: str, member: WholeMember) -> None:
        """A member is there already."""

    def add(self, name: str, member: WholeMember, source: IO[bytes]) -> None:
        """Write a member whose content is in `source`."""

    def keep(self, name: str) -> None:
        """Write a member of the archive before. Raises OSError, ImgparError."""

    def close(self) -> None:
        """Write what ends the archive."""


class FileRange(io.BufferedIOBase):
    """A range of an open file, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file. Raises OSError."""
        left = max(self._size - self._at, 0)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if size is None or size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As of any file."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """As of any file."""
        return self._at

    def copy(self, target: IO[bytes]) -> bool:
        """Write all that is left to another file; False where some of it is missing."""
        while block := self.read(BLOCK):
            target.write(block)
        return self._at >= self._size


class FixedTimes:
    """The part of a sink that knows the times of members."""

    _fixed: int | None = None

    @property
    def deterministic(self) -> bool:
        """Whether equal outputs make equal archives: members in one order, with one time. Raises
        UsageError."""
        return self._fixed is not None

    @deterministic.setter
    def deterministic(self, wanted: bool) -> None:
        self._fixed = fixed_time() * 10**9 if wanted else None

    def _time(self, mtime_ns: int) -> int:
        """The modification time of a member, in nanoseconds."""
        return mtime_ns if self._fixed is None else self._fixed


class ArchiveSink(FixedTimes):
    """Outputs in an archive.

    Args:
        path: absolute.
    """

    waits = False
    title = ""
    """Name of the kind, for messages."""
    direct = True
    """Whether the unfinished archive becomes the new one."""

    def __init__(self, path: str) -> None:
        self.root = path
        self._members: dict[str, WholeMember] = {}
        self._partial: Partial | None = None
        self._gaps = False
        """Whether the unfinished archive has bytes that belong to no member."""
        self._old: Before | None = None
        self._seen: Facts | None = None
        """The archive when it was first looked at."""
        self._is_known = False
        self._reading = Lock()
        """Outputs are verified by several threads, and an archive is one file with one position."""

    # ----- of each kind -----------------------------------------------------------------------------

    def _before(self) -> Before:
        """Open the archive that is there. Raises OutputError."""
        raise NotImplementedError

    def _added(self, target: IO[bytes], at: int, name: str, file: str, made: OutputFile) -> WholeMember:
        """Write a new member at the end of `target`, which is at `at`. Raises OSError, ImgparError."""
        raise NotImplementedError

    def _scan(self, file: IO[bytes], end: int) -> Iterator[tuple[str, WholeMember]]:
        """The whole members of an unfinished archive, which ends at `end`."""
        raise NotImplementedError

    def _writer(self, target: IO[bytes], before: Before | None) -> Writer:
        """Writes into an archive of this kind, from where `target` is."""
        raise NotImplementedError

    # ----- the sink ---------------------------------------------------------------------------------

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`; a checksum stands for the inode."""
        name = self._name(path)
        if member := self._members.get(name):
            return Facts(member.size, member.mtime_ns, 0, member.crc)
        with self._reading:
            old = self._looked()
            return old.find(name) if old else None

    def digest(self, path: str) -> str:
        """As `Sink.digest`."""
        name = self._name(path)
        with self._reading:
            if self._partial and (member := self._members.get(name)):
                return _digest(self._partial.file, member)
            old = self._looked()
            if old is None or old.find(name) is None:
                raise FileNotFoundError(path)
            return old.digest(name)

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        """As `Sink.publish`: added to the unfinished archive."""
        name = self._name(path)
        self._looked()  # what cannot be read is not replaced
        partial = self._partial = self._partial or self._begin()
        try:
            partial.file.seek(partial.end)
            member = self._added(partial.file, partial.end, name, file, made)
        except BaseException:
            partial.cut()
            raise
        partial.end = member.end
        self._gaps |= self._members.pop(name, None) is not None
        self._members[name] = member

    def resume(self, made: Iterable[OutputFile]) -> None:
        """As `Sink.resume`: the members of an unfinished archive that are outputs of an earlier run."""
        partial = self._partial or Partial.left_by_a_kill(self.root)
        if partial is None or self._members:
            return
        sweep_temporary_files(os.path.dirname(self.root))  # a kill at the end of a run leaves a second one
        known: dict[str, set[str]] = {}
        for file in made:
            known.setdefault(self._name(file.path), set()).add(file.digest)
        limit, partial.end = partial.end, 0
        for name, member in self._scan(partial.file, limit):
            self._gaps |= self._members.pop(name, None) is not None or partial.end != member.start
            if _digest(partial.file, member) in known.get(name, ()):
                self._members[name], partial.end = member, member.end
        if not self._members:
            partial.drop()
            return
        partial.cut()
        self._partial = partial

    def close(self) -> None:
        """As `Sink.close`: the new archive takes the place of the old one."""
        partial, members, gaps = self._partial, self._members, self._gaps
        try:
            if partial:
                with partial:
                    if members:
                        self._finish(partial, members, anew=gaps or self.deterministic or not self.direct)
                    else:
                        partial.drop()
        finally:
            old, self._old, self._seen, self._is_known = self._old, None, None, False
            self._partial, self._members, self._gaps = None, {}, False
            if old:
                old.close()

    # ----- inside -----------------------------------------------------------------------------------

    def _begin(self) -> Partial:
        folder = os.path.dirname(self.root)
        os.makedirs(folder, exist_ok=True)
        sweep_temporary_files(folder)
        return Partial.new(self.root)

    def _looked(self) -> Before | None:
        if not self._is_known:
            self._seen = LOCAL.find(self.root)
            if self._seen and not os.path.isfile(self.root):  # a pipe would never open
                raise self._unreadable("it is no file")
            self._old = self._before() if self._seen else None
            self._is_known = True
        return self._old

    def _finish(self, partial: Partial, members: Mapping[str, WholeMember], *, anew: bool) -> None:
        old = self._looked()
        kept = [name for name in (old.names() if old else ()) if name not in members]
        if not anew:
            partial.mark()
            partial.file.seek(partial.end)
            self._fill(self._writer(partial.file, old), members, kept)
            os.fsync(partial.file.fileno())
            self._check()
            partial.rename(self.root)
            sync_folder(os.path.dirname(self.root))
            return
        with Half(temporary_path(self.root), 0o666) as half:
            half.share()
            with WholeWrites(half.path, "r+b") as file:
                self._fill(self._writer(file, old), members, kept, partial.file)
                os.fsync(file.fileno())
            self._check(half.path)
            half.name(self.root)
        sync_folder(os.path.dirname(self.root))
        partial.drop()

    def _fill(
        self,
        writer: Writer,
        members: Mapping[str, WholeMember],
        kept: Iterable[str],
        source: IO[bytes] | None = None,
    ) -> None:
        names: Iterable[str] = (*members, *kept)
        for name in sorted(names) if self.deterministic else names:
            if name not in members:
                writer.keep(name)
            elif source:
                writer.add(name, members[name], source)
            else:
                writer.placed(name, members[name])
        writer.close()

    def _check(self, path: str = "") -> None:
        if LOCAL.find(self.root) != self._seen:
            raise OutputError(f"{self.root} was changed during the run; it was left alone.", fix="Run again.")
        if self._seen:
            shutil.copymode(self.root, path or self._partial.path if self._partial else path)

    def _name(self, path: str) -> str:
        return path[len(self.root) + 1 :].replace(os.sep, "/")

    def _unreadable(self, why: object) -> OutputError:
        words = f"{self.root} cannot be read as a {self.title}: {why}."
        return OutputError(words, fix="Choose another OUT.")

    def _damaged(self) -> OutputError:
        return OutputError(f"{self.root} is damaged; it was left alone.", fix="Choose another OUT.")


def fixed_time() -> int:
    """The time of all members of an archive that is to be the same again, in seconds since 1970: that in
    SOURCE_DATE_EPOCH, or 1980-01-01. Raises UsageError."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given:
        return EPOCH
    if not given.isascii() or not given.isdigit() or len(given) > 11:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {given!r}, not a number of seconds since 1970.", fix="Correct or unset it."
        )
    return int(given)


def _digest(file: IO[bytes], member: WholeMember) -> str:
    return stream_digest(FileRange(file, member.data, member.size))  # type: ignore[arg-type]
