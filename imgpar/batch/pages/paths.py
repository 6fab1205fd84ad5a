"""Paths of files as texts and addresses in pages and manifests."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple
from urllib.parse import quote

from imgpar.core.filenames import has_scheme


def relative(path: str, folder: str) -> str:
    """A path relative to a folder, with `/`; absolute where there is no way, such as on another drive.

    >>> relative("/site/img/a.jpg", "/site/pages"), relative("memory://inputs/a.jpg", "/site")
    ('../img/a.jpg', 'memory://inputs/a.jpg')
    """
    if has_scheme(path):
        return path
    with contextlib.suppress(ValueError):
        path = os.path.relpath(path, folder)
    return path.replace(os.sep, "/")


def address(path: str, base: str = "") -> str:
    """The URL of a relative or absolute path; bytes that are not UTF-8 are kept.

    >>> address("a b/caf\\u00e9#1.jpg", "/img/"), address("x\\udcff.jpg"), address("a:b.jpg")
    ('/img/a%20b/caf%C3%A9%231.jpg', 'x%FF.jpg', './a:b.jpg')
    """
    if has_scheme(path):
        return quote(path, safe="/:", errors="surrogateescape")
    url = quote(os.fsencode(path), safe="/:@!$&()*+;=~")
    if os.path.isabs(path):
        return f"file://{'' if url.startswith('/') else '/'}{url}"
    if base:
        return base + url
    return f"./{url}" if ":" in url.split("/")[0] else url


class Links(NamedTuple):
    """How a page refers to outputs.

    >>> Links("/site/pages", "/site/img").url("/site/img/a.jpg")
    '../img/a.jpg'
    >>> Links("/site/pages", "/site/img", "/media/").url("/site/img/a.jpg")
    '/media/a.jpg'
    """

    page: str
    """Folder of the page."""
    out: str
    """Folder of the outputs."""
    base: str = ""
    """What comes before paths below `out`; empty for the way from the page."""

    def url(self, path: str) -> str:
        """The address of an output."""
        return address(relative(path, self.out if self.base else self.page), self.base)
