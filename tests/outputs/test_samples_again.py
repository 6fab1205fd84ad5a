"""WebDataset in, WebDataset out: keys, captions and other columns of samples are kept."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packing import packed
from PIL import Image

import imgpar

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
pytest.importorskip("exifread", reason="exifread-nocycle is not installed")

COUNT = 7
TABLE = "url,text,score\n" + "".join(
    f"{{}}/p{number}.jpg,a picture {number},{number / 2}\n" for number in range(COUNT)
)


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def picture(number: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (64, 48), (number * 30, 90, 120)).save(data, "JPEG")
    return data.getvalue()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, session: imgpar.Session) -> Path:
    """Shards of seven pictures with captions and scores, made here."""
    root = tmp_path_factory.mktemp("samples")
    for number in range(COUNT):
        (root / f"p{number}.jpg").write_bytes(picture(number))
    (root / "list.csv").write_text(TABLE.format(*[root] * COUNT))
    listed = imgpar.InputList(root / "list.csv")
    report = imgpar.convert(
        listed, root / "one", shard=3, caption_column="text", resize="32", session=session
    )
    assert report.ok == COUNT
    return root / "one"


def samples(out: Path) -> dict[str, dict[str, bytes]]:
    """The files of each sample by field, by key, as a reader of WebDataset sees them."""
    found = dict[str, dict[str, bytes]]()
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as archive:
            for info in archive:
                folder, name = os.path.split(info.name)
                key, _, field = name.partition(".")
                fields = found.setdefault(os.path.join(folder, key), {})
                assert field not in fields
                fields[field] = archive.extractfile(info).read()  # type: ignore[union-attr]
    return found


def again(inputs: object, out: Path, session: imgpar.Session, **settings: Any) -> imgpar.Report:
    options = {"shard": 4, "companions": "samples", "to": "webp"} | settings
    return imgpar.convert(inputs, out, session=session, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_shards_of_shards_keep_keys_captions_and_columns(
    shards: Path, tmp_path: Path, session: imgpar.Session
) -> None:
    before = samples(shards)
    report = again(str(shards / "*.tar"), tmp_path / "two", session, resize="16")
    assert (report.ok, report.failed) == (COUNT, 0)
    after = samples(tmp_path / "two")
    assert list(after) == list(before)
    for key, fields in after.items():
        old, new = json.loads(before[key]["json"]), json.loads(fields["json"])
        assert set(fields) == {"webp", "txt", "json"}
        assert fields["txt"] == before[key]["txt"]
        assert (new["score"], new["caption"], new["key"]) == (old["score"], old["caption"], key)
        assert (new["width"], new["original_width"], new["list_url"]) == (16, 32, old["url"])
    rows = [
        row
        for path in sorted((tmp_path / "two").glob("*.parquet"))
        for row in parquet.read_table(path).to_pylist()
    ]
    assert [row["score"] for row in rows] == [number / 2 for number in range(COUNT)]
    assert again(str(shards / "*.tar"), tmp_path / "two", session, resize="16").skipped == COUNT
    # A third time: the address of the first list is still there.
    again(str(tmp_path / "two" / "*.tar"), tmp_path / "three", session)
    third = json.loads(samples(tmp_path / "three")["000000"]["json"])
    assert third["list_url"] == json.loads(before["000000"]["json"])["url"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "folder"])
def test_any_input_with_samples(tmp_path: Path, session: imgpar.Session, kind: str) -> None:
    files = {
        "a/1.jpg": picture(1),
        "a/1.json": b'{"tags": ["x", 1], "n": null, "width": 5, "deep": {"a": 1}, "zip": "01234"}',
        "a/1.txt": "ein Bild: ü\n".encode(),
        "a/1.cls": b"7",
        "a/2.jpg": picture(2),
        "a/2.json": b"no JSON",
        "b.v2.jpg": picture(3),
        "b.json": b'{"tags": []}',
        "notes.txt": b"of no picture",
    }
    if kind == "folder":
        place = tmp_path / "in"
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
    else:
        place = packed(tmp_path / f"in.{kind}", files)
    report = again(str(place), tmp_path / "out", session)
    assert (report.ok, report.failed) == (3, 0)
    found = samples(tmp_path / "out")
    assert set(found) == {"a/1", "a/2", "b"}
    assert {key: set(fields) for key, fields in found.items()} == {
        "a/1": {"webp", "json", "txt", "cls"},
        "a/2": {"webp", "json"},
        "b": {"webp", "json"},
    }
    one = json.loads(found["a/1"]["json"])
    assert (one["tags"], one["deep"], one["zip"], one["width"]) == ('["x", 1]', '{"a": 1}', "01234", 64)
    assert (found["a/1"]["txt"].decode(), found["a/1"]["cls"]) == ("ein Bild: ü", b"7")
    assert "n" not in one
    assert report.ignored == 1


def test_keys_by_number_on_request_and_equal_keys(tmp_path: Path, session: imgpar.Session) -> None:
    for name in ("x", "y"):
        packed(tmp_path / f"{name}.tar", {"1.jpg": picture(len(name)), "1.txt": name.encode()})
    inputs = [str(tmp_path / "x.tar"), str(tmp_path / "y.tar")]
    again(inputs, tmp_path / "named", session)
    assert {key: fields["txt"] for key, fields in samples(tmp_path / "named").items()} == {
        "1": b"x",
        "1-2": b"y",
    }
    again(inputs, tmp_path / "counted", session, shard_keys="number", shard=100)
    assert set(samples(tmp_path / "counted")) == {"0000000", "0000001"}


def test_a_sample_that_fails_has_its_key_and_columns(tmp_path: Path, session: imgpar.Session) -> None:
    packed(tmp_path / "in.tar", {"k1.jpg": b"no picture", "k1.json": b'{"score": 1}', "k2.jpg": picture(1)})
    report = again(str(tmp_path / "in.tar"), tmp_path / "out", session)
    assert report.failed == 1
    rows = parquet.read_table(tmp_path / "out" / "00000.parquet").to_pylist()
    assert [(row["key"], row["score"], row["status"] == "success") for row in rows] == [
        ("k1", 1, False),
        ("k2", None, True),
    ]
    retried = imgpar.retry(tmp_path / "out")
    assert retried.failed == 1


def test_what_is_refused(shards: Path, tmp_path: Path, session: imgpar.Session) -> None:
    with pytest.raises(imgpar.UsageError, match="captions of samples"):
        again(str(shards / "*.tar"), tmp_path / "out", session, caption_column="text")
    with pytest.raises(imgpar.UsageError, match="--companions copy"):
        again(str(shards / "*.tar"), tmp_path / "out", session, companions="copy")


_READ = """
import json, sys, webdataset
samples = webdataset.WebDataset(sys.argv[1:], shardshuffle=False).decode("rgb8")
print(json.dumps([(one["__key__"], one["webp"].shape, one["txt"], one["json"]["score"]) for one in samples]))
"""


def test_webdataset_reads_them(shards: Path, tmp_path: Path, session: imgpar.Session) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    again(str(shards / "*.tar"), tmp_path / "out", session, resize="16")
    archives = [str(path) for path in sorted((tmp_path / "out").glob("*.tar"))]
    # In a process of its own: the package leaves files open.
    done = subprocess.run([sys.executable, "-c", _READ, *archives], check=True, capture_output=True)
    assert json.loads(done.stdout) == [
        [key, [12, 16, 3], f"a picture {number}", number / 2] for number, key in enumerate(samples(shards))
    ]


_KILLED = """
import os, signal, sys
import imgpar

def told(event):
    if event.kind == "item" and told.left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    told.left -= event.kind == "item"

told.left = int(sys.argv[3])
imgpar.convert(sys.argv[1], sys.argv[2], shard=2, companions="samples", to="webp", jobs=1, on_event=told)
"""


@pytest.mark.slow
def test_after_a_kill_every_sample_is_there_once(
    shards: Path, tmp_path: Path, session: imgpar.Session
) -> None:
    again(str(shards / "*.tar"), tmp_path / "whole", session, shard=2)
    command = [sys.executable, "-c", _KILLED, str(shards / "*.tar"), str(tmp_path / "out"), "4"]
    assert subprocess.run(command, timeout=120, check=False).returncode == -signal.SIGKILL
    again(str(shards / "*.tar"), tmp_path / "out", session, shard=2)
    assert samples(tmp_path / "out") == samples(tmp_path / "whole")
