"""Inputs and outputs in an object store that speaks S3, compared with folders."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from conftest import FolderMaker
from s3_server import MISSING, S3Server
from store_scene import files, use
from tcp_proxy import TcpProxy

import imgpar
from imgpar.core.job import Facts, OutputFile
from imgpar.inputs.stores.client import ChangedError, Client, StoredFile, Upload, client_of
from imgpar.inputs.stores.objects import SINGLE
from imgpar.inputs.stores.source import StoreSource
from imgpar.outputs.store_sink import StoreSink

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
NAMES = (
    "a.jpg",
    "a10.jpg",
    "a2.jpg",
    "b.png",
    "2024/c é.jpg",
    "2024/per%20.jpg",
    "2024/may/d.jpg",
    ".h/e.jpg",
)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    """A server for the tests of this file."""
    made = S3Server()
    yield made
    made.stop()


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> S3Server:
    """The server, which the environment names, with a bucket `BUCKET` of this test."""
    use(server.environment(), monkeypatch)
    return server


@pytest.fixture
def bucket(s3: S3Server, request: pytest.FixtureRequest) -> str:
    """A new bucket."""
    return s3.bucket(request.node.name.lower().replace("_", "-").replace("[", "-").replace("]", "")[:60])


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[TcpProxy]:
    """A proxy before the server, which the environment names."""
    with TcpProxy(s3.port) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.port}")
        client_of.cache_clear()
        yield made


def objects(s3: S3Server, bucket: str, prefix: str) -> dict[str, bytes]:
    """Names and contents of all outputs below a prefix."""
    return {key[len(prefix) :]: s3.get(bucket, key) for key in s3.keys(bucket, prefix)}


def outcomes(report: imgpar.Report) -> dict[str, int]:
    """How many items there are of each status."""
    return {"ok": report.ok, "skipped": report.skipped, "failed": report.failed}


def test_a_run_from_a_store_makes_what_a_run_from_a_folder_makes(
    s3: S3Server, bucket: str, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    folder = photo_folder(*NAMES)
    (folder / "notes.txt").write_text("text")
    s3.fill(bucket, "in/", folder)
    here = imgpar.convert(folder, tmp_path / "here", to="webp", jobs=1)
    there = imgpar.convert(f"s3://{bucket}/in/", tmp_path / "there", to="webp", jobs=1)
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert [item.source for item in there.items] == [
        item.source.replace(str(folder), f"s3://{bucket}/in") for item in here.items
    ]
    assert (there.left_out, there.left_out_folders) == (here.left_out, here.left_out_folders)
    s3.put(bucket, "in/a2.jpg", (folder / "a10.jpg").read_bytes())
    again = imgpar.convert(f"s3://{bucket}/in/", tmp_path / "there", to="webp", jobs=1)
    assert outcomes(again) == {"ok": 1, "skipped": 6, "failed": 0}
    assert files(tmp_path / "there")["a2.webp"] == files(tmp_path / "here")["a10.webp"]


def test_a_run_into_a_store_makes_what_a_run_into_a_folder_makes(
    s3: S3Server, bucket: str, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    folder, out = photo_folder(*NAMES), f"s3://{bucket}/web"
    imgpar.convert(folder, tmp_path / "here", to="webp", jobs=1)
    first = imgpar.convert(folder, out, to="webp", jobs=1)
    assert objects(s3, bucket, "web/") == files(tmp_path / "here")
    assert s3.kind(bucket, "web/b.webp") == "image/webp"
    assert first.items[0].outputs[0].path == f"{out}/a.webp"
    assert outcomes(imgpar.convert(folder, out, to="webp", jobs=1)) == {"ok": 0, "skipped": 7, "failed": 0}
    s3.put(bucket, "web/b.webp", b"mine")
    assert imgpar.verify(out).failed == 1
    third = imgpar.convert(folder, out, to="webp", quality=40, jobs=1)
    assert outcomes(third) == {"ok": 6, "skipped": 1, "failed": 0}
    assert s3.get(bucket, "web/b.webp") == b"mine"


@pytest.mark.parametrize("size", [1, SINGLE + 1])
def test_an_object_has_its_cache_control(s3: S3Server, bucket: str, tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(bytes(size))
    sink, path = StoreSink(f"s3://{bucket}/web"), f"s3://{bucket}/web/a.webp"
    assert sink.cached_by("public, max-age=60")
    sink.publish_new(path, str(tmp_path / "a"), OutputFile(path, size))
    assert s3.cached(bucket, "web/a.webp") == "public, max-age=60"
    assert s3.kind(bucket, "web/a.webp") == "image/webp"


def test_a_run_says_how_long_its_outputs_may_be_kept(
    s3: S3Server, bucket: str, photo_folder: FolderMaker
) -> None:
    imgpar.convert(photo_folder("a.png"), f"s3://{bucket}/web", cache_control="max-age=60", jobs=1)
    assert s3.cached(bucket, "web/a.png") == "max-age=60"


def test_shards_may_be_kept_as_long(s3: S3Server, bucket: str, photo_folder: FolderMaker) -> None:
    pytest.importorskip("pyarrow")
    folder, out = photo_folder("a.png"), f"s3://{bucket}/set"
    imgpar.convert(folder, out, shard=5, cache_control="max-age=60", jobs=1)
    assert {s3.cached(bucket, key) for key in s3.keys(bucket)} == {"max-age=60"}
    assert s3.kind(bucket, "set/00000.parquet") == "application/vnd.apache.parquet"


@pytest.mark.parametrize("out", ["web", "web.zip", "sftp://host/web", "memory://web"])
def test_where_nothing_has_a_cache_control_it_is_refused(
    out: str, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    where = out if "://" in out else tmp_path / out
    with pytest.raises(imgpar.UsageError, match="OUT is no object store"):
        imgpar.convert(photo_folder("a.png"), where, cache_control="no-cache", jobs=1)
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("value", ["", "max age", "a=\nb", "a,,b", 'x="', "max-age=1;b", 60])
def test_a_cache_control_has_directives(value: object, photo_folder: FolderMaker) -> None:
    with pytest.raises(imgpar.BadValueError, match="Expected directives such as max-age=86400"):
        imgpar.convert(photo_folder("a.png"), "s3://bucket/web", cache_control=value)  # type: ignore[arg-type]


def test_a_file_is_named_in_a_store(s3: S3Server, bucket: str, photo_folder: FolderMaker) -> None:
    picture = photo_folder("a.png") / "a.png"
    for ok in (1, 0):
        assert imgpar.convert(picture, f"s3://{bucket}/x/b.webp", jobs=1).ok == ok
    assert s3.keys(bucket) == ["x/b.webp"]
    assert imgpar.verify(f"s3://{bucket}/x/b.webp").ok == 1


def test_a_pattern_selects_below_its_folder(
    s3: S3Server, bucket: str, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    s3.fill(bucket, "in/", photo_folder(*NAMES))
    flat = imgpar.convert(f"s3://{bucket}/in/a*.jpg", tmp_path / "flat", jobs=1)
    assert outcomes(flat) == {"ok": 3, "skipped": 0, "failed": 0}
    imgpar.convert(f"s3://{bucket}/in/**/*.jpg", tmp_path / "deep", jobs=1, exclude="per*")
    assert sorted(files(tmp_path / "deep")) == [
        "2024/c é.jpg",
        "2024/may/d.jpg",
        "a.jpg",
        "a10.jpg",
        "a2.jpg",
    ]


def test_each_key_without_a_place_in_a_folder_is_a_failed_input(
    s3: S3Server, bucket: str, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    data = (photo_folder("a.jpg") / "a.jpg").read_bytes()
    odd = ("p//b.jpg", "p/../c.jpg", "p/sub//f.jpg")
    for key in (
        "p/a.jpg",
        "p/",
        "p/sub/",
        "p/sub/d.jpg",
        "p/q?x#y.jpg",
        "p/web/.imgpar/j.db",
        "p/web/a.jpg",
        *odd,
    ):
        s3.put(bucket, key, data)
    report = imgpar.convert(f"s3://{bucket}/p/", tmp_path / "out", jobs=1)
    assert outcomes(report) == {"ok": 3, "skipped": 0, "failed": len(odd)}
    assert dict(report.left_out_folders) == {"web": 1}
    root = f"s3://{bucket}/p"
    assert {item.source for item in report.items} == {
        f"{root}{below}" for below in ("/a.jpg", "/sub/d.jpg", "/q%3Fx%23y.jpg", "//", "/..", "/sub//")
    }


@pytest.mark.skipif(sys.platform == "win32", reason="its names have no ?")
def test_signs_of_addresses_in_keys_are_kept(
    s3: S3Server, bucket: str, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    keys = ("a?b.png", "c#d.png", "100%.png", "e?f.png", "e%3Ff.png", "e%253Ff.png", "f?o#/x.png")
    folder = photo_folder(*keys)
    s3.fill(bucket, "in/", folder)
    for inputs, out in (
        (f"s3://{bucket}/in/", str(tmp_path / "out")),
        (str(folder), f"s3://{bucket}/out/"),
        (f"s3://{bucket}/in/", f"s3://{bucket}/two/"),
    ):
        report = imgpar.convert(inputs, out, jobs=1)
        assert outcomes(report) == {"ok": len(keys), "skipped": 0, "failed": 0}
        assert len({item.source for item in report.items}) == len(keys)
    assert sorted(files(tmp_path / "out")) == sorted(keys)
    assert files(tmp_path / "out") == objects(s3, bucket, "out/") == objects(s3, bucket, "two/")
    again = imgpar.convert(f"s3://{bucket}/in/", tmp_path / "out", jobs=1)
    assert outcomes(again) == {"ok": 0, "skipped": len(keys), "failed": 0}


def test_what_is_not_there_is_said(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    for address, words in {
        f"s3://{bucket}/nothing/": "Nothing is there.",
        f"s3://{bucket}/a.jpg": "Nothing is there.",
        f"s3://{bucket}/*.jpg": "Nothing matches this pattern.",
        "s3://no-such-bucket/": "The specified bucket does not exist",
    }.items():
        (item,) = imgpar.convert(address, tmp_path / "out", jobs=1).items
        assert words in item.error


def test_a_store_that_cannot_be_written_ends_the_run(s3: S3Server, photo_folder: FolderMaker) -> None:
    with pytest.raises(imgpar.RunError, match=r"s3://no-such-bucket/x cannot be read: .* does not exist"):
        imgpar.convert(photo_folder("a.jpg"), "s3://no-such-bucket/x", jobs=1)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://key:hush@bucket/a", "user name or password"),
        ("sftp://me:hush@host/a", "user name or password"),
        ("s3:///a", "names no bucket"),
        ("sftp:///a", "names no host"),
    ],
)
def test_a_bad_address_is_refused_without_its_secrets(address: str, words: str, tmp_path: Path) -> None:
    for run in (lambda: imgpar.convert(address, tmp_path / "o"), lambda: imgpar.convert(tmp_path, address)):
        with pytest.raises(imgpar.UsageError, match=words) as raised:
            run()
        assert "hush" not in str(raised.value)


def test_what_was_changed_since_it_was_listed_is_not_read(s3: S3Server, bucket: str) -> None:
    s3.put(bucket, "a", b"first")
    client = client_of("s3", bucket)
    found = client.find("a")
    assert found is not None
    assert b"".join(client.blocks("a", found)) == b"first"
    s3.put(bucket, "a", b"other")
    with pytest.raises(ChangedError):
        client.read("a", 0, 5, found)
    s3.remove(bucket, "a")
    with pytest.raises(FileNotFoundError):
        client.read("a", 0, 5, found)


def stored(client: Client, path: Path, size: int, fill: bytes = b"0", **condition: object) -> None:
    """Store a file as `a.bin`."""
    path.write_bytes(fill * size)
    client.put("a.bin", Upload(str(path), size, "", **condition))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [100, 20 << 20])
def test_a_new_object_replaces_nothing(s3: S3Server, bucket: str, tmp_path: Path, size: int) -> None:
    client = client_of("s3", bucket)
    stored(client, tmp_path / "f", size, new=True)
    assert len(s3.get(bucket, "a.bin")) == size
    with pytest.raises(FileExistsError):
        stored(client, tmp_path / "f", size, b"1", new=True)
    assert s3.get(bucket, "a.bin")[:1] == b"0"
    assert s3.uploads(bucket) == 0


def test_an_object_that_changed_meanwhile_is_not_replaced(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    client = client_of("s3", bucket)
    stored(client, tmp_path / "f", 5)
    there = client.find("a.bin")
    stored(client, tmp_path / "f", 6, over=there)
    with pytest.raises(ChangedError):
        stored(client, tmp_path / "f", 7, over=there)
    assert len(s3.get(bucket, "a.bin")) == 6


def test_a_sink_stores_under_the_condition_of_what_it_found(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    sink, path = StoreSink(f"s3://{bucket}/x"), f"s3://{bucket}/x/a.webp"
    (tmp_path / "f").write_bytes(b"mine")
    made = OutputFile(path, 4)
    s3.put(bucket, "x/a.webp", b"theirs")
    with pytest.raises(FileExistsError):
        sink.publish_new(path, str(tmp_path / "f"), made)
    assert sink.find(path) is not None
    s3.put(bucket, "x/a.webp", b"later")
    with pytest.raises(ChangedError):
        sink.publish(path, str(tmp_path / "f"), made)
    assert sink.find(path) is not None
    sink.publish(path, str(tmp_path / "f"), made)
    assert s3.get(bucket, "x/a.webp") == b"mine"


def test_what_appears_during_a_run_is_left_alone(
    s3: S3Server, bucket: str, photo_folder: FolderMaker
) -> None:
    folder = photo_folder(*(f"{letter}.jpg" for letter in "abcdefgh"))
    sink = Late(f"s3://{bucket}/x", lambda: s3.put(bucket, "x/b.webp", b"theirs"))
    report = imgpar.convert(folder, sink, to="webp", jobs=1)
    assert outcomes(report) == {"ok": 7, "skipped": 0, "failed": 1}
    assert "appeared after the run was planned" in report.items[1].error
    assert s3.get(bucket, "x/b.webp") == b"theirs"


class Late(StoreSink):
    """A sink beside which somebody else stores something after it was listed."""

    def __init__(self, address: str, other: Callable[[], object]) -> None:
        super().__init__(address)
        self._other = other

    def listing(self, folder: str) -> Mapping[str, Facts]:
        found = super().listing(folder)
        self._other()
        return found


def test_verify_reads_back_what_was_stored(s3: S3Server, bucket: str, photo_folder: FolderMaker) -> None:
    class Damaging(StoreSink):
        def publish_new(self, path: str, file: str, made: OutputFile, /) -> None:
            data = bytearray(Path(file).read_bytes())
            data[-1] ^= 1
            Path(file).write_bytes(data)
            super().publish_new(path, file, made)

    sink = Damaging(f"s3://{bucket}/x")
    (item,) = imgpar.convert(photo_folder("a.jpg"), sink, to="webp", jobs=1, verify=True).items
    assert "its content differs" in item.error


def test_a_header_costs_a_part_of_a_file(s3: S3Server, bucket: str, proxy: TcpProxy) -> None:
    data = np.random.default_rng(0).bytes(8_000_000)
    s3.put(bucket, "a.png", data)
    source = StoreSource(f"s3://{bucket}/")
    (batch,) = source.batches("")
    with source.open(batch.items[0]) as file:
        assert file.read(100) == data[:100]
        assert file.seek(-50, 2) == len(data) - 50
        assert file.read() == data[-50:]
        assert proxy.received < len(data) / 10
        file.seek(0)
        assert file.read() == data


@pytest.mark.parametrize("cut", [0, 10, 200, 1000, 60_000])
def test_a_connection_that_breaks_is_made_again(s3: S3Server, bucket: str, proxy: TcpProxy, cut: int) -> None:
    data = bytes(range(256)) * 1000
    s3.put(bucket, "a", data)
    client = client_of("s3", bucket)
    proxy.cuts = [cut]
    found = client.find("a")
    assert found is not None
    proxy.stop()
    proxy.back()
    proxy.cuts = [cut]
    assert b"".join(client.blocks("a", found)) == data


def test_a_run_bridges_a_server_that_is_away(
    s3: S3Server, bucket: str, proxy: TcpProxy, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    names = [f"{number}.jpg" for number in range(12)]
    folder = photo_folder(*names)
    s3.fill(bucket, "in/", folder)
    seen = list[str]()

    def listen(event: imgpar.Event) -> None:
        if event.kind == "item":
            seen.append("")
            if len(seen) == 3:
                proxy.stop()
                proxy.back()

    report = imgpar.convert(f"s3://{bucket}/in/", f"s3://{bucket}/out", to="webp", jobs=1, on_event=listen)
    assert outcomes(report) == {"ok": 12, "skipped": 0, "failed": 0}, [item.error for item in report.items]
    imgpar.convert(folder, tmp_path / "here", to="webp", jobs=1)
    assert objects(s3, bucket, "out/") == files(tmp_path / "here")


def test_arrays_of_a_store_are_those_of_a_folder(
    s3: S3Server, bucket: str, photo_folder: FolderMaker
) -> None:
    folder = photo_folder("a.jpg", "b.png")
    s3.fill(bucket, "in/", folder)
    there = [np.array(array) for _, array in imgpar.Pipeline().arrays(f"s3://{bucket}/in/", jobs=1)]
    here = [np.array(array) for _, array in imgpar.Pipeline().arrays(folder, jobs=1)]
    assert len(there) == 2
    assert all(map(np.array_equal, there, here))


def test_nothing_is_imported_before_a_store_is_named() -> None:
    code = "import sys, imgpar; imgpar.inputs.sources, imgpar.outputs.sinks; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", f"import imgpar.inputs.sources, imgpar.outputs.sinks\n{code}"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert not {"obstore", "fsspec", "paramiko", "botocore"} & set(found)


def test_empty_objects_are_read(s3: S3Server, bucket: str) -> None:
    s3.put(bucket, "a", b"")
    assert list(client_of("s3", bucket).blocks("a", StoredFile("a", 0, 0))) == []


class _RefusingHandler(BaseHTTPRequestHandler):
    """Answers every request as a store that does not know the caller."""

    def do_GET(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_a_store_that_refuses_access_names_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _RefusingHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "wrong",
        "AWS_SECRET_ACCESS_KEY": "wrong",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    report = imgpar.convert("s3://refused/in/", tmp_path / "out", to="png", jobs=1)
    server.shutdown()
    server.server_close()
    (failure,) = report.failures
    assert "The store refuses access. Check the credentials" in failure.error
    assert failure.error.endswith("see 'imgpar help stores'.")
