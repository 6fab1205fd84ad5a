"""What results and errors of Python show of themselves, and the keys by which they are found."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing
from imgpar.inputs.tables import ListRow

PIPE = imgpar.Pipeline()
PICTURE = testing.pattern(24, 16, 1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return testing.write_pictures(tmp_path_factory.mktemp("shown"), ["b.png"], size=(24, 16)) / "b.png"


def test_an_encoded_picture_shows_its_size_only() -> None:
    made = PIPE.encode_with_report(PICTURE, to="png")
    assert repr(made) == f"<EncodedPicture: png, 24×16, {len(made.data):,} bytes>"


def test_an_output_shows_its_size_only() -> None:
    shown = repr(imgpar.OutputData("a.png", "/a.jpg", "png", (24, 16), bytes(2000)))
    assert shown == "<OutputData: 'a.png', 24×16, 2,000 bytes>"


def test_an_item_shows_its_place_and_its_key() -> None:
    ((item, _),) = PIPE.arrays({"k": PICTURE}, jobs=0)
    assert repr(item) == "<ArrayItem 0: 'k'>"


def test_an_error_shows_its_sentences() -> None:
    assert repr(imgpar.DamagedError("It ends early.", fix="Get it again.")) == (
        "DamagedError('It ends early. Get it again.')"
    )


def test_an_error_is_pickled_with_its_fix() -> None:
    error = pickle.loads(pickle.dumps(imgpar.DamagedError("It ends early.", fix="Get it again.")))
    assert (error.message, error.fix) == ("It ends early.", "Get it again.")


def test_outcomes_have_the_keys_of_their_inputs(path: Path, tmp_path: Path) -> None:
    report = imgpar.convert({"b 1": path, "2024/a": PICTURE, 7: PICTURE}, tmp_path, to="webp", jobs=0)
    assert sorted(outcome.key for outcome in report.items) == ["2024/a", "7", "b 1"]


def test_without_a_key_it_is_the_path(path: Path, tmp_path: Path) -> None:
    (outcome,) = imgpar.convert(path, tmp_path, to="webp", jobs=0).items
    assert outcome.key == str(path)


def test_outputs_that_are_handed_over_have_the_key(path: Path) -> None:
    keys: list[str] = []
    imgpar.convert({"a": PICTURE}, lambda made: keys.append(made.key), to="webp", jobs=0)
    assert keys == ["a"]


def test_planned_items_have_the_key(tmp_path: Path) -> None:
    plan = imgpar.dry_run({"a": PICTURE}, tmp_path / "out", to="webp")
    assert [item.key for item in plan.items] == ["a"]


@pytest.mark.parametrize("call", [imgpar.describe, imgpar.VideoWriter, imgpar.undo, imgpar.Recipe.load])
def test_a_content_is_no_path(call: Any) -> None:
    with pytest.raises(imgpar.BadValueError, match=r"the path of a file.*received 4 bytes of content"):
        call(b"\x89P\0G")


@pytest.mark.parametrize("call", [PIPE.array, imgpar.Pipeline, imgpar.InputList, imgpar.frames])
def test_a_text_with_nul_is_no_path(call: Any) -> None:
    with pytest.raises(imgpar.BadValueError, match="a text with NUL in it"):
        call("a\0b.jpg")


def test_what_is_described_is_not_quoted() -> None:
    with pytest.raises(imgpar.BadValueError, match=r"received one of shape \(0, 5, 3\).*which is empty"):
        PIPE(np.zeros((0, 5, 3), np.uint8))


def test_a_keyword_of_another_call_is_not_called_unknown() -> None:
    with pytest.raises(imgpar.UsageError, match="dry_run does not accept report"):
        imgpar.dry_run("a.jpg", "out", report="r.json")  # type: ignore[call-arg]


def test_two_equal_keys_are_refused_before_the_run(path: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match="Two inputs have the key 'k'"):
        imgpar.convert([("k", path), ("k", PICTURE)], tmp_path, to="webp", jobs=0)


def test_a_list_of_python_has_inputs_not_rows(path: Path, tmp_path: Path) -> None:
    rows = [ListRow(str(path), number, "k") for number in (1, 2)]
    report = imgpar.convert(imgpar.InputList(rows), tmp_path, to="webp", jobs=0)
    assert "is that of input 1, too" in report.failures[0].error


def test_accepted_damage_is_noted_once() -> None:
    cut = PIPE.encode(testing.pattern(200, 200, 1), to="jpg")[:1500]
    assert len(PIPE.encode_with_report(cut, to="png", accept_damaged=True).notes) == 1


def test_what_to_do_is_said_for_the_command_line_and_for_python() -> None:
    with pytest.raises(imgpar.LimitError, match=r"--max-pixels 384 \(max_pixels=384\)"):
        PIPE.encode(PIPE.encode(PICTURE, to="png"), max_pixels=10)


def test_none_is_called_none() -> None:
    with pytest.raises(imgpar.BadValueError, match="received None"):
        PIPE(None)  # type: ignore[arg-type]
