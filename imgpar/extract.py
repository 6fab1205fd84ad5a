"""Pictures out of clips: single frames, a sharp poster, a contact sheet with times, an animation."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

from imgpar import values
from imgpar.codecs.formats import find_format
from imgpar.codecs.options import EncodeOptions, Span
from imgpar.errors import CommitError, DamagedError, bad_value
from imgpar.footage import ClipFrame, frames_of
from imgpar.model import Frame, Header, Metadata, OutputFile, Spec, Target
from imgpar.pipeline import Pipeline

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

CANDIDATES = 15
"""Frames among which the poster is chosen."""
SEEK_SECONDS = 20.0
"""Frames that are further apart are sought from their key frames; nearer ones are decoded on the way."""
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Every:
    """Which frames are wanted: every `frames`-th, one every `seconds`, or key frames."""

    frames: int = 1
    seconds: float = 0.0
    keys: bool = False


def parse_every(value: object) -> Every:
    """`10` is every tenth frame, `2s` one every two seconds, `key` the key frames.

    >>> parse_every("2s").seconds
    2.0
    """
    text = str(value).strip().lower()
    if text == "key":
        return Every(keys=True)
    if re.fullmatch(r"\d+", text) and int(text):
        return Every(frames=int(text))
    if (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", text)) and float(match[1]):
        return Every(seconds=float(match[1]))
    raise bad_value(values.VALUE, "10 (every tenth frame), 2s (every two seconds) or key", value)


def pick(
    source: str | Clip, every: Every, pipeline: Pipeline, span: Span | None = None
) -> Iterator[ClipFrame]:
    """The wanted frames of a clip, in order; raises ItemError where it cannot be read."""
    start, stop = (span.start, span.stop) if span else (0.0, math.inf)
    due = -math.inf

    def wanted(time: float) -> bool:
        nonlocal due
        if time < due:
            return False
        if every.seconds:
            # A sliver more, so that float noise does not take two frames for one moment.
            due = start + (math.floor((time - start) / every.seconds + 1e-4) + 1 - 1e-4) * every.seconds
        return True

    yield from frames_of(source, pipeline, start, stop, every.frames, keys=every.keys, wanted=wanted)


def poster(path: str, pipeline: Pipeline, span: Span | None = None) -> ClipFrame:
    """A sharp frame that is neither black nor white, from the first two thirds of a clip."""
    from imgpar.video.probe import probe

    clip = probe(path)
    begin = span.start if span else clip.duration * 0.05
    end = span.stop if span and math.isfinite(span.stop) else clip.duration * 0.65
    step = max((end - begin) / CANDIDATES, 0.001)
    found = list(pick(clip, Every(seconds=step), pipeline, Span(begin, max(end, begin + step))))
    if not found:  # a clip of a frame or two
        found = list(pick(clip, Every(), pipeline))
    if not found:
        raise DamagedError("This clip has no frame that could be read.")
    return max(found, key=lambda frame: _worth(frame.array))


def _worth(array: Array) -> float:
    """Sharpness by the variance of the Laplacian, less for frames that are nearly one colour."""
    import cv2

    grey = cv2.cvtColor(array, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var()) * min(1.0, float(grey.std()) / 20)


def sheet(path: str, columns: int, rows: int, width: int = 320, span: Span | None = None) -> Array:
    """A contact sheet: `columns` × `rows` frames at even distances, each `width` wide, with its time."""
    import numpy as np
    from PIL import Image, ImageDraw

    from imgpar.video.probe import probe

    clip = probe(path)
    begin = span.start if span else 0.0
    end = span.stop if span and math.isfinite(span.stop) else clip.duration
    step = (end - begin) / (columns * rows)
    pipe = Pipeline().resize(f"{width}x")
    middles = [begin + (number + 0.5) * step for number in range(columns * rows)]
    if step > SEEK_SECONDS:
        sought = (next(frames_of(clip, pipe, at), None) for at in middles)
        found = [frame for frame in sought if frame is not None]
    else:
        found = list(pick(clip, Every(seconds=step), pipe, Span(middles[0], end)))[: len(middles)]
    if not found:
        raise DamagedError("This clip has no frame that could be read.")
    height, wide = found[0].array.shape[:2]
    canvas = Image.new("RGB", (columns * (wide + 4) + 4, rows * (height + 4) + 4), "white")
    for number, frame in enumerate(found):
        tile = Image.fromarray(frame.array)
        label = clock(frame.time)
        draw = ImageDraw.Draw(tile, "RGBA")
        box = draw.textbbox((0, 0), label)
        draw.rectangle((0, height - box[3] - 6, box[2] + 8, height), fill=(0, 0, 0, 160))
        draw.text((4, height - box[3] - 3), label, fill="white")
        canvas.paste(tile, (4 + number % columns * (wide + 4), 4 + number // columns * (height + 4)))
    return np.asarray(canvas)


def clock(seconds: float) -> str:
    """Seconds as people write them.

    >>> clock(3723.5)
    '1:02:03.5'
    >>> clock(4.04)
    '0:04.0'
    """
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}:{minutes:02}" if hours else f"{minutes}") + f":{rest:04.1f}"


def write_pictures(
    found: Iterable[ClipFrame], folder: str, stem: str, suffix: str, options: EncodeOptions, *, replace: bool
) -> Iterator[OutputFile]:
    """Write frames as `stem-000123.suffix`, the number being that of the frame."""
    for frame in found:
        path = os.path.join(folder, f"{stem}-{frame.index:06}.{suffix}")
        yield write_picture([frame.array], path, options, replace=replace)


def write_picture(
    arrays: Sequence[Array],
    path: str,
    options: EncodeOptions,
    *,
    replace: bool,
    durations: Sequence[int] = (),
) -> OutputFile:
    """Write one picture, or an animation with milliseconds per frame.

    Raises:
        CommitError: something is there already and may not be replaced.
        EncodeError: the format cannot hold it.
    """
    from imgpar.commit import commit
    from imgpar.runtime.stages import encode

    path = os.path.abspath(path)
    fmt = find_format(path.rpartition(".")[2])
    exists = os.path.lexists(path)
    if exists and not replace:
        raise CommitError(f"{path} is there already.", fix="Move it away, or say -y.")
    height, width = arrays[0].shape[:2]
    spec = Spec(width, height, "RGB")
    header = Header(fmt.name, spec, frames=len(arrays), metadata=Metadata(durations=tuple(durations)))
    encoded = encode([Frame(spec, array) for array in arrays], header, fmt.name, options)
    return commit(
        encoded.data,
        Target(fmt.name, path, replaces=exists),
        keep_times_of=None,
        fsync=False,
        run=f"{os.getpid()}-frames",
        job=next(_numbers),
        dimensions=(width, height),
    )


def animation(
    path: str, fps: float, pipeline: Pipeline, span: Span | None = None
) -> tuple[list[Array], list[int]]:
    """Frames for an animation at most `fps` a second, and for how many milliseconds each is shown."""
    found = list(pick(path, Every(seconds=1 / fps), pipeline, span))
    if not found:
        raise DamagedError("No frame of this clip is left.", fix="Choose another --trim.")
    times = [frame.time for frame in found]
    usual = round(1000 / fps)
    return [frame.array for frame in found], [
        *(max(10, round((after - before) * 1000)) for before, after in pairwise(times)),
        usual,
    ]
