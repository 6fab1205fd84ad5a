"""Too little memory, too little disk, a place that cannot be written to: said in one line, nothing torn."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image
from private_mounts import IMGPAR, private

import imgpar
from imgpar import testing
from imgpar.pipeline import Pipeline

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


@pytest.mark.slow
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
