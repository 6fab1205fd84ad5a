"""Batches: grouped, shuffled, shared among ranks, resumed, in memory that is used again."""

from __future__ import annotations

import gc
import json
import pickle
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.api.session import Session
from imgpar.batch.batches import Batches

NAMES = [f"{n}.png" for n in range(7)]
SQUARE = Pipeline().resize("8x8", fit="fill")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures of one size."""
    return testing.write_pictures(tmp_path_factory.mktemp("batches") / "in", NAMES, size=(24, 16))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures, of which the third is larger, and a file between them that is none."""
    made = testing.write_pictures(
        tmp_path_factory.mktemp("mixed") / "in", ["0.png", "1.png", "3.png"], size=(24, 16)
    )
    testing.write_pictures(made, ["2.png"], size=(30, 16))
    (made / "1a.png").write_bytes(b"not a picture")
    return made


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(jobs=2, memory="32M") as session:
        yield session


def names(batch: imgpar.Batch[Any]) -> list[str]:
    return [Path(item.path).name for item in batch.items]


def picked(batches: Batches[Any]) -> list[list[int]]:
    return [batch.indices for batch in batches]


# ----- arrays ----------------------------------------------------------------------------------------


def test_a_batch_is_one_array_of_its_pictures(session: Session, folder: Path) -> None:
    batch = next(session.batches(Pipeline(), folder, size=3))
    assert np.array_equal(batch.array, [testing.pattern(24, 16, seed) for seed in range(3)])


def test_a_batch_is_contiguous_and_of_the_type_that_was_asked_for(session: Session, folder: Path) -> None:
    batch = next(session.batches(SQUARE, folder, size=3, channels="L", dtype="float32"))
    assert (batch.array.shape, batch.array.dtype, batch.array.flags.c_contiguous) == (
        (3, 8, 8, 1),
        "float32",
        True,
    )


def test_channels_may_come_first(session: Session, folder: Path) -> None:
    batch = next(session.batches(Pipeline(), folder, size=2, layout="NCHW"))
    assert np.array_equal(batch.array[1], testing.pattern(24, 16, 1).transpose(2, 0, 1))


def test_the_last_batch_has_the_rest(session: Session, folder: Path) -> None:
    assert [len(batch) for batch in session.batches(SQUARE, folder, size=3)] == [3, 3, 1]


def test_the_rest_is_an_array_of_its_own_length(session: Session, folder: Path) -> None:
    *_, last = session.batches(SQUARE, folder, size=4)
    assert last.array.shape == (3, 8, 8, 3)


def test_keys_are_those_of_the_items(session: Session, folder: Path) -> None:
    batch = next(session.batches(SQUARE, folder, size=2))
    assert batch.keys == [str(folder / "0.png"), str(folder / "1.png")]


def test_different_sizes_are_a_list_of_arrays(session: Session, mixed: Path) -> None:
    batch = next(session.batches(Pipeline(), mixed, size=5, errors="skip", on_event=print))
    assert [array.shape[1] for array in batch.arrays] == [24, 24, 30, 24]


def test_arrays_of_different_sizes_are_the_pictures(session: Session, mixed: Path) -> None:
    batch = next(session.batches(Pipeline(), mixed, size=5, errors="skip", on_event=print))
    expected = [testing.pattern(24, 16, 0), testing.pattern(24, 16, 1), testing.pattern(30, 16, 0)]
    assert all(np.array_equal(*pair) for pair in zip(batch.arrays, expected, strict=False))


def test_different_sizes_are_no_array(session: Session, mixed: Path) -> None:
    batch = next(session.batches(Pipeline(), mixed, size=5, errors="skip", on_event=print))
    with pytest.raises(imgpar.UsageError, match=r"different sizes.*resize"):
        _ = batch.array


def test_a_batch_pickles(session: Session, folder: Path) -> None:
    batch = next(session.batches(SQUARE, folder, size=2))
    again = pickle.loads(pickle.dumps(batch))
    assert (again.keys, again.state) == (batch.keys, batch.state)
    assert np.array_equal(again.array, batch.array)


