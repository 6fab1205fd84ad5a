"""Inputs that are handed over in memory: contents of files, open files, arrays, pictures of Pillow.

    "a.jpg"            a path, or an address
    ("7", data)        the same, or a content, and what the caller calls it
    io.BytesIO(data)   an open binary file, read when it is its turn; from its beginning where it can seek
    array, picture     pixels, which become an uncompressed TIFF: 1 to 4 channels of uint8, uint16 or float32

Neither numpy nor Pillow is imported here before one of their objects is handed over.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeGuard

from imgpar.core import parsing
from imgpar.core.errors import ImgparError, SourceError, UsageError, bad_value, raised_words
from imgpar.core.unit_range import in_unit_range
from imgpar.inputs.sources import SourceLike, is_source

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Content = bytes | bytearray | memoryview | IO[bytes] | np.ndarray[Any, Any] | Image.Image
    """What may be handed over instead of a path."""

DTYPES = ("uint8", "uint16", "float32")
"""Types of arrays that are handed over; floats from 0 to 1."""
_PIECE = 1 << 20
_OF_MODE = {"1": "L", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
"""Modes of Pillow that another one holds without a loss; the rest becomes RGB."""
_PLAIN = ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N", "F")
"""Modes whose pixels are written as they are; of 16 bits in either order of bytes."""


class TableRow(tuple[Any, Any]):
    """A pair of a key and an input, with what else its row says.

    >>> row = TableRow(7, "a.jpg", {"label": "cat"})
    >>> row, row.columns
    ((7, 'a.jpg'), {'label': 'cat'})
    """

    columns: dict[str, str]
    """Value of each other column by its name."""

    def __new__(cls, key: Any, value: Any, columns: dict[str, str]) -> TableRow:
        """The pair."""
        row = super().__new__(cls, (key, value))
        row.columns = columns
        return row

    def __reduce__(self) -> tuple[object, ...]:
        return TableRow, (*self, self.columns)


class GivenInput(NamedTuple):
    """One input as it was given."""

    value: str | SourceLike | Content
    """A path or an address, a source, or a content."""
    key: Hashable = None
    keyed: bool = False
    """Whether the caller gave a key."""
    columns: tuple[tuple[str, str], ...] = ()
    """As `Item.columns`."""

    @property
    def handed(self) -> bool:
        """Whether it is a content."""
        return not (isinstance(self.value, str) or is_source(self.value))


def inputs_in_order(inputs: Any) -> tuple[list[GivenInput] | Iterator[GivenInput], bool]:
    """The inputs of a call one by one, and whether they are read while it runs.

    Lists, tuples and mappings are read at once, so that what is wrong with them is an error of the call; any
    other iterable is read as far as its items are needed.

    Raises:
        BadValueError: an input is none.
    """
    inputs = each_input(inputs)
    if isinstance(inputs, (list, tuple, set, frozenset)):
        return [read_input(given) for given in inputs], False
    return map(read_input, iter(inputs)), True


def each_input(inputs: Any) -> Iterable[Any]:
    """What was given one by one: of a mapping its pairs, of arrays of pictures each; one input alone is a
    list of one."""
    if isinstance(inputs, Mapping):
        return list(inputs.items())
    if _is_one(inputs):
        return [inputs]
    if _is_stack(inputs):
        return list(inputs)
    each = (one for given in inputs for one in (given if _is_stack(given) else (given,)))
    return list(each) if isinstance(inputs, (list, tuple, set, frozenset)) else each


def read_input(given: Any) -> GivenInput:
    """One input.

    >>> read_input(("7", b"P5 1 1 255 x"))
    GivenInput(value=b'P5 1 1 255 x', key='7', keyed=True, columns=())

    Raises:
        BadValueError: it is none.
    """
    if isinstance(given, str):
        return GivenInput(parsing.named("the inputs", parsing.path, given))
    if is_source(given):
        return GivenInput(given)
    if isinstance(given, tuple) and len(given) == 2:
        key, value = given
        if _is_stack(value):
            fix = "Give each a key: {(key, n): picture for n, picture in enumerate(array)}."
            raise UsageError(f"The array with the key {key!r} has several pictures.", fix=fix)
        inner = read_input(value)
        if inner.keyed or is_source(value):
            raise bad_value("the inputs", "a path or a content after a key", value)
        try:
            hash(key)
        except TypeError:
            raise bad_value("a key", "a hashable value, such as a text,", key) from None
        columns = tuple(given.columns.items()) if isinstance(given, TableRow) else ()
        return inner._replace(key=key, keyed=True, columns=columns)
    if isinstance(given, os.PathLike):
        return GivenInput(parsing.named("the inputs", parsing.path, given))
    if not _is_content(given):
        raise bad_value("the inputs", "a path, a source, a content, an array or a picture", given)
    _check_content(given)
    return GivenInput(given)


def _is_one(inputs: Any) -> bool:
    """Whether it is one input, not an iterable of them."""
    if isinstance(inputs, tuple) and len(inputs) == 2:
        return isinstance(inputs[0], Hashable) and _is_content(
            inputs[1]
        )  # a key and a content, not two paths
    one = isinstance(inputs, (str, os.PathLike)) or is_source(inputs) or not isinstance(inputs, Iterable)
    return one or (_is_content(inputs) and not _is_stack(inputs))


def _is_stack(inputs: Any) -> bool:
    """Whether it is an array of pictures, or of paths."""
    return _is_array(inputs) and (inputs.ndim == 4 or inputs.dtype.kind in "UOST")


def _is_content(given: Any) -> bool:
    data = isinstance(given, (bytes, bytearray, memoryview)) or is_file(given)
    return data or _is_array(given) or _is_picture(given)


def _is_array(given: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(given, numpy.ndarray)


def _is_picture(given: Any) -> bool:
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(given, pillow.Image)


def _check_content(content: Any) -> None:
    """Raise UsageError for a file in text mode, and for arrays and pictures that no file holds."""
    if isinstance(content, io.TextIOBase):
        raise bad_value("the inputs", "a binary file", content, fix="Open it with mode='rb'.")
    if _is_picture(content):
        _check_picture(content)
    if not _is_array(content):
        return
    shape = content.shape
    if not (len(shape) in (2, 3) and 0 not in shape and (len(shape) == 2 or shape[2] <= 4)):
        wrong = f"one of shape {shape}{', which is empty' if 0 in shape else ''}"
        fix = "Look for an empty slice." if 0 in shape else "Reshape it."
        raise UsageError(f"Expected arrays H×W or H×W×1 to 4 but received {wrong}.", fix=fix)
    if content.dtype.name not in DTYPES:
        raise UsageError(
            f"Expected arrays of {', '.join(DTYPES)} but received {content.dtype}.",
            fix="Convert it: array.astype('uint8'), or 'float32' with values from 0 to 1.",
        )


def _check_picture(picture: Any) -> None:
    width, height = picture.size
    if not (width and height):
        size = f"{width}×{height}, which is empty"
        raise UsageError(f"Expected a picture with pixels but received one of {size}.", fix="Leave it out.")
    profile = picture.info.get("icc_profile")
    if not isinstance(profile, (bytes, type(None))):
        raise UsageError(
            f"The picture has a {type(profile).__name__} as info['icc_profile'].",
            fix="Set the bytes of a profile, or remove the entry.",
        )


def write_content(content: Content, path: str) -> None:
    """Write a content to a new file.

    Args:
        content: bytes, a file, an array or a picture; it is not changed, and a file not closed.
        path: of the new file.

    Raises:
        OSError: the file cannot be written, or one of the caller not be read.
        SourceError: a file or a picture of the caller cannot be read.
        UsageError: no file holds the array or the picture.
    """
    with open(path, "xb") as file, _reading():
        if isinstance(content, (bytes, bytearray, memoryview)):
            file.write(content if memoryview(content).c_contiguous else bytes(content))
        elif pieces := _tiff_of(content):
            file.writelines(pieces)
        else:
            opened = rewound(content)
            while piece := read_bytes(opened, _PIECE):
                file.write(piece)


def bytes_of(content: Content | str) -> bytes:
    """A content as the bytes of a file; a file of the caller is read from its beginning, and not closed.

    Raises:
        OSError: a file cannot be read.
        SourceError: a file or a picture of the caller cannot be read.
        UsageError: no file holds the array or the picture.
    """
    if isinstance(content, str):
        with open(content, "rb") as file:
            return file.read()
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    with _reading():
        if pieces := _tiff_of(content):
            return b"".join(pieces)
    return read_bytes(rewound(content))


@contextmanager
def _reading() -> Iterator[None]:
    """What code of the caller and Pillow raise in the block, as SourceError; OSError stays."""
    try:
        yield
    except (OSError, ImgparError, MemoryError):
        raise
    except Exception as error:
        fix = "Keep it open until the call has ended, or give its content as bytes."
        raise SourceError(f"It cannot be read: {raised_words(error)}.", fix=fix) from error


def can_rewind(file: Any) -> bool:
    """Whether a file can be read again from its beginning. Raises SourceError where it is closed."""
    with _reading():
        return bool(getattr(file, "seekable", lambda: False)())


def rewound(file: Any) -> IO[bytes]:
    """A file at its beginning, also where it was just written; one that cannot seek as it stands."""
    if can_rewind(file):
        with _reading():
            file.seek(0)
    opened: IO[bytes] = file
    return opened


def read_bytes(file: Any, size: int = -1) -> bytes:
    """Bytes from a file of the caller.

    Args:
        file: with a method `read`, which may be any code.
        size: how many at most; -1 is all.

    Raises:
        OSError: from its `read`.
        SourceError: it is closed, its `read` raises something else, or returns no bytes.
    """
    with _reading():
        found = file.read(size)
    if not isinstance(found, (bytes, bytearray, memoryview)):
        shown = "None" if found is None else f"a {type(found).__name__}"
        raise SourceError(f"Its read() returned {shown}, not bytes.", fix="Give a binary file, or its bytes.")
    return bytes(found)


def is_file(content: object) -> TypeGuard[IO[bytes]]:
    """Whether a content is an open file."""
    return callable(getattr(content, "read", None))


def key_name(given: GivenInput) -> str:
    """The key of an input as the name of its outputs. Raises UsageError where it is none."""
    key = os.fspath(given.key) if isinstance(given.key, os.PathLike) else given.key
    if not isinstance(key, (str, int)) or isinstance(key, bool):
        raise UsageError(
            f"Outputs are named by the keys of their inputs, and {key!r} is no name.",
            fix="Use texts or numbers, such as '2024/a.jpg'.",
        )
    return str(key)


def file_name(given: GivenInput) -> str:
    """The name of the file that was given; empty where it has none."""
    name = given.value if isinstance(given.value, str) else getattr(given.value, "name", "")
    return name if isinstance(name, str) else ""


def _tiff_of(content: Any) -> Iterator[bytes | memoryview] | None:
    """The TIFF of an array or a picture; None for anything else."""
    if _is_array(content):
        return tiff_of(content)
    return tiff_of(*_pixels_of(content)) if _is_picture(content) else None


def _pixels_of(picture: Any) -> tuple[np.ndarray[Any, Any], bytes]:
    """The pixels of a picture of Pillow, as they lie in memory, and its profile."""
    import numpy as np

    profile = picture.info.get("icc_profile") or b""
    if picture.mode == "I":  # how older versions of Pillow read 16 bits of grey
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise UsageError("The picture has values beyond 16 bits.", fix="Convert it to another mode.")
        return values.astype(np.uint16), profile
    if picture.mode not in _PLAIN:
        mode = _OF_MODE.get(picture.mode, "RGB")
        mode = "RGBA" if picture.mode == "P" and "transparency" in picture.info else mode
        profile = profile if picture.mode in ("1", "P", "PA", "La", "RGBa", "RGBX") else b""
        picture = picture.convert(mode)
    return np.asarray(picture), profile


def tiff_of(array: np.ndarray[Any, Any], profile: bytes = b"") -> Iterator[bytes | memoryview]:
    """An uncompressed TIFF with the pixels of an array.

    Args:
        array: H×W or H×W×1 to 4 of uint8, uint16 or float32; it is not changed.
        profile: ICC profile of the pixels.

    Yields:
        The header, and the pixels.

    Raises:
        UsageError: it is larger than a TIFF can be, 4 GiB, or its floats are not 0 to 1 (`in_unit_range`).
    """
    import numpy as np

    order = "<" if sys.byteorder == "little" else ">"
    pixels = np.ascontiguousarray(in_unit_range(array), array.dtype.newbyteorder("="))
    if pixels.nbytes >= (1 << 32) - len(profile) - 1024:
        raise UsageError("An array has more than 4 GiB.", fix="Hand it over in parts.")
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    kind = 3 if pixels.dtype.kind == "f" else 1
    short, long = f"{order}%dH", f"{order}%dI"
    entries: list[tuple[int, int, bytes]] = [
        (256, 4, struct.pack(long % 1, width)),
        (257, 4, struct.pack(long % 1, height)),
        (258, 3, struct.pack(short % channels, *[8 * pixels.itemsize] * channels)),
        (259, 3, struct.pack(short % 1, 1)),
        (262, 3, struct.pack(short % 1, 2 if channels > 2 else 1)),
        (273, 4, bytes(4)),  # where the pixels begin, known below
        (277, 3, struct.pack(short % 1, channels)),
        (278, 4, struct.pack(long % 1, height)),
        (279, 4, struct.pack(long % 1, pixels.nbytes)),
        (284, 3, struct.pack(short % 1, 1)),
        *([(338, 3, struct.pack(short % 1, 2))] if channels in (2, 4) else []),
        (339, 3, struct.pack(short % channels, *[kind] * channels)),
        *([(34675, 7, profile)] if profile else []),
    ]
    at = 8 + 2 + 12 * len(entries) + 4
    start = at + sum(len(value) + len(value) % 2 for *_, value in entries if len(value) > 4)
    head, behind = bytearray(), bytearray()
    for tag, form, value in entries:
        data = struct.pack(long % 1, start) if tag == 273 else value
        head += struct.pack(f"{order}HHI", tag, form, len(data) // {3: 2, 4: 4, 7: 1}[form])
        if len(data) > 4:
            head += struct.pack(long % 1, at + len(behind))
            behind += data + bytes(len(data) % 2)
        else:
            head += data.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    yield magic + struct.pack(f"{order}IH", 8, len(entries)) + head + bytes(4) + behind
    yield memoryview(pixels).cast("B")
