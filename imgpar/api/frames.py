"""`imgpar.frames`: frames of a clip, decoded in this process."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from imgpar.api.pipeline import Pipeline
from imgpar.batch.frames.chosen import end_of, frames_at, frames_numbered
from imgpar.batch.frames.reading import (
    Choice,
    ClipFrame,
    FrameBatch,
    Wanted,
    every_frame,
    frames_of,
    in_batches,
)
from imgpar.batch.frames.stills import at_intervals
from imgpar.core import parsing
from imgpar.core.error_messages import bad_value, refuse_address
from imgpar.core.errors import UsageError, naming
from imgpar.core.exiting import held_at_exit
from imgpar.core.spec import Channels, Dtype
from imgpar.formats.extraction import Every, parse_every
from imgpar.inputs.one_file import check_file, path_of
from imgpar.recipe.recipe import Recipe

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

ClipSource = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A clip: its path, its bytes, or an open binary file."""
_MOST_IN_BATCH = 100_000


@overload
def frames(
    source: ClipSource,
    *,
    pipeline: Pipeline | None = None,
    start: float = 0.0,
    stop: float | None = None,
    every: int | str = 1,
    at: float | Iterable[float] | None = None,
    index: int | Iterable[int] | None = None,
    batch: None = None,
    channels: Channels = "RGB",
    dtype: Dtype = "uint8",
    keys: bool = False,
    scenes: float | None = None,
    accept_damaged: bool = False,
    threads: int = 0,
) -> Iterator[ClipFrame]: ...


@overload
def frames(
    source: ClipSource,
    *,
    pipeline: Pipeline | None = None,
    start: float = 0.0,
    stop: float | None = None,
    every: int | str = 1,
    at: float | Iterable[float] | None = None,
    index: int | Iterable[int] | None = None,
    batch: int,
    channels: Channels = "RGB",
    dtype: Dtype = "uint8",
    keys: bool = False,
    scenes: float | None = None,
    accept_damaged: bool = False,
    threads: int = 0,
) -> Iterator[FrameBatch]: ...


def frames(
    source: ClipSource,
    *,
    pipeline: Pipeline | None = None,
    start: float = 0.0,
    stop: float | None = None,
    every: int | str = 1,
    at: float | Iterable[float] | None = None,
    index: int | Iterable[int] | None = None,
    batch: int | None = None,
    channels: Channels = "RGB",
    dtype: Dtype = "uint8",
    keys: bool = False,
    scenes: float | None = None,
    accept_damaged: bool = False,
    threads: int = 0,
) -> Iterator[ClipFrame] | Iterator[FrameBatch]:
    """Decode the frames of a clip in order, with their times.

    >>> for frame in frames("clip.mp4", start=10, stop=12):  # doctest: +SKIP
    ...     print(frame.index, frame.time, frame.array.shape)
    >>> one, other = frames("clip.mp4", at=[80.5, 3])  # doctest: +SKIP
    >>> first, last = frames(open("clip.mp4", "rb"), index=[0, -1])  # doctest: +SKIP
    >>> for batch in frames("clip.mp4", every="1s", batch=32):  # doctest: +SKIP
    ...     print(batch.array.shape, batch.times, batch.indices)

    Args:
        source: path of the clip; its bytes, or any other buffer with them, which is not copied; or a binary
            file object, which is read from its beginning and stays open. A file object that cannot seek is
            copied to a temporary file first. GIF and APNG are clips, too.
        pipeline: operations applied to each frame.
        start: start time in seconds, before the end of the clip; decoding starts at the key frame before it.
        stop: end time in seconds, exclusive; it may be after the end of the clip.
        every: 1 for every frame, 10 for every tenth, "2s" for one per two seconds.
        at: one or more times in seconds, in any order: the frames displayed at these times, in that order.
        index: one or more numbers of frames, from 0, in any order; -1 is the last frame. A number is that of
            `ClipFrame.index`, in every container. Of each group of frames between two key frames only what
            is needed is decoded, and once.
        batch: yield `FrameBatch` with arrays of this many frames; the last one may have fewer.
        channels: "RGB", "RGBA", "L" or "LA".
        dtype: "uint8", "uint16" or "float32" (0 to 1).
        keys: only key frames, which is much faster.
        scenes: only the first frame of each scene: threshold in percent, typically 10 (`scdet` of FFmpeg).
        accept_damaged: return the readable frames of a damaged clip.
        threads: number of decoder threads; 0 is automatic.

    Yields:
        `ClipFrame` with `array` (H×W×C, C-contiguous, upright, square pixels, owned by the caller), `time`
        in seconds and `index` from 0. With `batch`: `FrameBatch` with `array` (N×H×W×C, the same),
        `times` and `indices`.

    Raises:
        UsageError: a value is invalid; raised before anything is decoded. The clip has no such frame, or ends
            before `start`; raised with the first frame.
        DamagedError: frames are missing or damaged; raised after all readable frames.
        NoFileError: there is no such file.
        ItemError: the clip cannot be read, or an operation fails on a frame.
    """
    opened = _opened(source)
    path = path_of(source)
    if pipeline is not None and not isinstance(pipeline, Pipeline):
        raise bad_value("pipeline", "an imgpar.Pipeline", pipeline)
    recipe = pipeline.recipe if pipeline is not None else Recipe()
    recipe.check_single("frames")
    begin, end = _part(start, stop)
    rhythm: Every = parsing.named("every", parse_every, every)
    keys = parsing.named("keys", parsing.switch, keys) or rhythm.keys
    accept_damaged = parsing.named("accept_damaged", parsing.switch, accept_damaged)
    size = 0 if batch is None else parsing.named("batch", parsing.integer(1, _MOST_IN_BATCH), batch)
    choice = Choice(
        begin, end, rhythm.frames, keys, _wanted(rhythm, scenes, begin),
        parsing.named("channels", parsing.choice("rgb", "rgba", "l", "la"), channels).upper(),
        parsing.named("dtype", parsing.choice("uint8", "uint16", "float32"), dtype), accept_damaged,
        parsing.named("threads", parsing.integer(0, 1024), threads), size,
    )  # fmt: skip
    if at is not None or index is not None:
        name = "index" if at is None else "at"
        others = (begin, end, rhythm, keys, scenes) != (0.0, math.inf, Every(), False, None)
        if others or (at is not None and index is not None):
            raise UsageError(
                f"{name}= already says which frames are wanted.", fix="Leave the other choices out."
            )
    if at is not None:
        moments = _several("at", parsing.number(0, 1e9), at)
        found = _read(opened, path, lambda clip: frames_at(clip, recipe, moments, choice))
    elif index is not None:
        numbers = _several("index", parsing.integer(-(1 << 31), 1 << 31), index)
        found = _read(opened, path, lambda clip: frames_numbered(clip, recipe, numbers, choice))
    else:
        found = _read(opened, path, lambda clip: frames_of(_begins(clip, begin), recipe, choice))
    return in_batches(found, size) if size else found


