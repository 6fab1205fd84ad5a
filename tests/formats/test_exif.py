"""Directories of EXIF, entry by entry: kinds, where values lie, and what cannot be."""

from __future__ import annotations

import struct

import pytest

from imgpar.core.blocks import Exif
from imgpar.formats.metadata.exif import (
    first_ifd,
    get_number,
    get_numbers,
    get_orientation,
    is_sound,
    leading_ifd,
    read_ifd,
    sub_ifd,
)
from imgpar.formats.metadata.exif_draft import Draft

BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Kind → bytes of a value (TIFF 6.0, section 2; 13 is IFD)."""
WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
both_orders = pytest.mark.parametrize("order", ["<", ">"])

Entry = tuple[int, int, int, bytes]


def block(*entries: Entry, order: str = "<", behind: bytes = b"", count: int | None = None) -> Exif:
    """EXIF with one directory at 8; `behind` follows its link."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(
        struct.pack(order + "HHI", *entry[:3]) + entry[3][:4].ljust(4, b"\0") for entry in entries
    )
    number = struct.pack(order + "H", len(entries) if count is None else count)
    return Exif(head + number + body + bytes(4) + behind)


def after(entries: int) -> int:
    """Where `behind` begins."""
    return 8 + 2 + 12 * entries + 4


@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_values_of_more_than_four_bytes_lie_elsewhere(kind: int, number: int) -> None:
    nbytes = BYTES[kind] * number
    at = struct.pack("<I", after(1))
    directory = read_ifd(block((7, kind, number, at), behind=bytes(nbytes)), 8)
    assert directory is not None
    assert directory.entries[7].nbytes == nbytes
    assert directory.entries[7].value_at == (after(1) if nbytes > 4 else 8 + 2 + 8)
    assert directory.next_at == 8 + 2 + 12


@pytest.mark.parametrize("kind", BYTES)
def test_a_value_that_ends_with_the_block_is_read_and_one_that_ends_behind_it_is_not(kind: int) -> None:
    number = 8 // BYTES[kind]
    at = struct.pack("<I", after(1))
    for there, read in ((8, True), (7, False)):
        directory = read_ifd(block((7, kind, number, at), behind=bytes(there)), 8)
        assert directory is not None
        assert (7 in directory.entries) is read


@pytest.mark.parametrize("kind", [0, 14, 15, 65535])
def test_an_unknown_kind_is_left_out(kind: int) -> None:
    directory = read_ifd(block((7, kind, 1, b"\1"), (8, 3, 1, b"\1")), 8)
    assert directory is not None
    assert list(directory.entries) == [8]


def test_of_two_entries_of_one_tag_the_first_counts() -> None:
    assert get_orientation(block((0x112, 3, 1, b"\6"), (0x112, 3, 1, b"\3"))) == 6


@both_orders
@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_number_of_any_kind_is_read_and_written(order: str, kind: int) -> None:
    exif = block((7, kind, 1, struct.pack(order + WHOLE[kind], 100)), order=order)
    assert get_number(exif, first_ifd(exif), 7) == 100
    made = written(exif, 7, 8)
    assert get_number(made, first_ifd(made), 7) == 8


@pytest.mark.parametrize(
    ("kind", "most"), [(1, 255), (3, 65535), (4, 2**32 - 1), (6, 127), (8, 32767), (9, 2**31 - 1)]
)
def test_a_number_that_is_too_large_becomes_the_largest(kind: int, most: int) -> None:
    exif = block((7, kind, 1, b"\1"))
    for value, stored in ((most + 1, most), (most - 1, most - 1)):
        made = written(exif, 7, value)
        assert get_number(made, first_ifd(made), 7) == stored


@pytest.mark.parametrize(
    "entry", [(7, 3, 2, b"\1\0\2\0"), (7, 2, 1, b"1"), (7, 11, 1, b"1234"), (7, 3, 0, b"")]
)
def test_what_is_not_one_whole_number_is_none(entry: Entry) -> None:
    exif = block(entry)
    assert get_number(exif, first_ifd(exif), 7) is None
    assert written(exif, 7, 9) is exif


