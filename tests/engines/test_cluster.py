"""What a run does with its nodes: each is a process of its own here, which is killed as a machine is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FolderMaker
from node_functions import HeldOnA, Marked, end_node, end_worker, sleep_on_a
from process_cluster import ProcessCluster, run_on

import imgpar
from imgpar.core.errors import RunError
from imgpar.core.job import Event, Job, OutputFile, Target
from imgpar.engines.members import NodeState, Shards, known_again
from imgpar.inputs.local import named_item
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken
from imgpar.testing import InstantEngine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nodes are killed by signals")

SMALL = Recipe(to=("png",))


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without the journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    }


def at_item(number: int, act: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that acts when so many items are done."""
    left = [number]

    def listen(event: Event) -> None:
        if event.kind == "item":
            left[0] -= 1
            if left[0] == 0:
                act()

    return listen


def test_two_nodes_write_the_files_of_one_machine(
    photo_folder: FolderMaker, tmp_path: Path, no_leaks: None
) -> None:
    photos = photo_folder(*(f"{number % 3}/{number}.jpg" for number in range(50)))
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing else")
    here = imgpar.convert(photos, tmp_path / "here", to="png")
    there = run_on(ProcessCluster("a", "b"), photos, tmp_path / "there", SMALL)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    told = [
        sorted((item.source, item.status, item.error, item.source_bytes) for item in report.items)
        for report in (here, there)
    ]
    assert told[0] == told[1]
    assert imgpar.convert(photos, tmp_path / "there", to="png").skipped == 50


def test_a_run_without_jobs_needs_no_node(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder("a.jpg", "b.jpg")
    imgpar.convert(photos, tmp_path / "out", to="png")
    report = run_on(ProcessCluster(), photos, tmp_path / "out", SMALL)
    assert report.reasons == {"unchanged": 2}


def test_a_run_can_be_measured_without_its_pictures(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(50)))
    report = run_on(ProcessCluster("a", "b"), photos, tmp_path / "out", SMALL, engine=InstantEngine)
    assert (report.ok, contents(tmp_path / "out")) == (50, {})
    assert [item.outputs[0].bytes for item in report.items] == [1000] * 50


@pytest.mark.slow
def test_a_file_that_ends_its_worker_is_named(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(6)))
    recipe = imgpar.Pipeline().apply(Marked("3.jpg", end_worker)).recipe
    report = run_on(ProcessCluster("a"), photos, tmp_path / "out", recipe)
    assert [(Path(item.source).name, item.stage) for item in report.items if item.error] == [
        ("3.jpg", "transform")
    ]
    assert "SIGSEGV" in report.failures[0].error
    assert report.ok == 5


@pytest.mark.slow
def test_a_node_that_dies_gives_back_what_it_had(
    photo_folder: FolderMaker, tmp_path: Path, no_leaks: None
) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(80)))
    cluster = ProcessCluster("a", "b")
    killed = at_item(10, lambda: cluster.kill("b"))
    report = run_on(cluster, photos, tmp_path / "out", SMALL, listen=killed)
    assert (report.ok, report.failed, len(report.items)) == (80, 0, 80)
    assert len(contents(tmp_path / "out")) == 80
    assert report.notes == ("The node b was lost; what it had not finished is done by others.",)
    assert imgpar.convert(photos, tmp_path / "out", to="png").reasons == {"unchanged": 80}


@pytest.mark.slow
def test_a_node_that_comes_later_helps(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(60)))
    cluster = ProcessCluster("a")
    recipe = imgpar.Pipeline().apply(Marked(".jpg", sleep_on_a)).recipe
    come = at_item(2, lambda: cluster.alive.update(b=1))
    report = run_on(cluster, photos, tmp_path / "out", recipe, listen=come)
    assert (report.ok, report.workers) == (60, 2)


@pytest.mark.slow
def test_a_file_that_ends_its_node_is_found(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(30)))
    recipe = imgpar.Pipeline().apply(Marked("/17.jpg", end_node)).recipe
    report = run_on(ProcessCluster("a", "b"), photos, tmp_path / "out", recipe)
    assert [(Path(item.source).name, item.error) for item in report.items if item.error] == [
        ("17.jpg", "The node that worked on it was lost, every time it was tried.")
    ]
    assert report.ok == 29


