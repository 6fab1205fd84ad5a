"""Too little memory, too little disk, a place that cannot be written to: said in one line, nothing torn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from private_mounts import IMGPAR, private
from video_clips import ffmpeg

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline

pytestmark = pytest.mark.slow

posix = pytest.mark.skipif(
    os.name == "nt", reason="such folders cannot be removed, such limits not set there"
)

FILL_SHM = """
import imgpar, sys
def fill(event):
    if event.done == 2:
        try:
            open("/dev/shm/filler", "wb").write(bytes(64 << 20))
        except OSError:
            pass
report = imgpar.convert(sys.argv[1], sys.argv[2], resize="200%", enlarge=True, to="bmp", jobs=2, memory="48M",
                        on_event=fill)
print(report.ok, report.failed, [item.error for item in report.items if item.error][:1])
"""


@pytest.mark.parametrize("size", ["8m", "64m"])
def test_a_small_shm_is_said_in_one_line_and_works(tmp_path: Path, size: str):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(6)], size=(900, 700))
    script = (
        f'mount -t tmpfs -o size={size} tmpfs /dev/shm && {IMGPAR} "$1" -o "$2" --to bmp --memory 128M -j 2'
    )
    done = private(script, pictures, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("anonymous shared memory") == 1
    assert {path.stat().st_size for path in (tmp_path / "out").glob("*.bmp")} == {900 * 700 * 3 + 54}


def test_a_photo_of_50_megapixels_is_converted_with_a_shm_of_8_megabytes(tmp_path: Path):
    (tmp_path / "in").mkdir()
    tile = Image.fromarray(testing.pattern(870, 580))
    tile.resize((8700, 5800)).save(tmp_path / "in/large.jpg")
    script = f'mount -t tmpfs -o size=8m tmpfs /dev/shm && {IMGPAR} "$1" -o "$2" --flip horizontal --to bmp'
    done = private(script, tmp_path / "in", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out/large.bmp") as image:
        assert image.size == (8700, 5800)


def test_a_shm_that_others_fill_during_the_run_fails_jobs_and_kills_nobody(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(8)], size=(300, 200))
    testing.write_pictures(pictures, ["large.png"], size=(1500, 1000))
    script = f'mount -t tmpfs -o size=56m tmpfs /dev/shm && {sys.executable} -c \'{FILL_SHM}\' "$1" "$2"'
    done = private(script, pictures, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    ok, failed, *_ = done.stdout.split()
    assert (int(ok) + int(failed), int(failed)) == (9, 1), done.stdout
    assert "shared memory" in done.stdout


def test_a_read_only_out_ends_the_run_with_a_sentence(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png"])
    (tmp_path / "out").mkdir()
    script = f'mount -t tmpfs -o ro tmpfs "$2" && {IMGPAR} "$1" -o "$2" --to jpg -j 1'
    done = private(script, pictures, tmp_path / "out")
    assert done.returncode == 4
    assert "cannot be written: Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_that_is_full_also_for_the_journal_is_continued_later(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(12)], size=(300, 200))
    (tmp_path / "out").mkdir()
    script = f"""
        mount -t tmpfs -o size=600k tmpfs "$2"
        {IMGPAR} "$1" -o "$2" --to bmp -j 2 --resize 99%
        echo first $?
        ls -A "$2" | grep -c tmp
        mount -o remount,size=60m "$2"
        {IMGPAR} "$1" -o "$2" --to bmp -j 2 --resize 99%
        echo second $?
        cat "$2"/*.bmp | wc -c"""
    done = private(script, pictures, tmp_path / "out")
    words = done.stdout.split()
    assert "first 4" in done.stdout, done.stdout + done.stderr
    assert "No space is left" in done.stdout + done.stderr
    assert "second 0" in done.stdout, done.stdout + done.stderr
    assert int(words[-1]) == 12 * (297 * 198 * 3 + 54 + 198)  # rows are padded to four bytes


@posix
def test_out_that_is_removed_during_the_run_ends_it_with_a_sentence(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(40)])

    def remove(event):
        if event.done == 5:
            shutil.rmtree(tmp_path / "out", ignore_errors=True)

    with pytest.raises(imgpar.OutputError, match="was removed"):
        imgpar.convert(pictures, tmp_path / "out", to="jpg", jobs=2, on_event=remove)


@posix
def test_a_write_that_the_system_refuses_is_named(tmp_path: Path):
    """A quota, a limit, a broken disk: whatever the system says is said."""

    def limited(array):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        return array

    pictures = testing.write_pictures(tmp_path / "in", ["a.png"])
    with imgpar.Session(jobs=1) as session:
        report = session.run(Pipeline().apply(limited), pictures, tmp_path / "out", to="bmp")
    assert report.failures[0].stage == "commit"
    assert "cannot be written: File too large" in report.failures[0].error
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".imgpar"]


def test_standard_input_that_is_larger_than_the_disk_is_a_sentence(tmp_path: Path):
    script = f"""
        mount -t tmpfs -o size=4m tmpfs /mnt
        head -c 50000000 /dev/zero | TMPDIR=/mnt {IMGPAR} - -o "$1"
        echo exit $?; ls -A /mnt"""
    done = private(script, tmp_path / "out.jpg")
    assert done.stdout.split() == ["exit", "4"], done.stderr
    assert done.stderr.startswith("imgpar: No space is left in /mnt/")


# ----- limits of the shell ----------------------------------------------------------------------------

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep these limits")


def limited(limits: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run imgpar in a shell that sets limits first."""
    command = f'{limits} && exec {sys.executable} -m imgpar "$@"'
    words = ["bash", "-c", command, "bash", *map(str, arguments)]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)


def one_sentence(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """Nothing but one line was said, and the exit code fits it."""
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert done.stderr.startswith("imgpar: ")
    assert words in done.stderr


@pytest.fixture
def six(tmp_path: Path) -> Path:
    """Six pictures of 180 kB as BMP."""
    return testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(6)], size=(300, 200))


@linux
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("ulimit -v 30000", "too little memory"),
        ("ulimit -v 60000", "The address space of a process is limited to 58 MiB"),
        ("ulimit -v 400000", "Raise the limit (ulimit -v unlimited)"),
        ("ulimit -f 4", "disk I/O error"),
        ("ulimit -f 200", "The system gives no shared memory of 16 MiB (File too large)"),
        ("ulimit -n 16", "Only 16 files may be open at a time"),
    ],
)
def test_too_low_a_limit_is_one_sentence(six, tmp_path, limits, words):
    one_sentence(limited(limits, "convert", six, "-o", tmp_path / "out", "--to", "jpg", "-j", 2), 4, words)


@linux
@pytest.mark.parametrize("limits", ["ulimit -v 1000000", "ulimit -f 100000", "ulimit -n 32"])
def test_limits_that_leave_enough_are_kept_to(six, tmp_path, limits):
    done = limited(limits, "convert", six, "-o", tmp_path / "out", "--to", "jpg", "-j", 8)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(
    not (os.name == "posix" and os.geteuid() == 0 and shutil.which("setpriv")), reason="needs root"
)
@pytest.mark.parametrize("processes", [3, 4, 5])
def test_a_limit_of_processes_is_a_sentence(six, tmp_path, processes):
    """It does not bind root, and counts all processes of a user: so this is one without any other."""
    tmp_path.chmod(0o777)
    command = f'ulimit -u {processes} && exec {sys.executable} -m imgpar "$@"'
    may = "--inh-caps=+dac_override", "--ambient-caps=+dac_override"
    alone = ["setpriv", "--reuid", str(3_000_000 + os.getpid()), *may, "bash", "-c", command, "bash"]
    given = ["convert", six, "-o", tmp_path / "out", "--to", "jpg", "--journal", tmp_path / "journal"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [*alone, *given], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    one_sentence(done, 4, "ulimit -u")


@linux
def test_a_picture_that_may_not_become_so_large_fails_alone(six, tmp_path):
    testing.write_pictures(six, ["large.png"], size=(1900, 1500))
    arguments = ("convert", six, "-o", tmp_path / "out", "--to", "tiff", "--effort", 0, "-j", 2, "-q")
    done = limited("ulimit -f 8000", *arguments, "--memory", "8000K")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "large.png" in done.stderr


@linux
def test_a_clip_that_may_not_become_so_large_is_named(tmp_path):
    clip = tmp_path / "a.mkv"
    noise = ("-f", "rawvideo", "-s", "320x240", "-pix_fmt", "yuv420p", "-i", "/dev/urandom")
    ffmpeg(*noise, "-frames:v", "60", "-c:v", "ffv1", clip)
    done = limited("ulimit -f 8000", "concat", clip, clip, "-o", tmp_path / "c.mkv", "--memory", "8000K")
    assert done.returncode == 1
    assert "larger than a file may be" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


# ----- files that nobody may change -------------------------------------------------------------------

PINNED = "touch /mnt/x && chattr +i /mnt/x && chattr -i /mnt/x"
DISK = """mount -t tmpfs tmpfs /mnt && truncate -s 160M /mnt/disk && mkfs.ext2 -qF /mnt/disk && \\
mount -o loop /mnt/disk /mnt && rmdir /mnt/lost+found"""


def pinned(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script on a disk of its own, whose files can be made immutable."""
    return private(f"{DISK}\n{script}", *arguments, needs=f"{DISK} && {PINNED}")


@pytest.mark.parametrize("setting", ["--grey", "--to jpg"])
def test_in_place_an_original_that_may_not_be_changed_fails_alone_and_stays(six, setting):
    script = f"""
        cp "$1"/* /mnt; chattr +i /mnt/1.png
        {IMGPAR} /mnt --in-place {setting} -j 2; echo exit $?
        ls /mnt/1.*; find /mnt/.imgpar/undo -name 1.png
        {sys.executable} -m imgpar undo /mnt -q; echo exit $?
        for file in "$1"/*; do cmp "$file" /mnt/$(basename "$file") || echo differs; done"""
    done = pinned(script, six)
    assert done.stdout.split("\n")[-4:] == ["exit 1", "/mnt/1.png", "exit 0", ""], done.stdout
    assert done.stderr.count("\n") == 3
    assert "See: imgpar help outputs" in done.stderr
    assert "note    5 originals are kept in /mnt/.imgpar/undo" in done.stderr
    assert "/mnt/1.png cannot be" in done.stderr
    assert "Operation not permitted. Change" in done.stderr


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("out/1.jpg", 1, "out/1.jpg cannot be written: Operation not permitted"),
        ("out/.imgpar", 4, "cannot be written"),
        ("out/.imgpar/journal.db", 4, "journal.db cannot be written"),
        ("out/.imgpar/journal.db.lock", 4, "Operation not permitted"),
        ("new", 4, "new cannot be written: Operation not permitted"),
    ],
)
def test_what_may_not_be_written_is_named(six, what, code, words):
    out = what.partition("/")[0]
    script = f"""
        mkdir /mnt/new; {IMGPAR} "$1" -o /mnt/out --to jpg -q
        chattr +i /mnt/{what}
        {IMGPAR} "$1" -o /mnt/{out} --to jpg --quality 30 -y -q; echo exit $?"""
    done = pinned(script, six)
    assert done.stdout == f"exit {code}\n", done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("inodes", [9, 10, 11, 12])
def test_in_place_a_disk_without_room_for_the_originals_is_a_sentence(six, inodes):
    script = f"""
        mount -t tmpfs -o nr_inodes={inodes} tmpfs /mnt; cp "$1"/* /mnt
        {IMGPAR} /mnt --in-place --flip horizontal -q -j 2; echo exit $?"""
    done = private(script, six)
    assert done.stdout == "exit 4\n"
    assert "No space is left in /mnt" in done.stderr
    assert "Traceback" not in done.stderr
