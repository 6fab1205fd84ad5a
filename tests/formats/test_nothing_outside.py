"""Reading a file reads that file only, and starts no program."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest
from PIL import Image
from tracing import traced

import imgpar
from imgpar.batch.picture.stages import own_frames
from imgpar.core.errors import TransformError, UnknownFormatError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Spec
from imgpar.formats import codec
from imgpar.ops.watermark import Watermark

PACKAGE = Path(imgpar.__file__).parent


@cache
def calls(module: str) -> list[tuple[str, set[str | None]]]:
    """Where `module.open(…)` is called, and with which keywords."""
    texts = ((path, path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    nodes = (
        (path, node)
        for path, text in texts
        if f"{module}.open(" in text
        for node in ast.walk(ast.parse(text))
    )
    return [
        (f"{path.name}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for path, node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"{module}.open")
    ]


def test_pillow_opens_nothing_but_formats_that_are_named():
    """Others start Ghostscript, or read what the system registers."""
    assert [place for place, keywords in calls("Image") if "formats" not in keywords] == []


def test_clips_are_opened_with_a_list_of_formats():
    """Playlists name other files; what this process writes itself is read as what it is."""
    named = {"format", "container_options"}
    assert [place for place, keywords in calls("av") if not named & keywords] == []


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 10\n(PATH) (w) file closefile showpage\n"
METAFILE = b"\xd7\xcd\xc6\x9a" + bytes(18) + b"\x01\x00\x09\x00" + bytes(40)


@pytest.mark.parametrize(
    "data", [POSTSCRIPT, METAFILE, b"\xc5\xd0\xd3\xc6" + bytes(60)], ids=["eps", "wmf", "dos eps"]
)
@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.psd", "a.tga", "a.tif"])
def test_programs_for_printers_are_no_pictures(data, name):
    with pytest.raises((UnknownFormatError, imgpar.DamagedError)):
        codec.read_header(data, name, Limits())


def test_a_watermark_is_no_program(tmp_path):
    (tmp_path / "mark.png").write_bytes(POSTSCRIPT)
    (source,) = own_frames(Spec(40, 30), 1)
    with pytest.raises(TransformError, match="cannot be read"):
        Watermark(str(tmp_path / "mark.png")).apply(source, Frame(source.spec, source.array.copy()))


# ----- PDF ------------------------------------------------------------------------------------------


def pdf(path: str) -> bytes:
    """A page with everything that may name a file: a picture's data, a destination, an attachment, a form."""
    picture = "<</Type/XObject/Subtype/Image/Width 20/Height 10/BitsPerComponent 8/ColorSpace/DeviceRGB"
    font = "<</Type/Font/Subtype/TrueType/BaseFont/X/FontDescriptor<</Type/FontDescriptor/FontName/X/Flags 4"
    named = f"<</Type/Filespec/F({path})>>"
    inside = "/Resources<</XObject<</I 7 0 R/P 8 0 R>>/Font<</F 9 0 R>>>>"
    drawn = "q 20 0 0 10 0 0 cm /I Do /P Do Q BT /F 5 Tf (a) Tj ET"
    files = f"/AcroForm<</XFA 6 0 R>>/Names<</EmbeddedFiles<</Names[(a){named}]>>>>"
    bodies = [
        f"<</Type/Catalog/Pages 2 0 R/OpenAction 5 0 R{files}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 10]/Contents 4 0 R{inside}>>",
        f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream",
        f"<</S/Launch/F({path})/Next<</S/GoToR/F({path})/D[0/Fit]/Next<</S/URI/URI(file://{path})>>>>>>",
        f"<</Length 0/F({path})>>stream\n\nendstream",
        f"{picture}/Length 0/F{named}/FFilter/DCTDecode>>stream\n\nendstream",
        f"<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Ref<</F({path})/Page 0>>/Length 0>>stream\n\nendstream",
        f"{font}/FontFile2<</Length 0/F({path})>>>>>>",
    ]
    made, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(made))
        made += f"{number} 0 obj{body}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(places) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Root 1 0 R/Size {size}>>"
    return made + f"{end}\nstartxref\n{len(made)}\n%%EOF".encode()


DRAW = """
import sys
import numpy as np
from imgpar.formats.codec import decode, read_header
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame
with open(sys.argv[1], "rb") as file:
    data = file.read()
header = read_header(data, "a.pdf", Limits())
decode(data, header, [Frame(header.spec, np.empty(header.spec.shape, header.spec.dtype))])
"""


def test_no_path_that_a_pdf_names_is_touched(tmp_path):
    pytest.importorskip("pypdfium2")
    (tmp_path / "near").mkdir()
    (tmp_path / "work").mkdir()
    Image.new("RGB", (20, 10), "red").save(tmp_path / "near/secret.jpg")
    (tmp_path / "a.pdf").write_bytes(pdf(str(tmp_path / "near/secret.jpg")))
    found = traced([sys.executable, "-c", DRAW, str(tmp_path / "a.pdf")], tmp_path / "work")
    assert "a.pdf" in found
    assert "secret" not in found
