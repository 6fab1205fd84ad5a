"""The frozen values that rooms hand to each other. Nothing here imports numpy or does anything.

What is made or sent for every picture is a named tuple: that is made and pickled in a third of the time.

A picture on its way: Item (an input) → Job (with its targets) → Header (what the file says)
→ Frame (pixels) → Outcome (what happened).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np

Layout = Literal[
    "L", "LA", "RGB", "RGBX", "RGBA", "CMYK", "YCC420", "YCC422", "YCC440", "YCC411", "YCC444"
]  # fmt: skip
"""Order and meaning of the channels. X is padding: four bytes a pixel is what SIMD code works on. YCC are the
planes of a JPEG, of which only the resize and the JPEG encoder know."""

Channels = Literal["RGB", "RGBA", "L", "LA"]
"""Channels of arrays as callers ask for them: colour or grey, with or without alpha."""
Dtype = Literal["uint8", "uint16", "float32"]
"""Values of arrays as callers ask for them; float32 is 0 to 1."""

Colour = tuple[float, float, float, int]
"""Red, green, blue and alpha, 0 to 255: whole numbers of sRGB as given, fractions in another profile."""

CHROMA: dict[str, tuple[int, int]] = {
    "YCC420": (2, 2),
    "YCC422": (2, 1),
    "YCC440": (1, 2),
    "YCC411": (4, 1),
    "YCC444": (1, 1),
}
"""Layouts of planes: pixels to the right and down that share one sample of colour."""
CHANNELS: dict[str, int] = {
    "L": 1,
    "LA": 2,
    "RGB": 3,
    "RGBX": 4,
    "RGBA": 4,
    "CMYK": 4,
    **dict.fromkeys(CHROMA, 1),
}
PLANE_ROW = 16
"""Rows of planes begin at multiples of this many bytes."""
ITEM_BYTES: dict[str, int] = {"uint8": 1, "uint16": 2, "float32": 4}

INODE_BITS = (1 << 63) - 1
"""Of an inode number, what SQLite can hold."""

Status = Literal["ok", "skipped", "failed", "planned"]
"""Planned is what a dry run would do."""
Stage = Literal["plan", "read", "decode", "transform", "encode", "commit"]


class Spec(NamedTuple):
    """Size and pixel format of a frame.

    >>> Spec(640, 480, "RGB").shape
    (480, 640, 3)
    >>> Spec(640, 480, "RGB").nbytes
    921600
    """

    width: int
    height: int
    layout: Layout = "RGB"
    dtype: str = "uint8"

    @property
    def channels(self) -> int:
        """Values per pixel, padding included."""
        return CHANNELS[self.layout]

    @property
    def planar(self) -> bool:
        """Whether brightness and colour lie in planes of their own."""
        return self.layout in CHROMA

    @property
    def rooms(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and bytes per row of the two parts of a planar frame.

        ┌──────────────┐
        │ Y            │     whole samples of colour: odd sides have one more row or column
        ├───────┬──────┘
        │ Cb    │ Cr   │     side by side: what is done to columns is done to both at once
        └───────┴──────┘
        """
        across, down = CHROMA[self.layout]
        columns, rows = -(-self.width // across), -(-self.height // down)
        luma = -(-columns * across // PLANE_ROW) * PLANE_ROW
        chroma = -(-columns // PLANE_ROW) * PLANE_ROW
        return (rows * down, luma), (rows, 2 * chroma)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the array: height, width, channels. Grey has one channel, not none; planes are bytes."""
        return _shape(self)

    @property
    def nbytes(self) -> int:
        """Bytes of one frame, without padding between rows."""
        return prod(_shape(self)) * ITEM_BYTES[self.dtype]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (self.width, self.height)

    @property
    def alpha(self) -> bool:
        """Whether the last channel is transparency."""
        return self.layout in ("LA", "RGBA")

    @property
    def grey(self) -> bool:
        """Whether the picture has no colour channels."""
        return self.layout in ("L", "LA")

    def resized(self, width: int, height: int) -> Spec:
        """The same pixel format in another size."""
        return Spec(width, height, self.layout, self.dtype)

    def converted(self, layout: Layout, dtype: str | None = None) -> Spec:
        """The same size in another pixel format."""
        return Spec(self.width, self.height, layout, dtype or self.dtype)


class Frame(NamedTuple):
    """Pixels and their spec. `array` has `spec.shape`, is C-contiguous, and does not own its memory:
    it may look into a leased slot and must not be kept after the call that received it."""

    spec: Spec
    array: np.ndarray[Any, Any]


@lru_cache(maxsize=1024)  # asked for a dozen times for each picture
def _shape(spec: Spec) -> tuple[int, int, int]:
    if spec.planar:
        return (sum(rows * row for rows, row in spec.rooms), 1, 1)
    return (spec.height, spec.width, spec.channels)


@dataclass(frozen=True, slots=True)
class FrameRef:
    """Where frames lie in the arena: `count` frames of `spec`, one after the other from `offset`."""

    offset: int
    spec: Spec
    count: int = 1

    @property
    def nbytes(self) -> int:
        """Bytes of all frames together."""
        return self.spec.nbytes * self.count


class Metadata(NamedTuple):
    """What a file carries beside its pixels; raw blocks as the file holds them, without container headers.

    `exif` starts with the TIFF header (II or MM), not with `Exif\\0\\0`.
    """

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    comment: bytes = b""
    iptc: bytes = b""
    """The IIM records: captions, credits and keywords as news agencies write them."""
    gain_map: bytes = b""
    """The JPEG that tells an HDR screen how much brighter each place is; it has the picture's geometry."""
    cicp: tuple[int, ...] = ()
    """Primaries and curve (ITU-T H.273) of a picture in HDR, whose curve is PQ (16) or HLG (18)."""
    text: tuple[tuple[bytes, bytes], ...] = ()
    """What people wrote into a PNG beside its comment (title, author …): kind and body of each chunk."""
    dpi: tuple[float, float] | None = None
    durations: tuple[int, ...] = ()
    """Milliseconds per frame of an animation."""
    loop: int = 0
    """How often an animation plays; 0 is for ever."""
    pages: tuple[Metadata, ...] = ()
    """Of a file with several pages: those of each, the first one included; empty where all that is known is
    the file's."""

    @property
    def bare(self) -> bool:
        """Whether there is nothing but numbers: density and times."""
        return not any(self[:8]) and not self.pages

    @property
    def nbytes(self) -> int:
        """Bytes of the blocks, roughly what packing them takes."""
        parts = (self.icc, self.exif, self.xmp, self.comment, self.iptc, self.gain_map)
        own = sum(map(len, parts)) + 8 * len(self.durations) + 256
        return own + sum(page.nbytes for page in self.pages)


class Header(NamedTuple):
    """What a file says about itself before a pixel is decoded.

    `spec` is what `decode` will fill: the stored orientation, not yet turned upright.
    """

    format: str
    spec: Spec
    orientation: int = 1
    """EXIF orientation 1 to 8 that is still to be baked in."""
    frames: int = 1
    metadata: Metadata = Metadata()
    lost: tuple[str, ...] = ()
    """What reading cannot carry over, in the words of the report ("gain map", "frames")."""
    notes: tuple[str, ...] = ()
    """Remarks for the report that are no loss ("profile is broken, taken as sRGB")."""
    detail: Mapping[str, Any] = {}
    """More facts for `imgpar info` and for the codec that made the header ("subsampling": "420")."""


class Item(NamedTuple):
    """One input. `mirror` is its path below OUT, with `/`, before the suffix is changed."""

    path: str
    mirror: str
    size: int
    mtime_ns: int
    inode: int = 0
    error: str = ""
    """Set when the input cannot be read at all; it becomes a failed line of the report."""
    format: str = ""
    """What the first bytes show, where the suffix says nothing."""
    ctime_ns: int = 0
    """When the file or its status was last changed; 0 is unknown. Tools that keep the time of a file they
    edit cannot keep this one."""
    kind: str = "SourceError"
    """The name of the exception that `error` stands for."""
    named: bool = False
    """Whether the user named this very file, not a folder or a list that holds it."""

    @property
    def facts(self) -> Facts:
        """What tells whether the file is still the same one."""
        return Facts(self.size, self.mtime_ns, self.ctime_ns, self.inode)


class Facts(NamedTuple):
    """What the system says of a file without reading it; 0 is unknown."""

    size: int
    mtime_ns: int
    ctime_ns: int = 0
    inode: int = 0

    @classmethod
    def of(cls, status: os.stat_result) -> Facts:
        """The facts in a status; the inode as SQLite can hold it."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & INODE_BITS)

    def agree(self, other: Facts) -> bool:
        """Whether nothing that both know differs: the same file, not written since.

        >>> Facts(10, 5, 7, 1).agree(Facts(10, 5)), Facts(10, 5, 7).agree(Facts(10, 5, 8))
        (True, False)
        """
        return (
            self[:2] == other[:2]
            and (self.ctime_ns == other.ctime_ns or not self.ctime_ns or not other.ctime_ns)
            and (self.inode == other.inode or not self.inode or not other.inode)
        )


class Target(NamedTuple):
    """One output of a job: a format name and the absolute final path."""

    format: str
    path: str
    replaces: bool = False
    """A file is there already and may be replaced (its old bytes stay until the new file is whole)."""
    retires: str = ""
    """In place: the original whose place this file takes; often the same path."""
    backup: str = ""
    """In place: where the bytes of `retires` are kept."""
    split: bool = False
    """Every page gets a file of its own, NAME-p1, NAME-p2 …; a file with one page keeps `path`."""
    pages: tuple[str, ...] = ()
    """Files of single pages that are there already and may be replaced."""
    known: tuple[OutputFile, ...] = ()
    """What imgpar wrote under this name. The file there is replaced only while it is one of these; where
    this is empty, whatever is there is replaced, because the user said so."""
    covered: tuple[OutputFile, ...] = ()
    """In place: what imgpar wrote in the place of an original that is still kept. Where the input is one of
    these, it is no original, and is not kept."""


JobKind = Literal["frames", "file", "stream"]
"""How the scheduler treats a job. `frames`: its frames lie in the arena and may go from worker to worker.
`file`: one short task. `stream`: one long task without a time limit of its own, whose worker may offer pieces
of work to others."""


class Job(NamedTuple):
    """One item with its targets. Ids count from 0 in the order of the inputs."""

    id: int
    item: Item
    targets: tuple[Target, ...] = ()
    digest: str = ""
    """Set when all targets are there, made from content with this digest by the same recipe, and only the
    input's time or inode differs. A worker that finds the same digest answers "unchanged"."""
    notes: tuple[str, ...] = ()
    """Remarks of the plan for the report."""
    same: SameItem | None = None
    """Set together with `digest` when the journal knows this content under another root."""
    check: tuple[OutputFile, ...] = ()
    """Nothing is to be done but to compare these outputs with their digests."""
    changed: bool = False
    """Whether there are outputs of an earlier state of this input."""
    there: tuple[OutputFile, ...] = ()
    """Set together with `digest`: what stays where the content is the same."""
    kind: JobKind = "frames"


class SameItem(NamedTuple):
    """An item of another root that is this one, if the contents are the same."""

    row: int
    """In the journal."""
    outputs: tuple[OutputFile, ...]


class OutputFile(NamedTuple):
    """A file that was written, as it was found on disk afterwards."""

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
        """What tells whether the file is still the same one."""
        return Facts(self.bytes, self.mtime_ns, self.ctime_ns, self.inode)


class Outcome(NamedTuple):
    """What happened to one item: its line in the report."""

    source: str
    status: Status
    outputs: tuple[OutputFile, ...] = ()
    """What was written; of a skipped item, the files that are there; of a planned one, what would be."""
    error: str = ""
    """One sentence: what went wrong and what to do."""
    stage: str = ""
    """Where it failed; empty when it did not."""
    reason: str = ""
    """Why it was skipped: "unchanged", "exists" (a file that imgpar did not make), "changed" (made by imgpar
    and changed since), "settings" (made with other settings), "link" (in place)."""
    traceback: str = ""
    seconds: float = 0.0
    """Time in the stages together, without waiting."""
    stages: tuple[tuple[str, float], ...] = ()
    """Seconds per stage."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source_bytes: int = 0
    job: int = -1
    digest: str = ""
    """Digest of the input's content, for the journal; empty when nobody computed it."""
    kind: str = ""
    """What went wrong, for programs: the name of the exception ("DamagedError"); empty when nothing did."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A password: never shown, and written nowhere."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single input may cost before it is refused."""

    max_pixels: int = 100_000_000
    """Pixels of one frame, as the header claims them."""
    max_frames: int = 10_000
    memory: int = 1 << 30
    """Bytes of the arena: what does not fit in there can never be worked on."""
    accept_damaged: bool = False
    """Keep what can be read of a damaged file instead of failing it."""
    density: float = 0.0
    """Dots per inch at which drawings (PDF, SVG) become pixels; 0 is the format's own."""
    pages: str = ""
    """Which pages of a document, or frames of an animation, are read, from 1: "3" or "2-5"; empty is all."""
    password: Secret | None = None
    """Opens what is locked."""


class ItemFacts(NamedTuple):
    """What the `reset` method of a function is told of the picture or clip whose frames come next."""

    path: str
    """Of the file; of bytes the name that was given with them."""
    kind: Literal["image", "video"]
    size: tuple[int, int]
    """Width and height as it is seen, before any operation."""
    frames: int
    """How many will come; more than 1 for animations and clips."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run, for `on_event`.

    kind      when                                        what is set
    start     before the first job                        text (where it writes to)
    planned   the plan is complete                        total
    item      one item has its outcome                    outcome
    unchanged items that are as they were, all at once;   done
              for listeners with `in_bulk` set, who get
              no "item" for each of these
    frames    a long clip has come further, twice a       text (its path), frames
              second at most
    note      something to say that belongs to no item    text
    end       nothing more will come                      —
    """

    kind: Literal["start", "planned", "item", "unchanged", "frames", "note", "end"]
    done: int = 0
    """Items with an outcome so far, this one included."""
    total: int | None = None
    """Items in all; None as long as the plan is not complete."""
    outcome: Outcome | None = None
    text: str = ""
    frames: tuple[int, int] = (0, 0)
    """Frames of a clip that are written, and those that it has."""