# ----- memory ----------------------------------------------------------------------------------------


def address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_is_used_again_when_a_batch_is_gone(session: Session, folder: Path) -> None:
    batches = session.batches(SQUARE, folder, size=2)
    first = address(next(batches).array)
    gc.collect()
    assert address(next(batches).array) == first


def test_a_loop_uses_two_pieces_of_memory_in_turn(session: Session, folder: Path) -> None:
    used = set()
    for batch in session.batches(SQUARE, folder, size=1):  # the last batch is there while the next is made
        used.add(address(batch.array))
    assert len(used) == 2


def test_batches_that_are_kept_stay_as_they_are(session: Session, folder: Path) -> None:
    kept = [batch.arrays[0] for batch in session.batches(Pipeline(), folder, size=2)]
    assert np.array_equal(kept, [testing.pattern(24, 16, seed) for seed in (0, 2, 4, 6)])


def test_a_batch_outlives_its_session(folder: Path) -> None:
    with Session(jobs=1, memory="32M") as session:
        batch = next(session.batches(Pipeline(), folder, size=1))
    assert np.array_equal(batch.array[0], testing.pattern(24, 16, 0))


# ----- errors ----------------------------------------------------------------------------------------


def test_an_error_is_raised_with_its_path(session: Session, mixed: Path) -> None:
    with pytest.raises(imgpar.ItemError, match=r"1a\.png"):
        list(session.batches(SQUARE, mixed, size=2))


def test_what_is_skipped_leaves_the_other_batches_as_they_are(session: Session, mixed: Path) -> None:
    with pytest.warns(UserWarning, match="1 of 5 inputs failed"):
        found = [names(batch) for batch in session.batches(SQUARE, mixed, size=2, errors="skip")]
    assert found == [["0.png", "1.png"], ["2.png"], ["3.png"]]


def test_a_skipped_input_leaves_no_gap_in_the_array(session: Session, mixed: Path) -> None:
    _, second, _ = session.batches(SQUARE, mixed, size=2, errors="skip", on_event=print)
    assert np.array_equal(
        second.array, np.stack([array for _, array in session.arrays(SQUARE, mixed / "2.png")])
    )


def test_a_batch_of_which_nothing_is_left_is_left_out(session: Session, mixed: Path) -> None:
    found = session.batches(SQUARE, mixed, size=1, errors="skip", on_event=print)
    assert [batch.number for batch in found] == [0, 1, 3, 4]


def test_an_error_may_be_yielded_in_its_place(session: Session, mixed: Path) -> None:
    _, second, _ = session.batches(SQUARE, mixed, size=2, errors="yield")
    assert second.arrays[0] is None
    assert second.arrays[1] is not None
    assert second.items[0].error is not None


def test_a_batch_with_an_error_is_no_array(session: Session, mixed: Path) -> None:
    _, second, _ = session.batches(SQUARE, mixed, size=2, errors="yield")
    with pytest.raises(imgpar.UsageError, match="1 of 2 inputs"):
        _ = second.array


# ----- order -----------------------------------------------------------------------------------------


def test_the_order_of_a_seed_does_not_depend_on_the_number_of_workers(session: Session, folder: Path) -> None:
    one = picked(session.batches(SQUARE, folder, size=2, shuffle=4, jobs=1))
    assert one == picked(session.batches(SQUARE, folder, size=2, shuffle=4))


def test_shuffled_arrays_are_those_of_their_items(session: Session, folder: Path) -> None:
    for batch in session.batches(Pipeline(), folder, size=2, shuffle=4):
        assert np.array_equal(batch.array, [testing.pattern(24, 16, seed) for seed in batch.indices])


def test_the_index_is_the_place_among_the_inputs(session: Session, folder: Path) -> None:
    for batch in session.batches(SQUARE, folder, size=3, shuffle=1):
        assert names(batch) == [NAMES[index] for index in batch.indices]


