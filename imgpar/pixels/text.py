"""Text rendering as coverage and colour: each character in the first font that contains it, with shaping.

    text ─► lines ─► runs of one font ─► measured ─► drawn side by side on one baseline

The given font (or Pillow's own) comes first, then installed fonts. Emoji keep their colours.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from imgpar.core import fonts
from imgpar.core.errors import TransformError

if TYPE_CHECKING:
    import numpy as np
    from PIL import ImageFont

    Array = np.ndarray[Any, Any]
    Font = ImageFont.FreeTypeFont

_STRIKES = (109, 160, 136, 128, 96, 64)
"""Sizes of colour bitmap fonts in pixels."""
_USUAL = 20
"""Size in pixels for testing whether a font contains a character."""
_SMALLEST = 4
"""Font size in pixels below which nothing can be read."""
_SPACING = 1.2
"""Line height relative to the font size."""
_COMMON = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf",
           "Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "msyh.ttc", "malgun.ttf", "PingFang.ttc",
           "AppleSDGothicNeo.ttc", "Nirmala.ttf", "Nirmala.ttc", "Kohinoor.ttc", "LeelawUI.ttf",
           "Thonburi.ttc", "seguisym.ttf", "seguiemj.ttf", "Apple Color Emoji.ttc",
           "NotoColorEmoji.ttf")  # fmt: skip
"""Fonts to try without fontconfig."""
_COLOURED = ("notocoloremoji.ttf", "seguiemj.ttf", "apple color emoji.ttc")


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters of a line in one font."""

    text: str
    font: Font
    colour: bool
    """Whether it is a colour font."""
    scale: float
    width: float


@dataclass(frozen=True, slots=True)
class Words:
    """Rendered text, cropped to its extent."""

    coverage: Array
    """H×W×1 from 0 to 1: coverage of the characters."""
    around: Array
    """The same, with their outline."""
    coloured: Array | None
    """H×W×4 from 0 to 1, straight alpha: characters of colour fonts."""
    ascent: int = 0
    """Rows above the baseline of the first line."""


