"""Writes a PDF whose pages are pictures, object after object: no more than one page is in memory.

The time for a page does not grow with their number, as it does where PDFium makes them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import IO, NamedTuple

from imgpar.batch.gather.pdf_images import pdf_image_of
from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.formats.base import require
from imgpar.formats.registry import FORMATS

_CATALOG, _PAGES = 1, 2
"""Numbers of the objects that name the others."""


class Placing(NamedTuple):
    """A page, and where the picture lies on it: in points, from the lower left corner."""

    page: tuple[float, float]
    left: float
    bottom: float
    width: float
    height: float


class PdfWriter:
    """Writes a PDF.

    Args:
        file: empty, open for writing.
        limits: of the pictures.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits, self._digest = file, limits, sha256()
        self._starts = [0, 0, 0]
        """Where each object begins, by its number; 0 is none."""
        self.pages: list[int] = []
        """Numbers of the pages."""
        file.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")

    def add_page(self, page: memoryview | bytes | bytearray, place: Placing) -> None:
        """Add a page with a picture, whose bytes are taken over: see `pdf_images.pdf_image_of`.

        Raises:
            ItemError: it is of another format.
        """
        entries, data = pdf_image_of(page, self._limits)
        self._digest.update(entries.encode())
        self._digest.update(data)
        image = self._stream(entries, data)
        numbers = (place.width, 0, 0, place.height, place.left, place.bottom)
        content = f"q {' '.join(map(_number, numbers))} cm /I Do Q"
        box = " ".join(map(_number, place.page))
        self._digest.update(f"{content} {box}".encode())
        drawn = self._stream("", content.encode())
        self.pages.append(
            self._add(
                f"<</Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {box}] "
                f"/Resources <</XObject <</I {image} 0 R>>>> /Contents {drawn} 0 R>>"
            )
        )

    def finish(self, info: Mapping[str, str]) -> None:
        """Write what names the pages. The identifier follows from them: equal inputs give equal bytes.

        Args:
            info: entries of the information dictionary, such as Title.
        """
        kids = " ".join(f"{page} 0 R" for page in self.pages)
        entries = " ".join(f"/{key} {_text(value)}" for key, value in info.items())
        self._digest.update(entries.encode())
        described = f"/Info {self._add(f'<<{entries}>>')} 0 R " if entries else ""
        self._add(f"<</Type /Pages /Count {len(self.pages)} /Kids [{kids}]>>", number=_PAGES)
        self._add(f"<</Type /Catalog /Pages {_PAGES} 0 R>>", number=_CATALOG)
        name, start = self._digest.hexdigest()[:32].upper(), self._file.tell()
        table = "".join(f"{place:010} 00000 n\r\n" for place in self._starts[1:])
        self._file.write(
            f"xref\n0 {len(self._starts)}\n0000000000 65535 f\r\n{table}trailer\n<</Size {len(self._starts)} "
            f"/Root {_CATALOG} 0 R {described}/ID [<{name}><{name}>]>>\nstartxref\n{start}\n%%EOF\n".encode()
        )
        self._file.flush()

    def _add(self, text: str, *, number: int = 0) -> int:
        """Write an object; returns its number."""
        number = number or self._begin()
        self._starts[number] = self._file.tell()
        self._file.write(f"{number} 0 obj\n{text}\nendobj\n".encode())
        return number

    def _stream(self, entries: str, data: bytes | bytearray | memoryview) -> int:
        """Write a stream; returns its number."""
        number = self._begin()
        self._file.write(f"{number} 0 obj\n<<{entries}/Length {len(data)}>>\nstream\n".encode())
        self._file.write(data)
        self._file.write(b"\nendstream\nendobj\n")
        return number

    def _begin(self) -> int:
        """The number of the next object, which begins here."""
        self._starts.append(self._file.tell())
        return len(self._starts) - 1


def check_pages(path: str, count: int) -> None:
    """Raise EncodeError where pages are missing in the file."""
    written = require(FORMATS["pdf"]).PdfDocument(path)
    try:
        if len(written) != count:
            raise EncodeError(f"{len(written)} of {count} pages are in the new document.")
    finally:
        written.close()


def _number(value: float) -> str:
    """A number without needless digits.

    >>> _number(595.2756), _number(100.0)
    ('595.2756', '100')
    """
    return f"{value:.5f}".rstrip("0").rstrip(".")


def _text(value: str) -> str:
    """A text string: UTF-16 with its byte order mark, in hexadecimal digits."""
    return f"<FEFF{value.encode('utf-16-be', 'replace').hex().upper()}>"
