"""What is in the way of an output: ours, ours and changed, or somebody else's."""

from __future__ import annotations

import pytest

from imgpar.core.job import FOLDER, SPECIAL, Facts, OutputFile, Target
from imgpar.outputs.conflicts import foreign, maker, maybe_ours, owned_by, replacing, why_foreign
from imgpar.outputs.prior import PLANNED, PriorResult

PATH = "/out/a.webp"
MADE = OutputFile(PATH, 100, 8, 8, 2_000, 3_000, 44, "digest")


def status(size: int = 100, mtime: int = 2_000, ctime: int = 3_000, inode: int = 44) -> Facts:
    return Facts(size, mtime, ctime, inode)


def done(*outputs: OutputFile, recipe: str = "r", claims: tuple[OutputFile, ...] = ()) -> PriorResult:
    return PriorResult(recipe, "ok", 1, 1, 1, 1, "", 1, outputs, claims)


def test_the_status_of_these_tests_is_what_was_made() -> None:
    assert status() == MADE.facts


@pytest.mark.parametrize(
    ("now", "ours"),
    [
        (status(), True),
        (status(mtime=9, ctime=9, inode=9), True),
        (status(size=101), True),  # damaged by the disk: all else is as it was
        (status(size=101, mtime=2_001), False),
        (status(size=101, ctime=3_001), False),
        (status(size=101, inode=45), False),
        (status(size=SPECIAL), False),
        (status(size=FOLDER), False),
    ],
)
def test_what_may_be_ours(now: Facts, ours: bool) -> None:
    assert bool(maybe_ours([MADE], now)) is ours
    assert (foreign([(PATH, now)], {PATH: [MADE]}) == []) is ours
    assert maker(PATH, now, [done(MADE)]) == ("r" if ours else "")


def test_without_a_ctime_only_the_size_tells() -> None:
    old = MADE._replace(ctime_ns=0, inode=0)
    assert maybe_ours([old], status(ctime=0, inode=0))
    assert not maybe_ours([old], status(size=101, ctime=0, inode=0))


def test_a_name_that_was_only_planned_is_nobodys_file() -> None:
    planned = OutputFile(PATH, PLANNED)
    assert not maybe_ours([planned], status(size=PLANNED))
    assert maybe_ours([planned, MADE], status())
    assert why_foreign(PATH, {PATH: [planned]}) == "exists"
    assert why_foreign(PATH, {PATH: [planned, MADE]}) == "changed"
    assert why_foreign(PATH, {}) == "exists"


def test_what_is_there_and_was_never_made_is_foreign() -> None:
    there = [(PATH, status()), ("/out/b.webp", status())]
    assert foreign(there, {PATH: [MADE]}) == there[1:]


def test_outputs_and_claims_are_owned() -> None:
    other = MADE._replace(path="/out/b.webp")
    owned = owned_by([done(MADE), done(other, claims=(MADE,))])
    assert owned == {PATH: [MADE, MADE], other.path: [other]}
    assert owned_by([]) == {}


def test_the_first_record_that_fits_tells_the_recipe() -> None:
    elsewhere = done(MADE._replace(path="/x"), recipe="no")
    changed = done(MADE._replace(bytes=5, mtime_ns=5), recipe="no")
    late = done(MADE, recipe="late")
    fitting = done(claims=(MADE,), recipe="yes")
    assert maker(PATH, status(), [elsewhere, changed, fitting, late]) == "yes"


def test_a_target_replaces_what_is_there() -> None:
    wanted = Target("webp", PATH)
    assert replacing(wanted, [], {PATH: [MADE]}) is wanted
    alone = replacing(wanted, [(PATH, status())], {PATH: [MADE, OutputFile(PATH, PLANNED)]})
    assert (alone.replaces, alone.parts, alone.known) == (True, (), (MADE,))


def test_pages_are_in_the_way_of_a_file_that_is_split() -> None:
    page = "/out/a-p1.webp"
    wanted = Target("webp", PATH, split="pages")
    pages = replacing(wanted, [(page, status())], {page: [MADE]})
    assert (pages.replaces, pages.parts, pages.known) == (False, (page,), (MADE,))
    both = replacing(wanted, [(PATH, status()), (page, status())], {})
    assert (both.replaces, both.parts, both.known) == (True, (page,), ())