def _opened(source: object) -> Callable[[], Clip]:
    """What reads the properties of the clip. Raises UsageError where the source is none."""
    from imgpar.video.content import Content
    from imgpar.video.demux import DEMUXERS_WITH_ANIMATIONS
    from imgpar.video.probe import probe

    if isinstance(source, (str, os.PathLike)):
        path = parsing.named("source", parsing.path, source)
        refuse_address(path, "a file")
        return lambda: _probed(path)
    content = Content(source)
    given = getattr(source, "name", "")
    name = given if isinstance(given, str) else ""
    return lambda: probe(name, demuxers=DEMUXERS_WITH_ANIMATIONS, content=content)


def _probed(path: str) -> Clip:
    """The properties of a file. Raises ItemError."""
    from imgpar.video.demux import DEMUXERS_WITH_ANIMATIONS
    from imgpar.video.probe import probe

    check_file(path, "Name a clip; its bytes are taken, too.")
    return probe(path, demuxers=DEMUXERS_WITH_ANIMATIONS)


def _read(
    opened: Callable[[], Clip], path: str, found: Callable[[Clip], Iterator[ClipFrame]]
) -> Iterator[ClipFrame]:
    """Frames of a clip that is opened when the first one is requested; errors name its path."""
    with naming(path):
        with held_at_exit():
            frames = found(opened())
        try:
            while (frame := _next(frames)) is not None:
                yield frame
                del frame  # while the next one is decoded
        finally:
            if isinstance(frames, Generator):
                frames.close()


@held_at_exit()
def _next(frames: Iterator[ClipFrame]) -> ClipFrame | None:
    return next(frames, None)


def _begins(clip: Clip, start: float) -> Clip:
    """The clip; raises BadValueError where it ends before `start`."""
    if start and clip.times and start >= (end := end_of(clip)):
        raise bad_value("start", f"seconds before the end of the clip ({end:.3f})", start)
    return clip


def _wanted(rhythm: Every, scenes: object, begin: float) -> Wanted:
    """Which frames are converted."""
    if scenes is None and not rhythm.scenes:
        return at_intervals(begin, rhythm.seconds) if rhythm.seconds else every_frame
    if rhythm.seconds:
        raise UsageError("every= in seconds and scenes= exclude each other.", fix="Leave out one.")
    from imgpar.video.scenes import THRESHOLD, SceneChanges

    threshold = THRESHOLD if scenes is None else parsing.named("scenes", parsing.number(0, 100), scenes)
    changes = SceneChanges(threshold)
    return lambda _, frame: changes.begins(frame)


def _part(start: object, stop: object) -> tuple[float, float]:
    begin = parsing.named("start", parsing.number(0, 1e9), start)
    end = math.inf if stop is None else parsing.named("stop", parsing.number(0, math.inf), stop)
    if end <= begin:
        raise bad_value("stop", f"seconds after start, which is {begin:g},", stop)
    return begin, end


def _several(name: str, parse: Callable[[object], Any], given: object) -> list[Any]:
    """One value or several, as a list."""
    values = given if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]
    return [parsing.named(name, parse, value) for value in values]