def test_epochs_follow_each_other(session: Session, folder: Path) -> None:
    batches = session.batches(SQUARE, folder, size=4, repeat=2)
    assert [(batch.epoch, batch.number, len(batch)) for batch in batches] == [
        (0, 0, 4),
        (0, 1, 3),
        (1, 0, 4),
        (1, 1, 3),
    ]


def test_endless_batches_may_be_left(session: Session, folder: Path) -> None:
    batches = session.batches(SQUARE, folder, size=4, repeat=None)
    assert [batch.epoch for batch in islice(batches, 5)] == [0, 0, 1, 1, 2]
    batches.close()
    assert next(batches, None) is None


def test_ranks_have_different_inputs(session: Session, folder: Path) -> None:
    shares = [
        picked(session.batches(SQUARE, folder, size=9, rank=rank, world=2, drop_last=False))
        for rank in (0, 1)
    ]
    assert shares == [[[0, 2, 4, 6]], [[1, 3, 5, 0]]]


def test_a_session_is_free_after_batches_were_left(session: Session, folder: Path) -> None:
    next(batches := session.batches(SQUARE, folder, size=1))
    batches.close()
    assert len(list(session.batches(SQUARE, folder, size=7))) == 1


def test_a_pipeline_starts_workers_of_its_own(folder: Path) -> None:
    assert picked(SQUARE.batches(folder, size=4, jobs=1, memory="32M")) == [[0, 1, 2, 3], [4, 5, 6]]


# ----- iterators -------------------------------------------------------------------------------------


def test_an_iterator_of_inputs_is_taken_in_its_order(session: Session, folder: Path) -> None:
    given = (folder / name for name in reversed(NAMES))
    found = [names(batch) for batch in session.batches(SQUARE, given, size=4)]
    assert found == [["6.png", "5.png", "4.png", "3.png"], ["2.png", "1.png", "0.png"]]


def test_drop_last_applies_to_an_iterator(session: Session, folder: Path) -> None:
    given = iter([folder / name for name in NAMES])
    assert picked(session.batches(SQUARE, given, size=4, drop_last=True)) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("given", [{"shuffle": 0}, {"repeat": 2}, {"world": 2}], ids=str)
def test_an_iterator_is_read_once(session: Session, given: dict[str, Any]) -> None:
    with pytest.raises(imgpar.UsageError, match="need inputs that can be read again"):
        session.batches(SQUARE, iter(["a.png"]), **given)


def test_an_iterator_has_no_state(session: Session) -> None:
    with pytest.raises(imgpar.UsageError, match="There is no state"):
        session.batches(SQUARE, iter(["a.png"])).state_dict()


# ----- states ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [0, 1, 3, 4, 5, 8])
def test_a_state_goes_on_with_the_next_batch(session: Session, folder: Path, taken: int) -> None:
    given: dict[str, Any] = {"size": 2, "shuffle": 3, "repeat": 2}
    whole = picked(session.batches(SQUARE, folder, **given))
    stopped = session.batches(SQUARE, folder, **given)
    list(islice(stopped, taken))
    stopped.close()
    state = json.loads(json.dumps(stopped.state_dict()))
    assert picked(session.batches(SQUARE, folder, **given, state=state)) == whole[taken:]


def test_a_batch_knows_the_state_after_it(session: Session, folder: Path) -> None:
    whole = list(session.batches(SQUARE, folder, size=2))
    later = session.batches(SQUARE, folder, size=2, state=whole[1].state)
    assert picked(later) == [batch.indices for batch in whole[2:]]


def test_a_loaded_state_is_the_state(session: Session, folder: Path) -> None:
    state = [batch.state for batch in session.batches(SQUARE, folder, size=2)][1]
    later = session.batches(SQUARE, folder, size=2)
    later.load_state_dict(state)
    assert later.state_dict() == state


def test_a_state_of_another_seed_is_refused(session: Session, folder: Path) -> None:
    state = session.batches(SQUARE, folder, shuffle=1).state_dict()
    with pytest.raises(imgpar.UsageError, match="shuffle=1"):
        session.batches(SQUARE, folder, shuffle=2, state=state)


