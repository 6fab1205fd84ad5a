"""Type stubs with the operations of other packages, for type checkers and editors.

They are a partial stub package (`imgpar-stubs`): of two modules the types are those of the stubs, of all
others those of imgpar.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from imgpar.api import operations, typed
from imgpar.api.signatures import method, operation_keys, typed_dict
from imgpar.core.errors import UsageError
from imgpar.core.version import __version__
from imgpar.ops import Operation, every_operation, origin_of

FOLDER = "imgpar-stubs"
_CLASS = "\n\nclass OperationSettings("
_DOC = "Operations as keywords, in their order, each before the fields that belong to it."


def added_operations() -> tuple[dict[str, type[Operation]], tuple[UsageError, ...]]:
    """The operations of other packages by name, and why some cannot be used."""
    kinds, failed = every_operation()
    return {name: kind for name, kind in kinds.items() if origin_of(kind)}, failed


def write_stubs(folder: str | os.PathLike[str] = "") -> Path:
    """Write the stubs; those of an earlier call are replaced.

    Args:
        folder: in which `imgpar-stubs` is written; empty is that of the installed packages, where type
            checkers look for it.

    Raises:
        UsageError: it cannot be written.
    """
    place = Path(folder or sysconfig.get_path("purelib")) / FOLDER
    found, _ = added_operations()
    methods = [line for kind in found.values() for line in method(kind)]
    try:
        (place / "api").mkdir(parents=True, exist_ok=True)
        (place / "py.typed").write_text("partial\n", encoding="utf-8")
        for module, text in (
            (operations, _source(operations) + "\n".join(methods) + "\n"),
            (typed, _with_keywords(_source(typed))),
        ):
            path = place / "api" / f"{module.__name__.rpartition('.')[2]}.pyi"
            path.write_text(f"# Written by imgpar {__version__} (imgpar stubs).\n{text}", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The stubs cannot be written to {place}: {error.strerror or error}.",
            fix="Name another folder with -o, such as typings.",
        ) from error
    return place


def stale_stubs() -> Path | None:
    """The stubs among the installed packages that another version of imgpar has written."""
    place = Path(sysconfig.get_path("purelib")) / FOLDER
    try:
        with open(place / "api" / "operations.pyi", encoding="utf-8") as file:
            first = file.readline()
    except OSError:
        return None
    return None if first.startswith(f"# Written by imgpar {__version__} ") else place


def _source(module: object) -> str:
    return Path(str(vars(module)["__file__"])).read_text("utf-8")


def _with_keywords(text: str) -> str:
    """The types of the settings, in which operations as keywords are those of all packages."""
    before, _, rest = text.partition(_CLASS)
    _, _, after = rest.partition("\n\n\nclass ")
    lines = typed_dict("OperationSettings", "TypedDict", _DOC, operation_keys())
    return before + "\n".join(lines) + f"\n\n\nclass {after}"
