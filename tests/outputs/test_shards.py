"""WebDataset shards as OUT: whole samples in the order of the inputs, tables beside them, nothing twice."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import FolderMaker
from http_server import HttpServer, Page
from PIL import Image
from s3_server import MISSING, S3Server
from shard_store import store_all
from web_source import LOCAL, WebSource

import imgpar
from imgpar import testing
from imgpar.core.digest import file_digest
from imgpar.core.job import Item, OutputFile
from imgpar.inputs.batches import Batch
from imgpar.inputs.stores.client import client_of
from imgpar.outputs.shards.columns import ColumnKinds
from imgpar.outputs.shards.samples import field_names
from imgpar.outputs.store_sink import StoreSink

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
pytest.importorskip("exifread", reason="exifread-nocycle is not installed")


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


@pytest.fixture
def pictures(photo_folder: FolderMaker) -> Path:
    """Seven pictures, of which the fourth is damaged."""
    folder = photo_folder(*(f"p{number}.jpg" for number in range(7)))
    (folder / "p3.jpg").write_bytes(b"no picture")
    return folder


class Listed:
    """A source of pictures that a list describes."""

    root, waits = "test://list", False

    def __init__(self, folder: Path, rows: list[dict[str, str]]) -> None:
        self.folder, self.rows = str(folder), rows

    def batches(self, mirror: str, patterns: object = None) -> Iterator[Batch]:
        items = [
            Item(f"{self.root}/{name}", name, size, 1, columns=tuple(row.items()))
            for name, row in zip(sorted(os.listdir(self.folder)), self.rows, strict=False)
            if (size := os.path.getsize(f"{self.folder}/{name}"))
        ]
        yield Batch(self.root, mirror, tuple(items))

    def open(self, item: Item) -> str:
        return f"{self.folder}/{os.path.basename(item.path)}"


def members(out: Path) -> dict[str, dict[str, bytes]]:
    """Name and content of the members of every archive."""
    found = {}
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as archive:
            found[path.name] = {info.name: archive.extractfile(info).read() for info in archive}
    return found


def table(out: Path, shard: int = 0) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(out / f"{shard:05d}.parquet").to_pylist()
    return rows


def files(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.name != ".imgpar")


# ----- what is in a shard --------------------------------------------------------------------------


def test_a_shard_has_samples_a_table_and_statistics(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    report = imgpar.convert(pictures, out, shard=4, to="webp", session=session)
    assert (report.ok, report.failed) == (6, 1)
    assert files(out) == [
        f"0000{number}{end}" for number in range(2) for end in (".parquet", ".tar", "_stats.json")
    ]
    names = {shard: list(found) for shard, found in members(out).items()}
    assert names["00000.tar"] == [f"00000{n}.{end}" for n in range(3) for end in ("json", "webp")]
    assert names["00001.tar"] == [f"00001{n}.{end}" for n in range(3) for end in ("json", "webp")]
    rows = table(out)
    assert [row["status"] for row in rows] == ["success"] * 3 + ["failed_to_resize"]
    assert rows[3]["key"] == "000003"
    assert "not of a known picture format" in rows[3]["error_message"]
    stats = json.loads((out / "00000_stats.json").read_text())
    assert (stats["count"], stats["successes"]) == (4, 3)
    assert (stats["failed_to_download"], stats["failed_to_resize"]) == (0, 1)
    assert stats["status_dict"] == {"success": 3, rows[3]["error_message"]: 1}


def test_the_table_says_what_the_sample_says(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    imgpar.convert(pictures, out, shard=10, resize="48", session=session)
    (found,) = members(out).values()
    for row in table(out):
        if row["status"] == "success":
            assert json.loads(found[f"{row['key']}.json"]) == row
            with Image.open(io.BytesIO(found[f"{row['key']}.jpg"])) as picture:
                assert picture.size == (row["width"], row["height"])
            original = (pictures / row["url"]).read_bytes()
            assert row["sha256"] == hashlib.sha256(original).hexdigest()
            with Image.open(io.BytesIO(original)) as picture:
                assert picture.size == (row["original_width"], row["original_height"])


def test_pictures_are_those_of_a_folder(pictures: Path, tmp_path: Path, session) -> None:
    settings = {"to": "webp", "resize": "48", "session": session}
    imgpar.convert(pictures, tmp_path / "folder", **settings)
    imgpar.convert(pictures, tmp_path / "shards", shard="1GB", **settings)
    (found,) = members(tmp_path / "shards").values()
    made = [data for name, data in found.items() if name.endswith(".webp")]
    assert made == [path.read_bytes() for path in sorted((tmp_path / "folder").glob("*.webp"))]


def test_columns_of_a_list_and_the_caption(pictures: Path, tmp_path: Path, session) -> None:
    rows = [{"id": str(n), "text": f"pet {n} – é", "status": "mine"} for n in range(7)]
    out = tmp_path / "out"
    source = Listed(pictures, rows)
    imgpar.convert(source, out, shard=10, caption_column="text", session=session)
    (found,) = members(out).values()
    made = table(out)
    assert list(made[0])[:6] == ["id", "list_status", "caption", "url", "key", "status"]
    assert [row["caption"] for row in made] == [row["text"] for row in rows]
    assert made[2]["url"] == "test://list/p2.jpg"
    key = made[2]["key"]
    assert found[f"{key}.txt"].decode() == "pet 2 – é"


def test_numbers_of_a_list_are_numbers(pictures: Path, tmp_path: Path, session) -> None:
    texts = ["1", "2.5", "", "-3", "7", "8", "nan"]
    rows = [{"score": text, "zip": f"0{n}", "id": str(n)} for n, text in enumerate(texts)]
    out = tmp_path / "out"
    imgpar.convert(Listed(pictures, rows), out, shard=4, session=session)
    assert [row["score"] for row in table(out)] == [1.0, 2.5, None, -3.0]
    assert [row["score"] for row in table(out, 1)] == [7.0, 8.0, None]
    schemas = [parquet.read_schema(out / f"0000{n}.parquet") for n in range(2)]
    assert schemas[0] == schemas[1]
    assert [str(schemas[0].field(name).type) for name in rows[0]] == ["double", "string", "int64"]
    found = members(out)["00000.tar"]
    assert json.loads(found["000001.json"])["score"] == 2.5


def test_a_column_with_a_text_is_of_texts() -> None:
    kinds = ColumnKinds({"x": "float"})
    assert [kinds.value("x", text) for text in ("5", "1e3", "five", "5", "")] == [
        5.0,
        1000.0,
        "five",
        "5",
        "",
    ]
    assert kinds.known == {"x": "text"}


def test_exif_is_worded_as_img2dataset_does(tmp_path: Path, session) -> None:
    folder = testing.write_pictures(tmp_path / "in", ["a.jpg"])
    with Image.open(folder / "a.jpg") as picture:
        exif = picture.getexif()
        exif[0x010F], exif[0x0112] = "Maker", 6
        picture.save(folder / "a.jpg", exif=exif)
        size = picture.size
    imgpar.convert(folder, tmp_path / "out", shard=10, shard_checksum="md5", to="png", session=session)
    (row,) = table(tmp_path / "out")
    tags = json.loads(row["exif"])
    assert (tags["Image Make"], tags["Image Orientation"]) == ("Maker", "Rotated 90 CW")
    assert (row["original_width"], row["original_height"]) == size[::-1]  # upright, as the output is
    assert row["md5"] == hashlib.md5((folder / "a.jpg").read_bytes()).hexdigest()
    assert "sha256" not in row


def test_an_input_with_another_checksum_is_a_failed_row(pictures: Path, tmp_path: Path, session) -> None:
    names = sorted(os.listdir(pictures))
    rows = [{"sum": hashlib.sha256((pictures / name).read_bytes()).hexdigest()} for name in names]
    rows[1] = {"sum": "0" * 64}
    rows[2] = {"sum": ""}
    out, settings = tmp_path / "out", {"shard": 10, "checksum_column": "sum", "session": session}
    report = imgpar.convert(Listed(pictures, rows), out, **settings)
    assert (report.ok, report.failed) == (5, 2)
    assert "not the one in the list" in report.items[1].error
    made = table(out)
    assert [made[1][name] for name in ("status", "key", "width")] == ["failed_to_download", "000001", None]
    assert "sum" not in made[0]
    assert "000001.jpg" not in members(out)["00000.tar"]
    assert imgpar.convert(Listed(pictures, rows), out, **settings).failed == 2


def test_several_outputs_are_one_sample(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    imgpar.convert(pictures / "p0.jpg", out, shard=10, sizes=[16, 32], to=["webp", "png"], session=session)
    (found,) = members(out).values()
    assert list(found) == [f"000000.{end}" for end in ("16.png", "16.webp", "32.png", "32.webp", "json")]
    assert table(out)[0]["width"] == 16


def test_fields_are_never_equal() -> None:
    assert field_names(["a/x.webp", "b/x.webp"], "x") == ["webp", "2.webp"]


def test_samples_are_called_by_name_on_request(pictures: Path, tmp_path: Path, session) -> None:
    shutil.copy(pictures / "p0.jpg", pictures / "v1.2.jpg")
    shutil.copy(pictures / "p0.jpg", pictures / "v1_2.jpg")
    out = tmp_path / "out"
    imgpar.convert(pictures, out, shard="1MB", shard_keys="name", session=session)
    (found,) = members(out).values()
    assert {"p0.jpg", "p0.json", "v1_2.jpg", "v1_2-2.jpg"} <= found.keys()


# ----- sizes, order ----------------------------------------------------------------------------------


def test_a_shard_is_never_larger_than_its_size(photo_folder: FolderMaker, tmp_path: Path, session) -> None:
    folder, out = photo_folder(*(f"{n}.jpg" for n in range(9))), tmp_path / "out"
    imgpar.convert(folder, out, shard="30kB", session=session)
    sizes = [path.stat().st_size for path in sorted(out.glob("*.tar"))]
    assert len(sizes) > 1
    assert max(sizes) <= 30_000
    assert sum(len(found) for found in members(out).values()) == 18


def test_shards_do_not_depend_on_the_workers(pictures: Path, tmp_path: Path) -> None:
    for jobs in (1, 3):
        imgpar.convert(pictures, tmp_path / str(jobs), shard=3, to="webp", jobs=jobs)
    for path in sorted((tmp_path / "1").glob("*.tar")):
        assert path.read_bytes() == (tmp_path / "3" / path.name).read_bytes()


def test_samples_are_in_the_order_of_the_inputs(tmp_path: Path, session) -> None:
    """The first one takes much longer than all others together."""
    folder = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(1, 20)])
    Image.effect_noise((1200, 1200), 90).save(folder / "0.png")
    imgpar.convert(folder, tmp_path / "out", shard=100, to="webp", session=session)
    assert [row["url"] for row in table(tmp_path / "out")] == [f"{n}.png" for n in range(20)]


# ----- later runs --------------------------------------------------------------------------------------


def test_a_second_run_makes_only_what_is_new(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    imgpar.convert(pictures, out, shard=4, session=session)
    before = files(out)
    again = imgpar.convert(pictures, out, shard=4, session=session)
    assert (again.ok, again.skipped, again.failed) == (0, 6, 1)
    assert files(out) == before  # the failed one has its row
    shutil.copy(pictures / "p0.jpg", pictures / "p9.jpg")
    shutil.copy(pictures / "p0.jpg", pictures / "p3.jpg")
    more = imgpar.convert(pictures, out, shard=4, session=session)
    assert (more.ok, more.skipped) == (2, 6)
    assert set(files(out)) - set(before) == {"00002.parquet", "00002.tar", "00002_stats.json"}
    assert [row["url"] for row in table(out, 2)] == ["p3.jpg", "p9.jpg"]


def test_a_shard_that_was_removed_is_made_again(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    imgpar.convert(pictures, out, shard=4, session=session)
    (out / "00000.tar").unlink()
    assert imgpar.convert(pictures, out, shard=4, session=session).ok == 3
    assert len(members(out)["00002.tar"]) == 6


def test_retry_and_verify_know_shards(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    imgpar.convert(pictures, out, shard=4, caption_column="text", session=session)
    assert imgpar.verify(out).ok == 6
    shutil.copy(pictures / "p0.jpg", pictures / "p3.jpg")
    assert imgpar.retry(out, session=session).ok == 1
    assert [row["url"] for row in table(out, 2)] == ["p3.jpg"]
    assert "caption" in table(out, 2)[0]  # as the run before
    archive = out / "00000.tar"
    data = bytearray(archive.read_bytes())
    data[600] ^= 255  # in the first picture
    archive.write_bytes(data)
    report = imgpar.verify(out)
    assert (report.ok, report.failed) == (6, 1)


def test_shards_of_others_are_not_touched(pictures: Path, tmp_path: Path, session) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "00007.tar").write_bytes(b"theirs")
    imgpar.convert(pictures, out, shard=10, session=session)
    assert (out / "00007.tar").read_bytes() == b"theirs"
    assert (out / "00008.tar").exists()


def test_outputs_are_read_back_with_verify(pictures: Path, tmp_path: Path, session) -> None:
    report = imgpar.convert(pictures, tmp_path / "out", shard=4, to="png", verify=True, session=session)
    assert (report.ok, report.failed) == (6, 1)
    again = imgpar.convert(pictures, tmp_path / "out", shard=4, to="png", verify=True, session=session)
    assert (again.skipped, again.failed) == (6, 1)


def test_a_dry_run_creates_nothing(pictures: Path, tmp_path: Path, session) -> None:
    report = imgpar.convert(pictures, tmp_path / "out", shard=4, dry_run=True)
    assert report.planned == 7
    assert not (tmp_path / "out").exists()


# ----- other places -----------------------------------------------------------------------------------


class Stored(imgpar.MemorySink):
    """A store that can be made to fail."""

    broken = ""

    def taken(self, path: str, file: str, made: OutputFile, /) -> None:
        """Store a file; the first one is another program's."""
        if not len(self):
            Path(file).with_name("theirs").write_bytes(b"theirs")
            super().publish(path, str(Path(file).with_name("theirs")), made)
            raise FileExistsError
        super().publish(path, file, made)

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        if self.broken and path.endswith(self.broken):
            raise OSError(5, "the store is gone")
        super().publish(path, file, made)


