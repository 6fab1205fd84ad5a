"""An animation of pictures: one frame each, in order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from imgpar.batch.picture import stages
from imgpar.core.errors import LimitError
from imgpar.core.job import OutputFile
from imgpar.core.spec import Frame, Header, Metadata

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
    if len(items) > limits.max_frames:
        raise LimitError(f"It would have {len(items)} frames.", fix="Raise --max-frames.")
    first, fit = making.of_one_size()
    making.check_memory(first[1].spec.nbytes * len(items), "The animation")
    frames, shown = list[Frame](), list[int]()
    for index, frame, _ in making.every(first, fit):
        frames.append(Frame(frame.spec, frame.array.copy()))
        shown.append(index - first[0])
    rate = making.run.encode.fps or FPS
    ends = [*shown[1:], max(len(items) - first[0], shown[-1] + 1)]
    times = [round(1000 * place / rate) for place in (*shown, ends[-1])]
    durations = tuple(after - before for before, after in pairwise(times))
    spec = frames[0].spec
    making.note_sizes()
    with making.clock.during("encode"):
        header = Header(
            making.target.format, spec, frames=len(frames), metadata=Metadata(durations=durations)
        )
        encoded = stages.encode(frames, header, making.target.format, making.run.encode)
    return making.commit_data(encoded)
