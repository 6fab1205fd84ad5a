"""Which public call takes which settings, from their declarations.

A call takes what it uses and refuses the rest; None stands for "not given" everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from imgpar.batch.run_options import RunOptions
from imgpar.core.errors import UsageError, unknown_setting
from imgpar.core.options import Declared
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.formats.relevance import pointless
from imgpar.ops import operation_types

RECIPE_KEYS = frozenset(("to", *EncodeOptions.options()))


@dataclass(frozen=True, slots=True)
class Call:
    """What one public call takes as keywords, beside those that its signature names."""

    name: str
    run: frozenset[str]
    """Options of the run."""
    recipe: frozenset[str] = frozenset()
    """Keys of the recipe."""
    operations: bool = False

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse what this call has no use for.

        Raises:
            UsageError: a setting is none of this call's, or none at all.
        """
        kinds = operation_types()
        fields = {field for kind in kinds.values() for field in kind.options()}
        known = {*RunOptions.options(), *RECIPE_KEYS, *kinds}
        for key, value in given.items():
            if key in self.run or key in self.recipe or (self.operations and key in kinds.keys() | fields):
                continue
            if key not in known:
                taken = [*self.run, *self.recipe, *(kinds if self.operations else ())]
                raise unknown_setting(key, sorted(taken))
            if value is not None or key in kinds:
                raise UsageError(f"{self.name} has no use for {key}.", fix=self._instead(key))

    def _instead(self, key: str) -> str:
        if key in operation_types():
            return f"Put it into the pipeline: Pipeline().{key}(...)."
        if key in _of_workers() and "jobs" in self.run:
            return f"Give it to the session: Session({key}=...)."
        if not self.run | self.recipe:
            return "Leave it out."
        return f"Leave it out; it takes {', '.join(sorted(self.run | self.recipe))}."


def _taken(kind: type[Declared], call: str) -> frozenset[str]:
    """The settings that a call takes, as they are declared."""
    return frozenset(name for name, option in kind.options().items() if call in option.calls)


def _of_workers() -> frozenset[str]:
    """What a session was made with."""
    return frozenset(name for name, option in RunOptions.options().items() if option.of_workers)


def _call(name: str, call: str, *, recipe: bool = True, session: bool = False, **facts: bool) -> Call:
    run = _taken(RunOptions, call)
    keys = _taken(EncodeOptions, call) if recipe else frozenset[str]()
    keys |= {"to"} if facts.get("operations") else frozenset[str]()
    return Call(name, run - _of_workers() if session else run, keys, **facts)


RUN = _call("run", "run", operations=True)
"""`convert` and `Pipeline.run`."""
DRY_RUN = replace(RUN, name="dry_run", run=RUN.run - {"dry_run"})
SESSION_RUN = _call("A run in a session", "run", session=True, operations=True)
"""`Session.run`, and `Pipeline.run` in a session."""
ARRAYS = _call("arrays", "arrays")
SESSION_ARRAYS = _call("Session.arrays", "arrays", session=True)
ENCODE = _call("encode", "encode", operations=True)
RETRY = _call("retry", "retry")
SESSION_RETRY = _call("A retry in a session", "retry", session=True)

FRAMES = _taken(EncodeOptions, "frames")
"""Settings of `imgpar frames`."""
ASSEMBLE = _taken(EncodeOptions, "assemble")
"""Settings of clips that are made of pictures."""
CONCAT = _taken(EncodeOptions, "concat")
"""Settings of clips that are put together."""


def check_settings(name: str, given: EncodeOptions, taken: frozenset[str]) -> None:
    """Refuse settings that `name` has no use for; raises UsageError."""
    plain = EncodeOptions()
    for key in EncodeOptions.options():
        if key not in taken and getattr(given, key) != getattr(plain, key):
            raise UsageError(f"{name} has no use for {key}.", fix=f"It takes {', '.join(sorted(taken))}.")


def check_relevance(given: Iterable[str], to: Collection[str], label: Callable[[str], str] = str) -> None:
    """Refuse a setting that says nothing about any output, where the formats of `to` alone show that.

    Args:
        given: names of settings, as the user gave them.
        to: names of formats.
        label: what a setting is called in the sentence.

    Raises:
        UsageError: it is such a setting.
    """
    name = pointless(given, to) if to else ""
    if name:
        titles = " and ".join(FORMATS[word].title for word in to)
        raise UsageError(
            f"{label(name)} says nothing about {titles}.",
            fix=f"Leave it out, or choose another {label('to')}.",
        )
