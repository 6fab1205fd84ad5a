"""The interface for packages that extend imgpar: what it names stays as long as `API` is the same number.

Everything else in imgpar may change with any version. `docs/extending.md` has the contract of each part.

>>> from imgpar.plugin import Operation, number, option
>>> option(number(0, 1), "least value", example="0.5").metadata["option"].parse("0.25")
0.25
"""

from imgpar.core.digest import content_digest
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import (
    BadValueError,
    DamagedError,
    EncodeError,
    ImgparError,
    ItemError,
    LimitError,
    LockedError,
    MissingExtraError,
    SourceError,
    TransformError,
    UnsupportedError,
    UsageError,
)
from imgpar.core.job import Facts, Item, ItemFacts, OutputFile
from imgpar.core.limits import Limits
from imgpar.core.options import option
from imgpar.core.parsing import accepts, choice, colour, duration, integer, number, pixels, switch, text
from imgpar.core.parsing import path as file_path
from imgpar.core.plugins import API
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.base import Encoded, check_size, damaged, refused, require
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.inputs.batches import Batch
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Access, Content, Entry, Source, in_folders
from imgpar.ops import Operation
from imgpar.outputs.sinks import Sink

__all__ = [
    "API",
    "Access",
    "BadValueError",
    "Batch",
    "Content",
    "DamagedError",
    "EncodeError",
    "EncodeOptions",
    "Encoded",
    "Entry",
    "Facts",
    "Format",
    "Frame",
    "Header",
    "ImgparError",
    "Item",
    "ItemError",
    "ItemFacts",
    "LimitError",
    "Limits",
    "LockedError",
    "Metadata",
    "MissingExtraError",
    "Operation",
    "OutputFile",
    "Patterns",
    "Sink",
    "Source",
    "SourceError",
    "Spec",
    "TransformError",
    "UnsupportedError",
    "UsageError",
    "accepts",
    "bad_value",
    "check_size",
    "choice",
    "colour",
    "content_digest",
    "damaged",
    "duration",
    "file_path",
    "in_folders",
    "integer",
    "number",
    "option",
    "pixels",
    "refused",
    "require",
    "switch",
    "text",
]
