"""The thumbnail in EXIF shows the old picture: none of its bytes are left where pixels have changed."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from codec_pictures import saved
from PIL import ExifTags, Image

import imgpar
from imgpar import Pipeline
from imgpar.core.blocks import Exif
from imgpar.core.spec import Metadata
from imgpar.formats.metadata.exif_draft import Draft
from imgpar.formats.metadata.policy import bake
from imgpar.formats.registry import FORMATS

MARK = b"\xff\xd8 what the thumbnail shows \xff\xd9"
MAKER = b"made by hand\0"


def block(
    order: str = "<",
    *,
    thumbnail: bytes = MARK,
    behind: bytes = b"",
    at: int | None = None,
    length: int | None = None,
    orientation: int = 1,
) -> bytes:
    """EXIF with a maker, an orientation and a thumbnail; `behind` follows the thumbnail, `at` and `length`
    are what its directory says."""
    main_at, entries = 8, 2
    small_at = main_at + 2 + 12 * entries + 4
    maker_at = small_at + 2 + 12 * 2 + 4
    thumbnail_at = maker_at + len(MAKER)
    small = (0x201, 4, 1, thumbnail_at if at is None else at)
    size = (0x202, 4, 1, len(thumbnail) if length is None else length)
    parts = [
        b"II*\0" if order == "<" else b"MM\0*", struct.pack(order + "IH", main_at, entries),
        struct.pack(order + "HHII", 0x10F, 2, len(MAKER), maker_at),
        struct.pack(order + "HHIHxx", 0x112, 3, 1, orientation), struct.pack(order + "I", small_at),
        struct.pack(order + "H", 2), struct.pack(order + "HHII", *small),
        struct.pack(order + "HHII", *size), bytes(4), MAKER, thumbnail, behind,
    ]  # fmt: skip
    return b"".join(parts)


def dropped(exif: bytes) -> bytes:
    draft = Draft(Exif(exif))
    draft.drop_thumbnail()
    return draft.finished()


def thumbnail_of(exif: bytes) -> dict[int, object]:
    read = Image.Exif()
    read.load(b"Exif\0\0" + exif)
    assert read[0x10F] == MAKER.rstrip(b"\0").decode()
    return dict(read.get_ifd(ExifTags.IFD.IFD1))


both_orders = pytest.mark.parametrize("order", ["<", ">"])


@both_orders
def test_the_block_of_these_tests_has_one(order: str) -> None:
    assert thumbnail_of(block(order))[0x202] == len(MARK)


@both_orders
def test_at_the_end_it_is_cut_off(order: str) -> None:
    before = block(order)
    after = dropped(before)
    assert len(after) == len(before) - len(MARK)
    assert after.endswith(MAKER)
    assert thumbnail_of(after) == {}


@both_orders
def test_before_other_values_it_is_zeroed_and_nothing_moves(order: str) -> None:
    before = block(order, behind=b"more of the maker")
    after = dropped(before)
    assert len(after) == len(before)
    assert after.endswith(MAKER + bytes(len(MARK)) + b"more of the maker")
    assert thumbnail_of(after) == {}


def test_padding_behind_it_is_no_value() -> None:
    assert dropped(block(behind=bytes(6))).endswith(MAKER)


def test_all_else_stays_as_it_was() -> None:
    before, link = block(), 8 + 2 + 12 * 2
    after = dropped(before)
    assert after[:link] == before[:link]
    assert after[link : link + 4] == bytes(4)
    assert after[link + 4 :] == before[link + 4 : -len(MARK)]


@pytest.mark.parametrize(
    "wrong", [{"at": 0}, {"length": 0}, {"at": 10_000}, {"length": 10_000}, {"at": 8}, {"at": 34}, {"at": 64}]
)
def test_a_place_that_cannot_be_is_unlinked_and_not_written_to(wrong: dict[str, int]) -> None:
    """Outside the block, or inside the directories."""
    before, link = block(**wrong), 8 + 2 + 12 * 2  # type: ignore[arg-type]
    after = dropped(before)
    assert after == before[:link] + bytes(4) + before[link + 4 :]


def test_a_place_up_to_the_very_end_is_one() -> None:
    assert MARK not in dropped(block())
    past = block(length=len(MARK) + 1)
    assert dropped(past)[-len(MARK) :] == MARK


def test_without_a_thumbnail_nothing_changes() -> None:
    once = dropped(block())
    assert dropped(once) == once
    assert dropped(b"") == b""
    assert dropped(b"II*\0") == b"II*\0"
    cut = block()[:30]
    assert dropped(cut) == cut


@pytest.mark.parametrize("link", range(4))
def test_without_a_whole_link_nothing_changes(link: int) -> None:
    """The directory ends the block, or almost."""
    cut = block()[: 8 + 2 + 12 * 2 + link]
    assert dropped(cut) == cut


@both_orders
def test_metadata_of_new_pixels_have_none(order: str) -> None:
    after = bake(Metadata(exif=Exif(block(order, orientation=6))), 10, 20).exif
    assert b"thumbnail" not in after
    assert thumbnail_of(after) == {}


# ----- in whole files -------------------------------------------------------------------------------

HOLD_EXIF = [name for name in ("jpeg", "png", "webp", "tiff", "avif", "heic", "jxl") if FORMATS[name].exif]


def photo(orientation: int = 1, **options: object) -> bytes:
    array = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    return saved(Image.fromarray(array), "JPEG", exif=b"Exif\0\0" + block(orientation=orientation), **options)


def test_the_photo_of_these_tests_has_one() -> None:
    assert MARK in photo()


@pytest.mark.parametrize("name", HOLD_EXIF)
def test_no_format_gets_the_old_thumbnail(name: str) -> None:
    if not FORMATS[name].installed or not FORMATS[name].writable:
        pytest.skip(f"{name} cannot be written here")
    made = Pipeline().resize("16").encode(photo(), to=name)
    assert MAKER in made
    assert b"thumbnail" not in made


@pytest.mark.parametrize(
    "settings",
    [{"resize": "16"}, {"grey": True}, {"rotate": 90}, {"crop": "20x20"}, {"quality": 60}, {"colour": "p3"}],
    ids=str,
)
def test_no_edit_keeps_it(settings: dict[str, object]) -> None:
    made = Pipeline().encode(photo(), **settings)
    assert MAKER in made
    assert b"thumbnail" not in made


def test_a_picture_that_is_turned_without_loss_has_none() -> None:
    made = Pipeline().encode(photo(orientation=6, quality=95))
    with Image.open(io.BytesIO(made)) as image:
        assert image.getexif().get(0x112, 1) == 1
    assert MAKER in made
    assert b"thumbnail" not in made


def test_pixels_that_stay_keep_theirs() -> None:
    assert Pipeline().encode(photo()) == photo()


def test_it_does_not_survive_in_a_run(tmp_path) -> None:
    (tmp_path / "a.jpg").write_bytes(photo())
    report = imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", resize="16", jobs=1)
    (item,) = report.items
    with open(item.outputs[0].path, "rb") as file:
        made = file.read()
    assert MAKER in made
    assert b"thumbnail" not in made
