"""Items of http(s) servers.

fetch_url    the whole content into a new file
open_url     an open file, whose blocks are fetched when they are read

client       connections, redirects, proxies       hosts    which addresses may be connected to
refusals     statuses, X-Robots-Tag, exceptions     ranged   the open file
reachable    hosts that are given up
"""

from __future__ import annotations

from imgpar.core.errors import MissingExtraError
from imgpar.core.install_hint import pip

try:
    import urllib3  # noqa: F401
except ImportError:
    fix = f"Install what reads them: {pip('imgpar[remote]')}"
    raise MissingExtraError("Web servers need a package.", fix=fix) from None

from imgpar.inputs.fetching import Fetched, FetchOptions
from imgpar.inputs.http.client import close_connections
from imgpar.inputs.http.fetch import fetch_url
from imgpar.inputs.http.ranged import open_url

__all__ = ["FetchOptions", "Fetched", "close_connections", "fetch_url", "open_url"]
