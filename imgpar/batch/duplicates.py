"""Files with equal content and pictures that look alike: `imgpar duplicates`."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from imgpar.batch.alike import Alike, Member, find_groups
from imgpar.batch.log_lines import escaped
from imgpar.batch.plan_entries import job_kind
from imgpar.batch.properties import read_properties
from imgpar.batch.report import counted, format_size
from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.batch.workers import Workers
from imgpar.core.fs import links_among
from imgpar.core.job import Item, Job, Outcome
from imgpar.core.properties import Properties, Wants
from imgpar.inputs.local import scan
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source
from imgpar.runtime.scheduler import CancelToken

DISTANCE = 6
"""Bits in which two hashes may differ by default. Measured on 27 photos: scaled and compressed copies differ
in up to 3, those with other brightness or contrast in up to 6; of 227 different pictures no two differed in
less than 14."""
KEEP = ("best", "largest", "oldest", "newest", "first")
Keep = Literal["best", "largest", "oldest", "newest", "first"]
_LOSSLESS = frozenset(("png", "tiff", "bmp", "raw", "dng", "exr", "psd"))


@dataclass(frozen=True, slots=True)
class DuplicateFile:
    """One file of a group."""

    path: str
    """Absolute path."""
    bytes: int
    width: int
    """In pixels, upright; 0 for a clip whose header was not read."""
    height: int
    keep: bool
    """Whether it is the one that is suggested to be kept."""
    distance: int
    """Bits of 64 in which its perceptual hash differs from that of the first file of the group."""
    format: str
    taken: str = ""
    """When it was taken, in ISO 8601; empty is unknown."""


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Files with equal content, or pictures that look alike, in the order of the inputs."""

    kind: Literal["exact", "near"]
    """`exact`: all have the same bytes."""
    files: tuple[DuplicateFile, ...]

    @property
    def kept(self) -> DuplicateFile:
        """The file that is suggested to be kept."""
        return next(file for file in self.files if file.keep)

    @property
    def others(self) -> tuple[DuplicateFile, ...]:
        """All but the one that is kept."""
        return tuple(file for file in self.files if not file.keep)

    @property
    def spare(self) -> int:
        """Bytes of the others."""
        return sum(file.bytes for file in self.others)

    def as_dict(self) -> dict[str, Any]:
        """As printed by `imgpar duplicates --json`."""
        files = [
            {
                "path": escaped(file.path),
                "bytes": file.bytes,
                "size": [file.width, file.height],
                "format": file.format,
                "taken": file.taken,
                "distance": file.distance,
                "keep": file.keep,
            }
            for file in self.files
        ]
        return {"kind": self.kind, "spare_bytes": self.spare, "files": files}


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found; nothing is changed.

    >>> Duplicates(files=3)
    <Duplicates: 3 files, no duplicates>
    """

    groups: tuple[DuplicateGroup, ...] = ()
    """In the order of their first files."""
    files: int = 0
    """Number of files that were compared."""
    failures: tuple[Outcome, ...] = ()
    """Files that could not be read."""
    filtered: int = 0
    """Number of files left out by `where`."""
    links: int = 0
    """Number of symbolic and hard links to a compared file. They are left out: deleting one frees nothing."""
    cancelled: bool = False

    def __repr__(self) -> str:
        return f"<Duplicates: {self.summary().rstrip('.')}>"

    @property
    def spare(self) -> int:
        """Bytes of all files that are not suggested to be kept."""
        return sum(group.spare for group in self.groups)

    def summary(self) -> str:
        """The counts in words."""
        links = f" {counted(self.links, 'link')} to them left out." if self.links else ""
        if not self.groups:
            return f"{counted(self.files, 'file')}, no duplicates.{links}"
        more = sum(len(group.others) for group in self.groups)
        return (
            f"{counted(self.files, 'file')}, {counted(len(self.groups), 'group')}: "
            f"{counted(more, 'duplicate')} of {format_size(self.spare)}.{links}"
        )


def find_duplicates(
    workers: Workers,
    inputs: Iterable[str | Source],
    options: RunOptions,
    cancel: CancelToken,
    *,
    distance: int | None = DISTANCE,
    keep: Keep = "best",
) -> Duplicates:
    """Compare all inputs. About 1 kB is in memory for each.

    Args:
        workers: of the session.
        inputs: files, folders, patterns, sources.
        options: of the run.
        cancel: stops it.
        distance: bits in which the hashes of pictures may differ; None compares contents only, and reads
            only files of equal size.
        keep: which file of a group is suggested to be kept.

    Raises:
        UsageError: every input is missing.
        NoInputError: no input matched.
    """
    named = with_sources(inputs, options.access)
    sources = tuple(sources_of(named))
    selection = Selection(options, lambda: workers, cancel, sources)
    patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
    batches = scan(named, out=None, patterns=patterns)
    items = list(selection.items(item for batch in batches for item in batch.items))
    failures = [_unread(item) for item in items if item.error]
    found = [item for item in items if not item.error]
    sizes = Counter(item.size for item in found)
    asked = found if distance is not None else [item for item in found if sizes[item.size] > 1]
    wants = Wants(digest=True, fingerprint=distance is not None)
    jobs = (Job(0, (item,), kind=job_kind(item)) for item in asked)
    known = list[tuple[Item, Properties]]()
    with contextlib.closing(
        read_properties(workers, jobs, options, cancel, wants=wants, sources=sources)
    ) as answers:
        for answer in answers:
            if isinstance(answer, Outcome):
                failures.append(answer)
            else:
                known.append((answer[0].item, answer[1]))
    links = _links(known)
    known = [(item, facts) for item, facts in known if item.path not in links]
    compared = [Alike(facts.digest, facts.fingerprint, _ratio(facts)) for _, facts in known]
    groups = tuple(_group(members, known, keep) for members in find_groups(compared, distance))
    count = len(items) - len(links)
    return Duplicates(groups, count, tuple(failures), selection.filtered, len(links), cancel.cancelled)


def _links(known: Iterable[tuple[Item, Properties]]) -> set[str]:
    """Paths at which a file lies that is among the others."""
    same: dict[str, list[str]] = {}
    for item, facts in known:
        if facts.digest and not item.source:
            same.setdefault(facts.digest, []).append(item.path)
    return {link for paths in same.values() if len(paths) > 1 for link in links_among(paths)}


def _unread(item: Item) -> Outcome:
    return Outcome(item.path, "failed", error=item.error, stage="read", kind=item.kind)


def _ratio(facts: Properties) -> float:
    return facts.width / facts.height if facts.height else 1.0


def _group(members: Sequence[Member], known: Sequence[tuple[Item, Properties]], keep: Keep) -> DuplicateGroup:
    def rank(member: Member) -> tuple[tuple[float, ...], int]:
        item, facts = known[member.place]
        return _rank(item, facts, keep), -member.place

    chosen = max(members, key=rank)
    exact = len({known[member.place][1].digest for member in members}) == 1
    files = tuple(_file(*known[member.place], member, keep=member is chosen) for member in members)
    return DuplicateGroup("exact" if exact else "near", files)


def _file(item: Item, facts: Properties, member: Member, *, keep: bool) -> DuplicateFile:
    return DuplicateFile(
        item.path, item.size, facts.width, facts.height, keep, member.distance, facts.format, facts.taken
    )


def _rank(item: Item, facts: Properties, keep: Keep) -> tuple[float, ...]:
    """The higher, the better; equal ranks keep the first."""
    pixels, lossless = facts.width * facts.height, facts.format in _LOSSLESS
    age = facts.date.timestamp() if facts.date else item.mtime_ns / 1e9
    ranks: dict[str, Callable[[], tuple[float, ...]]] = {
        "best": lambda: (pixels, lossless, facts.quality, item.size, -age),
        "largest": lambda: (item.size,),
        "oldest": lambda: (-age,),
        "newest": lambda: (age,),
        "first": lambda: (),
    }
    return ranks[keep]()


def _shown(path: str) -> str:
    """A path below the current folder as seen from there; any other, and what is in a source, as it is."""
    near = os.path.relpath(path) if os.path.isabs(path) else ""
    return path if not near or near.startswith(os.pardir) else near


def in_lines(group: DuplicateGroup) -> Iterator[tuple[str, str, str, str, str]]:
    """A group as columns of text."""
    for number, file in enumerate(group.files):
        size = f"{file.width}×{file.height}" if file.width else ""
        far = f"distance {file.distance}" if file.distance else ""
        yield (
            group.kind if not number else "",
            "keep" if file.keep else "",
            _shown(file.path),
            size,
            f"{format_size(file.bytes)}{f', {far}' if far else ''}",
        )
