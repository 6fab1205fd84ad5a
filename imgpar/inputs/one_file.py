"""The path of one file, for calls that read no more than that."""

from __future__ import annotations

import os

from imgpar.core.errors import NoFileError, UnsupportedError, item_error
from imgpar.formats.registry import sniff_file
from imgpar.inputs.batches import named_item
from imgpar.inputs.schemes import archive_suffix


def check_file(path: str, others: str) -> None:
    """Raise an ItemError where a path is not that of a file that can be read at once.

    Args:
        path: of the user.
        others: what to do with a folder or an archive.

    Raises:
        NoFileError: there is none, or it is a folder.
        UnsupportedError: it is an archive.
        SourceError: it cannot be read.
    """
    if os.path.isdir(path):
        raise NoFileError("It is a folder where a file is expected.", fix=others)
    item = named_item(path, "")
    if item.error:
        raise item_error(item.kind, item.error)
    if is_archive_file(path):
        raise UnsupportedError("It is an archive where a file is expected.", fix=others)


def path_of(given: object) -> str:
    """The path that a user gave, for messages; empty for anything else."""
    return os.fspath(given) if isinstance(given, (str, os.PathLike)) else ""


def is_archive_file(path: str) -> bool:
    """Whether a file has the name of an archive and the content of no picture. Raises OSError."""
    return bool(archive_suffix(path)) and sniff_file(path) is None
