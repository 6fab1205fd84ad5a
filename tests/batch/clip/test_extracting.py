"""Pictures out of clips as jobs of the engine: isolated, resumed, recorded."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from video_clips import make_clip

import imgpar
from imgpar import Pipeline
from imgpar.api import retry
from imgpar.cli import main

PIPE = Pipeline()


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="128M") as session:
        yield session


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """a.mp4 and b.mp4, 50 frames each."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("a", "b"):
        make_clip(folder / f"{name}.mp4", frames=50)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """The outputs in a folder, without the journal."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in found if ".imgpar" not in path.parts}


def frames_of(*names: str, every: int = 10, count: int = 50, suffix: str = "jpg") -> list[str]:
    return [f"{name}-{index:06}.{suffix}" for name in names for index in range(0, count, every)]


# ----- a run like the others --------------------------------------------------------------------------


def test_a_second_run_does_nothing(clips, session, tmp_path):
    first = PIPE.extract(clips, tmp_path, every=10, session=session)
    assert (first.ok, sorted(contents(tmp_path))) == (2, frames_of("a", "b"))
    second = PIPE.extract(clips, tmp_path, every=10, session=session)
    assert (second.ok, dict(second.reasons)) == (0, {"unchanged": 2})


def test_the_report_names_every_file(clips, tmp_path):
    report = tmp_path / "report.json"
    words = ["frames", str(clips), "-o", str(tmp_path / "o"), "--every", "10", "-q", "--report", str(report)]
    assert main(words) == 0
    items = json.loads(report.read_text("utf-8"))["items"]
    made = [Path(file["path"]).name for item in items for file in item["outputs"]]
    assert made == frames_of("a", "b")
    assert items[0]["outputs"][0]["width"] == 64


def test_a_dry_run_writes_nothing(clips, tmp_path, capsys):
    out = tmp_path / "o"
    assert main(["frames", str(clips), "-o", str(out), "--every", "10", "-n"]) == 0
    assert f"{out / 'a.jpg'} (one file per frame: -000123 …)" in capsys.readouterr().out
    assert not out.exists()


def test_more_files_than_one_message_has_are_reported_in_their_order(session, tmp_path):
    clip = make_clip(tmp_path / "long.mp4", size=(16, 16), frames=1300)
    (item,) = PIPE.extract(clip, tmp_path / "o", session=session).items
    assert [Path(file.path).name for file in item.outputs] == frames_of("long", every=1, count=1300)


def test_a_clip_that_cannot_be_read_is_one_failed_line(clips, session, tmp_path):
    shutil.copytree(clips, tmp_path / "in")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no clip")
    report = PIPE.extract(tmp_path / "in", tmp_path / "o", every=10, session=session)
    assert (report.ok, report.failed, report.failures[0].kind) == (2, 1, "UnknownFormatError")
    assert sorted(contents(tmp_path / "o")) == frames_of("a", "b")


def test_retry_repeats_what_was_extracted(clips, session, tmp_path):
    shutil.copytree(clips, tmp_path / "in")
    good = (tmp_path / "in" / "b.mp4").read_bytes()
    (tmp_path / "in" / "b.mp4").write_bytes(b"no clip")
    PIPE.resize("32").extract(tmp_path / "in", tmp_path / "o", every=10, to="png", session=session)
    (tmp_path / "in" / "b.mp4").write_bytes(good)
    assert retry.retry(tmp_path / "o", session=session).ok == 1
    assert sorted(contents(tmp_path / "o")) == frames_of("a", "b", suffix="png")


def test_a_kept_failure_is_repeated_by_its_command(session, tmp_path, capsys):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no clip")
    kept = tmp_path / "kept"
    PIPE.extract(bad, tmp_path / "o", poster=True, keep_failures=kept, session=session)
    (bundle,) = kept.iterdir()
    words = re.search(r"imgpar (frames .*)", (bundle / "README.txt").read_text("utf-8"))[1].split()
    here = {"input-bad.mp4": bundle / "input-bad.mp4", "recipe.toml": bundle / "recipe.toml"}
    assert (
        main([str(here.get(word, word)) if word != "out/" else str(tmp_path / "again") for word in words])
        == 1
    )
    assert "input-bad.mp4" in capsys.readouterr().err


def test_only_the_clips_of_folders_are_inputs(clips, session, tmp_path):
    shutil.copytree(clips, tmp_path / "in")
    (tmp_path / "in" / "other.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    report = PIPE.extract(tmp_path / "in", tmp_path / "o", poster=True, session=session)
    assert (report.total, report.left_out[".png"]) == (2, 1)


# ----- workers that die -------------------------------------------------------------------------------


class Faulty:
    """Ends or stops the worker in one clip, at a frame; with `once` (a file) only the first time."""

    def __init__(self, name: str, at: int, *, hang: bool = False, once: str = "") -> None:
        self.name, self.at, self.hang, self.once = name, at, hang, once
        self.left = -1

    def reset(self, facts) -> None:
        self.left = self.at if os.path.basename(facts.path) == self.name else -1

    def __call__(self, array):
        self.left -= 1
        if self.left == 0 and not (self.once and os.path.exists(self.once)):
            if self.once:
                open(self.once, "w").close()
            if self.hang:
                time.sleep(600)
            os.kill(os.getpid(), signal.SIGSEGV)
        return array


def test_a_clip_that_crashes_its_worker_fails_alone(clips, session, tmp_path):
    pipe = PIPE.apply(Faulty("a.mp4", 3))
    report = pipe.extract(clips, tmp_path, every=10, session=session)
    assert (report.ok, report.failed, report.failures[0].kind) == (1, 1, "WorkerDiedError")
    assert set(frames_of("b")) <= set(contents(tmp_path))


def test_what_a_failed_clip_left_is_replaced_by_the_next_run(clips, session, tmp_path):
    """Without its notes the files would be taken for those of the user."""
    PIPE.apply(Faulty("a.mp4", 3)).extract(clips, tmp_path, every=10, session=session)
    left = set(contents(tmp_path)) - set(frames_of("b"))
    assert left == set(frames_of("a")[:2])
    report = PIPE.extract(clips, tmp_path, every=10, session=session)
    assert (report.ok, sorted(contents(tmp_path))) == (2, frames_of("a", "b"))


@pytest.mark.slow
def test_a_clip_that_hangs_ends_at_its_time_limit(clips, session, tmp_path):
    pipe = PIPE.apply(Faulty("a.mp4", 3, hang=True))
    report = pipe.extract(clips, tmp_path, every=10, timeout=5, session=session)
    assert (report.ok, report.failed) == (1, 1)
    assert "--timeout" in report.failures[0].error


def test_the_attempt_after_a_killed_worker_ends_like_an_undisturbed_one(clips, session, tmp_path):
    whole = PIPE.extract(clips, tmp_path / "whole", every=2, session=session)
    pipe = PIPE.apply(Faulty("a.mp4", 20, once=str(tmp_path / "once")))
    report = pipe.extract(clips, tmp_path / "o", every=2, session=session)
    assert (tmp_path / "once").exists()
    assert report.ok == whole.ok == 2
    assert contents(tmp_path / "o") == contents(tmp_path / "whole")
    assert [len(item.outputs) for item in report.items] == [25, 25]


def test_files_that_a_killed_worker_had_reported_are_listed_once(session, tmp_path):
    clip = make_clip(tmp_path / "long.mp4", size=(16, 16), frames=1300)
    pipe = PIPE.apply(Faulty("long.mp4", 900, once=str(tmp_path / "once")))
    (item,) = pipe.extract(clip, tmp_path / "o", session=session).items
    assert (item.status, (tmp_path / "once").exists()) == ("ok", True)
    assert [Path(file.path).name for file in item.outputs] == frames_of("long", every=1, count=1300)


RUN = """
import os, signal, sys
from imgpar import Pipeline

