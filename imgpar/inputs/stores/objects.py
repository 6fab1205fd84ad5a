"""S3, Google Cloud Storage and Azure by obstore.

Credentials and endpoints come from the environment variables of each store (`AWS_…`, `GOOGLE_…`, `AZURE_…`),
and from the files of their tools.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imgpar.core.addresses import without_secrets
from imgpar.core.errors import UsageError
from imgpar.inputs.stores.client import (
    RETRIES,
    ChangedError,
    StoredFile,
    StoreListing,
    Upload,
    failure,
    pause,
    store_library,
)
from imgpar.inputs.stores.s3_login import ENDPOINTS, odd_listing, s3_settings

BLOCK = 4 << 20
"""Bytes of one request of a large object, so that the time of each is bounded."""
SINGLE = 8 << 20
"""Bytes up to which an object is stored with one request, which may be conditional."""
PATIENCE = timedelta(seconds=90)
"""Time for one request with its retries."""
_ENDPOINTS = {"s3": ENDPOINTS, "az": ("AZURE_STORAGE_ENDPOINT",), "gs": ("GOOGLE_BASE_URL",)}
_VARIABLES = {"s3": "AWS", "az": "AZURE", "gs": "GOOGLE"}
_ODD = "Its name has an empty part, the part '.' or '..', or a control character"


_used = _forked = False
"""Whether obstore was in use, in this process; before it was forked."""


def _after_fork() -> None:
    global _forked
    _forked = _used


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ObjectClient:
    """One bucket or container; see `Client`."""

    def __init__(self, scheme: str, bucket: str, _user: str = "", retries: int = RETRIES) -> None:
        global _used
        _used = True
        self._library = store_library("obstore", scheme)
        self._errors = store_library("obstore.exceptions", scheme)
        self._scheme, self._bucket = scheme, bucket
        self._retries = retries
        with _usable_settings(scheme, self._errors):
            self._store = _store(scheme, bucket, retries)

    def folder(self, path: str) -> StoreListing:
        """As `Client.folder`."""
        try:
            with self._plain_errors():
                found = self._store.list_with_delimiter(path or None)
        except _OddNameError:
            return self._odd_folder(path)
        start = f"{path}/" if path else ""
        files = [_found(entry, start) for entry in found["objects"] if entry["path"].startswith(start)]
        folders = [at[len(start) :] for at in found["common_prefixes"]]
        return StoreListing([file for file in files if file.name], folders)

    def find(self, path: str) -> StoredFile | None:
        """As `Client.find`."""
        try:
            with self._plain_errors():
                return _found(self._store.head(path), path.rpartition("/")[0])
        except (FileNotFoundError, _OddNameError):
            return None

    def read(self, path: str, start: int, end: int, found: StoredFile) -> bytes:
        """As `Client.read`."""
        if start >= end:
            return b""
        options: dict[str, Any] = {"range": (start, end)}
        if found.etag:
            options["if_match"] = found.etag
        with self._plain_errors():
            result = self._store.get(path, options=options)
            data = bytes(result.bytes())
        if len(data) != end - start or result.meta["size"] != found.size:
            raise failure(ChangedError, "It was changed while it was read")
        return data

    def blocks(self, path: str, found: StoredFile) -> Iterator[bytes]:
        """As `Client.blocks`."""
        for start in range(0, found.size, BLOCK):
            yield self.read(path, start, min(start + BLOCK, found.size), found)

    def put(self, path: str, upload: Upload) -> None:
        """As `Client.put`: by one request, or in parts that become an object at the end.

        A request whose connection broke may have been carried out; then its repetition fails the condition.
        """
        for attempt in range(self._retries + 1):
            if attempt:
                pause(attempt)
            try:
                self._put_if(path, upload)
                return
            except (FileExistsError, ChangedError):
                if not self._holds(path, upload):
                    raise
                return
            except ConnectionError:
                if attempt == self._retries:
                    raise

    def _put_if(self, path: str, upload: Upload) -> None:
        if upload.size > SINGLE:  # uploads in parts know no conditions
            there = self.find(path) if upload.new or upload.over else None
            if upload.new and there:
                raise failure(FileExistsError, "There is something under its name")
            if upload.over and there and there[1:] != upload.over[1:]:
                raise failure(ChangedError, "It was changed meanwhile")
            self._put(path, Path(upload.path), upload, "overwrite")
            return
        content = Path(upload.path).read_bytes()
        try:
            self._put(path, content, upload, _mode(self._scheme, upload))
        except _NoConditionsError:
            self._put(path, content, upload, "overwrite")

    def _holds(self, path: str, upload: Upload) -> bool:
        """Whether an object is what was to be stored."""
        found = self.find(path)
        if found is None or found.size != upload.size:
            return False
        with open(upload.path, "rb") as file:
            return all(file.read(len(block)) == block for block in self.blocks(path, found))

    def _put(self, path: str, content: bytes | Path, upload: Upload, mode: Any) -> None:
        about = {"Content-Type": upload.kind, "Cache-Control": upload.cache_control}
        with self._plain_errors():
            self._store.put(
                path,
                content,
                attributes={name: words for name, words in about.items() if words},
                mode=mode,
                use_multipart=isinstance(content, Path),
                chunk_size=BLOCK * 2,
                max_concurrency=2,
            )

    def close(self) -> None:
        """As `Client.close`; there is nothing to end."""

    def _odd_folder(self, path: str) -> StoreListing:
        """A folder with names that obstore refuses."""
        if self._scheme != "s3":
            return StoreListing((), (), ("",))
        return odd_listing(self._bucket, path)

    @contextlib.contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turn the exceptions of obstore into those of a file system."""
        if _forked:
            raise UsageError(
                "This process was forked from one that had used object stores: the threads of obstore, which "
                "would answer it, are not in the fork.",
                fix='Use object stores only after the fork, or start processes with "spawn".',
            )
        errors = self._errors
        try:
            yield
        except (FileNotFoundError, errors.NotFoundError) as error:
            bucket = "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error)
            words = f"There is no bucket {self._bucket!r}" if bucket else "It is not there"
            raise failure(FileNotFoundError, words) from None
        except (errors.InvalidPathError, ValueError):
            raise _OddNameError from None
        except (errors.PreconditionError, errors.NotModifiedError):
            raise failure(ChangedError, "It was changed meanwhile") from None
        except errors.AlreadyExistsError:
            raise failure(FileExistsError, "There is something under its name") from None
        except (errors.PermissionDeniedError, errors.UnauthenticatedError) as error:
            raise failure(PermissionError, f"The store refuses access{_said(error)}") from None
        except errors.NotSupportedError:
            raise _NoConditionsError from None
        except (errors.BaseError, OSError) as error:
            if "NotImplemented" in str(error) or " 501" in str(error):
                raise _NoConditionsError from None
            raise _in_words(error) from None


