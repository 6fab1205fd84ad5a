"""New tags of clips, and fields of their tags in texts and templates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import imgpar
from imgpar.formats.metadata.dates import parse_shift
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.formats.metadata.fields import parse_fields
from imgpar.formats.metadata.gpx import parse_track
from imgpar.video.tags import clip_values, new_tags, read_date_of

TRACK = Path(__file__).parents[1] / "data" / "track.gpx"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of 64×48 in an MP4, taken at 08:00 UTC."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T08:00:00Z"
        container.metadata["title"] = "old"
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def tags_of(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return {key.lower(): value for key, value in container.metadata.items()}


def test_tags_are_written_without_encoding(clip: Path, tmp_path: Path) -> None:
    given = {"title": "日 {stem} {date:%Y}", "copyright": "© Ada", "gps": "48.2,-16.37", "city": "Vienna"}
    report = imgpar.convert(clip, tmp_path / "b.mp4", set=given, shift_dates="+1h", jobs=1)
    found = tags_of(tmp_path / "b.mp4")
    assert (found["title"], found["copyright"]) == ("日 a 2024", "© Ada")
    assert found["creation_time"].startswith("2024-05-01T09:00:00")
    assert found["location"].startswith("+48.2000-016.3700")
    assert report.items[0].lost == ("city",)


def test_what_a_container_does_not_have_is_lost(clip: Path, tmp_path: Path) -> None:
    report = imgpar.convert(clip, tmp_path / "b.avi", set={"title": "Lake", "gps": "48.2,16"}, jobs=1)
    assert tags_of(tmp_path / "b.avi")["title"] == "Lake"
    assert "gps" in report.items[0].lost


def test_the_date_of_a_clip_is_drawn(clip: Path, tmp_path: Path) -> None:
    def brightest(text: str, **more: Any) -> int:
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.mkv"
        imgpar.Pipeline().watermark_text(text, size=20, opacity=1).run(clip, out, jobs=1, **more)
        with av.open(str(out)) as container:
            return int(next(container.decode(video=0)).to_ndarray(format="gray").max())

    assert brightest("{date:%d.%m.}") > 150
    assert brightest("{date:%d.%m.}", strip="all") < 40


KNOWN = {"TITLE": "old", "com.apple.quicktime.creationdate": "2024-05-01T10:00:00+0200", "location": "+1+2/"}


def options_of(**settings: Any) -> dict[str, str]:
    made = new_tags(KNOWN, MetadataEdits(**settings), "", "a.mov").options[1::2]
    return dict(one.split("=", 1) for one in made)


def test_a_removed_field_has_an_empty_option() -> None:
    assert options_of(fields=parse_fields({"title": "", "gps": ""})) == {"title": "", "location": ""}


def test_the_date_with_offset_is_kept_beside_that_in_utc() -> None:
    assert options_of(shift=parse_shift("-1d")) == {
        "creation_time": "2024-04-30T08:00:00.000000Z",
        "com.apple.quicktime.creationdate": "2024-04-30T10:00:00+02:00",
    }


def test_a_clip_gets_the_position_of_a_track() -> None:
    assert options_of(track=parse_track(TRACK)) == {"location": "+48.20000+016.30000+170.000/"}


def test_keywords_are_added() -> None:
    made = new_tags({"keywords": "a, b"}, MetadataEdits(parse_fields({"keywords+": "b,c"})), "", "")
    assert made.options == ("-metadata", "keywords=a, b, c")


def test_the_times_of_containers_are_utc() -> None:
    assert read_date_of({"creation_time": "2024-05-01T08:00:00"}) == datetime(2024, 5, 1, 8, tzinfo=UTC)


def test_tags_have_values_for_templates() -> None:
    tags = {"location": "+48.2000+016.3700/", "com.apple.quicktime.model": "iPhone 15", "ARTIST": "Ada"}
    found = clip_values(tags, "x/b.mov")
    assert (found["gps"], found["camera"], found["artist"]) == ("48.20000, 16.37000", "iPhone 15", "Ada")
