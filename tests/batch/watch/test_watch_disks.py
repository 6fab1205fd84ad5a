"""A watch whose disks fill up, and whose folder is unmounted: real ones, in mounts of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from private_mounts import private

from imgpar import testing

pytest.importorskip("watchfiles")
pytestmark = pytest.mark.slow

WATCH = f"exec {sys.executable} -m imgpar watch --settle 0.2s"
WAIT = """
    until_true() { until eval "$1"; do kill -0 $pid || exit 9; sleep 0.2; done; }
"""
"""A function of the shell: wait for something while the watch lives."""


def test_a_full_disk_and_back_loses_nothing(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n:02}.jpg" for n in range(12)], size=(400, 300))
    script = f"""
        {WAIT}
        mount -t tmpfs -o size=2m tmpfs /mnt
        mkdir /mnt/out; log="$2"
        {WATCH} "$1" -o /mnt/out --to bmp -j 2 --log "$2" --status-file "$2.json" 2>/dev/null &
        pid=$!
        until_true 'grep -q "goes on when" $log 2>/dev/null'
        ls /mnt/out/*.bmp | wc -l
        mount -o remount,size=64m /mnt
        until_true 'test $(ls /mnt/out/*.bmp | wc -l) = 12'
        kill -TERM $pid; wait $pid; echo exit $?
        ls -A /mnt/out"""
    done = private(script, pictures, tmp_path / "log")
    assert "exit 0" in done.stdout, done.stdout + done.stderr + (tmp_path / "log").read_text()
    assert int(done.stdout.split()[0]) < 12
    assert ".tmp" not in done.stdout


def test_an_unmounted_folder_has_lost_nothing(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.jpg" for n in range(4)])
    later = testing.write_pictures(tmp_path / "later", ["new.jpg"])
    script = f"""
        {WAIT}
        w="$2"; mkdir -p "$w/mounted"
        mount -t tmpfs tmpfs "$2/mounted"
        cp "$1"/*.jpg "$2/mounted"
        {WATCH} "$w/mounted" -o "$w/out" --to png -j 1 --on-delete remove --log "$w/log" 2>/dev/null &
        pid=$!
        until_true 'test "$(ls $w/out/*.png 2>/dev/null | wc -l)" = 4'
        umount -l "$2/mounted"
        until_true 'grep -q "another folder than before" $w/log'
        ls "$2"/out/*.png | wc -l
        mount -t tmpfs tmpfs "$2/mounted"
        cp "$1"/*.jpg "$3"/*.jpg "$2/mounted"
        until_true 'test "$(ls $w/out/*.png | wc -l)" = 5'
        kill -TERM $pid; wait $pid; echo exit $?"""
    (tmp_path / "w").mkdir()
    done = private(script, pictures, tmp_path / "w", later)
    assert done.stdout.split() == ["4", "exit", "0"], done.stdout + done.stderr


def test_where_the_system_watches_no_more_folders_they_are_polled(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}/{n}.jpg" for n in range(6)])
    own = ["unshare", "--user", "--map-root-user", "sh", "-c"]  # a limit of its own
    if not shutil.which("unshare") or subprocess.run([*own, "true"], check=False).returncode:
        pytest.skip("user namespaces need privileges")
    script = f"""
        {WAIT}
        echo 3 > /proc/sys/user/max_inotify_watches || exit 7
        log="$2"
        {WATCH} "$1" -o "$2.out" --to png -j 1 --log "$2" 2>/dev/null &
        pid=$!
        until_true 'grep -q "so folders are polled" $log 2>/dev/null'
        kill -TERM $pid; wait $pid; echo exit $?"""
    command = [*own, script, "sh", str(pictures), str(tmp_path / "log")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 7:
        pytest.skip("the limit cannot be set here")
    assert done.stdout.split() == ["exit", "0"], done.stdout + done.stderr
