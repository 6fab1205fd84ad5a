"""What is made of all inputs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgpar.core import parsing
from imgpar.core.options import Declared, option
from imgpar.core.templates import Field, Template, parse_template
from imgpar.ops.marks import parse_font
from imgpar.pixels.page_sizes import PageSize, parse_page_margin, parse_page_size

MIXED = ("pad", "crop", "stretch", "fail")

Kind = Literal["clip", "joined", "sheet", "animation", "document", "icon"]

LABEL_FIELDS = (
    Field("stem", "text", "name without suffix", "IMG_1"),
    Field("name", "text", "name", "IMG_1.jpg"),
    Field("n", "number", "place in the sheet, from 1", "7"),
    Field("width", "number", "width of the input in pixels", "4000"),
    Field("height", "number", "height of the input in pixels", "3000"),
    Field("date", "date", "when it was taken", "2024-05-01"),
    Field("camera", "text", "make and model of the camera", "Canon EOS R5"),
    Field("bytes", "number", "size of the file in bytes", "2048000"),
    Field("format", "text", "format of the input", "jpeg"),
)
"""What a label of a sheet may show."""


@parsing.accepts("str")
def parse_labels(value: object) -> Template:
    """A template of labels.

    >>> sorted(parse_labels("{n}: {stem}").fields)
    ['n', 'stem']
    """
    return parse_template(value, LABEL_FIELDS, "a label with fields")


@dataclass(frozen=True, slots=True)
class Gathering(Declared):
    """The kind of file, and the settings that only such a file has."""

    kind: Kind = "clip"
    """`clip`: one frame per picture. `joined`: clips one after the other. `sheet`: all pictures in one.
    `animation`: one frame per picture. `document`: one page per picture. `icon`: one size per picture."""
    mixed: Literal["pad", "crop", "stretch", "fail"] = option(
        parsing.choice(*MIXED),
        "pictures whose size differs from the first: pad with black, crop, stretch or fail (default: pad)",
        default="pad",
        choices=MIXED,
        example="crop",
        calls="assemble",
    )
    columns: int | None = option(
        parsing.integer(1, 1000),
        "pictures in a row of the sheet (default: as many as make it about square; 4 on paper)",
        default=None,
        metavar="N",
        example="5",
        calls="sheet",
    )
    rows: int | None = option(
        parsing.integer(1, 1000),
        "rows of a page, in PDF and TIFF; rows of the sheet in other formats (default: as many as needed, on "
        "paper as many as fit)",
        default=None,
        metavar="N",
        example="6",
        calls="sheet",
    )
    tile: tuple[int, int] = option(
        parsing.grid,
        "size in pixels into which each picture is fitted; on paper only its aspect ratio counts (default: "
        "320x240)",
        default=(320, 240),
        metavar="WxH",
        example="320x240",
        calls="sheet",
    )
    gap: int | None = option(
        parsing.integer(0, 1000),
        "pixels between the pictures; on paper, of 1/200 inch (default: 4; on paper 16)",
        default=None,
        metavar="N",
        example="10",
        calls="sheet",
    )
    margin: int | None = option(
        parsing.integer(0, 5000),
        "pixels around all pictures (default: the gap)",
        default=None,
        metavar="N",
        example="20",
        calls="sheet",
    )
    labels: Template | None = option(
        parse_labels,
        "text below each picture, with the fields "
        + ", ".join(f"{{{field.name}}}" for field in LABEL_FIELDS),
        default=None,
        metavar="TEMPLATE",
        example="{stem}",
        calls="sheet",
    )
    label_size: int | None = option(
        parsing.integer(4, 400),
        "height of the letters of labels in pixels (default: a sixteenth of the tile, at least 10)",
        default=None,
        metavar="N",
        example="14",
        calls="sheet",
    )
    font: str = option(
        parse_font,
        "a TrueType or OpenType font file for labels and title (default: the built-in font, and system fonts "
        "for letters it lacks)",
        default="",
        metavar="FILE",
        example="NotoSansSC.otf",
        calls="sheet",
    )
    title: str = option(
        parsing.text,
        "title: of a PDF, in its properties; of a sheet, drawn above the pictures",
        default="",
        metavar="TEXT",
        example="Holiday",
        calls="assemble sheet",
    )
    author: str = option(
        parsing.text,
        "author of a PDF, in its properties",
        default="",
        metavar="TEXT",
        example="Ada",
        calls="assemble sheet",
    )
    subject: str = option(
        parsing.text,
        "subject of a PDF, in its properties",
        default="",
        metavar="TEXT",
        example="Scans of 2024",
        calls="assemble sheet",
    )
    keywords: str = option(
        parsing.text,
        "keywords of a PDF, in its properties",
        default="",
        metavar="TEXT",
        example="scan, invoice",
        calls="assemble sheet",
    )
    page_size: PageSize | None = option(
        parse_page_size,
        "pages of a PDF: fit (as large as the picture at its density), a paper such as A4 or letter, or "
        "20x30cm, turned to the orientation of the picture unless it ends with -portrait or -landscape "
        "(default: fit; of a sheet A4-portrait)",
        default=None,
        metavar="PAPER|WxHcm",
        example="A4",
        calls="assemble sheet",
    )
    page_margin: float | None = option(
        parse_page_margin,
        "margin of the pages of a PDF, such as 1cm, 10mm, 0.5in or 36pt (default: 0; of a sheet 1cm)",
        default=None,
        metavar="LENGTH",
        example="1cm",
        calls="assemble sheet",
    )

    @property
    def info(self) -> dict[str, str]:
        """The properties of a PDF that are given."""
        named = {
            "Title": self.title, "Author": self.author, "Subject": self.subject, "Keywords": self.keywords
        }  # fmt: skip
        return {key: value for key, value in named.items() if value}


OF_PAPER = ("author", "subject", "keywords", "page_size", "page_margin")
"""Settings that only a PDF has."""
