"""Paths from file managers, shells and Tcl."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

import platformdirs

OURS = "imgpar"
"""Name of the output folder next to the originals."""

ARCHIVE = re.compile(r"\.(zip|cbz|cbt|7z|cb7|tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
"""The end of the name of an archive; a test compares it with `imgpar.inputs.schemes.ARCHIVES`."""


def on_the_web(name: str) -> bool:
    """Whether a name is the address of a file on the web."""
    return name.lower().startswith(("http://", "https://"))


def local(name: str) -> str:
    """The absolute path of a `file:` URL or of a path argument; an address of the web as it is.

    >>> local("file:///photos/caf%C3%A9.jpg") == os.path.abspath("/photos/café.jpg")
    True
    """
    if on_the_web(name):
        return name
    if name.startswith("file:"):
        name = of_url(name)
    return os.path.abspath(name)


def of_url(url: str, *, windows: bool = os.name == "nt") -> str:
    r"""The path of a `file:` URL; on Windows that of a share where it names a server.

    >>> of_url("file:///C:/caf%C3%A9/a.jpg", windows=True), of_url("file:///c/a.jpg", windows=False)
    ('C:/café/a.jpg', '/c/a.jpg')
    >>> of_url("file://server/share/a.jpg", windows=True)
    '//server/share/a.jpg'
    """
    parts = urlsplit(url)
    path = os.fsdecode(_bytes(parts.path))
    if not windows:
        return path
    if parts.netloc not in ("", "localhost"):
        return f"//{parts.netloc}{path}"
    return path if path.startswith("//") else path[1:]


def repaired(name: str) -> str:
    r"""The name of an existing file: Tcl decodes invalid UTF-8 as Latin-1.

    >>> repaired("/no such/\xff.jpg") == "/no such/\xff.jpg"
    True
    """
    if os.name == "nt" or name.isascii() or os.path.lexists(name):
        return name
    parts = (bytes([ord(c)]) if "\x80" <= c <= "\xff" else c.encode("utf-8", "surrogateescape") for c in name)
    other = os.fsdecode(b"".join(parts))
    return other if os.path.lexists(other) else name


def folder_of_files(path: str) -> str:
    """The path of a folder, or of an archive without its suffix; empty for a file."""
    if os.path.isdir(path):
        return path.rstrip(os.sep) or path
    found = None if on_the_web(path) else ARCHIVE.search(path)
    return path[: found.start()] if found else ""


def folder_beside(inputs: Sequence[str]) -> str:
    """The output folder next to the originals: `Phone-imgpar` for the folder Phone, else `imgpar`.

    An archive is like a folder. For a whole volume it is on that volume. For addresses of the web
    it is in the folder for downloads. Paths are absolute.
    """
    inputs = [path for path in inputs if not on_the_web(path)]
    if not inputs:
        return os.path.join(platformdirs.user_downloads_dir(), OURS)
    if len(inputs) == 1 and os.path.ismount(inputs[0]):
        return os.path.join(inputs[0], OURS)
    if len(inputs) == 1 and (folder := folder_of_files(inputs[0])):
        return f"{folder}-{OURS}"
    parents = {os.path.dirname(path): None for path in inputs}
    try:
        parent = os.path.commonpath(parents)
    except ValueError:  # on several disks
        parent = next(iter(parents))
    return os.path.join(parent, OURS)


def _bytes(quoted: str) -> bytes:
    """Decode percent escapes to bytes, which need not be UTF-8."""
    return unquote(quoted, "utf-8", "surrogateescape").encode("utf-8", "surrogateescape")
