"""How a file looks: size, dominant colour, hashes and a thumbnail. The answer of a worker, as plain data."""

from __future__ import annotations

import base64
from typing import NamedTuple

from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import ItemError
from imgpar.core.job import Item
from imgpar.core.spec import Frame
from imgpar.inputs.batches import is_clip
from imgpar.inputs.opening import local_file
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Done, Task
from imgpar.runtime.serialization import pack

LONGEST = 100
"""Longest side of a thumbnail in pixels, which is also the most that ThumbHash takes."""
QUALITY = 45
"""Of thumbnails: about 1.3 kB each."""


class Looks(NamedTuple):
    """The answer about one file: to "looks" colour and hashes, to "thumbnail" a picture. Without pixels
    (sound, a clip that cannot be decoded) only the first fields are set."""

    format: str = ""
    width: int = 0
    height: int = 0
    frames: int = 1
    seconds: float = 0.0
    """Duration of a clip or an animation."""
    digest: str = ""
    """`core.digest.content_digest` of the file; empty for clips."""
    colour: str = ""
    """The dominant one, as #rrggbb."""
    transparent: bool = False
    """Whether a pixel of it is."""
    blurhash: str = ""
    thumbhash: str = ""
    """In Base64."""
    thumbnail: bytes = b""
    """WebP of at most 100×100 pixels."""
    thumbnail_size: tuple[int, int] = (0, 0)


def answer_looks(task: Task, run: RunSpec, context: Context) -> Done:
    """Look at one file.

    Raises:
        ItemError: it cannot be read or decoded.
    """
    item = task.job.item
    if is_clip(item):
        with context.clock.during("read"), local_file(item, run.sources) as path:
            found = _look_at_clip(path, run)
    else:
        found = _look_at_picture(item, run, context)
    return Done(task.serial, context.clock.timings(), facts=pack(found))


def _look_at_picture(item: Item, run: RunSpec, context: Context) -> Looks:
    from imgpar.batch.picture import programs, stages
    from imgpar.batch.picture.memory import Memory
    from imgpar.batch.picture.reading import read_item
    from imgpar.core.digest import content_digest
    from imgpar.formats import codec
    from imgpar.formats.output_profile import srgb_frame
    from imgpar.pixels.layouts import oriented

    data, _ = read_item(item, run)
    header = codec.read_header(data, item.path, run.limits)
    upright = oriented(header.spec, header.orientation)
    known = Looks(
        header.format,
        *upright.size,
        frames=header.frames,
        seconds=round(sum(header.metadata.durations) / 1000, 3),
        digest="" if run.asks == "thumbnail" else content_digest(data),
    )
    program = programs.compile_program(header, run.operations, run.limits, keep_frames=False)
    memory = Memory(context.buffer, context.lease)
    within = memory.within(memory.lease(program.nbytes, standing=True))
    frames, _ = stages.decode(program, data, within, run.limits)
    programs.begin_picture(run.operations, program.source, item.path, 1)
    frames, _ = stages.transform_frames(program, frames, within)
    frame, _ = srgb_frame(frames[0], program.header.metadata)
    return _with_pixels(known, stages.to_array(frame, "RGBA", "uint8"), run)


def _look_at_clip(path: str, run: RunSpec) -> Looks:
    import numpy as np

    from imgpar.batch.describing import describe_file
    from imgpar.batch.frames.chosen import frames_at
    from imgpar.batch.frames.reading import Choice
    from imgpar.core.spec import Spec
    from imgpar.recipe.recipe import Recipe
    from imgpar.video.clip_info import ClipInfo

    try:
        info = describe_file(path, run.limits)
        assert isinstance(info, ClipInfo)
        known = Looks(info.format, *info.size, frames=info.frames, seconds=info.seconds)
    except ItemError:  # sound without a picture
        return _sound(path)
    try:
        # Later than the first frame, which is often black.
        choice = Choice(layout="RGBA", threads=1, limits=run.limits)
        (shown,) = frames_at(path, Recipe(run.operations), [info.seconds * 0.1], choice)
    except ItemError:
        return known
    height, width = shown.array.shape[:2]
    return _with_pixels(known, Frame(Spec(width, height, "RGBA"), np.ascontiguousarray(shown.array)), run)


_SOUND = "mov,mp4,m4a,mp3,wav,flac"
"""Demuxers of the sound files that a run writes."""


def _sound(path: str) -> Looks:
    """Format and duration of a file that has sound only; raises ItemError where it has not even that."""
    from imgpar.formats.registry import format_of_suffix
    from imgpar.video.demux import open_clip

    found = format_of_suffix(path)
    with open_clip(path, _SOUND) as container:
        seconds = (container.duration or 0) / 1_000_000
    return Looks(found.name if found else "", seconds=round(seconds, 3), frames=0)


def _with_pixels(known: Looks, frame: Frame, run: RunSpec) -> Looks:
    """The answer with what is asked for: the thumbnail, or colour and hashes."""
    pixels = frame.array
    if run.asks == "thumbnail":
        return known._replace(thumbnail=_thumbnail(frame), thumbnail_size=frame.spec.size)
    from imgpar.pixels import placeholders

    red, green, blue = placeholders.dominant_colour(pixels)
    return known._replace(
        colour=f"#{red:02x}{green:02x}{blue:02x}",
        transparent=bool(pixels[..., 3].min() < 255),
        blurhash=placeholders.blurhash(pixels),
        thumbhash=base64.b64encode(placeholders.thumbhash(pixels)).decode("ascii"),
    )


def _thumbnail(frame: Frame) -> bytes:
    from imgpar.core.spec import Metadata
    from imgpar.formats import codec
    from imgpar.formats.options import EncodeOptions
    from imgpar.formats.registry import FORMATS

    options = EncodeOptions(quality=QUALITY, effort=2)
    return bytes(codec.encode([frame], FORMATS["webp"], Metadata(), options).data)
