"""One record per format: names, magic, capabilities, readers and writers.

Imports nothing heavy: the planner, `imgpar formats` and `--help` use this table.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from os import fspath
from os.path import splitext
from typing import TYPE_CHECKING, Literal, NamedTuple

from imgpar.core.errors import unknown
from imgpar.core.spec import Layout
from imgpar.formats.clip_signatures import clip_container, wants_more

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike


HEAD = 512
"""Bytes at the start of a file that `sniff` needs."""
MORE = 1 << 16
"""Bytes that it needs where a container may hold audio only."""
UNCERTAIN = frozenset({"ts", "mts"})
"""Suffixes that other files have too (TypeScript): the content decides whether it is a clip."""
_LISTS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt", ".gz")
"""Suffixes of lists of inputs."""


class Format(NamedTuple):
    """Record of a format; `readers` and `writers` name modules of this package."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    mime: str
    kind: Literal["image", "video", "audio"] = "image"
    """Audio formats are only written: `--to m4a` extracts the audio of clips."""
    magic: tuple[tuple[int, bytes], ...] = ()
    """Alternatives: (offset, bytes at that offset)."""
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    pillow: str = ""
    """Pillow's name."""
    layouts: tuple[Layout, ...] = ()
    """Layouts that the encoder supports."""
    dtypes: tuple[str, ...] = ("uint8",)
    takes: frozenset[str] = frozenset()
    """Optional settings that its encoder supports."""
    alpha: bool = False
    frames: bool = False
    """Whether it holds animations or pages."""
    paged: bool = False
    """Whether its frames are pages, which have no durations."""
    lossless: Literal["always", "optional", "never"] = "never"
    icc: bool = False
    grey_icc: bool = False
    """Whether readers support a grey profile; if not, grey is converted to that of sRGB."""
    cicp: bool = False
    """Whether it stores HDR code points."""
    exif: bool = False
    xmp: bool = False
    comment: bool = False
    iptc: bool = False
    gain_map: bool = False
    text: bool = False
    density: bool = False
    """Whether it has a field for the resolution."""
    drawn: bool = False
    """Whether it is a vector format, rendered at a resolution."""
    extra: str = ""
    """Optional package that reads or writes it, as named for pip."""
    module: str = ""
    """Module of that package."""
    twin: str = ""
    """A format with the same magic; the suffix decides between the two."""

    @property
    def suffix(self) -> str:
        """The suffix of outputs, without the dot."""
        return self.suffixes[0]

    @property
    def animated(self) -> bool:
        """Whether it is a picture format that holds animations."""
        return self.kind == "image" and self.frames and not self.paged

    @property
    def readable(self) -> bool:
        """Whether this version has a decoder for it (possibly in an optional package)."""
        return bool(self.readers)

    @property
    def installed(self) -> bool:
        """Whether the package that it needs, if any, is installed."""
        return not self.module or find_spec(self.module) is not None

    @property
    def writable(self) -> bool:
        """Whether this version can write it."""
        return bool(self.writers)


def _pillow(
    name: str, title: str, suffixes: str, mime: str, *magic: tuple[int, bytes], pillow: str = ""
) -> Format:
    """A still picture format that Pillow reads and imgpar does not write.

    Args:
        name: key of the record.
        title: display name.
        suffixes: separated by spaces, without dots.
        mime: media type.
        magic: alternatives, as in `Format.magic`.
        pillow: Pillow's name; empty is `name` in upper case.
    """
    return Format(
        name,
        title,
        tuple(suffixes.split()),
        mime,
        magic=magic,
        readers=("backends.pillow",),
        pillow=pillow or name.upper(),
    )


def _extra(
    name: str,
    title: str,
    suffixes: str,
    mime: str,
    package: str,
    module: str,
    *magic: tuple[int, bytes],
    reader: str = "",
    drawn: bool = False,
) -> Format:
    """A picture format that is read with an optional package.

    Args:
        name: key of the record.
        title: display name.
        suffixes: separated by spaces, without dots.
        mime: media type.
        package: name for pip.
        module: of the package.
        magic: alternatives, as in `Format.magic`.
        reader: name of the reader; empty is `name`.
        drawn: whether it is a vector format.
    """
    return Format(
        name,
        title,
        tuple(suffixes.split()),
        mime,
        magic=magic,
        readers=(reader or name,),
        drawn=drawn,
        extra=package,
        module=module,
    )


