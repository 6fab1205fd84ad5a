"""Disks that answer with errors, and folders of others: real ones, in mounts of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from private_mounts import IMGPAR, private
from video_clips import make_clip

from imgpar import testing

pytestmark = pytest.mark.slow

LOOP = """
    mount -t tmpfs tmpfs /mnt && truncate -s 4M /mnt/disk && mkfs.ext2 -qF /mnt/disk && \\
    mount -o loop /mnt/disk /mnt
"""
DISK = """
    mount -t tmpfs -o size=40m tmpfs /mnt
    mkdir /mnt/disk
    truncate -s 16M /mnt/image
    mkfs.ext2 -q -F -b 1024 /mnt/image
"""
QUOTA = "mount -t tmpfs -o usrquota_block_hardlimit=600k tmpfs /mnt"
SUBVOLUME = """
    mount -t tmpfs tmpfs /mnt && truncate -s 160M /mnt/image && mkfs.btrfs -q /mnt/image >&2 && \\
    mkdir /mnt/disk && mount -o loop /mnt/image /mnt/disk && btrfs quota enable /mnt/disk && \\
    btrfs subvolume create /mnt/disk/mine >&2"""
"""A folder on /mnt/disk with a quota that holds for everybody, root too."""
NO_FRAME = "setpriv --reuid=65534 --regid=65534 --clear-groups"
POWERLESS = "setpriv --bounding-set=-all --inh-caps=-all"
"""Root as any other user: what belongs to others is theirs."""


def test_what_a_broken_disk_does_not_give_fails_and_the_rest_is_done(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n:02}.bmp" for n in range(24)], size=(500, 300))
    script = f"""{DISK}
        mount -o loop /mnt/image /mnt/disk
        cp "$1"/* /mnt/disk
        umount /mnt/disk
        mount -o loop,ro /mnt/image /mnt/disk
        truncate -s 8M /mnt/image            # half of its sectors are gone
        {IMGPAR} /mnt/disk -o "$2" --to png -j 2 --report "$2.json"
        echo exit $?
        umount /mnt/disk"""
    done = private(script, pictures, tmp_path / "out", needs=LOOP)
    assert "exit 1" in done.stdout, done.stdout + done.stderr
    said = done.stderr.count("It cannot be read: Input/output error. Check the disk")
    made = len(list((tmp_path / "out").glob("*.png")))
    assert said > 0 < made
    assert said + made == 24


def test_a_disk_that_takes_no_more_writes_loses_nothing(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n:02}.bmp" for n in range(24)], size=(300, 200))
    script = f"""{DISK}
        mount -o loop,sync /mnt/image /mnt/disk
        cp "$1"/* /mnt/disk
        head -c 36000000 /dev/zero > /mnt/filler   # below the disk is no room: every new sector is an error
        {IMGPAR} /mnt/disk --in-place --flip horizontal -j 2
        echo exit $?
        rm /mnt/filler
        {sys.executable} -m imgpar undo /mnt/disk
        for file in "$1"/*; do cmp "$file" /mnt/disk/$(basename "$file") || echo differs; done
        umount /mnt/disk"""
    done = private(script, pictures, tmp_path / "out", needs=LOOP)
    assert "exit 4" in done.stdout or "exit 1" in done.stdout, done.stdout + done.stderr
    assert any(words in done.stderr for words in ("put/output error", "disk I/O error", "No space is left"))
    assert "Traceback" not in done.stderr
    assert "differs" not in done.stdout


def test_a_quota_stops_the_run_with_a_sentence(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n:02}.png" for n in range(24)], size=(300, 200))
    script = f"""
        {QUOTA}
        chmod 777 /mnt
        {NO_FRAME} {IMGPAR} "$1" -o /mnt/out --to bmp -j 2 --resize 90%
        echo exit $?"""
    done = private(script, pictures, needs=f"{QUOTA} && {NO_FRAME} {sys.executable} -c 'import numpy'")
    assert "exit 4" in done.stdout, done.stdout + done.stderr
    assert "Your quota is used up" in done.stderr


def test_a_quota_on_a_disk_stops_pictures_and_clips_with_a_sentence(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n:02}.png" for n in range(24)], size=(300, 200))
    clip = make_clip(tmp_path / "clip.mp4", size=(320, 240), frames=50)
    script = f"""{SUBVOLUME}
        run() {{ {IMGPAR} "$@" -j 2 -q; echo exit $?; find /mnt/disk/mine -name '*.tmp'; }}
        limit() {{ btrfs qgroup limit "$1" /mnt/disk/mine; }}
        limit 1500k; run "$1" -o /mnt/disk/mine/a --to bmp
        limit 300k; run "$2" -o /mnt/disk/mine/b --resize 640 --enlarge
        btrfs quota disable /mnt/disk; run "$1" -o /mnt/disk/mine/a --to bmp
        ls /mnt/disk/mine/a | wc -l
        umount /mnt/disk"""
    done = private(script, pictures, clip, needs=f"{SUBVOLUME} && umount /mnt/disk")
    assert done.stdout.split() == ["exit", "4", "exit", "4", "exit", "0", "24"], done.stdout + done.stderr
    # Which write meets it first is chance; of the journal's, SQLite does not say why they failed.
    said = [line for line in done.stderr.splitlines() if line.startswith("imgpar: ") and "quota" in line]
    assert len(said) == 2, done.stderr


def test_in_place_a_quota_on_a_disk_loses_no_original(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n:02}.bmp" for n in range(12)], size=(300, 200))
    script = f"""{SUBVOLUME}
        mkdir /mnt/disk/mine/in; cp "$1"/* /mnt/disk/mine/in; sync
        btrfs qgroup limit 3200k /mnt/disk/mine
        {IMGPAR} /mnt/disk/mine/in --in-place --flip horizontal -j 2 -q
        echo exit $?; find /mnt/disk/mine -name '*.tmp'
        {sys.executable} -m imgpar undo /mnt/disk/mine/in >&2
        for file in "$1"/*; do cmp "$file" /mnt/disk/mine/in/$(basename "$file") || echo differs; done
        umount /mnt/disk"""
    done = private(script, pictures, needs=f"{SUBVOLUME} && umount /mnt/disk")
    assert done.stdout.split() == ["exit", "4"], done.stdout + done.stderr
    assert "Your quota is used up" in done.stderr


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Pictures and folders for a user who has no special rights."""
    testing.write_pictures(tmp_path / "in", ["a.png", "b.png", "c.png"])
    (tmp_path / "out").mkdir()
    return tmp_path


def powerless(setup: str, arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let `setup` give files to others, then run imgpar without any rights over these."""
    script = f"{setup}; {POWERLESS} {IMGPAR} {arguments} -j 1; echo exit $?"
    return private(f'cd "$1"; {script}', folder, needs=f"{POWERLESS} {sys.executable} -c 'import numpy'")


def test_an_out_that_belongs_to_others_is_named(shared: Path):
    done = powerless("chown 65534 out; chmod 755 out", "in -o out --to jpg", shared)
    assert "exit 4" in done.stdout, done.stdout + done.stderr
    assert "cannot be written: Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_inputs_that_belong_to_others_fail_alone(shared: Path):
    done = powerless("chown 65534 in/b.png; chmod 600 in/b.png", "in -o out --to jpg", shared)
    assert "exit 1" in done.stdout, done.stdout + done.stderr
    assert done.stderr.count("It cannot be read: Permission denied") == 1
    assert sorted(path.name for path in (shared / "out").glob("*.jpg")) == ["a.jpg", "c.jpg"]


def test_in_place_nothing_of_others_is_touched(shared: Path):
    before = {path.name: path.read_bytes() for path in (shared / "in").iterdir()}
    done = powerless("chown -R 65534 in; chmod 755 in", "in --in-place --grey", shared)
    assert "exit 4" in done.stdout, done.stdout + done.stderr
    assert "Permission denied" in done.stderr
    assert {path.name: path.read_bytes() for path in (shared / "in").iterdir()} == before


def test_a_folder_that_belongs_to_others_among_ours_fails_alone(shared: Path):
    testing.write_pictures(shared / "in/deep", ["d.png"])
    done = powerless("mkdir out/deep; chown 65534 out/deep", "in -o out --to jpg", shared)
    assert "exit 1" in done.stdout, done.stdout + done.stderr
    assert "out/deep/d.jpg cannot be written: Permission denied. Change the permissions" in done.stderr
    assert len(list((shared / "out").glob("*.jpg"))) == 3
