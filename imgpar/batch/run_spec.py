"""The facts of a run that are sent to each worker once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from imgpar.core.job import OutputFile, SeenWants
from imgpar.core.limits import Limits
from imgpar.core.properties import HEADER_ONLY, Wants
from imgpar.formats.extraction import Extraction
from imgpar.formats.options import EncodeOptions
from imgpar.outputs.write_ahead import log_of, read_written

Asks = Literal["", "info", "explain", "properties", "looks", "thumbnail", "variant", "encoded"]

if TYPE_CHECKING:
    from imgpar.batch.gather.options import Gathering
    from imgpar.inputs.sources import Source
    from imgpar.ops import Operation
    from imgpar.recipe.recipe import Recipe


class OutputSpec(NamedTuple):
    """What makes one of several outputs."""

    operations: tuple[Operation, ...] = ()
    """Those that outputs share come first, in the same order for all of them."""
    encode: EncodeOptions = EncodeOptions()
    size: int = 0
    """The width for which it is made, as one of several sizes; see `recipe.outputs.Branch`."""


def output_specs(recipe: Recipe) -> list[OutputSpec]:
    """What makes each output of a recipe; one for a recipe without [[output]] tables."""
    return [OutputSpec(branch.operations, branch.encode, branch.size) for branch in recipe.branches()]


class RunSpec(NamedTuple):
    """Recipe, limits and folders of a run, for workers.

    `operations`, `encode` and the settings in `limits` are those of one output; see `branch`.
    """

    name: str
    """Part of the names of temporary files of the run."""
    operations: tuple[Operation, ...] = ()
    encode: EncodeOptions = EncodeOptions()
    limits: Limits = Limits()
    strict: bool = False
    verify: bool = False
    """Whether outputs are decoded again and compared before they are written."""
    digests: bool = True
    """Whether digests of contents are computed for the journal."""
    staged: bool = False
    """Whether clips always use the frame path, even where one ffmpeg process is enough."""
    written: str = ""
    """Folder of the write-ahead log of the workers; empty for none."""
    base: str = ""
    """Folder that the paths of the log are relative to; empty where they are absolute."""

    sources: tuple[Source, ...] = ()
    """Sources of the items that are no files; see `Item.source`."""

    def noted(self) -> dict[str, list[OutputFile]]:
        """Outputs committed in this run, by the write-ahead log."""
        return read_written(self.written, self.base, self.name) if self.written else {}

    def note(self) -> Callable[[OutputFile], None] | None:
        """Function that logs an output before its commit; None without a log."""
        return log_of(self.written, self.name, self.base).note if self.written else None

    def begin_task(self) -> None:
        """Start a new file of the log if the last one is long enough; only between tasks, as the files of one
        task may be more than a file usually has."""
        if self.written:
            log_of(self.written, self.name, self.base).turn()

    extract: Extraction = Extraction()
    """What is extracted from clips."""
    parts: str = ""
    """Folder for parts of long clips; empty to keep none."""
    asks: Asks = ""
    """Which facts about the inputs are asked for, instead of outputs; empty for none."""
    wants: Wants = Wants()
    """Which properties are asked for."""

    @property
    def header_only(self) -> bool:
        """Whether it asks for nothing but what the header of an input says."""
        return self.asks == "info" or (self.asks == "properties" and self.wants == HEADER_ONLY)

    to: str = ""
    """Format of encoded pictures that are asked for; empty is that of each input."""
    folder: str = ""
    """Private folder for encoded pictures that are asked for."""
    gather: Gathering | None = None
    """What is made of all items together; None where each has outputs of its own."""
    sees: SeenWants | None = None
    """What the sink asks about the content of each input; None is nothing."""
    link_others: bool = False
    """Whether files that are no pictures and clips become hard links instead of copies."""
    arrays: bool = False
    """Whether frames are returned as arrays instead of written to files."""
    layout: str = "RGB"
    dtype: str = "uint8"
    branches: tuple[OutputSpec, ...] = ()
    """The outputs of a recipe with [[output]] tables; empty for a recipe without them."""

    def limited(self, limits: Limits) -> RunSpec:
        """The facts for workers with these limits."""
        return self._replace(limits=self.encode.reading(limits))

    def branch(self, number: int) -> RunSpec:
        """The facts for one output of the recipe, with its operations and settings."""
        if not self.branches:
            return self
        output = self.branches[number]
        limits = output.encode.reading(self.limits)
        return self._replace(operations=output.operations, encode=output.encode, limits=limits, branches=())

    @property
    def together(self) -> int:
        """Number of pictures that a worker transforms together, at most."""
        if self.gather or self.branches or self.asks or self.extract.kind:
            return 1
        return max((operation.batch for operation in self.operations), default=1)

    @property
    def every_operation(self) -> tuple[Operation, ...]:
        """The operations of all outputs."""
        return (*self.operations, *(one for output in self.branches for one in output.operations))
