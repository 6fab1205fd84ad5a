"""Frames and durations for an animated picture."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from imgpar.batch.frames.reading import ANY, Choice, ClipFrame
from imgpar.batch.frames.stills import pick
from imgpar.core.error_messages import setting
from imgpar.core.errors import DamagedError, LimitError
from imgpar.formats.extraction import Every
from imgpar.formats.option_values import Span
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]


def animation(
    source: str | Clip,
    fps: float | Fraction,
    recipe: Recipe,
    span: Span | None = None,
    choice: Choice = ANY,
) -> tuple[list[Array], list[int]]:
    """Select the frames of an animation from a clip.

    Args:
        source: path of the clip, or the clip from `probe`.
        fps: highest frame rate.
        recipe: its operations are applied to each frame.
        span: part of the clip; None is all of it.
        choice: pixel format and threads.

    Returns:
        Arrays H×W×C in private memory, and the duration of each in milliseconds.

    Raises:
        DamagedError: no frame is left.
        LimitError: the frames together need more than the memory limit.
        ItemError: the clip cannot be decoded.
    """
    found, left = list[ClipFrame](), choice.limits.memory
    for frame in pick(source, Every(seconds=float(1 / fps)), recipe, span, choice=choice):
        found.append(frame)
        left -= frame.array.nbytes
        if left < 0:
            raise LimitError(
                f"Its frames together need more than the {choice.limits.memory >> 20:,} MiB of --memory.",
                fix=f"Use {setting('resize')}, {setting('trim')} or a lower {setting('fps')}, "
                f"or raise {setting('memory')}.",
            )
    if not found:
        raise DamagedError("No frame of this clip is left.", fix=f"Choose another {setting('trim')}.")
    times = [frame.time for frame in found]
    usual = round(1000 / fps)
    return [frame.array for frame in found], [
        *(max(10, round((after - before) * 1000)) for before, after in pairwise(times)),
        usual,
    ]
