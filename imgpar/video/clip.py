"""Properties of a clip, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

from imgpar.core.spec import Layout, Spec
from imgpar.video.content import Content

StreamKind = Literal["video", "audio", "subtitle", "data", "attachment", "cover"]


COARSE = 0.0005
"""Half a tick, in seconds, of the coarsest container clock: Matroska's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a clip. `cover` is a still picture attached as a video stream."""

    index: int
    kind: StreamKind
    codec: str
    language: str = ""
    title: str = ""
    default: bool = False
    channels: int = 0
    """Of an audio stream."""
    rate: int = 0
    """Sample rate of an audio stream, in Hz."""
    timecode: str = ""
    """SMPTE timecode of its first frame, if any."""
    tagged: bool = False
    """Of a cover: whether it contains EXIF or XMP, which may include a location."""

    @property
    def words(self) -> str:
        """The stream in a few words, for the report."""
        return " ".join(filter(None, (self.kind, str(self.index), f"({self.codec})")))


_HDR = {"smpte2084": 16, "arib-std-b67": 18}
_PRIMARIES, _REC2020 = {"bt709": 1, "smpte432": 12}, 9


class ClipColour(NamedTuple):
    """Colour properties of a video stream, by ffmpeg's names; empty where unspecified."""

    range: str = ""
    """Limited, "tv", or full, "pc"."""
    primaries: str = ""
    transfer: str = ""
    matrix: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The specified properties by name."""
        return {name: value for name, value in self._asdict().items() if value}


UNSPECIFIED = ClipColour()
SDR = ClipColour("tv", "bt709", "bt709", "bt709")
"""The colours of video without HDR (Rec. 709)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The video stream that is converted: stored frames and display properties."""

    stream: Stream
    width: int
    height: int
    pixel_format: str
    depth: int
    alpha: bool
    subsampling: str
    """Chroma subsampling: "420", "422", "440", "444", or "" for grey."""
    orientation: int = 1
    """EXIF orientation, 1 to 8, equivalent to the display matrix."""
    aspect: Fraction = Fraction(1)
    """Sample aspect ratio: width of a pixel divided by its height."""
    rate: Fraction | None = None
    time_base: Fraction = Fraction(1, 1000)
    colour: ClipColour = UNSPECIFIED
    interlaced: bool = False
    hdr: Mapping[str, str] = field(default_factory=dict)
    """HDR side data, see `video/hdr`."""

    @property
    def upright(self) -> tuple[int, int]:
        """Displayed width and height, in square pixels."""
        width, height = self.width, self.height
        if self.aspect > 1:
            width = round(width * self.aspect)
        elif self.aspect < 1:
            height = round(height / self.aspect)
        return (height, width) if self.orientation >= 5 else (width, height)

    @property
    def cicp(self) -> tuple[int, ...]:
        """Primaries and transfer characteristics as code points (ITU-T H.273) of an HDR clip; else empty."""
        curve = _HDR.get(self.colour.transfer)
        return (_PRIMARIES.get(self.colour.primaries, _REC2020), curve) if curve else ()

    @property
    def spec(self) -> Spec:
        """The frames as operations see them: upright, in square pixels."""
        layout: Layout = "RGBA" if self.alpha else "RGB"
        return Spec(*self.upright, layout, "uint8" if self.depth <= 8 else "uint16")


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip: its container, its streams, and the frames of the converted one."""

    path: str
    demuxer: str
    """ffmpeg's name of the container; several names separated by commas."""
    duration: float
    """Seconds, according to the container; 0 if unknown."""
    picture: Picture
    streams: tuple[Stream, ...]
    start: float = 0.0
    """Start time of its first stream, in seconds."""
    chapters: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    claimed: int = 0
    """Number of frames according to the container; 0 where it has no such table (fragmented MP4,
    Matroska)."""
    times: tuple[float, ...] = ()
    """Presentation times of the frames in seconds, in order, from the packets."""
    origins: tuple[float, ...] = ()
    """For each of `times`, the time of the key frame from which it can be decoded, by the clock of the
    packets; empty if the clip can only be decoded from its beginning."""
    undecodable: int = 0
    """Number of `times` before the first frame that can be decoded: a recording may begin between key
    frames."""
    last: float = 0.0
    """Duration of the last frame in seconds; 0 if unknown."""
    variable: bool = False
    """Whether the frame rate is variable."""
    guessed: bool = False
    """Whether frames are reordered in a container without timestamps (AVI), so that decoders guess them."""
    jumps: int = 0
    """Number of timestamp discontinuities (transport streams); `times` are continuous."""
    origin: float = 0.0
    """Start time of a transport stream by its own clock, in seconds; `times` are relative to it."""
    layer: str = ""
    """Additional HEVC layer: a second view (MV-HEVC), or another layer."""
    hidden: int = 0
    """Number of frames hidden by an edit list."""
    doubled: bool = False
    """Whether some frames have equal timestamps: each is then shown one tick after the one before."""
    disordered: bool = False
    """Whether packets have presentation times before their decoding times, which muxers would change."""
    size: int = 0
    """Bytes of the file."""
    before: tuple[str, ...] = ()
    """ffmpeg filters that run first; `picture` describes their output."""
    hardware: str = ""
    """Hardware decoder of ffmpeg, if requested and working."""
    ends: bool = False
    """Whether the duration of the last frame is always written."""
    loudness: Mapping[int, str] = field(default_factory=dict)
    """Index of an audio stream → its loudness filter."""
    name: str = ""
    """Name of the input, where `path` is a temporary copy of it."""
    content: Content | None = None
    """Where the clip is not in a file; `path` is then only a name."""

    @property
    def timecode(self) -> str:
        """SMPTE timecode of the first frame; empty if there is none."""
        streams = [self.picture.stream, *self.streams]
        found = next((stream.timecode for stream in streams if stream.timecode), "")
        return found or self.metadata.get("timecode", "")

    @property
    def slack(self) -> float:
        """Rounding error of timestamps in the container, in seconds."""
        return min(float(self.picture.time_base) / 2, COARSE)

    @property
    def row(self) -> bool:
        """Whether the container has no timestamps, so that frames are counted (AVI)."""
        return self.demuxer == "avi"

    @property
    def rotated(self) -> bool:
        """Whether players rotate or mirror it."""
        return self.picture.orientation != 1

    @property
    def lingers(self) -> bool:
        """Whether the duration of the last frame must be written: it is much longer than the others."""
        if not self.last or self.ends:
            return self.ends
        usual = (self.times[-1] - self.times[0]) / max(1, len(self.times) - 1)
        return self.last > max(0.1, 1.5 * usual)

    @property
    def frames(self) -> int:
        """Number of frames: that of the container, or else that of the packets."""
        return self.claimed or len(self.times)

    def of_kind(self, *kinds: StreamKind) -> list[Stream]:
        """The streams of some kinds, without the converted one."""
        chosen = self.picture.stream.index
        return [stream for stream in self.streams if stream.kind in kinds and stream.index != chosen]
