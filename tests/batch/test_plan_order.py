"""Results in the order of the plan."""

from __future__ import annotations

from itertools import islice

from imgpar.batch import plan_order
from imgpar.batch.plan_order import PlanOrder
from imgpar.core.job import Outcome
from imgpar.runtime.scheduler import NotYet


def results(order: PlanOrder, *numbers: int) -> list[int]:
    return [one.job for number in numbers for one in order.done(number, Outcome("", "ok", job=number))]


def expecting(*numbers: int) -> PlanOrder:
    order = PlanOrder()
    for number in numbers:
        order.expect(number)
    return order


def test_a_result_waits_for_those_before_it() -> None:
    order = expecting(0, 1, 2, 3)
    assert results(order, 2, 1) == []
    assert results(order, 0) == [0, 1, 2]
    assert results(order, 3) == [3]


def test_what_is_not_expected_does_not_wait() -> None:
    order = expecting(1, 2)
    assert results(order, 7, 2) == [7]


def test_after_a_cancellation_gaps_are_passed_over() -> None:
    order = expecting(0, 1, 2, 3, 4)
    assert results(order, 3, 1) == []
    assert [one.job for one in order.rest()] == [1, 3]


def test_the_plan_stops_while_too_many_wait(monkeypatch) -> None:
    monkeypatch.setattr(plan_order, "MOST_HELD", 1)
    order = expecting(0, 1, 2)
    plan = order.paced(iter("abc"))
    assert next(plan) == "a"
    results(order, 1, 2)
    assert all(isinstance(entry, NotYet) for entry in islice(plan, 3))
    results(order, 0)
    assert list(plan) == ["b", "c"]
