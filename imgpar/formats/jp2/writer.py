"""JPEG 2000, written: one frame through Pillow, 16 bits through OpenCV; metadata go into boxes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from imgpar.core.spec import Frame, Metadata
from imgpar.formats import quality
from imgpar.formats.backends import opencv, pillow
from imgpar.formats.base import Encoded
from imgpar.formats.jp2 import boxes
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.pixels.layouts import convert_layout


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """Encode the first frame; lossless unless a quality is given and 8 bits suffice.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the encoder failed.
    """
    if frames[0].spec.dtype == "uint16":
        return _encode_deep(frames[0], metadata, options)
    parameters: dict[str, object] = {}
    if options.quality is not None and not options.lossless:
        ratio = quality.encoder_setting("jp2", options.quality) / 10
        parameters = {"irreversible": True, "quality_mode": "dB", "quality_layers": [ratio]}
    if metadata.comment:
        parameters["comment"] = metadata.comment
    data = pillow.save(frames[0], fmt.pillow, **parameters)
    return Encoded(boxes.with_metadata_boxes(data, metadata))


def _encode_deep(frame: Frame, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """16 bits, which Pillow does not write. OpenCV supports neither comments nor grey with alpha."""
    if frame.spec.layout == "LA":
        spec = frame.spec.converted("RGBA")
        coloured = Frame(spec, np.empty(spec.shape, spec.dtype))
        convert_layout(frame, coloured)
        frame = coloured
    data = opencv.encode(frame, "jp2", [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    lost = ("comment",) if metadata.comment else ()
    notes: tuple[str, ...] = ()
    if options.quality is not None and not options.lossless:
        notes = ("JPEG 2000 of 16 bits is written losslessly, whatever the quality",)
    return Encoded(boxes.with_metadata_boxes(data, metadata), lost, notes)
