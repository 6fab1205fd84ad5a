"""What `imgpar info` says of clips, against what ffmpeg prints of them."""

from __future__ import annotations

import io
import re
import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from video_clips import ffmpeg, make_clip, make_uneven, rotated

from imgpar.api.describe import describe
from imgpar.cli import main
from imgpar.video.boxes import tracks

HDR = (
    "log-level=error:pools=1:hdr10=1:repeat-headers=1:max-cll=1000,400:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)


def printed(path: Path) -> str:
    """What ffmpeg says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("info") / "a.mp4", sound=True)


def test_the_picture_is_that_which_ffmpeg_prints(plain, tmp_path):
    clip = rotated(plain, tmp_path / "turned.mp4", 90)
    facts, said = describe(str(clip)), printed(clip)
    codec, profile, rate = re.search(r"Video: (\w+) \(([^)]+)\).*?(\d+) kb/s", said).groups()
    kind, shown_profile, shown_rate = re.fullmatch(r"(\w+) (.+) (\d+) kb/s", facts.video).groups()
    assert (kind, shown_profile) == (codec, profile)
    assert abs(int(shown_rate) - int(rate)) <= 1
    assert facts.pixels in said
    assert "64x48" in said
    assert facts.stored_size == "64×48"
    assert re.search(r"rotation of -90", said)
    assert facts.shown == "90° clockwise"


def test_sound_is_that_which_ffmpeg_prints(plain):
    facts, said = describe(str(plain)), printed(plain)
    codec, hertz, layout = re.search(r"Audio: (\w+).*?, (\d+) Hz, (\w+)", said).groups()
    (words,) = facts.other_streams
    assert words.startswith(f"audio 1 ({codec}) LC {layout} {hertz} Hz")


def test_screen_and_light_of_hdr(tmp_path):
    clip = make_clip(tmp_path / "hdr.mp4", frames=3, filters="format=yuv420p10le", options=(
        "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", HDR))  # fmt: skip
    mastered, light = describe(str(clip)).hdr
    assert mastered.startswith("mastered for 0.0001 to 1000 cd/m², red (0.6800, 0.3200)")
    assert light == "MaxCLL 1000, MaxFALL 400 cd/m²"


def test_the_dolby_vision_record_of_a_track():
    record = struct.pack(">BBHB", 1, 0, 8 << 9 | 6 << 3 | 5, 1 << 4)
    entry = box(b"hvc1", bytes(78) + box(b"hvcC", bytes(8)) + box(b"dvvC", record + bytes(19)))
    stsd = box(b"stsd", bytes(8) + entry)
    trak = box(b"trak", box(b"tkhd", bytes(20)) + box(b"mdia", box(b"minf", box(b"stbl", stsd))))
    (track,) = tracks(io.BytesIO(box(b"ftyp", b"isom") + box(b"moov", trak)))
    assert (track.tag, track.dolby_vision) == ("hvc1", "8.1 level 6")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.mark.parametrize("length", [0, 7, 40, 300])
def test_tracks_of_a_file_that_is_cut_off_are_no_error(plain, length):
    data = plain.read_bytes()
    at = data.index(b"moov") - 4
    assert isinstance(tracks(io.BytesIO(data[: at + length])), list)


def test_the_tags_of_tracks(plain):
    with plain.open("rb") as file:
        assert [track.tag for track in tracks(file)] == ["avc1", "mp4a"]


def test_an_uneven_rate_and_a_late_start_are_told(tmp_path):
    clip = make_uneven(tmp_path / "vfr.mkv", [0.5, 0.6, 0.9, 1.0, 1.6])
    facts = describe(str(clip))
    assert facts.rate.startswith("variable, ")
    assert facts.starts_at == 0.5
    assert facts.frames == 5


def test_attachments_and_covers_are_told(plain, tmp_path):
    (tmp_path / "font.ttf").write_bytes(b"no real font")
    clip = tmp_path / "a.mkv"
    ffmpeg(
        "-i",
        plain,
        "-attach",
        tmp_path / "font.ttf",
        "-metadata:s:t",
        "mimetype=font/ttf",
        "-c",
        "copy",
        clip,
    )
    assert "attachment 2 font.ttf font/ttf" in " | ".join(describe(str(clip)).other_streams)


def test_a_person_can_read_it(plain, capsys):
    assert main(["info", str(plain)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^frames +25$", said, re.MULTILINE)
    assert re.search(r"^counted +frames: every packet of the stream", said, re.MULTILINE)
    assert "frames_promised" not in said
