"""Clips that cannot be read or made as asked: cut off, encrypted, too few bytes; fields; words of ffmpeg."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest
from video_clips import ffmpeg, kinds, make_clip

import imgpar
from imgpar.core.errors import DamagedError, LockedError, UnsupportedError
from imgpar.video.ffmpeg import cleaned
from imgpar.video.probe import probe

KEY = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb",
       "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")  # fmt: skip


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_a_recording_without_its_index_was_cut_off(tmp_path: Path, suffix: str) -> None:
    """A camera writes the index at the end."""
    whole = make_clip(tmp_path / f"a.{suffix}", frames=5).read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(whole[: whole.index(b"moov") - 4])
    with pytest.raises(DamagedError, match="cut off before its index was written"):
        probe(str(tmp_path / f"b.{suffix}"))


def test_an_encrypted_clip_is_locked_not_damaged(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=5, options=KEY)
    with pytest.raises(LockedError, match="encrypted"):
        probe(str(path))


@pytest.mark.parametrize("tag", [b"drmi", b"encv"])
def test_each_kind_of_encryption_is_told(tmp_path: Path, tag: bytes) -> None:
    path = make_clip(tmp_path / "a.mov", frames=5)
    path.write_bytes(path.read_bytes().replace(b"avc1", tag))
    with pytest.raises(LockedError):
        probe(str(path))


def test_a_windows_clip_with_drm_is_locked(tmp_path: Path) -> None:
    path = tmp_path / "a.wmv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48,trim=end_frame=5", path)
    data = path.read_bytes()
    drm = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e") + (40).to_bytes(8, "little") + bytes(16)
    path.write_bytes(data[:30] + drm + data[30:])
    with pytest.raises(LockedError):
        probe(str(path))


@pytest.mark.parametrize(
    ("suffix", "codec", "tag", "other"),
    [("avi", "mpeg4", b"FMP4", b"ZZQ1"), ("mkv", "ffv1", b"V_FFV1", b"V_ZZQ1")],
)
def test_a_codec_that_nobody_knows_is_not_damage(
    tmp_path: Path, suffix: str, codec: str, tag: bytes, other: bytes
) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"a.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48,trim=end_frame=5", "-c:v", codec, path)
    path.write_bytes(path.read_bytes().replace(tag, other))
    with pytest.raises(UnsupportedError, match="no decoder"):
        probe(str(path))
    (item,) = imgpar.convert(tmp_path / "in", tmp_path / "out", to="mp4", resize="50%").items
    assert (item.status, item.kind) == ("failed", "UnsupportedError")


def test_in_a_report_it_is_one_sentence(tmp_path: Path) -> None:
    make_clip(tmp_path / "in" / "a.mp4", frames=5, options=KEY)
    (item,) = imgpar.convert(tmp_path / "in", tmp_path / "out", resize="50%").items
    assert (item.status, item.kind) == ("failed", "LockedError")


class TestBytes:
    @pytest.fixture
    def loud(self, tmp_path: Path) -> Path:
        """Two seconds whose sound has far more bytes than their picture."""
        noise = ("-f", "lavfi", "-i", "anoisesrc=duration=2", "-c:a", "aac", "-b:a", "256k", "-ac", "2")
        picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25,trim=end_frame=50")
        ffmpeg(*picture, *noise, tmp_path / "a.mp4")
        return tmp_path / "a.mp4"

    def test_sound_is_encoded_where_alone_it_is_too_large(self, tmp_path: Path, loud: Path) -> None:
        (item,) = imgpar.convert(loud, tmp_path / "b.mp4", max_bytes="40k").items
        assert item.status == "ok", item.error
        assert (tmp_path / "b.mp4").stat().st_size <= 40 * 1024
        assert any("audio encoded" in note for note in item.notes)
        assert kinds(tmp_path / "b.mp4") == ["video h264", "audio aac"]

    def test_sound_that_fits_is_copied(self, tmp_path: Path, loud: Path) -> None:
        (item,) = imgpar.convert(loud, tmp_path / "b.mp4", max_bytes="120k").items
        assert (item.status, item.notes) == ("ok", ())
        with av.open(str(loud)) as one, av.open(str(tmp_path / "b.mp4")) as other:
            sounds = [[bytes(p) for p in clip.demux(audio=0) if p.size] for clip in (one, other)]
        assert sounds[0] == sounds[1]

    def test_the_least_that_the_sound_takes_is_told(self, tmp_path: Path, loud: Path) -> None:
        (item,) = imgpar.convert(loud, tmp_path / "b.mp4", max_bytes="5k").items
        assert item.status == "failed"
        assert re.search(r"5,000 bytes are too few .* audio alone takes at least 8,\d\d\d", item.error)


class TestFields:
    @pytest.fixture
    def fields(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.mpg"
        picture = "testsrc2=size=64x48:rate=50,interlace,trim=end_frame=5"
        ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "mpeg2video", "-flags", "+ildct+ilme", path)
        return path

    @pytest.mark.parametrize("more", [{}, {"blur": 0.3}])
    def test_fields_that_become_whole_frames_are_named(
        self, tmp_path: Path, fields: Path, more: dict[str, object]
    ) -> None:
        (item,) = imgpar.convert(fields, tmp_path / "b.mp4", **more).items
        assert (item.status, item.lost) == ("ok", ("interlacing",))

    def test_fields_that_are_woven_are_not(self, tmp_path: Path, fields: Path) -> None:
        (item,) = imgpar.convert(fields, tmp_path / "b.mp4", deinterlace=True).items
        assert (item.status, item.lost) == ("ok", ())

    def test_fields_that_are_copied_are_not(self, tmp_path: Path, fields: Path) -> None:
        (item,) = imgpar.convert(fields, tmp_path / "b.mkv").items
        assert (item.status, item.lost) == ("ok", ())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[h264 @ 0x55d0c8e31000] no frame!", "h264: no frame!"),
        ("[mov,mp4,m4a,3gp,3g2,mj2 @ 0x1f] moov atom not found", "mov: moov atom not found"),
        ("[in#0 @ 000001d3f0a5c2c0] Error opening input", "in#0: Error opening input"),
        ("[vost#0:0/libx264 @ 0x55] [enc:libx264 @ 0x66] no encoder", "libx264: no encoder"),
        ("a picture at 0x55d0c8e31000", "a picture at"),
        ("Conversion failed!", "Conversion failed!"),
        ("[sound] is no prefix", "[sound] is no prefix"),
    ],
)
def test_addresses_of_ffmpeg_reach_nobody(line: str, words: str) -> None:
    assert cleaned(line) == words


@pytest.mark.parametrize("more", [{}, {"blur": 0.3}, {"deinterlace": True}])
def test_nothing_of_python_or_of_memory_is_in_a_message(tmp_path: Path, more: dict[str, object]) -> None:
    source = make_clip(tmp_path / "a.mkv", frames=25, options=("-g", "5"))
    data = bytearray(source.read_bytes())
    for at in range(len(data) // 3, len(data) - 40, 211):
        data[at : at + 20] = b"\xff" * 20
    source.write_bytes(data)
    (item,) = imgpar.convert(source, tmp_path / "b.mp4", flip="horizontal", **more).items
    said = " ".join((item.error, *item.notes))
    assert item.status == "failed"
    assert not re.search(r"0x[0-9a-f]{4}|Errno|b'|av\.error|Traceback", said)


@pytest.mark.parametrize("operation", ["autocrop", "deskew"])
def test_an_operation_that_depends_on_each_picture_is_not_for_clips(tmp_path: Path, operation: str) -> None:
    report = imgpar.convert(make_clip(tmp_path / "a.mp4", frames=3), tmp_path / "out", **{operation: 10})
    assert report.items[0].error == (
        f"{operation} depends on the pixels of each picture, so the frames of a clip would differ. "
        "Extract pictures with imgpar frames and convert these, or crop to a fixed region."
    )
