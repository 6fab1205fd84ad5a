"""What is asked of a store, whichever it is.

Clients raise OSError with a sentence as `strerror`, of the type that a file system would raise:
FileNotFoundError, FileExistsError, PermissionError, ConnectionError; and ChangedError.
"""

from __future__ import annotations

import errno
import importlib
import os
import random
import time
import weakref
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from imgpar.core.errors import UsageError
from imgpar.core.install_hint import pip

CLIENTS = {
    "s3": ("objects", "ObjectClient"),
    "gs": ("objects", "ObjectClient"),
    "az": ("objects", "ObjectClient"),
    "sftp": ("sftp", "SftpClient"),
    "memory": ("fsspec_files", "FsspecClient"),
}
"""Module and class of the client, by scheme; the class is called with scheme, host, user and retries."""


RETRIES = 6
"""Further attempts of a request; with the waits between them they bridge some 20 s without a server."""


def pause(attempt: int) -> None:
    """Wait before an attempt other than the first, 0: at random, so that threads do not come together."""
    time.sleep(random.uniform(0.5, 1.0) * min(0.25 * 2.0**attempt, 8.0))  # noqa: S311


class ChangedError(OSError):
    """Something else lies there than what was asked for."""


class StoredFile(NamedTuple):
    """A file or object."""

    name: str
    """Its last part in a listing."""
    size: int
    mtime_ns: int
    """In whole seconds, as some stores know no more."""
    etag: str = ""
    """What changes with the content; empty where a store has no such thing."""
    version: str = ""
    """What Google Cloud Storage asks for in place of the ETag."""


class StoreListing(NamedTuple):
    """What lies directly in a folder."""

    files: Sequence[StoredFile]
    folders: Sequence[str]
    wrong: Sequence[str] = ()
    """Names that cannot be asked for: of empty parts, or with `..`."""


class Upload(NamedTuple):
    """How a file is stored."""

    path: str
    """Of the local file."""
    size: int
    kind: str
    """Media type."""
    over: StoredFile | None = None
    """What it replaces; where something else is there now, nothing is stored. None replaces anything."""
    new: bool = False
    """Whether there must be nothing under its name."""
    cache_control: str = ""
    """What an object store is to say of how long it may be kept."""


class Client(Protocol):
    """One bucket, or one host. Used by several threads."""

    def folder(self, path: str) -> StoreListing:
        """What lies in a folder; nothing where there is no such folder."""

    def find(self, path: str) -> StoredFile | None:
        """The file or object at a path; None where there is none."""

    def read(self, path: str, start: int, end: int, found: StoredFile) -> bytes:
        """A part of the content of `found`."""

    def blocks(self, path: str, found: StoredFile) -> Iterator[bytes]:
        """The whole content of `found`."""

    def put(self, path: str, upload: Upload) -> None:
        """Store a file, whole or not at all."""

    def close(self) -> None:
        """End the connections; the next request makes others."""


@lru_cache(maxsize=64)
def client_of(scheme: str, host: str, user: str = "", retries: int = RETRIES) -> Client:
    """The client of this process for a bucket or host.

    Args:
        scheme: of the address.
        host: bucket, container, or host with its port.
        user: who logs in; empty takes the usual one.
        retries: further attempts of a request whose connection breaks.
    """
    module, name = CLIENTS[scheme]
    made: Client = getattr(importlib.import_module(f"imgpar.inputs.stores.{module}"), name)(
        scheme, host, user, retries
    )
    _made.add(made)
    return made


def clients() -> list[Client]:
    """All clients of this process."""
    return list(_made)


_made = weakref.WeakSet[Client]()


def store_library(name: str, scheme: str) -> Any:
    """A module of the extra `remote`. Raises UsageError where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise UsageError(
            f"Addresses with {scheme}:// need the package {package}.", fix=f"Run: {pip('imgpar[remote]')}"
        ) from None


def failure(kind: type[OSError], words: str) -> OSError:
    """An OSError whose message is `words`; `fix` says what to do about it."""
    number, fix = _KINDS.get(kind, (errno.EIO, ""))
    error = kind(number, words)
    error.fix = fix  # type: ignore[attr-defined]
    return error


_KINDS: dict[type[OSError], tuple[int, str]] = {
    FileNotFoundError: (errno.ENOENT, "It was there when its folder was listed."),
    FileExistsError: (errno.EEXIST, ""),
    PermissionError: (errno.EACCES, "Check the credentials, which come from the environment."),
    ConnectionError: (errno.EIO, "Check the network and the address of the server."),
    ChangedError: (errno.EIO, "Run again."),
}


if hasattr(os, "register_at_fork"):
    # A forked child must not use the connections of its parent.
    os.register_at_fork(after_in_child=client_of.cache_clear)
