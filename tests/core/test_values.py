"""`core.values.dataclass` makes the same classes as the standard library."""

import copy
import dataclasses
import inspect
import pickle
import typing
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest

from imgpar.core import values

KINDS: dict[str, dict[str, bool]] = {
    "plain": {},
    "frozen": {"frozen": True},
    "slots": {"slots": True},
    "frozen with slots": {"frozen": True, "slots": True},
    "without eq": {"eq": False},
    "keywords": {"frozen": True, "kw_only": True},
}


def made(dataclass: Callable[..., Any], **given: bool) -> Any:
    """A class with everything that a dataclass may have."""

    @dataclass(**given)
    class Made:
        """What it is."""

        common: ClassVar[int] = 3
        one: int
        two: str = "b"
        three: list[int] = dataclasses.field(default_factory=list)
        four: int = dataclasses.field(default=4, repr=False, compare=False)
        five: int = dataclasses.field(default=5, kw_only=True)

    return Made


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def both(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """The class of the standard library, and ours."""
    return made(dataclasses.dataclass, **request.param), made(values.dataclass, **request.param)


def test_they_have_the_same_parameters_in_the_same_order(both):
    theirs, ours = (
        [(one.name, one.kind, one.annotation) for one in inspect.signature(kind).parameters.values()]
        for kind in both
    )
    assert ours == theirs


def test_they_have_the_same_representation(both):
    theirs, ours = (repr(kind(one=1, three=[2])) for kind in both)
    assert ours == theirs


def test_they_are_equal_in_the_same_cases(both):
    theirs, ours = (
        [kind(one=1) == kind(one=1), kind(one=1) == kind(one=2), kind(one=1) == kind(one=1, four=9)]
        for kind in both
    )
    assert ours == theirs


def test_they_are_hashable_in_the_same_cases(both):
    theirs, ours = (kind.__hash__ is None for kind in both)
    assert ours == theirs


def test_they_say_the_same_of_themselves(both):
    theirs, ours = (kind.__dataclass_params__ for kind in both)
    names = ("init", "repr", "eq", "frozen", "order", "unsafe_hash")
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]


def test_they_match_the_same_patterns(both):
    theirs, ours = (kind.__match_args__ for kind in both)
    assert ours == theirs


def test_they_refuse_the_same_arguments(both):
    for given in ({}, {"one": 1, "six": 6}):
        for kind in both:
            with pytest.raises(TypeError):
                kind(**given)


def test_they_are_replaced_field_by_field(both):
    for kind in both:
        assert dataclasses.replace(kind(one=1), two="c").two == "c"


def test_each_instance_has_its_own_default(both):
    for kind in both:
        assert kind(one=1).three is not kind(one=1).three


@values.dataclass(frozen=True, slots=True)
class Value:
    """At the top of a module, so that it can be pickled."""

    one: int
    two: tuple[int, ...] = ()


@values.dataclass(frozen=True)
class Derived(Value):
    """Has one field more."""

    three: int = 3

    def __post_init__(self) -> None:
        if self.three < 0:
            raise ValueError("less than 0")


@pytest.mark.parametrize("kind", [Value, partial(Derived, three=7)], ids=["slots", "derived"])
def test_values_are_pickled(kind):
    assert pickle.loads(pickle.dumps(kind(1, (2,)))) == kind(1, (2,))


def test_values_are_copied():
    assert copy.copy(Value(1, (2,))) == Value(1, (2,))


@pytest.mark.parametrize("kind", [Value, Derived])
def test_frozen_fields_cannot_be_set(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind(1).one = 2


@pytest.mark.parametrize("kind", [Value, Derived])
def test_frozen_fields_cannot_be_deleted(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        del kind(1).one


def test_equal_values_have_equal_hashes():
    assert hash(Value(1, (2,))) == hash(Value(1, (2,)))


def test_a_value_is_no_value_of_a_derived_class():
    assert Value(1) != Derived(1)


def test_fields_are_checked_after_they_are_set():
    with pytest.raises(ValueError, match="less"):
        Derived(1, three=-1)


def test_the_standard_library_derives_from_a_frozen_class():
    theirs = dataclasses.dataclass(frozen=True)(
        type("Theirs", (Derived,), {"__annotations__": {"four": "int"}, "four": 0})
    )
    assert theirs(1, four=4).four == 4


def test_a_derived_class_with_its_own_init_has_its_signature():
    class Own(Value):
        def __init__(self, other: int) -> None:
            super().__init__(other)

    assert str(inspect.signature(Own)) == "(other: int) -> None"


def test_methods_of_the_class_are_kept():
    @values.dataclass(frozen=True)
    class Kept:
        one: int

        def __repr__(self) -> str:
            return "kept"

        def __hash__(self) -> int:
            return 7

        def __eq__(self, other: object) -> bool:
            return False

    assert (repr(Kept(1)), hash(Kept(1)), Kept(1) == Kept(1)) == ("kept", 7, False)


def test_what_is_compiled_ahead_works_as_well():
    kind = made(values.dataclass, frozen=True)
    values.compile_pending()
    assert kind(one=1).two == "b"


# ----- named tuples ---------------------------------------------------------------------------------


class Pair(values.NamedTuple):
    """Two of something."""

    one: "int"
    two: "str" = "b"

    @property
    def both(self) -> str:
        """As one text."""
        return f"{self.one}{self.two}"


class TheirPair(typing.NamedTuple):
    """Two of something."""

    one: "int"
    two: "str" = "b"


@pytest.mark.parametrize(
    "name", ["_fields", "_field_defaults", "__match_args__", "__module__", "__doc__", "__mro__"]
)
def test_a_named_tuple_says_the_same_of_itself(name):
    ours, theirs = (getattr(kind, name) for kind in (Pair, TheirPair))
    assert ours[1:] == theirs[1:] if name == "__mro__" else ours == theirs


def test_a_named_tuple_has_its_methods():
    assert Pair(1).both == "1b"


def test_a_named_tuple_is_pickled():
    assert pickle.loads(pickle.dumps(Pair(1))) == Pair(1)


def test_a_named_tuple_has_the_types_of_its_fields():
    assert typing.get_type_hints(Pair) == {"one": int, "two": str}