def test_a_state_of_other_inputs_is_refused_with_the_first_batch(session: Session, folder: Path) -> None:
    state = next(session.batches(SQUARE, folder, size=2)).state
    later = session.batches(SQUARE, folder / "1.png", size=2, state=state)
    with pytest.raises(imgpar.UsageError, match="does not fit these inputs: it is of 7 inputs"):
        next(later)


def test_a_state_comes_before_the_first_batch(session: Session, folder: Path) -> None:
    batches = session.batches(SQUARE, folder, size=2)
    state = next(batches).state
    with pytest.raises(imgpar.UsageError, match="taken already"):
        batches.load_state_dict(state)
    batches.close()


# ----- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [{"size": 0}, {"shuffle": True}, {"rank": 1}, {"prefetch": 0}, {"layout": "HWC"}, {"errors": "ignore"}],
    ids=str,
)
def test_a_bad_value_is_refused_at_once(session: Session, given: dict[str, Any]) -> None:
    with pytest.raises(imgpar.BadValueError, match=next(iter(given))):
        session.batches(SQUARE, "photos", **given)


def test_a_setting_of_files_is_refused(session: Session) -> None:
    with pytest.raises(imgpar.UsageError, match=r"Session\.batches does not accept quality"):
        session.batches(SQUARE, "photos", quality=3)  # type: ignore[call-arg]


# ----- tables ----------------------------------------------------------------------------------------


def test_a_batch_is_a_table_of_arrow(session: Session, folder: Path) -> None:
    pytest.importorskip("pyarrow")
    batch = next(session.batches(SQUARE, folder, size=3))
    table = batch.to_arrow()
    assert table.column_names == ["key", "index", "image"]
    assert table["key"].to_pylist() == batch.keys
    assert np.array_equal(table["image"].to_numpy_ndarray(), batch.array)


# ----- contents --------------------------------------------------------------------------------------


def keyed(folder: Path) -> list[tuple[int, bytes]]:
    return [(10 + at, (folder / name).read_bytes()) for at, name in enumerate(NAMES)]


def test_contents_come_again_in_each_epoch_with_their_keys(session: Session, folder: Path) -> None:
    batches = session.batches(Pipeline(), keyed(folder), size=7, shuffle=2, repeat=2)
    for batch in batches:
        assert batch.keys == [10 + index for index in batch.indices]
        assert np.array_equal(batch.array, [testing.pattern(24, 16, seed) for seed in batch.indices])


@pytest.mark.parametrize(("prefetch", "most"), [(1, 8), (3, 12)])
def test_inputs_are_read_as_far_ahead_as_asked_for(
    session: Session, folder: Path, prefetch: int, most: int
) -> None:
    taken = list[int]()

    def given() -> Iterator[Path]:
        for at in range(1000):
            taken.append(at)
            yield folder / NAMES[at % 7]

    batches = session.batches(SQUARE, given(), size=4, prefetch=prefetch)
    next(batches)
    batches.close()
    assert 4 <= len(taken) <= 4 + most + 1


def test_a_list_is_read_as_far_ahead_as_asked_for(folder: Path) -> None:
    """An input that is deleted after the first batch is missed only if it was not read yet."""
    copies = [folder.parent / f"copy{at}.png" for at in range(40)]
    for copy in copies:
        copy.write_bytes((folder / "0.png").read_bytes())
    with Session(jobs=1, memory="32M") as session:
        batches = session.batches(SQUARE, copies, size=1, prefetch=1, errors="skip", on_event=print)
        next(batches)
        for copy in copies:
            copy.unlink()
        assert len(list(batches)) <= 5


def test_any_iterable_but_an_iterator_can_be_shuffled(session: Session, folder: Path) -> None:
    given = {str(folder / name): None for name in NAMES}.keys()
    (batch,) = session.batches(SQUARE, given, size=7, shuffle=3)
    assert sorted(batch.indices) == list(range(7))
