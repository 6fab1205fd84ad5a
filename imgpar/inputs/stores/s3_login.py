"""What botocore does for S3: profiles and logins of the AWS tools, and listings of names that obstore refuses."""

from __future__ import annotations

import importlib.util
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from imgpar.inputs.stores.client import Listing

VALID = timedelta(minutes=10)
"""Time after which credentials are asked for again."""


def s3_settings() -> dict[str, Any]:
    """Settings of a store of obstore: none where the environment holds the keys, else those of the profile."""
    checks = {} if "AWS_CHECKSUM_ALGORITHM" in os.environ else {"checksum_algorithm": "SHA256"}
    if "AWS_ACCESS_KEY_ID" in os.environ or not (_has_files() and importlib.util.find_spec("botocore")):
        return checks
    session = _session()
    found = dict(checks)
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


def odd_listing(bucket: str, path: str) -> Listing:
    """A folder in which names have empty parts or `..`; all are `wrong`, and the others can be read."""
    raise NotImplementedError(bucket, path)


@lru_cache(maxsize=1)
def _session() -> Any:
    import botocore.session

    return botocore.session.Session()


def _has_files() -> bool:
    names = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    return any(os.path.exists(os.path.expanduser(name)) for name in names)
