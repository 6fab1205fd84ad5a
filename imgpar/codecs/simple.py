"""BMP and JPEG 2000, written: one frame through Pillow; metadata go into the boxes of JPEG 2000."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.codecs import jp2_boxes, pillow
from imgpar.codecs.base import Encoded
from imgpar.codecs.formats import Format
from imgpar.codecs.options import EncodeOptions
from imgpar.model import Frame, Metadata

_PSNR = 20
"""JPEG 2000 is told a signal-to-noise ratio: quality 1 to 100 is 20 to 50 dB."""


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """The first frame. JPEG 2000 is lossless unless a quality is given."""
    parameters: dict[str, object] = {}
    if fmt.name == "jp2" and options.quality is not None and not options.lossless:
        ratio = _PSNR + 0.3 * options.quality
        parameters = {"irreversible": True, "quality_mode": "dB", "quality_layers": [ratio]}
    elif fmt.name == "bmp":
        parameters = {"dpi": metadata.dpi or (0, 0)}  # Pillow's own default claims 96
    if fmt.name == "jp2" and metadata.comment:
        parameters["comment"] = metadata.comment
    data = pillow.save(frames[0], fmt.pillow, **parameters)
    return Encoded(jp2_boxes.dressed(data, metadata) if fmt.name == "jp2" else data)
