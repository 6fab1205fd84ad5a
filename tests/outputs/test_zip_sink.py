"""A ZIP archive as OUT: published whole or not at all, and a second run does only what changed."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_files import content
from conftest import FolderMaker
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.core.digest import content_digest
from imgpar.core.errors import CommitError, OutputError
from imgpar.core.job import OutputFile
from imgpar.outputs.zip_sink import ZipSink

LINUX = sys.platform == "linux"


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory=64 << 20) as session:
        yield session


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return sorted(archive.namelist())


def publish(sink: ZipSink, name: str, data: bytes, mtime_ns: int = 10**18) -> None:
    file = Path(sink.root).with_name("spooled")
    file.write_bytes(data)
    sink.publish(f"{sink.root}/{name}", str(file), OutputFile("", len(data), mtime_ns=mtime_ns))
    file.unlink()


# ----- the sink by itself --------------------------------------------------------------------------


@pytest.fixture
def sink(tmp_path: Path) -> ZipSink:
    return ZipSink(str(tmp_path / "out.zip"))


def test_an_archive_appears_when_the_run_ends(sink: ZipSink) -> None:
    publish(sink, "a.txt", b"one")
    assert not os.path.exists(sink.root)
    sink.close()
    assert names(Path(sink.root)) == ["a.txt"]


def test_without_outputs_nothing_is_written(sink: ZipSink, tmp_path: Path) -> None:
    assert sink.find(f"{sink.root}/a.txt") is None
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_has_its_size_and_digest(sink: ZipSink) -> None:
    for _ in range(2):
        publish(sink, "sub/a.txt", b"one")
        found = sink.find(f"{sink.root}/sub/a.txt")
        assert found is not None
        assert (found.size, found.mtime_ns, found.inode) == (3, 10**18, zipfile.crc32(b"one"))
        assert sink.digest(f"{sink.root}/sub/a.txt") == content_digest(b"one")
        sink.close()


def test_what_is_replaced_leaves_no_bytes_behind(sink: ZipSink) -> None:
    publish(sink, "a.txt", b"a secret")
    sink.close()
    publish(sink, "a.txt", b"nothing")
    sink.close()
    assert b"a secret" not in Path(sink.root).read_bytes()
    assert names(Path(sink.root)) == ["a.txt"]


def test_of_equal_names_the_last_is_kept(sink: ZipSink) -> None:
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.writestr("old.txt", b"first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("old.txt", b"last")
    publish(sink, "a.txt", b"one")
    sink.close()
    with zipfile.ZipFile(sink.root) as archive:
        assert archive.read("old.txt") == b"last"


def test_the_comment_of_an_archive_is_kept(sink: ZipSink) -> None:
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.comment = b"holiday"
    publish(sink, "a.txt", b"one")
    sink.close()
    assert zipfile.ZipFile(sink.root).comment == b"holiday"


def test_an_entry_that_lies_elsewhere_leaves_the_archive_alone(sink: ZipSink) -> None:
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.writestr("old.txt", b"first")
    data = bytearray(Path(sink.root).read_bytes())
    at = data.rfind(b"PK\1\2") + 42
    data[at : at + 4] = struct.pack("<I", 0xFFFFFF00)
    Path(sink.root).write_bytes(data)
    publish(sink, "a.txt", b"one")
    with pytest.raises(OutputError, match="is damaged"):
        sink.close()
    assert Path(sink.root).read_bytes() == data


@pytest.mark.skipif(not LINUX, reason="needs names that are not Unicode")
def test_a_name_that_is_not_unicode_fails_alone(sink: ZipSink) -> None:
    publish(sink, "a.txt", b"one")
    with pytest.raises(CommitError, match="not Unicode"):
        publish(sink, "caf\udce9.txt", b"two")
    sink.close()
    assert names(Path(sink.root)) == ["a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="needs named pipes")
def test_a_named_pipe_is_refused(sink: ZipSink) -> None:
    os.mkfifo(sink.root)
    with pytest.raises(OutputError, match="no file"):
        sink.find(f"{sink.root}/a.txt")


def test_what_is_kept_is_copied_as_it_is(sink: ZipSink) -> None:
    with zipfile.ZipFile(sink.root, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("caf\u00e9.txt", bytes(10_000))
    before = zipfile.ZipFile(sink.root).infolist()[0]
    publish(sink, "a.txt", b"one")
    sink.close()
    after = zipfile.ZipFile(sink.root).getinfo("caf\u00e9.txt")
    assert names(Path(sink.root)) == ["a.txt", "caf\u00e9.txt"]
    for name in ("compress_type", "compress_size", "file_size", "CRC", "date_time", "external_attr"):
        assert getattr(after, name) == getattr(before, name)


class Pipe:
    """A stream that cannot go back, so that sizes follow the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def flush(self) -> None:
        pass


