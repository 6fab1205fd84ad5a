"""Gain maps: rotated, mirrored and scaled with the picture, or dropped."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.batch.picture import programs, stages
from imgpar.core.errors import ItemError
from imgpar.core.limits import Limits
from imgpar.core.spec import Header, Metadata, Spec
from imgpar.formats import codec
from imgpar.formats.base import detail_of
from imgpar.formats.jpeg import gain_map
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.formats.options import SAMPLINGS, EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.ops import Operation
from imgpar.ops.flip import Flip
from imgpar.ops.resize import Resize
from imgpar.ops.rotate import Rotate
from imgpar.ops.sharpen import Sharpen
from imgpar.pixels.layouts import oriented
from imgpar.pixels.sizes import Geometry

_QUALITY = range(75, 99)
"""Range of the JPEG quality of the new map; within it, the quality of the old map is kept."""


def fit_gain_map(header: Header, operations: Sequence[Operation], options: EncodeOptions) -> bytes:
    """The gain map for a picture transformed by `operations`; empty where it no longer matches.

    A gain map is invalid after operations that crop, pad or change colours. `header` is that of the file.
    """
    whole = detail_of(header, JpegDetail).frame
    spec = moved = upright = oriented(Spec(whole.width, whole.height), header.orientation)
    moves = list[Operation]()
    for operation in operations:
        if operation.idle(spec):
            continue
        if not _preserves_map(operation, spec):
            return b""
        spec = operation.plan(spec)
        if isinstance(operation, Flip | Rotate):
            moved = operation.plan(moved)
            moves.append(operation)
    if options.colour is not None:
        return b""
    scales = min(spec.width / moved.width, 1), min(spec.height / moved.height, 1)
    data = header.metadata.gain_map
    try:
        limits = Limits(max_pixels=upright.width * upright.height)
        made = _transformed(data, header.orientation, moves, scales, limits)
    except ItemError:
        return b""
    return gain_map.with_gain_map_metadata(made, data, options.strip)


def _preserves_map(operation: Operation, spec: Spec) -> bool:
    """Whether every pixel keeps its relative position and its colour."""
    if isinstance(operation, Resize):
        return operation.fit in ("inside", "fill") or operation.shrinks_to(spec) == operation.plan(spec).size
    quarter = isinstance(operation, Rotate) and operation.degrees % 90 == 0
    return quarter or isinstance(operation, Flip | Sharpen)


def _transformed(
    data: bytes, orientation: int, moves: list[Operation], scales: tuple[float, float], limits: Limits
) -> bytes:
    """The gain map upright, rotated or mirrored, and scaled; `data` itself where nothing changes."""
    if orientation == 1 and not moves and min(scales) == 1:
        return data
    header = codec.read_header(data, "map.jpg", limits)
    found, sampling = header.coding.quality, detail_of(header, JpegDetail).frame.subsampling
    header = header._replace(orientation=orientation, metadata=Metadata())
    spec = oriented(header.spec, orientation)
    for move in moves:
        spec = move.plan(spec)
    width, height = (max(round(side * scale), 1) for side, scale in zip(spec.size, scales, strict=True))
    steps = [*moves, Resize(Geometry(width, height), fit="fill")]
    program = programs.compile_program(header, steps, limits)
    lease = memoryview(bytearray(program.nbytes))
    frames, _ = stages.decode(program, data, lease, limits)
    frames, _ = stages.transform_frames(program, frames, lease)
    options = EncodeOptions(
        quality=min(max(found, _QUALITY[0]), _QUALITY[-1]),
        subsampling=sampling if sampling in SAMPLINGS else "444",
    )
    return bytes(codec.encode(frames, find_format("jpeg"), Metadata(), options).data)
