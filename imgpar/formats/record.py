"""What a format is, holds and supports: one record each, of which `registry` has the table."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, NamedTuple

from imgpar.core.spec import Layout

HEAD = 512
"""Bytes at the start of a file in which a signature may stand."""


class Format(NamedTuple):
    """Record of a format.

    `readers` and `writers` name modules of `imgpar.formats`; those of other packages have their full names.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    mime: str
    kind: Literal["image", "video", "audio"] = "image"
    """Audio formats are only written: `--to m4a` extracts the audio of clips."""
    magic: tuple[tuple[int, bytes], ...] = ()
    """Alternatives: (offset, bytes at that offset)."""
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    pillow: str = ""
    """Pillow's name."""
    layouts: tuple[Layout, ...] = ()
    """Layouts that the encoder supports."""
    dtypes: tuple[str, ...] = ("uint8",)
    takes: frozenset[str] = frozenset()
    """Optional settings that its encoder supports."""
    alpha: bool = False
    frames: bool = False
    """Whether it holds animations or pages."""
    paged: bool = False
    """Whether its frames are pages, which have no durations."""
    lossless: Literal["always", "optional", "never"] = "never"
    icc: bool = False
    grey_icc: bool = False
    """Whether readers support a grey profile; if not, grey is converted to that of sRGB."""
    cicp: bool = False
    """Whether it stores HDR code points."""
    exif: bool = False
    xmp: bool = False
    comment: bool = False
    iptc: bool = False
    gain_map: bool = False
    text: bool = False
    density: bool = False
    """Whether it has a field for the resolution."""
    drawn: bool = False
    """Whether it is a vector format, rendered at a resolution."""
    extra: str = ""
    """Optional package that reads or writes it, as named for pip."""
    module: str = ""
    """Module of that package."""
    twin: str = ""
    """A format with the same magic; the suffix decides between the two."""
    package: str = ""
    """The package that adds it, as named for pip; empty for those of imgpar."""

    @property
    def suffix(self) -> str:
        """The suffix of outputs, without the dot."""
        return self.suffixes[0]

    @property
    def animated(self) -> bool:
        """Whether it is a picture format that holds animations."""
        return self.kind == "image" and self.frames and not self.paged

    @property
    def readable(self) -> bool:
        """Whether this version has a decoder for it (possibly in an optional package)."""
        return bool(self.readers)

    @property
    def installed(self) -> bool:
        """Whether the package that it needs, if any, is installed."""
        return not self.module or find_spec(self.module) is not None

    @property
    def writable(self) -> bool:
        """Whether this version can write it."""
        return bool(self.writers)
