"""Settings of shards, as given and as they are stored beside them."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from imgpar.core.errors import bad_value
from imgpar.core.parsing import VALUE, accepts, file_size

KEYS = ("number", "name")
CHECKSUMS = ("sha256", "sha512", "md5", "none")
MOST_SAMPLES = 1_000_000
"""Samples of a shard whose size is limited in bytes."""


class ShardSize(NamedTuple):
    """When a shard is full; 0 is no limit."""

    samples: int = MOST_SAMPLES
    nbytes: int = 0

    def __str__(self) -> str:
        return str(self.nbytes) + "B" if self.nbytes else str(self.samples)


@accepts("int | str")
def shard_size(value: object) -> ShardSize:
    """Size of a shard: a number of samples, or bytes with a unit.

    >>> shard_size("1GB"), shard_size(10_000)
    (ShardSize(samples=1000000, nbytes=1000000000), ShardSize(samples=10000, nbytes=0))
    """
    wanted = "a size such as 1GB, or a number of samples such as 10000"
    text = str(value).strip()
    if isinstance(value, bool) or not re.match(r"\d", text):
        raise bad_value(VALUE, wanted, value)
    if text.isdecimal():
        count = int(text)
        if not 1 <= count <= MOST_SAMPLES:
            raise bad_value(VALUE, f"a number of samples from 1 to {MOST_SAMPLES}", value)
        return ShardSize(count)
    size = file_size(value)
    if size < 10_000:
        raise bad_value(VALUE, "a size of at least 10k", value)
    return ShardSize(nbytes=size)


class ShardSettings(NamedTuple):
    """How samples are named, and what is said of them."""

    size: ShardSize = ShardSize()
    keys: str = "number"
    """One of `KEYS`."""
    checksum: str = "sha256"
    """One of `CHECKSUMS`, of the content of the input."""
    caption: str = ""
    """Column of the list whose text is written as KEY.txt; empty for none."""
    expected: str = ""
    """Column of the list with the checksum that an input must have; empty for none."""

    beside: str = ""
    """`samples` where the inputs are samples, whose keys, captions and other columns are kept."""

    @property
    def digits(self) -> int:
        """Digits of the number of a sample in its shard."""
        return math.ceil(math.log10(self.size.samples)) if self.size.samples > 1 else 0


def shard_name(number: int) -> str:
    """The name of a shard, before its suffixes.

    >>> shard_name(12)
    '00012'
    """
    return f"{number:05d}"


def number_key(shard: int, place: int, digits: int) -> str:
    """The key of a sample by its place in its shard.

    >>> number_key(3, 17, digits=4)
    '000030017'
    """
    return f"{shard * 10**digits + place:0{5 + digits}d}"
