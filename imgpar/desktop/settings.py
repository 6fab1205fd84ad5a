"""The saved settings of the window, and the pipeline built from them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

import imgpar

RECIPES = ("web", "thumbnails", "archive")
"""The built-in recipes, in the order of the window."""
FORMATS = ("jpg", "png", "webp", "avif", "tiff", "gif")
"""Formats offered by the window."""
SIZES = ("1280", "1920", "2560", "3840", "50%")
"""Sizes offered by the window; others can be typed."""
OURS = "imgpar"
"""Name of the output folder next to the originals."""


@dataclass(frozen=True)
class Settings:
    """The fields of the window. An empty field means the value of the recipe, or the system default.

    >>> Settings(recipe="", size="1920", format="jpg").pipeline().recipe.to
    ('jpg',)
    """

    recipe: str = "web"
    """Name of a built-in recipe or path of a TOML file; empty: only the other fields apply."""
    size: str = ""
    format: str = ""
    quality: str = ""
    folder: str = ""
    """The output folder; empty: next to the originals."""
    language: str = ""
    look: str = ""
    """"light", "dark", or empty."""
    geometry: str = ""
    """Size and position of the window in Tk's format."""

    @classmethod
    def load(cls, path: Path | None = None) -> Settings:
        """Load the saved settings; missing or invalid values get their defaults."""
        try:
            data = json.loads((path or settings_path()).read_text("utf-8"))
        except (OSError, ValueError):
            return cls()
        known = {field.name for field in fields(cls)}
        good = data.items() if isinstance(data, dict) else ()
        return cls(**{key: value for key, value in good if key in known and isinstance(value, str)})

    def save(self, path: Path | None = None) -> None:
        """Save the settings; errors are ignored."""
        target = path or settings_path()
        half = target.with_name(f"{target.name}.{os.urandom(8).hex()}.tmp")
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with half.open("x", encoding="utf-8") as file:
                file.write(json.dumps(asdict(self), indent=1))
            os.replace(half, target)

    def pipeline(self) -> imgpar.Pipeline:
        """The pipeline: the recipe, overridden by the fields.

        Raises:
            UsageError: a field is invalid, or the recipe cannot be read.
        """
        recipe = imgpar.Recipe.load(self.recipe) if self.recipe else imgpar.Recipe()
        if self.size.strip():
            recipe = resized(recipe, self.size.strip())
        recipe = recipe.merged({"to": self.format or None, "quality": self.quality or None})
        return imgpar.Pipeline(replace(recipe, chosen=False))  # the format applies to pictures only

    def place(self, inputs: Sequence[str]) -> str:
        """The output folder for these inputs."""
        return self.folder or folder_beside(inputs)


def resized(recipe: imgpar.Recipe, size: str) -> imgpar.Recipe:
    """The recipe with another size: in its existing resize, or in an appended one.

    >>> resized(imgpar.Recipe.builtin("thumbnails"), "100x100").to_dict()["operations"][0]
    {'resize': '100x100', 'fit': 'cover'}
    """
    data: dict[str, Any] = recipe.to_dict()
    tables = data.setdefault("operations", [])
    own = [table for table in tables if "resize" in table]
    for table in own:
        table["resize"] = size
    if not own:
        tables.append({"resize": size})
    return imgpar.Recipe.from_dict(data, "the recipe")


def folder_beside(inputs: Sequence[str]) -> str:
    """The output folder next to the originals: `Phone-imgpar` for the folder Phone, else `imgpar`.

    For a whole volume it is on that volume. Paths are absolute.
    """
    if len(inputs) == 1 and os.path.isdir(inputs[0]):
        inside = os.path.ismount(inputs[0])
        return os.path.join(inputs[0], OURS) if inside else f"{inputs[0].rstrip(os.sep)}-{OURS}"
    parents = {os.path.dirname(path): None for path in inputs}
    try:
        parent = os.path.commonpath(parents)
    except ValueError:  # on several disks
        parent = next(iter(parents))
    return os.path.join(parent, OURS)


def settings_path() -> Path:
    """Path of the settings: in AppData, Application Support, or XDG_CONFIG_HOME."""
    return platformdirs.user_config_path("imgpar", appauthor=False, roaming=True) / "desktop.json"
