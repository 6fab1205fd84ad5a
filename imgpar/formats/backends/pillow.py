"""All formats that Pillow reads, and the bridge between its images and frames.

Pillow's limits are process-wide; they are changed for the duration of a call only.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from typing import Any, NamedTuple, cast

import numpy as np
from PIL import Image, ImageFile

from imgpar.core.blocks import Exif, Icc, Xmp
from imgpar.core.errors import library_words
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Layout, Metadata, Spec
from imgpar.formats.base import check_size, damaged, refused
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.colour import to_srgb
from imgpar.pixels.colour.icc_header import profile_space
from imgpar.pixels.palette import marked

_PLUGINS = {"JPEG2000": "Jpeg2K", "WEBP": "WebP"}
_LAYOUTS: dict[str, tuple[Layout, str]] = {
    "1": ("L", "uint8"),
    "L": ("L", "uint8"),
    "LA": ("LA", "uint8"),
    "La": ("LA", "uint8"),
    "P": ("RGBX", "uint8"),
    "PA": ("RGBA", "uint8"),
    "RGBA": ("RGBA", "uint8"),
    "RGBa": ("RGBA", "uint8"),
    "I": ("L", "uint16"),
    "I;16": ("L", "uint16"),
    "I;16L": ("L", "uint16"),
    "I;16B": ("L", "uint16"),
    "F": ("L", "float32"),
}
_GREY_STEPS = {"L;2": 85, "L;4": 17}
"""Pillow scales 2 and 4 bits to 0 … 255, but not the transparent value."""
_BC6H = 6
"""The only block format of a DDS with floats, which Pillow reduces to 8 bits."""
_ALIKE = {("RGB", "RGBX"), ("RGBX", "RGBX"), ("RGBA", "RGBA"), ("L", "L")}
"""Modes of Pillow and layouts with the same bytes."""
_UNTILED = ("WEBP", "AVIF")
"""Formats whose plugins find the tiles of an image while they load it; in others it is damaged without."""
_WITH_ALPHA: dict[Layout, Layout] = {"L": "LA", "RGBX": "RGBA"}


class PillowDetail(NamedTuple):
    """What Pillow found in a header."""

    mode: str
    """Pillow's mode of the image, before it is decoded: "P", "RGB", "I;16" …"""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"mode": self.mode}


def from_packbits(data: bytes | memoryview, row: int, rows: int, title: str) -> np.ndarray[Any, Any]:
    """Rows × bytes of a row, which were packed row by row as Macintosh's PackBits. Raises DamagedError."""
    try:
        image = Image.frombytes("L", (row, rows), bytes(data), "packbits", "L")
    except ValueError as error:
        raise damaged(title, "the pixel data cannot be read", hopeless=True) from error
    return np.asarray(image)


@contextmanager
def settings(*, accept_damaged: bool = False) -> Iterator[list[str]]:
    """Disable Pillow's pixel limit (the header was checked); collects its warnings as texts."""
    kept = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    messages: list[str] = []
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, accept_damaged
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield messages
            messages += dict.fromkeys(str(warning.message) for warning in caught)
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = kept


def open_image(data: bytes | memoryview, fmt: Format) -> ImageFile.ImageFile:
    """Open an image with the plugin of this format only."""
    plugin: Any = import_module(f"PIL.{_PLUGINS.get(fmt.pillow, fmt.pillow.title())}ImagePlugin")
    if fmt.name == "avif":
        plugin.DEFAULT_MAX_THREADS = 1
    try:
        # Image.open reports every damaged file as not identified.
        image: ImageFile.ImageFile = Image.OPEN[fmt.pillow][0](BytesIO(data), "")
    except KeyError as error:
        raise damaged(fmt.title, f"its header lacks tag {error}", hopeless=True) from None
    except (IndexError, struct.error, EOFError):
        raise damaged(fmt.title, "its header ends too early", hopeless=True) from None
    except (SyntaxError, TypeError) as error:
        if "unpack" in str(error):
            raise damaged(fmt.title, "its header ends too early", hopeless=True) from None
        raise refused(
            fmt.title,
            f"its header cannot be read ({library_words(error, 'it breaks the rules of the format')})",
            hopeless=True,
        ) from None
    return image


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size, mode and metadata from Pillow's plugin, without decoding."""
    with settings(), open_image(data, fmt) as image:
        check_size(*image.size, limits)
        return header_of(image, fmt)


