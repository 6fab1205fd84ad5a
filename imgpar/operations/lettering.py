"""Words as coverage and colour: each letter in the first font that has it, shaped with its neighbours.

    text ─► lines ─► runs of one font ─► measured ─► drawn side by side on one baseline

The font that was named (or Pillow's own) comes first, then those of the system. Emoji keep their colours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from imgpar import fonts
from imgpar.errors import TransformError

if TYPE_CHECKING:
    import numpy as np
    from PIL import ImageFont

    Array = np.ndarray[Any, Any]
    Font = ImageFont.FreeTypeFont

_JOINERS = "\u200d\ufe0f\ufe0e\u200c"
"""What belongs to the letter before it: emoji of several parts."""
_STRIKE = 109
"""Pixels of the one size that colour bitmaps come in."""
_SPACING = 1.2
"""Height of a line, by the size of its letters."""
_COMMON = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf",
           "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc", "PingFang.ttc")  # fmt: skip
"""Fonts to try where fontconfig cannot be asked."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Letters of a line that one font draws."""

    text: str
    font: Font
    colour: bool
    """Whether the font brings colours along."""
    scale: float
    width: float


@dataclass(frozen=True, slots=True)
class Words:
    """What was drawn, cut to it."""

    coverage: Array
    """H×W×1 from 0 to 1: the letters."""
    around: Array
    """The same, with a line around them."""
    coloured: Array | None
    """H×W×4 from 0 to 1, not multiplied: letters that have colours of their own."""


def drawn(text: str, size: int, path: str, stroke: int) -> Words:
    """Draw words.

    Args:
        text: lines are separated by line feeds.
        size: of the letters, in pixels.
        path: of a font file; empty is Pillow's own.
        stroke: width of the line around the letters, in pixels.

    Raises:
        TransformError: a letter is in no font, or the font cannot be read.
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
    return Words(letters, around, pictures)


def lacking(text: str, path: str) -> str:
    """The letters that neither the named font nor one of the system has."""
    letters = dict.fromkeys(letter for letter in text if not letter.isspace() and letter not in _JOINERS)
    return "".join(letter for letter in letters if _file_for(letter, path) is None)


def _runs(line: str, size: int, path: str) -> list[_Run]:
    """A line, cut where the font changes; spaces and joiners stay with the letter before them."""
    placed, last = list[tuple[str | None, str]](), ""
    for letter in line:
        if not (letter.isspace() or letter in _JOINERS):
            found = _file_for(letter, path)
            if found is None:
                raise TransformError(
                    f"No font here has the letter {letter!r} of the watermark text.",
                    fix="Name a font file that has it with font (--font).",
                )
            last = found
        placed.append((last if placed or not letter.isspace() else path, letter))
    runs = list[_Run]()
    for file, group in groupby(placed, key=lambda pair: pair[0]):
        runs.append(_run("".join(letter for _, letter in group), file or path, size))
    return runs


def _run(text: str, file: str, size: int) -> _Run:
    colour = "emoji" in os.path.basename(file).lower() and "color" in os.path.basename(file).lower()
    font = _font(file, _STRIKE if colour else size)
    scale = size / _STRIKE if colour else 1.0
    return _Run(text, font, colour, scale, font.getlength(text) * scale)


def _bitmap(run: _Run) -> Any:
    """Letters with colours of their own, in the size that is wanted."""
    from PIL import Image, ImageDraw

    whole = Image.new("RGBA", (max(int(run.font.getlength(run.text)), 1), int(_STRIKE * 1.25)))
    ImageDraw.Draw(whole).text((0, _STRIKE), run.text, font=run.font, embedded_color=True, anchor="ls")
    wanted = (max(round(whole.width * run.scale), 1), max(round(whole.height * run.scale), 1))
    return whole.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3)


@lru_cache(maxsize=4096)
def _file_for(letter: str, path: str) -> str | None:
    """The file of the first font that has a letter: the named one (Pillow's own is an empty text), then
    those of the system; None where there is none."""
    if _has(path, letter):
        return path
    others = fonts.with_letter(letter)
    others = list(_COMMON) if others is None else others
    return next((file for file in others if _readable(file) and _has(file, letter)), None)


@lru_cache(maxsize=256)
def _readable(file: str) -> bool:
    try:
        _font(file, _STRIKE if "emoji" in file.lower() else 20)
    except TransformError:
        return False
    return True


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


def _has(file: str, letter: str) -> bool:
    """Whether a font draws more for a letter than the empty box that stands for those it lacks."""
    emoji = "emoji" in os.path.basename(file).lower()
    font = _font(file, _STRIKE if emoji else 20)
    # No font has a glyph for a noncharacter: what it draws there is the empty box.
    try:
        return _shape(font, letter, emoji=emoji) != _shape(font, "\uffff", emoji=emoji)
    except (OSError, ValueError):
        return False


def _shape(font: Font, letter: str, *, emoji: bool) -> bytes:
    if not emoji:
        return bytes(font.getmask(letter))
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (2 * _STRIKE, 2 * _STRIKE))
    ImageDraw.Draw(image).text((0, 0), letter, font=font, embedded_color=True)
    return image.tobytes()


def _joined(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one or other
    return (*map(min, one[:2], other[:2]), *map(max, one[2:], other[2:]))
