"""Animations out of clips, and clips out of animations: all frames are in memory at once.

clip ─► reader ─► operations ─► frames and times ─► encoder of a picture format
animation (decoded, operations done) ─► frames and times ─► ffmpeg
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

from imgpar import formats
from imgpar.batch.picture.stages import EncodedOutput, own_frames
from imgpar.core.errors import DamagedError, EncodeError, LimitError, TransformError
from imgpar.core.model import Frame, Header, Limits, Metadata
from imgpar.core.tempfiles import temporary
from imgpar.formats.base import durations_of
from imgpar.formats.options import ColourTarget, EncodeOptions
from imgpar.formats.registry import Format, find_format
from imgpar.ops import Operation
from imgpar.pixels.layouts import convert_layout

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

SHORTEST = {"gif": 20}
"""Milliseconds of a frame that viewers show as they are; shorter ones they show much longer."""
_CLOCK = Fraction(1, 1000)
"""Unit of the times of an animation's frames."""


def read_animation(
    clip: Clip,
    operations: Sequence[Operation],
    options: EncodeOptions,
    limits: Limits,
    target: Format,
) -> tuple[list[Frame], Header]:
    """The frames of a clip with their times, for a picture format that holds animations.

    Raises:
        LimitError: they take more memory than a run may use.
        ItemError: the clip cannot be read, or an operation fails.
    """
    from imgpar.batch.clip.frame_program import FrameFacts, FrameProgram, clip_facts
    from imgpar.video.plan import steps_of
    from imgpar.video.planes import load
    from imgpar.video.reader import Reader
    from imgpar.video.timing import Timing

    timing = Timing.of(options)
    shortest = SHORTEST.get(target.name, 0)
    if shortest and not timing.fps and _too_fast(timing.retimed(clip).times, shortest):
        timing = replace(timing, fps=Fraction(1000, shortest))
    wanted = timing.retimed(clip)
    program = FrameProgram(FrameFacts(clip.picture, None), steps_of(clip.picture, operations), limits)
    memory = memoryview(bytearray(program.layout.nbytes))
    planes = program.layout.arrays(memory)
    start, stop = timing.window(clip)
    reader = Reader(clip, 1, start=start, stop=stop)
    frames, times = list[Frame](), list[float]()
    program.begin(clip_facts(clip, len(wanted.times)))
    for stamp, decoded in timing.frames(iter(reader), clip):
        load(decoded, planes)
        made = program.colours(memory)
        if not frames:
            _check_memory(len(wanted.times), made, limits)
        frames.append(_opaque(made, clip.picture.cicp))
        times.append(float(stamp * timing.base(clip)))
    if not limits.accept_damaged and (len(frames) < len(wanted.times) or reader.complaints):
        said = "".join(f" | {line}" for line in reader.complaints[-3:])
        raise DamagedError(f"{len(frames)} of {len(wanted.times)} frames could be read{said}.")
    if not frames:
        raise TransformError("No frame is left.", fix="Choose another --trim.")
    ends = [*times[1:], wanted.times[-1] + (wanted.last or _usual(times))]
    lost = ("sound",) * bool(clip.of_kind("audio")) + ("depth",) * (clip.picture.depth > 8)
    lost += ("hdr",) * bool(clip.picture.cicp)
    metadata = Metadata(durations=_milliseconds(times, ends))
    return frames, Header(target.name, frames[0].spec, frames=len(frames), metadata=metadata, lost=lost)


def _too_fast(times: Sequence[float], shortest: int) -> bool:
    return any(after - before < (shortest - 1) / 1000 for before, after in pairwise(times))


def _usual(times: Sequence[float]) -> float:
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.1


def _milliseconds(begins: Sequence[float], ends: Sequence[float]) -> tuple[int, ...]:
    """How long each frame is shown; rounded so that errors do not add up."""
    places = [round(1000 * (at - begins[0])) for at in (*begins, ends[-1])]
    return tuple(max(1, after - before) for before, after in pairwise(places))


def _check_memory(count: int, frame: Frame, limits: Limits) -> None:
    needed = count * frame.spec.nbytes
    if needed > limits.memory:
        raise LimitError(
            f"Its {count} frames take {needed / 1e9:.1f} GB, and a run may use {limits.memory / 1e9:.1f}.",
            fix="Make them smaller with --resize, fewer with --fps or --trim, or raise --memory.",
        )