def header_of(image: ImageFile.ImageFile, fmt: Format) -> Header:
    """The header of an image that was opened but not decoded."""
    layout, dtype = _LAYOUTS.get(image.mode, ("RGBX", "uint8"))
    if "transparency" in image.info and layout in _WITH_ALPHA and dtype == "uint8":
        layout = _WITH_ALPHA[layout]
    info = image.info
    icc = Icc(info.get("icc_profile") or b"")
    metadata, lost, notes = _metadata(info, icc)
    if any(tile[0] == "bcn" and isinstance(tile[3], tuple) and tile[3][0] == _BC6H for tile in image.tile):
        lost += ("depth",)
    if image.mode in ("CMYK", "LAB"):
        notes += (to_srgb.conversion_note(image.mode, icc),)
    header = Header(
        format=fmt.name,
        spec=Spec(*image.size, layout, dtype),
        orientation=tiff.get_orientation(metadata.exif),
        frames=getattr(image, "n_frames", 1) if fmt.frames else 1,
        metadata=metadata,
        lost=lost,
        notes=notes,
        detail=PillowDetail(image.mode),
    )
    return marked(header, image.mode in ("1", "P", "PA") or _raw_mode(image) in _GREY_STEPS)


def _raw_mode(image: Image.Image) -> str:
    """Pillow's raw mode of the first tile."""
    given = next((tile[3] for tile in getattr(image, "tile", ())), "")
    return str(given[0] if isinstance(given, tuple) and given else given)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the given frames, from the first one. Returns Pillow's warnings.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C; owned by the caller.
        accept_damaged: whether to keep what can be read.
    """
    fmt = FORMATS[header.format]
    with settings(accept_damaged=accept_damaged) as messages, open_image(data, fmt) as image:
        numbers = header.numbers or range(len(frames))
        for number, frame in zip(numbers, frames, strict=False):
            if number or len(frames) > 1:
                image.seek(number)
            if fmt.name == "gif" and image.size != frame.spec.size:
                # Later frames may exceed the canvas, whose size is that of the first one.
                _store(image.crop((0, 0, *frame.spec.size)), frame)
                continue
            if image.size != frame.spec.size:
                raise damaged(fmt.title, f"frame {number + 1} has another size than the first")
            alone = len(frames) == 1 and not header.turned
            if not alone or not _stored_directly(image, frame):
                _store(image, frame)
    return tuple(messages)


def decode_jpeg(
    data: bytes | memoryview, header: Header, frame: Frame, *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Decode CMYK, arithmetic coding and the like; scaled in the DCT where the header was shrunk.

    Args:
        data: the whole file.
        header: from `read_header`, possibly shrunk.
        frame: array to fill; owned by the caller.
        accept_damaged: whether to keep what can be read.
    """
    scale = header.scale
    with settings(accept_damaged=accept_damaged) as messages, open_image(data, FORMATS["jpeg"]) as image:
        if scale > 1:
            image.draft(None, (image.width // scale, image.height // scale))
        if image.size != frame.spec.size:
            image.load()
            _store(image.resize(frame.spec.size, Image.Resampling.BOX), frame)
        else:
            _store(image, frame)
    return tuple(messages)


def _stored_directly(image: Image.Image, frame: Frame) -> bool:
    """Decode into the memory of the frame, where Pillow's image has the same bytes; False where they differ.

    Not for animations, as each frame changes the memory of the one before, nor where Pillow turns the image.
    """
    spec, array = frame.spec, frame.array
    alike = (image.mode, spec.layout) in _ALIKE and spec.dtype == "uint8"
    loadable = getattr(image, "tile", ()) or image.format in _UNTILED
    if not alike or not loadable or "transparency" in image.info or getattr(image, "_im", 0) is not None:
        return False
    if image.mode == "RGB":
        array[..., 3] = 255  # some decoders leave the padding as it is
    core: Any = vars(Image)["core"]
    memory = core.map_buffer(array, spec.size, "raw", 0, (image.mode, 0, 1))
    image._im = memory
    image.load()
    return image._im is memory and image.mode == memory.mode


def _store(image: Image.Image, frame: Frame) -> None:
    """Decode and copy all pixels into the frame."""
    spec, array = frame.spec, frame.array
    if spec.dtype != "uint8":
        values = np.asarray(image).reshape(spec.shape)
        if spec.dtype == "uint16" and values.dtype.kind == "i":
            values = values.clip(0, 65535)
        np.copyto(array, values, casting="unsafe")
    elif spec.layout == "RGBX":
        _store_padded(image, array)
    else:
        np.copyto(array, np.asarray(_in_mode(image, spec.layout)).reshape(spec.shape))


def _store_padded(image: Image.Image, array: np.ndarray[Any, Any]) -> None:
    if image.mode in ("CMYK", "LAB"):
        image.load()
        image = to_srgb.to_srgb(image)
    import cv2

    rgb = np.asarray(_in_mode(image, "RGB"))
    if cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA, dst=array) is not array:
        raise ValueError(f"the frame has shape {array.shape}, the picture {rgb.shape}")


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert the mode; Pillow turns a transparent colour into alpha, but not for every mode."""
    step = _GREY_STEPS.get(_raw_mode(image), 1)
    image.load()
    if image.mode == mode:
        return image
    if mode == "LA" and image.mode in ("1", "L") and "transparency" in image.info:
        key = image.info["transparency"] * step
        grey = image.convert("L")
        alpha = grey.point([0 if value == key else 255 for value in range(256)])
        return Image.merge("LA", (grey, alpha))
    return image.convert(mode)


def image_of(frame: Frame) -> Image.Image:
    """A frame as an image for encoders: without a copy where Pillow can, valid as long as the frame."""
    spec = frame.spec
    if spec.layout in ("LA", "RGB"):
        return Image.fromarray(frame.array)
    mode = {"uint8": spec.layout, "uint16": "I;16", "float32": "F"}[spec.dtype]
    pixels: Any = memoryview(frame.array).cast("B")
    return Image.frombuffer(mode, spec.size, pixels, "raw", mode, 0, 1)


def save(frame: Frame, name: str, **parameters: Any) -> bytes:
    """Encode one frame with one of Pillow's encoders."""
    image = image_of(frame)
    sink = BytesIO()
    (image.convert("RGB") if image.mode == "RGBX" else image).save(sink, name, **parameters)
    return sink.getvalue()


def _metadata(info: dict[Any, Any], icc: Icc) -> tuple[Metadata, tuple[str, ...], tuple[str, ...]]:
    """The metadata blocks as stored; damaged ones are dropped with a note."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exif = Exif(cast(bytes, info.get("exif") or b"").removeprefix(b"Exif\0\0"))
    if exif and not tiff.is_sound(exif):
        exif, lost, notes = Exif(), ("exif",), ("EXIF data are broken and were left out",)
    space = profile_space(icc)
    if icc and space not in ("RGB", "GRAY"):
        icc = Icc()
        if space not in ("CMYK", "Lab"):
            lost += ("icc",)
            notes += ("the colour profile is broken or for other colours, taken as sRGB",)
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    comment = info.get("comment") or info.get("Comment") or b""
    dpi = info.get("dpi")
    return (
        Metadata(
            icc=icc,
            exif=exif,
            xmp=Xmp(xmp.encode() if isinstance(xmp, str) else xmp),
            comment=comment.encode() if isinstance(comment, str) else bytes(comment),
            dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(value > 0 for value in dpi) else None,
            loop=int(info.get("loop") or 0),
        ),
        lost,
        notes,
    )
