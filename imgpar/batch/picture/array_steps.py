"""Operations on one array, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgpar.batch.picture import stages
from imgpar.batch.picture.programs import begin_picture, compile_program, operations_for
from imgpar.core.error_messages import InWords, bad_value
from imgpar.core.exiting import held_at_exit
from imgpar.core.limits import Limits
from imgpar.core.spec import ITEM_BYTES, Header, Layout, Spec
from imgpar.core.unit_range import in_unit_range
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation

Array = np.ndarray[Any, Any]

_LAYOUTS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@held_at_exit()
def transformed(
    array: Array, operations: Sequence[Operation], options: EncodeOptions, limits: Limits
) -> Array:
    """Apply operations to an array.

    Args:
        array: H×W or H×W×1 to 4 of uint8, uint16 or float32 (0 to 1), in sRGB; it is only read.
        operations: of the recipe, in order.
        options: of the recipe, for what operations ask about.
        limits: sizes that exceed them are refused.

    Returns:
        A C-contiguous array with memory of its own, with the number of channels and the type of `array`, and
        two dimensions where that has two.

    Raises:
        UsageError: it is no such array.
        ItemError: an operation fails, or refuses the picture.
    """
    array = np.asarray(array)  # a matrix has two dimensions in every shape
    spec = _spec_of(array)
    header = Header("array", spec)
    operations, _ = operations_for(tuple(operations), header, "", options)
    program = compile_program(header, operations, limits)
    memory = memoryview(bytearray(program.nbytes))
    frames = stages.frames_in_buffer(memory, 0, spec, 1)
    np.copyto(frames[0].array, in_unit_range(array).reshape(spec.shape))
    begin_picture(operations, header, "", 1)
    frames, _ = stages.transform_frames(program, frames, memory)
    result = stages.to_array(frames[0], spec.layout, spec.dtype).array
    return result[..., 0] if array.ndim == 2 else result


def _spec_of(array: Array) -> Spec:
    """The spec of an array; raises BadValueError."""
    channels = array.shape[2] if array.ndim == 3 else 1 if array.ndim == 2 else 0
    if channels not in _LAYOUTS or 0 in array.shape or array.dtype.name not in ITEM_BYTES:
        empty = ", which is empty" if 0 in array.shape else ""
        shown = InWords(f"one of shape {array.shape} and type {array.dtype}{empty}")
        raise bad_value("data", "an array H×W or H×W×1 to 4 of uint8, uint16 or float32 (0 to 1)", shown)
    return Spec(array.shape[1], array.shape[0], _LAYOUTS[channels], array.dtype.name)
