"""watermark_text: draw text over every picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.item_fields import FACTS, SIZES
from imgpar.core.job import ItemFacts
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.core.templates import Template, Value, parse_template
from imgpar.ops.base import Operation
from imgpar.ops.marks import asset_digest, parse_font
from imgpar.ops.overlay import gravity_option, lay, margin_option
from imgpar.pixels import text as lettering
from imgpar.pixels.arrays import layout_with, paste
from imgpar.pixels.geometry import Length, parse_length, parse_share

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


FIELDS = (*FACTS, *SIZES)
"""The fields that a text may have."""
_LONGEST = 500
"""Characters of a value."""


@parsing.accepts("str")
def parse_text(value: object) -> str:
    """A text, perhaps with fields: `{date:%Y} {copyright}`.

    Raises:
        BadValueError: a field is unknown.
    """
    text = parsing.text(value)
    _template(text)
    return text


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    return parse_template(text, FIELDS)


@dataclass(frozen=True)
class WatermarkText(Operation):
    """Draw text over every picture.

    Fields in braces insert what is known of the picture: `{date:%d.%m.%Y}`, `{filename}`, `{stem}`,
    `{copyright}`, `{artist}`, `{title}`, `{description}`, `{city}`, `{country}`, `{gps}`, `{camera}`,
    `{lens}`, `{exposure}`, `{width}`, `{height}`. A missing one is empty, or the text behind a bar:
    `{title|untitled}`. What is stripped is missing. A text that is too wide is broken at spaces; one that is
    too large is drawn smaller.

    The built-in font covers English. Letters that it lacks are drawn in a system font that contains them,
    emoji in colour; an explicit font file gives the same result on every machine.
    """

    name: ClassVar[str] = "watermark_text"
    summary: ClassVar[str] = (
        "draw text over every picture; system fonts supply letters and emoji that the built-in font lacks"
    )

    text: str = option(
        parse_text,
        "the text; \\n starts a new line; {date:%d.%m.%Y}, {filename}, {copyright}, {title}, {camera} … "
        "insert what the metadata say, {title|untitled} a text where they say nothing, {{ }} are braces",
        metavar="TEXT",
        example="© Ada",
    )
    size: Length = option(
        parse_length,
        "height of the letters in pixels, or in percent of the shorter side",
        default=Length(5, percent=True),
        metavar="LENGTH",
        example="48",
    )
    colour: Colour = option(
        parsing.colour,
        "colour of the letters",
        default=(255, 255, 255, 255),
        metavar="COLOUR",
        example="white",
    )
    outline: Colour = option(
        parsing.colour,
        "colour of an outline around the letters, for legibility on bright and dark pictures",
        default=(0, 0, 0, 0),
        metavar="COLOUR",
        example="black",
    )
    opacity: float = option(
        parse_share, "opacity of the text, 1 (or 100%) is opaque", default=0.7, metavar="SHARE", example="50%"
    )
    gravity: str = gravity_option()
    margin: Length = margin_option()
    font: str = option(
        parse_font,
        "a TrueType or OpenType font file (default: the built-in font, with system fonts for letters it "
        "lacks)",
        default="",
        metavar="FILE",
        example="NotoSansSC.otf",
    )
    tile: bool = option(
        parsing.switch, "repeat it over the whole picture, spaced by the margin", default=False
    )

    _details: tuple[tuple[str, Value], ...] = ()
    """What the metadata of the input say, for the fields in the text."""

    def plan(self, spec: Spec) -> Spec:
        # Coloured text on a grey picture needs RGB; its opacity needs no alpha channel.
        colours = (self.colour, self.outline) if self.outline[3] else (self.colour,)
        grey = all(red == green == blue for red, green, blue, _ in colours)
        return spec if grey else spec.converted(layout_with(spec, (255, 0, 0, 255)))

    def apply(self, src: Frame, dst: Frame) -> None:
        shorter = min(dst.spec.size)
        text, size, margin = (
            self._shown(dst.spec),
            max(4, self.size.pixels(shorter)),
            self.margin.pixels(shorter),
        )
        if not text:
            paste(src, dst)
            return
        if not self.tile:
            room = (max(1, dst.spec.width - 2 * margin), max(1, dst.spec.height - 2 * margin))
            text, size = lettering.fitted(text, size, self.font, room)
        mark = _render(text, size, self.colour, self.outline, self.font)
        mark = mark.copy()
        mark[..., 3] *= self.opacity
        lay(src, dst, mark, self.gravity, margin, tile=self.tile)

    def _shown(self, spec: Spec) -> str:
        """The text with its values, without spaces at the ends of lines and lines that are empty only because
        of missing values."""
        template = _template(self.text.replace("\\n", "\n"))
        if not template.fields:
            return template.format({}) or ""
        values = {**dict(self._details), "width": spec.width, "height": spec.height}
        whole = template.format(values, default="", clean=_on_one_line) or ""
        return "\n".join(line for line in map(str.strip, whole.split("\n")) if line)

    @property
    def asks(self) -> frozenset[str]:
        return _template(self.text).fields - {field.name for field in SIZES}

    @property
    def notes(self) -> tuple[str, ...]:
        lacking = _template(self.text).missing({**dict(self._details), "width": 1, "height": 1})
        return tuple(f"text: it has no {name}" for name in lacking)

    def for_item(self, item: ItemFacts) -> Operation:
        used = tuple((name, value) for name, value in item.details.items() if name in self.asks)
        return replace(self, _details=used)

    def check(self) -> None:
        texts = _template(self.text.replace("\\n", "\n")).literals
        lacking = lettering.missing_letters("\n".join(texts), self.font)
        if lacking:
            raise UsageError(
                f"No font here has {lacking!r} of the watermark text.",
                fix="Name a font file that has it with font (--font).",
            )

    def identity(self) -> str:
        """A digest of the font file."""
        return asset_digest(self.name, self.font) if self.font else ""


def _on_one_line(text: str) -> str:
    """A value of metadata, which may come from a stranger: printable, on one line, not endless."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:_LONGEST]).split())


@lru_cache(maxsize=8)
def _render(text: str, size: int, colour: Colour, outline: Colour, path: str) -> Array:
    """The rendered text, cropped to its extent.

    Args:
        text: `\\n` starts a new line.
        size: font size in pixels.
        colour: of the text, RGBA 0 to 255.
        outline: colour of the outline, RGBA 0 to 255.
        path: of a font file; empty is the built-in font.

    Returns:
        H×W×4 float32, red, green, blue and straight alpha from 0 to 1.
    """
    import numpy as np

    stroke = max(1, size // 20) if outline[3] else 0
    words = lettering.drawn(text.replace("\\n", "\n"), size, path, stroke)
    inner, outer = words.coverage * (colour[3] / 255), words.around * (outline[3] / 255)
    alpha = inner + outer * (1 - inner)
    front, back = (np.array(rgba[:3], np.float32) / 255 for rgba in (colour, outline))
    total = front * inner + back * outer * (1 - inner)
    if words.coloured is not None:  # emoji are composed over the text
        over = words.coloured[..., 3:]
        total = words.coloured[..., :3] * over + total * (1 - over)
        alpha = over + alpha * (1 - over)
    colours = np.divide(total, alpha, out=np.zeros_like(total), where=alpha > 0)
    return np.concatenate([colours, alpha], axis=2)
