"""Video encoders: pixel formats, and one scale of quality and effort for all.

quality    1 … 100 as for pictures; default 80
x264       CRF = 50 − 0.375 · quality        80 → 20, 60 → 28
others     the CRF of equal visual quality, see `_SCALES`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imgpar.core.errors import EncodeError
from imgpar.formats.options import EncodeOptions
from imgpar.video.binary import available_encoders
from imgpar.video.clip import Picture
from imgpar.video.lossless import PIXEL_FORMATS, Kind, exact, format_for, frame_kind, takes

DEFAULT_QUALITY = 80
DEFAULT_EFFORT = 5

_X26X_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "slower",
                 "veryslow", "veryslow")  # fmt: skip


_LOOKAHEAD = {"libx264": (0, 0, 10, 20, 30, 40, 50, 60, 60, 60, 60),
              "libx265": (5, 10, 15, 15, 15, 20, 25, 40, 40, 40, 40)}  # fmt: skip
"""Lookahead of encoders in frames, by preset."""
_QUIET = "log-level=error:frame-threads=2:info=0"
"""The number of x265's frame threads and its info SEI change the output."""
_FFV1 = ("-level", "3", "-slicecrc", "1")
SEEN_PIXELS = 80 * 1920 * 1080
"""Maximum pixels in the lookahead: 20 frames of 4K."""


@dataclass(frozen=True, slots=True)
class _Encoder:
    subsamplings: tuple[str, ...]
    """Supported chroma subsamplings, the most common first."""
    depth: int
    scale: tuple[float, float]
    """CRF = first + second · (x264's CRF)."""
    top: int
    """Its highest CRF."""
    alpha: bool = False
    odd: bool = False
    """Whether it takes odd sizes with subsampled chroma."""


_ENCODERS: dict[str, _Encoder] = {
    "libx264": _Encoder(("420", "422", "444"), 10, (0, 1), 51),
    "libx264rgb": _Encoder(("444",), 8, (0, 1), 51),
    "libx265": _Encoder(("420", "422", "444"), 12, (2, 1), 51),
    "libvpx-vp9": _Encoder(("420", "422", "440", "444"), 12, (0.5, 1.375), 63, alpha=True, odd=True),
    "libsvtav1": _Encoder(("420",), 10, (7, 1.25), 63),
    "prores_ks": _Encoder(("422", "444"), 10, (0, 0), 0, alpha=True),
    "ffv1": _Encoder(("420", "422", "440", "444"), 12, (0, 0), 0, alpha=True, odd=True),
    "libopenh264": _Encoder(("420",), 8, (0, 1), 51),
    "mpeg4": _Encoder(("420",), 8, (0, 0.5), 31),
}


OF_CODEC: dict[str, tuple[str, ...]] = {
    "h264": ("libx264", "libopenh264"),
    "hevc": ("libx265",),
    "av1": ("libsvtav1",),
    "vp9": ("libvpx-vp9",),
    "prores": ("prores_ks",),
    "ffv1": ("ffv1",),
}
"""Encoders by codec name."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoder of a video stream, its pixel format and its options."""

    encoder: str
    pixel_format: str
    options: tuple[str, ...]
    even: bool
    """Whether width and height have to be even."""
    subsampling: str
    depth: int
    alpha: bool
    lost: tuple[str, ...] = ()
    planes: str = ""
    """Pixel format of the frames sent to it, if different: the same samples as planes."""


def first_available(names: tuple[str, ...]) -> str:
    """The first encoder that this ffmpeg has.

    Raises:
        EncodeError: it has none of them.
    """
    for name in names:
        if name in available_encoders():
            return name
    raise EncodeError(
        f"This ffmpeg has none of the encoders {', '.join(names)}.", fix="Choose another format."
    )