class _OddNameError(OSError):
    """A name that obstore refuses."""

    def __init__(self) -> None:
        super().__init__(22, _ODD)


class _NoConditionsError(OSError):
    """A store that knows no conditions, or not this one."""

    def __init__(self) -> None:
        super().__init__(95, "The store does not know the request")


def _mode(scheme: str, upload: Upload) -> Any:
    """The condition under which an object is stored."""
    if upload.new:
        return "create"
    there = upload.over or StoredFile("", 0, 0)
    known = {"version": there.version} if scheme == "gs" else {"e_tag": there.etag}
    return known if all(known.values()) else "overwrite"


@contextlib.contextmanager
def _usable_settings(scheme: str, errors: Any) -> Iterator[None]:
    """Turn what a library says of settings in the environment into UsageError."""
    try:
        yield
    except (errors.BaseError, OSError, ValueError) as error:
        said = without_secrets(str(error).splitlines()[0]).rstrip(".")
        said = re.sub(r"^Generic \w+ error: ", "", said)
        raise UsageError(
            f"The settings for {scheme}:// cannot be used: {said}.",
            fix=f"Check the environment variables {_VARIABLES[scheme]}_…, and the files that they name.",
        ) from None


def _endpoints(scheme: str) -> list[str]:
    """The addresses of servers in the environment. Raises ValueError for one that is none."""
    found = {name: os.environ.get(name, "") for name in _ENDPOINTS[scheme]}
    for name, address in found.items():
        if address and not _is_server(address):
            raise ValueError(f"{name} is not the address of a server, with http:// or https://")
    return list(found.values())


def _is_server(address: str) -> bool:
    """Whether an address can be asked; obstore ends the program for some that cannot."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(re.fullmatch(r"[\w.:-]+", host, re.ASCII))


def _store(scheme: str, bucket: str, retries: int) -> Any:
    stores = store_library("obstore.store", scheme)
    endpoints = _endpoints(scheme)
    settings: dict[str, Any] = {
        "client_options": {
            "allow_http": any(at.lower().startswith("http://") for at in endpoints) or None,
            "connect_timeout": "10s",
            "timeout": "60s",
            "user_agent": "imgpar",
        },
        "retry_config": {
            "max_retries": retries,
            "retry_timeout": PATIENCE,
            "backoff": {
                "init_backoff": timedelta(seconds=0.25),
                "max_backoff": timedelta(seconds=8),
                "base": 3,
            },
        },
    }
    settings["client_options"] = {name: at for name, at in settings["client_options"].items() if at}
    if scheme == "s3":
        return stores.S3Store(bucket, **settings, **s3_settings())
    return {"gs": stores.GCSStore, "az": stores.AzureStore}[scheme](bucket, **settings)


def _found(entry: Any, start: str) -> StoredFile:
    mtime = int(entry["last_modified"].timestamp()) * 10**9
    name = entry["path"][len(start) :].lstrip("/")
    return StoredFile(name, entry["size"], mtime, entry.get("e_tag") or "", entry.get("version") or "")


def _said(error: BaseException) -> str:
    """What the server says of a failure, after a colon."""
    found = re.search(r"<Message>(.*?)</Message>", str(error), re.DOTALL)
    return f": {without_secrets(found[1].strip().rstrip('.'))}" if found else ""


def _in_words(error: BaseException) -> OSError:
    """The failure in one sentence; the text of obstore is meant for developers."""
    text = str(error)
    if "PermanentRedirect" in text or "redirect without LOCATION" in text:
        return failure(OSError, "The bucket lies in another region")
    if status := re.search(r"status(?: code)?:? (\d{3})", text):
        if status[1] in ("401", "403"):
            return failure(PermissionError, f"The store refuses access{_said(error)}")
        kind = ConnectionError if status[1][0] == "5" else OSError
        return failure(kind, f"The store answers with status {status[1]}{_said(error)}")
    if re.search(r"TimedOut|kind: Timeout|operation timed out", text):
        return failure(ConnectionError, "The store does not answer in time")
    if re.search(r"HTTP error|error sending request|kind: Connect", text):
        return failure(ConnectionError, "There is no connection to the store")
    return failure(
        OSError, without_secrets(text.splitlines()[0] if text else type(error).__name__).rstrip(".")
    )
