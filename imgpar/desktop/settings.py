"""The saved settings of the window, and the pipeline built from them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

import imgpar
from imgpar.desktop.building import (
    NAME_OF,
    field_name,
    for_one_file,
    keeping_metadata,
    pipeline_of,
    refusal,
    resized,
    watermarked,
)
from imgpar.desktop.choices import FORMATS, MAKES, METADATA, PLACES, RECIPES, SEVERAL
from imgpar.desktop.paths import folder_beside
from imgpar.desktop.wording import LANGUAGES

FIELDS = frozenset(
    ("size", "format", "quality", "largest", "name", "metadata", "mark", "place", "enlarge", "folder")
)
"""The fields besides the recipe and what is made."""
TYPED = ("size", "quality", "largest", "name", "mark")
"""Fields that take any text, which may be refused."""
_GEOMETRY = re.compile(r"\d+x\d+([+-]-?\d+){0,2}")


@dataclass(frozen=True)
class Settings:
    """The fields of the window. An empty field means the value of the recipe, or the system default.

    >>> Settings(recipe="", size="1920", format="jpg").pipeline().recipe.to
    ('jpg',)
    """

    recipe: str = "web"
    """Name of a built-in recipe or path of a TOML file; empty: only the other fields apply."""
    make: str = ""
    """One of MAKES."""
    size: str = ""
    enlarge: bool = False
    """Whether smaller pictures become as large as `size`."""
    format: str = ""
    quality: str = ""
    largest: str = ""
    """Size of the largest file in units of 1000 or 1024 bytes: "300 kB", "300 KiB"."""
    name: str = ""
    """Template of names; empty: that of the original."""
    metadata: str = ""
    """One of METADATA."""
    mark: str = ""
    """Watermark: a text, or the absolute path of a picture."""
    place: str = "southeast"
    """Where the watermark is, one of PLACES."""
    folder: str = ""
    """The output folder; empty: next to the originals."""
    in_place: bool = False
    """Whether originals are replaced; they are kept until they are forgotten."""
    watch: bool = False
    """Whether a run goes on with what is new in its folders."""
    at_once: bool = False
    """Whether a drop is converted without Start."""
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
        kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(cls)}
        stored: dict[str, Any] = data if isinstance(data, dict) else {}
        good: dict[str, Any] = {key: value for key, value in stored.items() if type(value) is kinds.get(key)}
        return cls(**good).valid()

    def valid(self) -> Settings:
        """The settings with defaults in place of invalid values.

        >>> Settings(size="large", quality="80", make="book").valid() == Settings(quality="80")
        True
        """
        choices = {
            "make": self.make in MAKES,
            "format": self.format in ("", *FORMATS),
            "metadata": self.metadata in METADATA,
            "place": self.place in PLACES,
            "recipe": self.recipe in ("", *RECIPES) or os.path.isabs(self.recipe),
            "language": self.language in ("", *LANGUAGES),
            "look": self.look in ("", "light", "dark"),
            "geometry": not self.geometry or bool(_GEOMETRY.fullmatch(self.geometry)),
            "folder": not self.folder or os.path.isabs(self.folder),
        }
        wrong = {*self.refusals(), *(key for key, good in choices.items() if not good)}
        return replace(self, **{key: getattr(type(self), key) for key in wrong})

    def save(self, path: Path | None = None) -> None:
        """Save the settings; errors are ignored."""
        target = path or settings_path()
        half = target.with_name(f"{target.name}.{os.urandom(8).hex()}.tmp")
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with half.open("x", encoding="utf-8") as file:
                file.write(json.dumps(asdict(self), indent=1))
            os.replace(half, target)

    @property
    def used(self) -> frozenset[str]:
        """Those of FIELDS that apply to what is made.

        >>> sorted(Settings(make="pdf").used)
        ['enlarge', 'folder', 'mark', 'place', 'quality', 'size']
        """
        if self.make:
            sized = ("size", "enlarge") if self.make == "pdf" else ("format",)
            return frozenset(("quality", "mark", "place", "folder", *sized))
        own = {"size", "format", "name", "enlarge"} if self.recipe in SEVERAL else set()
        if self.in_place:
            own |= {"name", "folder"}
        return FIELDS - own

    @property
    def replaces(self) -> bool:
        """Whether the outputs take the places of the originals."""
        return self.in_place and not self.make and self.recipe not in SEVERAL

    @property
    def watches(self) -> bool:
        """Whether the run goes on with what is new; one file of all inputs is made once."""
        return self.watch and not self.make

    def refusals(self) -> dict[str, imgpar.UsageError]:
        """Why fields are invalid, by their names.

        >>> list(Settings(size="large", quality="80").refusals())
        ['size']
        """
        given = {key: getattr(self, key).strip() for key in (*TYPED, "format")}
        found = {key: refusal(key, value) for key, value in given.items() if value}
        return {key: error for key, error in found.items() if error}

    def pipeline(self) -> imgpar.Pipeline:
        """The pipeline: the recipe, overridden by the fields that apply to what is made.

        Raises:
            UsageError: a field is invalid, or the recipe cannot be read or does not make this.
        """
        recipe, used = imgpar.Recipe.load(self.recipe) if self.recipe else imgpar.Recipe(), self.used
        if recipe.outputs:
            self._check_several(recipe)
        if {"size", "enlarge"} <= used and (self.size.strip() or self.enlarge):
            recipe = resized(recipe, self.size.strip(), enlarge=self.enlarge)
        if self.metadata and "metadata" in used:
            recipe = keeping_metadata(recipe, self.metadata)
        if self.make:
            recipe = for_one_file(recipe, self.suffix)
            used -= {"format"}  # the name of the file says it
        given = {
            key: getattr(self, key).strip() for key in ("format", "quality", "name", "largest") if key in used
        }
        found = {NAME_OF.get(key, key): value for key, value in given.items() if value}
        recipe = recipe.merged(found, label=field_name)
        if self.mark.strip():
            recipe = watermarked(recipe, self.mark.strip(), self.place)
        return pipeline_of(recipe)

    @property
    def suffix(self) -> str:
        """The suffix of the file that is made of all inputs; that of a contact sheet is its format."""
        if self.make == "pdf":
            return ".pdf"
        recipe = imgpar.Recipe.load(self.recipe) if self.recipe else imgpar.Recipe()
        return f".{self.format or next(iter(recipe.to), 'jpg')}"

    def _check_several(self, recipe: imgpar.Recipe) -> None:
        """Refuse what a recipe with several outputs says itself."""
        several = f"The recipe {recipe.name} makes several files of each picture"
        if self.make:
            raise imgpar.UsageError(f"{several}, not one file of all.")
        for key in ("size", "format", "name"):
            if key in self.used and getattr(self, key).strip():
                raise imgpar.UsageError(f"{several}, and says the {key} of each.")
        if self.in_place and self.recipe not in SEVERAL:
            raise imgpar.UsageError(f"{several}, which cannot replace it.")

    def out(self, inputs: Sequence[str]) -> str:
        """The output folder for these inputs."""
        return (self.folder if "folder" in self.used else "") or folder_beside(inputs)


def settings_path() -> Path:
    """Path of the settings: in AppData, Application Support, or XDG_CONFIG_HOME."""
    return platformdirs.user_config_path("imgpar", appauthor=False, roaming=True) / "desktop.json"
