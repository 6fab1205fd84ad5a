"""Clips that are broken or mean harm: failed with a reason, never short and called ok, nothing else read."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest
from PIL import Image
from private_mounts import IMGPAR, private
from video_clips import decoded, ffmpeg, make_clip

import imgpar
from imgpar.cli import main
from imgpar.core.errors import LimitError
from imgpar.video.native import check_exit


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="64M") as session:
        yield session


@pytest.fixture
def convert(session, tmp_path):
    """`convert(clip, **settings)` gives the new file and its line of the report."""

    def run(clip: Path, **settings):
        settings = {"effort": 0, "resize": "32", "journal": str(tmp_path / "journal.db"), **settings}
        report = imgpar.convert(clip, tmp_path / "out" / "o.mp4", session=session, **settings)
        (item,) = report.items
        assert (item.status == "ok") == (tmp_path / "out" / "o.mp4").exists()
        return tmp_path / "out" / "o.mp4", item

    return run


@pytest.fixture(scope="module")
def server():
    """A web server that counts who asks."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>{url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "concat": "ffconcat version 1.0\nfile {url}/a.mp4\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "reference": "[Reference]\nRef1={url}/a.mp4\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_nobody_is_asked_for_what_a_playlist_names(convert, server, tmp_path, kind):
    url, asked = server
    path = tmp_path / f"{kind}.mp4"
    path.write_text(PLAYLISTS[kind].format(url=url))
    _, item = convert(path)
    assert "not of a known clip format" in item.error
    assert main(["frames", str(path), "-o", str(tmp_path / "o"), "--poster"]) == 1
    assert asked == []


def test_a_movie_whose_frames_lie_elsewhere_is_failed(convert, server, tmp_path):
    """A QuickTime reference movie: its data reference is an address."""
    url, asked = server
    clip = make_clip(tmp_path / "a.mov", frames=5)
    data = clip.read_bytes()
    entry = data.index(b"url \0\0\0\1")
    address = f"{url}/b.mov".encode() + b"\0"
    grown = len(address)
    patched = bytearray(data[: entry + 8] + address + data[entry + 8 :])
    patched[entry + 7] = 0  # not in this file
    for kind in (b"url ", b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = patched.rindex(kind, 0, entry + 4) - 4
        patched[at : at + 4] = (int.from_bytes(patched[at : at + 4], "big") + grown).to_bytes(4, "big")
    clip.write_bytes(patched)
    made, item = convert(clip)
    assert asked == []
    assert item.status == "failed" or len(decoded(made)[0]) == 5


def test_a_cover_alone_is_no_film(convert, tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "c.jpg")
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-i", tmp_path / "c.jpg", "-map", "0", "-map", "1", "-c:v",
           "copy", "-disposition:v", "attached_pic", tmp_path / "song.mp4")  # fmt: skip
    _, item = convert(tmp_path / "song.mp4")
    assert "It has only a cover picture" in item.error


def test_a_clip_without_a_frame_is_failed(convert, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=3, options=("-movflags", "+faststart"))
    data = clip.read_bytes()
    clip.write_bytes(data[: data.index(b"mdat") + 4])
    _, item = convert(clip, accept_damaged=True)
    assert item.status == "failed"
    assert "truncated or corrupt" in item.error


def test_a_claimed_size_is_checked_before_anything_is_decoded(convert, tmp_path):
    """Container and key frame say 12336×12336; the frame itself is small."""
    options = ("-c:v", "libvpx", "-deadline", "realtime", "-g", 1)
    clip = make_clip(tmp_path / "a.webm", size=(512, 512), frames=2, options=options)
    small, large = (512).to_bytes(2, "little"), (12336).to_bytes(2, "little")
    data = clip.read_bytes().replace(b"\x9d\x01\x2a" + small * 2, b"\x9d\x01\x2a" + large * 2)
    clip.write_bytes(data.replace(b"\xb0\x82\x02\x00\xba\x82\x02\x00", b"\xb0\x8200\xba\x8200"))
    _, item = convert(clip)
    assert "12336×12336" in item.error
    assert "limit" in item.error


@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_a_damaged_clip_is_kept_with_both_numbers_only_on_request(convert, tmp_path, schedule):
    clip = make_clip(tmp_path / "a.mp4", frames=50, options=("-movflags", "+faststart", "-g", 5))
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    _, item = convert(clip, schedule=schedule)
    there = item.error.split(" of 50 frames")[0].rsplit(" ", 1)[1]
    made, item = convert(clip, schedule=schedule, accept_damaged=True)
    assert any(f"{there} of 50 frames" in note for note in item.notes)
    assert len(decoded(made)[0]) <= int(there) < 50


def test_what_ffmpeg_said_is_in_the_error(convert, tmp_path):
    clip = make_clip(tmp_path / "c.mp4", size=(160, 120), frames=50, options=("-crf", 1, "-g", 50))
    data = bytearray(clip.read_bytes())
    for at in range(len(data) // 3, len(data) // 2, 97):
        data[at] ^= 0xFF
    clip.write_bytes(data)
    _, item = convert(clip)
    assert "h264: " in item.error
    assert "0x" not in item.error


def test_a_clip_that_takes_too_long_is_ended(tmp_path, session):
    clip = make_clip(tmp_path / "a.mp4", size=(640, 480), frames=500)
    report = imgpar.convert(clip, tmp_path / "o.mp4", resize="638", effort=10, timeout=0.5, session=session,
                            journal=str(tmp_path / "j.db"))  # fmt: skip
    assert "took longer" in report.items[0].error
    assert not (tmp_path / "o.mp4").exists()


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_a_disk_that_is_full_at_nine_tenths_gets_no_short_clip(tmp_path, schedule):
    clip = make_clip(tmp_path / "in.mp4", size=(640, 360), filters="noise=alls=40:allf=t", sound=True)
    settings = "--flip horizontal --quality 90 --effort 0 -q"
    whole = f'{IMGPAR} "$1" -o "$2" {settings} --schedule {schedule} --journal "$2.db"'
    done = private(whole, clip, tmp_path / "whole.mp4")
    assert done.returncode == 0, done.stderr
    room = (tmp_path / "whole.mp4").stat().st_size * 9 // 10
    script = f"""mount -t tmpfs -o size={room} tmpfs /mnt
        {IMGPAR} "$1" -o /mnt/out.mp4 {settings} --schedule {schedule} --journal "$2.db"
        echo exit $?; ls -A /mnt"""
    done = private(script, clip, tmp_path / "full.mp4")
    assert done.stdout.split() == ["exit", "4"], done.stdout + done.stderr
    assert "No space is left" in done.stderr


def test_an_encoder_that_gets_no_memory_is_named_as_that():
    said = ["x264 [error]: malloc of size 103002240 failed", "Error encoding a frame", "Task finished", "End"]
    with pytest.raises(LimitError, match="--worker-memory"):
        check_exit(187, said)
