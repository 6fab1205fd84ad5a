"""An address of a store, taken apart.

    sftp://me@host:22/photos/2024/*.jpg
    scheme user host  path        pattern

Paths are taken as they are written: `%20` is three characters.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass

from imgpar.core.addresses import scheme_of, without_secrets
from imgpar.core.errors import UsageError

OBJECT_STORES = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A folder, object or file of a store."""

    scheme: str
    host: str
    """Bucket, container, or host with its port."""
    path: str = ""
    """Without slashes at its ends."""
    pattern: tuple[str, ...] = ()
    """Parts of a pattern for what lies below; empty takes everything."""
    user: str = ""
    """Who logs in; never printed."""
    folder: bool = False
    """Whether a slash at the end says that it is a folder."""

    @property
    def store(self) -> str:
        """The address of the store itself."""
        return f"{self.scheme}://{self.host}"

    @property
    def root(self) -> str:
        """The address of `path`, without user."""
        return f"{self.store}/{self.path}" if self.path else self.store


def place_of(address: str, *, pattern: bool = True) -> StorePlace:
    """Take an address apart.

    Args:
        address: as given.
        pattern: whether `*`, `?` and `[` begin a pattern.

    >>> place_of("s3://bucket/photos/*.jpg")
    StorePlace(scheme='s3', host='bucket', path='photos', pattern=('*.jpg',), user='', folder=True)
    >>> place_of("sftp://me@host/~/web").root
    'sftp://host/~/web'

    Raises:
        UsageError: it names no bucket or host, or holds a password.
    """
    scheme, shown = scheme_of(address), without_secrets(address)
    rest = address.partition("://")[2]
    head, _, path = rest.partition("/")
    user, _, host = head.rpartition("@")
    if ":" in user or (user and scheme != "sftp"):
        raise UsageError(
            f"{shown} was given with a user name or password in it, where others can read them.",
            fix="Leave them out: they are taken from the environment and the files of the store's own tools.",
        )
    if not host:
        what = "host" if scheme == "sftp" else "bucket"
        raise UsageError(f"{shown} names no {what}.", fix=f"Write {scheme}://{what.upper()}/PATH.")
    *above, last = path.split("/")
    parts = [*above, last] if last else above
    first = next((at for at, part in enumerate(parts) if pattern and glob.has_magic(part)), None)
    base = "/".join(parts if first is None else parts[:first])
    wanted = () if first is None else tuple(parts[first:])
    return StorePlace(scheme, host, base.strip("/"), wanted, user, not last or bool(wanted))
