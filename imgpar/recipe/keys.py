"""Which settings belong to the key of an output: by the key, journals know how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgpar.core.options import Option
from imgpar.recipe.tables import plain, values_of

_SETTINGS = (
    "quality", "lossless", "effort", "palette", "subsampling", "progressive", "strip", "background", "colour",
    "pages", "density", "codec", "audio", "trim", "speed", "fps", "map", "loudnorm", "deinterlace", "tonemap",
    "max_bytes", "target", "hardware",
)  # fmt: skip
FIRST: Mapping[str, frozenset[str]] = {
    "settings": frozenset(_SETTINGS),
    "blur": frozenset({"sigma"}),
    "brightness": frozenset({"factor"}),
    "contrast": frozenset({"factor"}),
    "crop": frozenset({"region", "gravity"}),
    "flip": frozenset({"direction"}),
    "pad": frozenset({"canvas", "gravity", "background"}),
    "resize": frozenset({"geometry", "fit", "gravity", "enlarge", "linear", "background"}),
    "rotate": frozenset({"degrees", "background"}),
    "saturation": frozenset({"factor"}),
    "sharpen": frozenset({"amount", "sigma"}),
    "watermark": frozenset({"image", "gravity", "margin", "opacity", "scale", "tile"}),
    "watermark_text": frozenset(
        {"text", "size", "colour", "outline", "opacity", "gravity", "margin", "font", "tile"}
    ),
}
"""Fields of the settings of the encoders, and of operations, whose value is part of every key. All others
are part of it only where they differ from their defaults: a new setting changes no key of an existing output.
"""


def fields_in_key(owner: Any, options: Mapping[str, Option], kind: str) -> dict[str, Any]:
    """The fields that belong to the key, as TOML values.

    Args:
        owner: an operation, or the settings of the encoders.
        options: its declarations.
        kind: name of the operation, or "settings".
    """
    first = FIRST.get(kind, frozenset())
    return {
        name: plain(value)
        for name, value, is_default in values_of(owner, options)
        if value is not None and (name in first or not is_default)
    }
