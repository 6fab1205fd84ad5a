"""What the user chose last, kept where each system keeps such things, and what a run makes of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import imgpar

RECIPES = ("web", "thumbnails", "archive")
"""The recipes that come with imgpar, as the window names them."""
FORMATS = ("jpg", "png", "webp", "avif", "tiff", "gif")
"""Formats that the window offers."""
SIZES = ("1280", "1920", "2560", "3840", "50%")
"""Sizes that the window offers; any other can be typed."""
OURS = "imgpar"
"""Name of the folder for results, next to the originals."""


@dataclass(frozen=True)
class Settings:
    """The fields of the window. Empty is "as the recipe says", or "as the system does it".

    >>> Settings(recipe="", size="1920", format="jpg").pipeline().recipe.to
    ('jpg',)
    """

    recipe: str = "web"
    """Name of a built-in recipe or path of a TOML file; empty changes only what the other fields say."""
    size: str = ""
    format: str = ""
    quality: str = ""
    folder: str = ""
    """Where results go; empty is next to the originals."""
    language: str = ""
    look: str = ""
    """"light", "dark", or empty."""
    geometry: str = ""
    """Size and place of the window, as Tk writes it."""

    @classmethod
    def load(cls, path: Path | None = None) -> Settings:
        """The settings as they were saved; what is missing or broken has its default."""
        try:
            data = json.loads((path or settings_path()).read_text("utf-8"))
        except (OSError, ValueError):
            return cls()
        known = {field.name for field in fields(cls)}
        good = data.items() if isinstance(data, dict) else ()
        return cls(**{key: value for key, value in good if key in known and isinstance(value, str)})

    def save(self, path: Path | None = None) -> None:
        """Write the settings; that they cannot be kept is no reason to stop."""
        target = path or settings_path()
        half = target.with_name(f"{target.name}.{os.urandom(8).hex()}.tmp")
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with half.open("x", encoding="utf-8") as file:
                file.write(json.dumps(asdict(self), indent=1))
            os.replace(half, target)

    def pipeline(self) -> imgpar.Pipeline:
        """What is done to each picture: the recipe, with what the fields say instead.

        Raises:
            UsageError: a field is wrong, or the recipe cannot be read.
        """
        recipe = imgpar.Recipe.load(self.recipe) if self.recipe else imgpar.Recipe()
        if self.size.strip():
            recipe = resized(recipe, self.size.strip())
        recipe = recipe.merged({"to": self.format or None, "quality": self.quality or None})
        return imgpar.Pipeline(replace(recipe, chosen=False))  # the format is one for pictures

    def place(self, inputs: Sequence[str]) -> str:
        """The folder for the results of these inputs."""
        return self.folder or folder_beside(inputs)


def resized(recipe: imgpar.Recipe, size: str) -> imgpar.Recipe:
    """The recipe with another size: in its own resize, or in one at its end.

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
    """The folder for results next to the originals: `Phone-imgpar` for the folder Phone, else `imgpar`.

    The results of a whole disk go on that disk. Paths are absolute.
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
    """Where the settings are: AppData, Application Support, or XDG_CONFIG_HOME."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "imgpar" / "desktop.json"
