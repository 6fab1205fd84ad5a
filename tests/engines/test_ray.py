"""Runs on a Ray cluster: several nodes on this machine, which are killed and added meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import s3_server
from conftest import FolderMaker
from ray_cluster import MISSING, SmallCluster, wait_until

import imgpar
from imgpar.core.job import Event

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.filterwarnings("ignore"),  # of Ray
    pytest.mark.timeout(240),
]
LARGE = (900, 600)
"""Pixels of pictures that take long enough to see the middle of a run."""


@pytest.fixture(scope="module")
def store() -> Iterator[s3_server.S3Server | None]:
    """A server that speaks S3; before the cluster, whose nodes have the environment of this process."""
    if s3_server.MISSING:
        yield None
        return
    server = s3_server.S3Server()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server
    server.stop()


@pytest.fixture(scope="module")
def nodes(store: object) -> Iterator[SmallCluster]:
    started = SmallCluster()
    yield started
    started.stop()


@pytest.fixture
def cluster(nodes: SmallCluster) -> SmallCluster:
    """Two nodes, also after a test that has lost one."""
    while len(nodes.nodes) < 2:
        nodes.nodes.append(nodes.add())
    return nodes


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without the journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgpar" not in path.parts
    }


def finished(folder: Path) -> dict[str, int]:
    """The outputs that are there, and when each was written."""
    return {path.name: path.stat().st_ctime_ns for path in folder.glob("*.webp")}


def in_the_middle(act: Callable[[], object], number: int = 8) -> Callable[[Event], None]:
    """A listener that begins to act in a thread when so many items are done."""
    left = [number]

    def listen(event: Event) -> None:
        if event.kind == "item":
            left[0] -= 1
            if left[0] == 0:
                threading.Thread(target=act).start()

    return listen


def command(cluster: SmallCluster, photos: Path, out: Path) -> list[str]:
    """The command line of a run."""
    arguments = ["convert", str(photos), "-o", str(out), "--to", "webp", "--engine", "ray"]
    return [sys.executable, "-m", "imgpar", *arguments, "--ray-address", cluster.address]


HELD = """
import os, sys
import imgpar
photos, out, address, began, never = sys.argv[1:]
def held(array):
    os.close(os.open(began, os.O_CREAT))
    os.close(os.open(never, os.O_RDONLY))  # a FIFO, which nobody opens to write
    return array
try:
    imgpar.Pipeline().apply(held).run(photos, out, to="webp", engine="ray", ray_address=address)
except imgpar.RunError as error:
    print(error)
    sys.exit(error.exit_code)
"""
"""A run whose pictures are never done."""


def test_a_run_whose_head_is_lost_ends_with_a_sentence(photo_folder: FolderMaker, tmp_path: Path) -> None:
    began, never, alone = tmp_path / "began", tmp_path / "never", SmallCluster()
    os.mkfifo(never)
    places = [photo_folder("a.jpg", "b.jpg"), tmp_path / "out", alone.address, began, never]
    words = [sys.executable, "-c", HELD, *map(str, places)]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    wait_until(began.exists)
    alone.kill_head()
    said, _ = run.communicate(timeout=120)
    alone.stop()
    assert run.returncode == 4
    assert said.startswith("The head of the Ray cluster at")


def test_a_cluster_writes_the_files_of_one_machine(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos = photo_folder(*(f"{number // 10}/{number}.jpg" for number in range(40)))
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing else")
    settings = {"resize": "60", "to": "webp"}
    here = imgpar.convert(photos, tmp_path / "here", **settings)
    there = imgpar.convert(photos, tmp_path / "there", engine="ray", ray_address=cluster.address, **settings)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert (there.ok, there.failed, there.exit_code) == (here.ok, here.failed, here.exit_code) == (40, 1, 1)
    told = [
        sorted((item.source, item.status, item.error, item.reason) for item in report.items)
        for report in (here, there)
    ]
    assert told[0] == told[1]
    assert there.workers == 2


def test_a_run_goes_on_with_the_other_engine(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(4)))
    out, ray = tmp_path / "out", {"engine": "ray", "ray_address": cluster.address}
    reports = [imgpar.convert(photos, out, to="png", include="[01].jpg")]
    reports += [imgpar.convert(photos, out, to="png", include="[012].jpg", **ray)]
    reports += [imgpar.convert(photos, out, to="png")]
    assert [(report.ok, report.skipped) for report in reports] == [(2, 0), (1, 2), (1, 3)]


def test_a_node_is_lost_and_another_one_comes(
    cluster: SmallCluster,
    photo_folder: FolderMaker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(60)), size=LARGE)

    def change() -> None:
        cluster.kill(cluster.nodes[0])
        cluster.nodes.append(cluster.add())

    ray = {"engine": "ray", "ray_address": cluster.address, "on_event": in_the_middle(change)}
    there = imgpar.convert(photos, tmp_path / "there", to="webp", **ray)
    assert capsys.readouterr().out == ""  # results go there
    imgpar.convert(photos, tmp_path / "here", to="webp")
    assert (there.ok, there.failed, len(there.items)) == (60, 0, 60)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert [note for note in there.notes if note.endswith("what it had not finished is done by others.")]
    assert imgpar.convert(photos, tmp_path / "there", to="webp").reasons == {"unchanged": 60}


def test_a_run_that_was_killed_goes_on(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos, out = photo_folder(*(f"{number}.jpg" for number in range(60)), size=LARGE), tmp_path / "out"
    run = subprocess.Popen(
        command(cluster, photos, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(finished(out)) > 5)
    run.kill()
    run.wait()
    before = finished(out)
    assert len(before) < 60
    again = imgpar.convert(photos, out, to="webp", engine="ray", ray_address=cluster.address)
    assert (again.ok + again.skipped, again.failed, len(contents(out))) == (60, 0, 60)
    after = finished(out)
    assert {name: after[name] for name in before} == before  # nothing was written twice
    assert not list(out.glob(".imgpar-*.tmp"))


def test_ctrl_c_ends_the_work_on_all_nodes(
    cluster: SmallCluster, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos, out = photo_folder(*(f"{number}.jpg" for number in range(60)), size=LARGE), tmp_path / "out"
    run = subprocess.Popen(command(cluster, photos, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: len(finished(out)) > 5)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert 5 < len(finished(out)) < 60
    wait_until(lambda: not processes_of_nodes())


def processes_of_nodes() -> list[str]:
    """The processes of nodes, and their workers."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes()
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if status != "Z" and text.startswith(b"ray::Node"):
            found.append(pid)
    return found


@pytest.mark.skipif(bool(s3_server.MISSING), reason=s3_server.MISSING)
def test_a_store_gets_the_same_objects_although_a_node_is_lost(
    cluster: SmallCluster, store: s3_server.S3Server, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    photos = photo_folder(*(f"{number}.jpg" for number in range(60)), size=LARGE)
    bucket = store.bucket("shelf")
    store.fill(bucket, "in/", photos)
    ray = {"engine": "ray", "ray_address": cluster.address, "to": "webp"}
    change = in_the_middle(lambda: cluster.kill(cluster.nodes[0]))
    report = imgpar.convert("s3://shelf/in", "s3://shelf/out", on_event=change, **ray)
    assert (report.ok, report.failed) == (60, 0), report.failures
    imgpar.convert(photos, tmp_path / "here", to="webp")
    made = {key.removeprefix("out/"): store.get(bucket, key) for key in store.keys(bucket, "out/")}
    assert made == contents(tmp_path / "here")
    again = imgpar.convert("s3://shelf/in", "s3://shelf/out", to="webp")
    assert again.reasons == {"unchanged": 60}
