"""A source of a few addresses, for tests of transfers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import urlsplit

from imgpar.core.addresses import last_part, without_secrets
from imgpar.core.job import Item
from imgpar.inputs.batches import Batch
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing
from imgpar.inputs.http import close_connections, fetch_url, open_url
from imgpar.inputs.patterns import Patterns

LOCAL = FetchOptions(allow_private=True)


@dataclass(frozen=True)
class WebSource:
    """Addresses whose names are unique."""

    urls: Sequence[str]
    options: FetchOptions = field(default=LOCAL)
    root: str = "test://web"
    waits = True

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        items = [
            Item(f"{self.root}/{last_part(without_secrets(url))}", last_part(url), 0, 0, key=url)
            for url in self.urls
        ]
        yield Batch(self.root, mirror, tuple(items), root=self.root)

    def open(self, item: Item) -> IO[bytes]:
        return open_url(item.key, self.options)

    def fetch(self, item: Item, path: str, ongoing: Ongoing) -> Fetched:
        return fetch_url(item.key, path, self.options, item.validator, ongoing)

    def host_of(self, item: Item) -> str:
        return urlsplit(item.key).netloc

    def close(self) -> None:
        close_connections()