def test_shards_in_a_store_are_those_in_a_folder(pictures: Path, tmp_path: Path, session) -> None:
    sink, settings = Stored(), {"shard": 4, "to": "webp", "session": session}
    imgpar.convert(pictures, tmp_path / "out", **settings)
    report = imgpar.convert(pictures, sink, **settings)
    assert (report.ok, report.failed) == (6, 1)
    assert sorted(sink) == files(tmp_path / "out")
    for name in ("00000.tar", "00001.tar", "00001.parquet"):
        assert sink[name] == (tmp_path / "out" / name).read_bytes()
    assert imgpar.convert(pictures, sink, **settings).skipped == 6
    shutil.copy(pictures / "p0.jpg", pictures / "p9.jpg")
    assert imgpar.convert(pictures, sink, **settings).ok == 1
    assert "00002_stats.json" in sink


def test_a_store_that_fails_at_the_end_ends_the_run_and_the_next_one_goes_on(
    pictures: Path, tmp_path: Path, session
) -> None:
    sink, settings = Stored(), {"shard": 4, "to": "webp", "session": session}
    sink.broken = "00001.tar"
    with pytest.raises(imgpar.OutputError, match="the store is gone"):
        imgpar.convert(pictures, sink, **settings)
    sink.broken = ""
    report = imgpar.convert(pictures, sink, **settings)
    assert report.exit_code == 1  # the damaged one
    imgpar.convert(pictures, tmp_path / "out", **settings)
    assert sorted(sink) == files(tmp_path / "out")
    for name in ("00000.tar", "00001.tar"):
        assert sink[name] == (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize("broken", ["00000.tar", "00000.parquet"])
def test_a_store_that_fails_stops_the_run_and_the_next_one_goes_on(
    broken: str, photo_folder: FolderMaker, tmp_path: Path, session
) -> None:
    """Inputs that are held until the run has ended are left, not failed."""
    folder = photo_folder(*(f"p{number}.png" for number in range(12)))
    data = [(folder / f"p{number}.png").read_bytes() for number in range(12)]
    sink, settings = Stored(), {"shard": 1, "to": "webp", "session": session}
    sink.broken = broken
    with HttpServer({f"/p{at}.png": Page(data[at], held=at > 4) for at in range(12)}) as server:
        given = WebSource([server.url(path) for path in server.pages], replace(LOCAL, read_timeout=5))
        report = imgpar.convert(given, sink, **settings)
        assert report.exit_code == 4
        assert report.left >= 7
        assert report.ok + report.failed + report.left == 12
        server.release.set()
        sink.broken = ""
        report = imgpar.convert(given, sink, **settings)
    assert report.ok + report.skipped == 12
    assert sorted(sink)[1::3] == [f"{number:05d}.tar" for number in range(12)]


def test_why_a_run_stopped_is_said(photo_folder: FolderMaker, session) -> None:
    sink = Stored()
    sink.broken = "00000.tar"
    report = imgpar.convert(
        photo_folder(*(f"{name}.png" for name in "abcdef")), sink, shard=1, session=session
    )
    assert report.stopped == (
        f"{sink.root} cannot be written: the store is gone. Run again, or choose another OUT."
    )


def test_a_shard_that_somebody_else_has_stored_meanwhile_is_left_alone(
    pictures: Path, session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, settings = Stored(), {"shard": 10, "to": "webp", "session": session}
    monkeypatch.setattr(sink, "publish_new", sink.taken, raising=False)
    with pytest.raises(imgpar.OutputError, match=r"00000.tar was stored by another program"):
        imgpar.convert(pictures, sink, **settings)
    assert sink["00000.tar"] == b"theirs"
    report = imgpar.convert(pictures, sink, **settings)
    assert report.ok + report.skipped == 6
    assert sink["00000.tar"] == b"theirs"
    samples = list[str]()
    for name in sink:
        if name.endswith(".tar") and name != "00000.tar":
            with tarfile.open(fileobj=io.BytesIO(sink[name])) as archive:
                samples += archive.getnames()
    assert sum(name.endswith(".webp") for name in samples) == 6


# ----- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shard": 0}, "number of samples"),
        ({"shard": "1k"}, "at least 10k"),
        ({"shard": "huge"}, "a size such as 1GB"),
        ({"shard_keys": "name"}, "is for shards"),
        ({"caption_column": "text"}, "is for shards"),
        ({"shard": 5, "checksum_column": "sum", "shard_checksum": "none"}, "none can be compared"),
        ({"shard": 5, "others": "copy"}, "no --others"),
        ({"shard": 5, "out": "data.tar"}, "named like a file"),
        ({"shard": 5, "companions": "copy"}, "no --companions"),
    ],
)
def test_settings_that_make_no_sense(settings, words: str, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.convert(pictures, tmp_path / settings.pop("out", "out"), **settings)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["csv", "txt"])
@pytest.mark.parametrize("setting", ["caption_column", "checksum_column"])
def test_a_column_that_a_list_lacks_is_no_empty_caption(
    kind: str, setting: str, pictures: Path, tmp_path: Path, session
) -> None:
    listed = tmp_path / f"list.{kind}"
    listed.write_text("url\n" * (kind == "csv") + f"{next(pictures.iterdir())}\n")
    with pytest.raises(imgpar.UsageError, match="has no column"):
        imgpar.convert(
            imgpar.InputList(listed), tmp_path / "out", shard=5, session=session, **{setting: "text"}
        )


