"""Words as coverage and colour: each letter in the first font that has it, shaped with its neighbours.

    text ─► lines ─► runs of one font ─► measured ─► drawn side by side on one baseline

The font that was named (or Pillow's own) comes first, then those of the system. Emoji keep their colours.
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
"""Pixels of the sizes that colour bitmaps come in."""
_USUAL = 20
"""Pixels at which it is seen whether a font has a letter."""
_SPACING = 1.2
"""Height of a line, by the size of its letters."""
_COMMON = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf",
           "Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "msyh.ttc", "malgun.ttf", "PingFang.ttc",
           "AppleSDGothicNeo.ttc", "Nirmala.ttf", "Nirmala.ttc", "Kohinoor.ttc", "LeelawUI.ttf",
           "Thonburi.ttc", "seguisym.ttf", "seguiemj.ttf", "Apple Color Emoji.ttc",
           "NotoColorEmoji.ttf")  # fmt: skip
"""Fonts to try where fontconfig cannot be asked."""
_COLOURED = ("notocoloremoji.ttf", "seguiemj.ttf", "apple color emoji.ttc")


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


def missing_letters(text: str, path: str) -> str:
    """The letters that neither the named font nor one of the system has."""
    letters = dict.fromkeys(fonts.visible(_composed(text)))
    return "".join(letter for letter in letters if _file_for(letter, path) is None)


def _composed(text: str) -> str:
    """Letters and their accents as one where Unicode has one: more fonts have that."""
    return unicodedata.normalize("NFC", text)


def _runs(line: str, size: int, path: str) -> list[_Run]:
    """A line, cut where the font changes, from left to right; spaces stay with what is before them."""
    line = _composed(line)
    directions = [unicodedata.bidirectional(letter) for letter in line]
    backwards = {"R", "AL"}
    # Words of both directions are put in order by the shaper, which sees only what one font draws.
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
    """Letters with colours of their own, in the size that is wanted."""
    from PIL import Image, ImageDraw

    extent = max(int(run.font.getlength(run.text)), 1), int(run.font.size * 1.25)
    whole = Image.new("RGBA", extent)
    ImageDraw.Draw(whole).text((0, run.font.size), run.text, font=run.font, embedded_color=True, anchor="ls")
    wanted = (max(round(whole.width * run.scale), 1), max(round(whole.height * run.scale), 1))
    return whole.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3)


def _files_for(cluster: str, path: str) -> list[tuple[str, str]]:
    """Files of fonts, each with what it draws of a cluster: one where a font has all of it."""
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
    """The file of the first font that has all letters: the named one (Pillow's own is an empty text), then
    those of the system; None where there is none."""
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
    """Whether letters of a font have colours of their own."""
    known = next((font for font in fonts.installed() or () if font.file == file), None)
    return known.colour if known else os.path.basename(file).lower() in _COLOURED


@lru_cache(maxsize=256)
def _strike(file: str) -> int:
    """A size that a font has: bitmaps come in one or a few."""
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
    """Whether a font draws more for each letter than the box that stands for those that it lacks."""
    return all(_draws(file, letter) for letter in letters)


@lru_cache(maxsize=4096)
def _draws(file: str, letter: str) -> bool:
    # No font has a glyph for a noncharacter: what it draws there is the box.
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
