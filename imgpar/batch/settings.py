"""The settings of each public call, from their declarations.

A call accepts the settings that it uses and rejects all others. None means "not given".
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imgpar.batch.gather.options import Gathering
from imgpar.batch.run_options import RunOptions
from imgpar.batch.watch.options import WatchOptions
from imgpar.core.error_messages import bad_value, unknown_setting
from imgpar.core.errors import UsageError
from imgpar.core.options import Declared
from imgpar.formats.extraction import Extraction
from imgpar.formats.option_values import BUTTERAUGLI, CLIP_MEASURES, FIX, MISSING, PICTURE_MEASURES
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.formats.relevance import measurable, pointless
from imgpar.ops import Operation, find_operation, known_operations, operation_names, operation_types
from imgpar.ops.plugins import reserve_names
from imgpar.outputs.templates import Naming

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe

RECIPE_KEYS = frozenset(("to", *EncodeOptions.options(), *Extraction.options(), *Naming.options()))
_OTHER_KEYS = frozenset((*RunOptions.options(), *Gathering.options(), *WatchOptions.options()))
reserve_names(RECIPE_KEYS)  # a field may be called so: it has its meaning behind its operation
reserve_names(_OTHER_KEYS, fields=True)
_OF_SIGNATURES = frozenset(
    ("report", "session", "on_event", "cancel", "errors", "prefetch", "copy", "channels", "dtype")
)
"""Keywords in the signatures of some calls, which others do not accept."""


def check_schedule(recipe: Recipe, options: RunOptions) -> None:
    """Refuse a schedule with which a function would not get several pictures; raises UsageError."""
    if options.schedule == "chain" and any(operation.batch > 1 for operation in recipe.every_operation):
        raise UsageError(
            'apply_batch collects pictures before its function is called, and schedule="chain" makes each '
            "picture at once.",
            fix="Leave schedule out.",
        )


@dataclass(frozen=True, slots=True)
class Call:
    """The keywords of one public call, besides those in its signature."""

    name: str
    run: frozenset[str]
    """Options of the run."""
    recipe: frozenset[str] = frozenset()
    """Keys of the recipe."""
    operations: bool = False
    extracts: bool = False
    """Whether it extracts pictures from clips; the others refuse a recipe that does."""
    gather: frozenset[str] = frozenset()
    """Settings of a file that is made of all inputs."""
    watch: frozenset[str] = frozenset()
    """Settings of a watch."""
    parameters: frozenset[str] = frozenset()
    """The keywords in its signature, for messages."""

    @property
    def taken(self) -> frozenset[str]:
        """All keywords, without operations."""
        return self.run | self.recipe | self.gather | self.watch | self.parameters

    def check(self, given: Mapping[str, Any]) -> None:
        """Reject settings that this call does not use.

        Raises:
            UsageError: a setting is unknown, or not used by this call.
        """
        if self.operations:
            load_operations(given)
        kinds = known_operations(given)
        taken = self.run | self.recipe | self.gather | self.watch
        if self.operations:
            taken |= kinds.keys() | operation_fields(kinds)
        known = RECIPE_KEYS | _OTHER_KEYS | _OF_SIGNATURES | kinds.keys()
        for key, value in given.items():
            if key in taken or (self.operations and key in operation_fields()):
                continue
            if key not in known:
                operations = operation_names() if self.operations else ()
                raise unknown_setting(key, sorted({*self.taken, *operations}))
            if value is not None or key in kinds:
                raise UsageError(f"{self.name} does not accept {key}.", fix=self._advice(key))

    def _advice(self, key: str) -> str:
        if key in operation_types() and self.name == "concat":
            return "Leave it out, or convert the result."
        if key in operation_types():
            return f"Put it into the pipeline: Pipeline().{key}(...)."
        if key in _worker_options() and "jobs" in self.run:
            return f"Give it to the session: Session({key}=...)."
        return f"Leave it out; it takes {', '.join(sorted(self.taken))}." if self.taken else "Leave it out."


def operation_fields(kinds: Mapping[str, type[Operation]] | None = None) -> set[str]:
    """The names of the fields of some operations; None is all that are known."""
    kinds = operation_types() if kinds is None else kinds
    return {field for kind in kinds.values() for field in kind.options()}


def load_operations(names: Iterable[str]) -> None:
    """Load the operations of other packages among some names, which may be those of anything; raises
    UsageError."""
    unknown = {*names} - RECIPE_KEYS - _OTHER_KEYS
    known = known_operations(unknown)
    if unknown := unknown - known.keys() - operation_fields(known):
        for name in unknown - operation_fields():
            find_operation(name)


def _settings_of(kind: type[Declared], call: str) -> frozenset[str]:
    """The settings of a call, from their declarations."""
    return frozenset(name for name, option in kind.options().items() if call in option.calls)


def _worker_options() -> frozenset[str]:
    """The options of the workers, which are set for a whole session."""
    return frozenset(name for name, option in RunOptions.options().items() if option.of_workers)


def _call(
    name: str,
    call: str,
    parameters: str,
    *,
    session: bool = False,
    operations: bool = False,
    extracts: bool = False,
) -> Call:
    """A call whose settings name it; `parameters` are the keywords in its signature."""
    run = _settings_of(RunOptions, call)
    keys = _settings_of(EncodeOptions, call)
    keys |= _settings_of(Extraction, call)
    keys |= _settings_of(Naming, call)
    keys |= {"to"} if operations else frozenset[str]()
    return Call(
        name,
        run - _worker_options() - _CLUSTER if session else run,
        keys,
        operations,
        extracts=extracts,
        parameters=frozenset(parameters.split()),
    )


def _gather_call(name: str, *, operations: bool = True) -> Call:
    """A call that makes one file of all inputs, whose name says the format."""
    run, recipe = _settings_of(RunOptions, name), _settings_of(EncodeOptions, name)
    gather = _settings_of(Gathering, name)
    return Call(
        name, run, recipe, operations=operations, gather=gather, parameters=frozenset(_OF_RUNS.split())
    )


_CLUSTER = {"engine", "ray_address"}
"""A session has the workers of this machine."""
_OF_RUNS = "session on_event cancel report"
_OF_ARRAYS = "channels dtype copy errors prefetch on_event cancel"
_OF_BATCHES = frozenset(_OF_ARRAYS.split()) - {"copy"} | {
    "size", "shuffle", "drop_last", "rank", "world", "repeat", "layout", "state",
}  # fmt: skip

OUTPUT = Call("output", frozenset(), _settings_of(EncodeOptions, "run") | {"to"}, operations=True)
"""`Pipeline.output`."""
RUN = _call("run", "run", _OF_RUNS, operations=True)
"""`convert` and `Pipeline.run`."""
DRY_RUN = replace(
    RUN, name="dry_run", run=RUN.run - {"dry_run"}, parameters=frozenset({"on_event", "cancel"})
)
WATCH = replace(
    DRY_RUN,
    name="watch",
    watch=_settings_of(WatchOptions, "watch"),
    parameters=DRY_RUN.parameters | {"recipe"},
)
SESSION_RUN = _call("A run in a session", "run", _OF_RUNS, session=True, operations=True)
"""`Session.run`, and `Pipeline.run` in a session."""
ARRAYS = _call("arrays", "arrays", _OF_ARRAYS)
SESSION_ARRAYS = _call("Session.arrays", "arrays", _OF_ARRAYS, session=True)
BATCHES = replace(ARRAYS, name="batches", parameters=_OF_BATCHES)
SESSION_BATCHES = replace(SESSION_ARRAYS, name="Session.batches", parameters=_OF_BATCHES)
EXTRACT = _call("extract", "frames", _OF_RUNS, operations=True, extracts=True)
"""`frames` and `Pipeline.extract`."""
SESSION_EXTRACT = _call(
    "extract in a session", "frames", _OF_RUNS, session=True, operations=True, extracts=True
)
ENCODE = _call("encode", "encode", "name", operations=True)
ARRAY = replace(
    ARRAYS,
    name="array",
    run=(ENCODE.run & ARRAYS.run) - {"timeout"},
    parameters=frozenset({"channels", "dtype", "name"}),
)
ENCODE_ALL = replace(
    ENCODE,
    name="encode_all",
    run=(ARRAYS.run - {"schedule"}) | (ENCODE.run & {"strict", "verify"}),
    parameters=frozenset({"errors", "prefetch", "session", "on_event", "cancel"}),
)
RETRY = _call("retry", "retry", "on_event cancel session command")
DUPLICATES = _call("duplicates", "describe", "distance keep session cancel")
SESSION_DESCRIBE = _call("Session.describe", "describe", "cancel", session=True)
SESSION_RETRY = _call("A retry in a session", "retry", "on_event cancel session command", session=True)

COMPARE = replace(
    _call("compare", "compare", "to quality session on_event cancel", operations=True), recipe=frozenset()
)
"""`imgpar.compare`, whose formats and qualities are lists of its own."""

ASSEMBLE = _gather_call("assemble")
SHEET = _gather_call("sheet")
CONCAT = _gather_call("concat", operations=False)
GATHER = {call.name: call for call in (ASSEMBLE, SHEET, CONCAT)}
"""The calls that make one file of all inputs."""


def in_session(call: Call) -> Call:
    """The call in a session, which has options of the workers of its own."""
    return replace(call, run=call.run - _worker_options())


def check_settings(name: str, given: EncodeOptions, taken: frozenset[str]) -> None:
    """Reject settings that the call `name` does not use; raises UsageError."""
    defaults = EncodeOptions()
    for key in EncodeOptions.options():
        if key not in taken and getattr(given, key) != getattr(defaults, key):
            fix = f"It takes {', '.join(sorted(taken))}." if taken else "Leave it out."
            raise UsageError(f"{name} does not accept {key}.", fix=fix)


def check_extraction(recipe: Recipe, call: Call, label: Callable[[str], str] = str) -> Recipe:
    """The recipe as a call performs it: one that extracts takes every frame, if nothing else is asked for.

    Args:
        recipe: with its settings.
        call: that performs it.
        label: converts the name of a setting for the message.

    Raises:
        UsageError: settings contradict each other, or the call does not extract.
    """
    for branch in recipe.branches() if "max_bytes" in call.recipe else ():
        check_goals(branch.encode, branch.to, label)
        if branch.encode.best_format and recipe.naming.sizes:
            raise UsageError(
                f"{label('best_format')} may choose another format for each size, but the sizes of a picture "
                f"on a page ({label('sizes')}) need all of theirs.",
                fix="Leave out one.",
            )
    plain, encode = Extraction(), recipe.encode
    if not call.extracts:
        for key in Extraction.options():
            if getattr(recipe.extract, key) != getattr(plain, key):
                raise UsageError(
                    f"{call.name} does not accept {key}.", fix="It is for imgpar frames and Pipeline.extract."
                )
        return recipe
    recipe.check_single(call.name if label is str else "frames")
    check_settings("frames", encode, call.recipe)
    extract = recipe.extract.chosen(label)
    if extract.motion:
        given = "to" if recipe.to and recipe.chosen else next((step.name for step in recipe.operations), "")
        if given:
            fix = "Leave it out; `imgpar convert` changes clips."
            raise UsageError(
                f"{label('motion')} copies the clip unchanged, so there is no {label(given)}.", fix=fix
            )
    if encode.fps and not extract.animation:
        fix = f"Choose pictures with {label('every')}, such as 2s."
        raise UsageError(f"{label('fps')} belongs to {label('animation')}.", fix=fix)
    return replace(recipe, extract=extract)


_EXCLUSIVE = (
    ("max_bytes", "lossless"), ("target", "lossless"), ("target", "quality"), ("target", "max_bytes"),
    ("best_format", "max_bytes"),
)  # fmt: skip


def check_goals(encode: EncodeOptions, to: Collection[str], label: Callable[[str], str] = str) -> None:
    """Reject settings of the size and the quality of an output that contradict each other.

    Args:
        encode: the settings.
        to: names of the output formats; empty keeps those of the inputs.
        label: converts the name of a setting for the message.

    Raises:
        UsageError: two settings exclude each other, one needs another one, or no output can be measured.
    """
    for one, other in _EXCLUSIVE:
        if getattr(encode, one) is not None and getattr(encode, other) not in (None, False):
            raise UsageError(f"{label(one)} and {label(other)} exclude each other.", fix="Leave out one.")
    if encode.max_bytes == 0:
        raise bad_value(label("max_bytes"), "at least 1 byte, such as 300k,", "0")
    if encode.shrink and encode.max_bytes is None:
        raise UsageError(f"{label('shrink')} belongs to {label('max_bytes')}.", fix="Give a size as well.")
    if encode.best_format and encode.split:
        raise UsageError(
            f"{label('best_format')} writes one file, {label('pages')} split several.", fix="Leave out one."
        )
    if encode.target is None:
        return
    formats = [FORMATS[word] for word in to if word in FORMATS]
    if formats and not any(measurable(encode, target) for target in formats):
        kind = "pictures" if formats[0].kind == "image" else "clips"
        known = PICTURE_MEASURES if kind == "pictures" else CLIP_MEASURES
        raise UsageError(
            f"{label('target')} {encode.target} is not measured on {kind}.", fix=f"Choose {', '.join(known)}."
        )
    if encode.target.measure == "butteraugli" and shutil.which(BUTTERAUGLI) is None:
        raise UsageError(f"{label('target')} {encode.target} needs a program. {MISSING}", fix=FIX)


def check_relevance(
    given: Iterable[str],
    to: Collection[str],
    label: Callable[[str], str] = str,
    operations: Iterable[Operation] = (),
) -> None:
    """Reject a setting that has no effect on any output, where the formats of `to` alone determine that.

    Args:
        given: names of the given settings.
        to: names of the output formats.
        label: converts the name of a setting for the message.
        operations: of all outputs. Where one has a physical size, `dpi` is its scale in any format.

    Raises:
        UsageError: a setting has no effect.
    """
    used = {"dpi"} if any(operation.physical for operation in operations) else set[str]()
    name = pointless([name for name in given if name not in used], to) if to else ""
    if name:
        titles = " and ".join(FORMATS[word].title for word in to)
        raise UsageError(
            f"{label(name)} does not apply to {titles}.",
            fix=f"Leave it out, or choose another format with {label('to')}.",
        )
