"""Single objects: fetched into a file, or opened by their address."""

from __future__ import annotations

import contextlib
import io
import os
import time
from typing import IO

from imgpar.core.errors import NoFileError, SourceError
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.fetching import (
    Fetched,
    FetchOptions,
    Ongoing,
    StoppedError,
    check_free_room,
    too_slow,
    transfer_too_large,
)
from imgpar.inputs.stores.client import Client, StoredFile, client_of, clients
from imgpar.inputs.stores.places import place_of
from imgpar.inputs.stores.ranged import StoreFile


def fetched(
    client: Client, key: str, found: StoredFile, path: str, options: FetchOptions, ongoing: Ongoing
) -> Fetched:
    """Write an object to a new file.

    Args:
        client: of its store.
        key: its path in the store.
        found: what lies there.
        path: of the file; it is removed after a failure.
        options: limits.
        ongoing: ends the transfer from outside.

    Raises:
        SourceError, LimitError: it cannot be read.
    """
    if found.size > options.most_bytes:
        raise transfer_too_large(options)
    end = time.monotonic() + options.timeout + ongoing.expects(found.size)
    check_free_room(path, found.size)
    try:
        with open(path, "xb") as file:
            for block in client.blocks(key, found):
                file.write(block)
                if ongoing.stopped:
                    raise StoppedError("The run ended.")
                if time.monotonic() > end:
                    raise too_slow(options)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(path)
        if isinstance(error, OSError):
            raise SourceError(why_unreadable(error)) from None
        raise
    return Fetched(found.size, found.etag, mtime_ns=found.mtime_ns)


def open_stored(address: str, options: FetchOptions) -> IO[bytes]:
    """An open binary file with the content of an object, which can seek.

    Raises:
        SourceError: it cannot be read.
    """
    client, key, found = _at(address, options)
    return io.BufferedReader(StoreFile(client, key, found))


def fetch_stored(
    address: str, path: str, options: FetchOptions, validator: str = "", ongoing: Ongoing | None = None
) -> Fetched:
    """Write the object at an address to a new file.

    Args:
        address: of the object.
        path: of the file.
        options: limits.
        validator: `Fetched.validator` of an earlier transfer; if the content is still the same, nothing is
            written.
        ongoing: ends the transfer from outside.

    Raises:
        SourceError, LimitError: it cannot be read.
    """
    client, key, found = _at(address, options)
    mark = found.etag or f"{found.size} {found.mtime_ns}"
    if validator == mark:
        return Fetched(validator=validator, not_modified=True)
    return fetched(client, key, found, path, options, ongoing or Ongoing())._replace(validator=mark)


def close_stores() -> None:
    """End the connections of this process."""
    for client in clients():
        client.close()


def _at(address: str, options: FetchOptions) -> tuple[Client, str, StoredFile]:
    place = place_of(address, pattern=False)
    client = client_of(place.scheme, place.host, place.user, options.retries)
    try:
        found = client.find(place.path)
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    if found is None:
        raise NoFileError("Nothing is there.")
    return client, place.path, found
