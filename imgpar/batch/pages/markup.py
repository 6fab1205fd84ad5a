"""HTML as text: escaping, attributes, and the frame of a page with its style and script."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from imgpar.batch.progress import printable

Attribute = str | int | None


def escape_text(value: str) -> str:
    r"""Text for HTML. Control characters, marks that change the direction of writing, and bytes that are not
    UTF-8 are shown as escapes.

    >>> escape_text("<a&b>\u202egpj.exe"), escape_text("caf\udce9.jpg")
    ('&lt;a&amp;b&gt;\\u202egpj.exe', 'caf\\xe9.jpg')
    """
    return html.escape(printable(value))


def name(value: str) -> str:
    """A file name or path for HTML, in a direction of writing of its own."""
    return f"<bdi>{escape_text(value)}</bdi>"


def tag(kind: str, /, **attributes: Attribute) -> str:
    """A start tag; attributes that are None are left out, empty ones are written.

    >>> tag("img", src='a"b.jpg', alt="", width=3, title=None)
    '<img src="a&quot;b.jpg" alt="" width="3">'
    """
    words = [
        f' {key.strip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return f"<{kind}{''.join(words)}>"


def data_uri(data: bytes, mime: str) -> str:
    """A file as a URI that contains it."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def page(
    title: str,
    maker: str,
    body: Iterable[str],
    *,
    style: str,
    script: str = "",
    pictures: str = "data:",
    inline_styles: bool = False,
) -> Iterator[str]:
    """A whole page that loads nothing.

    Args:
        title: as text, not escaped.
        maker: name of the kind of page, by which `outputs.sidefiles` recognises it.
        body: HTML between <body> and the script.
        style: file name of the style sheet in `templates`.
        script: file name of the script there; empty for none.
        pictures: sources of pictures, sound and video that the page may load.
        inline_styles: whether elements may have a style of their own.
    """
    css, code = template("page.css") + template(style), template(script) if script else ""
    styles = "'unsafe-inline'" if inline_styles else f"'{_digest(css)}'"
    scripts = f"'{_digest(code)}'" if code else "'none'"
    policy = (
        f"default-src 'none'; img-src {pictures}; media-src {pictures}; style-src {styles}; "
        f"script-src {scripts}; base-uri 'none'; form-action 'none'"
    )
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield tag("meta", name="generator", content=f"imgpar {maker}") + "\n"
    yield tag("meta", http_equiv="Content-Security-Policy", content=policy) + "\n"
    yield tag("meta", name="viewport", content="width=device-width, initial-scale=1") + "\n"
    yield tag("meta", name="color-scheme", content="light dark") + "\n"
    yield f"<title>{escape_text(title)}</title>\n<style>{css}</style>\n</head>\n<body>\n"
    yield from body
    yield f"<script>{code}</script>\n</body>\n</html>\n" if code else "</body>\n</html>\n"


@cache
def template(file: str) -> str:
    """The text of a file in `templates`."""
    return (files("imgpar.batch.pages") / "templates" / file).read_text("utf-8")


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
