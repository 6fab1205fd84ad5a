"""Which inputs belong to which batch: order, ranks, epochs, and the place to go on from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import pytest

from imgpar.batch.sampling import Sampling, State
from imgpar.core.errors import BadValueError, UsageError


def batches(count: int, **given: Any) -> list[list[int]]:
    return [list(slot.indices) for slot in Sampling(**given).slots(count)]


def order(count: int, **given: Any) -> list[int]:
    return list(chain.from_iterable(batches(count, **given)))


def test_batches_are_in_the_order_of_the_inputs() -> None:
    assert batches(5, size=2) == [[0, 1], [2, 3], [4]]


def test_drop_last_leaves_out_the_batch_that_is_not_full() -> None:
    assert batches(5, size=2, drop_last=True) == [[0, 1], [2, 3]]


def test_a_seed_permutes() -> None:
    shuffled = order(100, seed=1)
    assert shuffled != list(range(100))
    assert sorted(shuffled) == list(range(100))


def test_a_seed_gives_the_same_order_on_every_version_of_python() -> None:
    assert order(8, seed=5) == [6, 2, 5, 1, 3, 7, 4, 0]


def test_each_epoch_has_an_order_of_its_own() -> None:
    first, second = batches(40, size=40, seed=1, repeat=2)
    assert first != second


def test_without_a_number_of_epochs_there_is_no_end() -> None:
    slots = Sampling(size=2, repeat=None).slots(3)
    assert [slot.epoch for slot in islice(slots, 5)] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9])
@pytest.mark.parametrize("world", [1, 3, 4])
def test_ranks_have_the_shares_of_a_distributed_sampler(count: int, world: int) -> None:
    padded = [at % count for at in range(-(-count // world) * world)]
    shares = [order(count, rank=rank, world=world) for rank in range(world)]
    assert shares == [padded[rank::world] for rank in range(world)]


def test_with_drop_last_no_input_comes_twice() -> None:
    shares = [order(11, size=1, seed=3, rank=rank, world=4, drop_last=True) for rank in range(4)]
    assert [len(share) for share in shares] == [2] * 4
    assert len(set(chain.from_iterable(shares))) == 8


def test_parts_take_batches_in_turn() -> None:
    parts = [batches(7, size=1, part=part, parts=3) for part in range(3)]
    assert parts == [[[0], [3], [6]], [[1], [4]], [[2], [5]]]


def test_parts_go_on_with_the_first_batch_after_the_state() -> None:
    slots = Sampling(size=1, part=0, parts=3).slots(7, number=2)
    assert [slot.number for slot in slots] == [2, 5]


def test_no_batches_are_none_and_not_an_endless_search() -> None:
    assert batches(3, size=4, drop_last=True, repeat=None) == []


def test_nothing_has_no_batches() -> None:
    assert batches(0, repeat=None) == []


# ----- states --------------------------------------------------------------------------------------


def later(sampling: Sampling, count: int, taken: int) -> Iterator[list[int]]:
    """The batches after the first `taken`, from a state."""
    state = State(sampling).of(map(str, range(count)), count)
    for slot in islice(sampling.slots(count), taken):
        state = state.after(slot)
    state = State(sampling).resumed(state.plain()).of(map(str, range(count)), count)
    return (list(slot.indices) for slot in sampling.slots(count, state.epoch, state.number))


@pytest.mark.parametrize("taken", range(7))
def test_a_state_goes_on_with_the_next_batch(taken: int) -> None:
    given = {"size": 3, "seed": 2, "repeat": 2}
    assert list(later(Sampling(**given), 8, taken)) == batches(8, **given)[taken:]


def refused(given: object) -> str:
    with pytest.raises(UsageError) as raised:
        State(Sampling(seed=2)).resumed(given).of(["a", "b"], 2)
    return str(raised.value)


def saved(**given: Any) -> dict[str, Any]:
    return State(Sampling(**given)).of(["a", "b"], 2).plain()


def test_a_state_of_the_same_inputs_is_taken() -> None:
    assert State(Sampling(seed=2)).resumed(saved(seed=2)).of(["a", "b"], 2).inputs == 2


def test_a_state_with_another_seed_is_refused() -> None:
    assert refused(saved(seed=3)).startswith(
        "The state was saved with shuffle=3, but this call has shuffle=2."
    )


def test_a_state_of_another_number_of_inputs_is_refused() -> None:
    words = refused(State(Sampling(seed=2)).of(["a"], 1).plain())
    assert words.startswith("The state does not fit these inputs: it is of 1 inputs, and there are 2.")


def test_a_state_of_other_inputs_is_refused() -> None:
    words = refused(State(Sampling(seed=2)).of(["b", "a"], 2).plain())
    assert words.startswith("The state does not fit these inputs: it is of others.")


@pytest.mark.parametrize("given", [None, {}, {"version": 1}, saved(seed=2) | {"version": 2}])
def test_what_is_no_state_is_refused(given: object) -> None:
    assert "what state_dict() has returned" in refused(given)


@pytest.mark.parametrize("name", ["version", "world", "size"])
def test_a_number_of_a_state_is_no_switch(name: str) -> None:
    given = State(Sampling(size=1, seed=2)).plain()
    with pytest.raises(UsageError):
        State(Sampling(size=1, seed=2)).resumed(given | {name: True})


@pytest.mark.parametrize("number", [-1, "1", 1.0, True, 99])
def test_a_state_with_a_place_that_is_none_is_refused(number: object) -> None:
    assert "number of the state" in refused(saved(seed=2) | {"number": number})


def test_the_place_after_the_last_batch_is_one() -> None:
    listed = saved(size=1, seed=2)
    assert State(Sampling(size=1, seed=2)).resumed(listed | {"number": 2}).number == 2


def test_a_state_without_inputs_is_at_the_begin_of_an_epoch() -> None:
    assert "number of the state" in refused(State(Sampling(seed=2)).plain() | {"number": 1})


@pytest.mark.parametrize("given", [{"inputs": None}, {"digest": ""}, {"digest": 7}, {"inputs": -1}], ids=str)
def test_a_state_knows_its_inputs_or_does_not(given: dict[str, object]) -> None:
    assert "of the state" in refused(saved(seed=2) | given)


# ----- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"size": 0}, {"shuffle": True}, {"shuffle": -1}, {"world": 0}, {"rank": 1}, {"rank": -1},
        {"repeat": 0}, {"drop_last": "perhaps"},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_value_is_refused(given: dict[str, Any]) -> None:
    plain = {"size": 8, "shuffle": False, "drop_last": False, "rank": 0, "world": 1, "repeat": 1}
    with pytest.raises(BadValueError, match=next(iter(given))):
        Sampling.read(**(plain | given))


def test_shuffle_0_is_a_seed() -> None:
    assert Sampling.read(8, 0, False, 0, 1, 1).seed == 0
