"""A tar archive as OUT, in the format of POSIX (pax), which holds any name, size and time."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO

from imgpar.core.digest import stream_digest
from imgpar.core.errors import CommitError
from imgpar.core.job import Facts, OutputFile
from imgpar.inputs.tar_headers import BoundedHeader, forward
from imgpar.outputs.archive_sink import BLOCK, ArchiveSink, Before, FileRange, WholeMember, Writer

RECORD = tarfile.RECORDSIZE
UNREADABLE = (OSError, tarfile.TarError, EOFError, ValueError, ArithmeticError, RecursionError)
"""What is raised for archives that are damaged, or made to look so."""
MOST_FIELDS = 256
"""Fields of a member. Each member has its own copy of those that the archive says of all."""


class TarSink(ArchiveSink):
    """Outputs in a tar without compression."""

    title = "tar archive"

    def _before(self) -> Before:
        try:
            return TarBefore(open(self.root, "rb"))
        except UNREADABLE as error:
            raise self._unreadable(error) from None

    def _added(self, target: IO[bytes], at: int, name: str, file: str, made: OutputFile) -> WholeMember:
        with open(file, "rb") as source:
            return add_file(target, at, name, source, made.bytes, self._time(made.mtime_ns))

    def _scan(self, file: IO[bytes], end: int) -> Iterator[tuple[str, WholeMember]]:
        yield from members_of(file, end)

    def _writer(self, target: IO[bytes], before: Before | None) -> Writer:
        assert before is None or isinstance(before, TarBefore)
        return TarWriter(self, target, target.tell(), before)


class TarBefore:
    """The archive that is replaced.

    Args:
        file: a plain tar, closed by `close`.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        try:
            self.tar = _opened(file)
            self._infos = dict(_named(self.tar)) if self.tar else {}
            if self.tar:
                file.seek(self.tar.offset)
                if file.read(tarfile.BLOCKSIZE).strip(b"\0"):  # where tarfile stops without a word
                    raise tarfile.ReadError("it is damaged")
        except BaseException:
            file.close()
            raise

    def names(self) -> Iterable[str]:
        """As `Before.names`."""
        return self._infos

    def info(self, name: str) -> tarfile.TarInfo:
        """The header of a member."""
        return self._infos[name]

    def find(self, name: str) -> Facts | None:
        """As `Before.find`."""
        info = self._infos.get(name)
        return Facts(info.size if info.isreg() else -1, mtime_of(info)) if info else None

    def digest(self, name: str) -> str:
        """As `Before.digest`."""
        assert self.tar
        content = self.tar.extractfile(self._infos[name])
        if content is None:
            raise OSError("it is no regular file")
        return stream_digest(content)

    def close(self) -> None:
        """As `Before.close`."""
        self._file.close()


class TarWriter:
    """Writes members and the end of a tar to a target that is at `end`."""

    def __init__(self, sink: ArchiveSink, target: IO[bytes], end: int, before: TarBefore | None) -> None:
        self._sink, self._target, self._end, self._before = sink, target, end, before

    def placed(self, name: str, member: WholeMember) -> None:
        """As `Writer.placed`."""

    def add(self, name: str, member: WholeMember, source: IO[bytes]) -> None:
        """As `Writer.add`."""
        content, when = FileRange(source, member.data, member.size), self._sink._time(member.mtime_ns)
        self._end = add_file(self._target, self._end, name, content, member.size, when).end

    def keep(self, name: str) -> None:
        """As `Writer.keep`."""
        assert self._before
        assert self._before.tar
        info = self._before.info(name)
        content = self._before.tar.extractfile(info) if info.isreg() else None
        if self._sink.deterministic:
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mtime, info.mode = self._sink._time(0) // 10**9, 0o755 if info.isdir() else 0o644
            info.pax_headers = {}
        if content:
            info.type = tarfile.REGTYPE  # sparse files are written whole
        head = _bytes_of(info)
        self._target.write(head)
        self._end += len(head)
        if content:
            try:
                self._end += copy_padded(content, self._target, info.size)
            except tarfile.TarError:
                raise self._sink._damaged() from None

    def close(self) -> None:
        """As `Writer.close`."""
        end = self._end + 2 * tarfile.BLOCKSIZE
        self._target.write(bytes(end + -end % RECORD - self._end))


