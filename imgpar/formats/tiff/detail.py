"""What the readers of TIFF need to know of a file besides its header."""

from __future__ import annotations

from typing import Literal, NamedTuple

from imgpar.core.spec import Fact, Header
from imgpar.formats.tiff.samples import Samples


class TiffDetail(NamedTuple):
    """What is known of a TIFF besides its header."""

    reader: Literal["pillow", "opencv", "samples", "rare"]
    """The decoder of its pages; the last two are modules of this package."""
    mode: str = ""
    """Pillow's mode of the first page, where Pillow decodes it."""
    peak: int = 0
    """White of grey of 12 bits, which Pillow does not scale; 0 for all others."""
    samples: Samples | None = None
    """For the readers `samples` and `rare`."""

    def facts(self, header: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {
            **({"mode": self.mode, "turned": header.turned} if self.reader == "pillow" else {}),
            **({"whole": self.peak} if self.peak else {}),
            **({"packing": header.coding.packing} if header.coding.packing else {}),
        }