@pytest.mark.slow
def test_a_slow_node_leaves_its_rest_to_others(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(40)))
    os.mkfifo(held := tmp_path / "held")
    recipe = imgpar.Pipeline().apply(Marked(".jpg", HeldOnA(held))).recipe
    writers: list[int] = []
    # Node a gets four at first. It may keep the one that it works on, and one that it has begun to prepare.
    release = at_item(38, lambda: writers.append(os.open(held, os.O_RDWR)))
    cluster = ProcessCluster("a", "b")
    report = run_on(cluster, photos, tmp_path / "out", recipe, listen=release, timeout="60s")
    assert report.ok == 40
    os.close(*writers)


def test_a_cancelled_run_says_what_is_left(photo_folder: FolderMaker, tmp_path: Path, no_leaks: None) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(60)))
    token = CancelToken()
    cluster = ProcessCluster("a", "b")
    report = run_on(cluster, photos, tmp_path / "out", SMALL, listen=at_item(3, token.cancel), cancel=token)
    assert (report.exit_code, report.cancelled) == (130, True)
    assert report.total + report.left == 60
    assert len(contents(tmp_path / "out")) == report.ok


@pytest.mark.slow
def test_a_killed_run_leaves_no_process(photo_folder: FolderMaker, tmp_path: Path, no_leaks: None) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(60)))
    token = CancelToken()
    report = run_on(
        ProcessCluster("a"), photos, tmp_path / "out", SMALL, listen=at_item(3, token.kill), cancel=token
    )
    assert report.exit_code == 130
    again = imgpar.convert(photos, tmp_path / "out", to="png")
    assert (again.ok + again.skipped, again.failed) == (60, 0)
    assert set(again.reasons) <= {"unchanged"}


def test_a_node_that_does_not_see_the_folder_is_not_used(photo_folder: FolderMaker, tmp_path: Path) -> None:
    photos = photo_folder("a.jpg")
    with pytest.raises(RunError, match="does not see /nowhere, so that is no shared folder"):
        run_on(ProcessCluster("a"), photos, tmp_path / "out", SMALL, paths=["/nowhere"])


# ----- bookkeeping ----------------------------------------------------------------------------------


class Kept:
    def note(self, file: OutputFile) -> None: ...
    def turn(self) -> None: ...


def job(number: int, items: int = 1) -> Job:
    named = tuple(named_item(f"/in/{number + at}.jpg", f"{number + at}.jpg") for at in range(items))
    targets = tuple(Target("png", f"/out/{number + at}.png") for at in range(items))
    return Job(number, named, targets, kind="slice" if items > 1 else "frames")


def state(*jobs: Job) -> NodeState:
    made = NodeState("a", "a", 1, Kept())
    made.give(jobs)
    return made


def test_a_slice_may_be_done_in_parts() -> None:
    member = state(job(0, 8))
    taken = [member.take(3, 2), member.take(0, 3), member.take(5, 3)]
    assert [(part.id, len(part.items)) for part in taken] == [(3, 2), (0, 3), (5, 3)]
    assert (member.jobs, member.items) == ({}, 0)


def test_what_dies_with_its_node_comes_back_item_by_item() -> None:
    shards = Shards(lambda: None, dict)
    assert shards.died(state(job(0, 3), job(3))) == []
    assert [(each.id, each.kind) for each in shards.waiting] == [(number, "frames") for number in range(4)]


def test_a_job_that_is_alone_on_three_lost_nodes_is_given_up() -> None:
    shards = Shards(lambda: None, dict)
    given_up = [shards.died(state(job(0), job(1))) for _ in range(2)]
    given_up += [shards.died(state(job(0))) for _ in range(3)]
    assert [[each.id for each in jobs] for jobs in given_up] == [[], [], [], [], [0]]


def test_a_job_is_not_given_up_where_any_node_may_be_lost() -> None:
    shards = Shards(lambda: None, dict)
    for _ in range(8):
        assert shards.died(state(job(0))) == []
        assert shards.died(state(job(1), job(2))) == []


def test_only_what_a_lost_node_has_noted_may_be_replaced() -> None:
    noted = OutputFile("/out/0.png", 10, digest="d")
    (target,) = known_again(job(0), {"/out/0.png": [noted]}).targets
    assert (target.replaces, target.known) == (True, (noted,))
    assert known_again(job(1), {"/out/0.png": [noted]}) == job(1)