def add_file(
    target: IO[bytes], at: int, name: str, content: IO[bytes] | FileRange, size: int, mtime_ns: int
) -> WholeMember:
    """Write one regular file.

    Args:
        target: written at its position.
        at: that position.
        name: with `/`.
        content: open at its start.
        size: in bytes.
        mtime_ns: modification time in nanoseconds.

    Raises:
        CommitError: the content has another size.
        OSError: it cannot be read or written.
    """
    info = tarfile.TarInfo(name)
    seconds, rest = divmod(mtime_ns, 10**9)
    info.size, info.mtime, info.mode = size, seconds, 0o644
    if rest and seconds >= 0:
        info.pax_headers = {"mtime": f"{seconds}.{rest:09d}"}
    head = _bytes_of(info)
    if size <= BLOCK:  # one call of the system for most pictures
        data = content.read(size + 1)
        if len(data) != size:
            raise _another_size()
        target.write(head + data + bytes(-size % tarfile.BLOCKSIZE))
        end = at + len(head) + size + -size % tarfile.BLOCKSIZE
    else:
        target.write(head)
        try:
            end = at + len(head) + copy_padded(content, target, size)
        except tarfile.ReadError:
            raise _another_size() from None
    return WholeMember(at, at + len(head), size, end, mtime_ns)


def copy_padded(content: IO[bytes] | FileRange, target: IO[bytes], size: int) -> int:
    """Copy `size` bytes and what fills the last block; returns how many were written. Raises ReadError where
    there are fewer."""
    left = size
    while left:
        block = content.read(min(left, BLOCK))
        if not block:
            raise tarfile.ReadError("unexpected end of data")
        target.write(block)
        left -= len(block)
    target.write(bytes(-size % tarfile.BLOCKSIZE))
    return size + -size % tarfile.BLOCKSIZE


def members_of(file: IO[bytes], end: int) -> Iterator[tuple[str, WholeMember]]:
    """The whole regular files at the start of a plain tar that ends at `end` and may be cut off anywhere."""
    with contextlib.suppress(*UNREADABLE):
        file.seek(0)
        for info in forward(_tar(file)):
            last = info.offset_data + info.size + -info.size % tarfile.BLOCKSIZE
            if not info.isreg() or last > end:
                return
            yield info.name, WholeMember(info.offset, info.offset_data, info.size, last, mtime_of(info))


def mtime_of(info: tarfile.TarInfo) -> int:
    """Modification time in nanoseconds, exact where the header has it as a decimal fraction."""
    text = info.pax_headers.get("mtime", "")
    whole, _, rest = text.partition(".")
    if whole.isdigit() and rest.isdigit() and text.isascii():
        return int(whole) * 10**9 + int(f"{rest:0<9.9}")
    return int(info.mtime) * 10**9


def _bytes_of(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _opened(file: IO[bytes]) -> tarfile.TarFile | None:
    """The archive; None where it is empty, which is an archive without members, as for tar."""
    if not file.read(1):
        return None
    file.seek(0)
    return _tar(file)


def _tar(file: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="r:", tarinfo=BoundedHeader)


def _named(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The members by name. Raises UNREADABLE."""
    for info in forward(tar):
        if len(info.pax_headers) > MOST_FIELDS:
            raise tarfile.ReadError(f"one of its members has {len(info.pax_headers):,} fields")
        if info.name:
            yield _plain(info.name), info


def _plain(name: str) -> str:
    """A name as outputs have it: `tar -c .` writes `./a.jpg`."""
    return name.removeprefix("./") or name


def _another_size() -> CommitError:
    return CommitError("It was changed while it was stored.", fix="Run again.")
