"""What is refused before anything is created: OUT and inputs that do not fit the recipe or the options."""

from __future__ import annotations

import os
from collections.abc import Sequence

from imgpar.batch.run_options import RunOptions
from imgpar.batch.sharding import sharded
from imgpar.batch.twins import check_duplicates
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.formats.registry import format_of_suffix
from imgpar.inputs.roots import absolute
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out, read_out
from imgpar.outputs.extracted import ExtractedWishes
from imgpar.outputs.sinks import Sink
from imgpar.outputs.target_formats import check_kinds, may_become_clips
from imgpar.recipe.recipe import Recipe


def check_place(
    named: Sequence[str | Source], out: str | Sink | None, recipe: Recipe, options: RunOptions
) -> Out:
    """Interpret OUT for a recipe.

    Args:
        named: the inputs as given; empty where they come from a list.
        out: as given; None only in place.
        recipe: of the run.
        options: of the run.

    Raises:
        UsageError: OUT cannot be interpreted, or does not fit the outputs of the recipe.
        OutputError: a file is in its place.
    """
    branches = recipe.branches()
    several = len(branches) > 1
    out = sharded(out, options)
    place = read_out(out, named, to=() if several else recipe.formats(), in_place=options.in_place)
    check_others(options, place)
    check_duplicates(options, place)
    if options.deterministic:
        _fix_order(place)
    if options.cache_control and not (place.stored and place.stored.cached_by(options.cache_control)):
        raise UsageError(
            f"OUT is no object store, so its outputs have no {setting('cache_control')}.",
            fix="Leave it out, or name an OUT such as s3://bucket/web.",
        )
    if place.in_place and (several or recipe.naming.renames or branches[0].name):
        what = "[[output]] tables" if recipe.outputs else "sizes" if recipe.naming.sizes else "a name"
        raise UsageError(
            f"In place an input has one output with its own name, but the recipe has {what}.",
            fix="Name a folder with -o.",
        )
    if any(branch.encode.best_format for branch in branches) and (place.in_place or place.name):
        where = "In place" if place.in_place else f"In {place.name}"
        raise UsageError(
            f"{where} the format is fixed, but best_format chooses it for each picture.",
            fix="Name a folder with -o.",
        )
    if place.name and recipe.naming.renames and not several:
        raise UsageError(
            f"OUT is one file ({place.name}), so there is no template for its name.",
            fix="Name a folder with -o, or leave the template out.",
        )
    if several and place.name:
        raise UsageError(
            f"OUT is named like one file ({place.name}), but the recipe makes {len(branches)} of each input.",
            fix="Name a folder with -o.",
        )
    return place


def check_inputs(
    named: Sequence[str | Source], place: Out, recipe: Recipe, options: RunOptions
) -> frozenset[str]:
    """Refuse formats to which none of the named files can be converted.

    Returns:
        The named pictures with a single frame, in formats of animations, where that decides what they become.

    Raises:
        UsageError: nothing can be converted.
    """
    if recipe.extract.kind:
        ExtractedWishes(place, recipe.to, recipe.extract)
        return frozenset()
    moving = dict.fromkeys(
        path for branch in recipe.branches() for path in may_become_clips(named, place, branch.to)
    )
    still = frozenset[str]()
    if moving:
        from imgpar.batch.facts import still_pictures

        still = still_pictures(list(moving), options)
    check_kinds(named, place, recipe.formats(), chosen=recipe.chosen, still=still)
    return still


def check_others(options: RunOptions, place: Out) -> None:
    """Reject `others` where there is no folder for them; raises UsageError."""
    if options.others != "skip" and (place.in_place or place.name):
        why = "In place other files stay where they are" if place.in_place else "OUT is one file"
        raise UsageError(f"{why}, so there is no --others.", fix="Leave it out.")


def _fix_order(place: Out) -> None:
    """Make the archive the same for the same outputs; raises UsageError where OUT is none."""
    if not (place.stored and place.stored.make_deterministic()):
        raise UsageError(
            f"OUT is not an archive, so there is no order of its members for {setting('deterministic')}.",
            fix="Leave it out, or name an archive such as out.tar.",
        )


def gathered_place(out: str | Sink | None) -> Out:
    """The file that is made of all inputs; raises UsageError where it is none."""
    if not isinstance(out, str) or format_of_suffix(out) is None:
        raise UsageError("The output needs the name of a file.", fix="Name it with its suffix.")
    path = absolute(out)
    return Out(os.path.dirname(path), os.path.basename(path))
