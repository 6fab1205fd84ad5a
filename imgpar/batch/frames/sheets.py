"""Many small frames in one picture: contact sheets with times, sprites with a WebVTT index for players."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imgpar.batch.frames.chosen import frames_at
from imgpar.batch.frames.reading import ANY, Choice, ClipFrame
from imgpar.batch.frames.stills import whole_or
from imgpar.formats.extraction import Grid
from imgpar.formats.option_values import Span
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import make_operation

if TYPE_CHECKING:
    import numpy as np

    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

TILE, SPRITE = 320, 160
"""Width of a frame in pixels, where the recipe has no operations."""
GAP = 4
COLUMNS, ROWS = 10, 10
"""Most sprites in a row and in a column of one picture."""


def sheet(
    source: str | Clip,
    grid: Grid,
    recipe: Recipe,
    span: Span | None = None,
    choice: Choice = ANY,
) -> Array:
    """Make a contact sheet: columns × rows frames at equal intervals, each labelled with its time.

    Args:
        source: path of the clip, or the clip from `probe`.
        grid: columns and rows.
        recipe: operations on each frame; without any, frames are scaled to `TILE` pixels width.
        span: part of the clip; None is all of it.
        choice: threads.

    Returns:
        H×W×3 uint8, owned by the caller.

    Raises:
        ItemError: the clip cannot be decoded.
    """
    import numpy as np
    from PIL import Image

    from imgpar.video.probe import probe

    clip = probe(source) if isinstance(source, str) else source
    begin, end = whole_or(clip, span)
    columns, rows = grid.columns, grid.rows
    step = (end - begin) / (columns * rows)
    middles = [begin + (number + 0.5) * step for number in range(columns * rows)]
    found: dict[int, ClipFrame] = {}
    for frame in frames_at(clip, _with_resize(recipe, TILE), middles, choice):
        found.setdefault(frame.index, frame)
    height, width = next(iter(found.values())).array.shape[:2]
    down = -(-len(found) // columns)
    canvas = Image.new("RGB", (columns * (width + GAP) + GAP, down * (height + GAP) + GAP), "white")
    for number, frame in enumerate(found.values()):
        tile = _labelled(Image.fromarray(frame.array), clock(frame.time))
        across, row = number % columns, number // columns
        canvas.paste(tile, (GAP + across * (width + GAP), GAP + row * (height + GAP)))
    return np.asarray(canvas)


def _labelled(tile: Any, text: str) -> Any:
    """Draw a short text into the lower left corner of a picture, in place."""
    from PIL import ImageDraw, ImageFont

    size = max(11, min(tile.width // 20, tile.height // 8))
    draw = ImageDraw.Draw(tile, "RGBA")
    font = ImageFont.load_default(size)
    _, _, right, bottom = draw.textbbox((0, 0), text, font=font)
    pad = size // 3
    draw.rectangle((0, tile.height - bottom - 2 * pad, right + 2 * pad, tile.height), fill=(0, 0, 0, 170))
    draw.text((pad, tile.height - bottom - pad), text, fill="white", font=font)
    return tile


@dataclass(frozen=True, slots=True)
class Sprites:
    """Small frames at equal intervals of a clip, shown by players above their seek bar."""

    tiles: int
    """Number of sprites."""
    size: tuple[int, int]
    """Width and height of each in pixels."""
    step: float
    """Interval in seconds."""
    begin: float
    end: float

    @property
    def pictures(self) -> int:
        """Number of pictures that hold the sprites."""
        return -(-self.tiles // (COLUMNS * ROWS))

    def vtt(self, names: Sequence[str]) -> str:
        """WebVTT index: file (`names`, one for each picture) and rectangle of the sprite of each interval.

        >>> print(Sprites(2, (160, 90), 5.0, 0.0, 7.5).vtt(["a 1.jpg"]))
        WEBVTT
        <BLANKLINE>
        00:00:00.000 --> 00:00:05.000
        a%201.jpg#xywh=0,0,160,90
        <BLANKLINE>
        00:00:05.000 --> 00:00:07.500
        a%201.jpg#xywh=160,0,160,90
        <BLANKLINE>
        """
        width, height = self.size
        cues = ["WEBVTT\n"]
        for number in range(self.tiles):
            picture, place = divmod(number, COLUMNS * ROWS)
            x, y = place % COLUMNS * width, place // COLUMNS * height
            begin = self.begin + number * self.step
            times = f"{_stamp(begin)} --> {_stamp(min(begin + self.step, self.end))}"
            cues.append(f"{times}\n{quote(names[picture])}#xywh={x},{y},{width},{height}\n")
        return "\n".join(cues)


def sprites(
    source: str | Clip,
    seconds: float,
    recipe: Recipe,
    span: Span | None = None,
    choice: Choice = ANY,
) -> Iterator[tuple[Sprites, Array]]:
    """Make pictures of up to 10 × 10 frames without gaps: one frame from the middle of each interval.

    Args:
        source: path of the clip, or the clip from `probe`.
        seconds: interval of the frames.
        recipe: operations on each frame; without any, frames are scaled to `SPRITE` pixels width.
        span: part of the clip; None is all of it.
        choice: threads.

    Returns:
        For each picture the facts of all sprites, and an array H×W×3 uint8 owned by the caller.

    Raises:
        ItemError: the clip cannot be decoded.
    """
    import numpy as np

    from imgpar.video.probe import probe

    clip = probe(source) if isinstance(source, str) else source
    begin, end = whole_or(clip, span)
    # A remainder of less than a millisecond would be a cue of zero length.
    count = max(1, math.ceil((end - begin - 0.001) / seconds))
    middles = [min(begin + (number + 0.5) * seconds, (begin + number * seconds + end) / 2)
               for number in range(count)]  # fmt: skip
    found = frames_at(clip, _with_resize(recipe, SPRITE), middles, choice)
    done = 0
    while done < count:
        tiles = [frame.array for frame in islice(found, COLUMNS * ROWS)]
        done += len(tiles)
        height, width = tiles[0].shape[:2]
        across = min(COLUMNS, count)
        canvas = np.zeros((-(-len(tiles) // COLUMNS) * height, across * width, 3), np.uint8)
        for number, tile in enumerate(tiles):
            x, y = number % COLUMNS * width, number // COLUMNS * height
            canvas[y : y + height, x : x + width] = tile
        yield Sprites(count, (width, height), seconds, begin, end), canvas


def _with_resize(recipe: Recipe, width: int) -> Recipe:
    """The recipe, with a resize to this width where it has no operations."""
    return recipe if recipe.operations else recipe.then(make_operation("resize", f"{width}x"))


def clock(seconds: float) -> str:
    """Format seconds as H:MM:SS.s or M:SS.s.

    >>> clock(3723.5)
    '1:02:03.5'
    >>> clock(4.04)
    '0:04.0'
    """
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}:{minutes:02}" if hours else f"{minutes}") + f":{rest:04.1f}"


def _stamp(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"