def test_nothing_is_added() -> None:
    exif = block((7, 3, 1, b"\1"))
    assert written(exif, 8, 9) is exif
    draft = Draft(exif)
    draft.set_number(None, 7, 9)
    assert draft.finished() is exif
    assert get_number(exif, None, 7) is None
    assert get_numbers(exif, None, 7) == []


@both_orders
def test_several_numbers(order: str) -> None:
    values = struct.pack(order + "3H", 1, 2, 300)
    exif = block((7, 3, 3, struct.pack(order + "I", after(1))), order=order, behind=values)
    assert get_numbers(exif, first_ifd(exif), 7) == [1, 2, 300]
    assert get_numbers(exif, first_ifd(exif), 8) == []


@both_orders
@pytest.mark.parametrize("value", range(11))
def test_an_orientation_is_1_to_8(order: str, value: int) -> None:
    exif = block((0x112, 3, 1, struct.pack(order + "H", value)), order=order)
    assert get_orientation(exif) == (value if 1 <= value <= 8 else 1)


def test_without_an_orientation_it_is_1() -> None:
    assert get_orientation(block((7, 3, 1, b"\6"))) == 1
    assert get_orientation(Exif()) == 1


@pytest.mark.parametrize(
    ("exif", "sound"),
    [
        (block(), True),
        (block()[:10], True),
        (block()[:9], False),
        (block((7, 3, 1, b"\1"))[:22], True),
        (block((7, 3, 1, b"\1"))[:21], False),
        (block((7, 3, 1, b"\1"), count=2), False),
        (b"II*\0", False),
        (b"II*\0\7\0\0\0" + bytes(8), False),
        (b"II*\0\xff\0\0\0" + bytes(8), False),
        (b"II+\0\x08\0\0\0" + bytes(8), False),
        (b"", False),
    ],
)
def test_a_directory_lies_inside_the_block(exif: bytes, sound: bool) -> None:
    assert is_sound(Exif(exif)) is sound


def test_a_directory_that_a_tag_points_to() -> None:
    inner = struct.pack("<HHHI4sI", 1, 9, 3, 1, b"\5\0\0\0", 0)
    exif = block((7, 4, 1, struct.pack("<I", after(1))), behind=inner)
    assert get_number(exif, sub_ifd(exif, first_ifd(exif), 7), 9) == 5
    assert sub_ifd(exif, first_ifd(exif), 8) is None


@both_orders
def test_a_dropped_entry_moves_later_ones_up_and_no_value(order: str) -> None:
    entries = [(tag, 3, 1, struct.pack(order + "H", tag)) for tag in (1, 2, 3)]
    whole = bytearray(block(*entries, order=order, behind=b"values"))
    link = 8 + 2 + 36
    struct.pack_into(order + "I", whole, link, 4321)
    draft = Draft(Exif(whole))
    draft.drop_entry(2)
    exif = draft.finished()
    directory = first_ifd(exif)
    assert directory is not None
    assert {tag: get_number(exif, directory, tag) for tag in directory.entries} == {1: 1, 3: 3}
    assert struct.unpack_from(order + "I", exif, directory.next_at) == (4321,)
    assert exif.endswith(bytes(12) + b"values")
    assert len(exif) == after(3) + len(b"values")


def test_a_dropped_directory_is_zeroed_with_its_values() -> None:
    inner_at = after(2)
    inner = struct.pack("<HHHII4x", 1, 9, 2, 6, inner_at + 18)
    draft = Draft(
        block((7, 4, 1, struct.pack("<I", inner_at)), (8, 3, 1, b"\1"), behind=inner + b"secretkept")
    )
    draft.drop_ifd(7)
    exif = draft.finished()
    directory = first_ifd(exif)
    assert directory is not None
    assert list(directory.entries) == [8]
    # All but the link to a next directory, which says nothing of this one.
    assert exif.endswith(bytes(18) + bytes(6) + b"kept")


