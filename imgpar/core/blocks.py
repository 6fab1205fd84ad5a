"""Blocks of metadata as files store them, each with what was parsed from it.

    block = Exif(data)          made once, by the reader of the file
    first_ifd(block)            parsed when first asked for, then kept with the block

A block is bytes: it compares, hashes and is written like them. An edit makes a new block.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Self, TypeVar


class Block(bytes):
    """Immutable bytes; results of `memoized` functions are kept with them, and do not travel to other
    processes."""

    def same(self, data: bytes) -> Self:
        """The block with these bytes: this one, with what was parsed from it, if they are its own."""
        return self if self == data else type(self)(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (bytes(self),)


class Exif(Block):
    """EXIF, from the TIFF header (II or MM) on, without `Exif\\0\\0`."""


class Icc(Block):
    """A colour profile."""


class Xmp(Block):
    """An XMP packet; both parts of one that a JPEG stores in two."""


_B = TypeVar("_B", bound=Block)
_R = TypeVar("_R")


def memoized(parse: Callable[[_B], _R]) -> Callable[[_B], _R]:
    """Decorate a function of one block, so that its result is computed once per block.

    Results are shared: they must not be modified.

    >>> @memoized
    ... def length(block: Exif) -> int:
    ...     print("counted")
    ...     return len(block)
    >>> block = Exif(b"II*")
    >>> length(block) + length(block)
    counted
    6
    """
    name = _name(parse)

    @wraps(parse)
    def recall(block: _B) -> _R:
        kept = block.__dict__
        if name not in kept:
            kept[name] = parse(block)
        result: _R = kept[name]
        return result

    return recall


def remember(block: _B, parse: Callable[[_B], Any], result: object) -> None:
    """Keep what a `memoized` function would return for a block, where that is known without parsing.

    Args:
        block: as returned by an edit.
        parse: the decorated function.
        result: shared from now on.
    """
    block.__dict__[_name(parse)] = result


def _name(parse: Callable[..., Any]) -> str:
    return f"{parse.__module__}.{parse.__qualname__}"
