"""BMP, written: one frame, through Pillow, or with a palette where the input had few colours."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.spec import Frame, Metadata
from imgpar.formats.backends import pillow
from imgpar.formats.base import Encoded
from imgpar.formats.bmp import packed
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """Encode the first frame.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture; the density is written.
        options: settings of the encoder.

    Raises:
        EncodeError: the encoder failed.
    """
    if options.few_colours and (few := packed.encode(frames[0], metadata.dpi)):
        return Encoded(few)
    return Encoded(pillow.save(frames[0], fmt.pillow, dpi=metadata.dpi or (0, 0)))  # Pillow's default is 96
