"""Which outputs of a recipe are done: lookups in the records of one input, by the key of each output."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from imgpar.batch.incremental import intact
from imgpar.batch.plan_entries import current_result
from imgpar.core.digest import matches_output
from imgpar.core.job import Item, Target
from imgpar.outputs.conflicts import is_link_to
from imgpar.outputs.prior import PriorResult
from imgpar.outputs.sinks import FILES, Place

Records = Sequence[PriorResult]
"""Records of one input, newest first."""


class DoneOutputs:
    """Compares inputs and outputs with the records of earlier runs.

    Args:
        keys: of the outputs of the recipe, in order.
        careful: compare the content of outputs, not only their size: they may have been replaced by others
            of the same size, from another input or for another OUT.
        place: of the outputs.
        copied: files that are no pictures and clips have to be copies, not the hard links of earlier runs.
    """

    def __init__(
        self, keys: Sequence[str], *, careful: bool, place: Place = FILES, copied: bool = False
    ) -> None:
        self.keys = keys
        self._careful, self._place, self._copied = careful, place, copied

    def branches(
        self, item: Item, records: Records, folders: Collection[str] | None = None
    ) -> dict[int, PriorResult]:
        """The outputs that were made of the present state of an input and are still there, by index.

        Args:
            item: the input.
            records: of the input.
            folders: where the outputs have to be, with a trailing separator; None is anywhere.
        """
        return {
            branch: record
            for branch, key in enumerate(self.keys)
            if (record := current_result(records, key))
            and _is_same(item, record)
            and self.intact(record, folders)
            and not self._to_copy(item, record)
        }

    def unchanged(
        self, item: Item, records: Records, wanted: Collection[int], folders: Collection[str] | None
    ) -> PriorResult | None:
        """One record with all wanted outputs of an input, where all are done; else None."""
        done = self.branches(item, records, folders)
        if not wanted or not done.keys() >= set(wanted):
            return None
        found = [done[branch] for branch in sorted(wanted)]
        return found[0]._replace(outputs=tuple(file for record in found for file in record.outputs))

    def current(self, records: Records, targets: Sequence[Target]) -> list[PriorResult | None]:
        """The complete records of the outputs to which these targets belong, of any state of the input."""
        branches = dict.fromkeys(target.branch for target in targets)
        return [current_result(records, self.keys[branch]) for branch in branches]

    def digest(self, item: Item, records: Records, targets: Sequence[Target]) -> str:
        """The recorded digest, if an input with the same digest needs no conversion; else empty."""
        found = self.current(records, targets)
        current = [record for record in found if record and item.size in (record.size, 0)]
        if len(current) < len(found) or len({record.digest for record in current}) > 1:
            return ""
        paths = [at for target in targets for at in ((target.path,) if target.replaces else target.parts)]
        every = all(target.replaces or target.parts for target in targets)
        same = every and paths == [made.path for record in current for made in record.outputs]
        done = same and all(self.intact(one) and not self._to_copy(item, one) for one in current)
        return current[0].digest if done else ""

    def _to_copy(self, item: Item, record: PriorResult) -> bool:
        """Whether the output is a hard link to the input, where this run copies."""
        return self._copied and any(is_link_to(item, made.path, made.facts) for made in record.outputs)

    def intact(self, record: PriorResult, folders: Collection[str] | None = None) -> bool:
        """Whether the outputs of a record exist as they were made."""
        if self._careful:
            return all(matches_output(made.path, (made,), self._place) for made in record.outputs)
        return intact(record.outputs, folders, self._place)


def _is_same(item: Item, record: PriorResult) -> bool:
    """Whether an input is in the state of a record: by its facts, or by what its server says in a listing."""
    if item.validator and record.validator:
        return item.validator == record.validator and item.size == record.size
    return item.facts.agree(record.facts)
