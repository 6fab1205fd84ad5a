"""What the readers of PNG need to know of a file besides its header."""

from __future__ import annotations

from typing import NamedTuple

from imgpar.core.spec import Fact, Header


class PngDetail(NamedTuple):
    """What is known of a PNG besides its header."""

    mode: str
    """Pillow's mode of the image."""
    bits: int
    """Per channel, 1 to 16."""
    essential: bool = False
    """Whether only the critical chunks are read, because others are damaged."""
    deep_frames: bool = False
    """Whether it is an animation that is decoded with 16 bits."""

    def facts(self, header: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {
            "mode": self.mode,
            **({"essential": True} if self.essential else {}),
            "bits": self.bits,
            **({"animated": self.deep_frames} if header.frames > 1 else {}),
        }
