"""An animation of pictures: one frame each, in order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from imgpar.batch.picture import stages
from imgpar.core.error_messages import setting
from imgpar.core.errors import LimitError
from imgpar.core.job import OutputFile
from imgpar.core.spec import Frame, Header, Layout, Metadata

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

FPS = 10
"""Frames a second, where the recipe has none."""


def make_animation(making: Making) -> OutputFile:
    """Encode the items as an animated picture, whose frames are all in memory. An item that was left out
    prolongs the frame before it.

    Raises:
        ItemError: an item cannot be read, the frames need too much memory, or the file cannot be written.
    """
    items, limits = making.task.job.items, making.run.limits
    first, fit = making.of_one_size()
    making.check_memory(first[1].spec.nbytes * len(items), "The animation")
    width, height = first[1].spec.size
    fit = fit._replace(layout="", capacity=4 * width * height)
    frames, shown = list[Frame](), list[int]()
    for place, frame, _ in making.every(first, fit):
        if len(frames) >= max(limits.max_frames, 1):
            raise LimitError(
                f"It would have more than {limits.max_frames:,} frames.",
                fix=f"Raise {setting('max_frames')}.",
            )
        making.check_memory(first[1].spec.nbytes * (len(frames) + 1), "The animation")
        frames.append(Frame(frame.spec, frame.array.copy()))
        shown.append(place - first[0])
    rate = making.run.encode.fps or FPS
    ends = [*shown[1:], max(making.frames.places - first[0], shown[-1] + 1)]
    times = [round(1000 * place / rate) for place in (*shown, ends[-1])]
    durations = tuple(after - before for before, after in pairwise(times))
    frames = _alike(frames, making)
    spec = frames[0].spec
    making.note_sizes()
    with making.clock.during("encode"):
        header = Header(
            making.target.format, spec, frames=len(frames), metadata=Metadata(durations=durations)
        )
        encoded = stages.encode(frames, header, making.target.format, making.run.encode)
    return making.commit_data(encoded)


def _alike(frames: list[Frame], making: Making) -> list[Frame]:
    """The frames with the fewest channels that hold all of them."""
    specs = {frame.spec for frame in frames}
    if len(specs) == 1:
        return frames
    grey, alpha = all(spec.grey for spec in specs), any(spec.alpha for spec in specs)
    plain: Layout = "L" if grey else "RGB"
    clear: Layout = "LA" if grey else "RGBA"
    layout = clear if alpha else plain
    making.check_memory(frames[0].spec.converted(layout).nbytes * len(frames), "The animation")
    return [stages.to_array(frame, layout, "uint8") for frame in frames]
