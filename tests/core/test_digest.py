"""By what an unchanged input is known again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgpar.core import digest
from imgpar.core.job import OutputFile

LARGE = bytes(range(251)) * 10_000


@pytest.fixture(params=["with xxhash", "without"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "xxhash", None)
    digest._kind.cache_clear()
    yield request.param
    digest._kind.cache_clear()


def test_every_byte_counts(kind: str) -> None:
    assert digest.content_digest(LARGE[:-1] + b"x") != digest.content_digest(LARGE)


def test_every_kind_of_buffer_has_the_digest_of_its_bytes(kind: str) -> None:
    assert digest.content_digest(memoryview(bytearray(LARGE))) == digest.content_digest(LARGE)


def test_a_file_in_pieces_has_the_digest_of_its_bytes(kind: str, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(LARGE)
    assert digest.file_digest(str(tmp_path / "clip")) == digest.content_digest(LARGE)


def test_it_has_32_digits(kind: str) -> None:
    assert len(digest.content_digest(b"")) == 32


@pytest.mark.parametrize("kind", ["without"], indirect=True)
def test_without_the_package_it_is_sha_256(kind: str) -> None:
    assert digest.content_digest(LARGE) == hashlib.sha256(LARGE).hexdigest()[:32]


def test_the_algorithm_has_its_name(kind: str) -> None:
    assert digest.algorithm() == ("sha256" if kind == "without" else "xxh3-128")


def test_damage_is_told_from_an_edit_by_what_the_system_says(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(b"made")
    status = path.stat()
    facts = (4, 1, 1, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    made = OutputFile(str(path), *facts, digest.content_digest(b"other"))
    assert digest.what_is_wrong(str(path), [made]).startswith("It is damaged")
    assert digest.what_is_wrong(str(path), [made._replace(ctime_ns=1)]).startswith("It was changed since")
    assert digest.what_is_wrong(str(path), [made._replace(digest=digest.content_digest(b"made"))]) == ""
    assert digest.what_is_wrong(str(tmp_path / "gone"), [made]).startswith("It was removed")


@pytest.mark.parametrize("cuts", [(), (1,), (1000, 1001), (1 << 20, 2 << 20)])
def test_blocks_have_the_digest_of_their_bytes(kind: str, cuts: tuple[int, ...]) -> None:
    whole = memoryview(LARGE)
    blocks = [whole[start:end] for start, end in zip((0, *cuts), (*cuts, len(LARGE)), strict=True)]
    assert digest.blocks_digest(blocks) == digest.content_digest(LARGE)
    assert digest.blocks_digest(blocks[:-1]) == digest.content_digest(LARGE[: cuts[-1] if cuts else 0])


# ----- whether a file is still what was written -----------------------------------------------------


class Made:
    """A file, and the record of how it was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(b"made")
        status = path.stat()
        self.record = OutputFile(
            str(path), 4, 1, 1, status.st_mtime_ns, status.st_ctime_ns, status.st_ino,
            digest.content_digest(b"made"),
        )  # fmt: skip

    def is_it(self, *others: OutputFile, **changes: object) -> bool:
        return digest.matches_output(str(self.path), [*others, self.record._replace(**changes)])


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "a.webp")


def test_a_file_as_it_was_written_is_not_read(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "file_digest", None)
    assert made.is_it()
    assert made.is_it(digest="another")


@pytest.mark.parametrize("change", [{"mtime_ns": 1}, {"ctime_ns": 1}, {"inode": 1}])
def test_a_file_with_other_times_is_one_where_its_content_is(made: Made, change: dict[str, int]) -> None:
    assert made.is_it(**change)
    assert not made.is_it(**change, digest=digest.content_digest(b"mode"))
    assert not made.is_it(**change, digest="")


@pytest.mark.parametrize("size", [3, 5])
def test_a_file_of_another_size_is_not_read(made: Made, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "file_digest", None)
    assert not made.is_it(bytes=size)


def test_a_record_without_ctime_is_believed_where_it_has_no_digest(made: Made) -> None:
    """Of imgpar 0.1."""
    assert made.is_it(ctime_ns=0, inode=0, digest="")
    assert not made.is_it(ctime_ns=0, inode=0, digest=digest.content_digest(b"mode"))
    assert not made.is_it(ctime_ns=0, inode=0, digest="", mtime_ns=made.record.mtime_ns + 1)


def test_one_record_of_several_is_enough(made: Made) -> None:
    other = made.record._replace(mtime_ns=1, digest=digest.content_digest(b"mode"))
    assert made.is_it(other)
    assert not digest.matches_output(str(made.path), [other])
    assert not digest.matches_output(str(made.path), [])


def test_a_link_to_a_file_or_nothing_is_none(made: Made, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(made.path)
    assert not digest.matches_output(str(tmp_path / "link"), [made.record._replace(ctime_ns=1)])
    assert (
        digest.what_is_wrong(str(tmp_path / "link"), [made.record]) == "It was changed since imgpar made it."
    )
    assert not digest.matches_output(str(tmp_path / "gone"), [made.record])
    assert not digest.matches_output(str(tmp_path), [made.record])


def test_a_record_of_an_old_version_is_compared_by_its_facts(made: Made) -> None:
    old = made.record._replace(digest="", ctime_ns=0, inode=0)
    assert digest.what_is_wrong(str(made.path), [old]) == ""
    newer = old._replace(mtime_ns=old.mtime_ns + 1)
    assert digest.what_is_wrong(str(made.path), [newer]) == "It was changed since imgpar made it."


def test_a_file_that_cannot_be_read_is_called_so(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(digest, "file_digest", refuse)
    assert digest.what_is_wrong(str(made.path), [made.record]) == "It cannot be read: Permission denied."
    assert not made.is_it(mtime_ns=1)
