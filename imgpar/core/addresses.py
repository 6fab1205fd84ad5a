"""Addresses of pictures on the network: how they are told from paths, and what of them may be written down.

    https://user:word@host/photos/a%20b.jpg?token=…
    scheme  user info  host path              query

User info and query may hold secrets. They are used for the request only: whatever is printed, stored or
raised has passed `without_secrets`.
"""

from __future__ import annotations

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
"""Of two letters or more: `C:` is a drive."""
_SECRETS = re.compile(
    r"(?P<start>[A-Za-z][A-Za-z0-9+.-]+:/{1,2})"
    r"(?P<user>[^\s/?#\"'<>]*@)?"
    r"(?P<place>[^\s?#\"'<>]*)"
    r"(?P<query>[?#][^\s\"'<>]*)?"
)


def scheme_of(text: str) -> str:
    """The scheme of an address in lower case; empty for a path.

    >>> scheme_of("S3://bucket/a.jpg"), scheme_of("photos/a.jpg"), scheme_of("C://photos")
    ('s3', '', '')
    """
    found = _SCHEME.match(text)
    return found[1].lower() if found else ""


def is_address(text: object) -> bool:
    """Whether an input or OUT is an address, not a path."""
    return isinstance(text, str) and bool(scheme_of(text))


def without_secrets(text: str) -> str:
    """A text with the user info and the query of each address in it removed; other text stays.

    >>> without_secrets("https://me:word@host/a.jpg?token=x#part failed")
    'https://host/a.jpg failed'
    >>> without_secrets("photos/a.jpg?")
    'photos/a.jpg?'
    """
    if ":/" not in text:
        return text
    return _SECRETS.sub(lambda found: found["start"] + found["place"], text)


def last_part(address: str) -> str:
    """The last part of the decoded path of an address, which may hold any character; empty where it ends
    with a slash.

    >>> last_part("https://host/photos/a%20b.jpg?size=2")
    'a b.jpg'
    """
    from urllib.parse import unquote, urlsplit  # errors import this module before anything else

    return unquote(urlsplit(address).path.rpartition("/")[2])