def _video(name: str, title: str, suffixes: str, mime: str, *, written: bool = True) -> Format:
    """A clip format; readers and writers are in `video/`."""
    return Format(
        name, title, tuple(suffixes.split()), mime, kind="video", frames=True,
        readers=("video",), writers=("video",) if written else (),
        lossless="optional" if written else "never",
        takes=frozenset(("quality", "lossless", "effort")),
    )  # fmt: skip


def _audio(name: str, title: str, mime: str, *takes: str) -> Format:
    """An audio format: only written."""
    return Format(
        name, title, (name,), mime, kind="audio", writers=("audio",), takes=frozenset(takes),
        lossless="always" if "lossless" in takes else "never",
    )  # fmt: skip


_COLOUR: tuple[Layout, ...] = ("RGB", "RGBX")
_ALL: tuple[Layout, ...] = ("L", "LA", "RGB", "RGBX", "RGBA")

_RECORDS = (
    Format(
        "jpeg", "JPEG", ("jpg", "jpeg", "jpe", "jfif"), "image/jpeg",
        magic=((0, b"\xff\xd8\xff"),), readers=("jpeg.reader",), writers=("jpeg.writer",), pillow="JPEG",
        layouts=("L", *_COLOUR), icc=True, grey_icc=True, exif=True, xmp=True, comment=True, iptc=True,
        gain_map=True, density=True,
        takes=frozenset(("quality", "subsampling", "progressive")),
    ),
    Format(
        "png", "PNG", ("png", "apng"), "image/png",
        magic=((0, b"\x89PNG\r\n\x1a\n"),), readers=("png.reader",), writers=("png.writer",), pillow="PNG",
        layouts=_ALL, dtypes=("uint8", "uint16"), alpha=True, frames=True, lossless="always",
        icc=True, grey_icc=True, cicp=True, exif=True, xmp=True, comment=True, iptc=True, text=True,
        density=True, takes=frozenset(("effort", "lossless", "palette")),
    ),
    Format(
        "webp", "WebP", ("webp",), "image/webp",
        magic=((8, b"WEBP"),), readers=("webp",), writers=("webp",), pillow="WEBP",
        layouts=(*_COLOUR, "RGBA"), alpha=True, frames=True, lossless="optional",
        icc=True, exif=True, xmp=True,
        takes=frozenset(("quality", "lossless", "effort")),
    ),
    Format(
        "avif", "AVIF", ("avif", "avifs"), "image/avif",
        readers=("avif",), writers=("avif",), pillow="AVIF",
        layouts=("L", *_COLOUR, "RGBA"), dtypes=("uint8", "uint16"), alpha=True, frames=True,
        lossless="optional", icc=True, cicp=True, exif=True, xmp=True,
        takes=frozenset(("quality", "lossless", "effort", "subsampling")),
    ),
    Format(
        "tiff", "TIFF", ("tif", "tiff"), "image/tiff",
        magic=((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        readers=("tiff.reader",), writers=("tiff.writer",), pillow="TIFF",
        layouts=_ALL, dtypes=("uint8", "uint16", "float32"), alpha=True, frames=True, paged=True,
        lossless="always",
        icc=True, grey_icc=True, exif=True, xmp=True, comment=True, iptc=True, density=True,
        takes=frozenset(("effort", "lossless", "palette")),
    ),
    Format(
        "bmp", "BMP", ("bmp", "dib"), "image/bmp",
        magic=((0, b"BM"),), readers=("bmp.reader",), writers=("bmp.writer",), pillow="BMP",
        layouts=("L", *_COLOUR), lossless="always", density=True,
        takes=frozenset(("lossless", "palette")),
    ),
    Format(
        "gif", "GIF", ("gif",), "image/gif",
        magic=((0, b"GIF87a"), (0, b"GIF89a")), readers=("gif.reader",), writers=("gif.writer",),
        pillow="GIF",
        layouts=("L", *_COLOUR, "RGBA"), alpha=True, frames=True, xmp=True, comment=True,
        takes=frozenset(("lossless", "palette")),
    ),
    Format(
        "jp2", "JPEG 2000", ("jp2", "j2k", "jpx", "jpf", "j2c", "jpc"), "image/jp2",
        magic=((0, b"\0\0\0\x0cjP  \r\n\x87\n"), (0, b"\xff\x4f\xff\x51")),
        readers=("jp2.reader",), writers=("jp2.writer",), pillow="JPEG2000",
        layouts=("L", "LA", *_COLOUR, "RGBA"), dtypes=("uint8", "uint16"), alpha=True, lossless="optional",
        icc=True, grey_icc=True, exif=True, xmp=True, comment=True, iptc=True, density=True,
        takes=frozenset(("quality", "lossless")),
    ),
    Format(
        "heic", "HEIC", ("heic", "heif", "hif"), "image/heic", readers=("heif",), writers=("heif",),
        layouts=("L", "LA", "RGB", "RGBA"), dtypes=("uint8", "uint16"), alpha=True, pillow="HEIF",
        icc=True, cicp=True, exif=True, xmp=True, extra="pillow-heif", module="pillow_heif",
        takes=frozenset(("quality", "effort", "subsampling")),
    ),
    Format(
        "jxl", "JPEG XL", ("jxl",), "image/jxl", readers=("jxl.reader",), writers=("jxl.writer",),
        magic=((0, b"\xff\x0a"), (0, b"\0\0\0\x0cJXL \r\n\x87\n")),
        layouts=("L", "LA", "RGB", "RGBA"), dtypes=("uint8", "uint16"), alpha=True,
        lossless="optional", exif=True, xmp=True, extra="imagecodecs", module="imagecodecs",
        takes=frozenset(("quality", "lossless", "effort")),
    ),
    Format("tga", "Targa", ("tga", "icb", "vda", "vst"), "image/x-tga", readers=("tga",), pillow="TGA"),
    Format(
        "pnm", "Netpbm", ("pnm", "ppm", "pgm", "pbm", "pfm", "pam"), "image/x-portable-anymap",
        magic=tuple((0, b"P%c%c" % (kind, space)) for kind in b"1234567fF" for space in b"\n \r\t"),
        readers=("pnm",), pillow="PPM",
    ),
    _pillow("qoi", "QOI", "qoi", "image/qoi", (0, b"qoif")),
    Format(
        "ico", "Windows icon", ("ico",), "image/x-icon", magic=((0, b"\0\0\1\0"),),
        readers=("backends.pillow",), writers=("ico",), pillow="ICO", layouts=("RGBA",), alpha=True,
        takes=frozenset(("effort", "icon_sizes")),
    ),
    _pillow("dds", "DirectDraw surface", "dds", "image/vnd-ms.dds", (0, b"DDS ")),
    Format(
        "psd", "Photoshop", ("psd", "psb"), "image/vnd.adobe.photoshop",
        magic=((0, b"8BPS\0\1"), (0, b"8BPS\0\2")),
        readers=("psd.reader",), pillow="PSD",
    ),
    _extra("exr", "OpenEXR", "exr", "image/x-exr", "OpenEXR", "OpenEXR", (0, b"\x76\x2f\x31\x01")),
    Format(
        "hdr", "Radiance HDR", ("hdr", "pic", "rgbe"), "image/vnd.radiance", readers=("radiance",),
        magic=((0, b"#?RADIANCE"), (0, b"#?RGBE")),
    ),
    Format(
        "pdf", "PDF", ("pdf",), "application/pdf", magic=((0, b"%PDF-"),), readers=("pdf",), frames=True,
        paged=True, drawn=True, extra="pypdfium2", module="pypdfium2",
    ),
    _extra("svg", "SVG", "svg svgz", "image/svg+xml", "resvg-py", "resvg_py",
        reader="svg.reader", drawn=True),
    Format(
        "raw", "camera raw",
        ("dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "sr2", "srf",
         "raf", "orf", "rw2", "pef", "srw", "x3f", "3fr"),
        "image/x-raw", readers=("raw",), extra="rawpy", module="rawpy", twin="tiff",
        magic=((8, b"CR\x02\0"), (0, b"FUJIFILMCCD-RAW"), (0, b"IIRO"), (0, b"IIRS"), (0, b"IIU\0"),
               (6, b"HEAPCCDR"), (0, b"FOVb")),
    ),
    _video("mp4", "MPEG-4", "mp4 m4v 3gp", "video/mp4"),
    _video("mov", "QuickTime", "mov qt", "video/quicktime"),
    _video("mkv", "Matroska", "mkv", "video/x-matroska"),
    _video("webm", "WebM", "webm", "video/webm"),
    _video("avi", "AVI", "avi", "video/x-msvideo"),
    _video("ts", "MPEG transport stream", "ts mts m2ts", "video/mp2t", written=False),
    _video("mpeg", "MPEG program stream", "mpg mpeg vob", "video/mpeg", written=False),
    _video("flv", "Flash Video", "flv", "video/x-flv", written=False),
    _video("wmv", "Windows Media", "wmv asf", "video/x-ms-wmv", written=False),
    _video("mxf", "MXF", "mxf", "application/mxf", written=False),
    _video("ogv", "Ogg video", "ogv", "video/ogg", written=False),
    _video("dv", "DV", "dv", "video/x-dv", written=False),
    _audio("m4a", "AAC sound", "audio/mp4", "quality"),
    _audio("mp3", "MP3", "audio/mpeg", "quality"),
    _audio("wav", "WAV", "audio/wav", "lossless"),
    _audio("flac", "FLAC", "audio/flac", "lossless", "effort"),
)  # fmt: skip

FORMATS: dict[str, Format] = {record.name: record for record in _RECORDS}
TWINNED = {record.twin for record in _RECORDS if record.twin}
"""Formats that cannot be told from their twins by content alone."""
_BY_WORD = {suffix: record for record in _RECORDS for suffix in (*record.suffixes, record.name)}


def find_format(name: str) -> Format:
    """The record with this name or suffix, in any case, with or without the dot.

    >>> find_format(".JPG").name
    'jpeg'

    Raises:
        BadValueError: there is none; suggests the closest name.
    """
    found = _BY_WORD.get(str(name).lower().lstrip("."))
    if found is None:
        raise unknown("format", str(name), _BY_WORD)
    return found


def nearest_format(word: str) -> str:
    """The suffix closest to a mistyped one, or an empty string.

    >>> nearest_format(".wepb"), nearest_format("jgp")
    ('webp', 'jpg')
    """
    import difflib

    word = word.lower().lstrip(".")
    turned = [known for known in _BY_WORD if sorted(known) == sorted(word)]
    return next(iter(turned or difflib.get_close_matches(word, _BY_WORD, n=1, cutoff=0.7)), "")


def format_of_suffix(path: str | PathLike[str]) -> Format | None:
    """The format with the suffix of a file name.

    >>> format_of_suffix("holiday/IMG_1.JPG").title
    'JPEG'
    """
    return _BY_WORD.get(splitext(fspath(path))[1].lower().lstrip("."))


def sniff(head: bytes) -> Format | None:
    """The format detected from the first bytes of a file, see `peek`; 64 suffice for most pictures.

    >>> sniff(b"GIF89a").name
    'gif'
    """
    kind = clip_container(head)
    if kind is not None:
        return FORMATS.get(kind)
    if head[:4] == b"RIFF":
        return FORMATS["webp"] if head[8:12] == b"WEBP" else None
    for at, magic, record in _magics():
        if head.startswith(magic, at):
            return record
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return FORMATS["svg"] if text[:4] == b"<svg" or (text[:1] == b"<" and b"<svg" in text) else None


def list_hint(name: str) -> str:
    """What to do with a file whose name is that of a list of inputs; empty for others.

    >>> list_hint("urls.CSV"), list_hint("a.jpg")
    ('Name a list of inputs with --files-from.', '')
    """
    return "Name a list of inputs with --files-from." if name.lower().endswith(_LISTS) else ""


def peek(read: Callable[[int], bytes]) -> bytes:
    """As many bytes from the start of a file as `sniff` needs."""
    head = read(HEAD)
    return head + read(MORE - HEAD) if wants_more(head) else head


def sniff_file(path: str) -> Format | None:
    """The format that the content of a file shows. Raises OSError."""
    with open(path, "rb") as file:
        return sniff(peek(file.read))


@cache
def _magics() -> tuple[tuple[int, bytes, Format], ...]:
    """Magic numbers and their formats. Raw files have that of a TIFF and more: the most specific record comes
    first."""
    records = sorted(_RECORDS, key=lambda record: record.twin, reverse=True)
    return tuple((*magic, record) for record in records if record.name != "webp" for magic in record.magic)
