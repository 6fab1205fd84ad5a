"""`imgpar.dry_run`: the plan of a run, without running it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Unpack

from imgpar.api.run import planned_entries
from imgpar.api.settings import AnyInputs, Destination, given_inputs, read_destination, resolve
from imgpar.api.typed import DryRunSettings
from imgpar.batch.dryrun import report_of
from imgpar.batch.settings import DRY_RUN
from imgpar.core.job import Event, Job, Outcome, key_in
from imgpar.formats.registry import format_of_suffix
from imgpar.inputs.ignored import Aside
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


class PlannedOutput(NamedTuple):
    """A file that would be written; for a skipped item, an existing file."""

    path: str
    """Absolute path."""
    format: str
    """Name of the format, such as "webp"."""
    replaces: bool = False
    """Whether an existing file is replaced."""
    split: bool = False
    """Whether each page of the input becomes a file: NAME-p1, NAME-p2 …"""


class PlannedItem(NamedTuple):
    """The plan for one input."""

    source: str
    """Absolute path of the input."""
    status: Literal["planned", "skipped", "failed"]
    outputs: tuple[PlannedOutput, ...] = ()
    compared: tuple[str, ...] = ()
    """Existing outputs that would only be compared with their digests (`verify=True`)."""
    reason: str = ""
    """Reason for skipping, as in `Outcome.reason`."""
    error: str = ""
    """Reason for the failure, and a remedy."""
    kind: str = ""
    """Class name of the exception."""
    notes: tuple[str, ...] = ()
    bytes: int = 0
    """Size of the input; 0 if unknown."""

    @property
    def key(self) -> str:
        """What the caller calls the input, as `Outcome.key`."""
        return key_in(self.source)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    >>> Plan((PlannedItem("/a.jpg", "planned"),), planned=1)
    <Plan: 1 planned, 0 skipped, 0 failed>
    """

    items: tuple[PlannedItem, ...] = ()
    """An item for every input, in the order of the inputs."""
    planned: int = 0
    skipped: int = 0
    failed: int = 0
    out: str = ""
    """Absolute path of the output folder or file; empty in place."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Skipped items by reason."""
    ignored: int = 0
    """Number of files that are not media; they are not touched."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """The same by kind: suffix (".txt"), "without suffix" or "hidden"."""
    excluded: int = 0
    """Number of media files and folders left out by `include` and `exclude`."""
    filtered: int = 0
    """Number of media files left out by the conditions of `where`."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Files that are no pictures and clips, by what would become of them (with `others`)."""
    cancelled: bool = False
    """Whether planning was cancelled, so that inputs are missing."""
    notes: tuple[str, ...] = ()
    """Notes that belong to no item."""

    def __repr__(self) -> str:
        return f"<Plan: {self.planned} planned, {self.skipped} skipped, {self.failed} failed>"

    @property
    def total(self) -> int:
        """Number of inputs."""
        return len(self.items)

    @property
    def outputs(self) -> Iterator[PlannedOutput]:
        """The files that would be written for all items."""
        return (file for item in self.items if item.status == "planned" for file in item.outputs)


def dry_run(
    inputs: AnyInputs,
    out: Destination | None = None,
    *,
    recipe: Recipe | str | os.PathLike[str] | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    **settings: Unpack[DryRunSettings],
) -> Plan:
    """Plan a call of `convert` with the same arguments. Nothing is written. A worker process is started only
    where a named picture becomes a clip if it is an animation, which its header tells.

    >>> import imgpar
    >>> plan = imgpar.dry_run("photos/", "web/", resize="1920", to="webp")  # doctest: +SKIP
    >>> print(plan.planned, [file.path for file in plan.outputs if file.replaces])  # doctest: +SKIP
    3 []

    Args:
        inputs: one or more files, folders (recursive) or globs.
        out: output folder, or a file name if there is one input file; None only with `in_place=True`.
        recipe: the initial recipe: a Recipe, the path of a TOML file, or the name of a built-in recipe.
        on_event: called with an `Event` for every item.
        cancel: `cancel()` stops planning; the plan has the items so far.
        settings: as for `convert`, without `dry_run`.

    Returns:
        An item for every input, counts, and notes. `session` and `report` of `convert` are not
        accepted.

    Raises:
        UsageError: a setting is invalid, or no input exists.
        OutputError: `out` cannot be read.
    """
    chosen, options = resolve(Recipe.of(recipe), settings, DRY_RUN)
    place = None if out is None else read_destination(out)
    items, notes, aside = list[PlannedItem](), list[str](), Aside()
    given = given_inputs(inputs)

    def noted() -> Iterator[Job | Outcome]:
        for entry in planned_entries(given, place, chosen, options, tell=notes.append, aside=aside):
            items.append(_planned(entry) if isinstance(entry, Job) else _left(entry))
            yield entry

    report = report_of(noted(), "" if place is None else place, on_event or _ignore, cancel, notes, aside)
    return Plan(
        tuple(items[: report.total]),
        planned=report.planned,
        skipped=report.skipped,
        failed=report.failed,
        out=report.out,
        reasons=report.reasons,
        ignored=report.ignored,
        left_out=report.left_out,
        excluded=report.excluded,
        filtered=report.filtered,
        others=report.others,
        cancelled=report.cancelled,
        notes=report.notes,
    )


def _planned(job: Job) -> PlannedItem:
    outputs = tuple(
        PlannedOutput(target.path, target.format, target.replaces, bool(target.split))
        for target in job.targets
    )
    compared = tuple(file.path for file in job.check)
    return PlannedItem(
        job.item.path, "planned", outputs, compared, notes=job.notes, bytes=max(0, job.item.size)
    )


def _left(outcome: Outcome) -> PlannedItem:
    found = [(file.path, format_of_suffix(file.path)) for file in outcome.outputs]
    return PlannedItem(
        outcome.source,
        "failed" if outcome.status == "failed" else "skipped",
        tuple(PlannedOutput(path, kind.name if kind else "") for path, kind in found),
        reason=outcome.reason,
        error=outcome.error,
        kind=outcome.kind,
        notes=outcome.notes,
        bytes=outcome.source_bytes,
    )


def _ignore(_event: Event) -> None:
    """Ignore an event."""
