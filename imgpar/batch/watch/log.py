"""The log of a watch: lines on standard error, and in a file that begins anew at a given size."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import sys
from typing import Any, cast

from imgpar.batch.log_lines import Level, log_line, time_text
from imgpar.batch.progress import printable
from imgpar.core.addresses import without_secrets
from imgpar.core.errors import UsageError

_PRIORITIES = {"error": "<3>", "warning": "<4>", "info": "<6>"}
"""How systemd's journal marks lines of a level."""


class WatchLog:
    """Writes one line per message.

    Args:
        path: a file; empty for none.
        size: bytes at which the file begins anew.
        count: number of old files that are kept.
        as_json: one JSON object per line.
        quiet: only warnings and errors on standard error.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(
        self, path: str = "", *, size: int = 0, count: int = 0, as_json: bool = False, quiet: bool = False
    ) -> None:
        self._logger = logging.Logger("imgpar-watch")
        stream = _Stream(sys.stderr)
        stream.setFormatter(_Lines(as_json=as_json, journald="JOURNAL_STREAM" in os.environ))
        stream.setLevel(logging.WARNING if quiet else logging.INFO)
        handlers: list[logging.Handler] = [stream]
        if path:
            try:
                file = _Rotated(path, maxBytes=size, backupCount=count, encoding="utf-8")
            except OSError as error:
                raise UsageError(
                    f"The log {path} cannot be written: {error.strerror}.",
                    fix="Name a file in a folder that exists.",
                ) from None
            file.setFormatter(_Lines(as_json=as_json))
            handlers.append(file)
        for handler in handlers:
            self._logger.addHandler(handler)

    def __call__(self, level: str, text: str, **facts: Any) -> None:
        """Write a message; `facts` are fields of a JSON line."""
        number = logging.getLevelNamesMapping()[level.upper()]
        self._logger.log(number, "%s", without_secrets(text), extra={"facts": facts})

    def close(self) -> None:
        """Close the file."""
        for handler in self._logger.handlers:
            handler.close()


class _Unstopped(logging.Handler):
    """A full disk or a closed terminal does not stop a watch."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the library
        """Ignore it."""


class _Stream(_Unstopped, logging.StreamHandler[Any]):
    pass


class _Rotated(_Unstopped, logging.handlers.RotatingFileHandler):
    """A log file that logrotate may rename as well: it is opened again then."""

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream and not _is_at(self.baseFilename, self.stream.fileno()):
            with contextlib.suppress(OSError):  # of a full disk
                self.stream.close()
            self.stream = None  # opened with the next line, if its folder is there
        super().emit(record)


class _Lines(logging.Formatter):
    def __init__(self, *, as_json: bool, journald: bool = False) -> None:
        super().__init__()
        self._json, self._journald = as_json, journald

    def format(self, record: logging.LogRecord) -> str:
        level, text = record.levelname.lower(), printable(record.getMessage())
        if self._json:
            return log_line(cast(Level, level), text, **getattr(record, "facts", {}))
        if self._journald:  # it adds the time itself
            return _PRIORITIES.get(level, "") + text
        shown = "" if level == "info" else f"{level}: "
        return f"{time_text(record.created)} {shown}{text}"


def _is_at(path: str, handle: int) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False
