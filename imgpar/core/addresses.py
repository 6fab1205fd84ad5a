"""Addresses of pictures on the network: how they are told from paths, and what of them may be written down.

    https://user:word@host/photos/a%20b.jpg?token=…
    scheme  user info  host path              query

User info and query may hold secrets. They are used for the request only: whatever is printed, stored or
raised has passed `without_secrets`.
"""

from __future__ import annotations

import re

STORES = ("s3", "gs", "az", "sftp", "memory")
"""Schemes of object stores and folders of other machines; their paths may hold ? and #."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
"""Of two letters or more: `C:` is a drive."""
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20}:/{1,2})((?:[^\s'\"<>]|'(?=[\w%&=/+~@-]))*)")
"""An address in a text, as scheme and rest. An apostrophe belongs to it where it is no closing quote."""
_QUERY = re.compile(r"(?<=\S)\?[\w.~%+-]+=[^\s\"<>]*")
"""A query behind a path with spaces, or behind one without its host."""
_LIKE_QUERY = r"\?(?=[\w.~%+-]+=)"
_QUOTED = ("%25", "%3F", "%23")
"""What `quoted_path` writes."""
_WITHOUT_HOST = "url: /"
"""How urllib3 names an address in its messages."""


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


def is_valid(address: str) -> bool:
    """Whether host and port of an address can be told; others are never asked, nor is a name server.

    >>> is_valid("http://[::1]:80/a.jpg"), is_valid("http://[x/a.jpg"), is_valid("http://me:wo/rd@host/a.jpg")
    (True, False, False)
    """
    from urllib.parse import urlsplit  # errors import this module before anything else

    try:
        parts = urlsplit(address)
        return (parts.port or 0) >= 0 and "\\" not in parts.netloc
    except ValueError:
        return False


def clean_address(address: str) -> str:
    """An address as it may be written down: without user info and query.

    >>> clean_address("https://me:word@host/it's here.jpg?token=x#part")
    "https://host/it's here.jpg"
    """
    scheme, slashes, rest = address.partition("://")
    return scheme + slashes + _place(scheme, rest)


def without_secrets(text: str) -> str:
    """A text with the user info and the query of each address in it removed; other text stays.

    >>> without_secrets("https://me:word@host/a.jpg?token=x#part failed")
    'https://host/a.jpg failed'
    >>> without_secrets("photos/a.jpg?")
    'photos/a.jpg?'
    """
    if ":/" not in text and _WITHOUT_HOST not in text:
        return text
    cleaned, count = _ADDRESS.subn(_cleaned, text)
    return _QUERY.sub(_punctuation, cleaned) if count or _WITHOUT_HOST in text else text


def _cleaned(found: re.Match[str]) -> str:
    """An address in a text, with the punctuation that follows it."""
    scheme, rest = found.groups()
    place = _place(scheme, rest)
    return scheme + place + ("" if rest.endswith(place) else rest[len(rest.rstrip(".,;:)")) :])


def _punctuation(found: re.Match[str]) -> str:
    """What follows a query and is no part of it."""
    query = found[0]
    return query[len(query.rstrip("'\").,;")) :]


def _place(scheme: str, rest: str) -> str:
    """Host and path of what follows `://`."""
    end = _LIKE_QUERY if scheme.rstrip(":/").lower() in STORES else "[?#]"
    authority, slash, path = re.split(end, rest, maxsplit=1)[0].partition("/")
    authority = authority.rpartition("@")[2]
    port = authority.rpartition("]")[2].partition(":")[2]
    if port.strip("0123456789:.,;)"):  # a password with / or ?, which is cut in two
        authority, slash, path = "", "", ""
    return authority + slash + path


def quoted_path(path: str) -> str:
    """A path as a part of an address that keeps it: `?` and `#` would begin what is removed as a secret.

    Different paths have different ones, of which `unquoted_path` makes them again, whole or in parts.

    >>> quoted_path("a b%20.jpg"), quoted_path("50%?.jpg"), quoted_path("%253F.jpg")
    ('a b%20.jpg', '50%25%3F.jpg', '%25253F.jpg')
    """
    if not any(sign in path for sign in ("?", "#", *_QUOTED)):
        return path
    return path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def unquoted_path(path: str) -> str:
    """The path, or a part of it, from which `quoted_path` made this one.

    >>> unquoted_path("a b%20.jpg"), unquoted_path("50%25%3F.jpg"), unquoted_path("%25253F.jpg")
    ('a b%20.jpg', '50%?.jpg', '%253F.jpg')
    """
    if "%" not in path:
        return path
    return path.replace("%3F", "?").replace("%23", "#").replace("%25", "%")


def last_part(address: str) -> str:
    """The last part of the decoded path of an address, which may hold any character; empty where it ends
    with a slash, and of one that is not valid.

    >>> last_part("https://host/photos/a%20b.jpg?size=2")
    'a b.jpg'
    """
    from urllib.parse import unquote, urlsplit  # errors import this module before anything else

    return unquote(urlsplit(address).path.rpartition("/")[2]) if is_valid(address) else ""
