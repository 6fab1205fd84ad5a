"""`--verify`: an output is decoded before it is committed, and compared with its frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgpar.batch.picture.stages import EncodedOutput, own_frames
from imgpar.core.errors import EncodeError, ItemError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats import codec
from imgpar.formats.output_profile import srgb_frame
from imgpar.formats.registry import find_format
from imgpar.pixels import layouts

GRID = 32
"""Cells along the longer side of the compared grid: it shows differences of areas, not of single pixels."""
FAR = 24.0
"""Root mean square of the differences of the cells, 0 to 255, above which an output is refused. JPEGs of the
lowest quality stay below 8."""
FAR_CELL = 96.0
"""The same for the largest difference of a cell."""

_NOTHING = Metadata()


def verify_encoded(
    encoded: EncodedOutput, frames: Sequence[Frame], format_name: str, metadata: Metadata = _NOTHING
) -> None:
    """Decode the bytes of an output and compare size, number of frames and appearance.

    Args:
        encoded: the output.
        frames: the frames it was encoded from; a still picture of an animation holds only the first.
        format_name: of the output.
        metadata: of the frames, with their colour profile.

    Raises:
        EncodeError: the output cannot be decoded, or looks different.
    """
    title = find_format(format_name).title
    data = memoryview(encoded.data)
    limits = Limits(max_pixels=1 << 62, max_frames=1 << 30, memory=1 << 62)
    try:
        header = codec.read_header(data, f"output.{find_format(format_name).suffix}", limits)
        made = own_frames(header.spec, header.frames)
        codec.decode(data, header, made)
    except ItemError as error:
        raise _refused(title, f"it cannot be read: {error.message.rstrip('.')}") from error
    size = layouts.oriented(header.spec, header.orientation).size
    if size != encoded.spec.size:
        raise _refused(title, f"it has {size[0]}×{size[1]} pixels instead of {_text(encoded.spec)}")
    if size != frames[0].spec.size:  # an icon: scaled by its encoder
        return
    wanted = list(frames) if find_format(format_name).frames or header.frames > 1 else list(frames[:1])
    if "frames" in encoded.lost or "pages" in encoded.lost:
        wanted = wanted[:1]
    elif "pages" in header.lost and len(header.pages or ()) == len(wanted):
        wanted = wanted[:1]  # of pages of different sizes, the first is decoded
    if header.orientation != 1:  # a copy whose orientation stays a tag
        made = [_upright(frame, header.orientation) for frame in made]
    if len(made) != len(wanted):
        raise _refused(title, f"it has {len(made)} frames instead of {len(wanted)}")
    if (metadata.icc, metadata.cicp) != (header.metadata.icc, header.metadata.cicp):
        # Samples of different profiles are comparable only after conversion to sRGB.
        wanted = [srgb_frame(frame, metadata)[0] for frame in wanted]
        made = [srgb_frame(frame, header.metadata)[0] for frame in made]
    for number, (one, other) in enumerate(zip(wanted, made, strict=True)):
        far, worst = distance(one, other)
        if far > FAR or worst > FAR_CELL:
            which = f"frame {number + 1}" if len(made) > 1 else "it"
            raise _refused(title, f"{which} looks different (distance {far:.0f}, largest {worst:.0f})")


def _upright(frame: Frame, orientation: int) -> Frame:
    (turned,) = own_frames(layouts.oriented(frame.spec, orientation), 1)
    layouts.orient(frame, turned, orientation)
    return turned


def distance(one: Frame, other: Frame) -> tuple[float, float]:
    """Difference of two frames of one size: root mean square and maximum over a coarse grid, 0 to 255.

    Transparent pixels are composited on white.
    """
    difference = np.abs(_coarse(one) - _coarse(other))
    return float(np.sqrt(np.mean(difference**2))), float(difference.max(initial=0.0))


def _coarse(frame: Frame) -> np.ndarray:
    """Means of the cells of the grid, H×W×3 float32."""
    import cv2

    flat = frame
    wanted = frame.spec.converted("RGB", "uint8")
    if frame.spec != wanted:
        flat = own_frames(wanted, 1)[0]
        layouts.convert_layout(frame, flat, (255, 255, 255, 255))
    scale = GRID / max(frame.spec.size)
    size = [max(1, min(length, round(length * scale))) for length in frame.spec.size]
    small = cv2.resize(flat.array, size, interpolation=cv2.INTER_AREA)
    return small.reshape(size[1], size[0], 3).astype(np.float32)


def _text(spec: Spec) -> str:
    return f"{spec.width}×{spec.height}"


def _refused(title: str, why: str) -> EncodeError:
    return EncodeError(
        f"The {title} was not written, because --verify found that {why}.",
        fix="Please report it; another format or quality may work.",
    )
