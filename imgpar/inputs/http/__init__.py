"""Items of http(s) servers.

    open_url     an open file, whose blocks are fetched when they are read
    fetch_url    the whole content into a new file
    client       connections, redirects, statuses       hosts    which addresses may be connected to
    retrying     which failures are tried again, when   ranged   the open file
"""

from __future__ import annotations

from imgpar.inputs.http.fetch import fetch_url
from imgpar.inputs.http.ranged import open_url

__all__ = ["fetch_url", "open_url"]
