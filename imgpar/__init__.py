"""imgpar: resize and convert folders of pictures and clips on all cores, with one reported result per file.

>>> import imgpar
>>> pipe = imgpar.Pipeline().resize("1920x1080").sharpen(0.5)
>>> report = imgpar.convert("photos/", "web/", resize="1920", to="webp")  # doctest: +SKIP
"""

from __future__ import annotations

import sys as _sys

from imgpar.core.version import __version__ as __version__

if _sys.version_info < (3, 11):  # noqa: UP036  # in a source tree: pip installs it for no older one
    _words = "imgpar needs Python 3.11 or newer, but this is Python {}.{} ({})."
    # For `python -m imgpar` the sentence alone, without a traceback.
    raise (SystemExit if _sys.argv[:1] == ["-m"] else ImportError)(
        _words.format(*_sys.version_info[:2], _sys.executable)
    )

TYPE_CHECKING = False  # recognised by type checkers; importing `typing` would double the import time
if TYPE_CHECKING:
    from typing import Any

    from imgpar.api.compare import Comparison, compare
    from imgpar.api.describe import describe
    from imgpar.api.duplicates import duplicates
    from imgpar.api.estimate import estimate
    from imgpar.api.frames import frames
    from imgpar.api.functions import concat, convert, undo, verify
    from imgpar.api.pipeline import Pipeline
    from imgpar.api.plan import Plan, PlannedItem, PlannedOutput, dry_run
    from imgpar.api.reports import save_report
    from imgpar.api.retry import retry
    from imgpar.api.session import Session
    from imgpar.api.tables import read_table
    from imgpar.api.watch import watch
    from imgpar.batch.array_batch import Batch
    from imgpar.batch.array_item import ArrayItem
    from imgpar.batch.describing import PictureInfo
    from imgpar.batch.duplicates import DuplicateFile, DuplicateGroup, Duplicates
    from imgpar.batch.encoding import EncodedPicture
    from imgpar.batch.estimate import Estimate
    from imgpar.batch.event_log import EventLog
    from imgpar.batch.frames.reading import ClipFrame, FrameBatch
    from imgpar.batch.report import Report
    from imgpar.batch.video_writer import VideoWriter
    from imgpar.core.errors import (
        ArenaError,
        BadValueError,
        CancelledError,
        CommitError,
        DamagedError,
        DiskFullError,
        EncodeError,
        ImgparError,
        ItemError,
        LimitError,
        LockedError,
        MissingExtraError,
        NoFileError,
        NoInputError,
        OutputError,
        OutputLockedError,
        RunError,
        SourceError,
        TransformError,
        UnknownFormatError,
        UnknownSettingError,
        UnsupportedError,
        UsageError,
        WorkerDiedError,
    )
    from imgpar.core.job import Event, Item, Outcome, OutputFile
    from imgpar.inputs.memory_source import MemorySource
    from imgpar.outputs.callback_sink import OutputData
    from imgpar.outputs.memory_sink import MemorySink
    from imgpar.recipe.recipe import Recipe
    from imgpar.runtime.scheduler import CancelToken
    from imgpar.video.clip_info import ClipInfo

_HOMES = {
    "ArrayItem": "imgpar.batch.array_item",
    "Batch": "imgpar.batch.array_batch",
    "compare": "imgpar.api.compare",
    "save_report": "imgpar.api.reports",
    "Comparison": "imgpar.api.compare",
    "concat": "imgpar.api.functions",
    "convert": "imgpar.api.functions",
    "EncodedPicture": "imgpar.batch.encoding",
    "describe": "imgpar.api.describe",
    "PictureInfo": "imgpar.batch.describing",
    "ClipInfo": "imgpar.video.clip_info",
    "duplicates": "imgpar.api.duplicates",
    "Duplicates": "imgpar.batch.duplicates",
    "DuplicateGroup": "imgpar.batch.duplicates",
    "DuplicateFile": "imgpar.batch.duplicates",
    "estimate": "imgpar.api.estimate",
    "Estimate": "imgpar.batch.estimate",
    "EventLog": "imgpar.batch.event_log",
    "dry_run": "imgpar.api.plan",
    "Plan": "imgpar.api.plan",
    "PlannedItem": "imgpar.api.plan",
    "PlannedOutput": "imgpar.api.plan",
    "read_table": "imgpar.api.tables",
    "retry": "imgpar.api.retry",
    "undo": "imgpar.api.functions",
    "verify": "imgpar.api.functions",
    "ClipFrame": "imgpar.batch.frames.reading",
    "FrameBatch": "imgpar.batch.frames.reading",
    "VideoWriter": "imgpar.batch.video_writer",
    "frames": "imgpar.api.frames",
    "Pipeline": "imgpar.api.pipeline",
    "Session": "imgpar.api.session",
    "watch": "imgpar.api.watch",
    "Recipe": "imgpar.recipe.recipe",
    "Report": "imgpar.batch.report",
    "CancelToken": "imgpar.runtime.scheduler",
    "Event": "imgpar.core.job",
    "Item": "imgpar.core.job",
    "Outcome": "imgpar.core.job",
    "OutputFile": "imgpar.core.job",
    "InputList": "imgpar.inputs.lists",
    "MemorySource": "imgpar.inputs.memory_source",
    "OutputData": "imgpar.outputs.callback_sink",
    "MemorySink": "imgpar.outputs.memory_sink",
}

__all__ = [
    "ArenaError",
    "ArrayItem",
    "BadValueError",
    "Batch",
    "CancelToken",
    "CancelledError",
    "ClipFrame",
    "ClipInfo",
    "CommitError",
    "Comparison",
    "DamagedError",
    "DiskFullError",
    "DuplicateFile",
    "DuplicateGroup",
    "Duplicates",
    "EncodeError",
    "EncodedPicture",
    "Estimate",
    "Event",
    "EventLog",
    "FrameBatch",
    "ImgparError",
    "InputList",
    "Item",
    "ItemError",
    "LimitError",
    "LockedError",
    "MemorySink",
    "MemorySource",
    "MissingExtraError",
    "NoFileError",
    "NoInputError",
    "Outcome",
    "OutputData",
    "OutputError",
    "OutputFile",
    "OutputLockedError",
    "PictureInfo",
    "Pipeline",
    "Plan",
    "PlannedItem",
    "PlannedOutput",
    "Recipe",
    "Report",
    "RunError",
    "Session",
    "SourceError",
    "TransformError",
    "UnknownFormatError",
    "UnknownSettingError",
    "UnsupportedError",
    "UsageError",
    "VideoWriter",
    "WorkerDiedError",
    "compare",
    "concat",
    "convert",
    "describe",
    "dry_run",
    "duplicates",
    "estimate",
    "frames",
    "read_table",
    "retry",
    "save_report",
    "undo",
    "verify",
    "watch",
]


if not TYPE_CHECKING:  # checkers would take it for a module that has every name

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
