"""Pixels and their description: spec, frame, metadata, header. Imports no numpy.

Values that are made or sent for every picture are named tuples, which are built and pickled in a third of the
time of dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from imgpar.core.blocks import Exif, Icc, Xmp

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
Fact = str | int | float | bool
"""Value of a property of a file, as printed by `imgpar info`."""
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
    """Metadata of a file; blocks as stored, without container headers. What is parsed from `icc`, `exif` and
    `xmp` is kept with them."""

    icc: Icc = Icc()
    exif: Exif = Exif()
    xmp: Xmp = Xmp()
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


class Coding(NamedTuple):
    """How a file stores its pixels, as far as an output may be stored alike."""

    few_colours: bool = False
    """Whether there is a palette, or grey of less than 8 bits."""
    lossless: bool = False
    """Whether the pixels are stored exactly, in a format that can also store them with loss."""
    quality: int = 0
    """Estimated quality of the encoder, 1 to 100; 0 where it is unknown."""
    packing: str = ""
    """Compression of a TIFF, if the writer supports it (`tiff.compression.PACKINGS`)."""


class Detail(Protocol):
    """What only the modules of one format know of a file: a named tuple declared beside its reader."""

    def facts(self, header: Header, /) -> Mapping[str, Fact]:
        """The properties of this format for `imgpar info`, of a file with this header."""


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
    coding: Coding = Coding()
    scale: int = 1
    """1, 2, 4 or 8: how much smaller than in the file the pixels are decoded."""
    turned: bool = False
    """Whether pages are turned upright while they are decoded: a copy of the file would not be upright."""
    pages: tuple[int, ...] | None = None
    """Numbers of the requested pages of a document, from 1, ascending; None for other files."""
    total: int = 0
    """Number of pages or frames in the file, where only some may be requested; 0 is `frames`."""
    numbers: tuple[int, ...] = ()
    """Indices of the frames to decode, from 0; empty: the first ones."""
    detail: Detail | None = None
    """For the modules of this format: whoever reads it asks for its type first (`formats.base.detail_of`)."""
