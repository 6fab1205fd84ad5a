"""Lines of the log as JSON (`--log-format json`), and how times are written."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Literal

from imgpar.core.addresses import without_secrets

FORMATS_OF_LOG = ("text", "json")
Level = Literal["error", "warning", "info", "debug"]


def escaped(text: str) -> str:
    """Text that can be encoded as UTF-8: other bytes are escaped as `\\xNN`.

    >>> escaped("caf\\udce9.jpg")
    'caf\\\\xe9.jpg'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text


def time_text(moment: float) -> str:
    """A time as text, in UTC.

    >>> time_text(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.{int(moment % 1 * 1000):03}Z"


def log_line(level: Level, message: str, **fields: Any) -> str:
    """A line of the log: a JSON object in ASCII.

    >>> log_line("error", "It is empty.", source="a.jpg")[37:]
    '"level": "error", "message": "It is empty.", "source": "a.jpg"}'
    """
    message = escaped(without_secrets(message))
    return json.dumps({"time": time_text(time.time()), "level": level, "message": message, **fields})
