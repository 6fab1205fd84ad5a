"""One sample of a shard: its key, the names of its files, and the row of its metadata.

A reader of WebDataset takes what stands before the first dot of a name as the key, and what stands after it
as the field: `000000012.jpg`, or `000000012.320.webp` where an input has outputs of several sizes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from imgpar.core import errors
from imgpar.core.job import Outcome, Seen
from imgpar.outputs.shards.columns import ColumnKinds, Value
from imgpar.outputs.shards.settings import ShardSettings

RESERVED = (
    "caption",
    "url",
    "key",
    "status",
    "error_message",
    "width",
    "height",
    "original_width",
    "original_height",
    "exif",
    "sha256",
    "sha512",
    "md5",
)
"""Columns of the table that no column of a list can be."""
NUMBERS = ("width", "height", "original_width", "original_height")

Row = dict[str, str | int | None]
"""Metadata of a sample; columns of a list are texts."""


def row_of(
    key: str, url: str, outcome: Outcome, settings: ShardSettings, columns: Sequence[tuple[str, str]]
) -> Row:
    """The metadata of a sample, in the order of the table.

    Args:
        key: of the sample.
        url: what its input is called.
        outcome: of the input.
        settings: which columns have a meaning, and the checksum.
        columns: what else the list says of the input.
    """
    caption, checksum = settings.caption, settings.checksum
    own = dict(columns)
    row: Row = {}
    apart = (caption, settings.expected, *(("key", "caption") if settings.beside else ()))
    for name, value in columns:
        if name not in apart:
            row[f"list_{name}" if name in RESERVED else name] = value
    if caption or (settings.beside and "caption" in own):
        row["caption"] = own.get(caption or "caption")
    made = outcome.outputs[0] if outcome.outputs else None
    failed = outcome.status == "failed"
    seen = outcome.seen or Seen(0, 0)
    row |= {
        "url": url,
        "key": key,
        "status": _status(outcome) if failed else "success",
        "error_message": outcome.error if failed else None,
        "width": made.width or None if made else None,
        "height": made.height or None if made else None,
        "original_width": seen.width or None,
        "original_height": seen.height or None,
        "exif": seen.exif or None,
    }
    if checksum != "none":
        row[checksum] = seen.checksum or None
    return row


def typed_row(row: Row, kinds: ColumnKinds) -> dict[str, Value]:
    """The row as it is written beside its picture; the kinds follow its values."""
    return {
        name: kinds.value(name, value) if isinstance(value, str) and name not in RESERVED else value
        for name, value in row.items()
    }


def _status(outcome: Outcome) -> str:
    """The status of a failed input: whether it could be read, or what was read could not be converted."""
    kind = getattr(errors, outcome.kind, None)
    unread = isinstance(kind, type) and issubclass(kind, errors.SourceError)
    return "failed_to_download" if unread else "failed_to_resize"


def name_key(path: str) -> str:
    """The key of a sample by the path of its first output below OUT: without its suffix, and without dots.

    >>> name_key("2024/v1.2.jpg")
    '2024/v1_2'
    """
    folder, name = posixpath.split(path)
    stem = posixpath.splitext(name)[0].replace(".", "_")
    return posixpath.join(folder.replace(".", "_"), stem)


def field_names(paths: Sequence[str], stem: str) -> list[str]:
    """The fields of the outputs of an input.

    One output is named by its suffix; several also by what their names have beside the name of the input.

    Args:
        paths: of the outputs.
        stem: name of the input without its suffix.

    >>> field_names(["web/a.webp"], "a"), field_names(["a-320.webp", "a-640.webp", "a-640.jpg"], "a")
    (['webp'], ['320.webp', '640.webp', '640.jpg'])
    """
    if len(paths) == 1:
        return [_suffix(paths[0])]
    found: list[str] = []
    for number, path in enumerate(paths, 1):
        own = posixpath.splitext(posixpath.basename(path))[0].removeprefix(stem).strip("-_. ")
        field = f"{own.replace('.', '_')}.{_suffix(path)}".lstrip(".")
        found.append(f"{number}.{_suffix(path)}" if field in found or field in _TEXTS else field)
    return found


_TEXTS = ("json", "txt", "cls")
"""Fields that a sample has beside its pictures."""


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1].lstrip(".").lower() or "bin"
