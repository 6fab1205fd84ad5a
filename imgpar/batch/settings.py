"""The settings of public calls: how each option of a run is read, and which call takes which.

A call takes what it uses and refuses the rest; None stands for "not given" everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from imgpar.core import parsing
from imgpar.core.errors import UsageError, unknown
from imgpar.core.model import RunOptions
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.formats.relevance import CLIP_SETTINGS, pointless
from imgpar.ops import operation_types

PARSERS: dict[str, parsing.Parser] = {
    "jobs": parsing.integer(1, 1000),
    "memory": parsing.byte_size,
    "timeout": parsing.duration,
    "on_exists": parsing.choice("skip", "overwrite", "rename", "error"),
    "schedule": parsing.choice("auto", "staged", "chain"),
    "in_place": parsing.switch,
    "keep_originals": parsing.days,
    "dry_run": parsing.switch,
    "strict": parsing.switch,
    "companions": parsing.choice("ignore", "copy"),
    "accept_damaged": parsing.switch,
    "password": parsing.secret,
    "verify": parsing.switch,
    "keep_failures": parsing.path,
    "max_pixels": parsing.pixels,
    "max_frames": parsing.integer(1, 1 << 31),
    "worker_memory": parsing.worker_memory,
    "include": parsing.patterns,
    "exclude": parsing.patterns,
    "journal": parsing.path,
}
"""How each field of `RunOptions` is read."""

RECIPE_KEYS = frozenset(("to", *EncodeOptions.options()))
OF_SESSION = frozenset(("memory", "worker_memory"))
"""What a session was made with."""
_READING = ("accept_damaged", "max_pixels", "max_frames", "password")
_CHOOSING = ("include", "exclude")
_READING_KEYS = frozenset(("density", "pages"))
"""Keys of the recipe that say how files are read."""
_STREAMED = frozenset((*_READING, *_CHOOSING, "jobs", "timeout", "schedule"))


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
        known = {*PARSERS, *RECIPE_KEYS, *kinds}
        for key, value in given.items():
            if key in self.run or key in self.recipe or (self.operations and key in kinds.keys() | fields):
                continue
            if key not in known:
                taken = [*self.run, *self.recipe, *(kinds if self.operations else ())]
                raise unknown("setting", key, sorted(taken))
            if value is not None or key in kinds:
                raise UsageError(f"{self.name} has no use for {key}.", fix=self._instead(key))

    def _instead(self, key: str) -> str:
        if key in operation_types():
            return f"Put it into the pipeline: Pipeline().{key}(...)."
        if key in OF_SESSION and "jobs" in self.run:
            return f"Give it to the session: Session({key}=...)."
        if not self.run | self.recipe:
            return "Leave it out."
        return f"Leave it out; it takes {', '.join(sorted(self.run | self.recipe))}."


RUN = Call("run", frozenset(PARSERS), RECIPE_KEYS, operations=True)
"""`convert` and `Pipeline.run`."""
SESSION_RUN = Call("A run in a session", frozenset(PARSERS) - OF_SESSION, RECIPE_KEYS, operations=True)
"""`Session.run`, and `Pipeline.run` in a session."""
ARRAYS = Call("arrays", _STREAMED | OF_SESSION, _READING_KEYS)
SESSION_ARRAYS = Call("Session.arrays", _STREAMED, _READING_KEYS)
ENCODE = Call(
    "encode", frozenset((*_READING, "strict", "verify")), RECIPE_KEYS - CLIP_SETTINGS, operations=True
)
RETRY = Call("retry", frozenset(PARSERS) - {"in_place", "dry_run"})
SESSION_RETRY = Call("A retry in a session", RETRY.run - OF_SESSION)

FRAMES = frozenset(
    ("quality", "lossless", "effort", "palette", "subsampling", "progressive", "colour", "trim",
     "deinterlace", "tonemap", "fps")
)  # fmt: skip
"""Settings of `imgpar frames`."""
ASSEMBLE = frozenset(("quality", "lossless", "effort", "codec", "fps", "density", "pages"))
"""Settings of clips that are made of pictures."""
CONCAT = frozenset(("quality", "lossless", "effort", "codec", "audio", "hardware"))
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


def run_options(given: Mapping[str, Any]) -> RunOptions:
    """Check the values of options of a run.

    Raises:
        UsageError: a name or a value is wrong.
    """
    for key in given:
        if key not in PARSERS:
            raise unknown("setting", key, PARSERS)
    read = {key: parsing.named(key, PARSERS[key], value) for key, value in given.items() if value is not None}
    return RunOptions(**read)
