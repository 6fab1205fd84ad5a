"""What a target cannot hold is in `lost`; what is not is in the file, where Pillow and OpenCV find it."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from codec_pictures import WRITABLE, picture, read, saved, written
from conftest import make_photo
from PIL import Image, ImageCms, IptcImagePlugin, PngImagePlugin
from test_metadata import RECORDS, exif_block

import imgpar
from imgpar.core.blocks import Exif, Icc, Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.registry import FORMATS
from imgpar.pixels.colour.profiles import display_p3

XMP = b'<x:xmpmeta><rdf:Description dc:title="Garden"/></x:xmpmeta>'
METADATA = {
    "jpeg": set(),
    "png": set(),
    "webp": {"iptc", "comment"},
    "avif": {"iptc", "comment"},
    "heic": {"iptc", "comment"},
    "tiff": set(),
    "jxl": {"iptc", "comment"},
    "bmp": {"exif", "gps", "xmp", "iptc", "comment"},
    "ico": {"exif", "gps", "xmp", "iptc", "comment", "density"},
    "jp2": set(),
    "gif": {"exif", "gps", "iptc", "density"},
}
"""Of a photo with everything, by target."""
PIXELS = {
    "jpeg": {"alpha", "depth"},
    "png": set(),
    "webp": {"depth"},
    "avif": {"depth"},
    "heic": {"depth"},
    "tiff": set(),
    "jxl": set(),
    "bmp": {"alpha", "depth"},
    "ico": {"depth"},
    "jp2": set(),
    "gif": {"depth", "soft transparency"},
}
"""Of a transparent picture of 16 bits."""
FRAMES = {"jpeg", "heic", "jxl", "bmp", "jp2", "ico"}
"""Targets that get the first frame of an animation."""
GAMUT = {"gif", "bmp", "jxl", "ico"}
"""Targets that hold no profile."""


@cache
def photo() -> bytes:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    everything = Metadata(
        icc=Icc(icc),
        exif=Exif(exif_block("<", 1)),
        xmp=Xmp(XMP),
        comment=b"hello",
        iptc=RECORDS,
        dpi=(300, 150),
    )
    return written(picture("RGBX"), "jpeg", everything)


@cache
def animation() -> bytes:
    images = [Image.fromarray(make_photo(seed=seed)) for seed in range(3)]
    return saved(images[0], "GIF", save_all=True, append_images=images[1:], duration=40)


def exif_of(image: Image.Image) -> Image.Exif:
    """Pillow finds it in every format but one."""
    if image.format != "JPEG2000":
        return image.getexif()
    exif = Image.Exif()
    exif.load(block_of(image, b"JpgTiffExif->JP2"))
    return exif


def block_of(image: Image.Image, name: bytes) -> bytes:
    """The content of the box with a UUID."""
    data = Path(image.filename).read_bytes()
    at = data.find(b"uuid" + name)
    return data[at + 20 : at + int.from_bytes(data[at - 4 : at], "big") - 4] if at > 0 else b""


def has_exif(image: Image.Image) -> bool:
    return exif_of(image).get(271) == "Maker"


def has_gps(image: Image.Image) -> bool:
    return 2 in exif_of(image).get_ifd(0x8825)


def has_density(image: Image.Image) -> bool:
    told = image.info.get("dpi") or (exif_of(image).get(282, 0), exif_of(image).get(283, 0))
    return tuple(round(float(value)) for value in told) == (300, 150)


def has_xmp(image: Image.Image) -> bool:
    blocks = [
        image.info.get("xmp"),
        image.info.get("XML:com.adobe.xmp"),
        getattr(image, "tag_v2", {}).get(700),
        Path(image.filename).read_bytes() if image.format == "GIF" else None,
        block_of(image, bytes.fromhex("be7acfcb97a942e89c71999491e3afac")),
    ]
    found = [block.decode("latin-1") if isinstance(block, bytes) else block for block in blocks if block]
    return any("Garden" in text for text in found)


def has_comment(image: Image.Image) -> bool:
    found = [image.info.get("comment"), image.info.get("Comment"), getattr(image, "tag_v2", {}).get(270)]
    return any(text in ("hello", b"hello") for text in found)


def has_iptc(image: Image.Image) -> bool:
    if image.format == "JPEG2000":
        return block_of(image, bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")) == RECORDS
    if image.format == "PNG":
        text = image.info.get("Raw profile type iptc", "\n\n\n").split("\n", 3)[3]
        return RECORDS in bytes.fromhex("".join(text.split()))
    known = isinstance(image, Image.Image) and image.format in ("JPEG", "TIFF")
    return known and (IptcImagePlugin.getiptcinfo(image) or {}).get((2, 0x78)) == b"A caption"


READERS: dict[str, Callable[[Image.Image], bool]] = {
    "exif": has_exif,
    "gps": has_gps,
    "xmp": has_xmp,
    "comment": has_comment,
    "iptc": has_iptc,
    "density": has_density,
}


def converted(tmp_path: Path, name: str, data: bytes, target: str) -> tuple[imgpar.Outcome, Path]:
    (tmp_path / name).write_bytes(data)
    (line,) = imgpar.convert(tmp_path / name, tmp_path / "out", to=target, jobs=1, effort=0).items
    assert line.status == "ok", line.error
    return line, Path(line.outputs[0].path)


@pytest.mark.parametrize("target", WRITABLE)
def test_metadata_are_in_the_file_or_named(tmp_path: Path, target: str) -> None:
    line, path = converted(tmp_path, "a.jpg", photo(), target)
    assert set(line.lost) == METADATA[target]
    if FORMATS[target].extra != "imagecodecs":  # nothing else here reads JPEG XL
        if target == "heic":
            pytest.importorskip("pillow_heif").register_heif_opener()
        with Image.open(path) as image:
            there = {kind for kind, look in READERS.items() if look(image)}
        assert there == set(READERS) - METADATA[target]


@pytest.mark.parametrize("target", WRITABLE)
def test_alpha_and_depth_are_in_the_file_or_named(tmp_path: Path, target: str) -> None:
    frame = picture("RGBA", "uint16")
    line, path = converted(tmp_path, "a.png", written(frame, "png"), target)
    assert set(line.lost) == PIXELS[target]
    if target in ("png", "tiff"):
        assert (cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]] == frame.array).all()
    elif target in ("heic", "jxl"):
        _, (array,) = read(path.read_bytes())
        assert np.abs(array.astype(int) - frame.array).mean() < 65535 * 0.02
    elif target != "gif":  # half transparent is opaque there
        with Image.open(path) as image:
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
        assert ((alpha < 255).any()) == ("alpha" not in PIXELS[target])


@pytest.mark.parametrize("target", WRITABLE)
def test_frames_are_in_the_file_or_named(tmp_path: Path, target: str) -> None:
    line, path = converted(tmp_path, "a.gif", animation(), target)
    assert ("frames" in line.lost) is (target in FRAMES)
    assert ("timing" in line.lost) is (target == "tiff")
    if target not in FRAMES:
        with Image.open(path) as image:
            assert image.n_frames == 3


@pytest.mark.parametrize("target", WRITABLE)
def test_a_wide_gamut_is_kept_or_named(tmp_path: Path, target: str) -> None:
    data = saved(Image.new("RGB", (32, 32), (255, 0, 0)), "JPEG", quality=100, icc_profile=display_p3())
    line, path = converted(tmp_path, "a.jpg", data, target)
    assert ("gamut" in line.lost) is (target in GAMUT)
    if target not in GAMUT and target != "heic":
        with Image.open(path) as image:
            if target == "jp2":  # Pillow does not look for it
                assert b"colr\2\0\0" + display_p3() in path.read_bytes()
            else:
                assert image.info["icc_profile"] == display_p3()


@pytest.mark.parametrize("schedule", ["chain", "staged"])
@pytest.mark.parametrize("formats", [("png", "gif"), ("gif", "png"), ("png", "webp", "bmp")])
def test_a_strict_run_leaves_no_other_output_behind(
    tmp_path: Path, formats: tuple[str, ...], schedule: str
) -> None:
    (tmp_path / "a.png").write_bytes(written(picture("RGBA", "uint16"), "png"))
    report = imgpar.convert(
        tmp_path / "a.png", tmp_path / "out", to=formats, strict=True, schedule=schedule, jobs=2
    )
    (line,) = report.items
    assert (line.status, line.outputs) == ("failed", ())
    assert "It would lose" in line.error
    assert "depth" in line.error
    assert [path.name for path in (tmp_path / "out").glob("*.*") if path.is_file()] == []


def test_a_strict_run_that_loses_nothing_is_ok(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(written(picture("RGBA", "uint16"), "png"))
    report = imgpar.convert(tmp_path / "a.png", tmp_path / "out", to=("png", "tiff"), strict=True, jobs=1)
    assert (report.ok, report.lost) == (1, {})


def test_what_is_stripped_is_no_loss_but_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photo())
    for number, settings in enumerate(({}, {"quality": 70}, {"to": "tiff"})):
        report = imgpar.convert(
            tmp_path / "a.jpg", tmp_path / f"{number}", strip="gps", strict=True, jobs=1, **settings
        )
        (line,) = report.items
        assert (line.status, line.lost) == ("ok", ())
        assert "removed, as --strip asks: gps" in line.notes


@pytest.mark.parametrize(
    ("marker", "body", "named"),
    [
        (0xEB, b"JP\0\1 c2pa", "content credentials"),
        (0xE1, b"FLIR\0\1", "thermal picture"),
        (0xE6, b"DJI-DBG", "camera segments"),
        (0xEC, b"Ducky\0\1", None),
    ],
)
def test_segments_that_no_new_file_gets_are_named(
    tmp_path: Path, marker: int, body: bytes, named: str | None
) -> None:
    segment = bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
    data = photo()[:20] + segment + photo()[20:]
    for settings, lost in (({"quality": 70}, (named,) if named else ()), ({}, ())):
        (tmp_path / "a.jpg").write_bytes(data)
        out = tmp_path / f"out{len(settings)}"
        (line,) = imgpar.convert(tmp_path / "a.jpg", out, jobs=1, **settings).items
        assert line.lost == lost
    assert Image.open(io.BytesIO(data)).size == (64, 48)


@pytest.mark.parametrize("target", ["png", "webp", "jpeg", "tiff"])
def test_what_people_wrote_into_a_png_is_kept_or_named(tmp_path: Path, target: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Garden")
    text.add_itxt("Author", "Ana Müller", zip=True)
    text.add_text("Comment", "hello")
    text.add_text("Software", "a program")
    data = saved(Image.fromarray(make_photo()), "PNG", pnginfo=text)
    (tmp_path / "a.png").write_bytes(data)
    (line,) = imgpar.convert(tmp_path / "a.png", tmp_path / "out", to=target, resize="50", jobs=1).items
    assert set(line.lost) == {"png": set(), "webp": {"text", "comment"}}.get(target, {"text"})
    with Image.open(line.outputs[0].path) as image:
        assert has_comment(image) is (target != "webp")
        if target == "png":
            assert (image.text["Title"], image.text["Author"]) == ("Garden", "Ana Müller")


def test_text_in_a_png_goes_with_strip_all() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Garden")
    data = saved(Image.fromarray(make_photo()), "PNG", pnginfo=text)
    for settings in ({}, {"resize": "50"}):
        assert b"Garden" not in imgpar.Pipeline().encode(data, strip="all", **settings)
