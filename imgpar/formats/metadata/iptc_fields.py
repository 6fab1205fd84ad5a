"""Datasets of IPTC (IIM), record 2: read as text, and replaced. What is changed becomes UTF-8 as a whole."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from imgpar.formats.tlv import IPTC_DATASETS, walk

_UTF8 = b"\x1b%G"
_CHARSET = b"\x01\x5a"
_BINARY = frozenset({0, 200, 201, 202})
"""Datasets of record 2 that are no text: version and previews."""
_LONGEST = 0x7FFF


def read_datasets(records: bytes) -> dict[int, tuple[str, ...]]:
    """The texts of record 2, by dataset.

    >>> read_datasets(b"\\x1c\\x02\\x5a\\0\\x06Vienna")
    {90: ('Vienna',)}
    """
    found: dict[int, tuple[str, ...]] = {}
    declared = False
    for kind, body, _, _ in walk(records, IPTC_DATASETS):
        declared = declared or (kind == _CHARSET and bytes(body) == _UTF8)
        if kind[0] == 2 and kind[1] not in _BINARY:
            found[kind[1]] = (*found.get(kind[1], ()), _decoded(bytes(body), declared=declared))
    return found


def with_datasets(records: bytes, changes: Mapping[int, Iterable[bytes]]) -> bytes:
    """The records with other values of some datasets of record 2; no value removes a dataset.

    Args:
        records: the IIM records.
        changes: by dataset: values in UTF-8.
    """
    old = [
        (element.kind, bytes(element.body), bytes(element.whole)) for element in walk(records, IPTC_DATASETS)
    ]
    declared = any(kind == _CHARSET and body == _UTF8 for kind, body, _ in old)
    foreign = any(kind == _CHARSET for kind, _, _ in old) and not declared
    parts = [] if declared or foreign else [_dataset(_CHARSET, _UTF8)]
    rest = list[tuple[bytes, bytes]]()
    for kind, body, whole in old:
        if kind[0] == 2 and kind[1] in changes:
            continue
        if kind == _CHARSET and foreign:
            whole = _dataset(_CHARSET, _UTF8)
        elif not declared and kind[0] == 2 and kind[1] not in _BINARY:
            text = _decoded(body, declared=False).encode()
            whole = whole if text == body else _dataset(kind, text)
        if kind[0] < 2:
            parts.append(whole)
        else:
            rest.append((kind, whole))
    for dataset, values in changes.items():
        kind = bytes((2, dataset))
        rest += [(kind, _dataset(kind, value[:_LONGEST])) for value in values]
    if not rest:
        return b""
    rest.sort(key=lambda pair: pair[0])  # stable: values of one dataset keep their order
    return b"".join((*parts, *(whole for _, whole in rest)))


def shortened(text: str, longest: int) -> bytes:
    """UTF-8 of at most that many bytes, cut between characters.

    >>> shortened("Ödön", 3)
    b'\\xc3\\x96d'
    """
    body = text.encode()
    return body if not longest or len(body) <= longest else body[:longest].decode("utf-8", "ignore").encode()


def _decoded(body: bytes, *, declared: bool) -> str:
    """The text of a dataset: without a declaration UTF-8 if it is valid, else Windows-1252 (MWG 2.0, 2.6)."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace") if declared else body.decode("cp1252", "replace")


def _dataset(kind: bytes, body: bytes) -> bytes:
    return b"\x1c" + kind + struct.pack(">H", len(body)) + body
