"""`imgpar.frames`: frames of a clip, decoded in this process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator

from imgpar.api.pipeline import Pipeline
from imgpar.batch.frames.reading import Choice, ClipFrame, Wanted, every_frame, frames_at, frames_of
from imgpar.core import parsing
from imgpar.core.errors import UsageError, bad_value, refuse_address
from imgpar.core.spec import Channels, Dtype
from imgpar.recipe.recipe import Recipe


def frames(
    path: str | os.PathLike[str],
    *,
    pipeline: Pipeline | None = None,
    start: float = 0.0,
    stop: float | None = None,
    every: int = 1,
    at: float | Iterable[float] | None = None,
    channels: Channels = "RGB",
    dtype: Dtype = "uint8",
    keys: bool = False,
    scenes: float | None = None,
    accept_damaged: bool = False,
    threads: int = 0,
) -> Iterator[ClipFrame]:
    """Decode the frames of a clip in order, with their times.

    >>> for frame in frames("clip.mp4", start=10, stop=12):  # doctest: +SKIP
    ...     print(frame.index, frame.time, frame.array.shape)
    >>> one, other = frames("clip.mp4", at=[80.5, 3])  # doctest: +SKIP

    Args:
        path: path of the clip.
        pipeline: operations applied to each frame.
        start: start time in seconds; decoding starts at the key frame before it.
        stop: end time in seconds, exclusive.
        every: 1 for every frame, 10 for every tenth.
        at: one or more times in seconds, in any order: the frames displayed at these times, in that order.
        channels: "RGB", "RGBA", "L" or "LA".
        dtype: "uint8", "uint16" or "float32" (0 to 1).
        keys: only key frames, which is much faster.
        scenes: only the first frame of each scene: threshold in percent, typically 10 (`scdet` of FFmpeg).
        accept_damaged: return the readable frames of a damaged clip.
        threads: number of decoder threads; 0 is automatic.

    Yields:
        `ClipFrame` with `array` (H×W×C, C-contiguous, upright, square pixels, owned by the caller), `time`
        in seconds and `index` from 0.

    Raises:
        UsageError: a value is invalid; raised before anything is read.
        DamagedError: frames are missing or damaged; raised after all readable frames.
        ItemError: the clip cannot be read, or an operation fails on a frame.
    """
    source = parsing.named("path", parsing.path, path)
    refuse_address(source, "a file")
    if pipeline is not None and not isinstance(pipeline, Pipeline):
        raise bad_value("pipeline", "an imgpar.Pipeline", pipeline)
    recipe = pipeline.recipe if pipeline is not None else Recipe()
    recipe.check_single("frames")
    begin, end = _part(start, stop)
    keys = parsing.named("keys", parsing.switch, keys)
    accept_damaged = parsing.named("accept_damaged", parsing.switch, accept_damaged)
    choice = Choice(
        begin, end, parsing.named("every", parsing.integer(1, 1 << 31), every), keys, _scenes(scenes),
        parsing.named("channels", parsing.choice("rgb", "rgba", "l", "la"), channels).upper(),
        parsing.named("dtype", parsing.choice("uint8", "uint16", "float32"), dtype), accept_damaged,
        parsing.named("threads", parsing.integer(0, 1024), threads),
    )  # fmt: skip
    if at is None:
        return frames_of(source, recipe, choice)
    if (begin, end, choice.every, keys, scenes) != (0.0, math.inf, 1, False, None):
        raise UsageError("at= already says which frames are wanted.", fix="Leave the other choices out.")
    return frames_at(source, recipe, _moments(at), choice)


def _scenes(threshold: object) -> Wanted:
    if threshold is None:
        return every_frame
    from imgpar.video.scenes import SceneChanges

    changes = SceneChanges(parsing.named("scenes", parsing.number(0, 100), threshold))
    return lambda _, frame: changes.begins(frame)


def _part(start: object, stop: object) -> tuple[float, float]:
    begin = parsing.named("start", parsing.number(0, 1e9), start)
    end = math.inf if stop is None else parsing.named("stop", parsing.number(0, math.inf), stop)
    if end <= begin:
        raise bad_value("stop", f"seconds after start, which is {begin:g},", stop)
    return begin, end


def _moments(at: object) -> list[float]:
    several = isinstance(at, Iterable) and not isinstance(at, (str, bytes))
    moments = list(at) if several else [at]  # type: ignore[call-overload]
    return [parsing.named("at", parsing.number(0, 1e9), moment) for moment in moments]
