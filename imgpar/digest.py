"""What the journal remembers of an input's content, to know it again when only its time has changed.

XXH3 where the package is there: SHA-256 takes a tenth of the time of a whole photo. It tells an edited file
from an untouched one; against somebody who makes two files of one digest on purpose it is no protection.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from imgpar.files import long_path

BLOCK = 1 << 20


def content_digest(data: bytes | bytearray | memoryview) -> str:
    """The digest of bytes, 32 hexadecimal digits.

    >>> len(content_digest(b"pixels")), content_digest(b"pixels") == content_digest(bytearray(b"pixels"))
    (32, True)
    """
    digest: str = _kind()(data).hexdigest()
    return digest[:32]


def file_digest(path: str) -> str:
    """`content_digest` of a file that is too large to be held in memory."""
    state = _kind()()
    with open(long_path(path), "rb") as file:
        while block := file.read(BLOCK):
            state.update(block)
    digest: str = state.hexdigest()
    return digest[:32]


@cache
def _kind() -> Any:
    """The constructor. A journal written with the other one is no error: inputs whose time has changed are
    converted again."""
    try:
        from xxhash import xxh3_128
    except ImportError:
        from hashlib import sha256

        return sha256
    return xxh3_128
