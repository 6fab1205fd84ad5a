"""Paths from file managers, shells and Tcl."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

ARCHIVE = re.compile(r"\.(zip|cbz|cbt|7z|cb7|tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
"""The end of the name of an archive; a test compares it with `imgpar.inputs.schemes.ARCHIVES`."""


def local(name: str) -> str:
    """The absolute path of a `file:` URL or of a path argument.

    >>> local("file:///photos/caf%C3%A9.jpg") == os.path.abspath("/photos/café.jpg")
    True
    """
    if name.startswith("file:"):
        path = os.fsdecode(_bytes(urlsplit(name).path))
        name = path[1:] if os.name == "nt" else path
    return os.path.abspath(name)


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
    found = ARCHIVE.search(path)
    return path[: found.start()] if found else ""


def _bytes(quoted: str) -> bytes:
    """Decode percent escapes to bytes, which need not be UTF-8."""
    return unquote(quoted, "utf-8", "surrogateescape").encode("utf-8", "surrogateescape")
