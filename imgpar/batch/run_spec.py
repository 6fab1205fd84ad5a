"""What a worker has to know about a run, sent to it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from imgpar.core.model import Limits, OutputFile
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.outputs.write_ahead import log_of, read_written


class RunSpec(NamedTuple):
    """The recipe and the limits of a run, as workers see them."""

    name: str
    """Marks temporary files of this run."""
    operations: tuple[Operation, ...] = ()
    encode: EncodeOptions = EncodeOptions()
    limits: Limits = Limits()
    strict: bool = False
    verify: bool = False
    """Whether outputs are decoded again and compared before they are written."""
    digests: bool = True
    """Whether contents are hashed for the journal."""
    staged: bool = False
    """Frames of clips go through shared memory even where one ffmpeg could do everything."""
    written: str = ""
    """Folder in which workers note what they put in place; empty notes nothing."""
    base: str = ""
    """Folder that the noted paths are relative to; empty where they are absolute."""

    def noted(self) -> dict[str, list[OutputFile]]:
        """What workers have put in place in this run."""
        return read_written(self.written, self.base, self.name) if self.written else {}

    def note(self) -> Callable[[OutputFile], None] | None:
        """Notes what is about to be put in place; None where nothing is noted."""
        return log_of(self.written, self.name, self.base).note if self.written else None

    parts: str = ""
    """Folder for parts of long clips; where it is empty, none are kept."""
    arrays: bool = False
    """Frames go to the caller instead of into files."""
    layout: str = "RGB"
    dtype: str = "uint8"
