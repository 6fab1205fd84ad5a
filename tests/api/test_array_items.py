"""One result of `arrays` for each input: its place, its key, its error; sessions that are closed early."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.api.session import Session

NAMES = [f"{n}.png" for n in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures and a file that is none."""
    made = testing.write_pictures(tmp_path_factory.mktemp("items") / "in", NAMES, size=(24, 16))
    (made / "2a.png").write_bytes(b"not a picture")
    return made


@pytest.fixture(scope="module")
def session():
    with Session(jobs=2, memory="32M") as session:
        yield session


def paths(folder: Path, *names: str) -> list[Path]:
    return [folder / name for name in names]


# ----- one result per input --------------------------------------------------------------------------


def test_what_is_named_twice_comes_twice(session, folder):
    given = paths(folder, "1.png", "0.png", "1.png")
    found = [Path(item.path).name for item, _ in session.arrays(Pipeline(), given)]
    assert found == ["1.png", "0.png", "1.png"]


def test_each_array_is_that_of_its_own_input(session, folder):
    given = paths(folder, "3.png", "0.png", "3.png")
    seeds = [3, 0, 3]
    for seed, (_, array) in zip(seeds, session.arrays(Pipeline(), given), strict=True):
        assert np.array_equal(array, testing.pattern(24, 16, seed))


def test_a_path_inside_a_folder_that_is_named_too_comes_again(session, folder):
    given = [folder / "1.png", folder]
    found = [item.path for item, _ in session.arrays(Pipeline(), given, errors="yield")]
    assert found == [str(folder / name) for name in ("1.png", "0.png", "1.png", "2.png", "2a.png", "3.png")]


def test_a_pattern_stands_for_its_files_at_its_place(session, folder):
    given = [folder / "3.png", str(folder / "[01].png")]
    found = [Path(item.path).name for item, _ in session.arrays(Pipeline(), given)]
    assert found == ["3.png", "0.png", "1.png"]


def test_items_are_numbered_from_0(session, folder):
    given = paths(folder, "1.png", "0.png", "1.png")
    assert [item.index for item, _ in session.arrays(Pipeline(), given)] == [0, 1, 2]


def test_the_key_of_a_path_is_the_path(session, folder):
    ((item, _),) = session.arrays(Pipeline(), folder / "1.png")
    assert (item.key, item.path) == (str(folder / "1.png"),) * 2


def test_sorted_inputs_are_all_sorted_together(session, folder):
    given = paths(folder, "1.png", "3.png", "0.png")
    found = [Path(item.path).name for item, _ in session.arrays(Pipeline(), given, sort="name:desc")]
    assert found == ["3.png", "1.png", "0.png"]


# ----- errors ------------------------------------------------------------------------------------------


def test_an_error_is_raised_unless_the_caller_says_otherwise(session, folder):
    with pytest.raises(imgpar.ItemError, match=r"2a\.png"):
        list(session.arrays(Pipeline(), folder))


def test_an_error_is_of_the_class_that_says_why(session, folder):
    with pytest.raises(imgpar.UnknownFormatError):
        list(session.arrays(Pipeline(), folder))


def test_what_comes_before_an_error_is_yielded(session, folder):
    arrays = session.arrays(Pipeline(), folder)
    assert [next(arrays)[0].index for _ in range(3)] == [0, 1, 2]
    arrays.close()


def test_an_error_says_how_to_go_on(session, folder):
    with pytest.raises(imgpar.ItemError, match="errors='skip' goes on"):
        list(session.arrays(Pipeline(), folder))


def test_an_error_takes_the_place_of_its_array(session, folder):
    results = list(session.arrays(Pipeline(), folder, errors="yield"))
    assert [array is None for _, array in results] == [False, False, False, True, False]


def test_an_item_has_its_error(session, folder):
    results = list(session.arrays(Pipeline(), folder, errors="yield"))
    assert [type(item.error).__name__ for item, _ in results if item.error] == ["UnknownFormatError"]


def test_a_path_that_does_not_exist_has_its_place(session, folder):
    given = paths(folder, "1.png", "none.png", "0.png")
    results = list(session.arrays(Pipeline(), given, errors="yield"))
    assert [type(item.error).__name__ for item, _ in results] == ["NoneType", "NoFileError", "NoneType"]


