"""The manifest of a run (`--manifest`): every input with its outputs, as JSON for programs that make web
pages. `docs/manifest.schema.json` describes it.

It contains no time and no status, so a second run that has nothing to do writes the same file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

from imgpar.batch.log_lines import escaped
from imgpar.batch.pages.asking import COLOUR
from imgpar.batch.pages.looks import Looks
from imgpar.batch.pages.paths import address, relative
from imgpar.batch.pages.site import Known, SiteFile, SiteItem
from imgpar.core.digest import algorithm
from imgpar.formats.registry import FORMATS

SCHEMA = 1
"""Version of the manifest; incremented if a key is removed or changes its meaning."""
LARGEST = 1 << 30
"""Bytes of an earlier manifest that is read."""


def manifest_text(items: Iterable[SiteItem], folder: str, base: str) -> Iterator[str]:
    """The manifest, item by item, in ASCII.

    Args:
        items: in the order of the inputs.
        folder: OUT, to which all paths are relative.
        base: what comes before the relative path in each URL.
    """
    head = {"kind": "manifest", "schema": SCHEMA, "digest": algorithm()}
    yield json.dumps(head, indent=1)[:-2] + ',\n "items": ['
    for number, item in enumerate(items):
        yield (",\n  " if number else "\n  ") + _item(item, folder, base)
    yield "\n ]\n}\n"


def _item(item: SiteItem, folder: str, base: str) -> str:
    """One input, with a line for each output."""
    facts = _path("source", relative(item.source, folder))
    if item.error:
        facts["error"] = escaped(item.error)
    lines = [json.dumps(_file(file, folder, base)) for file in item.files]
    files = "[\n   " + ",\n   ".join(lines) + "\n  ]" if lines else "[]"
    return f'{json.dumps(facts)[:-1]}, "outputs": {files}}}'


def _file(file: SiteFile, folder: str, base: str) -> dict[str, Any]:
    path, looks, fmt = relative(file.path, folder), file.looks, file.format
    facts: dict[str, Any] = {
        **_path("path", path),
        "url": address(path, base),
        "format": fmt.name if fmt else "",
        "type": fmt.mime if fmt else "",
        "bytes": file.bytes,
        "digest": file.digest,
    }
    if looks.width:
        facts |= {"width": looks.width, "height": looks.height}
    if looks.frames != 1 or looks.seconds:
        facts |= {"frames": looks.frames, "seconds": looks.seconds}
    if looks.colour:
        facts |= {name: getattr(looks, name) for name in ("colour", "transparent", "blurhash", "thumbhash")}
    return facts


def _path(key: str, path: str) -> dict[str, str]:
    shown = escaped(path)
    return {key: shown} if shown == path else {key: shown, f"{key}_hex": os.fsencode(path).hex()}


def read_known(path: str, folder: str) -> Known:
    """What a manifest of an earlier run says of files that may still be the same.

    Args:
        path: of the manifest; nothing is known where there is none, or where it cannot be read.
        folder: OUT.
    """
    try:
        if os.path.getsize(path) > LARGEST:
            return {}
        with open(path, encoding="ascii") as file:
            found = json.load(file)
        if found["digest"] != algorithm() or found["schema"] != SCHEMA:
            return {}
        files = [file for item in found["items"] for file in item["outputs"]]
        return dict(_known(file, folder) for file in files if file.get("colour") and "path_hex" not in file)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _known(file: dict[str, Any], folder: str) -> tuple[tuple[str, int, str], Looks]:
    """A file of a manifest. Raises ValueError, LookupError or TypeError where it is not as it was written."""
    looks = Looks(
        file["format"], file["width"], file["height"], file.get("frames", 1), file.get("seconds", 0.0),
        file["digest"], file["colour"], file["transparent"], file["blurhash"], file["thumbhash"],
    )  # fmt: skip
    numbers = (looks.width, looks.height, looks.frames, file["bytes"])
    texts = (looks.digest, looks.blurhash, looks.thumbhash)
    if (
        not all(type(number) is int and number >= 0 for number in numbers)
        or not isinstance(looks.seconds, (int, float))
        or not all(isinstance(text, str) and len(text) < 200 for text in texts)
        or not isinstance(looks.transparent, bool)
        or not COLOUR.fullmatch(looks.colour)
        or looks.format not in FORMATS
    ):
        raise ValueError(file["path"])
    path = os.path.normpath(os.path.join(folder, *file["path"].split("/")))
    return (path, file["bytes"], looks.digest), looks
