"""Which settings apply to which files, derived from the format records.

A setting that does not apply to a file is ignored for it. What depends on the target only is checked before
anything is read (`pointless`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from imgpar.formats.matters import Clips
from imgpar.formats.option_values import CLIP_MEASURES, PICTURE_MEASURES
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, Format, find_format

CLIP_SETTINGS = frozenset(
    name for name, option in EncodeOptions.options().items() if isinstance(option.matters, Clips)
)
"""Settings that do not apply to still pictures."""
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
    matters = EncodeOptions.options()[name].matters
    if matters is not None:
        return matters(source, target)
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
        and not (name == "dpi" and options.scaled)
        and not any(_affects(options, name, source, target) for target in targets)
    )


def _affects(options: EncodeOptions, name: str, source: str, target: str) -> bool:
    """Whether a given setting, with its value, can affect a conversion."""
    if name == "target" and not measurable(options, FORMATS[target]):
        return False
    return says_something(name, FORMATS[source], FORMATS[target])


def measurable(options: EncodeOptions, target: Format) -> bool:
    """Whether the measure of the target quality, if there is one, is available for such an output.

    >>> from imgpar.formats.option_values import parse_target
    >>> measurable(EncodeOptions(target=parse_target("vmaf=90")), find_format("jpg"))
    False
    """
    known = PICTURE_MEASURES if target.kind == "image" else CLIP_MEASURES
    return options.target is None or options.target.measure in known


def with_measured(options: EncodeOptions, target: Format) -> EncodeOptions:
    """The settings without a target quality that is not measured on such an output.

    >>> from imgpar.formats.option_values import parse_target
    >>> with_measured(EncodeOptions(target=parse_target("psnr=40")), find_format("mp4")).target is None
    True
    """
    return options if measurable(options, target) else replace(options, target=None)


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
