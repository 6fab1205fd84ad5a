"""One visible scale of quality, 1 to 100, for every lossy format.

The scale is that of JPEG (libjpeg). The other columns are the settings of the encoders that reach the
same SSIM (on luma, camera photos of 1024 pixels):

    quality      10  20  30  40  50  60  70  75  80  85  90  95  100
    WebP          4  16  29  41  47  59  68  73  78  83  87  94  100
    AVIF         13  27  37  43  46  51  56  60  65  70  77  88  100
    HEIC          7  21  27  30  33  36  39  41  44  47  52  59   82
    JPEG XL       5  24  43  56  65  71  78  81  84  88  92  96  100
    JPEG 2000    29  32  33  34  35  36  37  37  38  39  41  44   50  (dB)

Measured on six photos with 4:2:0 (4:4:4 for JPEG from 92 on), on four for HEIC and JPEG XL, whose numbers
are those of libjxl's own relation to JPEG; single photos lie up to 8 steps away. At these settings WebP
files have about 75 %, AVIF files about 70 % of the size of the JPEG.
"""

from __future__ import annotations

from bisect import bisect_right

from imgpar.formats.options import EncodeOptions

DEFAULT = 85
"""JPEG artefacts are hard to see at normal distance; default of every format."""

FULL_CHROMA = 92
"""From here on chroma has full resolution: below, 4:2:0 halves it, which is hardly visible in photos."""

_QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100)
_SCALES: dict[str, tuple[int, ...]] = {
    "webp": (1, 4, 16, 29, 41, 47, 59, 68, 73, 78, 83, 87, 94, 100),
    "avif": (1, 13, 27, 37, 43, 46, 51, 56, 60, 65, 70, 77, 88, 100),
    "heic": (1, 7, 21, 27, 30, 33, 36, 39, 41, 44, 47, 52, 59, 82),
    "jxl": (1, 5, 24, 43, 56, 65, 71, 78, 81, 84, 88, 92, 96, 100),
    "jp2": (240, 291, 319, 333, 341, 350, 357, 367, 373, 381, 392, 409, 441, 500),
}
"""JPEG 2000 takes a signal-to-noise ratio, here in tenths of dB."""


def chroma(options: EncodeOptions) -> str:
    """Chroma subsampling: 420, 422 or 444; the requested one, or the default for the quality.

    >>> from imgpar.formats.options import EncodeOptions
    >>> chroma(EncodeOptions(quality=95)), chroma(EncodeOptions())
    ('444', '420')
    """
    wanted = DEFAULT if options.quality is None else options.quality
    return options.subsampling or ("444" if wanted >= FULL_CHROMA else "420")


def encoder_setting(format_name: str, quality: int | None) -> int:
    """The encoder's own setting for a quality on the common scale.

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
