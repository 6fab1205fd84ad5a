"""Facts about files: when two say that a file is the same one, not written since."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from imgpar.core.job import INODE_BITS, Event, Facts, Item, ItemFacts, OutputFile

KNOWN = Facts(100, 2_000_000_000, 3_000_000_000, 44)


def test_the_same_facts_agree() -> None:
    assert KNOWN.agree(KNOWN)


@pytest.mark.parametrize("field", Facts._fields)
@pytest.mark.parametrize("step", [1, -1, 1_000_000_000])
def test_a_nanosecond_a_byte_or_an_inode_makes_it_another_file(field: str, step: int) -> None:
    other = KNOWN._replace(**{field: getattr(KNOWN, field) + step})
    assert not KNOWN.agree(other)
    assert not other.agree(KNOWN)


@pytest.mark.parametrize("field", ["ctime_ns", "inode"])
def test_what_one_of_them_does_not_know_counts_for_nothing(field: str) -> None:
    unknown = KNOWN._replace(**{field: 0})
    assert KNOWN.agree(unknown)
    assert unknown.agree(KNOWN)


@pytest.mark.parametrize("field", ["size", "mtime_ns"])
def test_size_and_time_are_always_known(field: str) -> None:
    assert not KNOWN.agree(KNOWN._replace(**{field: 0}))
    assert not KNOWN._replace(**{field: 0}).agree(KNOWN)


@pytest.mark.parametrize(("missing", "other"), [("ctime_ns", "inode"), ("inode", "ctime_ns")])
def test_what_is_unknown_excuses_nothing_else(missing: str, other: str) -> None:
    changed = KNOWN._replace(**{missing: 0, other: getattr(KNOWN, other) + 1})
    assert not KNOWN.agree(changed)
    assert not changed.agree(KNOWN)


def test_facts_come_from_the_status_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    os.utime(path, ns=(5, 1_234_567_891))
    status = path.stat()
    assert Facts.of(status) == (5, 1_234_567_891, status.st_ctime_ns, status.st_ino & INODE_BITS)


def test_an_inode_that_sqlite_cannot_hold_is_cut() -> None:
    status = os.stat_result((0o100644, (1 << 64) - 1, 0, 1, 0, 0, 7, 0, 0, 0))
    assert Facts.of(status).inode == (1 << 63) - 1


def test_an_input_and_an_output_have_facts_of_their_own() -> None:
    item = Item("/in/a.png", "a.png", 100, 2_000, ctime_ns=3_000, inode=44)
    assert item.facts == (100, 2_000, 3_000, 44)
    made = OutputFile("/out/a.png", 100, 8, 9, 2_000, 3_000, 44, "digest")
    assert made.facts == (100, 2_000, 3_000, 44)
    assert made.facts.agree(item.facts)


@pytest.mark.parametrize("facts", [Event("note").facts, ItemFacts("a.jpg", "image", (1, 1), 1).details])
def test_facts_that_nobody_gave_are_not_shared_by_a_change(facts: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="cannot be changed"):
        facts["run"] = 1
    assert facts == {}


def test_an_event_without_facts_is_pickled_and_written_as_json() -> None:
    event = Event("note", text="a")
    assert pickle.loads(pickle.dumps(event)) == event
    assert json.dumps(event.facts) == "{}"
