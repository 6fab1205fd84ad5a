"""Which files a setting applies to, by the formats of input and output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgpar.core.options import Matters


def always(_source: Any, _target: Any) -> bool:
    """Applies to every output."""
    return True


def of_pages(source: Any, target: Any) -> bool:
    """Applies to pictures with pages or frames."""
    return target.kind != "audio" and (source is None or (source.frames and source.kind == "image"))


def of_animations(source: Any, target: Any) -> bool:
    """Applies to outputs that are animations."""
    return bool(target.animated) and (source is None or bool(source.frames))


def of_drawings(source: Any, target: Any) -> bool:
    """Applies to vector inputs, which are rasterised when they are read."""
    return target.kind != "audio" and (source is None or source.drawn)


def without_alpha(_source: Any, target: Any) -> bool:
    """Applies to outputs without alpha."""
    return target.kind != "audio" and not target.alpha


def of_pictures(_source: Any, target: Any) -> bool:
    """Applies to outputs that are pictures."""
    return bool(target.kind == "image")


def of_same_format(source: Any, target: Any) -> bool:
    """Applies to pictures that keep their format."""
    return bool(target.kind == "image") and (source is None or source == target)


@dataclass(frozen=True, slots=True)
class Clips:
    """Applies to clips that stay clips, and to the listed conversions between kinds."""

    others: frozenset[str]

    def __call__(self, source: Any, target: Any) -> bool:
        """Whether the setting applies to this pair of input and output kinds."""
        kinds = (source.kind,) if source else ("image", "video")
        return any(f"{kind}-{target.kind}" in self.others | {"video-video"} for kind in kinds)


def clips(*others: str) -> Matters:
    """`Clips` from kinds such as "video-image"."""
    return Clips(frozenset(others))


@dataclass(frozen=True, slots=True)
class Limited:
    """Applies to pictures and to clips that stay clips; with `measured`, to formats with a quality only."""

    measured: bool = False

    def __call__(self, source: Any, target: Any) -> bool:
        """Whether the setting applies to this pair of input and output kinds."""
        if target.kind == "image":
            return not self.measured or "quality" in target.takes
        return bool(target.kind == "video" and (source is None or source.kind == "video"))