def test_dropping_what_is_not_there_changes_nothing() -> None:
    exif = block((7, 3, 1, b"\1"))
    draft = Draft(exif)
    draft.drop_entry(9)
    draft.drop_ifd(9)
    assert draft.finished() is exif


class TestTheDirectoryOfADraft:
    """What is known of the first directory after an edit is what a new reading of the block finds."""

    @staticmethod
    def followed(draft: Draft) -> bool:
        exif = draft.finished()
        return first_ifd(exif) == leading_ifd(exif)

    @both_orders
    def test_after_a_number(self, order: str) -> None:
        draft = Draft(block((7, 3, 1, b"\1\1"), (8, 3, 1, b"\2\2"), order=order))
        draft.set_number(draft.main, 7, 300)
        assert self.followed(draft)

    @both_orders
    @pytest.mark.parametrize("tag", [1, 2, 3])
    def test_after_an_entry_was_dropped(self, order: str, tag: int) -> None:
        at = struct.pack(order + "I", after(4))
        entries = [(1, 3, 1, b"\1\1"), (2, 4, 2, at), (3, 99, 1, at), (3, 1, 1, b"\3")]
        draft = Draft(block(*entries, order=order, behind=bytes(8)))
        draft.drop_entry(tag)
        assert self.followed(draft)

    def test_after_one_of_two_entries_of_a_tag_was_dropped(self) -> None:
        draft = Draft(block((7, 3, 1, b"\1"), (8, 3, 1, b"\2"), (7, 3, 1, b"\3")))
        draft.drop_entry(7)
        assert self.followed(draft)
        assert list(first_ifd(draft.finished()).entries) == [8, 7]  # type: ignore[union-attr]

    def test_after_a_directory_that_is_the_first_one_was_dropped(self) -> None:
        draft = Draft(block((7, 4, 1, struct.pack("<I", 8)), (8, 3, 1, b"\2")))
        draft.drop_ifd(7)
        assert self.followed(draft)

    def test_after_a_value_that_is_the_first_directory_was_dropped(self) -> None:
        inner = struct.pack("<HHHII4x", 1, 9, 2, 30, 4)
        draft = Draft(block((7, 4, 1, struct.pack("<I", after(2))), (8, 3, 1, b"\2"), behind=inner))
        draft.drop_ifd(7)
        assert self.followed(draft)

    def test_after_something_else_was_written_over_it(self) -> None:
        draft = Draft(block((7, 3, 1, b"\1"), (8, 3, 1, b"\2")))
        draft.data[10:22] = bytes(12)
        assert self.followed(draft)

    @pytest.mark.parametrize("values", [0, 10], ids=["before", "in"])
    def test_after_a_thumbnail_was_cut_off(self, values: int) -> None:
        """A value inside the thumbnail goes with it."""
        second_at, picture_at = after(2) + 10, after(2) + 10 + 30
        second = struct.pack("<HHHIIHHIII", 2, 0x201, 4, 1, picture_at, 0x202, 4, 1, 40, 0)
        place = struct.pack("<I", picture_at + 5 if values else after(2))
        exif = bytearray(block((7, 2, 10, place), (8, 3, 1, b"\2"), behind=bytes(10) + second + b"p" * 40))
        struct.pack_into("<I", exif, after(2) - 4, second_at)
        draft = Draft(Exif(exif))
        draft.drop_thumbnail()
        assert len(draft.finished()) == picture_at
        assert self.followed(draft)
        assert (7 in first_ifd(draft.finished()).entries) is not bool(values)  # type: ignore[union-attr]


def written(exif: Exif, tag: int, value: int) -> Exif:
    """The block with another number in its first directory."""
    draft = Draft(exif)
    draft.set_number(draft.main, tag, value)
    return draft.finished()
