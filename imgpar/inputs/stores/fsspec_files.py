"""Places that fsspec reads and writes: `memory://`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from imgpar.core.addresses import without_secrets
from imgpar.inputs.stores.client import ChangedError, StoredFile, StoreListing, Upload, failure, store_library

BLOCK = 4 << 20


class FsspecClient:
    """One file system of fsspec; see `Client`."""

    def __init__(self, scheme: str, host: str, _user: str = "", _retries: int = 0) -> None:
        self._host = host
        self._files: Any = store_library("fsspec", scheme).filesystem(scheme)

    def folder(self, path: str) -> StoreListing:
        """As `Client.folder`."""
        try:
            with _plain_errors():
                entries = self._files.ls(self._full(path), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return StoreListing((), ())
        files = [_found(entry) for entry in entries if entry["type"] == "file"]
        return StoreListing(files, [_name(entry) for entry in entries if entry["type"] == "directory"])

    def find(self, path: str) -> StoredFile | None:
        """As `Client.find`."""
        try:
            with _plain_errors():
                entry = self._files.info(self._full(path))
        except FileNotFoundError:
            return None
        return _found(entry) if entry["type"] == "file" else None

    def read(self, path: str, start: int, end: int, found: StoredFile) -> bytes:
        """As `Client.read`."""
        with _plain_errors():
            data: bytes = self._files.cat_file(self._full(path), start=start, end=end)
            now = self.find(path)
        if now is None or now[1:] != found[1:] or len(data) != end - start:
            raise failure(ChangedError, "It was changed while it was read")
        return data

    def blocks(self, path: str, found: StoredFile) -> Iterator[bytes]:
        """As `Client.blocks`."""
        for start in range(0, found.size, BLOCK):
            yield self.read(path, start, min(start + BLOCK, found.size), found)

    def put(self, path: str, upload: Upload) -> None:
        """As `Client.put`."""
        full = self._full(path)
        if upload.new and self.find(path):
            raise failure(FileExistsError, "There is something under its name")
        with _plain_errors(), open(upload.path, "rb") as file:
            self._files.pipe_file(full, file.read())

    def close(self) -> None:
        """As `Client.close`; there is nothing to end."""

    def _full(self, path: str) -> str:
        return f"/{self._host}/{path}".rstrip("/")


def _name(entry: Any) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def _found(entry: Any) -> StoredFile:
    when = entry.get("created") or entry.get("mtime") or 0
    seconds = when.timestamp() if isinstance(when, datetime) else float(when)
    return StoredFile(_name(entry), int(entry["size"]), int(seconds * 1e9), str(entry.get("ETag") or ""))


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise failure(FileNotFoundError, "It is not there") from None
    except OSError as error:
        raise failure(type(error), without_secrets(error.strerror or str(error))) from None