def drawn(text: str, size: int, path: str, stroke: int) -> Words:
    """Render text.

    Args:
        text: lines are separated by line feeds.
        size: font size in pixels.
        path: of a font file; empty is Pillow's own.
        stroke: width of the outline in pixels.

    Raises:
        TransformError: a character is in no font, or the font cannot be read.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    lines = [_runs(line, size, path) for line in text.split("\n")]
    across = max((sum(run.width for run in line) for line in lines), default=1.0)
    extent = (int(across) + 2 * stroke + size, int(len(lines) * size * _SPACING) + 2 * stroke + size)
    inner, outer = Image.new("L", extent), Image.new("L", extent)
    coloured = Image.new("RGBA", extent) if any(run.colour for line in lines for run in line) else None
    for number, line in enumerate(lines):
        left, base = stroke + size / 2, stroke + size * (1.1 + number * _SPACING)
        for run in line:
            if run.colour and coloured is not None:
                picture = _bitmap(run)
                coloured.alpha_composite(picture, (int(left), max(int(base - picture.height * 0.85), 0)))
            else:
                for image, width in ((inner, 0), (outer, stroke)):
                    place = (left, base)
                    ImageDraw.Draw(image).text(
                        place, run.text, fill=255, font=run.font, anchor="ls", stroke_width=width
                    )
            left += run.width
    box = _joined(outer.getbbox(), coloured.getbbox() if coloured else None) or (0, 0, 1, 1)
    letters, around = (np.asarray(image.crop(box), np.float32)[..., None] / 255 for image in (inner, outer))
    pictures = np.asarray(coloured.crop(box), np.float32) / 255 if coloured else None
    return Words(letters, around, pictures, int(stroke + size * 1.1) - int(box[1]))


def fitted(text: str, size: int, path: str, room: tuple[int, int]) -> tuple[str, int]:
    """The text broken at spaces where a line is too wide, and a smaller font size where that is not enough.

    Args:
        text: lines are separated by line feeds.
        size: font size in pixels.
        path: of a font file; empty is Pillow's own.
        room: width and height in pixels.

    Raises:
        TransformError: a character is in no font, or the font cannot be read.
    """
    while True:
        lines = [part for line in text.split("\n") for part in _wrapped(line, size, path, room[0])]
        widest = max(_width(line, size, path) for line in lines)
        if size <= _SMALLEST or (widest <= room[0] and len(lines) * size * _SPACING <= room[1] + size * 0.2):
            return "\n".join(lines), size
        size = max(_SMALLEST, min(size - 1, size * 9 // 10))


def _wrapped(line: str, size: int, path: str, width: int) -> list[str]:
    """A line broken at spaces; words are not broken."""
    if _width(line, size, path) <= width:
        return [line]
    made, current = list[str](), ""
    for word in line.split(" "):
        longer = f"{current} {word}" if current else word
        if current and _width(longer, size, path) > width:
            made.append(current)
            current = word
        else:
            current = longer
    return [*made, current]


def _width(line: str, size: int, path: str) -> float:
    return sum(run.width for run in _runs(line, size, path))


def missing_letters(text: str, path: str) -> str:
    """The characters that neither the given font nor an installed one contains."""
    letters = dict.fromkeys(fonts.visible(_composed(text)))
    return "".join(letter for letter in letters if _file_for(letter, path) is None)


def _composed(text: str) -> str:
    """Compose characters and accents (NFC), which more fonts contain."""
    return unicodedata.normalize("NFC", text)


def _runs(line: str, size: int, path: str) -> list[_Run]:
    """Split a line where the font changes, from left to right; spaces belong to the preceding run."""
    line = _composed(line)
    directions = [unicodedata.bidirectional(letter) for letter in line]
    backwards = {"R", "AL"}
    # Bidirectional text is reordered by the shaper, which sees only the run of one font.
    whole = _file_for(line, path) if backwards.intersection(directions) else None
    if whole is not None:
        return [_run(line, whole, size)]
    placed, last = list[tuple[str, str]](), path
    for cluster in fonts.clusters(line):
        parts = _files_for(cluster, path) if fonts.visible(cluster) else [(last, cluster)]
        placed += parts
        last = parts[-1][0]
    runs = [
        _run("".join(part for _, part in group), file, size)
        for file, group in groupby(placed, key=lambda pair: pair[0])
    ]
    first = next((direction for direction in directions if direction in ("L", "R", "AL")), "L")
    return runs[::-1] if first in backwards else runs


def _run(text: str, file: str, size: int) -> _Run:
    colour = _coloured(file)
    font = _font(file, _strike(file) if colour else size)
    scale = size / font.size if colour else 1.0
    return _Run(text, font, colour, scale, font.getlength(text) * scale)


def _bitmap(run: _Run) -> Any:
    """Characters of a colour font, scaled to the requested size."""
    from PIL import Image, ImageDraw

    extent = max(int(run.font.getlength(run.text)), 1), int(run.font.size * 1.25)
    whole = Image.new("RGBA", extent)
    ImageDraw.Draw(whole).text((0, run.font.size), run.text, font=run.font, embedded_color=True, anchor="ls")
    wanted = (max(round(whole.width * run.scale), 1), max(round(whole.height * run.scale), 1))
    return whole.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3)


def _files_for(cluster: str, path: str) -> list[tuple[str, str]]:
    """Font files with the part of a cluster that each draws: a single one where a font contains all of it."""
    found = _file_for(cluster, path)
    if found is not None:
        return [(found, cluster)]
    parts = list[tuple[str, str]]()
    for letter in fonts.visible(cluster):
        found = _file_for(letter, path)
        if found is None:
            raise TransformError(
                f"No font here has the letter {letter!r} of the watermark text.",
                fix="Name a font file that has it with font (--font).",
            )
        parts.append((found, letter))
    return parts


@lru_cache(maxsize=4096)
def _file_for(letters: str, path: str) -> str | None:
    """The first font file that contains all characters: the given one (Pillow's own is an empty string), then
    installed ones; None where there is none."""
    needed = fonts.visible(letters)
    if _has(path, needed):
        return path
    others = fonts.with_letters(letters)
    files = list(_COMMON) if others is None else [font.file for font in others]
    return next((file for file in files if _readable(file) and _has(file, needed)), None)


@lru_cache(maxsize=256)
def _readable(file: str) -> bool:
    try:
        _font(file, _strike(file))
    except TransformError:
        return False
    return True


@lru_cache(maxsize=256)
def _coloured(file: str) -> bool:
    """Whether it is a colour font."""
    known = next((font for font in fonts.installed() or () if font.file == file), None)
    return known.colour if known else os.path.basename(file).lower() in _COLOURED


@lru_cache(maxsize=256)
def _strike(file: str) -> int:
    """A size of the font: bitmap fonts have one or a few."""
    for size in _STRIKES if _coloured(file) else ():
        try:
            _font(file, size)
        except TransformError:
            continue
        return size
    return _USUAL


@lru_cache(maxsize=64)
def _font(file: str, size: int) -> Font:
    from PIL import ImageFont

    try:
        found = ImageFont.truetype(file, size) if file else ImageFont.load_default(size)
    except OSError as error:
        raise TransformError(
            f"The font {file} cannot be read: {error}.", fix="Give a TrueType or OpenType file."
        ) from error
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def _has(file: str, letters: str) -> bool:
    """Whether a font draws each character differently from its missing-glyph box."""
    return all(_draws(file, letter) for letter in letters)


@lru_cache(maxsize=4096)
def _draws(file: str, letter: str) -> bool:
    # No font has a glyph for a noncharacter: it draws the missing-glyph box.
    try:
        shape = _shape(file, letter)
        return any(shape) and shape != _shape(file, "\uffff")
    except (OSError, ValueError):
        return False


def _shape(file: str, letter: str) -> bytes:
    font = _font(file, _strike(file))
    if not _coloured(file):
        return bytes(font.getmask(letter))
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (int(2 * font.size), int(2 * font.size)))
    ImageDraw.Draw(image).text((0, 0), letter, font=font, embedded_color=True)
    return image.tobytes()


def _joined(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one or other
    return (*map(min, one[:2], other[:2]), *map(max, one[2:], other[2:]))
