"""One record per format: names, magic, capabilities, readers and writers.

Imports nothing heavy: the planner, `imgpar formats` and `--help` use this table.
"""

from __future__ import annotations

import sys
from functools import cache
from os import fspath
from os.path import splitext
from typing import TYPE_CHECKING

from imgpar.core.error_messages import unknown
from imgpar.core.spec import Layout
from imgpar.formats.added import Added, added_formats
from imgpar.formats.clip_signatures import clip_container, wants_more
from imgpar.formats.record import HEAD as HEAD
from imgpar.formats.record import Format as Format

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike


MORE = 1 << 16
"""Bytes that it needs where a container may hold audio only."""
UNCERTAIN = frozenset({"ts", "mts"})
"""Suffixes that other files have too (TypeScript): the content decides whether it is a clip."""
_LISTS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt", ".gz")
"""Suffixes of lists of inputs."""


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

_BY_WORD = {suffix: record for record in _RECORDS for suffix in (*record.suffixes, record.name)}
TWINNED = {record.twin for record in _RECORDS if record.twin}
"""Formats that cannot be told from their twins by content alone."""


class _Formats(dict[str, Format]):
    """Name → record. A name that is not there is looked for among the formats of other packages."""

    def __missing__(self, name: str) -> Format:
        found = added().by_word.get(name) if name else None
        if found is None or found.name != name:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Format | None = None) -> Format | None:  # type: ignore[override]
        """As that of a dictionary."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None


FORMATS = _Formats((record.name, record) for record in _RECORDS)
"""Those of imgpar, which are listed, and those of other packages, which can be asked for."""


def every_format() -> tuple[Format, ...]:
    """All records, those of other packages at the end."""
    return (*FORMATS.values(), *added().formats)


def writable_suffixes(*kinds: str) -> tuple[str, ...]:
    """The suffixes of all formats that can be written, of these kinds if any are named.

    >>> "webp" in writable_suffixes(), "mp4" in writable_suffixes("image")
    (True, False)
    """
    return tuple(one.suffix for one in every_format() if one.writable and (not kinds or one.kind in kinds))


def added() -> Added:
    """The formats of other packages, and which of these cannot be used."""
    return _added(tuple(sys.path))


@cache
def _added(path: tuple[str, ...]) -> Added:  # noqa: ARG001
    return added_formats(_BY_WORD)


def _of_word(word: str) -> Format | None:
    """The record with this name or suffix."""
    return _BY_WORD.get(word) or (added().by_word.get(word) if word else None)


def find_format(name: str) -> Format:
    """The record with this name or suffix, in any case, with or without the dot.

    >>> find_format(".JPG").name
    'jpeg'

    Raises:
        BadValueError: there is none; suggests the closest name.
        UsageError: the package that adds it cannot be used.
    """
    word = str(name).lower().lstrip(".")
    found = _of_word(word)
    if found is None:
        if (error := added().failed.get(word)) is not None:
            raise error
        raise unknown("format", str(name), {**_BY_WORD, **added().by_word})
    return found


def nearest_format(word: str) -> str:
    """The suffix closest to a mistyped one, or an empty string.

    >>> nearest_format(".wepb"), nearest_format("jgp")
    ('webp', 'jpg')
    """
    import difflib

    word, words = word.lower().lstrip("."), {**_BY_WORD, **added().by_word}
    turned = [known for known in words if sorted(known) == sorted(word)]
    return next(iter(turned or difflib.get_close_matches(word, words, n=1, cutoff=0.7)), "")


def format_of_suffix(path: str | PathLike[str]) -> Format | None:
    """The format with the suffix of a file name.

    >>> format_of_suffix("holiday/IMG_1.JPG").title
    'JPEG'
    """
    return _of_word(splitext(fspath(path))[1].lower().lstrip("."))


def sniff(head: bytes) -> Format | None:
    """The format detected from the first bytes of a file, see `peek`; 64 suffice for most pictures.

    >>> sniff(b"GIF89a").name
    'gif'
    """
    return _sniff(head) or next(
        (record for at, magic, record in added().magics if head[at:].startswith(magic)), None
    )


def _sniff(head: bytes) -> Format | None:
    """The format of imgpar that the first bytes show."""
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
    ('Name a list of inputs with --files-from (imgpar.InputList).', '')
    """
    return (
        "Name a list of inputs with --files-from (imgpar.InputList)." if name.lower().endswith(_LISTS) else ""
    )


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
