"""What botocore does for S3: profiles and logins of the AWS tools, and the names that obstore refuses."""

from __future__ import annotations

import importlib
import importlib.util
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from imgpar.core.addresses import without_secrets
from imgpar.inputs.stores.client import StoredFile, StoreListing, failure

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
"""Variables that name another server than that of AWS."""

VALID = timedelta(minutes=10)
"""Time after which credentials are asked for again."""


def s3_settings() -> dict[str, Any]:
    """Settings of a store of obstore; keys are those of the profile, where the environment holds none.

    Raises ValueError where the files of the AWS tools cannot be used.
    """
    checks: dict[str, Any] = (
        {} if "AWS_CHECKSUM_ALGORITHM" in os.environ else {"checksum_algorithm": "SHA256"}
    )
    if "AWS_ACCESS_KEY_ID" in os.environ or not (_has_files() and importlib.util.find_spec("botocore")):
        return checks
    try:
        return checks | _of_profile(_session())
    except Exception as error:  # botocore has a class for each reason
        raise ValueError(str(error)) from None


def _of_profile(session: Any) -> dict[str, Any]:
    found = dict[str, Any]()
    if not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        found["region"] = session.get_config_variable("region") or "us-east-1"
    if (credentials := session.get_credentials()) is not None:
        found["credential_provider"] = _Login(credentials)
    return found


class _Login:
    """The credentials of a session, as obstore asks for them."""

    config: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def __call__(self) -> dict[str, Any]:
        frozen = self._credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + VALID,
        }


def odd_listing(bucket: str, path: str) -> StoreListing:
    """A folder in which names have empty parts, `.` or `..`, or control characters."""
    start = f"{path}/" if path else ""
    try:
        pages = (
            _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start, Delimiter="/")
        )
        files, folders = list[StoredFile](), list[str]()
        for page in pages:
            folders += [entry["Prefix"][len(start) : -1] for entry in page.get("CommonPrefixes", ())]
            files += [_found(entry, start) for entry in page.get("Contents", ())]
    except ImportError:
        return StoreListing((), (), ("",))
    except Exception as error:  # botocore has a class for each service and code
        raise failure(ConnectionError, without_secrets(str(error)).rstrip(".")) from None
    files = [file for file in files if file.name]  # the folder itself
    wrong = [name for name in (*(file.name for file in files), *folders) if is_odd(name)]
    files = [file for file in files if not is_odd(file.name)]
    return StoreListing(files, [name for name in folders if not is_odd(name)], wrong)


def is_odd(name: str) -> bool:
    """Whether obstore refuses a part of a name.

    >>> is_odd(".."), is_odd("a..b"), is_odd("")
    (True, False, True)
    """
    return name in ("", ".", "..") or any(sign < " " or sign == "\x7f" for sign in name)


def _found(entry: Any, start: str) -> StoredFile:
    mtime = int(entry["LastModified"].timestamp()) * 10**9
    return StoredFile(entry["Key"][len(start) :], entry["Size"], mtime, entry.get("ETag") or "")


@lru_cache(maxsize=1)
def _client() -> Any:
    config = importlib.import_module("botocore.config").Config
    endpoint = next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), None)
    style = {"addressing_style": "path"} if endpoint else {}
    region = os.environ.get("AWS_REGION") or None
    return _session().create_client("s3", region, endpoint_url=endpoint, config=config(s3=style))


@lru_cache(maxsize=1)
def _session() -> Any:
    return importlib.import_module("botocore.session").Session()


def _has_files() -> bool:
    names = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    return any(os.path.exists(os.path.expanduser(name)) for name in names)
