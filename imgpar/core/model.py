"""Frozen values that are passed between rooms. Imports no numpy and has no side effects.

Values that are made or sent for every picture are named tuples, which are built and pickled in a third of the
time of dataclasses.

Flow of a picture: Item (an input) → Job (with its targets) → Header (metadata of the file) → Frame (pixels) →
Outcome (result).
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
"""Order and meaning of the channels. X is padding: SIMD code works on four bytes per pixel. YCC are the
planes of a JPEG, supported only by the resize and the JPEG encoder."""

Channels = Literal["RGB", "RGBA", "L", "LA"]
"""Channels of arrays as callers ask for them: colour or grey, with or without alpha."""
Dtype = Literal["uint8", "uint16", "float32"]
"""Values of arrays as callers ask for them; float32 is 0 to 1."""

Colour = tuple[float, float, float, int]
"""Red, green, blue and alpha, 0 to 255: integers in sRGB as given, fractions in another profile."""

CHROMA: dict[str, tuple[int, int]] = {
    "YCC420": (2, 2),
    "YCC422": (2, 1),
    "YCC440": (1, 2),
    "YCC411": (4, 1),
    "YCC444": (1, 1),
}
"""Planar layouts: horizontal and vertical subsampling of chroma."""
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
"""Row alignment of planes, in bytes."""
ITEM_BYTES: dict[str, int] = {"uint8": 1, "uint16": 2, "float32": 4}

INODE_BITS = (1 << 63) - 1
"""Bits of an inode number that SQLite can store."""

Status = Literal["ok", "skipped", "failed", "planned"]
""""planned" is the status of a dry run."""
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
        """Values per pixel, including padding."""
        return CHANNELS[self.layout]

    @property
    def planar(self) -> bool:
        """Whether luma and chroma are separate planes."""
        return self.layout in CHROMA

    @property
    def rooms(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and bytes per row of the two parts of a planar frame.

        ┌──────────────┐
        │ Y            │     whole chroma samples: odd sides have one more row or column
        ├───────┬──────┘
        │ Cb    │ Cr   │     side by side: operations on columns apply to both at once
        └───────┴──────┘
        """
        across, down = CHROMA[self.layout]
        columns, rows = -(-self.width // across), -(-self.height // down)
        luma = -(-columns * across // PLANE_ROW) * PLANE_ROW
        chroma = -(-columns // PLANE_ROW) * PLANE_ROW
        return (rows * down, luma), (rows, 2 * chroma)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the array: height, width, channels. Grey has one channel; planar layouts are bytes."""
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
        """Whether the last channel is alpha."""
        return self.layout in ("LA", "RGBA")

    @property
    def grey(self) -> bool:
        """Whether the picture is greyscale."""
        return self.layout in ("L", "LA")

    def resized(self, width: int, height: int) -> Spec:
        """The same pixel format with another size."""
        return Spec(width, height, self.layout, self.dtype)

    def converted(self, layout: Layout, dtype: str | None = None) -> Spec:
        """The same size in another pixel format."""
        return Spec(self.width, self.height, layout, dtype or self.dtype)


class Frame(NamedTuple):
    """Pixels and their spec. `array` has `spec.shape`, is C-contiguous, and does not own its memory: it may
    view a lease and must not be kept after the call that received it."""

    spec: Spec
    array: np.ndarray[Any, Any]


@lru_cache(maxsize=1024)  # asked for a dozen times for each picture
def _shape(spec: Spec) -> tuple[int, int, int]:
    if spec.planar:
        return (sum(rows * row for rows, row in spec.rooms), 1, 1)
    return (spec.height, spec.width, spec.channels)


@dataclass(frozen=True, slots=True)
class FrameRef:
    """Location of frames in the arena: `count` frames of `spec`, consecutive from `offset`."""

    offset: int
    spec: Spec
    count: int = 1

    @property
    def nbytes(self) -> int:
        """Bytes of all frames."""
        return self.spec.nbytes * self.count


class Metadata(NamedTuple):
    """Metadata of a file; raw blocks as stored, without container headers.

    `exif` starts with the TIFF header (II or MM), not with `Exif\\0\\0`.
    """

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    comment: bytes = b""
    iptc: bytes = b""
    """The IIM records (IPTC): captions, credits and keywords."""
    gain_map: bytes = b""
    """The gain map JPEG for HDR displays; it has the geometry of the picture."""
    cicp: tuple[int, ...] = ()
    """Colour primaries and transfer characteristics (ITU-T H.273) of an HDR picture: PQ (16) or HLG (18)."""
    text: tuple[tuple[bytes, bytes], ...] = ()
    """Text chunks of a PNG other than the comment (title, author …): type and body of each."""
    dpi: tuple[float, float] | None = None
    durations: tuple[int, ...] = ()
    """Milliseconds per frame of an animation."""
    loop: int = 0
    """Number of plays of an animation; 0 is infinite."""
    pages: tuple[Metadata, ...] = ()
    """Metadata per page of a file with several pages, the first one included; empty where there is only that
    of the file."""

    @property
    def bare(self) -> bool:
        """Whether there are only numbers: density and timing."""
        return not any(self[:8]) and not self.pages

    @property
    def nbytes(self) -> int:
        """Bytes of the blocks, approximately their packed size."""
        parts = (self.icc, self.exif, self.xmp, self.comment, self.iptc, self.gain_map)
        own = sum(map(len, parts)) + 8 * len(self.durations) + 256
        return own + sum(page.nbytes for page in self.pages)


class Header(NamedTuple):
    """What is known of a file before its pixels are decoded.

    `spec` is that of the decoded frame: in stored orientation, not yet rotated.
    """

    format: str
    spec: Spec
    orientation: int = 1
    """EXIF orientation 1 to 8 that is still to be applied."""
    frames: int = 1
    metadata: Metadata = Metadata()
    lost: tuple[str, ...] = ()
    """What decoding cannot preserve, as worded in the report ("gain map", "frames")."""
    notes: tuple[str, ...] = ()
    """Remarks for the report that are no loss ("profile is broken, taken as sRGB")."""
    detail: Mapping[str, Any] = {}
    """Additional values for `imgpar info` and for the format that read the header ("subsampling": "420")."""


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

    @property
    def facts(self) -> Facts:
        """The values by which a change of the file is detected."""
        return Facts(self.size, self.mtime_ns, self.ctime_ns, self.inode)


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
        """Whether all values known to both are equal: the same file, not written since.

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
    """Whether an existing file may be replaced (its old bytes are kept until the new file is complete)."""
    retires: str = ""
    """In place: the original that this file replaces; often the same path."""
    backup: str = ""
    """In place: backup path of `retires`."""
    split: bool = False
    """Whether every page gets its own file, NAME-p1, NAME-p2 …; a file with one page uses `path`."""
    pages: tuple[str, ...] = ()
    """Existing files of single pages that may be replaced."""
    known: tuple[OutputFile, ...] = ()
    """Earlier outputs of imgpar under this name. An existing file is replaced only if it is one of these; if
    empty, any file is replaced, as requested by the user."""
    covered: tuple[OutputFile, ...] = ()
    """In place: outputs of imgpar in the place of an original that is still kept. An input that is one of
    these is not an original, and is not kept."""


JobKind = Literal["frames", "file", "stream"]
"""How the scheduler treats a job. `frames`: its frames lie in the arena and may move between workers. `file`:
one short task. `stream`: one long task without a time limit of its own, whose worker may offer frames to
other workers."""


class Job(NamedTuple):
    """One item with its targets. Ids count from 0 in input order."""

    id: int
    item: Item
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
    changed since), "settings" (made with other settings), "link" (in place)."""
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


@dataclass(frozen=True, slots=True)
class Secret:
    """A password; never printed or stored."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for a single input."""

    max_pixels: int = 100_000_000
    """Pixels of one frame, according to the header."""
    max_frames: int = 10_000
    memory: int = 1 << 30
    """Bytes of the arena: a frame that does not fit cannot be processed."""
    accept_damaged: bool = False
    """Keep the readable part of a damaged file instead of failing."""
    density: float = 0.0
    """Resolution in dpi at which vector formats (PDF, SVG) are rendered; 0 is the default of the format."""
    pages: str = ""
    """Pages of a document, or frames of an animation, to read, from 1: "3" or "2-5"; empty is all."""
    password: Secret | None = None
    """For encrypted files."""


class ItemFacts(NamedTuple):
    """Argument of the `reset` method of a function: the picture or clip whose frames follow."""

    path: str
    """Of the file; for bytes the name passed with them."""
    kind: Literal["image", "video"]
    size: tuple[int, int]
    """Displayed width and height, before any operation."""
    frames: int
    """Number of frames; more than 1 for animations and clips."""


@dataclass(frozen=True, slots=True)
class Event:
    """Event of a run, for `on_event`.

    kind      when                                        fields set
    start     before the first job                        text (destination)
    planned   the plan is complete                        total
    item      one item has its outcome                    outcome
    unchanged all unchanged items at once; for            done
              callbacks with `in_bulk` set, which get
              no "item" for each of these
    frames    progress of a long clip, at most twice      text (its path), frames
              a second
    note      a message that belongs to no item           text
    end       the last event                              —
    """

    kind: Literal["start", "planned", "item", "unchanged", "frames", "note", "end"]
    done: int = 0
    """Items with an outcome so far, including this one."""
    total: int | None = None
    """Items in total; None until the plan is complete."""
    outcome: Outcome | None = None
    text: str = ""
    frames: tuple[int, int] = (0, 0)
    """Frames of a clip that are written, and their total."""
