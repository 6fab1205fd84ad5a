"""Shards as a sink: outputs are collected item by item, in the order of the inputs, into one shard after the
other.

    publish ─► open files of one item ─► record ─► its sample in the shard ─► full: the shard is finished

A shard is finished in three steps, so that a process may be killed between any two system calls: its files
are whole, the index is written, the files get their names. What was in a shard that was not finished is made
again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import IO, NamedTuple

from imgpar.core.digest import stream_digest
from imgpar.core.errors import ImgparError, OutputError, RunError, SourceError, library_words
from imgpar.core.fs import OURS, Half, no_room, sweep_temporary_files
from imgpar.core.job import Facts, Job, Outcome, OutputFile, SeenWants
from imgpar.outputs.shards.columns import ColumnKinds, Value
from imgpar.outputs.shards.homes import FolderHome, Home, TakenError, put_all, put_left
from imgpar.outputs.shards.index import SampleAt, ShardIndex
from imgpar.outputs.shards.samples import Row, field_names, name_key, row_of, typed_row
from imgpar.outputs.shards.settings import ShardSettings, shard_name
from imgpar.outputs.shards.shard import SampleFile, Shard
from imgpar.outputs.sinks import SHARDS

MOST_UPLOADS = 2
"""Whole shards that wait on the disk until they are in their home."""


class _Staged(NamedTuple):
    """An output of the item that is being stored."""

    path: str
    """Below OUT."""
    content: IO[bytes]
    made: OutputFile


class _Sample(NamedTuple):
    """What is added to a shard."""

    key: str
    row: Row
    files: list[SampleFile]
    """The pictures first."""


class ShardSink:
    """WebDataset shards.

    Args:
        home: the place of finished shards, or the absolute path of a folder.
        settings: None for those of the last run there.
        folder: of what is not finished, and of the index; for a home that is no folder.
        journal: for such a home; empty for the one in the user's state folder.
    """

    waits = False
    ordered = True
    deterministic = True
    """Archives are, in any case."""

    def __init__(
        self, home: Home | str, settings: ShardSettings | None = None, folder: str = "", journal: str = ""
    ) -> None:
        self._home = home = FolderHome(home) if isinstance(home, str) else home
        self.root, self.lasts, self._folder = home.root, home.lasts, folder or home.root
        self.journal = journal if folder else os.path.join(home.root, OURS, "shards-journal.db")
        self._settings = settings or ShardSettings()
        self._at = os.path.join(self._folder, SHARDS)
        self._index: ShardIndex | None = None
        self._shard: Shard | None = None
        self._lock = Lock()
        self._staged: list[_Staged] = []
        self._began = False
        self._broken: RunError | None = None
        """Why a shard could not be finished: no other item can be stored."""
        self._told = False
        """Whether the run knows it."""
        self._uploads: deque[tuple[int, Future[None]]] = deque()
        """Shards that are being put into a home that takes long, oldest first."""
        self._threads: ThreadPoolExecutor | None = None
        self._sizes: dict[int, int | None] = {}
        """Bytes of finished archives that are there, by number."""
        if settings is None and (index := self._opened()):
            self._settings = index.settings() or self._settings

    @property
    def keeps_samples(self) -> bool:
        """Whether what lies beside the pictures of samples is kept."""
        return bool(self._settings.beside)

    @property
    def sees(self) -> SeenWants:
        """What the run asks about the content of inputs."""
        checksum = self._settings.checksum
        return SeenWants(exif=True, checksum="" if checksum == "none" else checksum)

    def cached_by(self, directives: str) -> bool:
        """As `Sink.cached_by`."""
        return self._home.cached_by(directives)

    # ----- questions --------------------------------------------------------------------------------

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`; part of the digest stands for the inode."""
        name = self._below(path)
        for staged in self._staged:
            if staged.path == name:
                return Facts(staged.made.bytes, staged.made.mtime_ns, 0, _number(staged.made.digest))
        index = self._opened()
        found = index.find(name) if index else None
        if found is None or not self._is_there(found.shard):
            return None
        return Facts(found.nbytes, found.mtime_ns, 0, _number(found.digest))

    def digest(self, path: str) -> str:
        """As `Sink.digest`."""
        for staged in self._staged:
            if staged.path == self._below(path):
                found = stream_digest(staged.content)
                staged.content.seek(0)
                return found
        index = self._opened()
        at = index.find(self._below(path)) if index else None
        if at is None:
            raise FileNotFoundError(path)
        archive = f"{shard_name(at.shard)}.tar"
        return self._home.sample_digest(archive, at.start, at.nbytes, at.digest)

    # ----- one item ---------------------------------------------------------------------------------

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        """As `Sink.publish`; the sample is written by `record`."""
        content = open(file, "rb")  # noqa: SIM115 - `record` closes it
        self._staged.append(_Staged(self._below(path), content, made))

    def record(self, outcome: Outcome, job: Job | None) -> None:
        """As `Sink.record`: the sample of an item, or the row of one that failed. Raises RunError where a
        shard could not be finished."""
        try:
            self._record(outcome, job)
        except RunError:
            self._told = True
            raise

    def _record(self, outcome: Outcome, job: Job | None) -> None:
        staged, self._staged = self._staged, []
        with contextlib.ExitStack() as stack:
            for one in staged:
                stack.enter_context(one.content)
            self._uploaded(MOST_UPLOADS)
            if self._broken:
                raise self._broken
            wrong = self._mismatch(job, outcome) if staged else ""
            if wrong:
                outcome = outcome._replace(status="failed", outputs=(), error=wrong, kind="SourceError")
                staged = []
            if outcome.status in ("ok", "failed") and (staged or outcome.status == "failed"):
                self._add(job, outcome, staged)
            if wrong:
                raise SourceError(wrong)

    def _mismatch(self, job: Job | None, outcome: Outcome) -> str:
        """One sentence where the input has not the checksum that the list says; else empty."""
        wanted = dict(_columns(job, outcome)).get(self._settings.expected, "").strip().lower()
        found = outcome.seen.checksum if outcome.seen else ""
        if not wanted or wanted == found:
            return ""
        return f"Its {self._settings.checksum} is not the one in the list ({self._settings.expected})."

    def _add(self, job: Job | None, outcome: Outcome, staged: list[_Staged]) -> None:
        index, source = self._begun(), outcome.source
        before = index.failure(source)
        if outcome.status == "failed" and not staged and before == outcome.error:
            return
        sample = self._sample(self._current(), job, outcome, staged)
        if not self._has_room(sample.files):
            self._finish()
            sample = self._sample(self._current(), job, outcome, staged)
        shard = self._current()
        starts = shard.add(sample.key, sample.row, sample.files)
        for one, start in zip(staged, starts, strict=False):  # of the pictures; texts follow them
            made = one.made
            index.add(
                one.path, SampleAt(shard.number, sample.key, start, made.bytes, made.mtime_ns, made.digest)
            )
        if outcome.status == "failed":
            index.add_failure(source, outcome.error)
        elif before:
            index.forget_failure(source)
        if shard.count >= self._settings.size.samples:
            self._finish()

    def _sample(self, shard: Shard, job: Job | None, outcome: Outcome, staged: list[_Staged]) -> _Sample:
        """A sample as it would be in a shard."""
        columns = _columns(job, outcome)
        key = self._key(shard, staged, dict(columns).get("key", "") if self.keeps_samples else "")
        row = row_of(key, _url(job, outcome), outcome, self._settings, columns)
        stem = os.path.splitext(os.path.basename(job.item.mirror if job else ""))[0]
        fields = field_names([one.path for one in staged], stem)
        files = [
            SampleFile(field, one.content, one.made.bytes) for field, one in zip(fields, staged, strict=True)
        ]
        shown = typed_row(row, shard.kinds)
        if staged:
            files += _texts(shown, str(row.get("cls") or "") if self.keeps_samples else "")
        return _Sample(key, row, files)

    def _has_room(self, files: Sequence[SampleFile]) -> bool:
        """Whether the shard has room for these files; an empty one has room for any."""
        assert self._shard is not None
        most = self._settings.size.nbytes
        return not most or not self._shard.count or self._shard.size_with(files) <= most

    def _key(self, shard: Shard, staged: list[_Staged], given: str) -> str:
        if self._settings.keys == "number" or not (staged or given):
            return shard.key(self._settings.digits)
        index, own = self._begun(), {one.path for one in staged}
        first = key = given or name_key(staged[0].path)
        number = 1
        while index.has_key(key, own):
            number += 1
            key = f"{first}-{number}"
        return key

    # ----- shards -----------------------------------------------------------------------------------

    def close(self) -> None:
        """As `Sink.close`: the last shard is finished, even if it is not full."""
        try:
            if not self._broken:
                self._finish()
                self._uploaded(0)
            if self._broken and not self._told:
                raise self._broken
        finally:
            if self._threads:
                self._threads.shutdown(cancel_futures=bool(self._broken))  # the next run stores them
            self._threads = None
            self._uploads.clear()
            self._broken, self._told, self._began = None, False, False
            index, self._index = self._index, None
            shard, self._shard = self._shard, None
            for one in self._staged:
                one.content.close()
            self._staged.clear()
            self._sizes.clear()
            if shard:
                shard.close()
            if index:
                index.give_up()
                index.close()

    def _current(self) -> Shard:
        """The shard that is being written."""
        if self._shard is None:
            index = self._begun()
            index.begin()
            number = self._home.free_number(index.last() + 1)
            self._shard = Shard(self._folder, number, ColumnKinds(index.kinds()))
        return self._shard

    def _finish(self) -> None:
        """Finish the shard that is being written. Raises RunError where it is not whole; one that is, and
        cannot be put in its place, stays for the next run."""
        shard, index = self._shard, self._index
        if shard is None or index is None:
            return
        self._shard = None
        try:
            files = shard.finish()
            halves = {name: os.path.basename(half.path) for name, half in files.items()}
            index.keep_kinds(shard.kinds.known)
            index.finish(shard.number, shard.nbytes, halves)
        except Exception as error:
            shard.close()
            index.give_up()
            raise self._break(error) from error
        if self._home.apart:
            self._threads = self._threads or ThreadPoolExecutor(1)
            self._uploads.append((shard.number, self._threads.submit(self._put, shard, files)))
            with contextlib.suppress(RunError):  # the item is in a whole shard; the next one fails
                self._uploaded(MOST_UPLOADS)
            return
        try:
            self._put(shard, files)
        except Exception as error:
            self._break(error)
        else:
            index.named(shard.number)

    def _break(self, error: Exception) -> RunError:
        """Items were told as done that are in a shard which cannot be stored: the run must not end well."""
        own: RunError | None = None
        words = library_words(error)
        if isinstance(error, RunError):
            own = error
        elif isinstance(error, OSError):
            own = no_room(error, self.root)
        elif isinstance(error, ImgparError):
            words = error.message.rstrip(".")
        self._broken = own or OutputError(
            f"{self.root} cannot be written: {words}.", fix="Run again, or choose another OUT."
        )
        return self._broken

    def _put(self, shard: Shard, files: dict[str, Half]) -> None:
        """Give the files of a whole shard their names; where that fails they stay, for the next run."""
        put_all(self._home, files)
        shard.close()

    def _uploaded(self, most: int) -> None:
        """Note the shards that are in their home; waits while more than `most` are not. Raises
        RunError."""
        while self._uploads and (len(self._uploads) > most or self._uploads[0][1].done()):
            number, upload = self._uploads.popleft()
            try:
                upload.result()
            except Exception as error:
                raise self._break(error) from error
            if self._index:
                self._index.named(number)

    def _is_there(self, number: int) -> bool:
        """Whether the archive of a shard is there as it was written, or is on its way."""
        if (self._shard and number == self._shard.number) or any(number == one for one, _ in self._uploads):
            return True
        if self._broken:  # it may take long to answer; whole shards are stored by the next run
            return True
        if number not in self._sizes:
            self._sizes[number] = self._home.size(f"{shard_name(number)}.tar")
        wanted = self._index.size_of(number) if self._index else None
        return wanted is not None and wanted == self._sizes[number]

    # ----- the index ----------------------------------------------------------------------------------

    def _opened(self) -> ShardIndex | None:
        """The index, if there is one; nothing is created."""
        with self._lock:
            if self._index is None and os.path.isfile(self._at):
                self._index = ShardIndex(self._at)
                self._complete(self._index)
            return self._index

    def _begun(self) -> ShardIndex:
        """The index, created where there is none."""
        index = self._opened()
        if index is None:
            index = self._index = ShardIndex(self._at)
        if not self._began:
            self._began = True
            sweep_temporary_files(self._folder)
            index.keep_settings(self._settings)
        return index

    def _complete(self, index: ShardIndex) -> None:
        """Give the files of finished shards the names that a killed process has not given them."""
        for number, halves in list(index.unnamed()):
            try:
                put_left(self._home, self._folder, halves)
            except TakenError:
                index.forget(number)
            else:
                index.named(number)

    def _below(self, path: str) -> str:
        return path[len(self.root) + 1 :].replace(os.sep, "/")


def _texts(row: Mapping[str, Value], label: str) -> Iterator[SampleFile]:
    """The metadata of a sample, its caption, and its class if it has one, as files beside its pictures."""
    texts = {"json": json.dumps(row, indent=4)}
    if "caption" in row:
        texts["txt"] = str(row["caption"] or "")
    if label:
        texts["cls"] = label
    for field, text in texts.items():
        data = text.encode("utf-8", "backslashreplace")
        yield SampleFile(field, data, len(data))


def _columns(job: Job | None, outcome: Outcome) -> Sequence[tuple[str, str]]:
    return (job.item.columns if job else ()) or outcome.columns


def _url(job: Job | None, outcome: Outcome) -> str:
    """What the input of a sample is called: its address, or its path below the inputs."""
    name = outcome.source
    if job and not job.item.source:
        name = job.item.mirror
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _number(digest: str) -> int:
    return int(digest[:15] or "0", 16)
