"""Where the pictures of a contact sheet lie."""

from __future__ import annotations

import math
from typing import NamedTuple

from imgpar.batch.gather.options import Gathering
from imgpar.core.errors import (
    LimitError,
    UsageError,
    setting,
)
from imgpar.pixels.page_sizes import POINTS, PageSize, parse_page_size

GAP, PAPER_GAP = 4, 16
"""Pixels between tiles."""
DENSITY = 200
"""Dots per inch of a sheet on paper."""
PAPER_COLUMNS = 4
PAPER = parse_page_size("A4-portrait")
PAPER_MARGIN = 28.35
"""One centimetre in points."""
_LEAST = 8
"""Smallest side of a tile in pixels."""
_LINE = 1.35
"""Height of a line relative to the size of its letters."""


class Layout(NamedTuple):
    """One page of a sheet, in pixels."""

    columns: int
    rows: int
    """Of a page."""
    tile: tuple[int, int]
    gap: int
    margin: int
    head: int
    """Height of the title, with the space below it; 0 without."""
    label: int
    """Height of the label of a tile, with the space above it; 0 without."""
    label_size: int
    title_size: int
    size: tuple[int, int]
    """Width and height of the page."""
    fixed: bool = False
    """Whether a page that is not full keeps its size: paper."""

    @property
    def places(self) -> int:
        """Number of pictures on a page."""
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[int, int]:
        """The upper left corner of a tile: x and y."""
        row, column = divmod(place, self.columns)
        across = self.columns * (self.tile[0] + self.gap) - self.gap
        left = (self.size[0] - across) // 2
        return (
            left + column * (self.tile[0] + self.gap),
            self.margin + self.head + row * (self.tile[1] + self.label + self.gap),
        )

    def height(self, count: int) -> int:
        """Height of a page with so many pictures."""
        rows = self.rows if self.fixed else max(1, -(-count // self.columns))
        return self.size[1] - (self.rows - rows) * (self.tile[1] + self.label + self.gap)


def plan_sheet(gather: Gathering, count: int, target: str) -> Layout:
    """The layout of a sheet of `count` pictures.

    Args:
        gather: settings of the sheet.
        count: number of pictures, at least 1.
        target: format of the file.

    Raises:
        LimitError: the pictures do not fit.
    """
    if target == "pdf" and not (gather.page_size and gather.page_size.fits):
        return _on_paper(gather, count)
    width, height = gather.tile
    columns, rows = gather.columns, gather.rows
    paged = target in ("pdf", "tiff")
    if columns is None:
        filled = math.ceil(math.sqrt(count * height / width))
        columns = filled if rows is None else rows if paged else -(-count // rows)
    columns = min(columns, count)
    needed = -(-count // columns)
    rows = needed if rows is None else min(rows, needed)
    if rows < needed and not paged:
        raise LimitError(
            f"{count} pictures do not fit into {columns} × {rows}.",
            fix="Choose more rows or columns, or a PDF or TIFF, which have several pages.",
        )
    gap = GAP if gather.gap is None else gather.gap
    margin = gap if gather.margin is None else gather.margin
    label_size, label = _label(gather, height)
    title_size, head = _head(gather, label_size)
    size = (
        columns * (width + gap) - gap + 2 * margin,
        rows * (height + label + gap) - gap + 2 * margin + head,
    )
    return Layout(columns, rows, (width, height), gap, margin, head, label, label_size, title_size, size)


def _on_paper(gather: Gathering, count: int) -> Layout:
    """The same on pages of a fixed size, whose width is filled."""
    paper = gather.page_size or PAPER
    points = paper.turned(0, 1)
    width, height = (round(side / POINTS * DENSITY) for side in points)
    border = PAPER_MARGIN if gather.page_margin is None else gather.page_margin
    margin = round(border / POINTS * DENSITY)
    gap = PAPER_GAP if gather.gap is None else gather.gap
    columns = min(gather.columns or PAPER_COLUMNS, max(count, 1) if gather.columns is None else 1000)
    across = (width - 2 * margin - (columns - 1) * gap) // columns
    down = across * gather.tile[1] // gather.tile[0]
    label_size, label = _label(gather, down)
    title_size, head = _head(gather, label_size)
    room = height - 2 * margin - head
    rows = gather.rows or max(1, (room + gap) // (max(down, 1) + label + gap))
    down = min(down, (room - (rows - 1) * gap) // rows - label)
    if min(across, down) < _LEAST:
        raise LimitError(
            f"{columns} × {rows} pictures do not fit on a page of {width} × {height} pixels.",
            fix="Choose fewer rows or columns, a smaller margin or a larger page.",
        )
    return Layout(
        columns, rows, (across, down), gap, margin, head, label, label_size, title_size, (width, height), True
    )


def _label(gather: Gathering, height: int) -> tuple[int, int]:
    """Size of the letters, and height of a label."""
    size = gather.label_size or max(10, height // 16)
    if gather.labels is None:
        return size, 0
    lines = gather.labels.text.replace("\\n", "\n").count("\n") + 1
    return size, round(lines * size * _LINE) + size // 3


def _head(gather: Gathering, label_size: int) -> tuple[int, int]:
    """Size of the letters, and height of the title."""
    size = 2 * label_size
    return size, round(size * 1.6) if gather.title else 0


def check_margin(size: PageSize, margin: float) -> None:
    """Raise UsageError where a margin leaves nothing of a page."""
    if not size.fits and 2 * margin >= min(size.width, size.height):
        raise UsageError(
            f"A margin of {margin / POINTS * 2.54:.1f} cm leaves nothing of {size}.",
            fix=f"Choose a smaller {setting('page_margin')}.",
        )
