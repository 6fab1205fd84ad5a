"""imgpar: resize and convert folders of pictures on every core, and know what happened to each file.

>>> import imgpar
>>> pipe = imgpar.Pipeline().resize("1920x1080").sharpen(0.5)
>>> report = imgpar.convert("photos/", "web/", resize="1920", to="webp")  # doctest: +SKIP
"""

from __future__ import annotations

TYPE_CHECKING = False  # the word that checkers know; `typing` itself takes as long as the rest of a start
if TYPE_CHECKING:
    from typing import Any

    from imgpar.api.calls import convert, retry, undo, verify
    from imgpar.api.pipeline import Pipeline
    from imgpar.api.video_writer import VideoWriter
    from imgpar.batch.frames.reading import ClipFrame, frames
    from imgpar.batch.report import Report
    from imgpar.batch.session import Session
    from imgpar.core.errors import (
        ArenaError,
        BadValueError,
        CommitError,
        DamagedError,
        DiskFullError,
        EncodeError,
        ImgparError,
        ItemError,
        LimitError,
        LockedError,
        MissingExtraError,
        NoInputError,
        OutputError,
        OutputLockedError,
        RunError,
        SourceError,
        TransformError,
        UnknownFormatError,
        UnsupportedError,
        UsageError,
        WorkerDiedError,
    )
    from imgpar.core.model import Event, Item, Outcome, OutputFile
    from imgpar.recipe.recipe import Recipe
    from imgpar.runtime.scheduler import CancelToken

__version__ = "0.2.0"

_HOMES = {
    "convert": "imgpar.api.calls",
    "retry": "imgpar.api.calls",
    "undo": "imgpar.api.calls",
    "verify": "imgpar.api.calls",
    "ClipFrame": "imgpar.batch.frames.reading",
    "VideoWriter": "imgpar.api.video_writer",
    "frames": "imgpar.batch.frames.reading",
    "Pipeline": "imgpar.api.pipeline",
    "Session": "imgpar.batch.session",
    "Recipe": "imgpar.recipe.recipe",
    "Report": "imgpar.batch.report",
    "CancelToken": "imgpar.runtime.scheduler",
    "Event": "imgpar.core.model",
    "Item": "imgpar.core.model",
    "Outcome": "imgpar.core.model",
    "OutputFile": "imgpar.core.model",
}

__all__ = [
    "ArenaError",
    "BadValueError",
    "CancelToken",
    "ClipFrame",
    "CommitError",
    "DamagedError",
    "DiskFullError",
    "EncodeError",
    "Event",
    "ImgparError",
    "Item",
    "ItemError",
    "LimitError",
    "LockedError",
    "MissingExtraError",
    "NoInputError",
    "Outcome",
    "OutputError",
    "OutputFile",
    "OutputLockedError",
    "Pipeline",
    "Recipe",
    "Report",
    "RunError",
    "Session",
    "SourceError",
    "TransformError",
    "UnknownFormatError",
    "UnsupportedError",
    "UsageError",
    "VideoWriter",
    "WorkerDiedError",
    "convert",
    "frames",
    "retry",
    "undo",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: `import imgpar` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'imgpar' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES.get(name, "imgpar.core.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