@pytest.mark.parametrize("name", ["out.zip", "out.webp", "-"])
def test_shards_need_a_folder(name: str, pictures: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (pictures, pictures / "p0.jpg"):
        with pytest.raises(imgpar.UsageError, match="Shards need a folder"):
            imgpar.convert(given, name, shard=3, to="webp")
    assert not (tmp_path / name).exists()


def test_a_folder_of_pictures_becomes_no_shards(pictures: Path, tmp_path: Path, session) -> None:
    imgpar.convert(pictures, tmp_path / "out", session=session)
    with pytest.raises(imgpar.UsageError, match="without --shard"):
        imgpar.convert(pictures, tmp_path / "out", shard=5, session=session)


# ----- kills, full disks ------------------------------------------------------------------------------


FILES = ("sink.py", "shard.py", "index.py", "spool.py")
RUN = f"""
import sys
import imgpar.batch.run, imgpar.outputs.shards.sink
from imgpar.cli import main
from imgpar.testing import strike_at
strike_at(int(sys.argv[1]), {FILES!r}, group=True)
sys.exit(main(["convert", *sys.argv[2:], "--shard", "3", "-j", "1", "-q", "--to", "webp"]))
"""
STORE = f"""
import sys
from s3_server import MISSING, S3Server
from shard_store import store_all
from imgpar.testing import strike_at
strike_at(int(sys.argv[1]), {FILES!r})
store_all(sys.argv[2], sys.argv[3])
"""


def struck(script: str, *arguments: object) -> bool:
    """Run a script that is killed; says whether it was."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        command,
        start_new_session=True,
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
def test_a_sink_killed_at_any_line_goes_on_as_if_it_was_not(tmp_path: Path) -> None:
    store_all(str(tmp_path / "whole"), str(tmp_path))
    whole, hits = members(tmp_path / "whole"), 0
    assert len(whole) == 3
    for step in range(30, 1400, 125):
        out = tmp_path / str(step)
        hits += struck(STORE, step, out, tmp_path)
        for name, found in members(out).items():
            assert found == whole[name], step
        store_all(str(out), str(tmp_path))
        assert members(out) == whole, step
        assert files(out) == files(tmp_path / "whole"), step
    assert hits >= 7


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
def test_after_a_kill_the_next_run_ends_with_the_same_shards(tmp_path: Path, session) -> None:
    folder = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(8)])
    imgpar.convert(folder, tmp_path / "whole", shard=3, to="webp", session=session)
    whole, hits = members(tmp_path / "whole"), 0
    for step in (600, 1200, 1800, 2300):
        out = tmp_path / str(step)
        hits += struck(RUN, step, folder, "-o", out)
        report = imgpar.convert(folder, out, shard=3, to="webp", session=session)
        assert (report.total, report.failed) == (8, 0), (step, report.summary())
        assert members(out) == whole, step
        assert files(out) == files(tmp_path / "whole"), step
    assert hits >= 3


# ----- readers ------------------------------------------------------------------------------------------


READ = """
import json, sys, webdataset
samples = webdataset.WebDataset(sys.argv[1:], shardshuffle=False).decode("rgb8")
found = [(sample["__key__"], sample["png"].shape, sample["json"]["url"]) for sample in samples]
print(json.dumps(found))
"""


def test_webdataset_reads_the_samples(pictures: Path, tmp_path: Path, session) -> None:
    pytest.importorskip("webdataset")
    out = tmp_path / "out"
    imgpar.convert(pictures, out, shard=4, to="png", session=session)
    archives = [str(path) for path in sorted(out.glob("*.tar"))]
    # In a process of its own: the package leaves files open.
    done = subprocess.run([sys.executable, "-c", READ, *archives], check=True, capture_output=True)
    found = json.loads(done.stdout)
    assert [key for key, *_ in found] == [f"0000{shard}{n}" for shard in range(2) for n in range(3)]
    assert found[0] == ["000000", [64, 96, 3], "p0.jpg"]


# ----- a server that speaks S3 ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_shards_in_a_bucket(pictures: Path, tmp_path: Path, session, monkeypatch) -> None:
    server, settings = S3Server(), {"shard": 4, "to": "webp", "session": session}
    try:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        client_of.cache_clear()
        bucket = server.bucket("shards")
        assert imgpar.convert(pictures, f"s3://{bucket}/set", **settings).ok == 6
        assert imgpar.convert(pictures, f"s3://{bucket}/set", **settings).skipped == 6
        assert (found := imgpar.verify(f"s3://{bucket}/set")).ok == 6
        assert not found.failed
        assert imgpar.retry(f"s3://{bucket}/set", session=session).failed == 1
        imgpar.convert(pictures, tmp_path / "out", **settings)
        assert sorted(server.keys(bucket)) == [f"set/{name}" for name in files(tmp_path / "out")]
        for name in ("00000.tar", "00001.tar"):
            there = StoreSink(f"s3://{bucket}/set").digest(f"s3://{bucket}/set/{name}")
            assert there == file_digest(str(tmp_path / "out" / name))
        server.put(bucket, "set/00001.tar", b"half")
        assert imgpar.verify(f"s3://{bucket}/set").failed == 3
    finally:
        server.stop()
        client_of.cache_clear()
