"""Encoder settings: recipe keys and flags that are not operations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

from imgpar.core import parsing
from imgpar.core.limits import Limits
from imgpar.core.options import Declared, Matters, option
from imgpar.formats.option_values import (
    SPLIT,
    ColourTarget,
    QualityTarget,
    Span,
    colour_target,
    page_range,
    parse_span,
    parse_target,
)

SAMPLINGS = ("420", "422", "444")
STRIP = ("gps", "exif", "xmp", "all")
MAPS = ("best", "all")
CURVES = ("hable", "mobius", "reinhard", "clip")
AUDIO = ("copy", "aac", "opus", "none")
Codec = Literal["", "h264", "hevc", "av1", "vp9", "prores", "ffv1"]
"""Empty leaves the choice to the container."""
CODECS = get_args(Codec)[1:]


def always(_source: Any, _target: Any) -> bool:
    """Applies to every output."""
    return True


def of_pages(source: Any, target: Any) -> bool:
    """Applies to pictures with pages or frames."""
    return target.kind != "audio" and (source is None or (source.frames and source.kind == "image"))


def of_drawings(source: Any, target: Any) -> bool:
    """Applies to vector inputs, which are rasterised when they are read."""
    return target.kind != "audio" and (source is None or source.drawn)


def without_alpha(_source: Any, target: Any) -> bool:
    """Applies to outputs without alpha."""
    return target.kind != "audio" and not target.alpha


def of_pictures(_source: Any, target: Any) -> bool:
    """Applies to outputs that are pictures."""
    return bool(target.kind == "image")


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


@dataclass(frozen=True, slots=True)
class EncodeOptions(Declared):
    """Encoder settings; None is the default of the format."""

    quality: int | None = option(
        parsing.integer(1, 100),
        "perceptual quality, 1 to 100, on one scale for all formats",
        default=None,
        metavar="N",
        example="82",
        calls="run encode frames assemble concat sheet",
    )
    lossless: bool = option(
        parsing.switch,
        "lossless encoding, in formats that support it",
        default=False,
        calls="run encode frames assemble concat sheet",
    )
    effort: int | None = option(
        parsing.integer(0, 10),
        "encoder effort: 0 is fastest, 10 gives the smallest files",
        default=None,
        metavar="N",
        example="4",
        calls="run encode frames assemble concat sheet",
    )
    palette: int | None = option(
        parsing.integer(2, 256),
        "write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)",
        default=None,
        metavar="N",
        example="64",
        calls="run encode frames assemble sheet",
    )
    subsampling: str = option(
        parsing.choice(*SAMPLINGS, aliases={"4:2:0": "420", "4:2:2": "422", "4:4:4": "444"}),
        "chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)",
        default="",
        metavar="WHICH",
        choices=SAMPLINGS,
        example="444",
        calls="run encode frames assemble sheet",
    )
    progressive: bool = option(
        parsing.switch,
        "progressive JPEG: slightly smaller, slower to encode",
        default=False,
        calls="run encode frames assemble sheet",
    )
    strip: str = option(
        parsing.choice(*STRIP, aliases={}),
        "metadata to remove: gps, exif, xmp or all (the colour profile is kept)",
        default="",
        metavar="WHAT",
        choices=STRIP,
        example="gps",
        calls="run encode",
        matters=always,
    )
    background: tuple[int, int, int, int] = option(
        parsing.colour,
        "background of transparent pixels in formats without alpha (default: white)",
        default=(255, 255, 255, 255),
        metavar="COLOUR",
        example="white",
        calls="run encode assemble sheet",
        matters=without_alpha,
    )
    colour: ColourTarget | None = option(
        colour_target,
        "convert to srgb, p3 or an ICC profile file, relative colorimetric (default: keep the input's "
        "profile)",
        default=None,
        metavar="PROFILE",
        example="srgb",
        calls="run encode frames",
        matters=of_pictures,
    )
    pages: str = option(
        page_range,
        "pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first, "
        "all, a number or a range such as 2-5 (default: all that the target format can store)",
        default="",
        metavar="PAGES",
        example="split",
        calls="run encode arrays assemble sheet",
        matters=of_pages,
    )
    density: float | None = option(
        parsing.number(1, 10000),
        "resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch",
        default=None,
        metavar="DPI",
        example="300",
        calls="run encode arrays assemble sheet",
        matters=of_drawings,
    )

    dpi: float | None = option(
        parsing.number(1, 10000),
        "dots per inch of the output: written as its density, into the header only where no pixel changes, "
        "and the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)",
        default=None,
        metavar="N",
        example="300",
        calls="run encode frames arrays assemble sheet",
        matters=of_pictures,
    )

    codec: Codec = option(
        parsing.choice(*CODECS, aliases={"h265": "hevc", "x264": "h264", "x265": "hevc"}),
        "video codec: h264, hevc, av1, vp9, prores or ffv1 (default: by container)",
        default="",
        metavar="CODEC",
        choices=CODECS,
        example="hevc",
        calls="run assemble concat",
        matters=clips("image-video"),
    )
    audio: str = option(
        parsing.choice(*AUDIO),
        "audio of clips: copy (encoded only if the container does not support the codec), aac, opus or none",
        default="copy",
        metavar="WHAT",
        choices=AUDIO,
        example="aac",
        calls="run concat",
        matters=clips(),
    )
    trim: Span | None = option(
        parse_span,
        "keep a part of each clip, in seconds or h:m:s: 0:10-0:25, 2.5-7.75, 10- (to the end) or -25 (from "
        "the start)",
        default=None,
        metavar="FROM-TO",
        example="0:10-0:25",
        calls="run frames",
        matters=clips("video-image", "video-audio", "image-video"),
    )
    speed: float | None = option(
        parsing.number(0.05, 100),
        "playback speed of clips: 2 is twice as fast; the pitch of the audio is kept",
        default=None,
        metavar="FACTOR",
        example="2",
        calls="run",
        matters=clips("video-image", "video-audio", "image-video"),
    )
    fps: Fraction | None = option(
        parsing.rate(0.01, 1000),
        "constant frame rate of clips: 25, 30000/1001 (the same as 29.97) … (default: keep the timestamp of "
        "every frame)",
        default=None,
        metavar="N",
        example="25",
        calls="run frames assemble",
        matters=clips("video-image", "image-video"),
    )

    map: str = option(
        parsing.choice(*MAPS),
        "video streams to keep: best (the largest) or all (the others are copied unchanged)",
        default="best",
        metavar="WHICH",
        choices=MAPS,
        example="all",
        calls="run",
        matters=clips(),
    )
    loudnorm: bool = option(
        parsing.switch,
        "normalise the loudness of clips to EBU R128 (-23 LUFS)",
        default=False,
        calls="run",
        matters=clips("video-audio"),
    )
    deinterlace: bool = option(
        parsing.switch,
        "deinterlace interlaced clips with ffmpeg's bwdif filter, one frame per two fields",
        default=False,
        calls="run frames",
        matters=clips("video-image"),
    )
    tonemap: str = option(
        parsing.choice(*CURVES),
        "tone map HDR clips (PQ, HLG) to SDR with this operator: hable, mobius, reinhard or clip",
        default="",
        metavar="OPERATOR",
        choices=CURVES,
        example="hable",
        calls="run frames",
        matters=clips("video-image"),
    )
    max_bytes: int | None = option(
        parsing.byte_size,
        "maximum size of an output, such as 300k: of a picture the highest quality that fits (--quality is "
        "the upper limit), of a clip two-pass encoding where the encoder supports it",
        default=None,
        metavar="SIZE",
        example="300k",
        calls="run encode",
        matters=Limited(),
    )
    shrink: bool | None = option(
        parsing.switch,
        "with --max-bytes: scale a picture down rather than lower its quality below 50",
        default=None,
        calls="run encode",
        matters=of_pictures,
    )
    target: QualityTarget | None = option(
        parse_target,
        "encode at the lowest quality that reaches ssim=0.98, of clips also vmaf=93, of pictures also "
        "ssimulacra2=80, butteraugli=1 (less is better) or psnr=42",
        default=None,
        metavar="MEASURE=N",
        example="ssimulacra2=80",
        calls="run encode",
        matters=Limited(measured=True),
    )
    best_format: bool | None = option(
        parsing.switch,
        "write each picture once, in the format of --to that gives the smallest file of equal quality "
        "(default: webp, jpg or png)",
        default=None,
        calls="run",
        matters=of_pictures,
    )
    only_if_smaller: bool | None = option(
        parsing.switch,
        "keep the bytes of an input whose new output would not be smaller, where nothing else is asked for "
        "than a smaller file (always so with --in-place)",
        default=None,
        calls="run encode",
        matters=of_pictures,
    )
    optimise: bool | None = option(
        parsing.switch,
        "compress PNG, JPEG, lossless WebP and GIF better without changing a pixel; never larger",
        default=None,
        calls="run encode",
        matters=of_pictures,
    )
    hardware: bool = option(
        parsing.switch,
        "use a hardware encoder, if a working one is found",
        default=False,
        calls="run concat",
        matters=clips(),
    )

    few_colours: bool = False
    """Not a setting: whether the input was stored with a palette or few grey levels, so that counting its
    colours pays."""
    scaled: bool = False
    """Not a setting: whether `dpi` has already given physical sizes their pixels, in any format."""
    packing: str = ""
    """Not a setting: the compression of the input, if the output can use the same (`tiff.PACKINGS`)."""

    def reading(self, limits: Limits) -> Limits:
        """The limits of a run, with the settings that affect decoding."""
        return replace(limits, density=self.density or 0.0, pages="" if self.split else self.pages)

    @property
    def split(self) -> bool:
        """Whether every page and every frame becomes a separate output."""
        return self.pages == SPLIT

    def identity(self) -> str:
        """A digest of the ICC profile in use: what identifies the settings besides their fields."""
        from hashlib import sha256

        return sha256(self.colour.icc).hexdigest() if self.colour and self.colour.icc else ""
