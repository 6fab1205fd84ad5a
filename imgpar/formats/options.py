"""Encoder settings: recipe keys and flags that are not operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.limits import Limits
from imgpar.core.options import Declared, option
from imgpar.core.templates import Value
from imgpar.formats.matters import (
    Limited,
    always,
    clips,
    of_animations,
    of_drawings,
    of_pages,
    of_pictures,
    of_same_format,
    without_alpha,
)
from imgpar.formats.metadata.dates import Shift, parse_shift, parse_utc_offset
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.formats.metadata.fields import NewFields, parse_fields
from imgpar.formats.metadata.gpx import GpxTrack, parse_track
from imgpar.formats.option_values import (
    SPLIT,
    ColourTarget,
    IconSizes,
    QualityTarget,
    Span,
    colour_target,
    icon_sizes,
    page_range,
    parse_span,
    parse_target,
    several_pages,
)

SAMPLINGS = ("420", "422", "444")
STRIP = ("gps", "exif", "xmp", "all")
KEPT_METADATA = ("keep", "minimal", "none")
MAPS = ("best", "all")
CURVES = ("hable", "mobius", "reinhard", "clip")
AUDIO = ("copy", "aac", "opus", "none")
Codec = Literal["", "h264", "hevc", "av1", "vp9", "prores", "ffv1"]
"""Empty leaves the choice to the container."""
CODECS = get_args(Codec)[1:]


_GAP = 600.0
"""Seconds: default of `gpx_gap`."""


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
    icon_sizes: IconSizes | None = option(
        icon_sizes,
        "sizes of a Windows icon in pixels, up to 256 (default: 16,32,48,256); it is not enlarged",
        default=None,
        metavar="N,N",
        example="16,32,48",
        calls="run encode",
    )
    loop: int | None = option(
        parsing.integer(0, 65535),
        "how often an animation is played, 0 is for ever (default: as the input, or for ever)",
        default=None,
        metavar="N",
        example="1",
        calls="run encode frames assemble",
        matters=of_animations,
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
    metadata: str = option(
        parsing.choice(*KEPT_METADATA),
        "metadata to keep: keep (all), minimal (colour profile and orientation), or none (as --strip all)",
        default="",
        metavar="WHAT",
        choices=KEPT_METADATA,
        example="minimal",
        calls="run encode",
        matters=always,
    )
    set: NewFields = option(
        parse_fields,
        "write a field of the metadata: copyright, artist, title, description, keywords, rating, date, gps, "
        "city … (docs/metadata.md); an empty value removes it, keywords+=A,B adds; repeatable",
        default=NewFields(),
        metavar="KEY=VALUE",
        example="copyright=© Ada",
        repeats=True,
        calls="run encode",
        matters=always,
    )
    shift_dates: Shift | None = option(
        parse_shift,
        "add a difference to the dates in the metadata, such as +1h30m, -2d or 1:30 (hours and minutes)",
        default=None,
        metavar="TIME",
        example="+1h30m",
        calls="run encode",
        matters=always,
    )
    gpx: GpxTrack | None = option(
        parse_track,
        "write the position at which a GPX track was when the picture was taken",
        default=None,
        metavar="TRACK.gpx",
        example="track.gpx",
        calls="run encode",
        matters=always,
    )
    gpx_gap: float = option(
        parsing.duration,
        "with --gpx: most time between the points of the track around a picture (default: 10m)",
        default=_GAP,
        metavar="TIME",
        example="30m",
        calls="run encode",
        matters=always,
    )
    gpx_offset: str = option(
        parse_utc_offset,
        "with --gpx: difference of the camera's clock from UTC, such as +02:00 (default: that in the "
        "metadata)",
        default="",
        metavar="OFFSET",
        example="+02:00",
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
        "last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each "
        "where the format holds only one (default: all that the target format can store)",
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
        parsing.file_size,
        "maximum size of an output, such as 300k or 2M (powers of 1000; KiB and MiB are powers of 1024): of "
        "a picture the highest quality that fits (--quality is the upper limit), of a clip two-pass encoding "
        "where the encoder supports it",
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
        matters=of_same_format,
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

    def __post_init__(self) -> None:
        if self.metadata:  # another way to say what is stripped
            object.__setattr__(self, "strip", "" if self.metadata == "keep" else "all")
            object.__setattr__(self, "metadata", "")
        if not self.gpx and (self.gpx_offset or self.gpx_gap != _GAP):
            name = "gpx_offset" if self.gpx_offset else "gpx_gap"
            raise UsageError(f"{name} belongs to gpx.", fix="Name a track with --gpx (gpx).")
        if self.gpx and "gps" in self.set.names:
            raise UsageError("There are two positions: of gpx, and of gps in set.", fix="Leave one out.")

    def changed(self, given: Mapping[str, Any]) -> EncodeOptions:
        """The settings with some others; fields of the metadata are added to those that are set already."""
        if "set" in given:
            given = {**given, "set": self.set | given["set"]}
        return replace(self, **given)

    @property
    def edits(self) -> MetadataEdits | None:
        """What is written into the metadata; None for nothing."""
        if not (self.set or self.shift_dates or self.gpx):
            return None
        return MetadataEdits(self.set, self.shift_dates, self.gpx, self.gpx_gap, self.gpx_offset)

    def with_literals(self, values: Mapping[str, Value]) -> EncodeOptions:
        """The settings with texts instead of templates in new metadata; `values` of the input, by field."""
        if not (self.set.facts and self.edits):
            return self
        shifted = {**values, "date": self.edits.shifted(values.get("date"))}
        return replace(self, set=self.set.literal(shifted))

    def without_metadata(self) -> EncodeOptions:
        """The settings without those that concern metadata only, which need no encoder."""
        return replace(
            self, strip="", set=NewFields(), shift_dates=None, gpx=None, gpx_gap=_GAP, gpx_offset=""
        )

    def reading(self, limits: Limits) -> Limits:
        """The limits of a run, with the settings that affect decoding."""
        return replace(limits, density=self.density or 0.0, pages="" if self.split else self.pages)

    @property
    def split(self) -> bool:
        """Whether every page and every frame becomes a separate output."""
        return self.pages == SPLIT

    @property
    def may_split(self) -> bool:
        """Whether pages may become separate outputs: of several, in formats that hold one."""
        return self.split or several_pages(self.pages)

    def identity(self) -> str:
        """A digest of the files in use (ICC profile, track): what identifies the settings besides fields."""
        from hashlib import sha256

        parts = [self.colour.icc if self.colour else b"", self.gpx.points if self.gpx else b""]
        return sha256(b"".join(parts)).hexdigest() if any(parts) else ""
