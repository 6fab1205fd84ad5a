"""What can be asked for of a clip beside operations: all streams, loudness, fields, SDR, size, quality."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from video_clips import decoded, ffmpeg, make_clip

import imgpar
from imgpar.video.hardware import DECODERS, hardware_decoder
from imgpar.video.prepare import has_filter
from imgpar.video.probe import probe

INTERLACED = ("-flags", "+ilme+ildct", "-x264opts", "tff=1", "-preset", "ultrafast")


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def convert(session, tmp_path):
    def run(clip: Path, name: str = "out.mp4", **settings):
        settings = {"effort": 0, "journal": str(tmp_path / "journal.db"), **settings}
        report = imgpar.convert(clip, tmp_path / "out" / name, session=session, **settings)
        return tmp_path / "out" / name, report.items[0]

    return run


@pytest.fixture(params=["auto", "staged"])
def schedule(request) -> str:
    """Both paths."""
    return request.param


def loudness(path: Path) -> float:
    """Integrated loudness in LUFS, as ffmpeg's meter has it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", str(path), "-map", "0:a"]
    told = subprocess.run(
        [*command, "-af", "ebur128", "-f", "null", "-"], capture_output=True, text=True, check=True
    )
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told.stderr)[-1])


def test_all_video_streams_are_kept_when_asked_for(convert, tmp_path):
    small = make_clip(tmp_path / "small.mp4", size=(32, 32))
    large = make_clip(tmp_path / "large.mp4", size=(64, 48))
    ffmpeg("-i", small, "-i", large, "-map", "0", "-map", "1", "-c", "copy", tmp_path / "two.mp4")
    made, item = convert(tmp_path / "two.mp4", resize="16", map="all")
    clip = probe(str(made))
    assert clip.picture.width == 16
    assert [stream.kind for stream in clip.of_kind("video")] == ["video"]
    assert item.lost == ()


def test_sound_becomes_as_loud_as_ebu_r128_wants_it(convert, tmp_path, schedule):
    clip = make_clip(tmp_path / "in.mp4", frames=100, sound=True)
    assert abs(loudness(clip) + 23) > 1
    made, _ = convert(clip, resize="32", loudnorm=True, schedule=schedule)
    assert loudness(made) == pytest.approx(-23, abs=0.3)


def test_fields_are_woven_when_asked_for(convert, tmp_path, schedule):
    clip = make_clip(
        tmp_path / "in.mp4",
        size=(96, 96),
        filters="tinterlace=interleave_top,fieldorder=tff",
        options=INTERLACED,
    )
    assert probe(str(clip)).picture.interlaced
    made, _ = convert(clip, quality=90, deinterlace=True, schedule=schedule)
    assert not probe(str(made)).picture.interlaced
    assert probe(str(made)).frames == probe(str(clip)).frames


def test_hdr_becomes_sdr_when_asked_for(convert, tmp_path, schedule):
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    options = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:pools=1")
    grey = "geq=lum=593:cb=512:cr=512"  # PQ for 203 candelas: the white of SDR
    clip = make_clip(
        tmp_path / "in.mp4", frames=3, filters=f"format=yuv420p10le,{grey},{tags}", options=options
    )
    made, item = convert(clip, tonemap="clip", quality=95, schedule=schedule)
    picture = probe(str(made)).picture
    assert (picture.depth, picture.colour.transfer, picture.colour.primaries) == (8, "bt709", "bt709")
    assert np.abs(decoded(made)[1][0].astype(int) - 255).max() <= 4
    assert item.lost == ()


def test_prores_4444_keeps_its_transparency(convert, tmp_path, schedule):
    clip = make_clip(
        tmp_path / "in.mov",
        frames=3,
        filters="format=yuva444p10le,colorchannelmixer=aa=0.5",
        options=("-c:v", "prores_ks", "-profile:v", "4444"),
    )
    made, item = convert(clip, "out.mov", resize="32", schedule=schedule)
    assert probe(str(made)).picture.alpha
    assert "alpha" not in item.lost


def test_a_clip_is_no_larger_than_it_may_be(convert, tmp_path, schedule):
    clip = make_clip(tmp_path / "in.mp4", size=(320, 240), frames=50, sound=True)
    made, _ = convert(clip, max_bytes="60k", effort=2, schedule=schedule)
    assert 30_000 < made.stat().st_size <= 60_000


