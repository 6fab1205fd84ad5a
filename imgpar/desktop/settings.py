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
from imgpar.desktop.paths import folder_of_files
from imgpar.desktop.texts import LANGUAGES

RECIPES = ("web", "thumbnails", "archive", "social", "favicon")
"""The built-in recipes, in the order of the window."""
SEVERAL = ("social", "favicon")
"""Those with several outputs, each with its own size, format and name."""
FORMATS = ("jpg", "png", "webp", "avif", "tiff", "gif")
"""Formats offered by the window."""
SIZES = ("1280", "1920", "3840", "width=800", "50%", "10x15cm", "A4")
"""Sizes offered by the window; others can be typed."""
QUALITIES = ("95", "90", "82", "75", "60")
LARGEST = ("300 kB", "500 kB", "1 MB", "2 MB", "5 MB")
"""Sizes of the largest file offered by the window."""
NAMES = {"name_date": "{date:%Y-%m-%d}_{stem}", "name_width": "{stem}-{width}"}
"""Templates of names offered by the window, by the key of their text."""
MAKES = ("", "sheet", "pdf")
"""What is made: a file of each input, one contact sheet, one PDF."""
ENCODERS = frozenset(("to", "quality", "background", "pages", "density", "dpi", "operations"))
"""Keys of a recipe that mean the same for any picture format; the others belong to the format in it."""
LOSSY = ("jpg", "webp", "avif", "pdf")
"""Formats of a file of all inputs that have a quality."""
_GEOMETRY = re.compile(r"\d+x\d+([+-]-?\d+){0,2}")
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
    make: str = ""
    """One of MAKES."""
    size: str = ""
    format: str = ""
    quality: str = ""
    largest: str = ""
    """Size of the largest file in units of 1000 or 1024 bytes: "300 kB", "300 KiB"."""
    name: str = ""
    """Template of names; empty: that of the original."""
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
        return cls(**{key: value for key, value in good if key in known and isinstance(value, str)}).valid()

    def valid(self) -> Settings:
        """The settings with defaults in place of invalid values.

        >>> Settings(size="large", quality="80", make="book").valid()
        Settings(recipe='web', make='', size='', format='', quality='80', largest='', name='', folder='', \
language='', look='', geometry='')
        """
        choices = {
            "make": self.make in MAKES,
            "format": self.format in ("", *FORMATS),
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
        """The fields, besides recipe and folder, that apply to what is made.

        >>> sorted(Settings(make="pdf").used)
        ['quality', 'size']
        """
        if self.make:
            return frozenset(("quality", "format") if self.make == "sheet" else ("quality", "size"))
        own = ("size", "format", "name") if self.recipe in SEVERAL else ()
        return frozenset(("size", "format", "quality", "largest", "name")) - frozenset(own)

    def refusals(self) -> dict[str, imgpar.UsageError]:
        """Why fields are invalid, by their names.

        >>> list(Settings(size="large", quality="80").refusals())
        ['size']
        """
        given = {"size": self.size.strip(), **self._encoding()}
        found = {key: _refusal(key, value) for key, value in given.items() if value}
        return {key: error for key, error in found.items() if error}

    def pipeline(self) -> imgpar.Pipeline:
        """The pipeline: the recipe, overridden by the fields that apply to what is made.

        Raises:
            UsageError: a field is invalid, or the recipe cannot be read or does not make this.
        """
        recipe, used = imgpar.Recipe.load(self.recipe) if self.recipe else imgpar.Recipe(), self.used
        if recipe.outputs:
            self._check_several(recipe)
        if self.size.strip() and "size" in used:
            recipe = resized(recipe, self.size.strip())
        if self.make:
            recipe = self._for_one_file(recipe)
            used -= {"format"}  # the name of the file says it
        given = {NAME_OF.get(key, key): value for key, value in self._encoding().items() if key in used}
        recipe = recipe.merged(given, label=_named)
        return imgpar.Pipeline(replace(recipe, chosen=False))  # the format applies to pictures only

    @property
    def suffix(self) -> str:
        """The suffix of the file that is made of all inputs; that of a contact sheet is its format."""
        if self.make == "pdf":
            return ".pdf"
        recipe = imgpar.Recipe.load(self.recipe) if self.recipe else imgpar.Recipe()
        return f".{self.format or next(iter(recipe.to), 'jpg')}"

    def _encoding(self) -> dict[str, str | int]:
        """The fields with settings of the encoder and of names, as far as they are filled in."""
        given = {"format": self.format, "quality": self.quality, "name": self.name}
        found: dict[str, str | int] = {key: value.strip() for key, value in given.items() if value.strip()}
        if self.largest.strip():
            found["largest"] = self.largest.strip()
        return found

    def _check_several(self, recipe: imgpar.Recipe) -> None:
        """Refuse what a recipe with several outputs says itself."""
        several = f"The recipe {recipe.name} makes several files of each picture"
        if self.make:
            raise imgpar.UsageError(f"{several}, not one file of all.")
        for key in ("size", "format", "name"):
            if key in self.used and getattr(self, key).strip():
                raise imgpar.UsageError(f"{several}, and says the {key} of each.")

    def _for_one_file(self, recipe: imgpar.Recipe) -> imgpar.Recipe:
        """The recipe without what belongs to single files: format, names, metadata, and settings of an
        encoder that is not used."""
        data = recipe.to_dict()
        same = self.suffix.removeprefix(".") in recipe.to
        gone = {"to", "name", "sizes", "prefix", "suffix", "flat", "strip"}
        if self.suffix.removeprefix(".") not in LOSSY:
            gone.add("quality")
        kept = {key: value for key, value in data.items() if key not in gone and (same or key in ENCODERS)}
        return imgpar.Recipe.from_dict(kept, "the recipe")

    def place(self, inputs: Sequence[str]) -> str:
        """The output folder for these inputs."""
        return self.folder or folder_beside(inputs)


NAME_OF = {"format": "to", "largest": "max_bytes"}
"""Names of the fields in a recipe, where they differ."""


def _named(key: str) -> str:
    """What messages call a setting."""
    return {"max_bytes": "the largest file", "name": "the name", "to": "the format"}.get(key, key)


def _refusal(key: str, value: str | int) -> imgpar.UsageError | None:
    """Why the value of a field is invalid; None if it is valid."""
    try:
        if key == "size":
            imgpar.Pipeline().resize(str(value)).recipe.branches()
        else:
            imgpar.Recipe().merged({NAME_OF.get(key, key): value}, label=_named).branches()
    except imgpar.UsageError as error:
        return error
    return None


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

    An archive is like a folder. For a whole volume it is on that volume. Paths are absolute.
    """
    if len(inputs) == 1 and os.path.ismount(inputs[0]):
        return os.path.join(inputs[0], OURS)
    if len(inputs) == 1 and (folder := folder_of_files(inputs[0])):
        return f"{folder}-{OURS}"
    parents = {os.path.dirname(path): None for path in inputs}
    try:
        parent = os.path.commonpath(parents)
    except ValueError:  # on several disks
        parent = next(iter(parents))
    return os.path.join(parent, OURS)


def settings_path() -> Path:
    """Path of the settings: in AppData, Application Support, or XDG_CONFIG_HOME."""
    return platformdirs.user_config_path("imgpar", appauthor=False, roaming=True) / "desktop.json"
