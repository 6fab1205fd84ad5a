"""A PDF of pictures: one page each, in order.

The pages are JPEG. Each is written when its turn comes, so neither pixels nor files of more than one page are
in memory. The time for a page does not grow with their number, as it does where PDFium makes them."""

from __future__ import annotations

from hashlib import sha256
from typing import IO, TYPE_CHECKING

from imgpar.batch.gather.items import Fit, ItemRemarks
from imgpar.core.errors import EncodeError, LimitError
from imgpar.core.job import OutputFile
from imgpar.formats import codec
from imgpar.formats.base import detail_of, require
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.formats.registry import FORMATS
from imgpar.outputs.commit import writing

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

DENSITY = 150.0
"""Dots per inch of a picture that does not say; the same at which pages of a PDF are read."""
POINTS = 72
_CATALOG, _PAGES = 1, 2
"""Numbers of the objects that name the others."""


def make_document(making: Making) -> OutputFile:
    """Write one page per item. The bytes of a JPEG that nothing changes are taken over.

    Raises:
        MissingExtraError: PDFium is not installed, with which the new document is checked.
        ItemError: an item cannot be read, or the document cannot be written.
    """
    require(FORMATS["pdf"])
    first = (0, 0)
    with making.begin() as half:
        with open(half.path, "r+b") as file:
            document = _Document(file)
            for _, frame, remarks in making.frames.rest(Fit(page=True)):
                making.remarks.add(remarks)
                with making.clock.during("encode"), writing(making.target.path):
                    document.add_page(memoryview(frame.array).cast("B"), remarks, making)
                first = first if any(first) else remarks.shown
            if not document.pages:
                raise LimitError("None of the inputs can be read.")
            with making.clock.during("encode"), writing(making.target.path):
                document.finish()
        _check_pages(half.path, len(document.pages))
        return making.commit_half(half, first)


class _Document:
    """Writes a PDF, object after object.

    Args:
        file: empty.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, sha256()
        self._starts = [0, 0, 0]
        """Where each object begins, by its number; 0 is none."""
        self.pages: list[int] = []
        """Numbers of the pages."""
        file.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")

    def add_page(self, jpeg: memoryview, remarks: ItemRemarks, making: Making) -> None:
        """Add a page that a JPEG fills."""
        header = codec.read_header(jpeg, "page.jpg", making.run.limits)
        detail = detail_of(header, JpegDetail)
        colours = {1: "Gray", 3: "RGB", 4: "CMYK"}[detail.frame.components]
        plain = "" if detail.ycc or colours != "RGB" else "/DecodeParms <</ColorTransform 0>> "
        across, down = remarks.dpi or (DENSITY, DENSITY)
        columns, rows = header.spec.size
        width, height = f"{columns * POINTS / across:.5f}", f"{rows * POINTS / down:.5f}"
        self._digest.update(jpeg)
        image = self._stream(
            f"/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /Device{colours} "
            f"/BitsPerComponent 8 /Filter /DCTDecode {plain}",
            jpeg,
        )
        content = self._stream("", f"q {width} 0 0 {height} 0 0 cm /I Do Q".encode())
        self.pages.append(
            self._add(
                f"<</Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {width} {height}] "
                f"/Resources <</XObject <</I {image} 0 R>>>> /Contents {content} 0 R>>"
            )
        )

    def finish(self) -> None:
        """Write what names the pages. The identifier follows from them: equal inputs give equal bytes."""
        kids = " ".join(f"{page} 0 R" for page in self.pages)
        self._add(f"<</Type /Pages /Count {len(self.pages)} /Kids [{kids}]>>", number=_PAGES)
        self._add(f"<</Type /Catalog /Pages {_PAGES} 0 R>>", number=_CATALOG)
        name, start = self._digest.hexdigest()[:32].upper(), self._file.tell()
        table = "".join(f"{place:010} 00000 n\r\n" for place in self._starts[1:])
        self._file.write(
            f"xref\n0 {len(self._starts)}\n0000000000 65535 f\r\n{table}trailer\n<</Size {len(self._starts)} "
            f"/Root {_CATALOG} 0 R /ID [<{name}><{name}>]>>\nstartxref\n{start}\n%%EOF\n".encode()
        )
        self._file.flush()

    def _add(self, text: str, *, number: int = 0) -> int:
        """Write an object; returns its number."""
        number = number or self._begin()
        self._starts[number] = self._file.tell()
        self._file.write(f"{number} 0 obj\n{text}\nendobj\n".encode())
        return number

    def _stream(self, entries: str, data: bytes | memoryview) -> int:
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


def _check_pages(path: str, count: int) -> None:
    """Raise EncodeError where pages are missing in the file."""
    written = require(FORMATS["pdf"]).PdfDocument(path)
    try:
        if len(written) != count:
            raise EncodeError(f"{len(written)} of {count} pages are in the new document.")
    finally:
        written.close()
