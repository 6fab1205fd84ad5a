"""Recipes with the values of the fields: sizes, watermarks, metadata, and one file of all."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import imgpar

ENCODERS = frozenset(("to", "quality", "background", "pages", "density", "dpi", "operations"))
"""Keys of a recipe that mean the same for any picture format; the others belong to the format in it."""
LOSSY = ("jpg", "webp", "avif", "pdf")
"""Formats of a file of all inputs that have a quality."""
NAME_OF = {"format": "to", "largest": "max_bytes"}
"""Names of the fields in a recipe, where they differ."""


def field_name(key: str) -> str:
    """What messages call a setting."""
    return {"max_bytes": "the largest file", "name": "the name", "to": "the format"}.get(key, key)


def refusal(key: str, value: str) -> imgpar.UsageError | None:
    """Why the text of a field is refused; None if it is valid.

    >>> print(refusal("quality", "80"))
    None
    """
    try:
        if key == "size":
            imgpar.Pipeline().resize(value).recipe.branches()
        elif key == "mark":
            watermarked(imgpar.Recipe(), value, "southeast").branches()
        else:
            imgpar.Recipe().merged({NAME_OF.get(key, key): value}, label=field_name).branches()
    except imgpar.UsageError as error:
        return error
    return None


def resized(recipe: imgpar.Recipe, size: str = "", *, enlarge: bool = False) -> imgpar.Recipe:
    """The recipe with another size, or with one that enlarges: in its existing resize, or in an appended one.

    >>> resized(imgpar.Recipe.builtin("thumbnails"), "100x100").to_dict()["operations"][0]
    {'resize': '100x100', 'fit': 'cover'}
    """
    data: dict[str, Any] = recipe.to_dict()
    tables = data.setdefault("operations", [])
    own = [table for table in tables if "resize" in table]
    if not own and size:
        own = [{"resize": size}]
        tables.append(own[0])
    for table in own:
        table |= {"resize": size or table["resize"]}
        if enlarge and table.get("fit", "inside") == "inside":  # the other fits enlarge anyway
            table["enlarge"] = True
    return imgpar.Recipe.from_dict(data, "the recipe")


def watermarked(recipe: imgpar.Recipe, mark: str, place: str) -> imgpar.Recipe:
    """The recipe with a watermark as its last operation: a picture where `mark` is a path, else a text.

    >>> watermarked(imgpar.Recipe(), "© Ada", "south").to_dict()["operations"]
    [{'watermark_text': '© Ada', 'gravity': 'south'}]
    """
    pipeline = imgpar.Pipeline(recipe)
    if not os.path.isabs(mark):
        return pipeline.watermark_text(mark, gravity=place).recipe  # type: ignore[arg-type]
    if not os.path.isfile(mark):
        raise imgpar.UsageError(f"There is no picture {mark} for the watermark.")
    return pipeline.watermark(mark, gravity=place).recipe  # type: ignore[arg-type]


def keeping_metadata(recipe: imgpar.Recipe, kept: str) -> imgpar.Recipe:
    """The recipe with other metadata: `kept` is one of `choices.METADATA`.

    >>> keeping_metadata(imgpar.Recipe.builtin("web"), "none").to_dict()["strip"]
    'all'
    """
    data = {key: value for key, value in recipe.to_dict().items() if key not in ("strip", "metadata")}
    data |= {"strip": "gps"} if kept == "gps" else {"metadata": kept}
    return imgpar.Recipe.from_dict(data, "the recipe")


def for_one_file(recipe: imgpar.Recipe, suffix: str) -> imgpar.Recipe:
    """The recipe without what belongs to single files: format, names, metadata, and settings of an
    encoder that is not used."""
    data, kind = recipe.to_dict(), suffix.removeprefix(".")
    same = kind in recipe.to
    gone = {"to", "name", "sizes", "prefix", "suffix", "flat", "strip"}
    if kind not in LOSSY:
        gone.add("quality")
    kept = {key: value for key, value in data.items() if key not in gone and (same or key in ENCODERS)}
    return imgpar.Recipe.from_dict(kept, "the recipe")


def pipeline_of(recipe: imgpar.Recipe) -> imgpar.Pipeline:
    """The pipeline of a recipe whose format applies to pictures only."""
    return imgpar.Pipeline(replace(recipe, chosen=False))
