"""Which settings apply to which files, derived from the format records.

A setting that does not apply to a file is ignored for it. What depends on the target only is checked before
anything is read (`pointless`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, Format, find_format

CLIP_SETTINGS = frozenset(
    ("codec", "audio", "trim", "speed", "fps", "map", "loudnorm", "deinterlace", "tonemap", "max_bytes",
     "target", "hardware")
)  # fmt: skip
"""Settings that do not apply to still pictures."""
_OF_KINDS: dict[tuple[str, str], frozenset[str]] = {
    ("video", "video"): CLIP_SETTINGS,
    ("video", "image"): frozenset(("trim", "speed", "fps", "deinterlace", "tonemap")),
    ("video", "audio"): frozenset(("trim", "speed", "loudnorm")),
    ("image", "video"): frozenset(("codec", "trim", "speed", "fps")),
}
"""Those that apply when an input of the first kind becomes an output of the second."""
_KINDS = ("image", "video")
_KEPT = "lossless"
"""A guarantee: a format that cannot provide it is an error."""
_SCALES = ("quality", "effort")
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(EncodeOptions)}


def says_something(name: str, source: Format | None, target: Format) -> bool:
    """Whether a setting can affect a conversion between two formats.

    Args:
        name: of a field of `EncodeOptions`.
        source: format of the input; None is any.
        target: format of the output.

    >>> says_something("codec", find_format("jpg"), find_format("jpg"))
    False
    >>> says_something("fps", find_format("gif"), find_format("mp4"))
    True
    """
    if name in CLIP_SETTINGS:
        kinds = (source.kind,) if source else _KINDS
        return any(name in _OF_KINDS.get((kind, target.kind), ()) for kind in kinds)
    if name == "strip":
        return True
    if name == "pages":
        return target.kind != "audio" and (source is None or (source.frames and source.kind == "image"))
    if name == "density":
        return target.kind != "audio" and (source is None or source.drawn)
    if name == "background":
        return target.kind != "audio" and not target.alpha
    if name == "colour":
        return target.kind == "image"
    return name in target.takes


def given(options: EncodeOptions) -> list[str]:
    """The settings that differ from their defaults."""
    return [name for name in EncodeOptions.options() if getattr(options, name) != _DEFAULTS[name]]


@lru_cache(maxsize=1024)
def relevant(options: EncodeOptions, source: str, target: str) -> EncodeOptions:
    """The settings without those that do not apply to such a file.

    >>> relevant(EncodeOptions(quality=80, codec="hevc"), "jpeg", "jpeg") == EncodeOptions(quality=80)
    True
    """
    return _without(options, silent(options, source, (target,)))


def silent(options: EncodeOptions, source: str, targets: Collection[str]) -> tuple[str, ...]:
    """Names of the given settings that do not apply to a file of this format and any of its outputs."""
    if source not in FORMATS or any(target not in FORMATS for target in targets):
        return ()
    return tuple(
        name
        for name in given(options)
        if name != _KEPT
        and not any(says_something(name, FORMATS[source], FORMATS[target]) for target in targets)
    )


def pointless(names: Iterable[str], to: Collection[str]) -> str:
    """The first given setting that applies to no file in these formats, or an empty string.

    Quality and effort always apply: a format without such a scale ignores them.

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
