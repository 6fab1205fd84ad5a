"""Inputs, jobs and their outcomes, and the events of a run.

    Items (inputs) → Job (with its targets) → an Outcome for each item (its line of the report)

Values that are made or sent for every picture are named tuples, which are built and pickled in a third of the
time of dataclasses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from imgpar.core.no_facts import NO_FACTS
from imgpar.core.templates import Value

INODE_BITS = (1 << 63) - 1
"""Bits of an inode number that SQLite can store."""
Status = Literal["ok", "skipped", "failed", "planned"]
""""planned" is the status of a dry run."""
Stage = Literal["plan", "read", "decode", "transform", "encode", "commit"]


class Item(NamedTuple):
    """One input. `mirror` is its path below OUT, with `/`, before the suffix is changed."""

    path: str
    mirror: str
    size: int
    mtime_ns: int
    inode: int = 0
    error: str = ""
    """Set when the input cannot be read at all; reported as failed."""
    format: str = ""
    """Format detected from the first bytes, where the suffix does not tell."""
    ctime_ns: int = 0
    """Status change time of the file in nanoseconds; 0 is unknown. Tools that preserve the modification time
    of a file they edit cannot preserve this one."""
    kind: str = "SourceError"
    """Class name of the exception for `error`."""
    named: bool = False
    """Whether the user named this file itself, not a folder or a list that contains it."""
    source: int = 0
    """Number of the source among those of the run; 0 is a file at `path`."""
    key: str = ""
    """What its source knows it by, where that is not its path."""
    fetched: str = ""
    """A temporary file with its content: it was fetched ahead, or handed over in memory."""
    validator: str = ""
    """What a server said of this state of its content, by which it can be asked for a newer one: an ETag, or
    a date of modification."""
    columns: tuple[tuple[str, str], ...] = ()
    """Name and value of what else the list says of it, for the report; not sent to workers."""
    listed: bool = False
    """Whether it is of a list of addresses: the journal knows it by its whole path, and `key` may hold
    secrets."""
    ticket: int = 0
    """Number of the key that the caller has for it, where there is one (`Session.arrays`)."""

    @property
    def facts(self) -> Facts:
        """The values by which a change of the file is detected."""
        return Facts(self.size, self.mtime_ns, self.ctime_ns, self.inode)

    @property
    def name(self) -> str:
        """The name after which its outputs are named."""
        return self.mirror.rpartition("/")[2]


LISTED = "list://"
"""The place of listed items in the journal, and of those that their list calls by a key, or by a row."""

HANDED = "memory://given/"
"""The place of contents that were handed to a run."""


def key_in(source: str) -> str:
    """What the caller calls an input, from its path as reports have it: the key that was given with it, as a
    text, else the path.

    >>> key_in("list://4711"), key_in("memory://given/2024/a"), key_in("/photos/a.jpg")
    ('4711', '2024/a', '/photos/a.jpg')
    """
    if source.startswith(LISTED):
        from urllib.parse import unquote

        return unquote(source[len(LISTED) :])
    return source.removeprefix(HANDED)


OTHER = "other"
"""`Item.format` of a file that is no picture and no clip."""
FOLDER, SPECIAL = -2, -1
"""`Facts.size` of what is no regular file: a folder, and anything else (a link, a device)."""


class Facts(NamedTuple):
    """File status without its content; 0 is unknown."""

    size: int
    mtime_ns: int
    ctime_ns: int = 0
    inode: int = 0

    @classmethod
    def of(cls, status: os.stat_result) -> Facts:
        """The values of a status; the inode as SQLite can store it."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & INODE_BITS)

    def agree(self, other: Facts) -> bool:
        """Whether all values known to both are equal: the same file, not written since. Without any time
        only the number tells that a source gives a content: members of an archive may have none.

        >>> Facts(10, 5, 7, 1).agree(Facts(10, 5)), Facts(10, 5, 7).agree(Facts(10, 5, 8))
        (True, False)
        >>> Facts(10, 0).agree(Facts(10, 0)), Facts(10, 0, 0, 7).agree(Facts(10, 0, 0, 7))
        (False, True)
        """
        return (
            self[:2] == other[:2]
            and bool(self.mtime_ns or self.ctime_ns or (self.inode and other.inode))
            and (self.ctime_ns == other.ctime_ns or not self.ctime_ns or not other.ctime_ns)
            and (self.inode == other.inode or not self.inode or not other.inode)
        )


Split = Literal["", "pages", "frames", "sprites"]
"""How the files of an output are named: one file of that name, NAME-p1, NAME-p2 … for pages, NAME-000123 with
the index of a frame, or NAME-sprites-1, NAME-sprites-2 …"""