def strike(array):
    os.frames = getattr(os, "frames", 0) + 1
    if os.frames == int(os.environ.get("STRIKE", "0")):
        os.killpg(0, signal.SIGKILL)
    return array

print(Pipeline().apply(strike).extract(sys.argv[1], sys.argv[2], every=1, jobs=1).reasons)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
@pytest.mark.parametrize("strike", [30, 65])
def test_after_a_kill_of_everything_only_the_rest_is_made(clips, tmp_path, strike):
    def run(out: Path, strike: int = 0) -> str:
        command = [sys.executable, "-c", RUN, str(clips), str(out)]
        environment = os.environ | {"STRIKE": str(strike)}
        done = subprocess.run(
            command, env=environment, start_new_session=True, check=False, capture_output=True, text=True
        )
        assert done.returncode == (-signal.SIGKILL if strike else 0), done.stderr
        return done.stdout.strip()

    run(tmp_path / "whole")
    out = tmp_path / "o"
    run(out, 5)
    run(out, strike)
    assert len(contents(out)) >= strike - 2
    assert run(out) == ("{'unchanged': 1}" if strike > 50 else "{}")
    assert contents(out) == contents(tmp_path / "whole")
    assert run(out) == "{'unchanged': 2}"


# ----- files that are there already -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_exists", "status", "mine", "others"),
    [
        (None, "skipped", True, []),
        ("skip", "skipped", True, []),
        ("error", "failed", True, []),
        ("overwrite", "ok", False, frames_of("a")),
        ("rename", "ok", True, frames_of("a-1")),
    ],
)
def test_a_file_of_the_user_in_the_place_of_a_frame(
    clips, session, tmp_path, on_exists, status, mine, others
):
    (tmp_path / "a-000010.jpg").write_bytes(b"mine")
    report = PIPE.extract(clips / "a.mp4", tmp_path, every=10, on_exists=on_exists, session=session)
    assert report.items[0].status == status
    found = contents(tmp_path)
    assert (found["a-000010.jpg"] == b"mine") is mine
    assert set(found) == {"a-000010.jpg", *others}


