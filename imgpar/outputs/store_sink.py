"""OUT in an object store, or in a folder of another machine."""

from __future__ import annotations

import io
import mimetypes
import os
import threading
from collections.abc import Mapping

from imgpar.core.digest import stream_digest
from imgpar.core.errors import OutputError
from imgpar.core.job import Facts, OutputFile
from imgpar.formats.registry import format_of_suffix
from imgpar.inputs.stores.client import StoredFile, Upload, client_of
from imgpar.inputs.stores.places import place_of
from imgpar.inputs.stores.ranged import StoreFile
from imgpar.inputs.stores.source import version_of

OBJECT_STORES = ("s3", "gs", "az")
"""Schemes whose objects have a Cache-Control."""
_OTHER_TYPES = {".parquet": "application/vnd.apache.parquet", ".xmp": "application/rdf+xml"}
"""What Python does not know."""


class StoreSink:
    """Outputs below an address.

    What `find` said of a name is a condition of the `publish` that follows in the same thread: what was
    stored there in between is not replaced.

    Args:
        address: of a folder, which need not exist.
    """

    waits = True

    def __init__(self, address: str) -> None:
        place = place_of(address, pattern=False)
        self.lasts = place.scheme != "memory"
        self._scheme, self._cache_control = place.scheme, ""
        self.root, self._store = place.root, f"{place.store}/"
        self._client = client_of(place.scheme, place.host, place.user)
        self._asked = threading.local()

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`; the ETag stands for the inode."""
        found = self._client.find(self._key(path))
        self._asked.last = path, found
        return _facts(found) if found else None

    def listing(self, folder: str) -> Mapping[str, Facts]:
        """As `Sink.listing`. Raises OutputError."""
        try:
            found = self._client.folder(self._key(folder.rstrip("/")))
        except OSError as error:
            raise OutputError(
                f"{self.root} cannot be read: {error.strerror or error}.", fix="Choose another OUT."
            ) from None
        return {file.name: _facts(file) for file in found.files}

    def digest(self, path: str) -> str:
        """As `Sink.digest`."""
        key = self._key(path)
        found = self._client.find(key)
        if found is None:
            raise FileNotFoundError(2, "It is not there")
        return stream_digest(io.BufferedReader(StoreFile(self._client, key, found)))

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        """As `Sink.publish`; the ETag that `find` saw is a condition, in the same thread."""
        asked, there = getattr(self._asked, "last", ("", None))
        over = there if asked == path else None
        self._put(path, Upload(file, made.bytes, media_type(path), over))

    def publish_new(self, path: str, file: str, made: OutputFile, /) -> None:
        """As `Sink.publish_new`."""
        self._put(path, Upload(file, made.bytes, media_type(path), new=True))

    def cached_by(self, directives: str) -> bool:
        """As `Sink.cached_by`."""
        self._cache_control = directives
        return self._scheme in OBJECT_STORES

    def close(self) -> None:
        """As `Sink.close`."""
        self._client.close()

    def _put(self, path: str, upload: Upload) -> None:
        self._client.put(self._key(path), upload._replace(cache_control=self._cache_control))

    def _key(self, path: str) -> str:
        return path[len(self._store) :]


def media_type(path: str) -> str:
    """The media type of an output by its suffix.

    >>> media_type("s3://bucket/a.webp"), media_type("00000.parquet"), media_type("notes")
    ('image/webp', 'application/vnd.apache.parquet', '')
    """
    if found := format_of_suffix(path):
        return found.mime
    known = _OTHER_TYPES.get(os.path.splitext(path)[1].lower())
    return known or mimetypes.guess_type(path)[0] or ""


def _facts(found: StoredFile) -> Facts:
    version = version_of(found)
    return Facts(found.size, found.mtime_ns, found.mtime_ns if version else 0, version)
