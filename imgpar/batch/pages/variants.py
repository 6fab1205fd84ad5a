"""One variant of a picture, encoded and measured by a worker: for `imgpar compare`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from imgpar.batch.run_spec import RunSpec
from imgpar.core.spec import Frame, Header
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Done, Task
from imgpar.runtime.serialization import pack

if TYPE_CHECKING:
    from imgpar.pixels.metrics import Array, Measure

SHOWN = ("jpeg", "png", "webp", "avif", "gif")
"""Formats whose files a page can show as they are."""
WHOLE = 2_500_000
"""Pixels of the largest picture that is shown as a whole."""
PART = 1200, 900
"""Width and height of the part of a larger picture that is shown, from its centre and at full size."""


class Measured(NamedTuple):
    """The answer of a worker. What the page shows is in the file that the job names as its target."""

    format: str
    """Of the input."""
    width: int
    height: int
    """Of the picture after the operations."""
    bytes: int = 0
    seconds: float = 0.0
    """Of the encoder."""
    psnr: float = 0.0
    ssim: float = 0.0
    ssimulacra2: float = 0.0
    mime: str = ""
    """Of the file that is shown."""
    shown: tuple[int, int] = (0, 0)
    """Width and height of what is shown."""
    lost: tuple[str, ...] = ()


def answer_variant(task: Task, run: RunSpec, context: Context) -> Done:
    """Encode one variant, and measure how far it is from the picture; the first target of a job is the
    picture itself, which has no format.

    Raises:
        ItemError: it cannot be decoded, encoded, or written.
    """
    (target,) = task.job.targets
    frame, header = _prepared(task, run.branch(target.branch), context)
    original = _srgb(frame, header)
    with context.clock.during("encode"):
        if not target.format:
            found, data = _picture(original, header)
        else:
            found, data = _variant(frame, original, header, target.format, run.branch(target.branch))
    _keep(target.path, data)
    return Done(task.serial, context.clock.timings(), facts=pack(found))


def _prepared(task: Task, run: RunSpec, context: Context) -> tuple[Frame, Header]:
    """The picture after the operations, in the lease of the task; of an animation its first frame."""
    from imgpar.batch.picture import programs, stages
    from imgpar.batch.picture.memory import Memory
    from imgpar.batch.picture.reading import read_item
    from imgpar.formats import codec

    item = task.job.item
    with context.clock.during("decode"):
        data, _ = read_item(item, run)
        header = codec.read_header(data, item.path, run.limits)
        program = programs.compile_program(header, run.operations, run.limits, keep_frames=False)
        memory = Memory(context.buffer, context.lease)
        within = memory.within(memory.lease(program.nbytes, standing=True))
        frames, _ = stages.decode(program, data, within, run.limits)
    with context.clock.during("transform"):
        programs.begin_picture(run.operations, program.source, item.path, 1)
        frames, _ = stages.transform_frames(program, frames, within)
    durations = program.header.metadata._replace(durations=(), pages=())
    return frames[0], program.header._replace(metadata=durations, lost=())


def _picture(original: Frame, header: Header) -> tuple[Measured, bytes]:
    part = shown_part(original)
    found = Measured(header.format, *original.spec.size, mime="image/webp", shown=part.spec.size)
    return found, _lossless(part)


def _variant(
    frame: Frame, original: Frame, header: Header, format_name: str, run: RunSpec
) -> tuple[Measured, bytes]:
    from imgpar.batch.picture import stages
    from imgpar.formats import codec
    from imgpar.formats.registry import FORMATS
    from imgpar.pixels.metrics import sample

    started = time.perf_counter()
    encoded = stages.encode([frame], header, format_name, run.encode)
    seconds = time.perf_counter() - started
    data = bytes(encoded.data)
    made = codec.read_header(data, f"a.{FORMATS[format_name].suffix}", run.limits)
    (decoded,) = stages.own_frames(made.spec, 1)
    codec.decode(data, made, [decoded])
    result = _srgb(decoded, made)
    one, other = sample(_on_grey(original)), sample(_on_grey(result))
    part = shown_part(result)
    whole = part is result and format_name in SHOWN
    found = Measured(
        header.format,
        *original.spec.size,
        bytes=len(data),
        seconds=round(seconds, 4),
        mime=FORMATS[format_name].mime if whole else "image/webp",
        shown=part.spec.size,
        psnr=_score("psnr", one, other),
        ssim=_score("ssim", one, other),
        ssimulacra2=_score("ssimulacra2", one, other),
        lost=tuple(dict.fromkeys(encoded.lost)),
    )
    return found, data if whole else _lossless(part)


def _on_grey(frame: Frame) -> Array:
    """The colours as they are seen on middle grey: those of transparent pixels do not count. H×W×3 uint8."""
    import numpy as np

    if not frame.spec.alpha:
        return frame.array
    alpha = frame.array[..., 3:].astype(np.uint16)
    colours = frame.array[..., :3].astype(np.uint16)
    return ((colours * alpha + 128 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _score(measure: Measure, one: Array, other: Array) -> float:
    from imgpar.pixels.metrics import Reference

    return round(Reference(measure, one).score(other), 4)


def _srgb(frame: Frame, header: Header) -> Frame:
    """8-bit sRGB with alpha, as a screen shows it."""
    from imgpar.batch.picture import stages
    from imgpar.formats.output_profile import srgb_frame

    converted, _ = srgb_frame(frame, header.metadata)
    return stages.to_array(converted, "RGBA" if frame.spec.alpha else "RGB", "uint8")


def shown_part(frame: Frame) -> Frame:
    """The picture itself, or the centre of a large one."""
    import numpy as np

    from imgpar.core.spec import Spec

    width, height = frame.spec.size
    if width * height <= WHOLE:
        return frame
    wide, high = min(width, PART[0]), min(height, PART[1])
    left, top = (width - wide) // 2, (height - high) // 2
    part = np.ascontiguousarray(frame.array[top : top + high, left : left + wide])
    return Frame(Spec(wide, high, frame.spec.layout), part)


def _lossless(frame: Frame) -> bytes:
    from imgpar.core.spec import Metadata
    from imgpar.formats import codec
    from imgpar.formats.options import EncodeOptions
    from imgpar.formats.registry import FORMATS

    options = EncodeOptions(lossless=True, effort=2)
    return bytes(codec.encode([frame], FORMATS["webp"], Metadata(), options).data)


def _keep(path: str, data: bytes) -> None:
    from imgpar.core.errors import CommitError

    try:
        with open(path, "wb") as file:  # a second attempt may find what the first has left
            file.write(data)
    except OSError as error:
        raise CommitError(f"The picture cannot be kept for the page: {error.strerror}.") from None
