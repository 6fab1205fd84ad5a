"""Long clips are made in parts, and go on where they were."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

import imgpar
from imgpar.batch.clip.resuming import Resuming
from imgpar.formats.option_values import Span
from imgpar.formats.options import EncodeOptions
from imgpar.video.binary import ffmpeg
from imgpar.video.check import drift
from imgpar.video.clip import Clip
from imgpar.video.native import run_native
from imgpar.video.plan import ClipPlan, make_plan
from imgpar.video.probe import probe
from imgpar.video.segments import LONG, PART, may_be_cut, parts_of

SECONDS = 126
PIPE = imgpar.Pipeline().resize("64x")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Two minutes of frames at uneven times, with a tone."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    picture = f"testsrc2=size=96x64:rate=8:duration={SECONDS},"
    picture += "settb=1/1000,setpts=(N+0.3*mod(N\\,3))/8/TB"
    command = [ffmpeg(), "-v", "error", "-f", "lavfi", "-i", picture]
    command += [
        "-f",
        "lavfi",
        "-i",
        f"sine=duration={SECONDS}",
        "-fps_mode",
        "vfr",
        "-c:v",
        "libx264",
        "-g",
        "60",
    ]
    subprocess.run([*command, "-preset", "ultrafast", "-c:a", "aac", str(path)], check=True)
    return probe(str(path))


def planned(clip: Clip, **settings: object) -> ClipPlan:
    """What becomes of the clip."""
    options = EncodeOptions(**{"effort": 1, **settings})  # type: ignore[arg-type]
    return make_plan(clip, "mp4", PIPE.recipe.operations, options, same_container=True)


class Stopped(Exception):  # noqa: N818
    """In place of a kill."""


def stop_after(frames: int):
    """Ends the work as soon as it is that far."""

    def told(done: int) -> None:
        if done >= frames:
            raise Stopped

    return told


def resuming(clip: Clip, folder: Path, told=lambda done: None, **settings: object) -> Resuming:
    """One go at the clip."""
    return Resuming(planned(clip, **settings), clip, str(folder), "/out/long.mp4", 1, 1, told)


def test_parts_begin_at_key_frames_and_hold_every_frame_once(clip: Clip) -> None:
    parts = parts_of(clip)
    assert [parts[0].first, parts[-1].stop] == [0, len(clip.times)]
    assert [part.first for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert all(clip.times[part.stop - 1] - clip.times[part.first] >= PART / 2 for part in parts)
    with av.open(clip.path) as container:
        keys = {
            float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.is_keyframe
        }
    assert len(parts) > 1
    assert all(clip.times[part.first] in keys for part in parts)


def test_only_long_clips_are_cut(clip: Clip) -> None:
    assert may_be_cut(planned(clip), clip)
    assert not may_be_cut(planned(clip, trim=Span(0, LONG)), clip)
    assert not may_be_cut(planned(clip, codec="vp9"), clip)


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_joined_clip_is_that_of_one_piece(clip: Clip, tmp_path: Path, codec: str) -> None:
    joined, whole = tmp_path / "joined.mp4", tmp_path / "whole.mp4"
    assert resuming(clip, tmp_path / "parts", codec=codec).run(str(joined)) == ()
    run_native(planned(clip, codec=codec), clip, str(whole), 1)
    one, other = probe(str(joined)), probe(str(whole))
    assert one.times == pytest.approx(other.times, abs=1e-6)
    assert drift(clip, one) < 0.001
    assert [stream.words for stream in one.streams] == [stream.words for stream in other.streams]
    assert one.duration == pytest.approx(clip.duration, abs=0.2)
    for a, b in zip(pictures(joined), pictures(whole), strict=True):
        assert np.abs(a.astype(int) - b).mean() < 6


def pictures(path: Path) -> list[np.ndarray]:
    """Every fiftieth frame."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for n, f in enumerate(container.decode(video=0)) if n % 50 == 0]


def test_what_was_whole_is_not_made_again(clip: Clip, tmp_path: Path) -> None:
    whole, again = tmp_path / "whole.mp4", tmp_path / "again.mp4"
    resuming(clip, tmp_path / "other").run(str(whole))
    with pytest.raises(Stopped):
        resuming(clip, tmp_path / "parts", stop_after(parts_of(clip)[1].first + 1)).run(str(again))
    work = resuming(clip, tmp_path / "parts")
    work.run(str(again))
    assert (work.kept, work.count) == (1, 2)
    assert again.read_bytes() == whole.read_bytes()
    work.clear()
    assert not (tmp_path / "parts").exists()


def test_other_settings_begin_anew(clip: Clip, tmp_path: Path) -> None:
    resuming(clip, tmp_path / "parts").run(str(tmp_path / "one.mp4"))
    work = resuming(clip, tmp_path / "parts", quality=50)
    work.run(str(tmp_path / "two.mp4"))
    assert work.kept == 0


def test_another_source_begins_anew(clip: Clip, tmp_path: Path) -> None:
    resuming(clip, tmp_path / "parts").run(str(tmp_path / "one.mp4"))
    os.utime(clip.path, (1, 1))
    work = resuming(clip, tmp_path / "parts")
    work.run(str(tmp_path / "two.mp4"))
    assert work.kept == 0


def test_half_a_part_is_made_again(clip: Clip, tmp_path: Path) -> None:
    resuming(clip, tmp_path / "parts").run(str(tmp_path / "one.mp4"))
    (first,) = (tmp_path / "parts").glob("*/0.nut")
    os.truncate(first, first.stat().st_size // 2)
    work = resuming(clip, tmp_path / "parts")
    work.run(str(tmp_path / "two.mp4"))
    assert (work.kept, work.count) == (1, 2)
    assert (tmp_path / "two.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_and_leaves_nothing(
    clip: Clip, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "imgpar", "convert", clip.path, "-o", f"{out}/", "--resize", "320x"]
    command += ["--enlarge", "--effort", "6", "-q"]
    child = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(out.glob(".imgpar/*.parts/*/0.nut")) and time.monotonic() < deadline:
        assert child.poll() is None
        time.sleep(0.02)  # nothing tells when another process has come so far
    os.killpg(child.pid, how)
    if how == signal.SIGINT:  # the first one lets what has begun come to its end
        time.sleep(0.3)
        os.killpg(child.pid, how)
    assert child.wait(60) != 0
    pipe = imgpar.Pipeline().resize("320x", enlarge=True)
    report = pipe.run(clip.path, f"{out}/", effort=6)
    assert report.items[0].notes[0] == "1 of 2 parts were there already"
    assert len(probe(str(out / "long.mp4")).times) == len(clip.times)
    assert sorted(path.name for path in out.rglob("*")) == [
        *(".gitignore", ".imgpar", "journal.db", "journal.db.lock", "lock"),
        "long.mp4",
    ]
