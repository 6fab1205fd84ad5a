"""The page of snippets (`--html`): a <picture> with its sizes and formats for each input, to see and to copy.

The elements are those of eleventy-img: a <source> for each modern format, and an <img> of the one that every
browser shows.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Iterator, Sequence

from imgpar.batch.pages import markup
from imgpar.batch.pages.paths import Links
from imgpar.batch.pages.site import SiteFile, SiteItem
from imgpar.core.version import __version__

MODERN = ("jxl", "avif", "webp")
"""Formats of <source>, best first: a browser takes the first one that it supports."""
FALLBACK = ("jpeg", "png", "gif", "svg", "bmp", "webp", "avif", "jxl")
"""Formats of <img>, the most widely supported first."""
CLIPS = ("webm", "mp4", "mov", "ogv", "mkv")
SIZES = "auto, 100vw"
"""The width at which a picture is shown: as laid out, which browsers know of lazy pictures, or the whole
window."""


def snippet_page(items: Iterable[SiteItem], links: Links) -> Iterator[str]:
    """The page with a snippet for each input.

    Args:
        items: in the order of the inputs.
        links: addresses in the snippets; the pictures that the page itself shows are found from its folder.
    """
    return markup.page(
        "Pictures for the web",
        "snippets",
        _body(items, links),
        style="snippets.css",
        pictures="* data: file:",
        inline_styles=True,
    )


def _body(items: Iterable[SiteItem], links: Links) -> Iterator[str]:
    here = links._replace(base="")
    yield "<header><h1>Pictures for the web</h1>\n"
    yield (
        "<p>Copy the markup below each picture. Write the <code>alt</code> text, and set <code>sizes</code> "
        "to the width at which the page shows the picture.</p></header>\n<main>\n"
    )
    shown = 0
    for item in items:
        for files in _groups(item.files):
            seen = _element(files, here)
            if not seen:
                continue
            shown += 1
            copied = _element(files, links)
            yield f"<section>\n<h2>{markup.name(os.path.basename(item.source))}</h2>\n"
            yield f'<div class="shown">\n{seen}\n</div>\n'
            yield f'<pre tabindex="0"><code>{html.escape(copied)}</code></pre>\n</section>\n'
    if not shown:
        yield "<p>There are no pictures or clips that a browser shows.</p>\n"
    yield f"</main>\n<footer>imgpar {__version__}</footer>\n"


def picture_element(files: Sequence[SiteFile], links: Links) -> str:
    """The element for outputs of one picture in several sizes and formats.

    Args:
        files: outputs with the same aspect ratio.
        links: addresses of the files.

    Returns:
        <picture>, or <img> where there is a single format; empty where no browser shows any of them.
    """
    formats = {name: _by_width(files, name) for name in dict.fromkeys((*MODERN, *FALLBACK))}
    kept = next((formats[name] for name in FALLBACK if formats[name]), [])
    if not kept:
        return ""
    sources = [group for name in MODERN if (group := formats[name]) and group is not kept]
    image = _image(kept, links, lazy_sizes=len(kept) > 1)
    if not sources:
        return image
    lines = [
        markup.tag(
            "source",
            type=group[0].format.mime if group[0].format else "",
            srcset=_srcset(group, links),
            sizes=SIZES if len(group) > 1 else None,
        )
        for group in sources
    ]
    return "\n".join(["<picture>", *(f"  {line}" for line in (*lines, image)), "</picture>"])


def _image(group: Sequence[SiteFile], links: Links, *, lazy_sizes: bool) -> str:
    smallest, largest = group[0], group[-1]
    looks = largest.looks
    return markup.tag(
        "img",
        src=links.url(smallest.path),
        width=looks.width or None,
        height=looks.height or None,
        alt="",
        loading="lazy",
        decoding="async",
        srcset=_srcset(group, links) if lazy_sizes else None,
        sizes=SIZES if lazy_sizes else None,
        style=f"background-color:{looks.colour}" if looks.colour and not looks.transparent else None,
    )


def _element(files: Sequence[SiteFile], links: Links) -> str:
    kinds = {file.format.kind for file in files if file.format}
    if "video" in kinds:
        return _video(files, links)
    if "audio" in kinds:
        sources = [line for file in files if (line := _source(file, links))]
        return "\n".join(['<audio controls preload="none">', *sources, "</audio>"])
    return picture_element(files, links)


def _video(files: Sequence[SiteFile], links: Links) -> str:
    known = {name: file for name in CLIPS for file in files if file.format and file.format.name == name}
    if not known:
        return ""
    looks = max((file.looks for file in known.values()), key=lambda looks: looks.width)
    style = f"background-color:{looks.colour}" if looks.colour else None
    size = {"width": looks.width or None, "height": looks.height or None}
    start = markup.tag("video", controls="", preload="metadata", playsinline="", **size, style=style)
    return "\n".join([start, *(_source(file, links) for file in known.values()), "</video>"])


def _source(file: SiteFile, links: Links) -> str:
    mime = file.format.mime if file.format else None
    return "  " + markup.tag("source", src=links.url(file.path), type=mime)


def _groups(files: Sequence[SiteFile]) -> list[list[SiteFile]]:
    """The outputs by kind and aspect ratio: another one is another picture, such as a crop."""
    groups = list[list[SiteFile]]()
    for file in files:
        fmt = file.format
        if fmt is None:
            continue
        mine = next((group for group in groups if _belongs(file, group[0])), None)
        if mine is None:
            groups.append([file])
        else:
            mine.append(file)
    return groups


def _belongs(file: SiteFile, first: SiteFile) -> bool:
    assert file.format
    assert first.format
    a, b = file.looks, first.looks
    # Sizes are whole pixels, so each side may be off by half of one.
    alike = abs(a.width * b.height - b.width * a.height) <= (a.width + a.height + b.width + b.height) / 2
    return file.format.kind == first.format.kind and (alike or file.format.kind != "image")


def _by_width(files: Sequence[SiteFile], name: str) -> list[SiteFile]:
    """The outputs in a format, narrowest first; of two with one width the first."""
    found = dict[int, SiteFile]()
    for file in files:
        if file.format and file.format.name == name:
            found.setdefault(file.looks.width, file)
    return [found[width] for width in sorted(found)]


def _srcset(group: Sequence[SiteFile], links: Links) -> str:
    if len(group) == 1:
        return links.url(group[0].path)
    return ", ".join(f"{links.url(file.path)} {file.looks.width}w" for file in group)
