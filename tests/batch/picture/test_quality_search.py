"""The search for a quality: few encodes, and the result of trying them all."""

from __future__ import annotations

import math

import pytest

from imgpar.batch.picture.quality_search import Experience, Goal, experience_of, find_quality
from imgpar.batch.picture.targets import _BYTES, _CURVES


def size_goal(most: float, share: float = 0.92) -> Goal:
    return Goal(_BYTES, math.log(most * share), math.log(most), most=True)


def bytes_per_pixel(complexity: float):
    """A picture whose curve has another height and another slope than the typical one."""
    typical = size_goal(1)
    return lambda quality: complexity + 0.9 * typical.typical(quality) + 0.003 * quality


@pytest.mark.parametrize("complexity", [-1, 0, 0.8])
@pytest.mark.parametrize("most", [0.05, 0.2, 0.7])
def test_a_size_is_accepted_only_if_it_fits_and_is_close(most, complexity):
    value_of, goal = bytes_per_pixel(complexity), size_goal(most)
    found = find_quality(goal, value_of, 1, 95, Experience(), "")
    every = [quality for quality in range(1, 96) if value_of(quality) <= goal.high]
    if not every:
        assert found.quality == 0
    else:
        assert found.quality == max(every) or goal.low <= value_of(found.quality) <= goal.high


@pytest.mark.parametrize("target", [40, 70, 80, 90])
def test_without_a_range_the_result_is_that_of_trying_every_quality(target):
    goal = Goal(_CURVES["ssimulacra2"], target, target, most=False)

    def value_of(quality):
        return goal.typical(quality) * 0.9 + 4

    found = find_quality(goal, value_of, 1, 100, Experience(), "")
    assert found.quality == min(quality for quality in range(1, 101) if value_of(quality) >= target)


def test_what_no_quality_reaches_is_zero():
    goal = size_goal(1e-6)
    assert find_quality(goal, goal.typical, 1, 95, Experience(), "").quality == 0


def test_a_curve_of_another_kind_ends_within_a_few_encodes():
    goal = size_goal(0.2)
    steps = find_quality(goal, lambda quality: -9.0 if quality < 37 else 9.0, 1, 95, Experience(), "")
    assert (steps.quality, steps.tries < 14) == (36, True)


def test_a_similar_picture_needs_one_encode():
    goal, experience = size_goal(0.2), Experience()
    first = find_quality(goal, bytes_per_pixel(0.5), 1, 95, experience, "a")
    second = find_quality(goal, bytes_per_pixel(0.51), 1, 95, experience, "a")
    assert (first.tries > 1, second.tries) == (True, 1)


def test_experience_belongs_to_its_key():
    goal, experience = size_goal(0.2), Experience()
    find_quality(goal, bytes_per_pixel(0.5), 1, 95, experience, "a")
    assert experience.offset("b") == 0


def test_a_new_run_starts_without_experience():
    experience_of("one").add("a", [(50, 1.0)], 50)
    assert experience_of("one").offset("a") == 1
    assert experience_of("two").offset("a") == 0
