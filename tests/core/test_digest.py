"""By what an unchanged input is known again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgpar.core import digest
from imgpar.core.model import OutputFile

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
