"""Single frames of clips: every n-th, one per interval, key frames, scene changes; and a poster."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgpar.batch.frames.chosen import frames_at
from imgpar.batch.frames.reading import ANY, Choice, ClipFrame, Wanted, frames_of
from imgpar.core.error_messages import setting
from imgpar.core.errors import DamagedError
from imgpar.formats.extraction import Every
from imgpar.formats.option_values import Span
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

CANDIDATES = 15
"""Number of frames among which the poster is selected."""


def pick(
    source: str | Clip,
    every: Every,
    recipe: Recipe,
    span: Span | None = None,
    *,
    threshold: float | None = None,
    choice: Choice = ANY,
) -> Iterator[ClipFrame]:
    """The selected frames of a clip, in order.

    Args:
        source: path of the clip, or the clip from `probe`.
        every: which frames.
        recipe: its operations are applied to each frame.
        span: part of the clip; None is all of it.
        threshold: change between frames, in percent, that is a scene change; None is the default.
        choice: pixel format and threads; its fields that select frames are ignored.

    Raises:
        ItemError: the clip cannot be decoded.
    """
    start, stop = (span.start, span.stop) if span else (0.0, math.inf)
    if every.seconds:
        choice = replace(choice, wanted=at_intervals(start, every.seconds))
    elif every.scenes:
        from imgpar.video.scenes import THRESHOLD, SceneChanges

        changes = SceneChanges(THRESHOLD if threshold is None else threshold)
        choice = replace(choice, wanted=lambda _, frame: changes.begins(frame))
    choice = replace(choice, start=start, stop=stop, every=every.frames, keys=every.keys)
    yield from frames_of(source, recipe, choice)


def at_intervals(start: float, seconds: float) -> Wanted:
    """Selects one frame per `seconds`, from `start` on."""
    due = -math.inf

    def wanted(time: float, _: Any) -> bool:
        nonlocal due
        if time < due:
            return False
        # A tolerance, so that rounding errors do not select two frames for one interval.
        due = start + (math.floor((time - start) / seconds + 1e-4) + 1 - 1e-4) * seconds
        return True

    return wanted


def poster(source: str | Clip, recipe: Recipe, span: Span | None = None, choice: Choice = ANY) -> ClipFrame:
    """A sharp frame that is neither black nor white, from the first two thirds of a clip.

    Args:
        source: path of the clip, or the clip from `probe`.
        recipe: its operations are applied to each candidate.
        span: part of the clip to select from instead.
        choice: pixel format and threads.

    Raises:
        ItemError: the clip cannot be decoded.
    """
    from imgpar.video.probe import probe

    clip = probe(source) if isinstance(source, str) else source
    begin = span.start if span else clip.duration * 0.05
    end = min(span.stop, clip.duration) if span and math.isfinite(span.stop) else clip.duration * 0.65
    step = max(end - begin, 0) / CANDIDATES
    moments = [min(begin + number * step, clip.duration) for number in range(CANDIDATES)]
    found: dict[int, ClipFrame] = {}
    for frame in frames_at(clip, recipe, moments, choice):
        found.setdefault(frame.index, frame)
    if not found:
        raise DamagedError("This clip has no frame that could be read.")
    return max(found.values(), key=lambda frame: _sharpness(frame.array))


def _sharpness(array: Array) -> float:
    """Variance of the Laplacian, reduced for frames with little contrast."""
    import cv2

    grey = cv2.cvtColor(array[..., :3], cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var()) * min(1.0, float(grey.std()) / 20)


def whole_or(clip: Clip, span: Span | None) -> tuple[float, float]:
    """Start and end in seconds: of the whole clip, or of its intersection with `span`."""
    end = max(clip.duration, (clip.times[-1] + clip.last) if clip.times else 0.0)
    if span is None:
        return 0.0, end
    if span.start >= end:
        raise DamagedError(
            f"The clip ends after {end:.1f} seconds.", fix=f"Choose an earlier {setting('trim')}."
        )
    return span.start, min(span.stop, end)