def choose(
    picture: Picture, names: tuple[str, ...], options: EncodeOptions, *, alpha: bool, depth: int
) -> Encoding:
    """The encoder for frames like those of `picture`, with the closest pixel format that it supports.

    Args:
        picture: the frames to encode.
        names: of encoders, in order of preference.
        options: of the recipe.
        alpha: whether frames have alpha.
        depth: bits per sample.

    Raises:
        EncodeError: this ffmpeg has none of the encoders.
    """
    name = first_available(names)
    if options.hardware and depth <= 8 and not alpha:
        hard = _hardware(name, options)
        if hard is not None:
            return hard
    facts = _ENCODERS[name]
    lost: tuple[str, ...] = ("alpha",) if alpha and not facts.alpha else ()
    lost += ("depth",) if depth > facts.depth else ()
    chroma = picture.subsampling or "420"
    if alpha and facts.alpha and name == "libvpx-vp9":
        chroma, depth = "420", 8
    elif alpha and name == "prores_ks":
        chroma = "444"
    elif chroma not in facts.subsamplings:
        lost += ("chroma detail",) if chroma == "444" else ()
        chroma = "422" if chroma != "420" and "422" in facts.subsamplings else facts.subsamplings[0]
    bits = min(max(depth, 10 if name == "prores_ks" else 8), facts.depth)
    bits = next(known for known in (8, 10, 12) if bits <= known)
    letter = "yuva" if alpha and facts.alpha else "yuv"
    pixel_format = f"{letter}{chroma}p" + (f"{bits}le" if bits > 8 else "")
    return Encoding(
        name,
        pixel_format,
        _options(name, facts, options, chroma),
        chroma != "444" and not facts.odd,
        chroma,
        bits,
        alpha and facts.alpha,
        lost,
    )


def lossless(picture: Picture, container: str, names: tuple[str, ...], options: EncodeOptions) -> Encoding:
    """The encoder that keeps every sample of frames like those of `picture`.

    Args:
        picture: the frames to encode.
        container: name of the target container.
        names: of encoders, in order of preference.
        options: of the recipe.

    Raises:
        EncodeError: there is none.
    """
    kind = frame_kind(picture)
    name, _ = exact(kind, container, options.codec, names, available_encoders())
    assert kind is not None
    return _encoding_of(name, kind, options)


def encoding_for(kind: Kind, wanted: str, names: Sequence[str], options: EncodeOptions) -> Encoding:
    """The encoder for samples of a kind that is requested.

    Args:
        kind: of the samples.
        wanted: codec or container, for messages.
        names: of encoders, in order of preference.
        options: of the recipe.

    Raises:
        EncodeError: none of the encoders takes such samples.
    """
    known = [name for name in names if name in available_encoders()]
    name = next((name for name in known if takes(name, kind)), None)
    if name is None:
        others = {kind.planes: 0 for kind in PIXEL_FORMATS.values() if any(takes(one, kind) for one in known)}
        raise EncodeError(
            f"{kind.words} cannot be stored by {wanted}.",
            fix=f"Choose one of {', '.join(others)} for pixel_format, or another codec or container.",
        )
    return _encoding_of(name, kind, options)


def _encoding_of(name: str, kind: Kind, options: EncodeOptions) -> Encoding:
    """An encoder that takes samples of a kind as they are."""
    odd = name in ("libvpx-vp9", "ffv1") or kind.name[:3] not in ("420", "422", "440")
    if options.lossless:
        told = _lossless_options(name, DEFAULT_EFFORT if options.effort is None else options.effort)
    else:
        told = _options(name, _ENCODERS[name], options, kind.subsampling or "420")
    form = format_for(name, kind)
    return Encoding(name, form, told, not odd, kind.subsampling, kind.depth, kind.alpha, planes=kind.planes)


