"""Shared by all backends: the result of an encoder, and errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

from imgpar.core.errors import (
    DamagedError,
    ItemError,
    LimitError,
    MissingExtraError,
    NoSuchPageError,
    UnsupportedError,
    setting,
)
from imgpar.core.install_hint import pip
from imgpar.core.limits import Limits
from imgpar.core.spec import Detail, Header, Metadata, Spec
from imgpar.formats.option_values import pages_among
from imgpar.formats.registry import Format

DetailKind = TypeVar("DetailKind", bound=Detail)

_UNKNOWN_KIND = re.compile(
    r"not (yet |currently )?(supported|implemented|handled)|unsupported|unimplemented|unhandled"
    r"|unknown (?!error)|no decoder|cannot handle",
    re.IGNORECASE,
)
"""Phrases with which libraries report an unsupported kind of a possibly intact file."""


class Encoded(NamedTuple):
    """The bytes of a file, what the format could not hold, and remarks."""

    data: bytes | bytearray | memoryview
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    spec: Spec | None = None
    """Of the largest picture in the file; None is that of the frames."""


def damaged(title: str, complaint: str, *, hopeless: bool = False) -> DamagedError:
    """The error for content that cannot be decoded; `hopeless`: not even in part."""
    words = " ".join(complaint.split()).rstrip(".") or "no reason given"
    fix = "" if hopeless else f"Use {setting('accept_damaged', True)} to keep what can be read."
    return DamagedError(f"This {title} is truncated or corrupt: {words}.", fix=fix)


def refused(title: str, complaint: str, *, hopeless: bool = False) -> ItemError:
    """The error for content that a library rejected.

    UnsupportedError if the message tells of an unsupported kind, which may also be a damaged header;
    otherwise DamagedError.

    >>> print(refused("BMP", "unknown filter"))
    This BMP could not be read: unknown filter. It is of a kind that imgpar does not read, or damaged.
    """
    if not _UNKNOWN_KIND.search(complaint):
        return damaged(title, complaint, hopeless=hopeless)
    return unclear(title, complaint)


def unclear(title: str, complaint: str) -> UnsupportedError:
    """The error for content that is of a rare kind or damaged.

    >>> print(unclear("HEIC", "it holds no picture"))
    This HEIC could not be read: it holds no picture. It is of a kind that imgpar does not read, or damaged.
    """
    words = " ".join(complaint.split()).rstrip(".")
    return UnsupportedError(
        f"This {title} could not be read: {words}. It is of a kind that imgpar does not read, or damaged."
    )


def detail_of(header: Header, kind: type[DetailKind]) -> DetailKind:
    """The detail of a header whose reader gives it one of this kind."""
    detail = header.detail
    assert isinstance(detail, kind), f"{header.format} has {type(detail).__name__}"
    return detail


def durations_of(metadata: Metadata, count: int) -> list[int]:
    """Milliseconds for each of `count` frames; 100 where the metadata has another number of frames."""
    return list(metadata.durations) if len(metadata.durations) == count else [100] * count


def check_size(width: int, height: int, limits: Limits, frames: int = 1) -> None:
    """Raise LimitError for pictures larger than the limits, before memory is allocated.

    Args:
        width: in pixels.
        height: in pixels.
        limits: maximum pixels and frames.
        frames: number of frames.
    """
    if width * height > limits.max_pixels:
        raise LimitError(
            f"It has {width}×{height} = {width * height:,} pixels, the limit is {limits.max_pixels:,}.",
            fix=f"To allow it, raise the limit: {setting('max_pixels', width * height)}.",
        )
    if frames > limits.max_frames:
        raise too_many_frames(frames, limits)


def too_many_frames(frames: int, limits: Limits) -> LimitError:
    """The error for an animation or document with more frames than the limit."""
    return LimitError(
        f"It has {frames:,} frames, the limit is {limits.max_frames:,}.",
        fix=f"To allow it, raise the limit: {setting('max_frames', frames)}.",
    )


def chosen_pages(limits: Limits, count: int, what: str = "page") -> Sequence[int]:
    """The pages to read among `count`, from 0, ascending.

    Args:
        limits: with the requested pages.
        count: number of pages in the file.
        what: a page or a frame, for the message.

    Raises:
        NoSuchPageError: the file has none of them.
    """
    if not limits.pages:
        return range(count)
    found = pages_among(limits.pages, count)
    if not found:
        has = f"1 {what}" if count == 1 else f"{count:,} {what}s"
        raise NoSuchPageError(f"It has {has}; {limits.pages} was requested.")
    return found


@cache
def loadable(*packages: str) -> bool:
    """Whether packages are installed and can be loaded."""
    try:
        for name in packages:
            import_module(name)
    except ImportError:
        return False
    return True


def require(fmt: Format, module: str = "") -> Any:
    """Import the module of the package that a format needs; raises MissingExtraError with the pip command."""
    try:
        return import_module(module or fmt.module)
    except ImportError as error:
        raise MissingExtraError(
            f"{fmt.title} needs the package {fmt.extra}, which is not installed.",
            fix=f"Run: {pip(fmt.extra)}",
        ) from error
