"""Content digests, by which the journal recognises an input when only its timestamp has changed.

XXH3 where the package is installed: SHA-256 would take a tenth of the time of a whole photo. It detects
edits; it is no protection against deliberate collisions.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import cache
from typing import IO, Any, Protocol

from imgpar.core.fs import long_path
from imgpar.core.job import FOLDER, SPECIAL, Facts, OutputFile

BLOCK = 1 << 20


def content_digest(data: bytes | bytearray | memoryview) -> str:
    """The digest of bytes: 32 hexadecimal digits.

    >>> len(content_digest(b"pixels")), content_digest(b"pixels") == content_digest(bytearray(b"pixels"))
    (32, True)
    """
    digest: str = _kind()(data).hexdigest()
    return digest[:32]


def file_digest(path: str) -> str:
    """`content_digest` of a file that is too large for memory."""
    with open(long_path(path), "rb") as file:
        return stream_digest(file)


def stream_digest(file: IO[bytes]) -> str:
    """`content_digest` of what is left in an open file."""
    state = _kind()()
    while block := file.read(BLOCK):
        state.update(block)
    digest: str = state.hexdigest()
    return digest[:32]


def blocks_digest(blocks: Sequence[memoryview]) -> str:
    """`content_digest` of consecutive blocks."""
    if len(blocks) == 1:
        return content_digest(blocks[0])
    state = _kind()()
    for block in blocks:
        state.update(block)
    digest: str = state.hexdigest()
    return digest[:32]


def algorithm() -> str:
    """What `content_digest` computes: "xxh3-128", or "sha256", of which it keeps the first half."""
    return "sha256" if _kind().__name__ == "openssl_sha256" else "xxh3-128"


class Store(Protocol):
    """Where files are, for questions about them: the file system, or a sink of outputs."""

    def find(self, path: str) -> Facts | None:
        """What is at this path, links not followed; None where nothing is."""

    def digest(self, path: str) -> str:
        """`content_digest` of the file at this path. Raises OSError."""


class LocalFiles:
    """The file system."""

    def find(self, path: str) -> Facts | None:
        """What is at this path, links not followed; None where nothing is."""
        try:
            status = os.lstat(long_path(path))
        except OSError:
            return None
        facts = Facts.of(status)
        if stat.S_ISREG(status.st_mode):
            return facts
        return facts._replace(size=FOLDER if stat.S_ISDIR(status.st_mode) else SPECIAL)

    def digest(self, path: str) -> str:
        """`content_digest` of the file at this path. Raises OSError."""
        return file_digest(path)


LOCAL = LocalFiles()


def matches_output(path: str, files: Sequence[OutputFile], store: Store = LOCAL) -> bool:
    """Whether the file at a path, links not followed, is one of these, unchanged.

    If size, timestamps and inode agree, that decides; a file that was copied or moved has other timestamps,
    and its content is read. Records of imgpar 0.1 have only size and modification time.
    """
    now = store.find(path)
    if now is None or now.size < 0:
        return False
    if any(now.agree(file.facts) and (file.ctime_ns or not file.digest) for file in files):
        return True
    wanted = {file.digest for file in files if file.digest and file.bytes == now.size}
    try:
        return bool(wanted) and store.digest(path) in wanted
    except OSError:
        return False


def as_recorded(path: str, files: Sequence[OutputFile], store: Store = LOCAL) -> OutputFile | None:
    """The record that matches the file at a path, with its current ctime and inode; None if none matches."""
    for file in files:
        if matches_output(path, (file,), store) and (now := store.find(path)):
            return file._replace(ctime_ns=now.ctime_ns, inode=now.inode)
    return None


def what_is_wrong(path: str, files: Sequence[OutputFile], store: Store = LOCAL) -> str:
    """One sentence when a file is none of these any more; empty if it is one."""
    now = store.find(path)
    if now is None:
        return "It was removed since imgpar made it."
    if now.size < 0:
        return "It was changed since imgpar made it."
    digests = {file.digest for file in files if file.digest}
    if not digests:  # made by imgpar 0.1
        return "" if any(now.agree(file.facts) for file in files) else "It was changed since imgpar made it."
    try:
        same = store.digest(path) in digests
    except OSError as error:
        return f"It cannot be read: {error.strerror or error}."
    if same:
        return ""
    if any(now.agree(file.facts) for file in files):
        return "It is damaged: its content differs, but it was not written to since imgpar made it."
    return "It was changed since imgpar made it."


@cache
def _kind() -> Any:
    """The constructor. A journal written with the other algorithm is not an error: inputs with new timestamps
    are converted again."""
    try:
        from xxhash import xxh3_128
    except ImportError:
        from hashlib import sha256

        return sha256
    return xxh3_128