def streamed(path: str, members: dict[str, bytes]) -> None:
    """Write an archive in which the sizes of each member follow its data."""
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            archive.writestr(name, data)
    Path(path).write_bytes(pipe.data)


def test_entries_with_their_sizes_behind_the_data_are_kept(sink: ZipSink) -> None:
    streamed(sink.root, {"old.txt": b"old " * 99})
    assert zipfile.ZipFile(sink.root).infolist()[0].flag_bits & 8
    publish(sink, "a.txt", b"one")
    sink.close()
    assert zipfile.ZipFile(sink.root).read("old.txt") == b"old " * 99
    listed = subprocess.run(["unzip", "-tq", sink.root], capture_output=True) if LINUX else None
    assert listed is None or listed.returncode == 0


def test_large_sizes_behind_the_data_have_64_bits(sink: ZipSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds, as a reader of streams finds them: the header says which, the next one follows at once."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    streamed(sink.root, {"large": b"old " * 99, "small": b"old", "large too": b"new " * 99})
    publish(sink, "a.txt", b"one")
    sink.close()
    data, infos = Path(sink.root).read_bytes(), zipfile.ZipFile(sink.root).infolist()[1:]
    for info, end in zip(
        infos, [*[info.header_offset for info in infos[1:]], data.index(b"PK\1\2")], strict=True
    ):
        head = struct.unpack("<4s2xHHHHLLLHH", data[info.header_offset : info.header_offset + 30])
        start = info.header_offset + 30 + len(info.filename)
        extra = data[start : start + head[-1]]
        large = info.file_size > 100
        zeros = struct.pack("<HHQQ", 1, 16, 0, 0)
        assert extra == (zeros if large else b"")
        assert head[6:8] == ((0xFFFFFFFF, 0xFFFFFFFF) if large else (0, 0))
        after = start + len(extra) + info.compress_size
        form = "<4sLQQ" if large else "<4sLLL"
        assert data[after:end] == struct.pack(form, b"PK\7\10", info.CRC, info.compress_size, info.file_size)


def test_a_kept_entry_has_its_large_sizes_once(sink: ZipSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.writestr("old.bin", b"old " * 99)
    for name in ("a.txt", "b.txt"):  # the sizes come back from the directory
        publish(sink, name, b"one")
        sink.close()
    info = zipfile.ZipFile(sink.root).getinfo("old.bin")
    data = Path(sink.root).read_bytes()[info.header_offset :]
    extra = data[30 + len("old.bin") :][: struct.unpack("<H", data[28:30])[0]]
    assert extra == info.extra == struct.pack("<HHQQ", 1, 16, 396, 396)


@pytest.mark.skipif(not shutil.which("zip"), reason="needs zip, which can encrypt")
def test_passwords_of_kept_entries_stay_valid(sink: ZipSink, tmp_path: Path) -> None:
    """They are checked by the time of an entry whose sizes follow its data."""
    (tmp_path / "old.txt").write_bytes(b"old")
    command = ["zip", "-q", "-P", "secret", sink.root, "old.txt"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert zipfile.ZipFile(sink.root).infolist()[0].flag_bits & 9 == 9
    sink.deterministic = True
    publish(sink, "a.txt", b"one")
    sink.close()
    assert zipfile.ZipFile(sink.root).read("old.txt", b"secret") == b"old"


def test_how_a_kept_entry_is_encrypted_is_kept(sink: ZipSink) -> None:
    library = pytest.importorskip("pyzipper", reason="pyzipper is missing")
    with library.AESZipFile(sink.root, "w", encryption=library.WZ_AES) as archive:
        archive.setpassword(b"secret")
        archive.writestr("old.txt", b"old")
    sink.deterministic = True
    publish(sink, "a.txt", b"one")
    sink.close()
    with library.AESZipFile(sink.root) as archive:
        assert archive.read("old.txt", b"secret") == b"old"


@pytest.mark.slow
def test_an_entry_of_more_than_4_gib_is_kept(sink: ZipSink) -> None:
    """Zeros, which deflate makes small: blocks of one stream that can be repeated."""
    block, count = bytes(1 << 26), 65
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, crc = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH), 0
    data = packed * count + packer.flush()
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    facts = crc, len(data), len(block) * count
    info = zipfile.ZipInfo("zeros", (2020, 1, 1, 0, 0, 0))
    info.compress_type, info.flag_bits = zipfile.ZIP_DEFLATED, 8
    info.CRC, info.compress_size, info.file_size = facts
    with open(sink.root, "wb") as file:
        file.write(info.FileHeader(zip64=True) + data + struct.pack("<4sLQQ", b"PK\7\10", *facts))
        with zipfile.ZipFile(file, "w") as archive:
            archive.filelist, info.header_offset = [info], 0
    publish(sink, "a.txt", b"one")
    sink.close()
    assert data + struct.pack("<4sLQQ", b"PK\7\10", *facts) + b"PK\1\2" in Path(sink.root).read_bytes()
    assert zipfile.ZipFile(sink.root).getinfo("zeros").file_size == facts[2]


def test_names_of_an_old_code_page_are_kept(sink: ZipSink) -> None:
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.writestr("u1234.txt", b"old")
    data = Path(sink.root).read_bytes().replace(b"u1234", b"\x81" + b"1234")  # ü in code page 437
    Path(sink.root).write_bytes(data)
    publish(sink, "a.txt", b"one")
    sink.close()
    assert zipfile.ZipFile(sink.root).read("ü1234.txt") == b"old"


@pytest.mark.skipif(not LINUX, reason="/proc has a file that can be opened and not read")
def test_a_file_that_cannot_be_stored_leaves_the_others(sink: ZipSink) -> None:
    publish(sink, "a.txt", b"one")
    with pytest.raises(OSError, match="Input/output error"):
        sink.publish(f"{sink.root}/b.txt", "/proc/self/mem", OutputFile("", 3))
    publish(sink, "c.txt", b"three")
    sink.close()
    assert names(Path(sink.root)) == ["a.txt", "c.txt"]


def test_an_archive_that_was_changed_meanwhile_is_left_alone(sink: ZipSink, tmp_path: Path) -> None:
    publish(sink, "a.txt", b"one")
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.writestr("mine.txt", b"mine")
    with pytest.raises(OutputError, match="was changed during the run"):
        sink.close()
    assert names(Path(sink.root)) == ["mine.txt"]
    made = OutputFile(f"{sink.root}/a.txt", 3, digest=content_digest(b"one"))
    sink.resume([made])
    sink.close()
    assert names(Path(sink.root)) == ["a.txt", "mine.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]


def test_a_damaged_archive_is_left_alone(sink: ZipSink) -> None:
    Path(sink.root).write_bytes(b"no archive")
    with pytest.raises(OutputError, match="cannot be read as a ZIP archive"):
        publish(sink, "a.txt", b"one")
    sink.close()
    assert Path(sink.root).read_bytes() == b"no archive"


def test_a_cut_archive_is_left_alone(sink: ZipSink) -> None:
    with zipfile.ZipFile(sink.root, "w") as archive:
        archive.writestr("a.txt", b"0123456789" * 20)
    data = bytearray(Path(sink.root).read_bytes())
    at = data.find(b"PK\1\2")
    struct.pack_into("<L", data, at + 20, 1 << 20)  # it claims more bytes than there are
    Path(sink.root).write_bytes(data)
    publish(sink, "b.txt", b"one")
    with pytest.raises(OutputError, match="is damaged; it was left alone"):
        sink.close()
    assert Path(sink.root).read_bytes() == data


def test_the_mode_of_the_archive_is_kept(sink: ZipSink) -> None:
    publish(sink, "a.txt", b"one")
    sink.close()
    os.chmod(sink.root, 0o640)
    publish(sink, "b.txt", b"two")
    sink.close()
    assert os.stat(sink.root).st_mode & 0o777 == 0o640


@pytest.mark.parametrize("mtime_ns", [0, -(10**18), 5 * 10**18])
def test_times_that_an_archive_cannot_hold_are_moved_to_those_it_can(sink: ZipSink, mtime_ns: int) -> None:
    publish(sink, "a.txt", b"one", mtime_ns)
    sink.close()
    assert 1980 <= zipfile.ZipFile(sink.root).infolist()[0].date_time[0] <= 2107


# ----- runs ----------------------------------------------------------------------------------------


def test_a_folder_becomes_an_archive(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.jpg", "sub/b.png"), tmp_path / "new/out.zip"
    report = imgpar.convert(folder, out, to="webp", session=session)
    assert (report.ok, report.out) == (2, str(out))
    assert [file.path for item in report.items for file in item.outputs] == [
        f"{out}/a.webp",
        f"{out}/sub/b.webp",
    ]
    assert names(out) == ["a.webp", "sub/b.webp"]
    assert all(info.compress_type == zipfile.ZIP_STORED for info in zipfile.ZipFile(out).infolist())
    assert [path.name for path in out.parent.iterdir()] == ["out.zip"]


def test_the_outputs_are_those_of_a_folder(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder = photo_folder("a.jpg", "b.png", "a.png")
    make_clip(folder / "c.mp4")
    for out in ("out", "out.zip"):
        imgpar.convert(folder, tmp_path / out, resize="40", session=session)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        for name in ("a.jpg", "b.png", "a.png", "c.mp4"):
            assert archive.read(name) == (tmp_path / "out" / name).read_bytes(), name


def test_a_second_run_writes_nothing(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.jpg", "b.png"), tmp_path / "out.zip"
    imgpar.convert(folder, out, session=session)
    before = out.stat()
    report = imgpar.convert(folder, out, session=session)
    assert report.reasons == {"unchanged": 2}
    assert (out.stat().st_ino, out.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_a_second_run_does_what_changed(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.jpg", "b.png"), tmp_path / "out.zip"
    imgpar.convert(folder, out, session=session)
    (folder / "c.png").write_bytes((folder / "b.png").read_bytes())
    photo_folder("a.jpg", size=(50, 40))
    report = imgpar.convert(folder, out, session=session)
    assert [item.status for item in report.items] == ["ok", "skipped", "ok"]
    assert names(out) == ["a.jpg", "b.png", "c.png"]


def test_other_settings_replace_what_imgpar_made(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.png"), tmp_path / "out.zip"
    imgpar.convert(folder, out, session=session)
    assert imgpar.convert(folder, out, resize="20", session=session).ok == 1
    with zipfile.ZipFile(out) as archive:
        assert Image.open(archive.open("a.png")).width == 20
    assert names(out) == ["a.png"]


def test_files_of_the_user_are_kept(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.png", "b.png"), tmp_path / "out.zip"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", b"mine")
        archive.writestr("notes.txt", b"mine")
    report = imgpar.convert(folder, out, session=session)
    assert report.reasons == {"exists": 1}
    assert names(out) == ["a.png", "b.png", "notes.txt"]
    assert zipfile.ZipFile(out).read("a.png") == b"mine"


@pytest.mark.parametrize(("policy", "kept"), [("overwrite", ["a.png"]), ("rename", ["a-1.png", "a.png"])])
def test_on_exists_holds_for_archives(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session, policy: str, kept: list[str]
) -> None:
    folder, out = photo_folder("a.png"), tmp_path / "out.zip"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", b"mine")
    assert imgpar.convert(folder, out, on_exists=policy, session=session).ok == 1
    assert names(out) == kept
    assert (zipfile.ZipFile(out).read("a.png") == b"mine") is (policy == "rename")


def test_what_the_user_changed_since_is_kept(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.png"), tmp_path / "out.zip"
    imgpar.convert(folder, out, session=session)
    size = len(zipfile.ZipFile(out).read("a.png"))
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", b"m" * size)  # only the digest tells
    report = imgpar.convert(folder, out, resize="20", session=session)
    assert report.reasons == {"changed": 1}
    assert zipfile.ZipFile(out).read("a.png") == b"m" * size


def test_pages_of_other_settings_are_replaced(tmp_path: Path, session: imgpar.Session) -> None:
    pages = [Image.new("RGB", (20, 20), (at, 0, 0)) for at in (0, 90, 200)]
    pages[0].save(tmp_path / "a.tiff", save_all=True, append_images=pages[1:])
    out = tmp_path / "out.zip"
    for size in ("10", "5"):
        report = imgpar.convert(tmp_path / "a.tiff", out, to="png", pages="split", resize=size,
                                session=session)  # fmt: skip
        assert (report.ok, report.failures) == (1, ())
    assert names(out) == ["a-p1.png", "a-p2.png", "a-p3.png"]


def test_from_an_archive_into_an_archive(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.png", "sub/b.png"), tmp_path / "out.zip"
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in ("a.png", "sub/b.png"):
            archive.write(folder / name, name)
    for status in ("ok", "skipped"):
        report = imgpar.convert(tmp_path / "in.zip", out, to="jpg", session=session)
        assert [item.status for item in report.items] == [status] * 2
    with pytest.raises(imgpar.UsageError, match="OUT is an input itself"):
        imgpar.convert([tmp_path / "in.zip", folder], tmp_path / "in.zip", session=session)


def test_verify_compares_an_archive(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    out = tmp_path / "out.zip"
    imgpar.convert(photo_folder("a.png", "b.png"), out, session=session)
    assert imgpar.verify(out).ok == 2
    with zipfile.ZipFile(out) as archive:
        kept = archive.read("a.png")
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", kept)
    report = imgpar.verify(out)
    assert (report.ok, [item.error for item in report.failures]) == (
        1,
        ["It was removed since imgpar made it."],
    )


def test_the_option_verify_compares_unchanged_outputs(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.png"), tmp_path / "out.zip"
    imgpar.convert(folder, out, session=session)
    assert imgpar.convert(folder, out, verify=True, session=session).reasons == {"unchanged": 1}
    size = len(zipfile.ZipFile(out).read("a.png"))
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", b"m" * size)
    report = imgpar.convert(folder, out, verify=True, session=session)
    assert report.failures[0].error.startswith(f"{out}/a.png: It was changed since imgpar made it.")


def test_what_failed_is_tried_again(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder("a.png", "b.png"), tmp_path / "out.zip"
    whole = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(b"nothing")
    assert imgpar.convert(folder, out, session=session).failed == 1
    (folder / "b.png").write_bytes(whole)
    report = imgpar.retry(out, session=session)
    assert [(item.source, item.status) for item in report.items] == [(str(folder / "b.png"), "ok")]
    assert names(out) == ["a.png", "b.png"]


def test_a_dry_run_of_an_archive_writes_nothing(tmp_path: Path, photo_folder: FolderMaker) -> None:
    plan = imgpar.dry_run(photo_folder("a.png"), tmp_path / "out.zip")
    assert [file.path for file in plan.outputs] == [f"{tmp_path}/out.zip/a.png"]
    assert not (tmp_path / "out.zip").exists()


def test_a_journal_that_was_named_is_used(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out, journal = photo_folder("a.png"), tmp_path / "out.zip", tmp_path / "mine.db"
    imgpar.convert(folder, out, journal=journal, session=session)
    assert journal.exists()
    assert imgpar.convert(folder, out, journal=journal, session=session).reasons == {"unchanged": 1}
    assert imgpar.convert(folder, out, session=session).reasons == {"exists": 1}


def test_undo_has_nothing_to_do(tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session) -> None:
    imgpar.convert(photo_folder("a.png"), tmp_path / "out.zip", session=session)
    with pytest.raises(imgpar.UsageError, match="No run replaced anything in"):
        imgpar.undo(tmp_path / "out.zip")


# ----- ended early ---------------------------------------------------------------------------------

SLOW = """
import sys, time, imgpar
from pathlib import Path
def slow(array):
    time.sleep(0.15)
    return array
folder, out = sys.argv[1:]
cancel = imgpar.CancelToken()
def listen(event):
    if event.outcome is not None:
        print(event.outcome.source, flush=True)
        if "--cancel" in Path(folder, "how").read_text():
            cancel.cancel()
imgpar.Pipeline().apply(slow).run(folder, out, jobs=1, on_event=listen, cancel=cancel)
"""


def begin(folder: Path, out: Path, how: str) -> subprocess.Popen[str]:
    (folder / "how").write_text(how)
    command = [sys.executable, "-c", SLOW, str(folder), str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_run_leaves_the_old_archive_and_no_litter(
    tmp_path: Path, photo_folder: FolderMaker, session: imgpar.Session
) -> None:
    folder, out = photo_folder(*(f"{number}.png" for number in range(9))), tmp_path / "out.zip"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mine.txt", b"mine")
    before = out.read_bytes()
    with begin(folder, out, "--kill") as run:
        assert run.stdout is not None
        for _ in range(3):
            run.stdout.readline()
        run.send_signal(signal.SIGKILL)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".imgpar-")]
    report = imgpar.convert(folder, out, session=session)
    assert report.ok == 9
    assert len(names(out)) == 10
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".imgpar-")]


def test_a_run_that_was_stopped_keeps_what_it_made(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder, out = photo_folder(*(f"{number}.png" for number in range(9))), tmp_path / "out.zip"
    with begin(folder, out, "--cancel") as run:
        run.wait()
    made = len(names(out))
    assert 1 <= made < 9


@pytest.mark.slow
def test_two_runs_cannot_write_into_one_archive(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder, out = photo_folder(*(f"{number}.png" for number in range(9))), tmp_path / "out.zip"
    with begin(folder, out, "") as run:
        assert run.stdout is not None
        run.stdout.readline()
        with pytest.raises(imgpar.OutputLockedError):
            imgpar.convert(folder, out)
        run.communicate()
    assert len(names(out)) == 9


# ----- split outputs -------------------------------------------------------------------------------


def test_frames_of_a_clip_go_into_an_archive(tmp_path: Path, session: imgpar.Session) -> None:
    make_clip(tmp_path / "a.mp4")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(tmp_path / "a.mp4", "a.mp4")
    out = tmp_path / "out.zip"
    for quality, status in ((80, "ok"), (80, "skipped"), (40, "ok")):
        report = imgpar.Pipeline().extract(tmp_path / "in.zip", out, every="10", to="jpg", quality=quality,
                                           session=session)  # fmt: skip
        assert [(item.status, item.error) for item in report.items] == [(status, "")]
    assert names(out) == ["a-000000.jpg", "a-000010.jpg", "a-000020.jpg"]


# ----- several outputs of a recipe ------------------------------------------------------------------


def sizes(path: Path) -> dict[str, tuple[str | None, int]]:
    """Format and width of each picture in an archive."""
    with zipfile.ZipFile(path) as archive:
        found = {}
        for name in archive.namelist():
            with archive.open(name) as file, Image.open(file) as image:
                found[name] = image.format, image.width
        return found


def two_outputs() -> imgpar.Pipeline:
    small = imgpar.Pipeline().resize("20")
    return imgpar.Pipeline().output(to="png").output(small, to="webp", name="{stem}-s")


def test_each_output_of_a_recipe_has_its_own_settings(
    session: imgpar.Session, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    report = two_outputs().run(photo_folder("a.jpg"), tmp_path / "o.zip", session=session)
    assert report.ok == 1
    whole = sizes(tmp_path / "o.zip")
    assert {name: kind for name, (kind, _) in whole.items()} == {"a.png": "PNG", "a-s.webp": "WEBP"}
    assert whole["a-s.webp"][1] == 20 < whole["a.png"][1]


def test_a_new_output_of_a_recipe_is_the_only_one_made(
    session: imgpar.Session, photo_folder: FolderMaker, tmp_path: Path
) -> None:
    source = photo_folder("a.jpg", "b.jpg")
    two_outputs().run(source, tmp_path / "o.zip", session=session)
    assert two_outputs().run(source, tmp_path / "o.zip", session=session).reasons == {"unchanged": 2}
    more = two_outputs().output(imgpar.Pipeline().resize("10"), to="webp", name="{stem}-t")
    report = more.run(source, tmp_path / "o.zip", session=session)
    made = sorted(file.path[-8:] for outcome in report.items for file in outcome.outputs)
    assert made == ["a-t.webp", "b-t.webp"]
    assert len(names(tmp_path / "o.zip")) == 6


def test_names_in_utf_8_that_are_not_said_to_be_are_kept(tmp_path: Path) -> None:
    """As archives of macOS have them."""
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        for name in ("XXa.jpg", "XXb.jpg"):
            archive.writestr(name, b"old")
    data = (tmp_path / "out.zip").read_bytes().replace(b"XX", "ü".encode())
    (tmp_path / "out.zip").write_bytes(data)
    sink = ZipSink(str(tmp_path / "out.zip"))
    assert sink.digest(str(tmp_path / "out.zip/üb.jpg")) == content_digest(b"old")
    publish(sink, "üa.jpg", b"new")
    sink.close()
    assert content(tmp_path / "out.zip") == {"üa.jpg": b"new", "üb.jpg": b"old"}
