"""Blocks of metadata: bytes that keep what was parsed from them."""

from __future__ import annotations

import copy
import pickle

import pytest

from imgpar.core.blocks import Block, Exif, Icc, Xmp, memoized, remember
from imgpar.core.errors import TransformError
from imgpar.core.spec import Header, Metadata, Spec
from imgpar.runtime.serialization import pack, unpack

PARSED: list[bytes] = []


@memoized
def length(block: Block) -> int:
    """Number of bytes."""
    PARSED.append(block)
    return len(block)


@pytest.fixture(autouse=True)
def _none_parsed() -> None:
    PARSED.clear()


def test_a_block_is_parsed_once() -> None:
    block = Exif(b"II*")
    assert [length(block), length(block)] == [3, 3]
    assert PARSED == [b"II*"]


def test_an_equal_block_is_parsed_for_itself() -> None:
    assert length(Exif(b"II*")) == length(Exif(b"II*")) == 3
    assert len(PARSED) == 2


def test_what_is_known_is_not_parsed() -> None:
    block = Exif(b"II*")
    remember(block, length, 7)
    assert length(block) == 7
    assert PARSED == []


def test_results_of_two_functions_of_one_name_are_kept_apart() -> None:
    class Other:
        @staticmethod
        @memoized
        def length(block: Block) -> int:
            return -len(block)

    block = Exif(b"II*")
    assert (length(block), Other.length(block)) == (3, -3)


def test_a_memoized_function_keeps_its_name_and_text() -> None:
    assert (length.__name__, length.__doc__) == ("length", "Number of bytes.")


@pytest.mark.parametrize("again", [copy.copy, lambda block: pickle.loads(pickle.dumps(block))])
def test_a_copy_is_the_same_bytes_without_what_was_parsed(again: object) -> None:
    block = Icc(b"profile")
    length(block)
    made = again(block)  # type: ignore[operator]
    assert (type(made), made) == (Icc, block)
    assert length(made) == 7
    assert len(PARSED) == 2


def test_metadata_are_equal_by_their_bytes() -> None:
    one, other = Metadata(exif=Exif(b"II*")), Metadata(exif=Exif(b"II*"))
    length(one.exif)
    assert one == other
    assert hash(one) == hash(other)


def test_another_worker_gets_blocks_of_the_same_kinds() -> None:
    pages = (Metadata(icc=Icc(b"page")),)
    metadata = Metadata(icc=Icc(b"profile"), exif=Exif(b"II*"), xmp=Xmp(b"<x/>"), pages=pages)
    header = Header("jpeg", Spec(4, 3), metadata=metadata)
    found = unpack(pack(header), Header)
    assert found == header
    assert list(map(type, found.metadata[:3])) == [Icc, Exif, Xmp]
    assert type(found.metadata.pages[0].icc) is Icc


def test_another_worker_gets_blocks_beside_a_text_that_is_not_utf_8() -> None:
    header = Header("jpeg", Spec(4, 3), metadata=Metadata(exif=Exif(b"II*")), notes=("\udcff",))
    found = unpack(pack(header), Header)
    assert found == header
    assert type(found.metadata.exif) is Exif


def test_a_number_for_a_block_is_refused() -> None:
    metadata = Metadata(exif=9)  # type: ignore[arg-type]
    with pytest.raises(TransformError):
        unpack(pack(metadata), Metadata)