def _lossless_options(name: str, effort: int) -> tuple[str, ...]:
    preset = ("-preset", _X26X_PRESETS[effort])
    if name in ("libx264", "libx264rgb"):
        return (*preset, "-qp", "0")
    if name == "libx265":
        return (*preset, "-x265-params", _QUIET + ":lossless=1")
    if name == "libvpx-vp9":
        return (*_hurry(effort), "-lossless", "1")
    if name == "libaom-av1":
        return ("-cpu-used", str(8 - effort * 8 // 10), "-row-mt", "1", "-aom-params", "lossless=1")
    return _FFV1 if name == "ffv1" else ()


def written(picture: Picture, encoding: Encoding) -> Picture:
    """The picture with the colour properties that are written: RGB or grey becomes YUV with those of
    video."""
    yuv = picture.pixel_format.startswith(("yuv", "nv", "p0", "p2", "p4", "uyvy", "yvyu"))
    if yuv or not encoding.pixel_format.startswith("yuv"):
        return picture
    return replace(picture, colour=picture.colour._replace(range="tv", matrix="bt709"))


def short_sighted(encoding: Encoding, size: tuple[int, int]) -> Encoding:
    """Reduce the lookahead for large frames, which are all held in memory.

    >>> options = ("-preset", "medium", "-crf", "20")
    >>> short_sighted(Encoding("libx264", "yuv420p", options, True, "420", 8, False), (3840, 2160)).options
    ('-preset', 'medium', '-crf', '20', '-rc-lookahead', '20')
    """
    if encoding.encoder not in _LOOKAHEAD:
        return encoding
    usual = dict(zip(_X26X_PRESETS, _LOOKAHEAD[encoding.encoder], strict=True))
    most = max(10, SEEN_PIXELS // (size[0] * size[1]))
    options = list(encoding.options)
    if most >= usual[options[options.index("-preset") + 1]]:
        return encoding
    if encoding.encoder == "libx264":
        options += ["-rc-lookahead", str(most)]
    else:
        options[options.index("-x265-params") + 1] += f":rc-lookahead={most}"
    return replace(encoding, options=tuple(options))


def _hardware(name: str, options: EncodeOptions) -> Encoding | None:
    """The same codec in hardware, where that works; VAAPI needs frames in GPU memory and is excluded."""
    from imgpar.video.hardware import hardware_encoder, hardware_options

    codec = next((codec for codec, names in OF_CODEC.items() if name in names), "")
    found = hardware_encoder(codec) if codec else ""
    if not found or found.endswith("vaapi"):
        return None
    told = hardware_options(found, options.quality or DEFAULT_QUALITY)
    return Encoding(found, "yuv420p", told, True, "420", 8, False)


def crf(name: str, quality: int) -> int:
    """The CRF of an encoder for a quality from 1 to 100.

    >>> crf("libx264", 80), crf("libx265", 80), crf("libvpx-vp9", 80)
    (20, 22, 28)
    """
    facts = _ENCODERS[name]
    base, slope = facts.scale
    return max(0, min(facts.top, round(base + slope * (50 - 0.375 * quality))))


def _options(name: str, facts: _Encoder, options: EncodeOptions, chroma: str) -> tuple[str, ...]:
    number = str(crf(name, options.quality or DEFAULT_QUALITY)) if facts.top else ""
    effort = DEFAULT_EFFORT if options.effort is None else options.effort
    preset = ("-preset", _X26X_PRESETS[effort])
    if name in ("libx264", "libx264rgb"):
        return (*preset, "-crf", number)
    if name == "libx265":
        return (*preset, "-crf", number, "-x265-params", _QUIET)
    if name == "libvpx-vp9":
        return (*_hurry(effort), "-crf", number, "-b:v", "0")
    if name == "libsvtav1":
        return ("-preset", str(12 - effort), "-crf", number)
    if name == "prores_ks":
        return ("-profile:v", "4444" if chroma == "444" else "hq")
    if name == "ffv1":
        return _FFV1
    return ("-q:v", number)


def _hurry(effort: int) -> tuple[str, ...]:
    """VP9's own scale of effort."""
    return ("-deadline", "realtime" if effort < 3 else "good", "-cpu-used", str(8 - effort * 8 // 10),
            "-row-mt", "1")  # fmt: skip
