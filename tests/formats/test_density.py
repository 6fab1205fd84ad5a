"""`--dpi`: the density that is written, and files that get another one without being encoded again.

The reference is Pillow, and exiftool where it is installed.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import Pipeline
from imgpar.core.errors import BadValueError
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.metadata.density import density_of
from imgpar.formats.metadata.density_edit import edit_density

PIXELS = np.random.default_rng(4).integers(0, 255, (31, 47, 3), dtype=np.uint8)
HOLDERS = ["jpeg", "png", "tiff", "webp", "bmp", "jp2", "avif"]
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:XResolution="72/1" '
    b'tiff:YResolution="72/1" tiff:ResolutionUnit="2"/></rdf:RDF></x:xmpmeta>'
)


def stored(kind: str, **saving: object) -> bytes:
    """A picture of 47 × 31 pixels, written by Pillow."""
    made = io.BytesIO()
    Image.fromarray(PIXELS).save(made, "JPEG2000" if kind == "jp2" else kind, **saving)
    return made.getvalue()


def exif(dpi: int | None) -> bytes:
    """EXIF with a camera, and perhaps a density."""
    block = Image.Exif()
    block[271] = "Maker"
    if dpi:
        block[282], block[283], block[296] = dpi, dpi, 2
    return block.tobytes()


def density(data: bytes) -> tuple[float, float] | None:
    return density_of(codec.read_header(data, "", Limits()).metadata)


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("kind", HOLDERS)
def test_an_encoded_picture_has_the_density(kind: str) -> None:
    made = Pipeline().flip("horizontal").encode(stored("png"), to=kind, dpi=300)
    assert density(made) == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "bmp"])
def test_pillow_reads_the_density(kind: str) -> None:
    made = Pipeline().flip("horizontal").encode(stored("png"), to=kind, dpi=240)
    with Image.open(io.BytesIO(made)) as image:
        assert image.info["dpi"] == pytest.approx((240, 240), abs=0.02)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp", "bmp", "jp2"])
@pytest.mark.parametrize("before", [None, 72])
def test_where_nothing_else_changes_no_pixel_is_encoded_again(kind: str, before: int | None) -> None:
    saving: dict[str, object] = {"quality": 60} if kind in ("jpeg", "webp") else {}
    if before and kind in ("jpeg", "webp", "png", "tiff"):
        saving |= {"exif": exif(before)}
    data = stored(kind, **saving)
    made = Pipeline().encode(data, to=kind, dpi=300)
    assert density(made) == pytest.approx((300, 300), abs=0.1)
    assert (decoded(made) == decoded(data)).all()
    if kind in ("jpeg", "webp", "jp2"):  # all others are lossless
        assert data[600:900] in made


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp", "bmp", "jp2"])
def test_a_file_that_has_the_density_is_copied(kind: str) -> None:
    once = Pipeline().encode(stored(kind), to=kind, dpi=300)
    assert Pipeline().encode(once, to=kind, dpi=300) == once


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_exif_and_the_format_agree(kind: str) -> None:
    made = Pipeline().encode(stored(kind, exif=exif(72), dpi=(96, 96)), to=kind, dpi=150)
    with Image.open(io.BytesIO(made)) as image:
        found = image.getexif()
        assert (float(found[282]), float(found[283]), found[296]) == (150, 150, 2)
        assert found[271] == "Maker"


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_xmp_agrees(kind: str) -> None:
    saving = {"tiffinfo": {700: XMP}} if kind == "tiff" else {"xmp": XMP}
    if kind == "png":
        from PIL import PngImagePlugin

        saving = {"pnginfo": PngImagePlugin.PngInfo()}
        saving["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())  # type: ignore[attr-defined]
    made = Pipeline().encode(stored(kind, **saving), to=kind, dpi=1234.5)
    xmp = codec.read_header(made, "", Limits()).metadata.xmp
    assert b'XResolution="1234500/1000"' in xmp
    assert codec.read_header(made, "", Limits()).metadata.xmp.count(b"72/1") == 0


def test_a_cmyk_or_adobe_jpeg_gets_exif_instead_of_jfif() -> None:
    made = io.BytesIO()
    Image.fromarray(PIXELS).convert("CMYK").save(made, "jpeg")
    data = Pipeline().encode(made.getvalue(), to="jpeg", dpi=300)
    assert b"JFIF" not in data[:40]
    assert density(data) == (300, 300)


def test_every_page_of_a_tiff_gets_it() -> None:
    made, pages = io.BytesIO(), [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1]).convert("L")]
    pages[0].save(made, "tiff", save_all=True, append_images=pages[1:])
    data = Pipeline().encode(made.getvalue(), to="tiff", dpi=200)
    with Image.open(io.BytesIO(data)) as image:
        for number in range(2):
            image.seek(number)
            assert image.info["dpi"] == (200, 200)
            assert (np.asarray(image) == np.asarray(pages[number])).all()


def test_a_big_tiff_keeps_its_pixels() -> None:
    made = io.BytesIO()
    Image.fromarray(PIXELS).save(made, "tiff", big_tiff=True)
    header = codec.read_header(made.getvalue(), "", Limits())
    data = edit_density(made.getvalue(), header, 144)
    assert data is not None
    assert density(data) == (144, 144)
    assert (decoded(data) == PIXELS).all()


def test_further_pictures_in_a_jpeg_stay() -> None:
    data = stored("jpeg") + b"something behind the picture"
    header = codec.read_header(data, "", Limits())
    assert (edit_density(data, header, 300) or b"").endswith(b"something behind the picture")


def test_a_stripped_file_has_the_density_that_was_asked_for() -> None:
    made = Pipeline().encode(stored("webp", exif=exif(72)), to="webp", dpi=300, strip="all")
    with Image.open(io.BytesIO(made)) as image:
        assert dict(image.getexif()) == {282: 300, 283: 300, 296: 2}


@pytest.mark.parametrize("kind", ["gif"])
def test_a_format_without_density_loses_it_by_name(kind: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{kind}").write_bytes(stored(kind))
    report = imgpar.convert(tmp_path / f"a.{kind}", tmp_path / "out", dpi=300, jobs=1)
    assert report.items[0].lost == ("density",)


@pytest.mark.parametrize("value", [0, -1, "many", 20000, True])
def test_a_wrong_density_is_refused(value: object) -> None:
    with pytest.raises(BadValueError, match="Expected a number from 1 to 10000 for dpi"):
        Pipeline().encode(stored("png"), to="png", dpi=value)  # type: ignore[arg-type]


def test_paper_has_its_pixels_and_its_density() -> None:
    made = Pipeline().resize("2x3cm", fit="cover").encode(stored("png"), to="png", dpi=100)
    with Image.open(io.BytesIO(made)) as image:
        assert (image.size, image.mode) == ((118, 79), "RGB")
        assert image.info["dpi"] == pytest.approx((100, 100), abs=0.02)


def test_paper_without_dpi_is_written_at_300() -> None:
    made = Pipeline().resize("1x1in", fit="cover").encode(stored("png"), to="jpeg")
    with Image.open(io.BytesIO(made)) as image:
        assert (image.size, image.info["dpi"]) == ((300, 300), (300, 300))


def test_a_size_too_large_for_its_density_is_one_sentence() -> None:
    with pytest.raises(BadValueError, match="A0 at 3000 dots per inch is 140433 pixels long"):
        Pipeline().resize("A0").encode(stored("png"), to="png", dpi=3000)


def test_physical_lengths_of_other_operations_follow() -> None:
    made = Pipeline().pad("1x1in").encode(stored("png"), to="png", dpi=60)
    with Image.open(io.BytesIO(made)) as image:
        assert image.size == (60, 60)


@pytest.mark.skipif(not shutil.which("exiftool"), reason="needs exiftool")
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
def test_exiftool_finds_one_density_only(kind: str, tmp_path: Path) -> None:
    saving: dict[str, object] = {"exif": exif(72)} if kind == "tiff" else {"exif": exif(72), "xmp": XMP}
    if kind == "png":
        del saving["xmp"]
    before, after = tmp_path / f"before.{kind}", tmp_path / f"after.{kind}"
    before.write_bytes(stored(kind, **saving))
    after.write_bytes(Pipeline().encode(before.read_bytes(), to=kind, dpi=300))
    assert exiftool(after, "-validate", "-warning") == exiftool(before, "-validate", "-warning")
    assert set(exiftool(after, "-XResolution", "-YResolution")) == {"300"}


def exiftool(path: Path, *tags: str) -> list[str]:
    """The values of these tags."""
    command = ["exiftool", "-a", "-s3", *tags, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
