"""Which settings say something about which file, derived from the records of the formats.

A setting that says nothing about a file changes nothing about it: the file is treated as if the setting were
not there. What only the target decides is known before anything is read (`pointless`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from imgpar.formats.options import Clips, EncodeOptions
from imgpar.formats.registry import FORMATS, Format, find_format

CLIP_SETTINGS = frozenset(
    name for name, option in EncodeOptions.options().items() if isinstance(option.matters, Clips)
)
"""Settings of which none means anything to a still picture."""
_KEPT = "lossless"
"""A promise: a format that cannot keep it refuses, and the file is not written with less."""
_SCALES = ("quality", "effort")
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(EncodeOptions)}


def says_something(name: str, source: Format | None, target: Format) -> bool:
    """Whether a setting can change what becomes of a file of one format written in another.

    Args:
        name: of a field of `EncodeOptions`.
        source: the input's format; None is any.
        target: the output's.

    >>> says_something("codec", find_format("jpg"), find_format("jpg"))
    False
    >>> says_something("fps", find_format("gif"), find_format("mp4"))
    True
    """
    matters = EncodeOptions.options()[name].matters
    if matters is not None:
        return matters(source, target)
    return name in target.takes


def given(options: EncodeOptions) -> list[str]:
    """The settings that differ from their defaults."""
    return [name for name in EncodeOptions.options() if getattr(options, name) != _DEFAULTS[name]]


@lru_cache(maxsize=1024)
def relevant(options: EncodeOptions, source: str, target: str) -> EncodeOptions:
    """The settings without those that say nothing about such a file.

    >>> relevant(EncodeOptions(quality=80, codec="hevc"), "jpeg", "jpeg") == EncodeOptions(quality=80)
    True
    """
    return _without(options, silent(options, source, (target,)))


def silent(options: EncodeOptions, source: str, targets: Collection[str]) -> tuple[str, ...]:
    """Names of the given settings that say nothing about a file of this format and any of its outputs."""
    if source not in FORMATS or any(target not in FORMATS for target in targets):
        return ()
    return tuple(
        name
        for name in given(options)
        if name != _KEPT
        and not any(says_something(name, FORMATS[source], FORMATS[target]) for target in targets)
    )


def pointless(names: Iterable[str], to: Collection[str]) -> str:
    """The first of the given settings that says nothing about any file in one of these formats, or nothing.

    Quality and effort are never pointless: a format that knows no such scale keeps or does all it can.

    >>> pointless(["quality", "codec"], ["png"])
    'codec'
    """
    targets = [find_format(word) for word in to]
    known = [name for name in names if name in _DEFAULTS and name not in _SCALES]
    return next(
        (name for name in known if not any(says_something(name, None, target) for target in targets)),
        "",
    )


def _without(options: EncodeOptions, names: Collection[str]) -> EncodeOptions:
    return replace(options, **{name: _DEFAULTS[name] for name in names}) if names else options
