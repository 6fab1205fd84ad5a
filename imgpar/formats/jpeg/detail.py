"""What the decoders, the resize on planes and the gain map need of a JPEG's segments."""

from __future__ import annotations

from typing import Literal, NamedTuple

from imgpar.core.spec import Fact, Header
from imgpar.formats.jpeg.header import JPEG_LS, FrameHeader

_SAMPLINGS = ("420", "422", "444", "440", "411")
_UNREAD = (3, 5, 6, 7, 11, 13, 14, 15, JPEG_LS)
"""Lossless and hierarchical coding, by the low nibble of the frame marker, and JPEG-LS."""


class JpegDetail(NamedTuple):
    """What is known of a JPEG besides its header."""

    frame: FrameHeader
    """Its frame header, with the size in the file."""
    ycc: bool
    """Whether the colours are YCbCr."""

    @property
    def rare(self) -> bool:
        """Whether imagecodecs has to decode it: other than 8 bits, lossless, JPEG-LS."""
        return self.frame.bits != 8 or self.frame.process in _UNREAD

    @property
    def reader(self) -> Literal["simplejpeg", "pillow", "rare"]:
        """The decoder: simplejpeg for Huffman-coded grey and YCbCr in the usual subsamplings, Pillow for the
        rest of what is not rare."""
        frame = self.frame
        if self.rare:
            return "rare"
        plain = frame.components == 1 or (frame.components == 3 and frame.subsampling in _SAMPLINGS)
        return "simplejpeg" if plain and frame.process in (0, 1, 2) else "pillow"

    @property
    def codec(self) -> Literal["jpegls", "jpeg8"]:
        """The decoder of imagecodecs."""
        return "jpegls" if self.frame.process == JPEG_LS else "jpeg8"

    def facts(self, header: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {
            "subsampling": self.frame.subsampling,
            "progressive": self.frame.process in (2, 10),
            "bits": self.frame.bits,
            "quality": header.coding.quality,
            "components": self.frame.components,
            "reader": self.reader,
            "codec": self.codec,
            "ycc": self.ycc,
            "scale": header.scale,
        }
