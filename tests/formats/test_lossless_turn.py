"""JPEGs turned upright without decoding them: the same coefficients in other places."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import saved
from conftest import make_photo
from PIL import Image, ImageOps

import imgpar
from imgpar import Pipeline
from imgpar.formats.jpeg import lossless_turn, turbo
from imgpar.formats.jpeg.header import parse_segments

needs_turbo = pytest.mark.skipif(turbo.library() is None, reason="libturbojpeg is not installed")
BACK = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def photo(orientation: int, mode: str = "RGB", size: tuple[int, int] = (96, 64), **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[271] = orientation, "Maker"
    exif.get_ifd(0x8769)[0xA002] = size[0]
    image = Image.fromarray(make_photo(*size)).convert(mode)
    return saved(image, "JPEG", **{"quality": 90, "exif": exif, **options})


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).astype(int)


@needs_turbo
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {"subsampling": 0}), ("L", {}), ("CMYK", {}), ("RGB", {"subsampling": 0, "progressive": True})],
    ids=["444", "grey", "cmyk", "progressive"],
)
def test_a_turned_jpeg_looks_like_pillows(orientation: int, mode: str, options: dict[str, object]) -> None:
    data = photo(orientation, mode, **options)
    result = Pipeline().encode(data)
    # Decoders round rows before columns: what is turned may differ by one or two steps.
    assert np.abs(pixels(result) - pixels(data)).max() <= 3
    seen = Image.open(io.BytesIO(result))
    assert seen.getexif().get(0x0112) == 1
    assert seen.mode == mode
    assert bool(seen.info.get("progressive")) is bool(options.get("progressive"))


@needs_turbo
@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_there_and_back_it_is_the_very_picture(orientation: int) -> None:
    data = photo(1, subsampling=2)
    there = turbo.turn_coefficients(data, orientation, progressive=False)
    back = turbo.turn_coefficients(there, BACK[orientation], progressive=False)
    assert (pixels(back) == pixels(data)).all()


@needs_turbo
def test_a_jpeg_that_was_encoded_again_is_not_the_very_picture() -> None:
    """What the test before this one would see, if a turn were not exact."""
    data = photo(1, subsampling=2)
    assert (pixels(saved(Image.open(io.BytesIO(data)), "JPEG", quality=90)) != pixels(data)).any()


@needs_turbo
@pytest.mark.parametrize(
    ("orientation", "size", "exact"),
    [(6, (90, 64), True), (6, (96, 60), False), (8, (90, 64), False), (8, (96, 60), True),
     (5, (90, 60), True), (2, (96, 60), True), (4, (96, 60), False),
     (3, (90, 60), False), (7, (90, 64), False)],
)  # fmt: skip
def test_only_what_is_exact_is_turned_so(orientation: int, size: tuple[int, int], exact: bool) -> None:
    data = photo(orientation, size=size, subsampling=2)
    assert (lossless_turn.why_not_lossless(parse_segments(data).frame, orientation) == "") is exact
    with_library = True
    try:
        turbo.turn_coefficients(data, orientation, progressive=False)
    except imgpar.ItemError:
        with_library = False
    assert with_library is exact  # the library sees it the same way


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_what_cannot_be_turned_so_is_encoded_again_and_that_is_said(tmp_path: Path, schedule: str) -> None:
    (tmp_path / "a.jpg").write_bytes(photo(6, size=(96, 60)))
    report = imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", schedule=schedule, jobs=1)
    (line,) = report.items
    assert any("encoded again to be upright" in note for note in line.notes)
    with Image.open(tmp_path / "out" / "a.jpg") as seen:
        assert seen.size == (60, 96)


def test_without_the_library_it_is_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turbo, "library", lambda: None)
    data = photo(6)
    assert lossless_turn.why_not_lossless(parse_segments(data).frame, 6) == "libturbojpeg is not installed"
    assert parse_segments(Pipeline().encode(data)).frame.width == 64


@needs_turbo
@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_a_run_turns_and_keeps_what_travels_along(tmp_path: Path, schedule: str) -> None:
    data = photo(6, comment=b"hello", icc_profile=b"not touched", dpi=(300, 300))
    (tmp_path / "a.jpg").write_bytes(data)
    (line,) = imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", schedule=schedule, jobs=1).items
    assert (line.status, line.notes) == ("ok", ())
    with Image.open(tmp_path / "out" / "a.jpg") as seen:
        assert seen.info["comment"] == b"hello"
        assert seen.info["icc_profile"] == b"not touched"
        assert seen.info["dpi"] == (300, 300)
        assert seen.getexif()[271] == "Maker"
        assert seen.getexif().get_ifd(0x8769)[0xA002] == 64
    assert (line.outputs[0].width, line.outputs[0].height) == (64, 96)


@needs_turbo
def test_it_is_turned_and_stripped_at_once() -> None:
    result = Pipeline().encode(photo(6, subsampling=0), strip="all")
    assert b"Maker" not in result
    assert parse_segments(result).frame.width == 64
    assert np.abs(pixels(result) - pixels(photo(6, subsampling=0))).max() <= 3


@needs_turbo
def test_a_quality_is_something_to_do() -> None:
    assert parse_segments(Pipeline().encode(photo(6), quality=40)).quality == 40


@needs_turbo
def test_damage_is_found_all_the_same() -> None:
    data = photo(6)
    with pytest.raises(imgpar.DamagedError):
        Pipeline().encode(data[: len(data) * 2 // 3])


ASKED: list[dict[str, object]] = [{"optimise": True}, {"only_if_smaller": True}, {"set": {"artist": "Ada"}}]


def on_its_side(kind: str) -> bytes:
    """A picture with orientation 6; a JPEG that cannot be rotated without loss."""
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(5).integers(0, 255, (5, 8, 3), np.uint8)
    made = io.BytesIO()
    image = Image.fromarray(noise).resize((90, 60))
    (image.convert("1") if kind == "TIFF" else image).save(made, kind, exif=exif)
    return made.getvalue()


def as_stored(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as seen:
        assert seen.getexif()[0x0112] == 6
        return np.asarray(seen)


@pytest.mark.parametrize("settings", ASKED, ids=lambda settings: next(iter(settings)))
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_new_metadata_and_a_smaller_file_keep_the_pixels_and_the_tag(
    kind: str, settings: dict[str, object]
) -> None:
    data = on_its_side(kind)
    made = imgpar.Pipeline().encode(data, verify=True, **settings)
    assert np.array_equal(as_stored(made), as_stored(data))
    assert len(made) <= len(data) or "set" in settings


@pytest.mark.parametrize("strip", ["exif", "all"])
def test_a_picture_whose_tag_is_removed_is_upright(strip: str) -> None:
    made = imgpar.Pipeline().encode(on_its_side("JPEG"), strip=strip, set={"artist": "Ada"})
    with Image.open(io.BytesIO(made)) as seen:
        assert seen.size == (60, 90)


def test_in_place_a_quality_does_not_enlarge_what_cannot_be_turned(tmp_path: Path) -> None:
    data = on_its_side("JPEG")
    (tmp_path / "a.jpg").write_bytes(data)
    report = imgpar.convert(tmp_path / "a.jpg", in_place=True, quality=99, jobs=1)
    assert report.failed == 0
    assert (tmp_path / "a.jpg").read_bytes() == data