class Target(NamedTuple):
    """One output of a job: a format name and the absolute final path."""

    format: str
    path: str
    replaces: bool = False
    """Whether an existing file may be replaced (its old bytes are kept until the new file is complete)."""
    retires: str = ""
    """In place: the original that this file replaces; often the same path."""
    backup: str = ""
    """In place: backup path of `retires`."""
    split: Split = ""
    """Whether every page or frame becomes a file, and its naming; an input with one page uses `path`."""
    parts: tuple[str, ...] = ()
    """Existing files of a split target that may be replaced."""
    earlier: tuple[OutputFile, ...] = ()
    """Files of a split target that were made of this input before, perhaps with other settings. Those that
    are not made again are removed."""
    known: tuple[OutputFile, ...] = ()
    """Earlier outputs of imgpar under this name. An existing file is replaced only if it is one of these; if
    empty, any file is replaced, as requested by the user."""
    covered: tuple[OutputFile, ...] = ()
    """In place: outputs of imgpar in the place of an original that is still kept. An input that is one of
    these is not an original, and is not kept."""
    branch: int = 0
    """Which output of the recipe it is; 0 where the recipe has no [[output]] tables."""
    either: bool = False
    """Whether only the smallest of the targets of this branch is written."""


def by_branch(targets: Iterable[Target]) -> dict[int, list[Target]]:
    """The targets of each output of the recipe, in order."""
    found: dict[int, list[Target]] = {}
    for target in targets:
        found.setdefault(target.branch, []).append(target)
    return found


JobKind = Literal["frames", "file", "stream", "slice"]
"""How the scheduler treats a job. `frames`: its frames lie in the arena and may move between workers. `file`:
one short task. `stream`: one long task without a time limit of its own, whose worker may offer frames to
other workers. `slice`: several small pictures of one folder, each with one target, which one worker converts
one after the other: one message there and one back."""


class Job(NamedTuple):
    """One or several items with one or several targets. Ids count from 0 in input order.

    map      one item, one or several files
    split    one item, one file per page or frame
    gather   several items in order, one file
    slice    several map jobs of one item and one target; the ids of the others follow
    """

    id: int
    items: tuple[Item, ...]
    targets: tuple[Target, ...] = ()
    digest: str = ""
    """Set when all targets exist, made from content with this digest by the same recipe, and only the
    timestamp or inode of the input differs. A worker that computes the same digest answers "unchanged"."""
    notes: tuple[str, ...] = ()
    """Remarks of the planner for the report."""
    same: SameItem | None = None
    """Set together with `digest` when the journal has this content under another root."""
    check: tuple[OutputFile, ...] = ()
    """Outputs to compare with their digests; nothing else is to be done."""
    changed: bool = False
    """Whether there are outputs of an earlier state of this input."""
    there: tuple[OutputFile, ...] = ()
    """Set together with `digest`: the existing outputs, kept if the content is the same."""
    kind: JobKind = "frames"
    twin: Twin | None = None
    """Set where the outputs are those of another item with the same content."""

    @property
    def item(self) -> Item:
        """The only item, or the first of several."""
        return self.items[0]

    def each(self) -> list[Job]:
        """A job for each of its items alone."""
        if self.kind == "slice":
            return self.parts()
        return [self] if len(self.items) == 1 else [self._replace(items=(item,)) for item in self.items]

    def parts(self, start: int = 0, stop: int | None = None) -> list[Job]:
        """The jobs of a slice, in order: all of them, or those in a range of indices."""
        pairs = zip(self.items[start:stop], self.targets[start:stop], strict=True)
        return [
            Job(self.id + number, (item,), (target,)) for number, (item, target) in enumerate(pairs, start)
        ]

    def cut(self, length: int) -> tuple[Job, Job]:
        """A slice as two: the first `length` jobs, and the rest, which must not be empty."""
        items, targets = self.items, self.targets
        first = self._replace(items=items[:length], targets=targets[:length])
        return first, self._replace(id=self.id + length, items=items[length:], targets=targets[length:])


class Twin(NamedTuple):
    """The outputs of an item with the same content."""

    digest: str
    """Of the content of both items."""
    outputs: tuple[OutputFile, ...]
    """The files that the targets become other names of, in the order of the targets."""
    source: str = ""
    """Path of the item that was converted."""


class SameItem(NamedTuple):
    """An item of another root that is the same if the contents agree."""

    row: int
    """Row id in the journal."""
    outputs: tuple[OutputFile, ...]


class OutputFile(NamedTuple):
    """A written file, with its status on disk afterwards."""

    path: str
    bytes: int
    width: int = 0
    height: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    digest: str = ""
    """Of its content; empty is unknown."""

    @property
    def facts(self) -> Facts:
        """The values by which a change of the file is detected."""
        return Facts(self.bytes, self.mtime_ns, self.ctime_ns, self.inode)


class Seen(NamedTuple):
    """What a worker says of the content of an input where the sink asks for it (`SeenWants`); 0 and empty
    are unknown."""

    width: int
    """In pixels, upright."""
    height: int
    exif: str = ""
    """Tags and values as a JSON object."""
    checksum: str = ""
    """In hexadecimal digits."""


class SeenWants(NamedTuple):
    """What is asked of the content of each input, for `Outcome.seen`; its size always is."""

    exif: bool = False
    checksum: str = ""
    """Name of the algorithm, of `hashlib`; empty for none."""


