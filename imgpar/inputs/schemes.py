"""Which source reads an address or an archive, by scheme and suffix."""

from __future__ import annotations

import glob
import importlib
import os

from imgpar.core.addresses import STORES, last_part, scheme_of
from imgpar.inputs.batches import is_media
from imgpar.inputs.sources import Access, Source

_ZIP = ("imgpar.inputs.zip_source", "ZipSource")
_TAR = ("imgpar.inputs.tar_source", "TarSource")
_PACKED = ("imgpar.inputs.tar_source", "PackedTarSource")
_SEVENZIP = ("imgpar.inputs.sevenzip_source", "SevenZipSource")
ARCHIVES = {
    **dict.fromkeys(("zip", "cbz"), _ZIP),
    **dict.fromkeys(("tar", "cbt"), _TAR),
    **dict.fromkeys(("7z", "cb7"), _SEVENZIP),
    **dict.fromkeys((f"tar.{method}" for method in ("gz", "bz2", "xz", "zst")), _PACKED),
    **dict.fromkeys(("tgz", "tbz", "tbz2", "txz", "tzst"), _PACKED),
}
"""Module and class of the source for a file that was named, by its suffix, which may be a double one such as
`tar.gz`; the class is called with the absolute path and an `Access`."""

SCHEMES: dict[str, tuple[str, str]] = dict.fromkeys(STORES, ("imgpar.inputs.stores.source", "StoreSource"))
"""Module and class of the source for an address, by its scheme; the class is called with the address and an
`Access`."""

SINGLE = ("http", "https")
"""Schemes whose addresses are items, not folders: one source has all that were named."""


def is_item(address: str) -> bool:
    """Whether an input is the address of one item: on the web, or in a store by its suffix.

    >>> is_item("https://host/photos/"), is_item("s3://bucket/a.jpg"), is_item("s3://bucket/a.jpg/")
    (True, True, False)
    """
    scheme = scheme_of(address)
    in_store = scheme in STORES and is_media(address.rpartition("/")[2]) and not glob.has_magic(address)
    return scheme in SINGLE or in_store


def archive_suffix(path: str) -> str:
    """The suffix by which a file is an archive, the longest one; empty where it is none.

    >>> archive_suffix("/photos/trip.ZIP"), archive_suffix("a.b.tar.gz"), archive_suffix("zip")
    ('zip', 'tar.gz', '')
    """
    parts = os.path.basename(path).lower().split(".")[1:]
    return next((suffix for suffix in (".".join(parts[-2:]), ".".join(parts[-1:])) if suffix in ARCHIVES), "")


def is_archive(name: str) -> bool:
    """Whether a path or an address is that of an archive.

    >>> is_archive("https://host/trip.zip?token=x"), is_archive("trip.7z"), is_archive("https://host/zip")
    (True, True, False)
    """
    return is_remote_archive(name) if scheme_of(name) else bool(archive_suffix(name))


def is_remote_archive(given: object) -> bool:
    """Whether an input is the address of an archive."""
    known = isinstance(given, str) and scheme_of(given) in (*SINGLE, *STORES)
    return known and bool(archive_suffix(last_part(str(given))))


def opened_archive(path: str, access: Access) -> Source:
    """The source for an archive, of a suffix in ARCHIVES, at an absolute path."""
    return made_source(ARCHIVES[archive_suffix(path)], path, access)


def made_source(where: tuple[str, str], name: str, access: Access, *more: object) -> Source:
    """The source of a class in ARCHIVES or SCHEMES, called with its name."""
    made: Source = getattr(importlib.import_module(where[0]), where[1])(name, access, *more)
    return made
