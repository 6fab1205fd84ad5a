"""What a clip says about itself, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from imgpar.core.model import Layout, Spec

StreamKind = Literal["video", "audio", "subtitle", "data", "attachment", "cover"]


COARSE = 0.0005
"""Half a tick, in seconds, of the coarsest clock that rounds times: Matroska's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a clip; `cover` is a still picture that players show instead of a film."""

    index: int
    kind: StreamKind
    codec: str
    language: str = ""
    title: str = ""
    default: bool = False
    channels: int = 0
    """Of an audio stream."""
    rate: int = 0
    """Samples a second, of an audio stream."""
    timecode: str = ""
    """Of its first frame, where it has SMPTE time codes."""
    tagged: bool = False
    """Of a cover: whether it holds EXIF or XMP, which may tell a place."""

    @property
    def words(self) -> str:
        """The stream in a few words, for the report."""
        return " ".join(filter(None, (self.kind, str(self.index), f"({self.codec})")))


_HDR = {"smpte2084": 16, "arib-std-b67": 18}
_PRIMARIES, _REC2020 = {"bt709": 1, "smpte432": 12}, 9


@dataclass(frozen=True, slots=True)
class Picture:
    """The video stream that is converted: its stored frames, and how they are meant to be shown."""

    stream: Stream
    width: int
    height: int
    pixel_format: str
    depth: int
    alpha: bool
    subsampling: str
    """Chroma planes: "420", "422", "440", "444", or "" for grey."""
    orientation: int = 1
    """How players turn and mirror the stored frames, counted as EXIF does: 1 to 8."""
    aspect: Fraction = Fraction(1)
    """Width of a pixel by its height."""
    rate: Fraction | None = None
    time_base: Fraction = Fraction(1, 1000)
    colour: Mapping[str, str] = field(default_factory=dict)
    """Range, primaries, transfer and matrix, as ffmpeg names them; what is not said is left out."""
    interlaced: bool = False
    hdr: Mapping[str, str] = field(default_factory=dict)
    """What it says of screen and light, see `video/hdr`."""

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as it is shown, in square pixels."""
        width, height = self.width, self.height
        if self.aspect > 1:
            width = round(width * self.aspect)
        elif self.aspect < 1:
            height = round(height / self.aspect)
        return (height, width) if self.orientation >= 5 else (width, height)

    @property
    def cicp(self) -> tuple[int, ...]:
        """Primaries and curve as code points (ITU-T H.273) of a clip in HDR; empty for all others."""
        curve = _HDR.get(self.colour.get("transfer", ""))
        return (_PRIMARIES.get(self.colour.get("primaries", ""), _REC2020), curve) if curve else ()

    @property
    def spec(self) -> Spec:
        """The frames as operations see them: upright, in square pixels."""
        layout: Layout = "RGBA" if self.alpha else "RGB"
        return Spec(*self.upright, layout, "uint8" if self.depth <= 8 else "uint16")


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip: its container, its streams, the frames of the one that is converted."""

    path: str
    demuxer: str
    """What ffmpeg calls the container; several names with commas."""
    duration: float
    """Seconds, as the container says; 0 where it does not."""
    picture: Picture
    streams: tuple[Stream, ...]
    start: float = 0.0
    """Seconds at which its first stream begins."""
    chapters: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    claimed: int = 0
    """Frames that the container's tables promise; 0 where it has none (fragmented MP4, Matroska)."""
    times: tuple[float, ...] = ()
    """Seconds at which frames are shown, in order, from the packets that are there."""
    last: float = 0.0
    """Seconds for which the last frame is shown; 0 where nobody says."""
    variable: bool = False
    """Whether the frames come at uneven times."""
    guessed: bool = False
    """Whether frames are stored out of order in a container without times (AVI), so that decoders guess when
    each is shown."""
    jumps: int = 0
    """How often its clock jumps (transport streams); `times` are without the jumps."""
    origin: float = 0.0
    """Seconds at which a transport stream begins by its own clock; `times` are without them."""
    layer: str = ""
    """What HEVC has beside the picture that everybody sees: a second view (MV-HEVC), or another layer."""
    hidden: int = 0
    """Frames that an edit list hides."""
    doubled: bool = False
    """Whether some frames have the same time stamp: each is then shown a tick after the one before."""
    disordered: bool = False
    """Whether packets would be shown before they are decoded: muxers move the times of such."""
    size: int = 0
    """Bytes of the file."""
    before: tuple[str, ...] = ()
    """ffmpeg filters that make its picture what `picture` says."""
    hardware: str = ""
    """How ffmpeg decodes it in hardware, where that was asked for and works."""
    ends: bool = False
    """Whether the length of its last frame is written in any case."""
    loudness: Mapping[int, str] = field(default_factory=dict)
    """Number of a sound stream → the filter that makes it as loud as it shall be."""

    @property
    def timecode(self) -> str:
        """SMPTE time code of the first frame, where it has one."""
        told = [self.picture.stream, *self.streams]
        found = next((stream.timecode for stream in told if stream.timecode), "")
        return found or self.metadata.get("timecode", "")

    @property
    def slack(self) -> float:
        """Seconds by which a time may be early because the container's clock rounds it."""
        return min(float(self.picture.time_base) / 2, COARSE)

    @property
    def row(self) -> bool:
        """Whether the container has no time stamps: frames stand in a row, and are counted (AVI)."""
        return self.demuxer == "avi"

    @property
    def rotated(self) -> bool:
        """Whether players turn or mirror it."""
        return self.picture.orientation != 1

    @property
    def lingers(self) -> bool:
        """Whether the length of the last frame has to be written: it is much longer than the others."""
        if not self.last or self.ends:
            return self.ends
        usual = (self.times[-1] - self.times[0]) / max(1, len(self.times) - 1)
        return self.last > max(0.1, 1.5 * usual)

    @property
    def frames(self) -> int:
        """Frames that should be there: what the tables promise, or else the packets."""
        return self.claimed or len(self.times)

    def of_kind(self, *kinds: StreamKind) -> list[Stream]:
        """The streams of some kinds, the chosen picture left out."""
        chosen = self.picture.stream.index
        return [stream for stream in self.streams if stream.kind in kinds and stream.index != chosen]
