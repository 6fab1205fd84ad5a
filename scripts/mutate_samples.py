"""Small valid files of all writable formats, used by `mutate.py` and `fuzz.py`."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageCms

import imgpar
from imgpar.testing import pattern

PILLOW = ("jpg", "png", "webp", "gif", "tif", "bmp", "avif", "heic", "tga", "ico", "ppm", "jp2")
CLIPS = ("mp4", "mov", "mkv", "webm", "avi")


def good_files(folder: Path) -> dict[str, list[Path]]:
    """Files by suffix, with different modes, sizes, metadata and encoder settings."""
    made: dict[str, list[Path]] = defaultdict(list)
    for path, data in (*pictures(), *animations(), *tagged(), *others(), *clips(folder)):
        (folder / path).write_bytes(data)
        made[path.rpartition(".")[2]].append(folder / path)
    return made


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    """A picture as file content; empty if this Pillow cannot write it."""
    buffer = BytesIO()
    try:
        image.save(buffer, Image.registered_extensions()[f".{name}"], **options)
    except (OSError, KeyError, ValueError) as error:
        print(f"{name} left out: {error}", file=sys.stderr)
        return b""
    return buffer.getvalue()


def pictures() -> Iterator[tuple[str, bytes]]:
    """Still pictures of all modes and compressions."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    Image.init()
    for name in PILLOW:
        for number, (mode, size, options) in enumerate(variants(name)):
            image = Image.fromarray(pattern(*size, number)).convert(mode)
            if data := saved(image, name, **options):
                yield f"{number}.{name}", data


def variants(name: str) -> Iterator[tuple[str, tuple[int, int], dict]]:
    """Mode, size and options of the files of one format."""
    yield "RGB", (48, 40), {}
    yield "L", (61, 33), {}
    if name == "jpg":
        yield "RGB", (120, 90), {"progressive": True, "quality": 60}
        yield "CMYK", (40, 40), {}
        yield "RGB", (90, 90), {"subsampling": 0, "restart_marker_blocks": 2}
    if name in ("png", "webp", "tif", "avif"):
        yield "RGBA", (50, 50), {}
    if name == "tif":
        for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
            yield "RGB", (64, 64), {"compression": compression}
    if name == "webp":
        yield "RGB", (64, 64), {"lossless": True}
    if name == "png":
        yield "P", (64, 64), {}


def animations() -> Iterator[tuple[str, bytes]]:
    """Animations of three frames."""
    first, *rest = [Image.fromarray(pattern(40, 30, number)) for number in range(3)]
    for name in ("gif", "png", "webp", "avif", "tif"):
        if data := saved(
            first, name, save_all=True, append_images=rest, **({} if name == "tif" else {"duration": 80})
        ):
            yield f"animated.{name}", data


def tagged() -> Iterator[tuple[str, bytes]]:
    """Files with EXIF, ICC profile, XMP and comment, each of which has its own parser."""
    image, exif = Image.fromarray(pattern(48, 32)), Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8298] = 6, "a picture", "nobody"
    exif.get_ifd(0x8825)[2] = (10.0, 20.0, 30.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
    for name in ("jpg", "png", "webp", "tif", "avif", "heic"):
        more = {} if name in ("png", "tif") else {"xmp": xmp}
        if data := saved(image, name, exif=exif, icc_profile=profile, **more):
            yield f"tagged.{name}", data


def others() -> Iterator[tuple[str, bytes]]:
    """Formats that Pillow does not write; those without their package are skipped."""
    rows = bytes((128, 90, 60, 130)) * (20 * 16)
    yield "a.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 16 +X 20\n" + rows
    yield "a.pfm", b"Pf\n8 4\n-1.0\n" + struct.pack("<32f", *(value / 32 for value in range(32)))
    for suffix, depth in (("pgm", b"255"), ("pgm", b"65535")):
        size = 8 * 4 * (1 if depth == b"255" else 2)
        yield f"{depth.decode()}.{suffix}", b"P5\n8 4\n" + depth + b"\n" + bytes(range(size))
    image = Image.fromarray(pattern(40, 30))
    yield "a.pdf", saved(image, "pdf")
    yield "a.svg", SVG
    for name in ("jxl", "exr"):
        try:
            yield f"a.{name}", imgpar.Pipeline().encode(saved(image, "png"), to=name)
        except imgpar.ImgparError as error:
            print(f"{name} left out: {error}", file=sys.stderr)


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30" viewBox="0 0 40 30">
<rect width="40" height="30" fill="#48c"/><circle cx="20" cy="15" r="9" fill="gold"/></svg>"""


def clips(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Clips of ten frames with a tone, in every container."""
    import imageio_ffmpeg

    for suffix in CLIPS:
        path = folder / f"clip.{suffix}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-f", "lavfi"]
        command += ["-i", "testsrc2=size=64x48:rate=10,trim=end_frame=10", "-f", "lavfi"]
        command += ["-i", "sine=duration=1", "-pix_fmt", "yuv420p", str(path)]
        subprocess.run(command, check=True)
        yield path.name, path.read_bytes()
