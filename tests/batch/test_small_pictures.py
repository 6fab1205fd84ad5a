"""Small pictures that travel in slices: everything is as it is where each travels alone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.batch.planner import Planner
from imgpar.batch.report_lines import LineWriter
from imgpar.core.job import Item, Job, Outcome, OutputFile, Target
from imgpar.core.slices import MadeFiles
from imgpar.inputs.local import scan
from imgpar.outputs.destination import Out

COUNT = 60
posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "in"
    return testing.write_pictures(folder, [f"{n}.png" for n in range(COUNT)])


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


def planned(folder: Path, out: Path, *, sliced: bool, **settings) -> list[Job | Outcome]:
    planner, found = Planner(Out(str(out)), sliced=sliced, **settings), []
    for batch in scan([str(folder)], out=None):
        for entry in planner.plan(batch):
            found += entry.parts() if isinstance(entry, Job) and entry.kind == "slice" else [entry]
    return found


def _facts(file: OutputFile) -> tuple[object, ...]:
    return os.path.basename(file.path), file.bytes, file.width, file.height, file.digest


def lines(report: imgpar.Report) -> list[tuple[object, ...]]:
    """What the lines of a report say, without times."""
    return [
        (item._replace(outputs=(), seconds=0.0, stages=()), [_facts(file) for file in item.outputs])
        for item in report.items
    ]


# ----- the plan -------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [(), ("webp",), ("webp", "jpeg")], ids=str)
def test_the_plan_is_the_same(pictures, tmp_path, to):
    alone, together = (planned(pictures, tmp_path / "out", sliced=sliced, to=to) for sliced in (False, True))
    assert together == alone


def test_small_pictures_are_planned_in_slices(pictures, tmp_path):
    planner = Planner(Out(str(tmp_path / "out")), sliced=True)
    (batch,) = scan([str(pictures)], out=None)
    assert [len(job.items) for job in planner.plan(batch) if isinstance(job, Job)] == [32, 28]


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "A.JPG",
        "a.b.png",
        "clip.mp4",
        "odd name é.png",
        "a.xmp",
        ".png",
        "no_suffix",
        "a.gif",
        "1.png",
    ],
)
def test_names_that_need_a_look_are_planned_as_ever(pictures, tmp_path, name):
    folder = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(5)])
    (folder / name).write_bytes((pictures / "7.png").read_bytes())
    (folder / "a.png").write_bytes((pictures / "8.png").read_bytes())
    out = tmp_path / "out"
    alone, together = (planned(folder, out, sliced=sliced, to=("webp",)) for sliced in (False, True))
    assert together == alone


def test_an_output_that_exists_is_planned_as_ever(pictures, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "7.png").write_bytes(b"of the user")
    alone, together = (planned(pictures, out, sliced=sliced) for sliced in (False, True))
    assert together == alone
    assert [entry.reason for entry in together if isinstance(entry, Outcome)] == ["exists"]


def test_an_empty_file_is_planned_as_ever(pictures, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", ["1.png", "2.png", "4.png", "5.png"])
    (folder / "3.png").write_bytes(b"")
    alone, together = (planned(folder, tmp_path / "out", sliced=sliced) for sliced in (False, True))
    assert together == alone


# ----- the run --------------------------------------------------------------------------------------


def test_the_report_is_the_same(session, pictures, tmp_path):
    pipe, reports = Pipeline().resize("48"), []
    for number, schedule in enumerate(("auto", "staged")):
        reports.append(session.run(pipe, pictures, tmp_path / f"out{number}", schedule=schedule))
    together, alone = reports
    assert lines(together) == lines(alone)
    assert (together.bytes_in, together.bytes_out, together.ok) == (alone.bytes_in, alone.bytes_out, COUNT)


def test_the_second_run_has_nothing_to_do(session, pictures, tmp_path):
    pipe, out = Pipeline().resize("48"), tmp_path / "out"
    session.run(pipe, pictures, out)
    report = session.run(pipe, pictures, out)
    assert dict(report.reasons) == {"unchanged": COUNT}


def test_damaged_files_in_a_slice_are_named_in_their_place(session, pictures, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(20)])
    (folder / "7.png").write_bytes((pictures / "7.png").read_bytes()[:90])
    report = session.run(Pipeline().resize("48"), folder, tmp_path / "out")
    assert [item.job for item in report.items] == list(range(20))
    assert [os.path.basename(item.source) for item in report.items if item.status == "failed"] == ["7.png"]


def test_listeners_hear_of_each_item_of_a_slice(session, pictures, tmp_path):
    heard = []
    session.run(Pipeline().resize("48"), pictures, tmp_path / "out", on_event=heard.append)
    done = [event.done for event in heard if event.kind == "item"]
    assert done == list(range(1, COUNT + 1))


def test_names_that_are_not_utf8_have_lines(session, pictures, tmp_path):
    folder = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(4)])
    odd = os.fsencode(folder) + b"/\xff\xfe.png"
    try:
        os.link(folder / "1.png", odd)
    except OSError:
        pytest.skip("this file system refuses such names")
    report = session.run(Pipeline().resize("48"), folder, tmp_path / "out")
    assert os.fsdecode(odd) in [item.source for item in report.items if item.status == "ok"]


@posix
def test_a_picture_that_kills_its_worker_is_found_in_its_slice(pictures, tmp_path):
    wanted = testing.pattern(96, 64, 41)

    def deadly(array):
        if np.array_equal(array, wanted):
            os.kill(os.getpid(), signal.SIGSEGV)
        return array

    with imgpar.Session(jobs=2, memory="64M") as session:
        report = session.run(Pipeline().apply(deadly), pictures, tmp_path / "out")
    (failure,) = [item for item in report.items if item.status == "failed"]
    assert (os.path.basename(failure.source), failure.kind, report.ok) == (
        "41.png",
        "WorkerDiedError",
        COUNT - 1,
    )


@posix
def test_a_picture_that_hangs_is_found_in_its_slice(pictures, tmp_path):
    wanted = testing.pattern(96, 64, 41)

    def hanging(array):
        while np.array_equal(array, wanted):
            pass
        return array

    with imgpar.Session(jobs=2, memory="64M") as session:
        report = session.run(Pipeline().apply(hanging), pictures, tmp_path / "out", timeout=1.0)
    (failure,) = [item for item in report.items if item.status == "failed"]
    assert os.path.basename(failure.source) == "41.png"
    assert "took longer than 1 s" in failure.error


@posix
def test_workers_that_are_killed_leave_every_output_whole(pictures, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()

    def killed_once(array):
        try:
            (marks / str(array[:8, :8].tobytes()[:12].hex())[:40]).touch(exist_ok=False)
        except FileExistsError:
            return array
        if len(os.listdir(marks)) % 13 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return array

    with imgpar.Session(jobs=2, memory="64M") as session:
        report = session.run(Pipeline().apply(killed_once), pictures, tmp_path / "out", to="png")
    assert report.ok == COUNT
    for number in range(COUNT):
        with Image.open(tmp_path / "out" / f"{number}.png") as made:
            assert np.array_equal(np.asarray(made.convert("RGB")), testing.pattern(96, 64, number))


# ----- lines ----------------------------------------------------------------------------------------


def slice_of(numbers: range) -> Job:
    items = tuple(Item(f"/in/d/{n}.jpg", f"d/{n}.jpg", 100 + n, 1) for n in numbers)
    return Job(numbers.start, items, tuple(Target("png", f"/out/d/{n}.png") for n in numbers), kind="slice")


def made_of(numbers: list[int]) -> MadeFiles:
    facts = tuple(tuple(number + at for number in numbers) for at in range(6))
    texts = tuple("c" * 32 for _ in numbers)
    return MadeFiles(tuple(numbers), *facts, texts, texts, tuple((0.5,) * len(numbers) for _ in range(5)))


def test_lines_of_slices_and_of_others_are_in_order(tmp_path):
    job = slice_of(range(10, 14))
    writer = LineWriter("test-slices", str(tmp_path / "journal.db"), str(tmp_path))
    writer.add_slice(job, made_of([0, 1, 3]))
    writer.add(Outcome("/in/d/12.jpg", "failed", error="odd", job=12))
    writer.add(Outcome("/in/a.jpg", "ok", job=3))
    writer.close()
    found = writer.items()
    assert [line.job for line in found] == [3, 10, 11, 12, 13]
    assert len(found) == 5


def test_a_line_of_a_slice_says_what_the_outcome_said(tmp_path):
    job, made = slice_of(range(10, 14)), made_of([0, 1, 3])
    writer = LineWriter("test-slices", str(tmp_path / "journal.db"), str(tmp_path))
    writer.add_slice(job, made)
    writer.close()
    assert list(writer.items()) == made.outcomes(job)


@pytest.mark.parametrize(("status", "count"), [("ok", 3), ("failed", 0), ("", 3)])
def test_lines_of_slices_are_chosen_by_their_status(tmp_path, status, count):
    writer = LineWriter("test-slices", str(tmp_path / "journal.db"), str(tmp_path))
    writer.add_slice(slice_of(range(10, 14)), made_of([0, 1, 3]))
    writer.close()
    assert len(list(writer.items().select(status))) == count
