"""A contact sheet: all pictures in one, fitted into tiles of equal size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imgpar.batch.gather.items import Fit
from imgpar.batch.picture import stages
from imgpar.core.job import OutputFile
from imgpar.core.spec import Frame, Header, Spec

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

GAP = 4
"""Pixels between tiles, and around them."""


def make_sheet(making: Making) -> OutputFile:
    """Draw all items into one picture; only that picture and a few tiles are in memory.

    Raises:
        ItemError: an item cannot be read, or the sheet cannot be encoded or written.
    """
    width, height = making.gather.tile
    count = len(making.task.job.items)
    columns = min(making.gather.columns or math.ceil(math.sqrt(count * height / width)), count)
    rows = -(-count // columns)
    spec = Spec(columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    making.check_memory(spec.nbytes, "The sheet")
    background = making.run.encode.background
    canvas = np.empty(spec.shape, np.uint8)
    canvas[:] = background[:3]
    fit = Fit(width, height, "contain", background, layout="RGB", capacity=3 * width * height)
    place = 0
    for _, frame, facts in making.frames.rest(fit):
        down, across = divmod(place, columns)
        y, x = GAP + down * (height + GAP), GAP + across * (width + GAP)
        canvas[y : y + height, x : x + width] = frame.array
        making.remarks.add(facts._replace(lost=tuple(kind for kind in facts.lost if kind != "alpha")))
        place += 1
    used = -(-place // columns)
    if used < rows:  # some were left out
        spec = spec.resized(spec.width, max(1, used) * (height + GAP) + GAP)
        canvas = canvas[: spec.height]
    with making.clock.during("encode"):
        header = Header(making.target.format, spec)
        encoded = stages.encode([Frame(spec, canvas)], header, making.target.format, making.run.encode)
    return making.commit_data(encoded)
