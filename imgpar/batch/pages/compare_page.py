"""The page of a comparison: for each picture a slider between two variants, and a table of all."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterable, Iterator, Sequence

from imgpar.batch.pages import markup
from imgpar.batch.pages.comparing import ComparedPicture, Variant
from imgpar.batch.report import format_size
from imgpar.core.version import __version__
from imgpar.formats.registry import FORMATS

MOST_BYTES = 96 << 20
"""Bytes of pictures in a page; variants beyond that have their numbers only."""
_LEGEND = (
    "SSIMULACRA 2: 90 is visually lossless, 70 high quality, 50 medium. SSIM is of the luma. Large pictures "
    "are measured on nine tiles of 480×480 pixels. Encoding times are of one thread."
)
_NUMBERS = ("Size", "of the input", "Encoding", "SSIMULACRA 2", "SSIM", "PSNR")


def compare_page(pictures: Iterable[ComparedPicture]) -> Iterator[str]:
    """The page; the files of the pictures and variants are read and put into it."""
    return markup.page("Comparison", "compare", _body(pictures), style="compare.css", script="compare.js")


def _body(pictures: Iterable[ComparedPicture]) -> Iterator[str]:
    yield "<header>\n<h1>Comparison</h1>\n"
    yield f'<p class="dim">{_LEGEND}</p>\n</header>\n<main>\n'
    room = MOST_BYTES
    for picture in pictures:
        room -= yield from _section(picture, room)
    yield f"</main>\n<footer>imgpar {__version__}</footer>\n"


def _section(picture: ComparedPicture, room: int) -> Generator[str, None, int]:
    """The section of a picture. Returns the bytes of the pictures in it."""
    yield f'<section class="picture">\n<h2>{markup.name(os.path.basename(picture.path))}</h2>\n'
    if picture.error:
        yield f'<p class="error">{markup.escape_text(picture.error)}</p>\n</section>\n'
        return 0
    yield f'<p class="dim">{_about(picture)}</p>\n'
    figures, used = _figures(picture, room)
    if len(figures) > 1:
        yield _STAGE
    yield from _table(picture)
    yield "<details open>\n<summary>Pictures</summary>\n" + "".join(figures) + "</details>\n"
    if len(figures) <= len([one for one in picture.variants if one.file]):
        yield f'<p class="dim">The page holds {MOST_BYTES >> 20} MiB of pictures; others are left out.</p>\n'
    yield "</section>\n"
    return used


_STAGE = """\
<div class="stage" hidden>
<div class="sides"><label>Left <select></select></label><label>Right <select></select></label></div>
<div class="frame">
<img class="right" alt=""><img class="left" alt=""><span class="line"></span>
<input type="range" min="0" max="100" value="50" step="1" aria-label="Dividing line in percent">
</div>
</div>
"""


def _about(picture: ComparedPicture) -> str:
    width, height = picture.size
    title = FORMATS[picture.format].title if picture.format else ""
    words = [f"{width}×{height} pixels", f"{title} of {format_size(picture.bytes)}".strip()]
    if picture.shown != picture.size:
        words.append(f"shown is the centre of {picture.shown[0]}×{picture.shown[1]} pixels at full size")
    return markup.escape_text("; ".join(words)) + "."


def _figures(picture: ComparedPicture, room: int) -> tuple[list[str], int]:
    """The pictures that fit into the page, and their bytes; the first is the original."""
    shown = [
        (0, "Original", f"Original, {format_size(picture.bytes)}", picture.file, "image/webp", picture.shown)
    ]
    for number, one in enumerate(picture.variants, 1):
        if one.file and one.mime:
            shown.append(
                (number, one.label, f"{one.label}, {format_size(one.bytes)}", one.file, one.mime, one.shown)
            )
    figures, used = list[str](), 0
    for number, label, caption, file, mime, (width, height) in shown:
        with open(file, "rb") as stream:
            data = stream.read()
        if used + len(data) > room:
            break
        used += len(data)
        start = markup.tag("figure", data_number=number, data_label=label)
        image = markup.tag(
            "img", src=markup.data_uri(data, mime), width=width, height=height, alt=caption, loading="lazy",
            decoding="async",
        )  # fmt: skip
        figures.append(f"{start}{image}<figcaption>{markup.escape_text(caption)}</figcaption></figure>\n")
    return figures, used


def _table(picture: ComparedPicture) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("", *_NUMBERS))
    yield '<div class="table"><table>\n'
    yield f'<thead><tr>{heads}<th class="scripted"></th></tr></thead>\n<tbody>\n'
    for number, one in enumerate(picture.variants, 1):
        cells = _cells(one, picture.bytes, number)
        yield f'<tr><th scope="row">{markup.escape_text(one.label)}</th>{cells}</tr>\n'
    yield "</tbody>\n</table></div>\n"


def _cells(one: Variant, before: int, number: int) -> str:
    if one.error:
        start = markup.tag("td", class_="message", colspan=len(_NUMBERS))
        return f'{start}{markup.escape_text(one.error)}</td><td class="scripted"></td>'
    button = markup.tag("button", type="button", class_="show", value=number, aria_pressed="false")
    cells: Sequence[str] = numbers_of(one, before)
    return "".join(f"<td>{cell}</td>" for cell in cells) + f'<td class="scripted">{button}show</button></td>'


def numbers_of(one: Variant, before: int) -> tuple[str, ...]:
    """The numbers of a variant as text: size, share of the input, time, scores.

    >>> numbers_of(Variant("webp", 75, 1000, 0.5, 81.234, 0.98765, 40.5), 4000)
    ('1.0 kB', '25%', '500 ms', '81.2', '0.9877', '40.5 dB')
    """
    psnr = "equal" if math.isinf(one.psnr) else f"{one.psnr:.1f} dB"
    share = f"{one.bytes / before:.0%}" if before else ""
    time = f"{one.seconds * 1000:.0f} ms" if one.seconds < 1 else f"{one.seconds:.1f} s"
    return format_size(one.bytes), share, time, f"{one.ssimulacra2:.1f}", f"{one.ssim:.4f}", psnr
