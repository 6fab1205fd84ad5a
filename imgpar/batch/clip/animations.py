"""Clips to animated pictures, and animated pictures to clips; all frames are in memory at once.

clip ─► reader ─► operations ─► frames and timestamps ─► encoder of a picture format
decoded and transformed animation ─► frames and timestamps ─► ffmpeg
"""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from imgpar.batch.picture.stages import EncodedOutput, own_frames
from imgpar.core.error_messages import setting
from imgpar.core.errors import DamagedError, EncodeError, LimitError, TransformError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Metadata
from imgpar.core.tempfiles import temporary
from imgpar.formats.base import durations_of
from imgpar.formats.option_values import ColourTarget
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import srgb_frame, to_profile
from imgpar.formats.registry import Format, find_format
from imgpar.ops import Operation
from imgpar.pixels.layouts import convert_layout
from imgpar.video.tags import NewTags, new_tags

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

SHORTEST = {"gif": 20}
"""Shortest duration of a frame in milliseconds; viewers show shorter frames much longer."""
_TIME_BASE = Fraction(1, 1000)
"""Time base of the frames of an animation, in seconds."""


def read_animation(
    clip: Clip,
    operations: Sequence[Operation],
    options: EncodeOptions,
    limits: Limits,
    target: Format,
) -> tuple[list[Frame], Header]:
    """Read a clip as the frames of an animated picture.

    Args:
        clip: from `probe`.
        operations: of the recipe, in order.
        options: encoder settings; they decide rate, speed and span.
        limits: of the run.
        target: a picture format that holds animations.

    Returns:
        Frames of uint8 RGB or RGBA in private memory, and a header with the duration of each frame in
        milliseconds.

    Raises:
        LimitError: the frames need more memory than the limit.
        ItemError: the clip cannot be decoded, or an operation fails.
    """
    from imgpar.batch.clip.frame_program import FrameFacts, FrameProgram, clip_facts
    from imgpar.video.plan import steps_of
    from imgpar.video.reader import Reader
    from imgpar.video.timing import Timing

    timing = Timing.of(options)
    shortest = SHORTEST.get(target.name, 0)
    if shortest and not timing.fps and _too_fast(timing.retimed(clip).times, shortest):
        timing = replace(timing, fps=Fraction(1000, shortest))
    wanted = timing.retimed(clip)
    program = FrameProgram(FrameFacts(clip.picture, None), steps_of(clip.picture, operations), limits)
    start, stop = timing.window(clip)
    reader = Reader(clip, 1, start=start, stop=stop)
    frames, times = list[Frame](), list[float]()
    program.begin(clip_facts(clip, len(wanted.times)))
    for stamp, made in program.rgb_frames(timing.frames(iter(reader), clip)):
        if not frames:
            _check_memory(len(wanted.times), made, limits)
        frames.append(_in_8_bits(made, clip.picture.cicp))
        times.append(float(stamp * timing.base(clip)))
    if not limits.accept_damaged and (len(frames) < len(wanted.times) or reader.complaints):
        warnings = "".join(f" | {line}" for line in reader.complaints[-3:])
        raise DamagedError(f"{len(frames)} of {len(wanted.times)} frames could be read{warnings}.")
    if not frames:
        raise TransformError("No frame is left.", fix=f"Choose another {setting('trim')}.")
    ends = [*times[1:], wanted.times[-1] + (wanted.last or _mean_duration(times))]
    lost = list[str]()
    if clip.of_kind("audio"):
        lost.append("sound")
    if clip.picture.depth > 8:
        lost.append("depth")
    if clip.picture.cicp:
        lost.append("hdr")
    metadata = Metadata(durations=_milliseconds(times, ends))
    return frames, Header(
        target.name, frames[0].spec, frames=len(frames), metadata=metadata, lost=tuple(lost)
    )


def _too_fast(times: Sequence[float], shortest: int) -> bool:
    return any(after - before < (shortest - 1) / 1000 for before, after in pairwise(times))


def _mean_duration(times: Sequence[float]) -> float:
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.1


def _milliseconds(begins: Sequence[float], ends: Sequence[float]) -> tuple[int, ...]:
    """Durations of frames in milliseconds, rounded so that errors do not accumulate."""
    places = [round(1000 * (at - begins[0])) for at in (*begins, ends[-1])]
    return tuple(max(1, after - before) for before, after in pairwise(places))


def _check_memory(count: int, frame: Frame, limits: Limits) -> None:
    needed = count * frame.spec.nbytes
    if needed > limits.memory:
        raise LimitError(
            f"Its {count} frames take {needed / 1e9:.1f} GB, and the limit is {limits.memory / 1e9:.1f} GB.",
            fix=f"Reduce their size with {setting('resize')}, their number with {setting('fps')} or "
            f"{setting('trim')}, or raise {setting('memory')}.",
        )


def _in_8_bits(frame: Frame, cicp: tuple[int, ...]) -> Frame:
    """A copy in uint8 RGB or RGBA; alpha is kept, HDR is tone mapped."""
    if cicp:
        frame, _ = srgb_frame(frame, Metadata(cicp=cicp))
    spec = frame.spec.converted("RGBA" if frame.spec.alpha else "RGB", "uint8")
    made = own_frames(spec, 1)[0]
    if spec == frame.spec:
        made.array[...] = frame.array
    else:
        convert_layout(frame, made)
    return made


