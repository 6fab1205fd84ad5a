"""Success is counted: frames, their times and what was to be kept, compared with no ffmpeg at hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from imgpar.core.errors import DamagedError, EncodeError
from imgpar.video import check
from imgpar.video.check import check_source, drift
from imgpar.video.clip import Clip, ClipColour, Picture, Stream

VIDEO = Stream(0, "video", "h264")


def clip(*times: float, base: Fraction = Fraction(1, 1000), **facts: Any) -> Clip:
    picture = Picture(VIDEO, 32, 16, "yuv420p", 8, False, "420", time_base=base)
    return Clip("/in/a.mp4", "mov", 1.0, picture, (VIDEO,), times=times, **facts)


def plan(*, variable: bool = True, fps: int = 0, **facts: Any) -> Any:
    return SimpleNamespace(
        container=SimpleNamespace(variable=variable, chapters=True),
        timing=SimpleNamespace(fps=Fraction(fps), idle=not fps),
        streams=SimpleNamespace(kept=(), stripped=frozenset(), tags=(), timecode=""),
        encoding=None,
        lost=(),
        **facts,
    )


def frames(
    there: Clip, made: Clip, *complaints: str, accept: bool = False, **planned: Any
) -> tuple[str, ...]:
    return check._check_frames(plan(**planned), there, made, complaints, accept_damaged=accept)


EVEN = (0.0, 0.04, 0.08, 0.12)


# ----- drift ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "moved"),
    [
        (EVEN, 0.0),
        ((0.0, 0.04, 0.08, 0.13), 0.01),
        ((0.0, 0.04, 0.08, 0.11), 0.01),
        ((0.0, 0.01, 0.08, 0.12), 0.03),
        ((0.0, 0.05, 0.06, 0.12), 0.02),
        ((5.0, 5.04, 5.08, 5.12), 0.0),
        ((5.0, 5.04, 5.08, 5.15), 0.03),
        ((0.02, 0.04, 0.08, 0.12), 0.02),
    ],
)
def test_drift_is_the_largest_shift_against_the_first_frame(times: tuple[float, ...], moved: float) -> None:
    assert drift(clip(*EVEN), clip(*times)) == pytest.approx(moved)
    assert drift(clip(*times), clip(*EVEN)) == pytest.approx(moved)


def test_drift_of_the_frames_that_both_have() -> None:
    assert drift(clip(0, 1), clip(0, 1, 9)) == 0
    assert drift(clip(3.0), clip(8.0)) == 0


@pytest.mark.parametrize(
    ("base", "limit"), [(Fraction(1, 1000), 0.003), (Fraction(1, 90000), 0.00201), (Fraction(1, 25), 0.042)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_frame_may_move_by_two_milliseconds_and_a_tick(base: Fraction, limit: float, sign: int) -> None:
    source = clip(0.0, 0.5, 1.0, base=base)
    assert frames(source, clip(0.0, 0.5 + sign * (limit - 0.0002), 1.0)) == ()
    with pytest.raises(EncodeError, match=f"up to {(limit + 0.0012) * 1000:.0f} ms early or late"):
        frames(source, clip(0.0, 0.5 + sign * (limit + 0.0012), 1.0))


def test_where_a_container_has_no_times_none_are_compared() -> None:
    assert frames(clip(0.0, 0.5, 1.0), clip(0.0, 0.1, 0.2), variable=False) == ()


# ----- counting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [2, 3, 5, 6])
def test_a_frame_more_or_less_is_an_error(found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_decodable", lambda clip: 4)
    made = clip(*(k / 25 for k in range(found)))
    with pytest.raises(EncodeError, match=rf"not whole: {found} of 4 frames could be read\."):
        frames(clip(*EVEN), made)


def test_packets_that_hold_no_frame_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_decodable", lambda clip: 3)
    assert frames(clip(*EVEN), clip(*EVEN[:3])) == ("4 packets hold 3 frames",)
    with pytest.raises(EncodeError, match="2 of 4"):
        frames(clip(*EVEN), clip(*EVEN[:2]))


def test_at_another_rate_the_last_frame_may_be_there_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_decodable", lambda clip: 99)
    for found in (3, 4, 5):
        assert frames(clip(*EVEN), clip(*(k / 25 for k in range(found))), fps=25) == ()
    for found in (2, 6):
        with pytest.raises(EncodeError, match=f"{found} of 4"):
            frames(clip(*EVEN), clip(*(k / 25 for k in range(found))), fps=25)


@pytest.mark.parametrize("found", [3, 5])
def test_where_frames_stand_in_a_row_their_number_may_change_and_is_said(found: int) -> None:
    made = clip(*(k / 25 for k in range(found)))
    assert frames(clip(*EVEN), made, variable=False) == (f"4 frames became {found} at an even rate",)


def test_what_the_tables_promise_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_decodable", lambda clip: 99)
    promised = replace(clip(*EVEN), claimed=6)
    with pytest.raises(EncodeError, match="4 of 6"):
        frames(promised, clip(*EVEN), variable=True)


# ----- damage ---------------------------------------------------------------------------------------


def test_complaints_make_it_a_damaged_clip() -> None:
    with pytest.raises(DamagedError, match="corrupt: 4 of 4 frames could be read, some are broken"):
        frames(clip(*EVEN), clip(*EVEN), "error while decoding MB 3 4")
    with pytest.raises(DamagedError, match="3 of 4 frames could be read:"):
        frames(clip(*EVEN), clip(*EVEN[:3]), "error while decoding MB 3 4")


def test_damage_that_is_accepted_is_named() -> None:
    (note,) = frames(clip(*EVEN), clip(*EVEN[:3]), "error while decoding MB 3 4", accept=True)
    assert note.startswith("damaged: 3 of 4 frames could be read (")
    assert frames(clip(*EVEN), clip(*EVEN), accept=True) == ()


def test_damage_that_leaves_nothing_cannot_be_accepted() -> None:
    with pytest.raises(DamagedError, match="0 of 4"):
        frames(clip(*EVEN), clip(), "moov atom not found", accept=True)


@pytest.mark.parametrize(
    ("there", "claimed", "words"),
    [
        (4, 4, ""),
        (4, 0, ""),
        (5, 4, ""),
        (3, 4, "3 of 4 frames are there"),
        (1, 4, "1 of 4 frames are there"),
    ],
)
def test_a_source_has_the_frames_that_it_promises(there: int, claimed: int, words: str) -> None:
    source = replace(clip(*(k / 25 for k in range(there))), claimed=claimed)
    if not words:
        assert check_source(source, accept_damaged=False) == ()
        assert check_source(source, accept_damaged=True) == ()
        return
    with pytest.raises(DamagedError, match=f"truncated: {words}") as caught:
        check_source(source, accept_damaged=False)
    assert "accept-damaged" in caught.value.fix
    assert check_source(source, accept_damaged=True) == (f"damaged: {words}",)


@pytest.mark.parametrize(("claimed", "words"), [(0, "it has no frames"), (4, "0 of 4 frames are there")])
@pytest.mark.parametrize("accept", [True, False])
def test_a_source_without_frames_is_of_no_use(claimed: int, words: str, accept: bool) -> None:
    with pytest.raises(DamagedError, match=words) as caught:
        check_source(replace(clip(), claimed=claimed), accept_damaged=accept)
    assert caught.value.fix == ""


# ----- what was to be kept --------------------------------------------------------------------------


SOUND, COVER = Stream(1, "audio", "aac"), Stream(2, "cover", "png")


def missing(there: Clip, made: Clip, *kept: Stream, **planned: Any) -> tuple[str, ...]:
    made_plan = plan(**planned)
    made_plan.streams.kept = kept
    return check._missing(there, made, made_plan)


def test_nothing_is_missing_of_the_same_clip() -> None:
    whole = replace(clip(*EVEN), chapters=2, metadata={"title": "A"}, streams=(VIDEO, SOUND))
    assert missing(whole, whole, SOUND) == ()


def test_streams_chapters_and_metadata_are_missed() -> None:
    whole = replace(clip(*EVEN), chapters=2, metadata={"Title": "A", "artist": "B"}, streams=(VIDEO, SOUND))
    bare = replace(clip(*EVEN), chapters=1, metadata={"ARTIST": "B"})
    assert missing(whole, bare, SOUND, COVER) == ("chapters", "audio", "cover", "metadata: title")


def test_a_part_of_a_clip_may_have_fewer_chapters() -> None:
    whole = replace(clip(*EVEN), chapters=2)
    assert missing(whole, clip(*EVEN), fps=25) == ()


@pytest.mark.parametrize("key", ["major_brand", "ENCODER", "timecode", "duration"])
def test_facts_about_the_file_are_not_missed(key: str) -> None:
    assert missing(replace(clip(*EVEN), metadata={key: "x"}), clip(*EVEN)) == ()


def test_a_time_that_was_never_set_is_not_missed() -> None:
    unset = replace(clip(*EVEN), metadata={"creation_time": "1970-01-01T00:00:00.000000Z"})
    assert missing(unset, clip(*EVEN)) == ()
    told = replace(clip(*EVEN), metadata={"creation_time": "1970-01-02T00:00:00.000000Z"})
    assert missing(told, clip(*EVEN)) == ("metadata: creation_time",)


def test_a_translation_is_missed_with_its_original_only() -> None:
    there = replace(clip(*EVEN), metadata={"title": "A", "title-eng": "A"})
    assert missing(there, replace(clip(*EVEN), metadata={"title": "A"})) == ()
    assert missing(there, clip(*EVEN)) == ("metadata: title, title-eng",)


def coloured(**colour: str) -> Clip:
    plain = clip(*EVEN)
    return replace(plain, picture=replace(plain.picture, colour=ClipColour(**colour)))


def test_colour_is_missed_but_for_the_range_that_is_implied() -> None:
    assert missing(coloured(range="tv", matrix="bt709"), coloured(matrix="bt709")) == ()
    assert missing(coloured(range="pc", matrix="bt709"), coloured()) == ("colour range", "colour matrix")
    assert missing(coloured(matrix="bt709"), coloured(matrix="bt470bg")) == ("colour matrix",)


def test_alpha_is_missed_where_the_plan_does_not_say_so() -> None:
    plain = clip(*EVEN)
    clear = replace(plain, picture=replace(plain.picture, alpha=True))
    assert missing(clear, plain) == ("alpha",)
    assert missing(clear, clear) == ()
    named = plan()
    named.lost = ("alpha",)
    assert check._missing(clear, plain, named) == ()


def test_a_second_view_and_a_timecode_are_missed() -> None:
    assert missing(replace(clip(*EVEN), layer="second view"), clip(*EVEN)) == ("second view",)
    timed = plan()
    timed.streams.timecode = "01:00:00:00"
    assert check._missing(clip(*EVEN), clip(*EVEN), timed) == ("timecode",)
