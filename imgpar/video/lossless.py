"""Pixel formats, the encoders that take them, and lossless encoding: exact, or refused.

kind     samples                                             planes in memory
grey     luma, full range                                    gray
420 …    luma and chroma, `a` with alpha                     yuv420p, yuva420p …
rgb      red, green and blue, `a` with alpha                 gbrp, gbrap
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imgpar.core import parsing
from imgpar.core.errors import (
    EncodeError,
    bad_value,
    setting,
)
from imgpar.video.clip import Picture

_YUV = ("420", "422", "444")
_TO_10, _TO_12, _TO_16 = (8, 10), (8, 10, 12), (8, 9, 10, 12, 14, 16)
_HOLDS: dict[str, dict[str, tuple[int, ...]]] = {
    "libx264": dict.fromkeys((*_YUV, "grey"), _TO_10),
    "libx264rgb": {"rgb": (8,)},
    "libx265": dict.fromkeys((*_YUV, "grey", "rgb"), _TO_12),
    "libvpx-vp9": {**dict.fromkeys((*_YUV, "440", "rgb"), _TO_12), "420a": (8,)},
    "libaom-av1": dict.fromkeys((*_YUV, "grey", "rgb"), _TO_12),
    "ffv1": {
        **dict.fromkeys((*_YUV, "grey", "rgb"), _TO_16),
        "440": _TO_12, "rgba": (8, 10, 12, 14, 16),
        **dict.fromkeys(("420a", "422a", "444a"), (8, 9, 10, 16)),
    },
    "qtrle": {"rgb": (8,), "rgba": (8,)},
}  # fmt: skip
"""Encoder → kind → bits per sample that it keeps exactly."""
_LOSSY: dict[str, dict[str, tuple[int, ...]]] = {
    "libsvtav1": {"420": _TO_10},
    "prores_ks": dict.fromkeys(("422", "444", "444a"), (10,)),
    "mpeg4": {"420": (8,)},
    "libopenh264": {"420": (8,)},
}
"""The same of encoders that lose some."""
_PACKED = {
    ("libx264rgb", "rgb"): "rgb24", ("ffv1", "rgb"): "bgr0", ("ffv1", "rgba"): "bgra",
    ("qtrle", "rgb"): "rgb24", ("qtrle", "rgba"): "argb",
}  # fmt: skip
"""Packed 8-bit formats of encoders that take no planes; ffmpeg reorders the same samples."""
_REPLACED = {"h264": ("libx264", "libx264rgb"), "av1": ("libaom-av1",)}
"""Lossless alternatives to the encoders of a codec."""
_USUAL = {
    "mp4": ("libx264", "libx264rgb", "libx265", "libvpx-vp9"),
    "mov": ("libx264", "libx264rgb", "libx265", "qtrle"),
    "mkv": ("libx264", "libx264rgb", "libx265", "libvpx-vp9", "ffv1"),
    "webm": ("libvpx-vp9", "libaom-av1"),
    "avi": ("libx264", "ffv1"),
}
"""Default encoders by container."""
_SAME = {"nv12": "420", "nv21": "420", "p010le": "420", "p012le": "420", "p016le": "420", "nv16": "422",
         "yuyv422": "422", "uyvy422": "422", "yvyu422": "422", "p210le": "422", "nv24": "444"}  # fmt: skip
"""The same samples in another order."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of the samples of a clip."""

    name: str
    depth: int
    full: bool = False
    """Whether YUV has the full range."""

    @property
    def words(self) -> str:
        """Description for messages."""
        what = {"grey": "grey", "rgb": "RGB", "rgba": "RGB with alpha"}.get(self.name)
        if what is None:
            what = f"YUV 4:{self.name[1]}:{self.name[2]}" + (" with alpha" if self.name[3:] else "")
        return f"{what} of {self.depth} bits" + (" and full range" if self.full else "")

    @property
    def alpha(self) -> bool:
        """Whether it has alpha."""
        return self.name.endswith("a")

    @property
    def subsampling(self) -> str:
        """Chroma subsampling, as in `Picture`."""
        return {"gre": "", "rgb": "444"}.get(self.name[:3], self.name[:3])

    @property
    def planes(self) -> str:
        """ffmpeg's name of the planar pixel format."""
        deep = f"{self.depth}le" if self.depth > 8 else ""
        if self.name == "grey":
            return "gray" + deep
        if self.name.startswith("rgb"):
            return ("gbrap" if self.name == "rgba" else "gbrp") + deep
        return f"yuv{self.name[3:]}{self.name[:3]}p{deep}"