@pytest.mark.slow
def test_the_quality_that_is_aimed_at_is_reached(convert, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", size=(320, 240), frames=50)
    made, item = convert(clip, target="ssim=0.97", effort=2)
    assert any("SSIM" in note for note in item.notes)
    worse, _ = convert(clip, "worse.mp4", target="ssim=0.90", effort=2)
    assert worse.stat().st_size < made.stat().st_size


@pytest.mark.parametrize(("name", "target"), [("out.mp4", "psnr=40"), ("out.webp", "vmaf=90")])
def test_a_measure_that_an_output_does_not_have_is_left_out(convert, tmp_path, name, target):
    """As for `--to webp,mp4`, of which one is measured so and the other one is not."""
    clip = make_clip(tmp_path / "in.mp4", frames=3)
    _, item = convert(clip, name, target=target, resize="32")
    assert (item.status, item.error) == ("ok", "")


def vmaf(made: Path, clip: Path) -> float:
    """What ffmpeg's libvmaf says of two clips of one size."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", made, "-i", clip]
    told = subprocess.run(
        [*command, "-lavfi", "libvmaf", "-f", "null", "-"], capture_output=True, text=True, check=True
    )
    return float(re.findall(r"VMAF score: ([\d.]+)", told.stderr)[-1])


@pytest.mark.slow
@pytest.mark.skipif(not has_filter("libvmaf"), reason="this ffmpeg has no libvmaf")
def test_vmaf_is_reached_and_not_by_far(convert, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", size=(320, 240), filters="noise=alls=12:allf=t")
    made, item = convert(clip, target="vmaf=85", effort=2)
    assert any(note.startswith("quality ") and "VMAF" in note for note in item.notes)
    assert 84.5 < vmaf(made, clip) < 89


def test_a_quality_that_cannot_be_reached_is_said(convert, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", size=(320, 240), filters="noise=alls=12:allf=t")
    _, item = convert(clip, target="ssim=1")
    assert any(note.endswith("1 cannot be reached") for note in item.notes)


def test_without_a_hardware_encoder_that_works_the_usual_one_is_taken(convert, tmp_path):
    made, item = convert(make_clip(tmp_path / "in.mp4"), resize="32", hardware=True)
    assert item.status == "ok"
    assert probe(str(made)).picture.stream.codec == "h264"


def test_a_hardware_decoder_is_taken_only_where_it_decodes_this_clip(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", frames=5)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-hwaccel"]
    working = [
        name
        for name in DECODERS.get(sys.platform, ())
        if not subprocess.run([*command, name, "-i", clip, "-f", "null", "-"], capture_output=True).stderr
    ]
    assert hardware_decoder(str(clip), 0) == next(iter(working), "")


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
def test_bytes_do_not_depend_on_the_number_of_cores(tmp_path, codec):
    clip, made = make_clip(tmp_path / "in.mp4", size=(192, 144)), []
    for jobs in (1, 2, 5):
        out = tmp_path / f"{jobs}.mkv"
        with imgpar.Session(jobs=jobs, memory="64M") as session:
            report = imgpar.convert(
                clip, out, session=session, journal=str(out) + ".db", codec=codec, effort=1
            )
        assert report.ok, report.items
        ffmpeg("-i", out, "-map", "0:v", "-c", "copy", "-f", "md5", tmp_path / "md5")
        made.append((tmp_path / "md5").read_text())
    assert made[0] == made[1] == made[2]


@pytest.mark.slow
def test_a_long_clip_says_how_far_it_is(session, tmp_path, schedule):
    clip = make_clip(tmp_path / "in.mp4", size=(640, 480), frames=250)
    told = []
    pipe = imgpar.Pipeline().resize("320")
    pipe.run(clip, tmp_path / "out.mp4", session=session, on_event=told.append, schedule=schedule, effort=10,
             journal=str(tmp_path / "journal.db"))  # fmt: skip
    frames = [event.frames for event in told if event.kind == "frames"]
    assert frames
    assert all(0 <= done <= total == 250 for done, total in frames)
    assert frames == sorted(frames)