NONE_THERE = {
    "a path": ("none.png", 1),
    "a list": (["none.png", "neither/"], 2),
    "a pattern": (["none*.png"], 1),
    "a pair": ([("k", "none.png")], 1),
    "a mapping": ({"k": "none.png"}, 1),
}


@pytest.mark.parametrize("kind", NONE_THERE)
def test_where_no_input_exists_each_has_its_error(session, kind):
    given, count = NONE_THERE[kind]
    found = [item.error for item, _ in session.arrays(Pipeline(), given, errors="yield")]
    assert [isinstance(error, imgpar.SourceError) for error in found] == [True] * count


@pytest.mark.parametrize("kind", NONE_THERE)
def test_where_no_input_exists_the_error_of_the_first_is_raised(session, kind):
    with pytest.raises(imgpar.SourceError, match=r"none.*\.png: "):
        list(session.arrays(Pipeline(), NONE_THERE[kind][0]))


def test_where_no_input_exists_encode_all_gives_their_errors(session):
    given = ["none.png", "neither.png"]
    found = list(Pipeline().encode_all(given, to="png", session=session, errors="yield"))
    assert [isinstance(item.error, imgpar.SourceError) for item, _ in found] == [True, True]


def test_where_no_input_exists_batches_have_their_errors(session):
    (batch,) = session.batches(Pipeline(), ["none.png", "neither.png"], errors="yield")
    assert [isinstance(item.error, imgpar.SourceError) for item in batch.items] == [True, True]


def test_inputs_that_do_not_exist_are_left_out_with_a_warning(session):
    with pytest.warns(UserWarning, match="1 of 1 inputs failed"):
        assert list(session.arrays(Pipeline(), ["none.png"], errors="skip")) == []


def test_a_page_that_is_not_there_is_an_error(session, tmp_path):
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    ((item, array),) = session.arrays(Pipeline(), tmp_path / "a.tif", pages=7, errors="yield")
    assert (type(item.error).__name__, array) == ("NoSuchPageError", None)


def test_the_index_counts_inputs_that_are_left_out(session, folder):
    skipped = session.arrays(Pipeline(), folder, errors="skip", on_event=lambda _: None)
    assert [item.index for item, _ in skipped] == [0, 1, 2, 4]


def test_errors_is_one_of_three(session, folder):
    with pytest.raises(imgpar.BadValueError, match="errors"):
        session.arrays(Pipeline(), folder, errors="ignore")


# ----- a session that is closed while arrays are to come -------------------------------------------------


def test_the_users_exception_leaves_the_session_as_it_is(folder):
    def fail_while_arrays_are_to_come():
        with Session(jobs=2, memory="32M") as own:
            for _ in own.arrays(Pipeline(), [folder / "1.png"] * 300):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_arrays_are_to_come()


def test_an_array_stays_valid_when_the_session_is_closed_before_the_next(folder):
    with Session(jobs=1, memory="32M") as own:
        arrays = own.arrays(Pipeline(), [folder / "1.png"] * 100)
        _, array = next(arrays)
    assert np.array_equal(array, testing.pattern(24, 16, 1))


def test_the_next_array_after_the_session_is_closed_is_one_clear_error(folder):
    with Session(jobs=1, memory="32M") as own:
        arrays = own.arrays(Pipeline(), [folder / "1.png"] * 100)
        next(arrays)
    with pytest.raises(imgpar.UsageError, match="session was closed"):
        next(arrays)


def test_a_session_may_be_closed_by_another_thread(folder):
    own = Session(jobs=1, memory="32M")
    arrays = own.arrays(Pipeline(), [folder / "1.png"] * 100)
    next(arrays)
    closing = threading.Thread(target=own.close)
    closing.start()
    closing.join()
    with pytest.raises(imgpar.UsageError, match="session was closed"):
        list(arrays)


def test_a_session_may_be_closed_in_a_callback_of_its_run(folder, tmp_path):
    own = Session(jobs=1, memory="32M")
    own.run(
        Pipeline(), folder, tmp_path, on_event=lambda event: own.close() if event.kind == "item" else None
    )
    assert own._pool is None


def test_an_iterator_may_be_collected_in_another_thread(session, folder):
    held = [session.arrays(Pipeline(), [folder / "1.png"] * 100)]
    next(held[0])
    other = threading.Thread(target=lambda: (held.clear(), gc.collect()))
    other.start()
    other.join()
    assert len(list(session.arrays(Pipeline(), folder / "1.png"))) == 1