_DEPTHS = (8, 9, 10, 12, 14, 16)
PIXEL_FORMATS: dict[str, Kind] = {
    kind.planes: kind
    for name in ("420", "422", "440", "444", "420a", "422a", "444a", "grey", "rgb", "rgba")
    for kind in (Kind(name, depth) for depth in _DEPTHS)
} | {
    **dict.fromkeys(("rgb24", "bgr24", "bgr0"), Kind("rgb", 8)),
    **dict.fromkeys(("rgba", "bgra", "argb"), Kind("rgba", 8)),
    "rgb48le": Kind("rgb", 16),
    "rgba64le": Kind("rgba", 16),
}
"""ffmpeg's names of pixel formats that can be requested."""


@parsing.accepts("str")
def parse_pixel_format(value: object) -> str:
    """The name of a pixel format, or an empty string.

    >>> parse_pixel_format("YUV444P10LE")
    'yuv444p10le'
    """
    name = value.strip().lower() if isinstance(value, str) else None
    if name is None or (name and name not in PIXEL_FORMATS):
        known = (
            "a pixel format of FFmpeg such as yuv420p, yuv444p10le, yuva420p, gray, rgb24, rgba or gbrp16le"
        )
        raise bad_value(parsing.VALUE, known, value, PIXEL_FORMATS)
    return name


def takes(encoder: str, kind: Kind) -> bool:
    """Whether an encoder takes samples of this kind as they are."""
    return kind.depth in (_HOLDS.get(encoder) or _LOSSY.get(encoder, {})).get(kind.name, ())


def format_for(encoder: str, kind: Kind) -> str:
    """The pixel format in which an encoder takes samples of this kind."""
    return (_PACKED.get((encoder, kind.name)) if kind.depth == 8 else None) or kind.planes


def lossless_encoders(container: str, codec: str, names: Sequence[str]) -> Sequence[str]:
    """Lossless encoders in order of preference: of a codec, which has the encoders `names`, or else those of
    a container."""
    return _REPLACED.get(codec, tuple(names)) if codec else _USUAL[container]


def frame_kind(picture: Picture) -> Kind | None:
    """Kind of the samples of a picture; None where no encoder supports it."""
    depth, form = max(8, picture.depth), picture.pixel_format.replace("yuvj", "yuv")
    if form.startswith(("gray", "mono")):
        found = Kind("grey", depth)
        return found if "f" not in form[4:] else None
    full = picture.colour.range == "pc" or form != picture.pixel_format
    if form in _SAME:
        return Kind(_SAME[form], depth, full)
    if form.startswith(("yuv", "nv", "p0", "p2", "p4")):
        found = Kind(picture.subsampling + ("a" if picture.alpha else ""), depth, full)
        return found if picture.alpha or found.planes == form else None
    if "f" in form or form.startswith(("xyz", "bayer")):
        return None
    return Kind("rgba" if picture.alpha else "rgb", depth)


def exact(
    kind: Kind | None, container: str, codec: str, names: Sequence[str], known: frozenset[str]
) -> tuple[str, str]:
    """The encoder that keeps every sample, and its pixel format.

    Args:
        kind: of the samples to keep; None is unsupported.
        container: name of the target.
        codec: the requested one; empty for the default.
        names: its encoders.
        known: the encoders that this ffmpeg has.

    Returns:
        Names of the encoder and of its pixel format.

    Raises:
        EncodeError: there is none.
    """
    for name in lossless_encoders(container, codec, names) if kind is not None else ():
        assert kind is not None
        limited = name == "ffv1" and kind.full  # it takes no other YUV, and ffmpeg would convert the range
        if name in known and not limited and name in _HOLDS and takes(name, kind):
            return name, format_for(name, kind)
    what = kind.words if kind is not None else "This pixel format"
    raise EncodeError(
        f"{what} cannot be encoded losslessly by {codec or container}.",
        fix=f"Choose {setting('codec', 'ffv1')} in an MKV, or leave {setting('lossless')} out.",
    )
