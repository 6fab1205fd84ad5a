"""Archives that are read in order: how often, how far ahead, and what becomes of their members."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packing import packed
from PIL import Image

import imgpar
from imgpar.batch import unpacking
from imgpar.batch.unpacking import Unpacking
from imgpar.core.job import Job
from imgpar.inputs.local import scan
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sequential import Receiver
from imgpar.inputs.sources import Source
from imgpar.inputs.tar_source import PackedTarSource
from imgpar.runtime.scheduler import NotYet

NAMES = [f"{number:03}.png" for number in range(40)]


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(seed: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed * 6 % 256, 90, 120)).save(data, "PNG")
    return data.getvalue()


def jobs_of(*paths: Path) -> tuple[list[Source], list[Job]]:
    named = with_sources(str(path) for path in paths)
    items = [item for batch in scan(named, out=None) for item in batch.items]
    return sources_of(named), [Job(number, (item,)) for number, item in enumerate(items)]


def drained(made: Unpacking, jobs: list[Job], settle: bool = True) -> list[Job]:
    """All jobs as they come; their members are read, and settled."""
    found = []
    for entry in made.entries(iter(jobs)):
        if not isinstance(entry, NotYet):
            assert isinstance(entry, Job)
            found.append(entry)
            if settle:
                made.settled(entry)
    return found


@pytest.fixture
def reverse(tmp_path: Path) -> Path:
    """An archive whose order is not that of its names."""
    return packed(tmp_path / "a.tar.gz", {name: picture(at) for at, name in enumerate(reversed(NAMES))})


def test_an_archive_is_unpacked_twice_in_any_order(
    reverse: Path, tmp_path: Path, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    whole = PackedTarSource._unpacked

    def counted(self: PackedTarSource):  # type: ignore[no-untyped-def]
        opened.append(os.getpid())
        return whole(self)

    monkeypatch.setattr(PackedTarSource, "_unpacked", counted)
    report = imgpar.convert(reverse, tmp_path / "out", to="jpg", session=session)
    assert (report.ok, len(opened)) == (40, 2)
    assert [os.path.basename(item.source) for item in report.items] == NAMES
    opened.clear()
    assert imgpar.convert(reverse, tmp_path / "out", to="jpg", session=session).reasons == {"unchanged": 40}
    assert len(opened) == 1


def test_jobs_leave_in_the_order_of_the_archive_unless_the_order_matters(
    reverse: Path, tmp_path: Path
) -> None:
    sources, jobs = jobs_of(reverse)
    for planned in (False, True):
        (tmp_path / str(planned)).mkdir()
        made = Unpacking(sources, str(tmp_path / str(planned)), planned_order=planned)
        found = drained(made, jobs)
        made.close()
        numbers = [job.id for job in found]
        assert numbers == (sorted(numbers) if planned else sorted(numbers, reverse=True))
        assert len(found) == 40
        assert not os.listdir(tmp_path / str(planned))  # what is settled is removed


def test_no_more_is_unpacked_than_there_is_room_for(
    reverse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "ROOM", 5 * len(picture()))
    sources, jobs = jobs_of(reverse)
    (tmp_path / "spool").mkdir()
    made = Unpacking(sources, str(tmp_path / "spool"))
    waiting, most = list[Job](), 0
    for entry in made.entries(iter(jobs)):
        most = max(most, len(os.listdir(tmp_path / "spool")))
        if isinstance(entry, Job):
            waiting.append(entry)
        elif waiting:
            made.settled(waiting.pop())
    made.close()
    assert most <= 8


def test_a_plan_that_does_not_fit_is_unpacked_once_all_the_same(
    reverse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST", 4)
    sources, jobs = jobs_of(reverse)
    (tmp_path / "spool").mkdir()
    made = Unpacking(sources, str(tmp_path / "spool"))
    found = drained(made, jobs)
    made.close()
    assert sorted(job.id for job in found) == list(range(40))
    assert all(job.item.fetched for job in found)


def test_several_archives_and_files_beside_them(tmp_path: Path, session: imgpar.Session) -> None:
    paths = [packed(tmp_path / f"{at}.tar.xz", {"a.png": picture(at), "b.png": picture()}) for at in range(5)]
    (tmp_path / "c.png").write_bytes(picture(9))
    report = imgpar.convert([*paths, tmp_path / "c.png"], tmp_path / "out", to="jpg", session=session)
    assert report.ok == 11


def test_an_archive_that_changes_between_list_and_run(reverse: Path, tmp_path: Path) -> None:
    sources, jobs = jobs_of(reverse)
    packed(reverse, {"x.png": picture()})
    (tmp_path / "spool").mkdir()
    made = Unpacking(sources, str(tmp_path / "spool"))
    (first, *_) = drained(made, jobs)
    made.close()
    assert first.item.fetched == ""
    with pytest.raises(imgpar.SourceError, match="changed after its files were listed"):
        sources[0].open(first.item)


def test_what_is_unwanted_is_not_written(reverse: Path, tmp_path: Path) -> None:
    sources, jobs = jobs_of(reverse)
    (tmp_path / "spool").mkdir()
    made = Unpacking(sources, str(tmp_path / "spool"))
    assert len(drained(made, jobs[10:12], settle=False)) == 2
    assert len(os.listdir(tmp_path / "spool")) == 2
    made.close()


class Faulty(PackedTarSource):
    """A source with a fault in its library."""

    def unpack(self, receiver: Receiver) -> None:
        raise KeyError("fault")


def test_a_fault_of_a_library_fails_its_items(reverse: Path, tmp_path: Path) -> None:
    _, jobs = jobs_of(reverse)
    made = Unpacking([Faulty(str(reverse))], str(tmp_path))
    found = [entry for entry in made.entries(iter(jobs)) if not isinstance(entry, NotYet)]
    made.close()
    assert {getattr(entry, "status", "") for entry in found} == {"failed"}


def test_what_is_planned_after_a_fault_fails_as_well(reverse: Path, tmp_path: Path) -> None:
    _, jobs = jobs_of(reverse)
    made = Unpacking([Faulty(str(reverse))], str(tmp_path))
    found = list[str]()

    def plan() -> Iterator[Job | NotYet]:
        yield jobs[0]
        while not found:
            yield NotYet()
        yield from jobs[1:3]

    for entry in made.entries(plan()):
        if not isinstance(entry, NotYet):
            found.append(getattr(entry, "status", "a job"))
    made.close()
    assert found == ["failed"] * 3


def test_a_run_that_is_stopped_leaves_no_threads_and_files(reverse: Path, tmp_path: Path) -> None:
    sources, jobs = jobs_of(reverse)
    made = Unpacking(sources, str(tmp_path))
    entries = made.entries(iter(jobs))
    next(entries)
    made.close()
    assert made.closed