def encode_clip(
    frames: list[Frame], header: Header, format_name: str, options: EncodeOptions
) -> EncodedOutput:
    """Encode an animation as a clip in sRGB.

    Args:
        frames: all of one spec.
        header: of the animation, with durations in milliseconds.
        format_name: of the container.
        options: encoder settings.

    Raises:
        TransformError: it is a still picture, or --trim leaves no frame.
        EncodeError: the encoder fails, or frames are missing in its output.
    """
    if len(frames) < 2:
        raise TransformError(
            "It is a still picture, and a clip needs several.",
            fix="imgpar assemble makes a clip from pictures.",
        )
    times, end = _times(durations_of(header.metadata, len(frames)), options)
    wanted = header.metadata
    if wanted.icc or wanted.cicp:
        colour = replace(options, colour=ColourTarget("srgb"))
        frames, wanted, _, _ = to_profile(frames, wanted, find_format("png"), colour)
    tags = new_tags({}, options.edits, "", "")
    schedule = _at_constant_rate(times, end, options, format_name)
    with temporary() as folder:
        path = os.path.join(folder, f"clip.{format_name}")
        stamped = [(frames[index], stamp) for index, stamp in schedule]
        size, notes = _write(stamped, end, path, format_name, options, tags)
        with open(path, "rb") as file:
            data = file.read()
    return EncodedOutput(
        data, frames[0].spec.resized(*size), (*header.lost, *tags.lost), (*tags.notes, *notes)
    )


def _times(durations: Sequence[int], options: EncodeOptions) -> tuple[list[tuple[int, float]], float]:
    """Indices and timestamps of the kept frames, and the end, in milliseconds from the start of the clip."""
    begins = [0, *accumulate(durations)]
    start, stop = 0.0, float(begins[-1])
    if options.trim:
        start, stop = 1000 * options.trim.start, min(stop, 1000 * options.trim.stop)
    speed = options.speed or 1.0
    kept = [(index, at) for index, at in enumerate(begins[:-1]) if at < stop and begins[index + 1] > start]
    if not kept:
        raise TransformError(f"No frame is left: it ends after {begins[-1] / 1000:g} seconds.",
                             fix=f"Choose another {setting('trim')}.")  # fmt: skip
    return [(index, max(at - start, 0) / speed) for index, at in kept], (stop - start) / speed


def _at_constant_rate(
    times: Sequence[tuple[int, float]], end: float, options: EncodeOptions, format_name: str
) -> list[tuple[int, int]]:
    """Indices and timestamps of frames in milliseconds: at a constant rate where one is set, or where the
    container supports no variable rate."""
    from imgpar.video.containers import CONTAINERS

    fps = float(options.fps or 0)
    if not fps and not CONTAINERS[format_name].variable:
        steps = [round(after - before) for (_, before), (_, after) in pairwise(times)]
        fps = 1000 / max(math.gcd(*steps, round(end - times[-1][1])), 10)
    if not fps:
        return [(index, round(at)) for index, at in times]
    moments = [at for _, at in times]
    count = max(1, round(end * fps / 1000))
    shown = (bisect_right(moments, 1000 * number / fps + 0.5) - 1 for number in range(count))
    return [(times[max(at, 0)][0], round(1000 * number / fps)) for number, at in enumerate(shown)]


def _last_differs(times: Sequence[float], last: float) -> bool:
    """Whether the duration of the last frame differs from that of the one before it."""
    return len(times) > 1 and abs(times[-1] - times[-2] - last) > 0.001


def _write(
    frames: Sequence[tuple[Frame, int]],
    end: float,
    path: str,
    format_name: str,
    options: EncodeOptions,
    tags: NewTags,
) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Encode frames with timestamps and an end in milliseconds; returns the size of the clip, and notes."""
    from imgpar.batch.clip.frame_program import LastStep
    from imgpar.video.frame_feed import Feed
    from imgpar.video.plan import plan_of_frames
    from imgpar.video.probe import probe

    spec = frames[0][0].spec
    rate = Fraction(1000 * len(frames) / max(end, 1)).limit_denominator(1001)
    clip, plan = plan_of_frames(spec, format_name, rate, _TIME_BASE, options)
    plan = replace(plan, streams=replace(plan.streams, options=(*plan.streams.options, *tags.options)))
    assert plan.encoding is not None
    stamps = [stamp for _, stamp in frames]
    last_for, times = max(end - stamps[-1], 1) / 1000, tuple(stamp / 1000 for stamp in stamps)
    clip = replace(clip, times=times, last=last_for, ends=_last_differs(times, last_for))
    last = LastStep(clip.picture, plan.encoding, options.background)
    layout = last.layout(*spec.size)
    buffer = memoryview(bytearray(layout.nbytes))
    feed = Feed(plan, clip, layout, path, 1)
    try:
        for frame, stamp in frames:
            made, planes = last.from_frame(frame)
            for source, target in zip(planes, made.arrays(buffer), strict=True):
                np.copyto(target, source)
            feed.write(stamp, [buffer])
        feed.close()
    except BaseException:
        feed.kill()
        raise
    found = probe(path)
    if len(found.times) != len(frames):
        raise EncodeError(f"{len(found.times)} of {len(frames)} frames are in the output.")
    return found.picture.upright, plan.notes
