"""Text with fields: what the metadata say is drawn; long lines are broken, large texts made smaller."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.core.job import ItemFacts
from imgpar.core.spec import Frame, Spec
from imgpar.ops.watermark_text import WatermarkText
from imgpar.pixels import text as lettering

PIPE = imgpar.Pipeline()


def picture(size: tuple[int, int] = (200, 80), **fields: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    return PIPE.encode(file.getvalue(), set=fields) if fields else file.getvalue()


def drawn(data: bytes, text: str, **more: Any) -> np.ndarray[Any, Any]:
    made = PIPE.watermark_text(text, size=14).encode(data, name="IMG_1.png", **more)
    return np.asarray(Image.open(io.BytesIO(made)))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("{date:%d.%m.%Y} {title}", "01.05.2024 Lake"),
        ("{filename} {stem}", "IMG_1.png IMG_1"),
        ("{width}x{height}", "200x80"),
        ("{copyright|free} {artist}", "free Ada"),
        ("{{title}}", "{{title}}"),
        ("{city} {title}", "Lake"),
        ("{city}\\n{title}", "Lake"),
    ],
)
def test_fields_are_drawn(text: str, same: str) -> None:
    data = picture(title="Lake", date="2024-05-01", artist="Ada")
    assert np.array_equal(drawn(data, text), drawn(data, same))


def test_a_text_without_values_draws_nothing() -> None:
    assert not drawn(picture(), "{title}").any()


def test_a_missing_value_is_noted_once(tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    report = PIPE.watermark_text("{title} {date} {title}").run(tmp_path / "a.png", tmp_path / "out", jobs=1)
    assert report.items[0].notes == ("text: it has no title", "text: it has no date")


def test_a_position_that_is_stripped_is_not_drawn() -> None:
    data = picture(gps="48.2,16.37", city="Vienna")
    assert drawn(data, "{gps}{city}").any()
    assert not drawn(data, "{gps}{city}", strip="gps").any()


def test_the_same_text_with_every_schedule(tmp_path: Any) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(picture(title="Lake"))
    (tmp_path / "in" / "b.png").write_bytes(picture(title="Sea"))
    pipe = PIPE.watermark_text("{title} {filename}", size=14)
    made = dict[str, list[bytes]]()
    for schedule in ("staged", "chain"):
        out = tmp_path / schedule
        assert pipe.run(tmp_path / "in", out, jobs=2, schedule=schedule).ok == 2
        made[schedule] = [(out / name).read_bytes() for name in ("a.png", "b.png")]
    assert made["staged"] == made["chain"]
    assert made["chain"][0] != made["chain"][1]


def test_the_text_of_outputs_with_other_settings(tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(picture(gps="48.2,16.37"))
    pipe = (
        PIPE.watermark_text("{gps}", size=14).output(name="{stem}-all").output(name="{stem}-web", strip="gps")
    )
    pipe.run(tmp_path / "a.png", tmp_path / "out", jobs=1)
    found = [np.asarray(Image.open(tmp_path / "out" / f"a-{name}.png")) for name in ("all", "web")]
    assert found[0].any()
    assert not found[1].any()


def applied(operation: WatermarkText, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    spec = Spec(*size, "RGB")
    frame, result = (Frame(spec, np.zeros(spec.shape, np.uint8)) for _ in range(2))
    operation.apply(frame, result)
    return result.array


def test_values_of_strangers_stay_on_one_line() -> None:
    operation = WatermarkText("{title}")
    facts = ItemFacts("a.png", "image", (200, 80), 1, {"title": "a\nb\0\u202e c"})
    assert np.array_equal(
        applied(operation.for_item(facts), (200, 80)),
        applied(WatermarkText("a b c"), (200, 80)),  # type: ignore[arg-type]
    )


def test_a_long_line_is_broken_at_spaces() -> None:
    text, size = lettering.fitted("one two three four", 20, "", (80, 200))
    assert (text.replace("\n", " "), size) == ("one two three four", 20)
    assert "\n" in text


def test_a_text_that_is_too_large_is_drawn_smaller() -> None:
    assert lettering.fitted("Donaudampfschifffahrt", 40, "", (100, 100))[1] < 20


def test_a_text_that_fits_is_as_it_was() -> None:
    assert lettering.fitted("one two", 20, "", (400, 40)) == ("one two", 20)


def test_a_large_text_lies_inside_of_the_margin() -> None:
    made = applied(WatermarkText("A caption that is much too long for this picture"), (120, 60))
    assert made.any()
    assert not made[:, :1].any()
    assert not made[:, -1:].any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{tilte}", r"no \{tilte\} in watermark_text '\{tilte\}'. Did you mean \{title\}"),
        ("{title", "for braces"),
        ("{date:%Q}", "needs a format such as"),
    ],
)
def test_a_wrong_text_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(imgpar.BadValueError, match=words):
        PIPE.watermark_text(text)
