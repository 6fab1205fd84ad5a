"""watermark and watermark_text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from operation_frames import DTYPES, LAYOUTS, picture, run, unit
from PIL import Image

import imgpar
from imgpar.core import fonts
from imgpar.core.errors import BadValueError, TransformError, UsageError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.ops import Operation
from imgpar.recipe.tables import make_operation

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
by_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture
def red(tmp_path: Path) -> Path:
    """A plain red square."""
    path = tmp_path / "rot ü.png"
    Image.new("RGB", (10, 10), (255, 0, 0)).save(path)
    return path


def black(layout: Layout = "RGB", dtype: str = "uint8", width: int = 100, height: int = 60) -> Frame:
    frame = picture(layout, dtype, width, height)
    opaque = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    frame.array[...] = 0
    if frame.spec.channels in (2, 4):
        frame.array[..., -1] = opaque
    return frame


def covered(frame: Frame) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not black."""
    y, x = np.nonzero(unit(frame)[..., 0] > 0.01)
    return (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)


@by_layout
@by_dtype
def test_the_mark_lies_where_gravity_and_margin_say(layout: Layout, dtype: str, red: Path) -> None:
    mark = make_operation("watermark", red, scale="20%", margin=5)
    dst = run(mark, black(layout, dtype))
    assert covered(dst) == (75, 35, 95, 55)
    assert unit(dst)[40, 80, 0] == pytest.approx(0.299 if dst.spec.grey else 1, abs=0.003)


def test_opacity_mixes(red: Path) -> None:
    dst = run(make_operation("watermark", red, opacity="40%", gravity="centre"), black())
    assert tuple(dst.array[30, 50]) == (102, 0, 0)


def test_a_mark_over_transparency_shows_with_its_own_alpha(red: Path) -> None:
    src = black("RGBA")
    src.array[...] = (0, 255, 0, 0)
    dst = run(make_operation("watermark", red, opacity="50%", gravity="centre"), src)
    assert tuple(dst.array[30, 50]) == (255, 0, 0, 128)
    assert tuple(dst.array[0, 0]) == (0, 255, 0, 0)


def test_tiles_cover_the_whole_picture(red: Path) -> None:
    dst = run(make_operation("watermark", red, scale=0.1, margin=10, tile=True, gravity="northwest"), black())
    # Squares of 10 every 20 pixels: a quarter of the area.
    assert (dst.array[..., 0] == 255).mean() == pytest.approx(0.25)


def test_a_mark_shrinks_between_the_margins(red: Path) -> None:
    dst = run(make_operation("watermark", red, scale=1, margin=10, gravity="centre"), black())
    assert covered(dst) == (30, 10, 70, 50)


def test_a_missing_mark_is_a_usage_error_before_the_run() -> None:
    mark = make_operation("watermark", "missing.png")
    with pytest.raises(BadValueError, match=r"missing.png for watermark cannot be read: No such file"):
        mark.identity()


def test_a_mark_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_text("no picture")
    with pytest.raises(TransformError, match=r"logo.png cannot be read"):
        run(make_operation("watermark", tmp_path / "logo.png"), black())


def test_another_picture_under_the_same_name_is_another_mark(red: Path) -> None:
    mark = make_operation("watermark", red)
    before = mark.identity()
    run(mark, black())
    Image.new("RGB", (10, 10), (0, 255, 0)).save(red)
    os.utime(red, ns=(1, 1))
    assert mark.identity() != before
    assert tuple(run(mark, black()).array[50, 85]) == (0, 255, 0)


def text(words: str = "Hxg", **fields: object) -> Operation:
    return make_operation("watermark_text", words, **{"opacity": 1, "size": 20, "margin": 5, **fields})


@by_layout
@by_dtype
def test_words_are_written_in_the_corner(layout: Layout, dtype: str) -> None:
    left, top, right, bottom = covered(run(text(), black(layout, dtype)))
    assert 90 <= right <= 95
    assert 50 <= bottom <= 55
    assert 10 <= bottom - top <= 25
    assert left > 40


def test_letters_have_their_colour() -> None:
    dst = run(text("███", colour="#336699", size=30, gravity="centre", font=_font("DejaVuSans.ttf")), black())
    assert tuple(dst.array[30, 50]) == (0x33, 0x66, 0x99)


