"""Entries of a plan other than jobs, and lookups in the records of its items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgpar.batch.incremental import (
    Recorded,
    Row,
    Unchanged,
)
from imgpar.core.job import OTHER, Item, Job, JobKind, Outcome, OutputFile, outcome_of
from imgpar.inputs.batches import is_clip
from imgpar.inputs.companions import SIDECAR
from imgpar.outputs.prior import PriorResult

Entry = Job | Outcome | Unchanged
"""What a plan consists of."""
Known = Mapping[str, Sequence[PriorResult]]
"""Records of the journal by absolute source path, newest first."""

_LONG = 1 << 30
"""Bytes of a file for which copying has no time limit."""


class Early(NamedTuple):
    """A job that is settled without a worker."""

    job: Job
    outcome: Outcome


def outputs_on_disk(record: Row | PriorResult, recorded: Recorded) -> Sequence[OutputFile]:
    """The outputs of an unchanged item, from either kind of record."""
    return record.outputs if isinstance(record, PriorResult) else recorded.outputs(record)


def failed_entry(item: Item, number: int, error: str, stage: str, kind: str) -> Outcome:
    """The outcome of an item that fails in the plan.

    Args:
        item: the input.
        number: id of the job.
        error: message.
        stage: stage of the failure.
        kind: name of the exception class.
    """
    return outcome_of(item, "failed", error=error, stage=stage, job=number, kind=kind)


def current_result(records: Sequence[PriorResult], recipe: str) -> PriorResult | None:
    """The complete record of this recipe, unless a newer record of the input has replaced its outputs."""
    newer: set[str] = set()
    for record in records:
        if record.recipe == recipe:
            done = record.state == "ok" and record.outputs
            return record if done and newer.isdisjoint(made.path for made in record.outputs) else None
        newer.update(made.path for made in (*record.outputs, *record.claims))
    return None


def link_entry(item: Item, number: int) -> Outcome:
    """The outcome of a symbolic link in place: it is skipped, and its target is not converted."""
    note = "it is a link; the file itself is converted where it is an input"
    return outcome_of(item, "skipped", reason="link", notes=(note,), job=number)


def results_by_output(known: Known, recipe: str) -> dict[str, list[tuple[PriorResult, OutputFile]]]:
    """Records by output path, for files that are both input and output."""
    found: dict[str, list[tuple[PriorResult, OutputFile]]] = {}
    for records in known.values():
        for record in records:
            if record.recipe == recipe and record.state == "ok":
                for made in record.outputs:
                    found.setdefault(made.path, []).append((record, made))
    return found


def is_recognised(item: Item, made: Sequence[tuple[PriorResult, OutputFile]]) -> PriorResult | None:
    """The record that wrote this input in place, if the file is unchanged since."""
    return next((record for record, output in made if item.facts.agree(output.facts)), None)


def job_kind(item: Item) -> JobKind:
    """The kind of job for the scheduler."""
    if item.format == SIDECAR:
        return "file"
    if item.format == OTHER:
        return "file" if item.size < _LONG else "stream"
    return "stream" if is_clip(item) else "frames"