def test_a_poster_is_not_in_the_way_of_frames(clips, session, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"mine")
    assert PIPE.extract(clips / "a.mp4", tmp_path, every=10, session=session).ok == 1
    assert sorted(contents(tmp_path)) == [*frames_of("a"), "a.jpg"]


def test_frames_that_a_shorter_clip_no_longer_has_are_removed(session, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=50)
    PIPE.extract(clip, tmp_path / "o", every=10, session=session)
    (tmp_path / "o" / "a-000040.jpg").write_bytes(b"changed by the user")
    make_clip(clip, frames=20)
    report = PIPE.extract(clip, tmp_path / "o", every=10, on_exists="overwrite", session=session)
    assert report.ok == 1
    assert sorted(contents(tmp_path / "o")) == ["a-000000.jpg", "a-000010.jpg", "a-000040.jpg"]


def test_other_settings_replace_what_they_make_again(clips, session, tmp_path):
    PIPE.extract(clips / "a.mp4", tmp_path, every=10, session=session)
    before = contents(tmp_path)
    report = PIPE.grey().extract(clips / "a.mp4", tmp_path, every=20, session=session)
    after = contents(tmp_path)
    assert report.ok == 1
    assert sorted(after) == frames_of("a", every=20)
    assert all(before[name] != data for name, data in after.items())


def test_a_long_name_leaves_room_for_the_number(clips, session, tmp_path):
    clip = tmp_path / f"{'x' * 245}.mp4"
    shutil.copy(clips / "a.mp4", clip)
    assert PIPE.extract(clip, tmp_path / "o", every=25, session=session).ok == 1
    names = sorted(contents(tmp_path / "o"))
    assert [name[-11:] for name in names] == ["-000000.jpg", "-000025.jpg"]
    again = PIPE.extract(clip, tmp_path / "o", every=25, on_exists="overwrite", quality=50, session=session)
    assert (again.ok, sorted(contents(tmp_path / "o"))) == (1, names)


def test_strict_refuses_a_loss_before_anything_is_written(session, tmp_path):
    options = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-auto-alt-ref", 0)
    clip = make_clip(tmp_path / "a.webm", frames=10, filters="format=yuva420p", options=options)
    report = PIPE.extract(clip, tmp_path / "o", strict=True, session=session)
    assert (report.failed, contents(tmp_path / "o")) == (1, {})
    assert "It would lose alpha" in report.failures[0].error
    assert PIPE.extract(clip, tmp_path / "o", session=session).lost == {"alpha": 1}


def test_verify_reads_frames_again(clips, session, tmp_path):
    assert PIPE.extract(clips, tmp_path, every=10, verify=True, to="png", session=session).ok == 2
    (tmp_path / "a-000010.png").write_bytes(b"changed")
    report = PIPE.extract(clips / "b.mp4", tmp_path, every=10, verify=True, to="png", session=session)
    assert dict(report.reasons) == {"unchanged": 1}