TO_CHECK = "; check the result"
"""The end of a note on an output that may not be what was wanted; the run says how many there are."""


class Outcome(NamedTuple):
    """Result of one item, as listed in the report."""

    source: str
    status: Status
    outputs: tuple[OutputFile, ...] = ()
    """Files written; of a skipped item those that exist, of a planned one those to be written."""
    error: str = ""
    """Error message and fix."""
    stage: str = ""
    """Stage that failed; else empty."""
    reason: str = ""
    """Why it was skipped: "unchanged", "exists" (a file not made by imgpar), "changed" (made by imgpar and
    changed since), "settings" (made with other settings), "link" (in place), "pages" (it has
    none of the requested pages), "nothing" (it does not have what is extracted), "duplicate" (with the
    content of another input), "smaller" (in place: the new file would not be smaller)."""
    traceback: str = ""
    seconds: float = 0.0
    """Sum of the times of all stages, without waiting."""
    stages: tuple[tuple[str, float], ...] = ()
    """Seconds per stage."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source_bytes: int = 0
    job: int = -1
    digest: str = ""
    """Digest of the input's content, for the journal; empty if not computed."""
    kind: str = ""
    """Class name of the exception ("DamagedError"); empty without error."""
    tries: tuple[int, ...] = ()
    """Encodes of each output whose quality was searched for."""
    columns: tuple[tuple[str, str], ...] = ()
    """What else the list of inputs says of the item; see `Item.columns`."""
    other: bool = False
    """Whether it is of a file that is no picture and no clip (`others`), which is no item of the report."""
    listed: bool = False
    """As `Item.listed`."""
    seen: Seen | None = None
    """What a sink asked about the content of the input; it is in no report."""

    @property
    def key(self) -> str:
        """What the caller calls the input: the key that was given with it, as a text, else its path."""
        return key_in(self.source)


def outcome_of(item: Item, status: Status, outputs: tuple[OutputFile, ...] = (), **facts: Any) -> Outcome:
    """An outcome of an item; `facts` are the other fields."""
    return Outcome(
        item.path,
        status,
        outputs,
        source_bytes=item.size,
        columns=item.columns,
        listed=item.listed,
        **facts,
    )


class ItemFacts(NamedTuple):
    """Argument of the `reset` method of a function: the picture or clip whose frames follow."""

    path: str
    """Of the file; for bytes the name passed with them."""
    kind: Literal["image", "video"]
    size: tuple[int, int]
    """Displayed width and height, before any operation."""
    frames: int
    """Number of frames; more than 1 for animations and clips."""
    details: Mapping[str, Value] = NO_FACTS
    """What its metadata say, by name of a field (`core.item_fields.FACTS`), if an operation asks for it.
    What is stripped is missing."""


class Event(NamedTuple):
    """Event of a run, for `on_event`.

    ========= =========================================== ===============================
    kind      when                                        fields set
    ========= =========================================== ===============================
    start     before the first job                        text (destination), facts (run, recipe)
    reading   properties of inputs are read, where names  frames (inputs read so far, 0)
              or the selection depend on them
    planned   the plan is complete                        total
    started   an item is handed to a worker; for          text (its path)
              callbacks with `starts` set
    item      one item has its outcome                    outcome
    unchanged all unchanged items at once; for            done
              callbacks with `in_bulk` set, which get
              no "item" for each of these
    frames    progress of a long clip, at most twice      text (its path), frames
              a second
    note      a message that belongs to no item           text
    end       the last event                              facts (as in the JSON report)
    ========= =========================================== ===============================
    """

    kind: Literal["start", "reading", "planned", "started", "item", "unchanged", "frames", "note", "end"]
    done: int = 0
    """Items with an outcome so far, including this one."""
    total: int | None = None
    """Items in total; None until the plan is complete."""
    outcome: Outcome | None = None
    text: str = ""
    frames: tuple[int, int] = (0, 0)
    """Frames of a clip that are written, and their total; see also "reading"."""
    facts: Mapping[str, Any] = NO_FACTS
    """Of "start": `run`, the id of the run, and `recipe`, the key of its settings. Of "end": the counts, as
    in the JSON report."""


Listener = Callable[[Event], None]
"""Called with every event of a run; it may have `in_bulk`, `starts` and `silent`."""


def listens_in_bulk(*listeners: Listener) -> bool:
    """Whether unchanged items may be told in one event per group: all have a true attribute `in_bulk`."""
    return all(getattr(listen, "in_bulk", False) for listen in listeners)


def is_silent(*listeners: Listener) -> bool:
    """Whether no event of an item is needed: all have a true attribute `silent`."""
    return all(getattr(listen, "silent", False) for listen in listeners)


def hears_starts(*listeners: Listener) -> bool:
    """Whether there is an event for each item that a worker begins: one has a true attribute `starts`."""
    return any(getattr(listen, "starts", False) for listen in listeners)