def _opaque(frame: Frame, cicp: tuple[int, ...]) -> Frame:
    """A copy of 8 bits; transparency stays, HDR is tone mapped."""
    if cicp:
        frame, _ = formats.srgb_frame(frame, Metadata(cicp=cicp))
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
    """An animation as a clip: every frame at its time, in sRGB.

    Raises:
        TransformError: it is a still picture.
        EncodeError: the encoder fails, or not every frame arrived.
    """
    if len(frames) < 2:
        raise TransformError(
            "It is a still picture, and a clip needs several.",
            fix="imgpar assemble makes a clip of pictures.",
        )
    times, end = _times(durations_of(header.metadata, len(frames)), options)
    wanted = header.metadata
    if wanted.icc or wanted.cicp:
        colour = replace(options, colour=ColourTarget("srgb"))
        frames, wanted, _, _ = formats.to_profile(frames, wanted, find_format("png"), colour)
    places = _even(times, end, options, format_name)
    with temporary() as folder:
        path = os.path.join(folder, f"clip.{format_name}")
        size = _write([(frames[index], stamp) for index, stamp in places], end, path, format_name, options)
        with open(path, "rb") as file:
            data = file.read()
    return EncodedOutput(data, frames[0].spec.resized(*size), header.lost)


def _times(durations: Sequence[int], options: EncodeOptions) -> tuple[list[tuple[int, float]], float]:
    """Which frames are kept and when each is shown, in milliseconds from the new beginning; and the end."""
    begins = [0, *accumulate(durations)]
    start, stop = 0.0, float(begins[-1])
    if options.trim:
        start, stop = 1000 * options.trim.start, min(stop, 1000 * options.trim.stop)
    speed = options.speed or 1.0
    kept = [(index, at) for index, at in enumerate(begins[:-1]) if at < stop and begins[index + 1] > start]
    if not kept:
        raise TransformError(f"No frame is left: it ends after {begins[-1] / 1000:g} seconds.",
                             fix="Choose another --trim.")  # fmt: skip
    return [(index, max(at - start, 0) / speed) for index, at in kept], (stop - start) / speed


def _even(
    times: Sequence[tuple[int, float]], end: float, options: EncodeOptions, format_name: str
) -> list[tuple[int, int]]:
    """Frames with their time stamps in milliseconds: at an even rate where one is asked for, or where the
    container has nothing else."""
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


def _uneven(times: Sequence[float], last: float) -> bool:
    """Whether the last frame is not as long as the one before it."""
    return len(times) > 1 and abs(times[-1] - times[-2] - last) > 0.001


def _write(
    frames: Sequence[tuple[Frame, int]], end: float, path: str, format_name: str, options: EncodeOptions
) -> tuple[int, int]:
    """Encode frames with their time stamps, up to an end, in milliseconds; returns the size of the clip."""
    from imgpar.batch.clip.frame_program import LastStep
    from imgpar.video.frame_feed import Feed
    from imgpar.video.plan import plan_of_frames
    from imgpar.video.probe import probe

    spec = frames[0][0].spec
    rate = Fraction(1000 * len(frames) / max(end, 1)).limit_denominator(1001)
    clip, plan = plan_of_frames(spec, format_name, rate, _CLOCK, options)
    assert plan.encoding is not None
    stamps = [stamp for _, stamp in frames]
    last_for, times = max(end - stamps[-1], 1) / 1000, tuple(stamp / 1000 for stamp in stamps)
    clip = replace(clip, times=times, last=last_for, ends=_uneven(times, last_for))
    last = LastStep(clip.picture, plan.encoding, options.background)
    layout = last.layout(*spec.size)
    room = memoryview(bytearray(layout.nbytes))
    feed = Feed(plan, clip, layout, path, 1)
    try:
        for frame, stamp in frames:
            made, planes = last.from_colours(frame)
            for source, target in zip(planes, made.arrays(room), strict=True):
                np.copyto(target, source)
            feed.write(stamp, [room])
        feed.close()
    except BaseException:
        feed.kill()
        raise
    found = probe(path)
    if len(found.times) != len(frames):
        raise EncodeError(f"{len(found.times)} of {len(frames)} frames arrived.")
    return found.picture.upright