# ----- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"poster": True, "sheet": "2x2"}, "poster and sheet exclude each other"),
        ({"threshold": 8}, "threshold belongs to every scene"),
        ({"poster": True, "fps": 5}, "fps belongs to animation"),
        ({"motion": True, "to": "png"}, "motion copies the clip unchanged, so there is no to"),
        ({"animation": True, "to": "jpg"}, "JPEG holds no animation"),
        ({"to": "mp4"}, "mp4"),
        ({"to": "png,jpg"}, "one format"),
        ({"codec": "h264"}, "extract does not accept codec"),
        ({"companions": "copy"}, "extract does not accept companions"),
        ({"sheet": "5"}, "columns and rows"),
    ],
)
def test_wrong_calls_write_nothing(clips, tmp_path, settings, complaint):
    with pytest.raises(imgpar.UsageError, match=complaint):
        PIPE.extract(clips, tmp_path / "o", **settings)
    assert not (tmp_path / "o").exists()


def test_sprites_need_a_folder(clips, tmp_path):
    with pytest.raises(imgpar.UsageError, match="Name a folder"):
        PIPE.extract(clips / "a.mp4", tmp_path / "o.jpg", sprites="1s")


def test_other_calls_refuse_a_recipe_that_extracts(clips, tmp_path):
    recipe = imgpar.Recipe().merged({"every": "2s"})
    with pytest.raises(imgpar.UsageError, match="does not accept every"):
        imgpar.convert(clips, tmp_path / "o", recipe=recipe)


@pytest.mark.parametrize(
    "settings",
    [
        {"every": "7"},
        {"every": "0.1s"},
        {"every": "33.333333333333336s"},
        {"every": "scene", "threshold": 8.5},
        {"sheet": "5x4"},
        {"sprites": "2.5s"},
        {"poster": True},
        {"animation": True},
        {"motion": True},
    ],
)
def test_a_recipe_keeps_what_is_extracted(tmp_path, settings):
    recipe = imgpar.Recipe().merged(settings)
    recipe.save(tmp_path / "r.toml")
    again = imgpar.Recipe.load(tmp_path / "r.toml")
    assert (again, again.key()) == (recipe, recipe.key())
    assert recipe.key() != imgpar.Recipe().key()


# ----- leftovers of other settings, damage, one file ---------------------------------------------------


def test_frames_of_other_settings_are_replaced(clips, session, tmp_path):
    PIPE.extract(clips / "a.mp4", tmp_path, every=10, session=session)
    (tmp_path / "a-000020.jpg").write_bytes(b"mine")  # changed since: kept
    PIPE.extract(clips / "a.mp4", tmp_path, every=25, on_exists="overwrite", session=session)
    assert sorted(contents(tmp_path)) == ["a-000000.jpg", "a-000020.jpg", "a-000025.jpg"]


@pytest.mark.parametrize("settings", [{"poster": True}, {"sheet": "3x2"}, {"sprites": "0.5s"}])
def test_single_frames_of_a_damaged_clip_have_a_note(session, tmp_path, settings):
    clip = make_clip(tmp_path / "a.mp4", frames=100)
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat")
    end = start + int.from_bytes(data[start - 4 : start], "big") - 8
    for at in range((start + end) // 2, end, 397):
        data[at] ^= 0x5A
    clip.write_bytes(data)
    (item,) = PIPE.extract(clip, tmp_path / "o", session=session, **settings).items
    assert item.status == "ok"
    assert any(note.startswith("this clip is truncated or corrupt") for note in item.notes)


def test_every_frame_does_not_go_into_one_file(clips, tmp_path, capsys):
    assert main(["frames", str(clips / "a.mp4"), "-o", str(tmp_path / "one.jpg")]) == 2
    assert "Frames are several files, but OUT is one (one.jpg)" in capsys.readouterr().err


def test_a_dry_run_does_not_promise_one_file(clips, tmp_path, capsys):
    main(["frames", str(clips / "a.mp4"), "-o", str(tmp_path / "o"), "-n"])
    assert "write 1 file or more;" in capsys.readouterr().out
    main(["frames", str(clips / "a.mp4"), "-o", str(tmp_path / "o"), "--poster", "-n"])
    assert "write 1 file;" in capsys.readouterr().out
