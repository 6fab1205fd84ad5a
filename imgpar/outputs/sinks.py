"""Where outputs go: the contract that plan, journal and verification speak to, and the folder.

A folder is the usual place: workers rename finished files into it by themselves (`commit`). Every other place
is a `Sink`: workers commit into a private folder of the run, and the parent hands each finished file to
`Sink.publish` (`batch/spool`).

In both an output has one name, `Sink.root/path/below`, which in a folder is its path. What is there already
and whose it is follows from `find` and `digest`, compared with the records of the journal.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, cast

from imgpar.core.addresses import STORES, scheme_of, without_secrets
from imgpar.core.digest import LocalFiles, Store
from imgpar.core.error_messages import refuse_collapsed, unknown_scheme
from imgpar.core.errors import UsageError
from imgpar.core.fs import OURS
from imgpar.core.job import Facts, Job, Outcome, OutputFile, SeenWants
from imgpar.core.plugins import for_address, plugins_of
from imgpar.inputs.batches import open_folder
from imgpar.inputs.roots import absolute

_ZIP = "imgpar.outputs.zip_sink", "ZipSink"
_TAR = "imgpar.outputs.tar_sink", "TarSink"
_SEVEN = "imgpar.outputs.seven_zip_sink", "SevenZipSink"
_PACKED = "imgpar.outputs.packed_tar_sink", "PackedTarSink"
SINKS = {
    **dict.fromkeys(("zip", "cbz"), _ZIP),
    **dict.fromkeys(("tar", "cbt"), _TAR),
    **dict.fromkeys(
        ("tar.gz", "tgz", "tar.bz2", "tbz2", "tar.xz", "txz", "tar.zst", "tzst"),
        _PACKED,
    ),
    **dict.fromkeys(("7z", "cb7"), _SEVEN),
}
"""Module and class of the sink for OUT, by its suffix, which may be a double one such as `tar.gz`; the class
is called with the absolute path."""

NOT_WRITTEN = {
    *("rar", "cbr", "lzh", "lha", "cab", "iso", "dmg", "ar", "cpio", "arj"),
    *("gz", "bz2", "xz", "zst", "lz", "lz4", "lzma", "br", "z", "tlz"),
}
"""Suffixes of archives and compressed files that are no OUT."""

SHARDS = os.path.join(OURS, "shards.db")
"""What a folder with shards has."""

SCHEMES: dict[str, tuple[str, str]] = dict.fromkeys(STORES, ("imgpar.outputs.store_sink", "StoreSink"))
"""Module and class of the sink for an address, by its scheme; the class is called with the address."""

_MEMBERS = ("root", "waits", "find", "digest", "publish", "close")


class Sink(Store, Protocol):
    """A place for outputs that is no folder. Only the parent process calls it.

    A sink may also have:

    journal              path of the journal for its outputs; without it the journal lies in the user's state
                         folder.
    resume(made)         called once, before a run asks for anything: what a killed run has left may be taken
                         over. `made` yields `OutputFile` for every output that is in the journal or was noted
                         before it was published; what is taken over has one of these digests.
    deterministic        set to true by that option of a run, which is refused without the attribute.
    cached_by(directives)
                         called before a run with the Cache-Control that outputs are to have; says whether
                         they can. Without it, or where it says no, that option is refused.
    publish_new(path, file, made)
                         as `publish`, but raises FileExistsError where something has the name; then `find` is
                         not asked before a new output is published.
    listing(folder)      what lies directly in a folder, by name: asked for once in place of `find` for each.
                         Raises RunError where that cannot be known.
    lasts                if it is false, what is stored is lost with this process.
    ordered              if it is true, items are published and recorded in the order of the plan.
    sees                 a `SeenWants`: what is asked about the content of the inputs, for `Outcome.seen`.
    record(outcome, job) called for every item of a run that is not unchanged, failed ones included, after its
                         outputs were published; `job` is None where the plan settled it. Like `publish` it
                         raises OSError or ImgparError; then the item is failed.
    """

    @property
    def root(self) -> str:
        """Its name, which does not change: the absolute path of a file, or a text such as `album://web`. An
        output is called `root/path`."""

    @property
    def waits(self) -> bool:
        """Whether publishing waits for a network; all methods are then called by several threads."""

    def find(self, path: str) -> Facts | None:
        """What is there under the name of an output; None where nothing is. Size and what else is known
        (see `Facts`): times, and as `inode` any number that changes with the content."""

    def digest(self, path: str) -> str:
        """`imgpar.core.digest.content_digest` of that output. Raises OSError."""

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        """Store a finished output, whole or not at all; what has its name is replaced.

        Args:
            path: name of the output.
            file: a local file with its content, removed afterwards.
            made: its size in bytes and pixels, modification time and digest.

        Raises:
            OSError, ImgparError: it was not stored; what was there is still there.
        """

    def close(self) -> None:
        """The end of a run, also of one that was stopped: what was published is safe afterwards. The next
        call of another method begins anew."""


class Folder(LocalFiles):
    """Files in folders; `commit` publishes."""

    def sizes(self, folder: str, names: Iterable[str]) -> Iterator[float]:
        """The size of each of these files in `folder` (with a trailing separator); where there is
        none NaN, which equals nothing that a journal may say."""
        stat = os.stat
        with open_folder(folder) as (handle, where):
            for name in names:
                try:
                    yield stat(where + name, dir_fd=handle, follow_symlinks=False).st_size
                except OSError:
                    yield math.nan

    def is_new(self, folder: str) -> bool:
        """Whether there can be nothing in a folder."""
        return not os.path.isdir(folder)


class Stored:
    """A sink, with the questions about whole folders that `Folder` answers at once, and with what a sink may
    have but need not: nothing else asks for that."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.digest, self.close = sink.digest, sink.close
        self.publish_new: Publish | None = getattr(sink, "publish_new", None)
        self.record: Record | None = getattr(sink, "record", None)
        self._resume: Callable[[Iterable[OutputFile]], object] | None = getattr(sink, "resume", None)
        self._listing: Listing | None = getattr(sink, "listing", None)
        self._listed = "", dict[str, Facts]()
        """The folder that was listed last, and what it held before the run published into it."""

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`; of a sink that lists folders, what was there when this one was listed."""
        if self._listing is None:
            return self.sink.find(path)
        folder, _, name = path.rpartition("/")
        return self._there(folder).get(name)

    def _there(self, folder: str) -> Mapping[str, Facts]:
        if self._listing and self._listed[0] != folder:
            self._listed = folder, dict(self._listing(folder))
        return self._listed[1]

    def resume(self, made: Iterable[OutputFile]) -> None:
        """As `Sink`; does nothing where the sink takes nothing over."""
        if self._resume:
            self._resume(made)

    @property
    def journal(self) -> str:
        """As `Sink`; empty for the one in the user's state folder."""
        return str(getattr(self.sink, "journal", ""))

    @property
    def lasts(self) -> bool:
        """As `Sink`."""
        return bool(getattr(self.sink, "lasts", True))

    @property
    def ordered(self) -> bool:
        """As `Sink`; it may follow from `deterministic`."""
        return bool(getattr(self.sink, "ordered", False))

    @property
    def keeps_samples(self) -> bool:
        """Whether the files of a sample stay together, in shards."""
        return bool(getattr(self.sink, "keeps_samples", False))

    @property
    def sees(self) -> SeenWants | None:
        """As `Sink`; None for nothing."""
        return getattr(self.sink, "sees", None)

    def make_deterministic(self) -> bool:
        """Have equal outputs stored alike; False where the sink does not know how. Raises UsageError."""
        if not hasattr(self.sink, "deterministic"):
            return False
        cast(Any, self.sink).deterministic = True
        return True

    def cached_by(self, directives: str) -> bool:
        """Have outputs stored with a Cache-Control; False where the sink has no such thing."""
        own = getattr(self.sink, "cached_by", None)
        return bool(own and own(directives))

    def sizes(self, folder: str, names: Iterable[str]) -> Iterator[float]:
        """As `Folder.sizes`."""
        for name in names:
            now = self.find(folder + name)
            yield now.size if now else math.nan

    def is_new(self, folder: str) -> bool:
        """Whether there can be nothing in a folder."""
        return self._listing is not None and not self._there(folder.rstrip("/"))


Listing = Callable[[str], Mapping[str, Facts]]
Publish = Callable[[str, str, OutputFile], None]
Record = Callable[[Outcome, Job | None], object]
Place = Folder | Stored
FILES = Folder()


def sink_of(out: str) -> Sink | None:
    """The sink for OUT, an address or a path; None for a folder or a single file.

    Raises:
        UsageError: nothing can be written to an address with its scheme, or to an archive of its kind, or the
            package that adds it cannot be used.
    """
    if scheme := scheme_of(out):
        found, name = SCHEMES.get(scheme), out
        if found is None:
            return _added(out)
        if suffix := archive_of_name(out):
            raise UsageError(
                f"{without_secrets(out)} is named like an archive (.{suffix}); none is stored at an address.",
                fix="Write a file and upload it, or name a folder that ends with '/'.",
            )
    else:
        refuse_collapsed(out, SCHEMES)
        found, name = _local_sink(out), absolute(out)
        if found is None:
            return None
    made: Sink = getattr(importlib.import_module(found[0]), found[1])(name)
    return made


def _added(out: str) -> Sink:
    """The sink of another package for an address."""
    made: Sink | None = for_address("sinks", out, _MEMBERS)
    if made is None:
        raise unknown_scheme(out, (*SCHEMES, *plugins_of("sinks")), "written to")
    return made


def is_sharded(folder: str) -> bool:
    """Whether a folder has shards of an earlier run."""
    return os.path.isfile(os.path.join(folder, SHARDS))


def _local_sink(out: str) -> tuple[str, str] | None:
    if is_sharded(absolute(out)):
        return "imgpar.outputs.shards.sink", "ShardSink"
    if os.path.isdir(out) or out.endswith(("/", os.sep)):
        return None
    suffix = archive_of_name(out)
    if suffix in NOT_WRITTEN:
        raise UsageError(
            f"OUT ({os.path.basename(out)}) is named like an archive of a kind that is not written.",
            fix="Name a .zip, .tar, .tar.gz, .tar.zst or .7z, or a folder that ends with '/'.",
        )
    return SINKS.get(suffix)


def archive_of_name(out: str) -> str:
    """The suffix by which OUT is named like an archive; empty where it is not, or ends with a slash.

    >>> archive_of_name("a/trip.tar.gz"), archive_of_name("s3://b/x.RAR"), archive_of_name("x.zip/")
    ('tar.gz', 'rar', '')
    """
    parts = os.path.basename(out).lower().split(".")
    found = (".".join(parts[-2:]), parts[-1]) if len(parts) > 1 else ()
    return next((suffix for suffix in found if suffix in SINKS or suffix in NOT_WRITTEN), "")


def check_sink(sink: object) -> Sink:
    """The sink that a caller gave as `out`; raises UsageError where it lacks a method."""
    missing = [name for name in _MEMBERS if not hasattr(sink, name)]
    if missing:
        raise UsageError(
            f"out is a {type(sink).__name__}, neither a path nor a sink: it has no {', '.join(missing)}.",
            fix="See imgpar.outputs.sinks.Sink.",
        )
    return sink  # type: ignore[return-value]
