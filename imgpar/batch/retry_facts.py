"""What is kept of a run, so that `retry` can repeat it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from imgpar.batch.run_options import RunOptions
from imgpar.core.addresses import clean_address, is_address
from imgpar.inputs.lists import InputList
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe


def run_facts(
    command: str,
    inputs: Iterable[str | Source] | None,
    listed: InputList | None,
    place: Out,
    recipe: str | None,
    options: RunOptions,
    *,
    chosen: bool,
) -> dict[str, object]:
    """Make the facts of a run that are stored for `retry`.

    Args:
        command: name of the command.
        inputs: as given; None where they came from a list.
        listed: that list.
        place: the output.
        recipe: as TOML; None where it cannot be serialized.
        options: of the run.
        chosen: whether the output format was chosen by the user.
    """
    places = _places_of(inputs or ())
    return {
        "command": command,
        "inputs": None if inputs is None else places,
        "list": listed.facts if listed else None,
        "secrets": any(isinstance(given, str) and _has_secrets(given) for given in inputs or ()),
        "folder": os.getcwd(),
        "out": place.path,
        "in_place": place.in_place,
        "recipe": recipe,
        "chosen": chosen,
        "include": options.include,
        "exclude": options.exclude,
        "where": [condition.text for condition in options.where],
        "sort": ",".join(map(str, options.sort)),
        "reverse": options.reverse,
        "others": options.others,
        "recursive": options.recursive,
        "archives": options.archives,
        "sandbox": options.sandbox,
        "root": os.path.abspath(options.root) if options.root else None,
    }


def _places_of(given: Iterable[str | Source]) -> list[str] | None:
    """The inputs as they may be stored; None where that is not enough to read them again: sources, and
    addresses with secrets."""
    places = list[str]()
    for one in given:
        if not isinstance(one, str) or _has_secrets(one):
            return None
        places.append(one if is_address(one) else os.path.abspath(one))
    return places


def _has_secrets(given: str) -> bool:
    return is_address(given) and clean_address(given) != given


def recipe_without_places(recipe: Recipe, text: str | None) -> str | None:
    """`text`, the recipe for the journal; None where operations contain absolute paths."""
    named = any(
        isinstance(getattr(operation, name), str) and os.path.isabs(getattr(operation, name))
        for branch in recipe.branches()
        for operation in branch.operations
        for name in operation.options()
    )
    return None if named else text
