"""Keyword settings of public calls, sorted into a recipe and the options of a run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import (
    OUTPUT,
    RECIPE_KEYS,
    RUN,
    Call,
    check_extraction,
    check_relevance,
    check_schedule,
)
from imgpar.core import parsing
from imgpar.core.addresses import is_address
from imgpar.core.errors import UsageError
from imgpar.core.templates import parse_template
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format, sniff
from imgpar.inputs.foreign import as_source
from imgpar.inputs.handed import GivenInput, each_input, key_name, read_input
from imgpar.inputs.lists import InputList
from imgpar.inputs.sources import Source, SourceLike, is_source
from imgpar.inputs.tables import ListRow
from imgpar.ops import known_operations, operation_types
from imgpar.outputs.callback_sink import CallbackSink, OnOutput
from imgpar.outputs.name_function import FunctionName
from imgpar.outputs.sinks import Sink
from imgpar.outputs.templates import FIELDS, clean
from imgpar.recipe.outputs import Output, check_names
from imgpar.recipe.recipe import Recipe
from imgpar.recipe.tables import fields_of, is_setting, make_operation

Input = str | os.PathLike[str] | SourceLike
Inputs = Input | Iterable[Input]
if TYPE_CHECKING:  # numpy and Pillow are not loaded before one of their objects is given
    from imgpar.inputs.handed import Content

    AnyInput = Input | Content
    AnyInputs = AnyInput | Iterable[AnyInput | tuple[Hashable, AnyInput]] | Mapping[Any, AnyInput]
    """Pictures of any kind, with or without keys; see `Session.arrays`."""
else:
    AnyInput, AnyInputs = Input, Inputs
Place = str | os.PathLike[str] | Sink
Destination = Place | OnOutput
"""OUT of a run that makes files of its inputs."""


def given_inputs(inputs: AnyInputs, *, contents: bool = True) -> list[str | Source]:
    """Inputs of a run as a list of paths and sources: what was handed over in memory is one source, what has
    a key and a path is a list. A generator whose first value is an address is a list of inputs, which is
    read as a stream.

    Args:
        inputs: as the caller gave them.
        contents: whether there may be contents and keys.

    Raises:
        UsageError: an input is none, or has no name.
    """
    if not contents or _is_path(inputs):
        named = [inputs] if _is_path(inputs) or not isinstance(inputs, Iterable) else inputs
        return _with_names(
            [
                GivenInput(one if is_source(one) else parsing.named("the inputs", parsing.path, one))
                for one in named
            ]
        )
    each = each_input(inputs)
    if isinstance(inputs, Iterator):
        each = iter(each)
        first = list(islice(each, 1))
        if first and is_address(first[0]):
            return [InputList(chain(first, each))]
        each = chain(first, each)
    return _with_names([_read_given(given) for given in each])


def _is_path(given: object) -> bool:
    return is_source(given) or isinstance(given, (str, bytes, os.PathLike))


def _read_given(given: object) -> GivenInput:
    """One input of a run, where bytes may be a path."""
    if isinstance(given, bytes) and sniff(given[:64]) is None:
        given = os.fsdecode(given)
    return read_input(given)


def _with_names(given: list[GivenInput]) -> list[str | Source]:
    sources = dict[int, Source]()  # one that is named twice stays one
    found: list[str | Source] = [
        sources.setdefault(id(each.value), as_source(each.value))
        if is_source(each.value)
        else str(each.value)
        for each in given
        if not (each.handed or each.keyed)
    ]
    counts = Counter(key_name(each) for each in given if each.keyed)
    if again := next((key for key, count in counts.items() if count > 1), None):
        raise UsageError(f"Two inputs have the key {again!r}.", fix="Give each a key of its own.")
    if rows := [each for each in given if each.keyed and not each.handed]:
        found.append(
            InputList(
                [
                    ListRow(str(each.value), at, key_name(each), each.columns)
                    for at, each in enumerate(rows, 1)
                ]
            )
        )
    if handed := [each for each in given if each.handed]:
        from imgpar.inputs.handed_source import HandedSource

        found.append(HandedSource(handed))
    return found


def read_place(out: Place) -> str | Sink:
    """OUT as a path or a sink."""
    if not isinstance(out, (str, bytes, os.PathLike)):
        return out
    found: str = parsing.named("out", parsing.path, out)
    return found


def read_destination(out: Destination) -> str | Sink:
    """OUT as a path or a sink: a function gets the outputs by one of its own."""
    return CallbackSink(out) if is_function(out) else read_place(cast("Place", out))


def is_function(out: object) -> TypeGuard[OnOutput]:
    """Whether OUT is a function, not a path or a sink."""
    return callable(out) and not (isinstance(out, type) or hasattr(out, "publish"))


def resolve(recipe: Recipe, settings: Mapping[str, Any], call: Call = RUN) -> tuple[Recipe, RunOptions]:
    """Sort keyword settings into the recipe and the options of the run; operations are applied in the given
    order, and the options of an operation follow it.

    Raises:
        UsageError: a name or a value is invalid, or not used by `call`.
    """
    call.check(settings)
    recipe, others, run = _sorted(recipe, settings)
    recipe = check_extraction(checked_recipe(recipe.merged(others)), call)
    named = [key for key, value in others.items() if value is not None]
    check_relevance(named, recipe.formats(), operations=recipe.every_operation)
    options = RunOptions.read(run)
    check_schedule(recipe, options)
    return recipe, options


def read_output(recipe: Recipe, settings: Mapping[str, Any], name: object) -> Output:
    """One output of a recipe, from keyword settings as for `resolve`.

    Args:
        recipe: its operations and settings come first.
        settings: operations and settings of the encoder.
        name: template of the file name; None keeps the name of the input.

    Raises:
        UsageError: a name or a value is invalid.
    """
    OUTPUT.check(settings)
    recipe.check_single("An output")
    given: dict[str, Any] = fields_of(recipe.encode, EncodeOptions.options())
    given |= {"to": recipe.to} if recipe.to else {}
    recipe, others, _ = _sorted(recipe, settings)
    given |= {key: value for key, value in others.items() if value is not None}
    output = Output.made(recipe.operations, given, name)
    named = [key for key, value in others.items() if value is not None]
    check_relevance(named, output.to, operations=output.operations)
    return output


def _sorted(recipe: Recipe, settings: Mapping[str, Any]) -> tuple[Recipe, dict[str, Any], dict[str, Any]]:
    """The recipe with the operations, keys of the recipe, and options of the run."""
    run: dict[str, Any] = {}
    others: dict[str, Any] = {}
    steps: list[tuple[str, Any, dict[str, Any]]] = []
    kinds = known_operations(settings)
    for key, value in settings.items():
        owner = next((step for step in reversed(steps) if key in kinds[step[0]].options()), None)
        if key in kinds:
            steps.append((key, value, {}))
        elif owner is not None and not is_setting(key, value, kinds[owner[0]].options()[key]):
            owner[2][key] = value
        elif key in RunOptions.options():
            run[key] = value
        elif key in RECIPE_KEYS:
            others[key] = value
        else:
            first = next(name for name, kind in operation_types().items() if key in kind.options())
            raise UsageError(f"{key} belongs to an operation before it.", fix=f"Write {first} first.")
    for name, value, fields_ in steps:
        recipe = recipe.then(make_operation(name, value, **fields_))
    return recipe, others, run


def checked_recipe(recipe: Recipe) -> Recipe:
    """The recipe with the canonical names of its formats; raises UsageError if a format is unknown, an
    operation cannot be used, or two outputs would have the same name."""
    for branch in recipe.branches():
        for operation in branch.operations:
            operation.check()
    outputs = tuple(
        replace(output, to=_canonical(output.to), name=_with_recipe(output.name, recipe))
        for output in recipe.outputs
    )
    naming = replace(recipe.naming, name=_with_recipe(recipe.naming.name, recipe))
    recipe = replace(recipe, to=_canonical(recipe.to), outputs=outputs, naming=naming)
    check_naming(recipe)
    check_names([] if naming.sizes else recipe.branches())
    return recipe


def check_naming(recipe: Recipe) -> None:
    """Refuse names and sizes that contradict each other or the recipe; raises UsageError."""
    if recipe.naming.sizes and recipe.outputs:
        raise UsageError(
            "The recipe has sizes and [[output]] tables, which exclude each other.",
            fix="Leave one of them out.",
        )
    for output in recipe.outputs or (Output(),):
        recipe.naming.check(output.name)


def _with_recipe(name: str, recipe: Recipe) -> str:
    """A template with the name of the recipe in place of its field."""
    if not name or isinstance(name, FunctionName):
        return name
    template = parse_template(name, FIELDS)
    if "recipe" not in template.fields:
        return name
    if not recipe.name and "recipe" in template.missing({}):
        raise UsageError("{recipe} is the name of a recipe file, but there is none.", fix="Leave it out.")
    return template.bound({"recipe": clean(recipe.name)}) if recipe.name else name


def _canonical(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(find_format(name).name for name in names)
