"""What the journal says of one input and one recipe."""

from __future__ import annotations

from typing import NamedTuple

from imgpar.core.job import Facts, OutputFile

PLANNED = -1
"""Placeholder for the bytes of an output of which only the name is known."""


class PriorResult(NamedTuple):
    """Journal record of one input and one recipe."""

    recipe: str
    state: str
    """"ok", "planned" (the run ended early), "failed" or "skipped"."""
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: str
    run: int
    """The run that wrote this; a later one may have taken its outputs over."""
    outputs: tuple[OutputFile, ...]
    """Existing outputs, made from this input."""
    claims: tuple[OutputFile, ...] = ()
    """Other names that belong to imgpar: planned by a run that ended early, or outputs of an earlier
    input."""
    row: int = 0
    """Row id in the journal."""
    folder: int = 0
    validator: str = ""
    """See `Item.validator`."""

    @property
    def facts(self) -> Facts:
        """Status of the input."""
        return Facts(self.size, self.mtime_ns, self.ctime_ns, self.inode)
