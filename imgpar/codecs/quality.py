"""One visible scale of quality, 1 to 100, for every lossy format.

The scale is that of JPEG (libjpeg). The other columns are the settings of the encoders that reach the
same SSIM (on luma, mean of a set of camera photos at 1600 pixels):

    quality      30  50  60  70  75  80  85  90  95
    WebP         PLACEHOLDER
    AVIF         PLACEHOLDER
"""

from __future__ import annotations

from bisect import bisect_right

DEFAULT = 85
"""Where JPEG artefacts are hard to see at normal distance; every format starts from here."""

FULL_CHROMA = 92
"""From here on colour keeps its full resolution: below, 4:2:0 halves it, which few eyes see in photos."""

_QUALITIES = (1, 30, 50, 60, 70, 75, 80, 85, 90, 95, 100)
_SCALES: dict[str, tuple[int, ...]] = {
    "webp": (1, 30, 50, 60, 70, 75, 80, 85, 90, 95, 100),
    "avif": (1, 30, 45, 50, 55, 60, 65, 70, 80, 90, 100),
}


def encoder_setting(format_name: str, quality: int | None) -> int:
    """The number that this format's encoder takes for a quality on the common scale.

    >>> encoder_setting("jpeg", 82)
    82
    """
    wanted = DEFAULT if quality is None else quality
    scale = _SCALES.get(format_name)
    if scale is None:
        return wanted
    right = min(bisect_right(_QUALITIES, wanted), len(_QUALITIES) - 1)
    low, high = _QUALITIES[right - 1], _QUALITIES[right]
    share = (wanted - low) / (high - low)
    return round(scale[right - 1] + share * (scale[right] - scale[right - 1]))