def test_coloured_letters_make_a_grey_picture_coloured() -> None:
    assert text(colour="red").plan(Spec(9, 9, "L")).layout == "RGB"
    assert text(colour="#777").plan(Spec(9, 9, "LA")).layout == "LA"


def test_an_outline_is_drawn_around_the_letters() -> None:
    grey = black()
    grey.array[...] = 128
    dst = run(text(outline="black"), grey)
    assert dst.array.min() < 20
    assert dst.array.max() > 235


def test_opacity_limits_the_letters() -> None:
    assert run(text(opacity="50%"), black()).array.max() == 128


def test_a_second_line_makes_the_mark_higher() -> None:
    one, two = (covered(run(text(words), black())) for words in ("Hx", "Hx\\nHx"))
    assert two[3] - two[1] > 1.5 * (one[3] - one[1])


def test_letters_that_the_font_lacks_are_named() -> None:
    with pytest.raises(TransformError, match=r"No font here has the letter .*--font"):
        run(text("a\U0010fffd"), black())


def test_letters_that_no_font_has_are_named_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No font here has '\\U0010fffd' of the watermark text"):
        imgpar.convert(tmp_path, tmp_path / "out", watermark_text="a\U0010fffd")
    assert not (tmp_path / "out").exists()


def test_a_font_of_the_system_draws_what_the_named_one_lacks() -> None:
    letter = "写"
    if not fonts.with_letters(letter):
        pytest.skip("no font here has it")
    alone = covered(run(text(letter, gravity="centre"), black()))
    both = covered(run(text("a" + letter, gravity="centre", font=_font("DejaVuSans.ttf")), black()))
    assert both[2] - both[0] > alone[2] - alone[0] + 5


def test_an_accent_is_drawn_the_same_in_one_part_or_two() -> None:
    if not fonts.with_letters("é"):
        pytest.skip("no font here has it")
    one, two = (run(text(word, gravity="centre"), black()).array for word in ("é", "e\u0301"))
    assert np.array_equal(one, two)


def test_a_letter_comes_from_a_font_of_text_and_not_of_symbols() -> None:
    usual = fonts.families().get("sans_serif")
    having = fonts.with_letters("é")
    if not having or usual not in {font.family for font in having}:
        pytest.skip("the usual font has no é")
    assert having[0].family == usual


def test_words_of_both_directions_are_put_in_order() -> None:
    from PIL import features

    if not fonts.with_letters("אa") or not features.check("raqm"):
        pytest.skip("no font here has both, or Pillow cannot shape")
    # The second one is written as it is seen, and is not to be turned (U+202D).
    logical, seen = (run(text(words), black()).array for words in ("א ab", "\u202dab א\u202c"))
    assert np.array_equal(logical, seen)


def test_emoji_of_several_parts_are_one() -> None:
    if not any(font.colour for font in fonts.with_letters("👍🏽") or ()):
        pytest.skip("no font with colours is installed")
    one, tone = (covered(run(text(word, gravity="centre", size=20), black())) for word in ("👍", "👍🏽"))
    assert abs((one[2] - one[0]) - (tone[2] - tone[0])) <= 1


def test_emoji_keep_their_colours() -> None:
    if not any(font.colour for font in fonts.with_letters("😀") or ()):
        pytest.skip("no font with colours is installed")
    pixels = run(text("😀", gravity="centre", size=40), black()).array.reshape(-1, 3).astype(int)
    yellow = (pixels[:, 0] > 150) & (pixels[:, 2] < pixels[:, 0] - 60)
    assert yellow.sum() > 200


def test_a_font_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.ttf").write_text("no font")
    with pytest.raises(TransformError, match=r"x.ttf cannot be read"):
        run(text(font=tmp_path / "x.ttf"), black())


def test_the_copyright_sign_needs_no_font() -> None:
    assert run(text("© Ada"), black()).array.any()


def test_letters_beyond_ascii_come_from_a_font_of_the_system() -> None:
    _font("DejaVuSans.ttf")
    assert run(text("Zoë Ж"), black()).array.any()


def _font(name: str) -> str:
    """The path of a font that this machine may have."""
    for folder in ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "C:/Windows/Fonts"):
        for path in Path(folder).rglob(name):
            return str(path)
    pytest.skip(f"{name} is not installed here")
